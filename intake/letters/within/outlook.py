"""A message that Outlook saved (.msg, MS-OXMSG): its properties and files, and its headers as a letter's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path

import olefile

from intake.letters.decoding import Span
from intake.letters.headers import Headers
from intake.letters.within import mapi
from intake.letters.within.mapi import MapiFile, MapiMessage, Properties, Property

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_STREAM = re.compile(r"__substg1\.0_([0-9A-Fa-f]{4})([0-9A-Fa-f]{4})")
_FIXED = "__properties_version1.0"
_EMBEDDED = "__substg1.0_3701000D"
_TO, _CC = 1, 2
# Numbers, truths and times lie in one stream, after a head that depends on whose they are.
_HEAD_OF_MESSAGE, _HEAD_OF_EMBEDDED, _HEAD_OF_OTHERS = 32, 24, 8
_MAX_FIXED_BYTES = 1024 * 1024

Place = tuple[str, ...]


class NoMessage(Exception):
    """The file is no message of Outlook's, but another document of Office's or a broken one."""


@contextmanager
def opened(file: Path) -> Iterator[MapiMessage]:
    """Open a .msg; its files can be read until the block ends. Raise NoMessage, or what olefile raises."""
    with olefile.OleFileIO(str(file)) as ole:
        size_bytes = file.stat().st_size
        # olefile believes these two numbers, and reads in circles for as long as they say.
        if max(ole.num_mini_fat_sectors * ole.sector_size, ole.root.size) > size_bytes:
            raise NoMessage
        folders: dict[Place, list[str]] = {}
        for place in ole.listdir(streams=True, storages=True):
            folders.setdefault(tuple(place[:-1]), []).append(place[-1])
        if _FIXED not in folders.get((), ()):
            raise NoMessage
        yield _Saved(ole, folders, size_bytes).message((), _HEAD_OF_MESSAGE)


@dataclass(frozen=True)
class _Saved:
    """An open file, and the names within each of its storages."""

    ole: olefile.OleFileIO
    folders: Mapping[Place, list[str]]
    size_bytes: int

    def message(self, place: Place, head_bytes: int) -> MapiMessage:
        properties = self._properties(place, head_bytes, 0)
        codepage = properties.number(mapi.MESSAGE_CODEPAGE) or 0
        names = sorted(self.folders.get(place, ()))
        files = (name for name in names if name.startswith("__attach_version1.0_#"))
        people = (name for name in names if name.startswith("__recip_version1.0_#"))
        return MapiMessage(
            Properties(properties.found, codepage),
            tuple(self._file((*place, name), codepage) for name in files),
            tuple(self._properties((*place, name), _HEAD_OF_OTHERS, codepage) for name in people),
        )

    def _file(self, place: Place, codepage: int) -> MapiFile:
        properties = self._properties(place, _HEAD_OF_OTHERS, codepage)
        if _EMBEDDED not in self.folders.get(place, ()):
            data = properties.found.get(mapi.FILE_DATA)
            return MapiFile(properties, content=data.span if data else lambda: Span.of(b""))
        inner = (*place, _EMBEDDED)
        if _FIXED not in self.folders.get(inner, ()):
            # A drawing or table of another program, which only that program reads.
            return MapiFile(properties)
        return MapiFile(properties, message=lambda: self.message(inner, _HEAD_OF_EMBEDDED))

    def _properties(self, place: Place, head_bytes: int, codepage: int) -> Properties:
        found: dict[int, Property] = {}
        names = self.folders.get(place, ())
        if _FIXED in names:
            data = self._span((*place, _FIXED))().head(_MAX_FIXED_BYTES)
            for at in range(head_bytes, len(data) - 15, 16):
                kind, tag = (int.from_bytes(data[at + n : at + n + 2], "little") for n in (0, 2))
                found[tag] = Property(kind, _constant(data[at + 8 : at + 16]))
        for name in names:
            if stream := _STREAM.fullmatch(name):
                found[int(stream[1], 16)] = Property(int(stream[2], 16), self._span((*place, name)))
        return Properties(found, codepage)

    def _span(self, place: Place) -> Callable[[], Span]:
        def read() -> Span:
            if self.ole.get_size(list(place)) > self.size_bytes:
                raise NoMessage
            stream = self.ole.openstream(list(place))
            return Span(stream, 0, stream.size)

        return read


def _constant(data: bytes) -> Callable[[], Span]:
    return lambda: Span.of(data)


def headers_of(message: MapiMessage) -> Headers:
    """Return the headers the letter was sent with, and what is missing there out of the properties."""
    sent = Headers.from_block(message.properties.text(mapi.HEADERS).encode())
    known = {name for name, _ in sent.fields}
    told = tuple((name, value.encode()) for name, value in _told(message) if value and name not in known)
    # What tells how the parts were written no longer holds.
    kept = tuple(field for field in sent.fields if not field[0].startswith("content-"))
    return Headers(kept + told)


def _told(message: MapiMessage) -> Iterator[tuple[str, str]]:
    properties = message.properties
    yield "subject", properties.label(mapi.SUBJECT)
    yield "from", sender_of(message)
    for name, kind, shown in (("to", _TO, mapi.DISPLAY_TO), ("cc", _CC, mapi.DISPLAY_CC)):
        people = (who for who in message.recipients if who.number(mapi.RECIPIENT_KIND) == kind)
        mailboxes = [
            _mailbox(who, mapi.DISPLAY_NAME, mapi.SMTP_ADDRESS, mapi.EMAIL_ADDRESS) for who in people
        ]
        yield name, ", ".join(mailboxes) or properties.label(shown)
    yield "message-id", properties.label(mapi.MESSAGE_ID)
    yield "in-reply-to", properties.label(mapi.IN_REPLY_TO)
    yield "references", properties.label(mapi.REFERENCES)
    if at := sent_at(message):
        yield "date", format_datetime(at)


def sender_of(message: MapiMessage) -> str:
    """Return the author, or who sent it for him, as a mailbox; empty when neither is told."""
    author = _mailbox(message.properties, mapi.AUTHOR_NAME, mapi.AUTHOR_SMTP, mapi.AUTHOR_ADDRESS)
    return author or _mailbox(message.properties, mapi.SENDER_NAME, mapi.SENDER_SMTP, mapi.SENDER_ADDRESS)


def sent_at(message: MapiMessage) -> datetime | None:
    for tag in (mapi.SENT_AT, mapi.DELIVERED_AT):
        if tag in message.properties.found and (at := message.properties.time(tag)):
            return at
    return None


def is_report(message: MapiMessage) -> bool:
    """Say whether it tells of another letter: delivered, not delivered, read."""
    return message.properties.label(mapi.MESSAGE_CLASS).upper().startswith("REPORT.")


def _mailbox(properties: Properties, name: int, *addresses: int) -> str:
    shown = properties.label(name)
    found = (properties.label(address) for address in addresses)
    # Within an organisation an address may be its X.500 name, which no one can answer.
    email = next((address for address in found if "@" in address), "")
    quoted = '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"' if shown and shown != email else ""
    return f"{quoted} <{email}>".strip() if email else quoted
