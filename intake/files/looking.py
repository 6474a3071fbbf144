"""What is gathered while one file is looked through: findings, facts, and files that lie within it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import BinaryIO

from config.files import FileLimits, InsideLimits
from intake.files.findings import Finding, finding
from intake.files.refusal import megabytes

HEAD_BYTES = 1024 * 1024
_PIECE_BYTES = 1 << 18


@dataclass(frozen=True)
class Inner:
    """A file that lay within another, copied to ``file``; ``is_child`` when it is judged by itself too."""

    name: str
    file: Path
    is_child: bool


@dataclass
class Room:
    """How much more may be taken out of a file and of all that lies within it, however deep."""

    bytes_left: int
    files_left: int

    @classmethod
    def of(cls, limits: InsideLimits) -> Room:
        """Return what there is room for at first."""
        return cls(limits.max_taken_out_bytes, limits.max_entries)


@dataclass
class Looking:
    """One file that is looked through. Analysers read ``file`` and tell what they see.

    ``detected_type`` is the content's MIME type, ``scratch`` a folder that is emptied afterwards, ``room``
    is shared with others, and ``depth`` tells how many containers lie around the file.
    """

    name: str
    file: Path
    size_bytes: int
    sha256: str
    detected_type: str
    limits: FileLimits
    scratch: Path
    room: Room
    depth: int = 0
    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    inner: list[Inner] = field(default_factory=list)
    _is_full: bool = False
    _numbers: Iterator[int] = field(default_factory=count)

    def head(self) -> bytes:
        """Return the file's first bytes, at most 1 MiB."""
        with self.file.open("rb") as file:
            return file.read(HEAD_BYTES)

    def find(self, code: str, **values: object) -> None:
        """Note a finding, once for each code and words."""
        found = finding(code, **values)
        if found not in self.findings:
            self.findings.append(found)

    def tell(self, fact: str, value: str) -> None:
        """Note what the file tells of itself."""
        self.facts.setdefault(fact, value)

    def take_out(self, name: str, stream: BinaryIO, *, is_child: bool) -> None:
        """Copy what lies within to a file in the scratch folder.

        With ``is_child`` it is judged as a file of its own; without it only the scanner sees it. Where
        there is no room for it, that is found, and nothing more is taken out of this file.
        """
        if self._is_full:
            return
        if not self.room.files_left:
            self._fill(f"det ligger fler än {self.limits.inside.max_entries} filer i allt")
            return
        target = self.scratch / f"taken-{next(self._numbers)}"
        with target.open("xb") as file:
            left = _copy(stream, file, self.room.bytes_left)
        if left < 0:
            target.unlink()
            most = megabytes(self.limits.inside.max_taken_out_bytes)
            self._fill(f"det som ligger i den blir i allt större än {most}")
            return
        self.room.bytes_left = left
        self.room.files_left -= 1
        self.inner.append(Inner(name, target, is_child))

    def _fill(self, why: str) -> None:
        self._is_full = True
        self.find("archive_too_large", why=why)


def _copy(stream: BinaryIO, file: BinaryIO, room_bytes: int) -> int:
    """Copy a stream and return how much room is left; stop when that is under nothing."""
    while room_bytes >= 0 and (piece := stream.read(_PIECE_BYTES)):
        room_bytes -= len(piece)
        if room_bytes >= 0:
            file.write(piece)
    return room_bytes
