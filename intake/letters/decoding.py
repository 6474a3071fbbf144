"""A part's bytes out of its transfer encoding, in pieces, with a word about what was wrong."""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

from intake.letters.headers import decode_loose_base64

_PIECE = 256 * 1024
_SPACE = b" \t\r\n\x0b\x0c"
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))
_SOFT_BREAK = re.compile(rb"=[ \t]{1,200}(?=\r?\n)")
_BROKEN = "base64 är skadad, innehållet är avkodat så långt det gick"
_FOLLOWED = "base64 följs av annan text, den är inte med i filen"
_BLANK_LINE = re.compile(rb"\n[ \t]{0,9}\r?\n")
_FOOTER_BYTES = 4096
_IDENTITY = {"", "7bit", "8bit", "binary", "7-bit", "8-bit", "7bits", "8bits", "none", "plain"}
# "quoted printable" is cut at its space.
_QUOTED_NAMES = {"quoted-printable", "quoted", "quotedprintable", "quoted_printable", "qp"}
_BASE64_NAMES = {"base64", "base-64", "b64", "x-base64"}
_UU = {"x-uuencode", "uuencode", "uue", "x-uue"}


@dataclass(frozen=True)
class Decoded:
    """What was written: its size, its digest, and what was odd about it (Swedish, or None)."""

    size_bytes: int
    sha256: str
    problem: str | None


@dataclass(frozen=True)
class Span:
    """A range of bytes in a file, read in pieces."""

    raw: BinaryIO
    start: int
    end: int

    @classmethod
    def of(cls, data: bytes) -> Span:
        return cls(BytesIO(data), 0, len(data))

    @property
    def size_bytes(self) -> int:
        return max(0, self.end - self.start)

    def head(self, count: int) -> bytes:
        self.raw.seek(self.start)
        return self.raw.read(min(count, self.size_bytes))

    def tail(self, count: int) -> bytes:
        start = max(self.start, self.end - count)
        self.raw.seek(start)
        return self.raw.read(max(0, self.end - start))

    def pieces(self) -> Iterator[bytes]:
        self.raw.seek(self.start)
        left = self.end - self.start
        while left > 0 and (piece := self.raw.read(min(_PIECE, left))):
            left -= len(piece)
            yield piece

    def lines(self) -> Iterator[bytes]:
        """Yield pieces that end at a line's end, or in the middle of a line too long to wait for."""
        rest = b""
        for piece in self.pieces():
            data = rest + piece
            cut = data.rfind(b"\n") + 1 or (len(data) if len(data) > 4 * _PIECE else 0)
            # A cut through "=C3" or a soft break would spoil it.
            sign = data.rfind(b"=", max(cut - 3, 0), cut)
            if sign >= 0 and data[cut - 1 : cut] != b"\n":
                cut = sign
            yield data[:cut]
            rest = data[cut:]
        yield rest


def decode_body(source: Span, encoding: str, out: BinaryIO) -> Decoded:
    """Write the decoded bytes of ``source`` to ``out``; bad encodings are read as far as they go."""
    problem: list[str] = []
    if encoding in _BASE64_NAMES:
        pieces = _base64(source, problem)
    elif encoding in _QUOTED_NAMES:
        pieces = _quoted_printable(source)
    elif encoding in _UU:
        pieces = _uuencoded(source, problem)
    else:
        if encoding not in _IDENTITY:
            problem.append("kodningen är okänd, innehållet står som det kom")
        pieces = source.pieces()
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        out.write(piece)
        digest.update(piece)
        size += len(piece)
    return Decoded(size, digest.hexdigest(), problem[0] if problem else None)


def _base64(source: Span, problem: list[str]) -> Iterator[bytes]:
    # One damaged letter does not matter; a first line full of foreign ones was never base64.
    head = source.head(1000).strip(_SPACE).split(b"\n")[0].strip(_SPACE)
    if len(head.translate(None, _BASE64)) * 10 > len(head):
        problem.append("sägs vara base64 men är det inte, innehållet står som det kom")
        yield from source.pieces()
        return
    if footer := _footer_bytes(source):
        problem.append(_FOLLOWED)
        source = Span(source.raw, source.start, source.end - footer)
    rest, has_ended = b"", False
    for piece in source.pieces():
        data = piece.translate(None, _SPACE)
        before, sign, after = data.rpartition(b"=")
        # Foreign letters after the padding are a footer that some list or scanner hung on.
        if (sign or has_ended) and after.translate(None, _NOT_BASE64) != after:
            problem.append(_FOLLOWED)
            data, has_ended = before + sign, True
        letters = data.translate(None, _NOT_BASE64)
        if len(letters) != len(data):
            problem.append(_BROKEN)
        *finished, rest = (rest + letters).split(b"=")
        has_ended = has_ended or bool(finished)
        for block in finished:
            if len(block) % 4 == 1:
                problem.append(_BROKEN)
            yield decode_loose_base64(block)
        whole = len(rest) - len(rest) % 4
        yield binascii.a2b_base64(rest[:whole])
        rest = rest[whole:]
    if rest:
        problem.append("base64 slutar för tidigt, innehållet är avkodat så långt det gick")
        yield decode_loose_base64(rest)


def _footer_bytes(source: Span) -> int:
    """Return how many bytes at the end are a footer in plain words, which begins after a blank line."""
    tail = source.tail(_FOOTER_BYTES)
    blank = _BLANK_LINE.search(tail)
    after = tail[blank.end() :] if blank else b""
    # Words have spaces and stops; one damaged letter makes none.
    foreign = after.strip(_SPACE).translate(None, _BASE64 + b"\r\n")
    return len(after) if len(foreign) * 20 > len(after) else 0


def _quoted_printable(source: Span) -> Iterator[bytes]:
    for block in source.lines():
        yield binascii.a2b_qp(_SOFT_BREAK.sub(b"=", block))


def _uuencoded(source: Span, problem: list[str]) -> Iterator[bytes]:
    has_begun = has_ended = False
    for block in source.lines():
        for line in block.splitlines():
            if not has_begun:
                has_begun = line.startswith(b"begin ")
            elif line.strip() == b"end":
                has_ended = True
            elif not has_ended and line:
                yield _uu_line(line)
    if not has_begun:
        yield from source.pieces()
    if not has_ended:
        problem.append("uuencode är skadad, innehållet är avkodat så långt det gick")


def _uu_line(line: bytes) -> bytes:
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        # Some encoders pad too long; the first character tells how much counts.
        count = (((line[0] - 32) & 63) * 4 + 5) // 3
        try:
            return binascii.a2b_uu(line[:count])
        except binascii.Error:
            return b""
