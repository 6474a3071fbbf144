"""Word's and PowerPoint's older streams: fields that fetch or start something, and objects in slides."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

from intake.files.looking import Looking
from intake.files.within.office import links, objects

# A field begins with \x13; its words end with \x14 or \x15. Word keeps text in one or in two bytes.
_FIELD = re.compile(
    rb"\x13\s*((?:DDE|DDEAUTO|INCLUDETEXT|INCLUDEPICTURE|LINK|IMPORT)\s[^\x13-\x15]{1,1000})[\x14\x15]",
    re.IGNORECASE,
)
_WIDE_FIELD = re.compile(
    rb"\x13\0(?:\s\0)*((?:D\0D\0E\0|I\0N\0C\0L\0U\0D\0E\0|L\0I\0N\0K\0|I\0M\0P\0)(?:[^\x13-\x15].){1,1000})[\x14\x15]\0",
    re.IGNORECASE | re.DOTALL,
)
_TEMPLATE = re.compile(r"\.(dot[mx]?|wiz)\b", re.IGNORECASE)
# A record that holds a container, packed or plain. They are looked for everywhere, since a damaged record
# before one must not hide it.
_OBJECT = re.compile(rb"[\x00\x10]\x00\x11\x10....(?=\xd0\xcf\x11\xe0|....\x78[\x01\x5e\x9c\xda])", re.DOTALL)
MAX_OBJECT_BYTES = 128 * 1024 * 1024


def judge_words(looking: Looking, stream: bytes) -> None:
    """Find what the fields of a Word document do, and a template on another computer."""
    for match in _FIELD.finditer(stream):
        links.judge_field(looking, match[1].decode("cp1252", "replace"))
    for match in _WIDE_FIELD.finditer(stream):
        links.judge_field(looking, match[1].decode("utf-16-le", "replace"))
    for place in objects.places(stream):
        if _TEMPLATE.search(place) and not links.is_own_network(place):
            links.judge_fetched(looking, place)


def objects_in_slides(stream: bytes) -> Iterator[bytes]:
    """Yield the containers that lie in a presentation: objects, and the project of its macros."""
    for record in _OBJECT.finditer(stream):
        at = record.end()
        (length,) = struct.unpack_from("<I", record[0], 4)
        content = stream[at : at + length]
        yield _unpacked(content[4:]) if record[0][0] else content


def _unpacked(content: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        return unpacker.decompress(content, MAX_OBJECT_BYTES)
    except zlib.error:
        return b""
