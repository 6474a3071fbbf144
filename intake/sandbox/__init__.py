"""Running a function on hostile bytes in a process that may die: bounded, and without a network.

The function is named as a string ("module:function"), takes one value that can be JSON and returns one.
A warm template process, started at the first use, forks a child for each call:

    this process ──> template (no network, no secrets) ──> keeper ──> reader (runs the function)

The keeper ends the reader and all that it started. Forked processes share their parent's template.
"""

from __future__ import annotations

import atexit
import json
import os
import threading
from pathlib import Path
from typing import Any

from intake.errors import AnalysisFailed, SandboxAway, StorageError
from intake.sandbox.handle import Isolation, Template

# How readers are cut off from the network; the tests try each way by itself.
WAYS: tuple[str, ...] = ("namespace", "filter")

_standing: Template | None = None
_starting = threading.Lock()


def run(act: str, argument: Any, *, seconds: int, memory_bytes: int, file_bytes: int) -> Any:
    """Run ``act`` on an argument in a child, and return its answer.

    ``memory_bytes`` is what the child may take beyond what it inherits, ``file_bytes`` the largest file
    that it may write. Raise AnalysisFailed, in Swedish, when it dies, raises or takes too long,
    StorageError when the disk is full or broken, and SandboxAway when nothing can be run without a
    network: then the work must wait.
    """
    request = {
        "act": act,
        "argument": argument,
        "folder": str(Path.cwd()),
        "seconds": seconds,
        "memory_bytes": memory_bytes,
        "file_bytes": file_bytes,
    }
    return _answer(_ask(json.dumps(request).encode("ascii"), seconds))


def start() -> None:
    """Start the template unless it stands: once, before processes are forked that will share it."""
    _template()


def stop() -> None:
    """End the template, and all that runs under it, when this process started it."""
    global _standing
    with _starting:
        template, _standing = _standing, None
    if template:
        template.close()


def isolation() -> Isolation:
    """Return how readers are cut off from the network: "namespace", "seccomp" or "none"."""
    return _template().isolation


def _template() -> Template:
    """Return the template, a new one when there is none or it died. Raise SandboxAway."""
    global _standing
    with _starting:
        if _standing and not _standing.is_alive():
            _standing.close()
            _standing = None
        if not _standing:
            _standing = Template(WAYS)
        return _standing


def _ask(request: bytes, seconds: int) -> bytes:
    # A template that was killed in the midst says nothing about the file, so another one is asked, once.
    for _ in range(2):
        template = _template()
        if template.isolation == "none":
            raise SandboxAway("readers cannot be cut off from the network; `intake doctor` tells the cure")
        answer = template.ask(request, seconds)
        if answer:
            return answer
        if template.is_alive():
            break
    raise AnalysisFailed("läsaren avbröts")


def _answer(outcome: bytes) -> Any:
    try:
        values = json.loads(outcome)
    except (ValueError, RecursionError):
        raise AnalysisFailed("läsarens svar går inte att tyda") from None
    if "answer" in values:
        return values["answer"]
    if "storage" in values:
        raise StorageError(values["storage"])
    if "away" in values:
        raise SandboxAway(values["away"])
    raise AnalysisFailed(values["why"])


def _forget_lock() -> None:
    # Another thread may have held it at the moment of the fork, and is not here to let it go.
    global _starting
    _starting = threading.Lock()


os.register_at_fork(after_in_child=_forget_lock)
atexit.register(stop)
