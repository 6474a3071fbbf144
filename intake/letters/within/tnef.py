"""A winmail.dat (TNEF, MS-OXTNEF) read as a message, by offsets: nothing is copied, damage ends the reading.

tnefparse reads the same, but copies what is left of the file for each attribute (quadratic time), holds
every file three times in memory, and drops the zeros that end a file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from intake.letters.charsets import clean_label, decode
from intake.letters.decoding import Span
from intake.letters.within import mapi
from intake.letters.within.mapi import MapiFile, MapiMessage, Properties, Property

SIGNATURE = b"\x78\x9f\x3e\x22"
MAX_ATTRIBUTES = 20_000
MAX_PROPERTIES = 100_000
_STRINGS = {0x8004: mapi.SUBJECT, 0x800C: mapi.PLAIN}
_FILE_TITLE, _FILE_DATA, _FILE_BEGINS, _FILE_PROPERTIES = 0x8010, 0x800F, 0x9002, 0x9005
_PROPERTIES, _CODEPAGE = 0x9003, 0x9007
_IN_MESSAGE, _IN_FILE = 1, 2
# An embedded message begins with the identifier of IMessage, and is a TNEF of its own.
_IMESSAGE = bytes.fromhex("0703020000000000c000000000000046")
_FIXED = {0x0002: 2, 0x0003: 4, 0x0004: 4, 0x0005: 8, 0x0006: 8, 0x0007: 8, 0x000A: 4, 0x000B: 2,
          0x0014: 8, 0x0040: 8, 0x0048: 16}  # fmt: skip
_VARIABLE = {mapi.OBJECT, mapi.STRING, mapi.UNICODE, mapi.BINARY, 0x0000}
_MANY = 0x1000


class _Broken(Exception):
    """The bytes break off, or are of no known kind."""


@dataclass
class _File:
    """An attachment as its attributes come, in whatever order."""

    title: str = ""
    data: Span | None = None
    properties: dict[int, Property] = field(default_factory=dict)


def read_tnef(raw: BinaryIO, end: int) -> tuple[MapiMessage, bool]:
    """Read a TNEF that fills ``raw`` up to ``end``; say also whether it is whole and undamaged."""
    reading = _Reading()
    try:
        if Span(raw, 0, end).head(4) != SIGNATURE:
            raise _Broken("no TNEF at all")
        for level, attribute, span in _attributes(raw, end):
            reading.add(level, attribute, span)
    except _Broken:
        reading.is_whole = False
    return reading.message(), reading.is_whole


class _Reading:
    """What the attributes have told so far; a damaged block of properties spoils no other attribute."""

    def __init__(self) -> None:
        self.properties: dict[int, Property] = {}
        self.files: list[_File] = []
        self.codepage = 0
        self.is_whole = True

    def add(self, level: int, attribute: int, span: Span) -> None:
        if level == _IN_FILE:
            if attribute == _FILE_BEGINS or not self.files:
                self.files.append(_File())
            self._add_to_file(self.files[-1], attribute, span)
        elif attribute == _CODEPAGE:
            self.codepage = int.from_bytes(span.head(4), "little")
        elif attribute == _PROPERTIES:
            self._add_properties(self.properties, span)
        elif attribute in _STRINGS:
            self.properties.setdefault(_STRINGS[attribute], _property(mapi.STRING, span))

    def _add_to_file(self, file: _File, attribute: int, span: Span) -> None:
        if attribute == _FILE_TITLE:
            file.title = clean_label(decode(span.head(1000), mapi.charset_of(self.codepage))[0], 255)
        elif attribute == _FILE_DATA:
            file.data = span
        elif attribute == _FILE_PROPERTIES:
            self._add_properties(file.properties, span)

    def _add_properties(self, known: dict[int, Property], span: Span) -> None:
        try:
            for tag, found in _properties(span):
                # Of a property that comes twice, and of several values, the first counts.
                known.setdefault(tag, found)
        except _Broken:
            self.is_whole = False

    def message(self) -> MapiMessage:
        files = tuple(self._file(file) for file in self.files)
        return MapiMessage(Properties(self.properties, self.codepage), files)

    def _file(self, file: _File) -> MapiFile:
        data, within = file.data or Span.of(b""), file.properties.get(mapi.FILE_DATA)
        # Beside a message or an object the plain data only holds what an old reader may show.
        if within is not None and (within.kind == mapi.OBJECT or not data.size_bytes):
            inner = within.span()
            # An object begins with 16 bytes that name its interface.
            is_object = within.kind == mapi.OBJECT or inner.head(16) == _IMESSAGE
            data = Span(inner.raw, inner.start + (16 if is_object else 0), inner.end)
        return MapiFile(Properties(file.properties, self.codepage), file.title, content=lambda: data)


def _attributes(raw: BinaryIO, end: int) -> Iterator[tuple[int, int, Span]]:
    """Yield level, number and place of each attribute; raise _Broken where they break off."""
    at = 6
    for _ in range(MAX_ATTRIBUTES):
        head = Span(raw, at, end).head(9)
        if len(head) < 9 or head[0] not in (_IN_MESSAGE, _IN_FILE):
            # Mail servers hang a line end or a footer on; that is no damage.
            return
        level, attribute, size = struct.unpack("<BH2xI", head)
        span = Span(raw, at + 9, min(at + 9 + size, end))
        yield level, attribute, span
        if at + 9 + size > end:
            raise _Broken("an attribute is cut off")
        # Two bytes of checksum stand after the data.
        at += 9 + size + 2
    raise _Broken("too many attributes")


def _properties(span: Span) -> Iterator[tuple[int, Property]]:
    """Yield number and value of each property in a block (MS-OXTNEF 2.1.3.4), but those with names."""
    block = _Block(span)
    for _ in range(min(block.number(), MAX_PROPERTIES)):
        head = block.number()
        kind, tag = head & 0xFFFF, head >> 16
        if tag >= 0x8000:
            # Sixteen bytes of the set it belongs to, then a number or a name.
            block.skip(16)
            block.skip(4 if block.number() == 0 else block.number())
        place = _first_value(block, kind & ~_MANY, bool(kind & _MANY))
        if place is not None and tag < 0x8000:
            yield tag, _property(kind & ~_MANY, place)


def _first_value(block: _Block, kind: int, is_many: bool) -> Span | None:
    if kind in _VARIABLE:
        places = [block.skip(block.number()) for _ in range(min(block.number(), MAX_PROPERTIES))]
        return places[0] if places else None
    size = _FIXED.get(kind)
    if size is None:
        raise _Broken("an unknown type")
    return block.skip(block.number() * size if is_many else size)


def _property(kind: int, span: Span) -> Property:
    return Property(kind, lambda: span)


class _Block:
    """Reads forward through a block of properties; raises _Broken at its end."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self.at = span.start

    def number(self) -> int:
        return int.from_bytes(self.skip(4).head(4), "little")

    def skip(self, count: int) -> Span:
        """Pass over a value, which is filled up to four bytes, and return its place."""
        place = Span(self.span.raw, self.at, self.at + count)
        self.at += -(-count // 4) * 4
        if place.end > self.span.end:
            raise _Broken("a value is cut off")
        return place
