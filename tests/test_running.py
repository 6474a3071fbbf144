"""The whole on one machine: its order, its end, and what a killed run leaves to the next one.

The programs here stand in for the service's own; the engines and the supervisor are the real ones.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
import redis

from config.settings import Settings
from intake import embedded, kept_secrets, listeners, running
from intake.embedded import RunningEngines
from intake.processes import Program, read_records
from intake.running import Plan, complete
from tests.journeys.service import free_ports

WEB = """
import http.server, os, sys
class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["SURFACE"].encode())
    def log_message(self, *words): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Web).serve_forever()
"""

MAIL = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    client, _ = server.accept()
    client.sendall(b"220 ready")
    client.close()
"""

# A worker whose child leaves its session, as a hostile file's converter may.
WORKER = """
import subprocess, sys
child = [sys.executable, "-c", "import sys; sys.stdin.read()"]
subprocess.Popen(child, stdin=subprocess.PIPE, start_new_session=True).wait()
"""

MIGRATE = """
import os, psycopg
with psycopg.connect(os.environ["DATABASE_URL"].replace("+psycopg", "")) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS start (number serial)")
    connection.execute("INSERT INTO start DEFAULT VALUES")
"""


def stand_ins(settings: Settings) -> Plan:
    def python(name: str, code: str, *words: str, **environment: str) -> Program:
        return Program(name, (sys.executable, "-c", code, *words), environment, stop_seconds=5)

    return Plan(
        first=(python("migrate", os.environ.get("TEST_MIGRATE", MIGRATE)),),
        programs=(
            python("web-citizen", WEB, str(settings.citizen_port), SURFACE="citizen"),
            python("web-handler", WEB, str(settings.handler_port), SURFACE="handler"),
            python("mail-listener", MAIL, str(settings.mail_port)),
            python("worker", WORKER),
        ),
    )


class Service:
    """A run of the service in a process of its own, as an operator starts it."""

    def __init__(self, home: Path, **values: str) -> None:
        self.home = home
        names = ("INTAKE_CITIZEN_PORT", "INTAKE_HANDLER_PORT", "INTAKE_MAIL_PORT")
        given = {"INTAKE_VAR": str(home), **dict(zip(names, map(str, free_ports(3)), strict=True)), **values}
        self.settings = Settings.from_mapping(given)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.test_running"],
            env={"PATH": os.environ["PATH"], **given},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.words = ""

    def wait_till_it_runs(self) -> Service:
        for line in self.process.stdout:
            self.words += line
            if "Stop  " in line:
                return self
        raise AssertionError(f"it did not start:\n{self.words}")

    def wait_till_it_ends(self) -> int:
        self.words += self.process.stdout.read()
        return self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.wait_till_it_ends()

    def processes(self) -> dict[str, psutil.Process]:
        """Return what runs, once the worker has its child: the start waits for neither."""
        while True:
            records = read_records(self.home / "run" / "processes")
            found = {
                record.name: psutil.Process(record.pid) for record in records if record.name != "migrate"
            }
            if "worker" in found and (children := found["worker"].children()):
                return found | {"child": children[0]}

    def starts(self) -> int:
        """Count how often the first command was run on this data."""
        url = complete({"INTAKE_VAR": str(self.home)})["DATABASE_URL"].replace("+psycopg", "")
        with psycopg.connect(url) as connection:
            return connection.execute("SELECT count(*) FROM start").fetchone()[0]

    def end(self) -> None:
        if self.process.poll() is None:
            self.stop()
        self.process.stdout.close()


def is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(service: Service, name: str, killed: psutil.Process) -> psutil.Process:
    """Wait till a program is there again as another process than the one that was killed."""
    while True:
        again = {record.name: record.pid for record in read_records(service.home / "run" / "processes")}
        if again.get(name, killed.pid) != killed.pid:
            return psutil.Process(again[name])


def told_of(service: Service) -> set[str]:
    """Return what of the service's secrets stands in its words, its logs or a command that anybody sees."""
    known = complete({"INTAKE_VAR": str(service.home)})
    secrets = {known[name] for name in kept_secrets.NAMES}
    secrets |= {urlsplit(known[name]).password for name in ("DATABASE_URL", "REDIS_URL")}
    told = [service.words, *(path.read_text() for path in (service.home / "log").glob("*.log"))]
    told += [word for each in psutil.process_iter(["cmdline"]) for word in each.info["cmdline"] or ()]
    assert len(secrets) == 5
    return {secret for secret in secrets if any(secret in words for words in told)}


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that root's engines can reach, as pytest's own may not be."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name) / "var"


@contextmanager
def service(home: Path, **values: str) -> Iterator[Service]:
    one = Service(home, **values)
    try:
        yield one
    finally:
        one.end()


