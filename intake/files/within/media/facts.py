"""What a film tells of itself: where and when it was made, how long it is, what it shows from elsewhere."""

from __future__ import annotations

import datetime as dt
import mmap
import re
import struct

from intake.files.looking import Looking
from intake.files.within.images.facts import tell_camera, tell_position
from intake.files.within.media.boxes import Box, path, walk, within

# Seconds from the start of 1904, by which QuickTime counts, to that of 1970.
_EPOCH_SECONDS = 2_082_844_800
_POSITION = re.compile(rb"([+-]\d{1,3}(?:\.\d+)?)([+-]\d{1,3}(?:\.\d+)?)")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)([+-]\d\d):?(\d\d)|(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)")
_MAX_TEXT_BYTES = 1024
_MAX_TRACKS = 64
_ADDRESS = 300


def look(looking: Looking, content: mmap.mmap, moov: Box) -> None:
    """Tell what stands in the box that describes a film."""
    _tell_apple(looking, content, moov)
    _tell_user_data(looking, content, moov)
    for box in within(content, moov, b"mvhd"):
        _tell_clock(looking, content[box.body_at : box.body_at + 32])
    _find_elsewhere(looking, content, moov)


def _tell_apple(looking: Looking, content: mmap.mmap, moov: Box) -> None:
    """Tell Apple's own list of facts, each under a long name."""
    facts = dict(_apple_facts(content, moov))
    start = b"com.apple.quicktime."
    if match := _POSITION.match(facts.get(start + b"location.ISO6709", b"")):
        tell_position(looking, float(match[1]), float(match[2]))
    written = facts.get(start + b"creationdate", b"").decode("ascii", "replace")
    if time := _TIME.fullmatch(written):
        looking.tell("taken_at", time[5] or f"{time[1]}T{time[2]}{time[3]}:{time[4]}")
    make, model = (
        (facts.get(start + each) or facts.get(b"com.android." + other) or b"").decode("utf-8", "replace")
        for each, other in ((b"make", b"manufacturer"), (b"model", b"model"))
    )
    tell_camera(looking, make, model)


def _apple_facts(content: mmap.mmap, moov: Box) -> list[tuple[bytes, bytes]]:
    for meta in within(content, moov, b"meta"):
        # QuickTime's box has no version before its boxes, that of ISO has.
        start = meta.body_at if content[meta.body_at + 4 : meta.body_at + 8] == b"hdlr" else meta.body_at + 4
        meta = Box(meta.kind, meta.start, start, meta.ends_at)
        names = [
            content[name.body_at : min(name.ends_at, name.body_at + _MAX_TEXT_BYTES)]
            for keys in within(content, meta, b"keys")
            for name in walk(content, keys.body_at + 8, keys.ends_at)
        ]
        # Entries are boxes whose kind is the number of a name.
        return [
            (names[number - 1], value)
            for values in within(content, meta, b"ilst")
            for number, value in _numbered(content, values)
            if 0 < number <= len(names)
        ]
    return []


def _numbered(content: mmap.mmap, values: Box) -> list[tuple[int, bytes]]:
    found, at, end = [], values.body_at, min(values.ends_at, len(content))
    while at + 24 <= end:
        size, number, data_bytes = struct.unpack_from(">III", content, at)
        if size < 24 or data_bytes < 16:
            break
        found.append((number, content[at + 24 : at + 8 + min(data_bytes, _MAX_TEXT_BYTES)]))
        at += size
    return found


def _tell_user_data(looking: Looking, content: mmap.mmap, moov: Box) -> None:
    """Tell what Android and older cameras write."""
    texts = {}
    for data in within(content, moov, b"udta"):
        for box in walk(content, data.body_at, min(data.ends_at, len(content))):
            texts[box.kind] = content[box.body_at + 4 : min(box.ends_at, box.body_at + _MAX_TEXT_BYTES)]
    if match := _POSITION.match(texts.get(b"\xa9xyz", b"")):
        tell_position(looking, float(match[1]), float(match[2]))
    if b"loci" in texts:
        # A language, a name, a role, and then two numbers with their point in the middle (3GPP TS 26.244).
        place = texts[b"loci"][2:].partition(b"\0")[2][1:9]
        if len(place) == 8:
            longitude, latitude = struct.unpack(">ii", place)
            tell_position(looking, latitude / 65536, longitude / 65536)
    tell_camera(
        looking, *(texts.get(kind, b"").decode("utf-8", "replace") for kind in (b"\xa9mak", b"\xa9mod"))
    )


def _tell_clock(looking: Looking, header: bytes) -> None:
    """Tell when a film was begun, by the camera's clock, and how long it is."""
    layout = ">4xQQIQ" if header[:1] == b"\x01" else ">4xIIII"
    if len(header) < struct.calcsize(layout):
        return
    created, _, scale, duration = struct.unpack_from(layout, header)
    unix_seconds = created - _EPOCH_SECONDS
    if 0 < unix_seconds < 1 << 33:
        moment = dt.datetime.fromtimestamp(unix_seconds, dt.UTC)
        looking.tell("taken_at", f"{moment:%Y-%m-%dT%H:%M:%SZ}")
    if scale and 0 < duration / scale < 1_000_000:
        looking.tell("duration", str(dt.timedelta(seconds=round(duration / scale))))


def _find_elsewhere(looking: Looking, content: mmap.mmap, moov: Box) -> None:
    """Find what a player would fetch from another file or another machine."""
    if any(within(content, moov, b"rmra")):
        looking.find("media_points_elsewhere", where="en annan film")
    for number, track in enumerate(within(content, moov, b"trak")):
        if number == _MAX_TRACKS:
            break
        for table in path(content, track, b"mdia", b"minf", b"dinf", b"dref"):
            for entry in walk(content, table.body_at + 8, min(table.ends_at, len(content))):
                flags = content[entry.body_at : entry.body_at + 4]
                where = content[entry.body_at + 4 : min(entry.ends_at, entry.body_at + _ADDRESS)]
                if len(flags) == 4 and not flags[3] & 1 and where.strip(b"\0 "):
                    looking.find("media_points_elsewhere", where=_shown(where))


def _shown(where: bytes) -> str:
    words = where.decode("utf-8", "replace")
    return "".join(char for char in words if char.isprintable() and char != "\ufffd")[:200] or "en annan fil"
