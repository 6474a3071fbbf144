"""Reading a hostile letter in a process of its own, which may die without taking the worker along.

The child answers through a pipe with JSON, never pickle; the parent bounds its time, its memory, the
files it may write and the length of its answer.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import select
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from intake.errors import LetterUnreadable, StorageError
from intake.letters.parse import parse
from intake.letters.values import Letter, Part, Report

_MAX_ANSWER_BYTES = 32 * 1024 * 1024
_SPARE_FILE_BYTES = 8 * 1024 * 1024
_NOT_OPENED = "det som ligger i bilagorna är inte uppackat, det tog för lång tid eller för mycket minne"


def parse_in_child(raw: Path, parts_folder: Path, *, seconds: int, memory_bytes: int) -> Letter:
    """Parse in a forked child; ``memory_bytes`` is what it may take beyond what it inherits.

    A child that dies or takes too long is followed by one that opens no parts, so that no attachment
    keeps the rest of its letter from being read. Raise LetterUnreadable when the letter is beyond the
    caps, breaks the parser or does not end within ``seconds``; raise StorageError when the disk failed,
    so that the work is done again later. For a process with one thread, such as an RQ work horse.
    """
    deadline = time.monotonic() + seconds
    try:
        return _in_child(lambda: parse(raw, parts_folder), raw, parts_folder, seconds // 2, memory_bytes)
    except LetterUnreadable:
        left = max(0, int(deadline - time.monotonic()))
        letter = _in_child(
            lambda: parse(raw, parts_folder, opens=False), raw, parts_folder, left, memory_bytes
        )
    return replace(letter, problems=(*letter.problems, _NOT_OPENED))


def _in_child(
    act: Callable[[], Letter], raw: Path, parts_folder: Path, seconds: int, memory_bytes: int
) -> Letter:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _be_child(writing, act, raw.stat().st_size, seconds, memory_bytes)
    os.close(writing)
    try:
        answer = _answer(reading, time.monotonic() + seconds)
    finally:
        # Also when the caller's own time limit strikes: no child outlives the call.
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return _letter(answer, parts_folder)


def _be_child(
    writing: int, act: Callable[[], Letter], raw_bytes: int, seconds: int, memory_bytes: int
) -> NoReturn:
    code = 1
    try:
        _limit(raw_bytes, seconds, memory_bytes)
        payload = json.dumps(_outcome(act)).encode("ascii")
        while payload:
            payload = payload[os.write(writing, payload) :]
        code = 0
    finally:
        # No cleaning up: connections and buffers belong to the parent.
        os._exit(code)


def _limit(raw_bytes: int, seconds: int, memory_bytes: int) -> None:
    for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGXCPU):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The alarm ends the child even when its parent was killed first.
    signal.alarm(seconds + 1)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limits = {
        resource.RLIMIT_AS: pages * resource.getpagesize() + memory_bytes,
        resource.RLIMIT_CPU: seconds + 1,
        resource.RLIMIT_FSIZE: raw_bytes * 2 + _SPARE_FILE_BYTES,
        resource.RLIMIT_CORE: 0,
    }
    for limit, value in limits.items():
        hard = resource.getrlimit(limit)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (value, value))


def _outcome(act: Callable[[], Letter]) -> dict[str, Any]:
    """Return what happened as plain values; whatever broke the parser is about this one letter."""
    try:
        return {"letter": _to_json(act())}
    except LetterUnreadable as error:
        return {"unreadable": str(error)}
    except MemoryError:
        return {"unreadable": "Brevet tar mer minne än ett brev får ta."}
    except OSError as error:
        if error.errno in (errno.EFBIG, errno.ENOMEM):
            return {"unreadable": "Brevet blir större än ett brev får bli."}
        return {"storage": f"{type(error).__name__} {error.errno}"}
    except Exception as error:
        return {"unreadable": f"Brevet kunde inte tolkas ({type(error).__name__})."}


def _answer(reading: int, deadline: float) -> bytes:
    answer: list[bytes] = []
    size = 0
    while (left := deadline - time.monotonic()) > 0 and size <= _MAX_ANSWER_BYTES:
        if not select.select([reading], [], [], left)[0]:
            break
        piece = os.read(reading, 65536)
        if not piece:
            return b"".join(answer)
        answer.append(piece)
        size += len(piece)
    raise LetterUnreadable("Brevet tog för lång tid att tolka.")


def _letter(answer: bytes, parts_folder: Path) -> Letter:
    try:
        outcome = json.loads(answer)
    except ValueError:
        raise LetterUnreadable("Brevet kunde inte tolkas (processen avbröts).") from None
    if "storage" in outcome:
        raise StorageError(f"Brevets delar kunde inte skrivas: {outcome['storage']}")
    if "letter" not in outcome:
        raise LetterUnreadable(outcome["unreadable"])
    return _from_json(outcome["letter"], parts_folder)


def _to_json(letter: Letter) -> dict[str, Any]:
    values = asdict(letter)
    values["date"] = letter.date.isoformat() if letter.date else None
    values["parts"] = [asdict(part) | {"file": part.file.name} for part in letter.parts]
    return values


def _from_json(values: dict[str, Any], parts_folder: Path) -> Letter:
    date = datetime.fromisoformat(values["date"]) if values["date"] else None
    parts = tuple(Part(**(part | {"file": parts_folder / part["file"]})) for part in values["parts"])
    names = (
        *("to", "cc", "references", "problems"),
        *("delivered_to", "addressed_to", "authentication_results"),
    )
    lists = {name: tuple(values[name]) for name in names}
    report = values["report"] and Report(**(values["report"] | {"about": tuple(values["report"]["about"])}))
    return Letter(**(values | lists | {"date": date, "parts": parts, "report": report}))
