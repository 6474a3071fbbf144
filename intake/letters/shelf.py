"""Where a letter's parts are laid: one folder of files, counted, and never more than a letter may fill."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from intake.letters.decoding import Span, decode_body
from intake.letters.outline import MAX_PARTS
from intake.letters.values import Part

# What may be taken out of parts that are kept whole: so many times the raw letter, and so much more.
ROOM_TIMES = 4
SPARE_ROOM_BYTES = 64 * 1024 * 1024


class ShelfFull(Exception):
    """No more may be taken out of what is kept whole; the message tells a handler why."""


@dataclass
class Shelf:
    """Collects ``parts`` and ``problems``; ``room_parts`` is what containers may add to a letter's own."""

    folder: Path
    raw_bytes: int
    parts: list[Part] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    room_parts: int = MAX_PARTS
    room_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.room_bytes = ROOM_TIMES * self.raw_bytes + SPARE_ROOM_BYTES

    def lay(
        self, path: str, name: str | None, declared_type: str, source: Span, encoding: str = "",
        *, is_inline: bool = False, is_body: bool = False,
    ) -> Part:  # fmt: skip
        """Write a part's decoded bytes as a file."""
        file = self.folder / f"part-{path}"
        with file.open("wb") as out:
            decoded = decode_body(source, encoding, out)
        if decoded.problem:
            self.problems.append(f"del {path}: {decoded.problem}")
        size, sha256 = decoded.size_bytes, decoded.sha256
        part = Part(path, name, declared_type, size, sha256, is_inline, file, is_body)
        self.parts.append(part)
        return part

    def make_room(self, source: Span) -> None:
        """Count one more thing taken out of what is kept whole; raise ShelfFull beyond the caps."""
        # No transfer encoding makes the bytes more than they are encoded.
        if self.room_parts < 1:
            raise ShelfFull(f"brevet har fler än {MAX_PARTS} delar, resten är inte uppackat")
        if source.size_bytes > self.room_bytes:
            raise ShelfFull("det som ligger i den är för stort, resten är inte uppackat")
        self.room_parts -= 1
        self.room_bytes -= source.size_bytes
