"""Files that are written within a text (uuencode, POSIX 2008): found by their lines, the text left alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from intake.letters.charsets import clean_label, decode

_BEGIN = re.compile(rb"begin [0-7]{3,4} ([^\r\n]{1,255})")
_LINE_BYTES = 1000


@dataclass(frozen=True)
class Written:
    """A file within a text: its name, and where its lines begin and end."""

    name: str
    start: int
    end: int


def written_files(text: BinaryIO) -> Iterator[Written]:
    """Yield each file in a text; a line that only looks like a beginning, and no data after it, is none."""
    begun: tuple[str, int] | None = None
    at, has_data = 0, False
    text.seek(0)
    while line := text.readline(_LINE_BYTES):
        bare = line.rstrip(b"\r\n")
        if begun is None:
            if found := _BEGIN.fullmatch(bare.rstrip()):
                begun, has_data = (clean_label(decode(found[1], None)[0], 255), at), False
        elif bare.strip() == b"end":
            yield Written(*begun, at + len(line))
            begun = None
        elif bare.strip(b" `") and not _is_data(bare):
            # Without an end the file is as long as its lines go on.
            if has_data:
                yield Written(*begun, at)
            begun = None
        else:
            has_data = has_data or bool(bare.strip(b" `"))
        at += len(line)
    if begun and has_data:
        yield Written(*begun, at)


def _is_data(line: bytes) -> bool:
    """Say whether a line is as long as its first letter tells; some programs cut spaces or add a letter."""
    count = (line[0] - 32) & 63
    wanted = -(-count // 3) * 4
    return 32 < line[0] <= 96 and wanted - 3 <= len(line) - 1 <= wanted + 2
