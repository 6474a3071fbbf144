"""The template process, as seen by those who send it work."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal

from intake.errors import AnalysisFailed, SandboxAway

Isolation = Literal["namespace", "seccomp", "none"]

START_SECONDS = 60
# Beyond a reader's own time: until its keeper was forked, has ended all and has answered.
SPARE_SECONDS = 10
MAX_OUTCOME_BYTES = 33 * 1024 * 1024

_FROM_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")
_CHANNEL = 3
# The package is made without its __init__, which would bring Flask and SQLAlchemy along: a third less memory.
_BOOT = """
import json, sys, types
start = json.loads(sys.argv[1])
sys.path[:] = start["paths"]
intake = sys.modules["intake"] = types.ModuleType("intake")
intake.__path__ = [start["package"]]
from intake.sandbox import template
template.main(start)
"""


class Template:
    """A running template process; work may be sent from any thread, and from forked processes."""

    def __init__(self, ways: tuple[str, ...]) -> None:
        """Start it and wait until it is warm. Raise SandboxAway."""
        self._owner = os.getpid()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.settimeout(SPARE_SECONDS)
        try:
            with theirs:
                self._pid = _spawn(theirs.fileno(), ways)
        except OSError as error:
            self._channel.close()
            raise SandboxAway(f"the template cannot be started ({type(error).__name__})") from error
        self.isolation = self._hello()

    def is_alive(self) -> bool:
        """Say whether the template can still be asked."""
        waiting = select.poll()
        try:
            waiting.register(self._channel, 0)
        except ValueError:
            return False
        return not waiting.poll(0)

    def ask(self, request: bytes, seconds: int) -> bytes:
        """Send a request and return its outcome, nothing when a process died before there was one.

        Raise AnalysisFailed when none has come long after the request's own time.
        """
        ends_at = time.monotonic() + seconds + SPARE_SECONDS
        ours, theirs = socket.socketpair()
        # Closed also when the caller's own time limit strikes: then the keeper ends what it started.
        with ours:
            try:
                with theirs:
                    socket.send_fds(self._channel, [b"1"], [theirs.fileno()])
                return _asked(ours, request, ends_at)
            except TimeoutError:
                self.close()
                raise AnalysisFailed("det tog för lång tid") from None
            except OSError:
                return b""

    def close(self) -> None:
        """Let go of it, and end it when this process started it."""
        is_ours = os.getpid() == self._owner
        with self._channel:
            if is_ours:
                with suppress(OSError):
                    self._channel.shutdown(socket.SHUT_RDWR)
        if is_ours:
            _end(self._pid)
            self._owner = 0

    def _hello(self) -> Isolation:
        waiting = select.poll()
        waiting.register(self._channel, select.POLLIN)
        words = self._channel.recv(1024) if waiting.poll(START_SECONDS * 1000) else b""
        if not words:
            self.close()
            raise SandboxAway("the template ended before it was warm")
        isolation: Isolation = json.loads(words)["isolation"]
        return isolation


def _spawn(channel: int, ways: tuple[str, ...]) -> int:
    """Start the process with nothing of ours but the channel; return its id."""
    start = {
        "paths": [path or str(Path.cwd()) for path in sys.path],
        "package": str(Path(__file__).parent.parent),
        "parent": os.getpid(),
        "channel": _CHANNEL,
        "ways": ways,
    }
    environment = {name: os.environ[name] for name in _FROM_ENVIRONMENT if name in os.environ}
    words = [sys.executable, "-I", "-c", _BOOT, json.dumps(start)]
    nowhere = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
    # In this order: the channel may itself have one of the numbers that are opened anew.
    actions = [(os.POSIX_SPAWN_DUP2, channel, _CHANNEL), *nowhere]
    if channel == _CHANNEL:
        # Copied onto itself it would be closed at the start of the new program.
        os.set_inheritable(channel, True)
    return os.posix_spawn(sys.executable, words, environment, file_actions=actions)


def _asked(ours: socket.socket, request: bytes, ends_at: float) -> bytes:
    ours.settimeout(max(0.001, ends_at - time.monotonic()))
    ours.sendall(request)
    ours.shutdown(socket.SHUT_WR)
    outcome = bytearray()
    while len(outcome) <= MAX_OUTCOME_BYTES:
        ours.settimeout(max(0.001, ends_at - time.monotonic()))
        piece = ours.recv(1 << 18)
        if not piece:
            break
        outcome += piece
    return bytes(outcome)


def _end(pid: int) -> None:
    """Wait shortly until the process has ended, then end it; leave no zombie."""
    with suppress(ProcessLookupError, ChildProcessError):
        watched = os.pidfd_open(pid)
        try:
            waiting = select.poll()
            waiting.register(watched, select.POLLIN)
            if not waiting.poll(3000):
                os.kill(pid, signal.SIGKILL)
        finally:
            os.close(watched)
        os.waitpid(pid, 0)
