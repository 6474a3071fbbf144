"""One file looked through, from its name to what lies within it; each file in a process that may die."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from config.files import FileLimits, files_in
from intake import sandbox
from intake.errors import AnalysisFailed
from intake.files import agreeing
from intake.files.detect import UNKNOWN_TYPE, detect
from intake.files.findings import finding
from intake.files.looking import Looking
from intake.files.parsers import parser_of
from intake.files.values import Examination, from_json, to_json

MAX_DEPTH = 3
SECONDS = 30
SECONDS_IN_ALL = 240
MEMORY_BYTES = 1 << 30


def examine(name: str, file: Path, limits: FileLimits, scratch: Path) -> Examination:
    """Look a file through, and what lies within it, down to three containers deep.

    Each file is read in a child of its own, so that one that breaks its parser takes no other with it:
    it is found "not_analysable". What was taken out lies in ``scratch`` until the caller empties it.
    """
    return _examine(name, file, limits, scratch, "", 0, time.monotonic() + SECONDS_IN_ALL)


def _examine(
    name: str, file: Path, limits: FileLimits, scratch: Path, path: str, depth: int, ends_at: float
) -> Examination:
    folder = scratch / (path or "0")
    folder.mkdir()
    seconds = min(SECONDS, int(ends_at - time.monotonic()))
    argument = {
        "name": name,
        "file": str(file),
        "scratch": str(folder),
        "depth": depth,
        "limits": limits.table,
    }
    try:
        if seconds < 1:
            raise AnalysisFailed("det tog för lång tid")
        answer = sandbox.run(
            "intake.files.examine:examine_alone", argument,
            seconds=seconds, memory_bytes=MEMORY_BYTES, file_bytes=limits.inside.max_unpacked_bytes,
        )  # fmt: skip
    except AnalysisFailed as failed:
        return _unanalysed(name, file, path, str(failed))
    seen = from_json(answer["seen"] | {"path": path})
    if answer["children"] and depth == MAX_DEPTH:
        deeper = finding("not_analysable", why=f"det ligger filer mer än {MAX_DEPTH} nivåer in")
        return replace(seen, findings=(*seen.findings, deeper), file=file)
    inner = tuple(
        _examine(each, Path(taken), limits, scratch, f"{path}.{number}".lstrip("."), depth + 1, ends_at)
        for number, (each, taken) in enumerate(answer["children"], 1)
    )
    return replace(seen, inner=inner, file=file)


def _unanalysed(name: str, file: Path, path: str, why: str) -> Examination:
    """Return what can be said of a file without reading what it means."""
    size_bytes, digest = _measured(file)
    found = (finding("not_analysable", why=why),)
    return Examination(name, size_bytes, digest, UNKNOWN_TYPE, found, {}, path=path, file=file)


def examine_alone(argument: dict[str, Any]) -> dict[str, Any]:
    """Look one file through, without what lies within it. Runs in the child."""
    looking = look_through(
        argument["name"],
        Path(argument["file"]),
        files_in(argument["limits"]),
        Path(argument["scratch"]),
        argument["depth"],
    )
    seen = Examination(
        looking.name, looking.size_bytes, looking.sha256, looking.detected_type,
        tuple(looking.findings), looking.facts,
        to_scan=tuple(each.file for each in looking.inner if not each.is_child),
    )  # fmt: skip
    children = [[each.name, str(each.file)] for each in looking.inner if each.is_child]
    return {"seen": to_json(seen), "children": children}


def look_through(name: str, file: Path, limits: FileLimits, scratch: Path, depth: int = 0) -> Looking:
    """Look one file through in this process, for the child and for tests of harmless files."""
    size_bytes, digest = _measured(file)
    looking = Looking(name, file, size_bytes, digest, detect(file, name), limits, scratch, depth)
    agreeing.look(looking)
    if size_bytes:
        parser_of(looking.detected_type)(looking)
    return looking


def _measured(file: Path) -> tuple[int, str]:
    with file.open("rb") as stream:
        return file.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest()
