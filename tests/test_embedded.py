"""The embedded engines: private, durable, found again after any kill, and gone when their holder is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from intake import embedded
from intake.embedded import Engines, RunningEngines
from intake.processes import CannotStart

HOLDER = """
import sys
from pathlib import Path
from intake.embedded import RunningEngines

engines = RunningEngines(Path(sys.argv[1]), keep=True)
engines.start()
print(*(process.pid for process in engines.processes.values()), flush=True)
sys.stdin.read()
"""


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """Give a folder that every user can reach, as that of pytest may not be for root's engines."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def running() -> Iterator[RunningEngines]:
    with reachable_folder() as folder:
        engines = RunningEngines(folder / "var")
        with engines:
            yield engines


@pytest.fixture
def home() -> Iterator[Path]:
    with reachable_folder() as folder:
        yield folder / "var"


def connect(engines: Engines) -> psycopg.Connection:
    return psycopg.connect(engines.database_url.replace("+psycopg", ""), autocommit=True)


def setting(engines: Engines, name: str) -> str:
    with connect(engines) as connection:
        return connection.execute("SELECT current_setting(%s)", [name]).fetchone()[0]


def test_the_engines_have_no_open_port(running):
    for process in running.processes.values():
        assert psutil.Process(process.pid).net_connections(kind="inet") == []


def test_the_engines_never_run_as_root(running):
    for process in running.processes.values():
        assert 0 not in psutil.Process(process.pid).uids()


def test_every_connection_needs_the_password(running):
    engines = running.prepared.engines
    password = json.loads((running.home / "engines.json").read_text())["postgres_password"]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(engines.database_url.replace("+psycopg", "").replace(password, "guess"))
    path = engines.redis_url.partition("@")[2].partition("?")[0]
    client = redis.Redis(unix_socket_path=path, retry=Retry(NoBackoff(), 0))
    with pytest.raises(redis.AuthenticationError):
        client.ping()


def test_no_password_stands_on_a_command_line(running):
    noted = json.loads((running.home / "engines.json").read_text())
    secrets = [value for name, value in noted.items() if "password" in name]
    assert len(secrets) == 2
    for process in running.processes.values():
        assert not any(secret in " ".join(psutil.Process(process.pid).cmdline()) for secret in secrets)


def test_the_database_is_durable_and_knows_swedish_letters(running):
    engines = running.prepared.engines
    assert {setting(engines, name) for name in ("fsync", "synchronous_commit", "data_checksums")} == {"on"}
    with connect(engines) as connection:
        assert connection.execute("SELECT lower('ÅÄÖ')").fetchone() == ("åäö",)
        row = connection.execute("SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'intake'")
        assert row.fetchone() == ("b", "C.UTF-8")


def test_what_a_failing_statement_holds_stays_out_of_the_log(running):
    with connect(running.prepared.engines) as connection:
        connection.execute("CREATE TEMP TABLE letter (text text UNIQUE)")
        connection.execute("INSERT INTO letter VALUES ('hemlig-rad')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO letter VALUES ('hemlig-rad')")
    assert "hemlig-rad" not in (running.home / "log" / "postgres.log").read_text()


def test_passwords_and_data_are_for_their_owner_alone(running):
    data = Path(setting(running.prepared.engines, "data_directory"))
    assert (running.home / "engines.json").stat().st_mode & 0o777 == 0o600
    assert data.stat().st_mode & 0o777 == 0o700
    assert data.stat().st_uid == psutil.Process(running.processes["postgres"].pid).uids().real


def test_another_process_learns_where_the_engines_are(running):
    assert embedded.find(running.home) == running.prepared.engines


def test_before_the_first_run_there_are_no_engines(tmp_path):
    assert embedded.find(tmp_path) is None


def test_an_engine_started_again_after_a_kill_has_its_data(running):
    engines = running.prepared.engines
    with connect(engines) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
    for name in ("postgres", "valkey"):
        running.processes[name].kill()
        running.processes[name].wait()
        running.launch(name)
    with connect(engines) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (1,)


def test_engines_end_with_a_killed_holder_and_their_data_is_found_again(home):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        pids = [int(pid) for pid in holder.stdout.readline().split()]
        processes = [psutil.Process(pid) for pid in pids]
        redis.Redis.from_url(embedded.find(home).redis_url).set("key", "value")
        holder.send_signal(signal.SIGKILL)
    assert len(pids) == 2
    with RunningEngines(home) as engines:
        assert not any(is_running(process) for process in processes)
        assert redis.Redis.from_url(engines.redis_url).get("key") == b"value"


def is_running(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_a_lock_that_names_a_stranger_does_not_stop_the_start(home):
    with RunningEngines(home, keep=True) as engines:
        data = Path(setting(engines, "data_directory"))
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n")
    with RunningEngines(home) as engines:
        assert setting(engines, "listen_addresses") == ""


def test_a_path_too_long_for_sockets_gets_short_ones(home):
    home = home / ("l" * 150)
    with RunningEngines(home, keep=True) as engines:
        sockets = Path(setting(engines, "unix_socket_directories"))
        assert len(str(sockets)) < 40
        assert sockets.stat().st_mode & 0o777 == 0o700
    with RunningEngines(home) as again:
        assert again == engines
    assert not sockets.exists()


def test_an_odd_path_is_a_path_like_any_other(home):
    with RunningEngines(home / "vår ' mapp \" 100 % ; #") as engines:
        assert setting(engines, "listen_addresses") == ""
        assert redis.Redis.from_url(engines.redis_url).ping()


def test_a_folder_that_only_its_owner_reaches_is_no_hindrance(tmp_path):
    tmp_path.chmod(0o700)
    with RunningEngines(tmp_path / "var", keep=True) as engines:
        data = Path(setting(engines, "data_directory"))
    noted = json.loads((tmp_path / "var" / "engines.json").read_text())["folder"]
    assert data.parent == (Path(noted) if os.geteuid() == 0 else tmp_path / "var")
    with RunningEngines(tmp_path / "var") as again:
        assert again == engines
        assert tmp_path.stat().st_mode & 0o777 == 0o700
    assert not noted or not Path(noted).exists()


def test_a_half_made_cluster_is_made_anew(home):
    prepared = embedded.prepare(home)
    data = Path(prepared.postgres.folder)
    data.rename(data.with_name("postgres.making-killed"))
    assert embedded.prepare(home) == prepared
    assert (data / "PG_VERSION").exists()
    assert not data.with_name("postgres.making-killed").exists()


def test_a_database_without_its_password_stops_with_the_cure(tmp_path):
    home = tmp_path / "var"
    (home / "postgres").mkdir(parents=True)
    with pytest.raises(CannotStart, match=r"engines\.json"):
        embedded.prepare(home)


def test_data_of_another_postgres_stops_with_the_cure(home):
    prepared = embedded.prepare(home)
    Path(prepared.postgres.folder, "PG_VERSION").write_text("15\n")
    with pytest.raises(CannotStart, match="PostgreSQL 15"):
        embedded.prepare(home)
