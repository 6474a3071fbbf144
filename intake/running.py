"""The whole service on one machine: engines, programs, their order, and how all of it ends.

A run is known by a lock on ``var``. Whatever was killed, the next run finds what is left of its own, ends
it, and starts from the data that is there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType

from config.settings import Settings, SettingsError
from intake import embedded, kept_secrets
from intake.engine_place import make_home
from intake.listeners import Listener, check_listeners, is_answering, listeners
from intake.processes import CannotStart, Program, end_left, write_program
from intake.supervising import ENDED, Supervisor, records_folder

DEMO_PASSWORDS = "demo-handlers.txt"
# What outlived its supervisor ends soon: whatever is cut short is only done again.
LEFT_SECONDS = 10
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Plan:
    """What a run consists of: commands that must succeed, one after the other, then the programs."""

    first: tuple[Program, ...]
    programs: tuple[Program, ...]


def _command(name: str, *words: str, stop_seconds: float = 20, **environment: str) -> Program:
    command = (sys.executable, "-m", "intake.cli", *words)
    return Program(name, command, environment, stop_seconds=stop_seconds)


PLAN = Plan(
    first=(_command("migrate", "migrate"), _command("demo-handlers", "demo-handlers")),
    programs=(
        # Two, since one process of Python uses one core, and one can answer while the other starts.
        _command("web-citizen-1", "web", SURFACE="citizen"),
        _command("web-citizen-2", "web", SURFACE="citizen"),
        _command("web-handler", "web", SURFACE="handler"),
        _command("mail-listener", "mail-listener", stop_seconds=30),
        _command("dispatch", "dispatch"),
        _command("worker-light", "worker", "light", stop_seconds=30),
        # A hostile file may hold a worker for a while; a job cut short is only done again.
        _command("worker-heavy", "worker", "heavy", stop_seconds=60),
    ),
)

FETCHING = _command("mail-fetch", "mail-fetch", stop_seconds=30)


def plan_of(settings: Settings) -> Plan:
    """Return what a run consists of; mailboxes are fetched when there are any.

    The demonstration's people are made only while the authority is none that is confirmed.
    """
    first = PLAN.first[:1] if settings.tables.authority.is_confirmed else PLAN.first
    programs = (*PLAN.programs, FETCHING) if settings.mailboxes else PLAN.programs
    return Plan(first, programs)


class Stopped(BaseException):
    """Somebody asked us to stop, by Ctrl-C or a signal."""


@dataclass
class Stopping:
    """Turns the first signal into Stopped; one more says that whoever asked is in a hurry."""

    is_asked: bool = False
    is_hurried: bool = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        if self.is_asked:
            self.is_hurried = True
            return
        self.is_asked = True
        raise Stopped

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        # Under nohup a hang-up is ignored already, and stays so; a shell's background is asked by SIGINT too.
        is_under_nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        wanted = [number for number in SIGNALS if number is not signal.SIGHUP or not is_under_nohup]
        before = {number: signal.signal(number, self) for number in wanted}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def run(settings: Settings, plan: Plan) -> int:
    """Run the service till it is asked to stop; return the exit code (1 when it could not go on)."""
    stopping = Stopping()
    with stopping.listening():
        try:
            make_home(settings.var)
            # Whatever we and our programs write from here on is for our eyes alone.
            os.umask(0o077)
            with _lock(settings.var):
                _Run(settings, plan, stopping).run()
        except Stopped:
            say("Stopped.")
        except (CannotStart, SettingsError) as problem:
            say(str(problem))
            return 1
        except OSError as problem:
            say(f"{problem.filename or settings.var}: {problem.strerror}.")
            say("Is INTAKE_VAR a folder of your own, with room on its disk?")
            return 1
    return 0


def say(words: str) -> None:
    """Tell the operator; a terminal that is gone does not stop us."""
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{words}\n")
        sys.stdout.flush()


@contextlib.contextmanager
def _lock(home: Path) -> Iterator[None]:
    """Hold the lock of ``var``; the system lets it go when this process ends, however it ends."""
    with _lock_file(home).open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            pid = file.read().strip() or "unknown"
            raise CannotStart(
                f"Intake already runs on {home} (pid {pid}). Stop it by Ctrl-C in its terminal or"
                f" `kill {pid}`, or give this one its own INTAKE_VAR and ports."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _lock_file(home: Path) -> Path:
    return home / "run" / "intake.lock"


def is_older_than(home: Path, file: Path) -> bool:
    """Say whether a service runs on ``var`` that began before a file was last written."""
    lock = _lock_file(home)
    if not lock.exists() or lock.stat().st_mtime >= file.stat().st_mtime:
        return False
    with lock.open("rb") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def complete(values: Mapping[str, str]) -> dict[str, str]:
    """Fill in what ``intake run`` made under ``var`` where the mapping says nothing of it.

    So a command in another terminal needs no setting but INTAKE_VAR to meet the running service.
    """
    home = Path(values.get("INTAKE_VAR", "").strip() or "var").expanduser().resolve()
    try:
        found = kept_secrets.read(home)
        engines = embedded.find(home)
    except (CannotStart, PermissionError) as problem:
        raise SettingsError("INTAKE_VAR", str(problem)) from problem
    if engines is not None:
        found |= {"DATABASE_URL": engines.database_url, "REDIS_URL": engines.redis_url}
    given = {name: value for name, value in values.items() if value.strip() or name not in found}
    return {**found, **given}


@dataclass
class _Run:
    settings: Settings
    plan: Plan
    stopping: Stopping
    name: str = field(default_factory=lambda: secrets.token_hex(16))
    supervisor: Supervisor = field(init=False)
    engines: embedded.Engines = field(init=False)
    silent: list[Listener] = field(init=False)

    @property
    def home(self) -> Path:
        return self.settings.var

    def run(self) -> None:
        """Go through the whole run; it ends by Stopped or, when it cannot go on, by CannotStart."""
        self._end_left("Ended what was left of a killed run")
        check_listeners(self.settings)
        environment = self._environment()
        engines = self._prepare_engines(environment)
        self.supervisor = Supervisor(self.home, self.name)
        programs = [self._ours(program, environment) for program in self.plan.programs]
        try:
            self.supervisor.start(engines, programs)
            self._wait_for_engines(engines, environment)
            for command in self.plan.first:
                self._do_first(self._ours(command, environment))
            self.supervisor.start_programs()
            self._wait_for_listeners()
            self._tell()
            self._watch(engines)
        finally:
            self._stop()

    def _end_left(self, words: str) -> None:
        if ended := end_left(records_folder(self.home), at_most=LEFT_SECONDS):
            say(f"{words}: {', '.join(ended)}.")

    def _environment(self) -> dict[str, str]:
        """Tell the programs where everything is; settings that are not named here they inherit."""
        settings = self.settings
        given = {
            "SECRET_KEY_CITIZEN": " ".join(settings.secret_keys["citizen"]),
            "SECRET_KEY_HANDLER": " ".join(settings.secret_keys["handler"]),
            "ADDRESS_KEY": b" ".join(settings.address_keys).decode(),
            "DATABASE_URL": settings.database_url or "",
            "REDIS_URL": settings.redis_url or "",
        }
        return {
            **kept_secrets.make(self.home),
            **{name: value for name, value in given.items() if value},
            "INTAKE_VAR": str(self.home),
            "INTAKE_CITIZEN_PORT": str(settings.citizen_port),
            "INTAKE_HANDLER_PORT": str(settings.handler_port),
            "INTAKE_MAIL_PORT": str(settings.mail_port),
            "INTAKE_BIND": settings.bind,
            "INTAKE_MAIL_BIND": settings.mail_bind,
        }

    def _prepare_engines(self, environment: dict[str, str]) -> list[Program]:
        """Make ready the engines for which no server is set, and write their URLs into the environment."""
        # Completed settings name the embedded engines themselves, which is the same as naming none.
        known = embedded.find(self.home)
        own = {known.database_url, known.redis_url, ""} if known else {""}
        with_database = environment.get("DATABASE_URL", "") in own
        with_queue = environment.get("REDIS_URL", "") in own
        if not with_database and not with_queue:
            return []
        prepared = embedded.prepare(self.home, with_database=with_database)
        found = []
        if with_database:
            environment["DATABASE_URL"] = prepared.engines.database_url
            found.append(replace(prepared.postgres, run=self.name))
        if with_queue:
            environment["REDIS_URL"] = prepared.engines.redis_url
            found.append(replace(prepared.valkey, run=self.name))
        self.engines = prepared.engines
        return found

    def _ours(self, program: Program, environment: Mapping[str, str]) -> Program:
        return replace(program, environment={**environment, **program.environment}, run=self.name)

    def _wait_for_engines(self, engines: list[Program], environment: Mapping[str, str]) -> None:
        names = {program.name for program in engines}
        if "postgres" in names:
            embedded.wait_for_database(self.engines.url_of("postgres"), self._reason("postgres"))
            embedded.create_database(self.engines)
        else:
            self._wait_for_server("DATABASE_URL", embedded.wait_for_database, environment)
        if "valkey" in names:
            embedded.wait_for_queue(self.engines.redis_url, self._reason("valkey"))
        else:
            self._wait_for_server("REDIS_URL", embedded.wait_for_queue, environment)

    def _wait_for_server(self, setting: str, wait: Callable[..., None], values: Mapping[str, str]) -> None:
        try:
            wait(values[setting], self._reason(""), seconds=30)
        except CannotStart as problem:
            raise SettingsError(setting, f"the server does not answer ({problem}).") from problem

    def _reason(self, name: str) -> Callable[[], str | None]:
        return lambda: self.supervisor.reason_to_give_up(name)

    def _do_first(self, command: Program) -> None:
        doing = subprocess.Popen(
            write_program(records_folder(self.home), command),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        if code := doing.wait():
            raise CannotStart(f"`{' '.join(command.command)}` ended with code {code}; see above.")

    def _wait_for_listeners(self) -> None:
        deadline = time.monotonic() + 90
        self.silent = list(listeners(self.settings))
        while self.silent and self.supervisor.is_alive() and time.monotonic() < deadline:
            time.sleep(0.1)
            self.silent = [listener for listener in self.silent if not is_answering(listener)]

    def _tell(self) -> None:
        citizens, handlers, mail = listeners(self.settings)
        lines = [
            "Intake is running." if not self.silent else "Intake is running, but not all of it answers yet.",
            f"  Citizens   http://{citizens.address}/",
            f"  Handlers   http://{handlers.address}/",
            f"  Mail       {mail.address}",
            f"  Data       {self.home}",
            f"  Logs       {self.home / 'log'}",
        ]
        if (self.home / DEMO_PASSWORDS).exists():
            lines.append(f"  Passwords  {self.home / DEMO_PASSWORDS}")
        lines.append(f"  Stop       Ctrl-C here, or kill {os.getpid()}")
        lines += [
            f"  No answer  {listener.name} at {listener.address}: see the logs; it is started again and again"
            for listener in self.silent
        ]
        say("\n".join(lines))

    def _watch(self, engines: list[Program]) -> None:
        """Stay till somebody asks us to stop (Stopped), or till the supervisor is gone."""
        seconds = 0
        while self.supervisor.is_alive():
            time.sleep(1)
            seconds += 1
            if seconds % 5 == 0 and (names := self.supervisor.revive(engines)):
                say(f"Starting again what did not start: {', '.join(names)}. See {self.home / 'log'}.")
        raise CannotStart(ENDED)

    def _stop(self) -> None:
        self.stopping.is_asked = True
        self.supervisor.stop(lambda: self.stopping.is_hurried)
        end_left(records_folder(self.home), at_most=5 if self.stopping.is_hurried else LEFT_SECONDS)
