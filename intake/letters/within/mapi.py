"""A message as Outlook keeps it: properties by number, and files; the same in a winmail.dat and in a .msg.

The numbers are those of MS-OXPROPS. Nothing is read before it is asked for, so that a large file within
a message is never held in memory twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from intake.letters.charsets import clean_label, clean_text, decode
from intake.letters.decoding import Span
from intake.letters.within.rtf import decompress

MESSAGE_CLASS, SUBJECT, SENT_AT, DELIVERED_AT = 0x001A, 0x0037, 0x0039, 0x0E06
HEADERS, MESSAGE_ID, IN_REPLY_TO, REFERENCES = 0x007D, 0x1035, 0x1042, 0x1039
AUTHOR_NAME, AUTHOR_ADDRESS, AUTHOR_SMTP = 0x0042, 0x0065, 0x5D02
SENDER_NAME, SENDER_ADDRESS, SENDER_SMTP = 0x0C1A, 0x0C1F, 0x5D01
RECIPIENT_KIND, DISPLAY_NAME, EMAIL_ADDRESS, SMTP_ADDRESS = 0x0C15, 0x3001, 0x3003, 0x39FE
DISPLAY_TO, DISPLAY_CC = 0x0E04, 0x0E03
PLAIN, HTML, RTF = 0x1000, 0x1013, 0x1009
INTERNET_CODEPAGE, MESSAGE_CODEPAGE = 0x3FDE, 0x3FFD
FILE_DATA, FILE_NAME, LONG_FILE_NAME = 0x3701, 0x3704, 0x3707
FILE_TYPE, FILE_FLAGS, FILE_HIDDEN = 0x370E, 0x3714, 0x7FFE
_DRAWN_IN_TEXT = 4

NUMBER, OBJECT, STRING, UNICODE, TIME, BINARY = 0x0003, 0x000D, 0x001E, 0x001F, 0x0040, 0x0102

MAX_BODY_BYTES = 4 * 1024 * 1024
_MAX_LABEL_BYTES = 256 * 1024
_CODEPAGES = {
    1200: "utf-16-le", 20127: "us-ascii", 20866: "koi8-r", 20932: "euc-jp", 21866: "koi8-u",
    50220: "iso-2022-jp", 50221: "iso-2022-jp", 50222: "iso-2022-jp", 51932: "euc-jp", 51949: "euc-kr",
    52936: "hz", 54936: "gb18030", 65000: "utf-7", 65001: "utf-8",
    **{28590 + number: f"iso-8859-{number}" for number in range(1, 17)},
}  # fmt: skip


@dataclass(frozen=True)
class Property:
    """A property's MAPI type, and where its bytes lie."""

    kind: int
    span: Callable[[], Span]


@dataclass(frozen=True)
class Properties:
    """The properties of one object; ``codepage`` is that of its eight-bit strings, 0 when unknown."""

    found: Mapping[int, Property]
    codepage: int = 0

    def data(self, tag: int, limit: int = _MAX_LABEL_BYTES) -> bytes:
        found = self.found.get(tag)
        return found.span().head(limit) if found else b""

    def text(self, tag: int, limit: int = _MAX_LABEL_BYTES, codepage: int = 0) -> str:
        """Return a property as text, whichever type it was written with."""
        found = self.found.get(tag)
        if found is None:
            return ""
        data = found.span().head(limit)
        if found.kind == UNICODE:
            return clean_text(data[: len(data) & ~1].decode("utf-16-le", "replace"))
        return clean_text(decode(data, charset_of(codepage or self.codepage))[0])

    def label(self, tag: int) -> str:
        return clean_label(self.text(tag))

    def number(self, tag: int) -> int | None:
        data = self.data(tag, 4)
        return int.from_bytes(data, "little") if len(data) == 4 else None

    def time(self, tag: int) -> datetime | None:
        """Return a time; Windows counts tenths of microseconds from the year 1601."""
        data = self.data(tag, 8)
        try:
            return datetime(1601, 1, 1, tzinfo=UTC) + timedelta(
                microseconds=int.from_bytes(data, "little") // 10
            )
        except OverflowError:
            return None


@dataclass(frozen=True)
class MapiFile:
    """One attachment: its bytes, or the message that it is."""

    properties: Properties
    title: str = ""
    content: Callable[[], Span] | None = None
    message: Callable[[], MapiMessage] | None = None

    @property
    def name(self) -> str | None:
        names = (self.properties.label(LONG_FILE_NAME), self.title, self.properties.label(FILE_NAME))
        return next((name[:255] for name in (*names, self.properties.label(DISPLAY_NAME)) if name), None)

    @property
    def declared_type(self) -> str:
        return self.properties.label(FILE_TYPE).lower()[:255] or "application/octet-stream"

    @property
    def is_inline(self) -> bool:
        flags = self.properties.number(FILE_FLAGS) or 0
        return bool(flags & _DRAWN_IN_TEXT) or any(self.properties.data(FILE_HIDDEN, 1))


@dataclass(frozen=True)
class MapiMessage:
    """A message: its properties, its files, its recipients."""

    properties: Properties
    files: tuple[MapiFile, ...]
    recipients: tuple[Properties, ...] = ()

    def plain(self) -> str:
        return self.properties.text(PLAIN, MAX_BODY_BYTES, self._body_codepage)

    def html(self) -> bytes:
        """Return the HTML as UTF-8; empty when there is none."""
        return self.properties.text(HTML, MAX_BODY_BYTES, self._body_codepage).encode()

    def rtf(self) -> bytes:
        """Return the RTF unpacked; raise ValueError when it is damaged or too large to unpack here."""
        return decompress(self.properties.found[RTF].span()) if RTF in self.properties.found else b""

    @property
    def is_cut(self) -> bool:
        """Say whether ``plain`` or ``html`` is only the beginning of a text of many megabytes."""
        bodies = (self.properties.found.get(tag) for tag in (PLAIN, HTML))
        return any(body.span().size_bytes > MAX_BODY_BYTES for body in bodies if body)

    @property
    def _body_codepage(self) -> int:
        return self.properties.number(INTERNET_CODEPAGE) or 0


def charset_of(codepage: int) -> str | None:
    """Return the charset that Windows numbers so; None when it is not told."""
    return _CODEPAGES.get(codepage, f"cp{codepage}") if codepage else None