def test_all_of_it_starts_and_ctrl_c_ends_all_of_it(home):
    with service(home) as one:
        one.wait_till_it_runs()
        processes = one.processes()
        assert set(processes) > {"supervisor", "postgres", "valkey", "web-citizen", "worker", "child"}
        assert str(one.settings.citizen_port) in one.words
        assert str(home) in one.words
        assert told_of(one) == set()
        assert one.stop() == 0
    assert [name for name, process in processes.items() if is_running(process)] == []
    assert one.words.splitlines()[-1] == "Stopped."


def test_what_dies_is_started_again_and_a_killed_run_leaves_its_data_to_the_next(home):
    with service(home) as first:
        processes = first.wait_till_it_runs().processes()
        for name in ("web-citizen", "postgres", "valkey"):
            processes[name].kill()
        again = {name: wait_for(first, name, processes[name]) for name in ("postgres", "valkey")}
        embedded.wait_for_database(embedded.find(home).database_url, lambda: None)
        first.process.kill()
        first.wait_till_it_ends()
        assert all(is_running(process) for process in again.values())
    with service(home) as second:
        second.wait_till_it_runs()
        assert "Ended what was left of a killed run" in second.words
        assert not any(is_running(process) for process in [*processes.values(), *again.values()])
        assert second.starts() == 2


def test_a_killed_supervisor_ends_the_run_with_everything_it_had_started(home):
    with service(home) as one:
        processes = one.wait_till_it_runs().processes()
        processes["supervisor"].kill()
        assert one.wait_till_it_ends() == 1
    assert "Run again" in one.words
    assert [name for name, process in processes.items() if is_running(process)] == []


def test_when_everything_is_killed_at_once_the_next_run_finds_the_data(home):
    with service(home) as first:
        processes = first.wait_till_it_runs().processes()
        for process in (psutil.Process(first.process.pid), *processes.values()):
            process.kill()
        first.wait_till_it_ends()
    with service(home) as second:
        assert second.wait_till_it_runs().starts() == 2


def test_two_instances_stand_side_by_side_but_never_on_one_folder(home):
    with service(home) as one, service(home.with_name("other")) as other:
        one.wait_till_it_runs()
        other.wait_till_it_runs()
        assert (one.starts(), other.starts()) == (1, 1)
        with service(home) as third:
            assert third.wait_till_it_ends() == 1
        assert f"pid {one.process.pid}" in third.words
        assert one.starts() == 1


def test_a_stranger_on_a_port_is_named_with_the_setting_and_left_alone(home):
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = str(stranger.getsockname()[1])
        with service(home, INTAKE_HANDLER_PORT=port) as one:
            assert one.wait_till_it_ends() == 1
        assert "INTAKE_HANDLER_PORT" in one.words
        assert f"pid {os.getpid()}" in one.words


def test_servers_that_are_set_are_used_instead_of_embedded_ones(home):
    with RunningEngines(home.with_name("servers")) as servers:
        given = {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
        with service(home, **given) as one:
            processes = one.wait_till_it_runs().processes()
        assert not {"postgres", "valkey"} & set(processes)
        assert not (home / "postgres").exists()
        with psycopg.connect(servers.database_url.replace("+psycopg", "")) as connection:
            assert connection.execute("SELECT count(*) FROM start").fetchone() == (1,)


def test_a_migration_that_fails_stops_the_start_and_leaves_nothing(home):
    with service(home, TEST_MIGRATE="raise SystemExit('no room for the table')") as one:
        assert one.wait_till_it_ends() == 1
    assert "no room for the table" in one.words
    assert read_records(home / "run" / "processes") == []
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(embedded.find(home).redis_url, retry=None).ping()


def test_another_terminal_needs_no_setting_to_meet_the_service(home):
    embedded.prepare(home)
    made = kept_secrets.make(home)
    found = complete({"INTAKE_VAR": str(home), "ADDRESS_KEY": "", "SECRET_KEY_CITIZEN": "g" * 32})
    assert found["DATABASE_URL"] == embedded.find(home).database_url
    assert found["ADDRESS_KEY"] == made["ADDRESS_KEY"]
    assert found["SECRET_KEY_CITIZEN"] == "g" * 32
    assert Settings.from_mapping(found).var == home


def test_before_the_first_run_a_mapping_stays_as_it_is(home):
    assert complete({"INTAKE_VAR": str(home), "SURFACE": "citizen"}) == {
        "INTAKE_VAR": str(home),
        "SURFACE": "citizen",
    }


def test_a_port_that_nobody_answers_on_is_not_answering(home):
    settings = Settings.from_mapping({"INTAKE_VAR": str(home), "INTAKE_CITIZEN_PORT": str(free_ports(1)[0])})
    assert not listeners.is_answering(listeners.listeners(settings)[0])


if __name__ == "__main__":
    own = Settings.from_mapping(complete(os.environ))
    sys.exit(running.run(own, stand_ins(own)))
