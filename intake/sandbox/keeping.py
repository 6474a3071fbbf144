"""The keeper of one reader: waits for its answer, and ends it with all that it started."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from intake.sandbox import reading, walls

MAX_ANSWER_BYTES = 32 * 1024 * 1024
_TOO_LONG = "det tog för lång tid"
_LAST_SECONDS = 5.0


@dataclass(frozen=True)
class _Reader:
    """A process that reads, and where its answer comes from."""

    pid: int
    ended: int
    answer: int


def keep(client: socket.socket) -> None:
    """Do what a client asks for and tell it the outcome, once nothing of it runs any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.closerange(3, client.fileno())
    os.closerange(client.fileno() + 1, 1024)
    if os.getpid() != 1:
        walls.adopt_orphans()
    outcome = _outcome(client)
    with suppress(OSError):
        client.sendall(outcome)


def _outcome(client: socket.socket) -> bytes:
    folder = None
    try:
        with client.makefile("rb") as stream:
            request = json.loads(stream.read())
        folder = tempfile.mkdtemp()
        return _kept(request, folder, client)
    except OSError as error:
        # Nothing that the reader met, so it says nothing about the file.
        return json.dumps({"away": f"the keeper failed ({type(error).__name__} {error.errno})"}).encode()
    except ValueError:
        # The client died before it had asked.
        return b""
    finally:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def _kept(request: dict[str, Any], folder: str, client: socket.socket) -> bytes:
    ends_at = time.monotonic() + request["seconds"]
    answer, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        client.close()
        os.close(answer)
        reading.read(request, folder, writing)
    os.close(writing)
    reader = _Reader(pid, os.pidfd_open(pid), answer)
    try:
        heard, why = _heard(reader, client, ends_at)
        status = None if why else os.waitpid(pid, 0)[1]
    finally:
        _end_all(pid)
    if status == 0 and heard:
        return heard
    return json.dumps({"why": why or _named(os.waitstatus_to_exitcode(status or 0))}).encode()


def _heard(reader: _Reader, client: socket.socket, ends_at: float) -> tuple[bytes, str | None]:
    """Return the reader's answer when it has ended, or why it is not waited for any longer."""
    waiting = select.poll()
    waiting.register(reader.answer, select.POLLIN)
    waiting.register(reader.ended, select.POLLIN)
    waiting.register(client, 0)
    os.set_blocking(reader.answer, False)
    heard = bytearray()
    while (left := ends_at - time.monotonic()) > 0:
        ready = dict(waiting.poll(left * 1000))
        if client.fileno() in ready:
            return b"", "ingen väntar längre på svaret"
        is_over = _take(reader.answer, heard)
        if len(heard) > MAX_ANSWER_BYTES:
            return b"", "läsarens svar blir för långt"
        if reader.ended in ready:
            return bytes(heard), None
        if is_over:
            waiting.unregister(reader.answer)
    return b"", _TOO_LONG


def _take(answer: int, heard: bytearray) -> bool:
    """Take what has been written so far, and say whether no more can come."""
    with suppress(BlockingIOError):
        while len(heard) <= MAX_ANSWER_BYTES:
            piece = os.read(answer, 1 << 18)
            if not piece:
                return True
            heard += piece
    return False


def _named(code: int) -> str:
    """Say in Swedish how a reader ended that gave no answer."""
    if code == -signal.SIGXCPU:
        return _TOO_LONG
    return f"läsaren avbröts (signal {-code})" if code < 0 else f"läsaren avbröts (kod {code})"


def _end_all(reader: int) -> None:
    """End the reader and whatever it has started, and reap it."""
    ends_at = time.monotonic() + _LAST_SECONDS
    with suppress(ChildProcessError):
        while time.monotonic() < ends_at:
            _kill_all(reader)
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
            time.sleep(0.001)


def _kill_all(reader: int) -> None:
    with suppress(ProcessLookupError):
        if os.getpid() == 1:
            # All of this namespace, which is ours alone, but for its first process.
            os.kill(-1, signal.SIGKILL)
            return
        os.killpg(reader, signal.SIGKILL)
    import psutil

    for child in psutil.Process().children():
        with suppress(psutil.Error):
            child.kill()
