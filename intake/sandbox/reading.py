"""What runs in the child that may die: one function on one argument, within limits."""

from __future__ import annotations

import errno
import importlib
import json
import os
import resource
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from intake.errors import AnalysisFailed, StorageError
from intake.sandbox import walls

_DISK_FAILED = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
# LibreOffice takes about thirty threads; a bomb of forks ends here.
_MAX_PROCESSES = 512


def read(request: dict[str, Any], folder: str, answer: int) -> NoReturn:
    """Run what is asked for, write its outcome and end; ``folder`` is for what it leaves lying about."""
    code = 1
    try:
        _confine(request, folder)
        outcome = _outcome(request)
        while outcome:
            outcome = outcome[os.write(answer, outcome) :]
        code = 0
    finally:
        os._exit(code)


def told(error: BaseException) -> bytes:
    """Return what became of a reader that met an error, as its client understands it."""
    number = getattr(error, "errno", None)
    if isinstance(error, StorageError) or (isinstance(error, OSError) and number in _DISK_FAILED):
        return _said(storage=f"{type(error).__name__} {number or ''}".strip())
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and number == errno.ENOMEM):
        return _said(why="det tog för mycket minne")
    if isinstance(error, OSError) and number == errno.EFBIG:
        return _said(why="filen blir för stor")
    if isinstance(error, AnalysisFailed):
        return _said(why=str(error))
    return _said(why=f"läsaren gav upp ({type(error).__name__})")


def _said(**words: Any) -> bytes:
    return json.dumps(words).encode("ascii")


def _outcome(request: dict[str, Any]) -> bytes:
    try:
        module, _, name = request["act"].partition(":")
        act = getattr(importlib.import_module(module), name)
        return _said(answer=act(request["argument"]))
    except Exception as error:
        return told(error)


def _confine(request: dict[str, Any], folder: str) -> None:
    # A group of its own, by which it is ended with what it started.
    os.setsid()
    if os.getppid() != 1:
        walls.die_with_parent(signal.SIGKILL)
    # Should the machine run out of memory, this is what is ended.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    os.environ |= {"HOME": folder, "TMPDIR": folder}
    with suppress(OSError):
        os.chdir(request["folder"])
    _limit(request["seconds"], request["memory_bytes"], request["file_bytes"])
    walls.give_up_privileges()


def _limit(seconds: int, memory_bytes: int, file_bytes: int) -> None:
    # The alarm ends it even when its keeper was killed first.
    signal.alarm(seconds + 5)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limits = {
        resource.RLIMIT_AS: pages * resource.getpagesize() + memory_bytes,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_CORE: 0,
    }
    if os.getppid() == 1:
        # In a namespace of users they are counted by themselves, elsewhere with all that its user runs.
        limits[resource.RLIMIT_NPROC] = _MAX_PROCESSES
    for limit, value in limits.items():
        _set(limit, value, value)
    # At the first of the two it is told by a signal that it took too long, at the second it is ended.
    _set(resource.RLIMIT_CPU, seconds + 1, seconds + 2)


def _set(limit: int, soft: int, hard: int) -> None:
    most = resource.getrlimit(limit)[1]
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    resource.setrlimit(limit, (soft, hard))
