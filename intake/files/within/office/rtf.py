"""Rich text: objects within it, and what it fetches."""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass

from intake.files.looking import Looking
from intake.files.within.office import links, objects, ole, richtext

_LINKED, _EMBEDDED = 1, 2
# What is left of an object that was made a picture.
_STATIC = (3, 5)
_CLASS_NAME_BYTES = 255
# The class stands at the beginning of an object.
_HEAD_BYTES = 64
_EQUATION = re.compile(rb"equation\.[23]", re.IGNORECASE)


@dataclass(frozen=True)
class _Object:
    """An object as OLE 1.0 writes it ([MS-OLEDS] 2.2): its class, what it is linked to, its data."""

    is_linked: bool
    class_name: str
    topic: str
    data: bytes


def look(looking: Looking) -> None:
    """Tell what rich text holds and would do."""
    content = looking.file.read_bytes()
    if not content.rstrip(b"\0\x1a \t\r\n").endswith(b"}"):
        looking.find("office_damaged")
    for place in richtext.groups(content, b"template"):
        links.judge_fetched(looking, place)
    for instruction in richtext.groups(content, b"fldinst"):
        links.judge_field(looking, instruction)
    if b"\\objdata" in content:
        for raw in _objects_in(content):
            _judge_object(looking, raw, is_updated=b"\\objupdate" in content)


def _objects_in(content: bytes) -> list[bytes]:
    """Return each object's bytes as Word would read them, however the digits are hidden.

    The parser sees one object at a time: over a whole document it takes quadratic time.
    """
    from oletools.rtfobj import RtfObjParser  # Seldom needed, and slow to load.

    found: list[bytes] = []
    at = content.find(b"\\objdata")
    while at >= 0:
        end = richtext.end_of_group(content, at)
        reader = RtfObjParser(b"{\\rtf1{" + content[at:end] + b"}}")
        reader.parse()
        found += [bytes(each.rawdata) for each in reader.objects if each.rawdata]
        at = content.find(b"\\objdata", end)
    return found


def _judge_object(looking: Looking, raw: bytes, *, is_updated: bool) -> None:
    """Take out the file in an object, and find what it fetches or breaks."""
    found = _read(raw)
    begins = raw.find(objects.OLE_BEGINS)
    is_equation = bool(_EQUATION.search(raw[:_HEAD_BYTES]))
    if found and found.is_linked:
        links.judge_fetched(looking, found.topic)
    elif found and found.class_name.lower() == "package":
        if not objects.take_out_package(looking, found.data):
            _cannot_be_read(looking, raw)
    elif begins >= 0 and ole.look_at_object(looking, raw[begins:]):
        pass
    elif is_equation:
        looking.find("office_exploit", what="ekvation utan innehåll (CVE-2017-11882)")
    elif found is None or begins >= 0:
        _cannot_be_read(looking, raw)
    if is_updated and objects.is_moniker(raw):
        looking.find("office_exploit", what="ett objekt som hämtas när filen öppnas (CVE-2017-0199)")


def _cannot_be_read(looking: Looking, raw: bytes) -> None:
    """Find an object that says nothing of itself, as only those do that hide what they are."""
    looking.find("office_object", name="objekt som inte går att läsa")
    looking.take_out("objekt", io.BytesIO(raw), is_child=False)


def _read(raw: bytes) -> _Object | None:
    try:
        (kind,) = struct.unpack_from("<I", raw, 4)
        if kind in _STATIC:
            return _Object(False, "", "", b"")
        class_name, at = _word(raw, 8)
        topic, at = _word(raw, at)
        _, at = _word(raw, at)
        (size,) = struct.unpack_from("<I", raw, at)
    except struct.error:
        return None
    if kind not in (_LINKED, _EMBEDDED) or not class_name:
        return None
    return _Object(kind == _LINKED, class_name, topic, raw[at + 4 : at + 4 + size])


def _word(raw: bytes, at: int) -> tuple[str, int]:
    """Return a word that its length stands before."""
    (length,) = struct.unpack_from("<I", raw, at)
    if length > _CLASS_NAME_BYTES * 8:
        raise struct.error
    return raw[at + 4 : at + 4 + length].rstrip(b"\0").decode("cp1252", "replace"), at + 4 + length
