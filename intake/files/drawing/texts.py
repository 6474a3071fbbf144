"""Text as text: decoded by its mark or by what its bytes look like, without anything that is no text."""

from __future__ import annotations

import codecs
from pathlib import Path

from intake.files.drawing.canvas import Canvas
from intake.files.drawing.ways import NOT_SHOWN
from intake.letters.charsets import decode

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# No letter takes more bytes than this.
MAX_LETTER_BYTES = 4
LOOKED_AT_BYTES = 64 * 1024
# Old text uses no other controls than these: backspace to carriage return, end of file, escape.
_OF_TEXT = frozenset((*range(8, 14), 26, 27, *range(32, 256)))


def draw(file: Path, canvas: Canvas) -> None:
    """Write a text; of a file that is none say so."""
    with file.open("rb") as stream:
        data = stream.read(canvas.limits.max_characters * MAX_LETTER_BYTES + MAX_LETTER_BYTES)
    text = decoded(data)
    if text is None:
        canvas.lack(NOT_SHOWN)
    else:
        canvas.write(text)


def decoded(data: bytes) -> str | None:
    """Return the text that bytes are; None when they are none."""
    head = data[:LOOKED_AT_BYTES]
    for mark, charset in _MARKS:
        if data.startswith(mark):
            return data.decode(charset, "replace")
    if set(head) <= _OF_TEXT:
        return decode(data, None)[0]
    # Windows writes UTF-16 without a mark too; in Western text every other byte is then zero.
    evens, odds = head[::2], head[1::2]
    for charset, letters, zeros in (("utf-16-le", evens, odds), ("utf-16-be", odds, evens)):
        if set(letters) <= _OF_TEXT and zeros.count(0) > 0.8 * len(zeros):
            return data.decode(charset, "replace")
    return None
