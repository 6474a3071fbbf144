"""One supervisord for each var: how it is told what to run, and what it tells of it.

The supervisor restarts what dies. Its own file names programs only; what a program is stands in a private
file beside it and paths come by the environment, so no secret and no odd path has to pass its format.
"""

from __future__ import annotations

import http.client
import os
import resource
import shlex
import signal
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from intake.engine_place import socket_folder
from intake.processes import (
    CannotStart,
    Program,
    command_to_become,
    last_words,
    write_private,
    write_program,
)

ENGINES = "engines"
PROGRAMS = "programs"
ENDED = (
    "The supervisor was ended from outside; what it had started is ended too. Run again: the data is safe."
)

# The files of a web process with a thousand connections, where the system allows as many.
FILES = 8192

CONF = """\
[supervisord]
logfile=%(ENV_SUPERVISED_LOGS)s/supervisor.log
logfile_maxbytes=10MB
logfile_backups=3
pidfile=%(ENV_SUPERVISED_RUN)s/supervisor.pid
nodaemon=true
silent=true
nocleanup=true
umask=077
minfds={files}
minprocs=1
{user}

[unix_http_server]
file=%(ENV_SUPERVISED_CONTROL)s

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""

GROUP = """
[group:{group}]
programs={names}
priority={priority}
"""

# After ten failures in a row the supervisor gives up; ``revive`` makes it try again, so that the pauses
# between two starts never grow beyond ten seconds.
PROGRAM = """
[program:{name}]
command=%(ENV_SUPERVISED_BECOME)s {name}
autostart={autostart}
autorestart=true
startsecs={start_seconds}
startretries=10
stopsignal={stop_signal}
stopwaitsecs={stop_seconds:.0f}
killasgroup=true
redirect_stderr=true
stdout_logfile=%(ENV_SUPERVISED_LOGS_TWICE)s/{name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=5
"""


def records_folder(home: Path) -> Path:
    """Return where the processes of this ``var`` are written down."""
    return home / "run" / "processes"


class _Connection(http.client.HTTPConnection):
    """Talks HTTP over the control socket, and does not wait for ever for one that was stopped."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: tuple[str, dict[str, str]] | str) -> http.client.HTTPConnection:
        del host
        return _Connection(self._path)


# What a question to a supervisor that is ending, or was ended, comes back with.
NO_ANSWER = (OSError, http.client.HTTPException, xmlrpc.client.Error)


class Supervisor:
    """A supervisord in a session of its own, so that Ctrl-C reaches us alone and all end in order."""

    def __init__(self, home: Path, run: str) -> None:
        self._home = home
        self._run = run
        self._socket = socket_folder(home / "run" / "control") / "supervisor.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self._stop_seconds = 0.0

    def start(self, engines: Sequence[Program], programs: Sequence[Program]) -> None:
        """Start the supervisor and with it the engines; the programs wait for ``start_programs``."""
        records = records_folder(self._home)
        for program in (*engines, *programs):
            write_program(records, program)
        conf = self._home / "run" / "supervisord.conf"
        write_private(conf, _configuration(engines, programs))
        # It ends when everything under it has ended: the programs together, then the engines.
        self._stop_seconds = 10 + _longest_stop(engines) + _longest_stop(programs)
        supervisor = Program(
            "supervisor",
            (sys.executable, "-m", "supervisor.supervisord", "-c", str(conf)),
            {
                "SUPERVISED_BECOME": shlex.join(command_to_become(records)),
                "SUPERVISED_CONTROL": str(self._socket),
                "SUPERVISED_LOGS": str(self._home / "log"),
                # A program's log is the one setting whose per cent signs are read a second time.
                "SUPERVISED_LOGS_TWICE": str(self._home / "log").replace("%", "%%"),
                "SUPERVISED_RUN": str(self._home / "run"),
            },
            stop_seconds=self._stop_seconds,
            rank=3,
            run=self._run,
        )
        with (self._home / "log" / "supervisor-start.log").open("wb") as words:
            self._process = subprocess.Popen(
                write_program(records, supervisor),
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                start_new_session=True,
            )
        self._wait_for_control()

    def _wait_for_control(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                self._ask("getState")
            except NO_ANSWER as problem:
                if not self.is_alive() or time.monotonic() > deadline:
                    words = last_words(self._home / "log" / "supervisor-start.log")
                    raise CannotStart(f"The supervisor did not start:\n{words}") from problem
                time.sleep(0.05)
            else:
                return

    def _ask(self, method: str, *values: Any) -> Any:
        transport = _Transport(self._socket)
        with xmlrpc.client.ServerProxy("http://localhost", transport=transport) as proxy:
            return getattr(proxy.supervisor, method)(*values)

    def is_alive(self) -> bool:
        """Say whether the supervisor itself runs."""
        return self._process is not None and self._process.poll() is None

    def states(self) -> dict[str, str]:
        """Return each program's state in the supervisor's words (RUNNING, BACKOFF, FATAL ...)."""
        try:
            found = cast(list[dict[str, str]], self._ask("getAllProcessInfo"))
        except NO_ANSWER:
            return {}
        return {row["name"]: row["statename"] for row in found}

    def start_programs(self) -> None:
        """Start every program beside the engines, without waiting for them."""
        try:
            self._ask("startProcessGroup", PROGRAMS, False)
        except NO_ANSWER as problem:
            raise CannotStart(ENDED) from problem

    def revive(self, engines: Sequence[Program]) -> list[str]:
        """Start again what the supervisor gave up; return the names."""
        given_up = [name for name, state in self.states().items() if state == "FATAL"]
        for name in given_up:
            group = ENGINES if name in {engine.name for engine in engines} else PROGRAMS
            try:
                self._ask("startProcess", f"{group}:{name}", False)
            except NO_ANSWER:
                # It is gone or busy ending; the next look at it tells.
                continue
        return given_up

    def reason_to_give_up(self, name: str) -> str | None:
        """Tell why a program that is waited for will not come; None while it may."""
        if not self.is_alive():
            return ENDED
        if self.states().get(name) != "FATAL":
            return None
        return f"{name} does not start; the end of its log:\n{last_words(self._home / 'log' / f'{name}.log')}"

    def stop(self, is_hurried: Callable[[], bool]) -> None:
        """Have everything stopped in order, programs first and engines last; at once when hurried."""
        if self._process is None or not self.is_alive():
            return
        self._process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self._stop_seconds
        while self.is_alive() and not is_hurried() and time.monotonic() < deadline:
            # A question wakes it; by itself it looks but once a second at what has ended.
            self.states()
            time.sleep(0.05)


def _longest_stop(programs: Sequence[Program]) -> float:
    return max((program.stop_seconds for program in programs), default=0)


def _configuration(engines: Sequence[Program], programs: Sequence[Program]) -> str:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = FILES if limit == resource.RLIM_INFINITY else min(limit, FILES)
    text = CONF.format(files=files, user="user=root" if os.geteuid() == 0 else "")
    for group, members, priority in ((ENGINES, engines, 1), (PROGRAMS, programs, 10)):
        if members:
            names = ",".join(program.name for program in members)
            text += GROUP.format(group=group, names=names, priority=priority)
        for program in members:
            text += PROGRAM.format(
                name=program.name,
                autostart="true" if group == ENGINES else "false",
                start_seconds=program.start_seconds,
                stop_signal=program.stop_signal,
                stop_seconds=program.stop_seconds,
            )
    return text
