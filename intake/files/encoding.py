"""Whether bytes are text, and which: by its mark, or by what its bytes look like."""

from __future__ import annotations

import codecs

from intake.letters.charsets import decode

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# The code page is unknown, so every byte but the control characters may be a letter. Bell to shift in, end of
# file as DOS wrote it, and the colours of terminals and chats are found in old text and in logs.
_OF_TEXT = bytes((2, 3, *range(7, 16), 22, 26, 27, 29, 31, *range(32, 256)))
_LOOKED_AT_BYTES = 65_536


def wide_charset(data: bytes) -> str | None:
    """Return the charset of text whose every letter takes several bytes; None for all else."""
    if marked := next((charset for mark, charset in _MARKS if data.startswith(mark)), None):
        return marked
    # Windows writes UTF-16 without a mark too; in Western text every other byte is then zero.
    head = data[:_LOOKED_AT_BYTES]
    evens, odds = head[::2], head[1::2]
    for charset, letters, zeros in (("utf-16-le", evens, odds), ("utf-16-be", odds, evens)):
        if len(zeros) > 1 and zeros.count(0) > 0.8 * len(zeros) and not letters.translate(None, _OF_TEXT):
            return charset
    return None


def is_text(data: bytes) -> bool:
    """Say whether bytes are text in some encoding; a program that broke off may leave zeros after it."""
    written = data.rstrip(b"\0") or data
    return not written.translate(None, _OF_TEXT) or wide_charset(data) is not None


def decoded(data: bytes) -> str:
    """Return the text that bytes are, in the encoding that it most likely has."""
    charset = wide_charset(data)
    return data.decode(charset, "replace") if charset else decode(data, None)[0]


def in_utf_8(data: bytes) -> bytes:
    """Return text whose every letter takes several bytes as UTF-8, and all else as it is."""
    charset = wide_charset(data)
    return data.decode(charset, "replace").encode("utf-8", "replace") if charset else data
