"""Reading a hostile letter in a sandbox, which may die without taking the worker along."""

from __future__ import annotations

import errno
import time
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from intake import sandbox
from intake.errors import AnalysisFailed, LetterUnreadable, StorageError
from intake.letters.parse import parse
from intake.letters.values import Letter, Part, Report

_ACT = "intake.letters.child:parse_alone"
_SPARE_FILE_BYTES = 8 * 1024 * 1024
_NOT_OPENED = "det som ligger i bilagorna är inte uppackat, det tog för lång tid eller för mycket minne"


def parse_in_child(raw: Path, parts_folder: Path, *, seconds: int, memory_bytes: int) -> Letter:
    """Parse in a sandbox; ``memory_bytes`` is what the reader may take beyond what it inherits.

    A reader that dies or takes too long is followed by one that opens no parts, so that no attachment
    keeps the rest of its letter from being read. Raise LetterUnreadable when the letter is beyond the
    caps, breaks the parser or does not end within ``seconds``; raise StorageError when the disk failed
    and SandboxAway when there is no sandbox, so that the work is done again later.
    """
    deadline = time.monotonic() + seconds
    try:
        return _in_child(raw, parts_folder, seconds // 2, memory_bytes, opens=True)
    except LetterUnreadable:
        left = max(0, int(deadline - time.monotonic()))
        letter = _in_child(raw, parts_folder, left, memory_bytes, opens=False)
    return replace(letter, problems=(*letter.problems, _NOT_OPENED))


def parse_alone(argument: dict[str, Any]) -> dict[str, Any]:
    """Parse and return what happened as plain values. Runs in the sandbox."""
    try:
        letter = parse(Path(argument["raw"]), Path(argument["parts"]), opens=argument["opens"])
    except LetterUnreadable as error:
        return {"unreadable": str(error)}
    except OSError as error:
        if error.errno in (errno.EFBIG, errno.ENOMEM):
            raise
        return {"storage": f"{type(error).__name__} {error.errno}"}
    return {"letter": _to_json(letter)}


def _in_child(raw: Path, parts_folder: Path, seconds: int, memory_bytes: int, *, opens: bool) -> Letter:
    try:
        outcome = sandbox.run(
            _ACT,
            {"raw": str(raw), "parts": str(parts_folder), "opens": opens},
            seconds=seconds,
            memory_bytes=memory_bytes,
            file_bytes=raw.stat().st_size * 2 + _SPARE_FILE_BYTES,
        )
    except AnalysisFailed as failed:
        raise LetterUnreadable(f"Brevet kunde inte tolkas: {failed}.") from failed
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
