"""Containers of film: ISO media and QuickTime, Matroska and WebM, AVI, and MPEG transport streams."""

from __future__ import annotations

import mmap

from intake.files.looking import Looking
from intake.files.within import tails
from intake.files.within.media import boxes, facts

_CUT = "den slutar mitt i"
_PACKETS = 64


def opens_boxes(looking: Looking, content: mmap.mmap) -> bool:
    """Read the outermost boxes of MP4, QuickTime or 3GP; the one that describes all may stand last."""
    outermost = list(boxes.walk(content, 0, len(content)))
    kinds = {box.kind for box in outermost}
    if not kinds & {b"ftyp", b"moov", b"mdat"}:
        return False
    if boxes.is_cut(content):
        looking.find("media_damaged", why=_CUT)
    else:
        tails.judge_tail(looking, boxes.end_of(content, 0))
        if not kinds & {b"moov", b"moof"}:
            looking.find("media_damaged", why="det som beskriver inspelningen saknas, som när den bröts")
    for box in outermost:
        if box.kind == b"moov":
            facts.look(looking, content, box)
    return True


def opens_matroska(looking: Looking, content: mmap.mmap) -> bool:
    """Read the header of Matroska or WebM, and the size of what follows it."""
    header_bytes, body_at = _ebml_size(content, 4)
    end = body_at + (header_bytes or 0)
    header = content[body_at:end]
    if header_bytes is None or (b"webm" not in header and b"matroska" not in header):
        return False
    while content[end : end + 1] in (b"\xec", b"\xbf"):
        # Emptiness or a checksum may stand before what holds all.
        length, body_at = _ebml_size(content, end + 1)
        end = body_at + (length or 0)
    if content[end : end + 4] != b"\x18\x53\x80\x67":
        looking.find("media_damaged", why=_CUT)
        return True
    length, body_at = _ebml_size(content, end + 4)
    if length is not None and body_at + length > len(content):
        looking.find("media_damaged", why=_CUT)
    elif length is not None:
        tails.judge_tail(looking, body_at + length)
    return True


def _ebml_size(content: mmap.mmap, at: int) -> tuple[int | None, int]:
    """Return a size and where it ends; None for a size that is not told, as in a live recording."""
    first = content[at] if at < len(content) else 0
    if not first:
        return None, at + 1
    width = 9 - first.bit_length()
    value = int.from_bytes(content[at : at + width], "big") & ((1 << 7 * width) - 1)
    return (None if value == (1 << 7 * width) - 1 else value), at + width


def opens_avi(looking: Looking, content: mmap.mmap) -> bool:
    """Read the header list of AVI; long films go on in more parts."""
    if content[12:16] != b"LIST" and b"hdrl" not in content[12:4096]:
        return False
    end = 0
    while content[end : end + 4] == b"RIFF":
        end += 8 + int.from_bytes(content[end + 4 : end + 8], "little")
    # Recorders in cars set aside a whole card's worth, or never come to write the size.
    if end > len(content) + 1 or end == 8:
        looking.find("media_damaged", why=_CUT)
    elif content[end : end + 4] not in (b"idx1", b"JUNK", b"LIST"):
        tails.judge_tail(looking, end)
    return True


def opens_transport_stream(looking: Looking, content: mmap.mmap) -> bool:
    """Read the first packets, each of which begins with G; cameras put a time of four bytes before each."""
    del looking
    first, step = (0, 188) if content[0:1] == b"G" and content[188:189] == b"G" else (4, 192)
    places = range(first, min(len(content), first + step * _PACKETS), step)
    return all(content[at] == 0x47 for at in places)
