"""One file looked through, from its name to what lies within it; in processes that may die."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from config.files import FileLimits, files_in
from intake import sandbox
from intake.errors import AnalysisFailed, StorageError
from intake.files import agreeing
from intake.files.answers import STRANGE, believed, told
from intake.files.detect import UNKNOWN_TYPE, detect
from intake.files.findings import finding
from intake.files.looking import Inner, Looking, Room
from intake.files.parsers import parser_of
from intake.files.values import Examination

MAX_DEPTH = 3
SECONDS = 30
SECONDS_IN_ALL = 240
MEMORY_BYTES = 1 << 30
# A process costs more than most files do, so what lies in one container is looked through together. After
# so many seconds, or grown by so much, it begins no further file: the others wait for the next one.
AT_ONCE, SECONDS_AT_ONCE, LAST_SECONDS = 25, 15, 5
LAST_BYTES = MEMORY_BYTES // 4
MOST_FINDINGS, MOST_FINDINGS_IN_ALL = 500, 5000
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)

_Answer = tuple[Examination, tuple[Inner, ...]]


def examine(name: str, file: Path, limits: FileLimits, scratch: Path) -> Examination:
    """Look a file through, and what lies within it, down to three containers deep.

    The file is read in a child of its own. What lies within one container shares children, and whatever
    breaks one of these is read once more by itself: one that breaks its parser takes no other with it,
    and is found "not_analysable". What was taken out lies in ``scratch`` until the caller empties it.
    Raise StorageError when nothing can be written there, and SandboxAway.
    """
    return _Examining(limits, scratch).look(_File(name, file))


@dataclass(frozen=True)
class _File:
    """A file to look through: at which path within the first, and how deep."""

    name: str
    file: Path
    path: str = ""
    depth: int = 0


@dataclass
class _Examining:
    """One file and all that lies within it, with what may still be used up for it."""

    limits: FileLimits
    scratch: Path
    room: Room = field(init=False)
    findings_left: int = MOST_FINDINGS_IN_ALL
    ends_at: float = field(default_factory=lambda: time.monotonic() + SECONDS_IN_ALL)
    _numbers: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.room = Room.of(self.limits.inside)

    def look(self, each: _File) -> Examination:
        """Look a file through, and what lies within it."""
        return self._with_inner(each, self._alone(each))

    def _with_inner(self, around: _File, answer: _Answer) -> Examination:
        seen, children = answer
        if children and around.depth == MAX_DEPTH:
            deeper = finding("not_analysable", why=f"det ligger filer mer än {MAX_DEPTH} nivåer in")
            return replace(seen, findings=(*seen.findings, deeper))
        files = [
            _File(each.name, each.file, f"{around.path}.{number}".lstrip("."), around.depth + 1)
            for number, each in enumerate(children, 1)
        ]
        answers: list[_Answer] = []
        while len(answers) < len(files):
            answers += self._together(files[len(answers) :][:AT_ONCE])
        inner = (self._with_inner(each, found) for each, found in zip(files, answers, strict=True))
        return replace(seen, inner=tuple(inner))

    def _together(self, files: Sequence[_File]) -> list[_Answer]:
        """Look the first of these files through, at least one of them, in one child if that goes well."""
        if len(files) == 1:
            return [self._alone(files[0])]
        folders = [self._folder() for _ in files]
        try:
            told_of = self._ask("look_together", files, folders, SECONDS_AT_ONCE)
        except AnalysisFailed:
            told_of = None
        if not isinstance(told_of, list) or not 0 < len(told_of) <= len(files):
            told_of = [None] * len(files)
        # Shorter than the others when it took long: the rest waits.
        triples = zip(files, folders, told_of, strict=False)
        return [self._answer(each, folder, words) for each, folder, words in triples]

    def _answer(self, each: _File, folder: Path, words: Any) -> _Answer:
        try:
            return self._believed(each, folder, words)
        except AnalysisFailed:
            shutil.rmtree(folder, ignore_errors=True)
            return self._alone(each)

    def _alone(self, each: _File) -> _Answer:
        """Look one file through in a child of its own, without what lies within it."""
        folder = self._folder()
        try:
            return self._believed(each, folder, self._ask("look_alone", [each], [folder], SECONDS))
        except AnalysisFailed as failed:
            shutil.rmtree(folder, ignore_errors=True)
            return _unanalysed(each, str(failed)), ()

    def _ask(self, act: str, files: Sequence[_File], folders: Sequence[Path], seconds: int) -> Any:
        seconds = min(seconds, int(self.ends_at - time.monotonic()))
        if seconds < 1:
            raise AnalysisFailed("det tog för lång tid")
        wanted = [
            {"name": each.name, "file": str(each.file), "scratch": str(folder), "depth": each.depth}
            for each, folder in zip(files, folders, strict=True)
        ]
        return sandbox.run(
            f"intake.files.examine:{act}",
            {"files": wanted, "limits": self.limits.table, "room": asdict(self.room)},
            seconds=seconds, memory_bytes=MEMORY_BYTES, file_bytes=self.limits.inside.max_unpacked_bytes,
        )  # fmt: skip

    def _believed(self, each: _File, folder: Path, words: Any) -> _Answer:
        """Return what a child told, and count what it used up: by what lies there, not by what it says."""
        most_findings = min(MOST_FINDINGS, self.findings_left)
        seen, children = believed(words, folder, most_findings=most_findings)
        taken = len(children) + len(seen.to_scan)
        if taken > self.room.files_left:
            raise AnalysisFailed(STRANGE)
        self.room.files_left -= taken
        self.room.bytes_left = max(0, self.room.bytes_left - _used_bytes(folder))
        self.findings_left = max(0, self.findings_left - len(seen.findings))
        size_bytes = each.file.stat().st_size
        return replace(seen, name=each.name, size_bytes=size_bytes, path=each.path, file=each.file), children

    def _folder(self) -> Path:
        folder = self.scratch / f"within-{next(self._numbers)}"
        try:
            folder.mkdir()
        except OSError as error:
            raise StorageError(f"no folder can be made in {self.scratch} (error {error.errno})") from error
        return folder


def _used_bytes(folder: Path) -> int:
    return sum(Path(at, name).lstat().st_size for at, _, names in os.walk(folder) for name in names)


def _unanalysed(each: _File, why: str) -> Examination:
    """Return what can be said of a file without reading what it means."""
    size_bytes, digest = _measured(each.file)
    found = (finding("not_analysable", why=why),)
    return Examination(each.name, size_bytes, digest, UNKNOWN_TYPE, found, {}, path=each.path, file=each.file)


def look_alone(argument: dict[str, Any]) -> dict[str, Any]:
    """Look one file through, without what lies within it. Runs in the child."""
    (each,) = argument["files"]
    return _told(each, files_in(argument["limits"]), Room(**argument["room"]))


def look_together(argument: dict[str, Any]) -> list[dict[str, Any] | None]:
    """Look files through one after the other, as many as there is time for. Runs in the child.

    None stands for one that must be looked through by itself.
    """
    limits, room = files_in(argument["limits"]), Room(**argument["room"])
    ends_at, ends_with = time.monotonic() + LAST_SECONDS, _memory_bytes() + LAST_BYTES
    answers: list[dict[str, Any] | None] = []
    for each in argument["files"]:
        try:
            answers.append(_told(each, limits, room))
        except Exception:
            # Whatever it was is told of where nothing else had been read before it.
            answers.append(None)
        if time.monotonic() > ends_at or _memory_bytes() > ends_with:
            break
    return answers


def _memory_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _told(each: dict[str, Any], limits: FileLimits, room: Room) -> dict[str, Any]:
    scratch = Path(each["scratch"])
    try:
        return told(look_through(each["name"], Path(each["file"]), limits, scratch, each["depth"], room))
    except OSError as error:
        if error.errno in _NO_SPACE:
            # A container that fills the disk would fill it at each attempt; other files need no space.
            raise AnalysisFailed("det finns inte plats att packa upp den") from error
        raise


def look_through(
    name: str, file: Path, limits: FileLimits, scratch: Path, depth: int = 0, room: Room | None = None
) -> Looking:
    """Look one file through in this process, for the child and for tests of harmless files."""
    size_bytes, digest = _measured(file)
    kind = detect(file, name)
    room = room or Room.of(limits.inside)
    looking = Looking(name, file, size_bytes, digest, kind, limits, scratch, room, depth)
    agreeing.look(looking)
    if size_bytes:
        parser_of(looking.detected_type)(looking)
    return looking


def _measured(file: Path) -> tuple[int, str]:
    with file.open("rb") as stream:
        return file.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest()
