"""The boxes of an ISO media file (MP4, QuickTime, 3GP, HEIF): each has a size and a kind of four letters."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass

_KIND = re.compile(rb"[ -~\xa9]{4}")
_MAX_BOXES = 100_000
# What may stand outermost and be so large that a recording is cut within it.
_OUTERMOST = (
    b"ftyp", b"moov", b"mdat", b"moof", b"meta", b"free", b"skip", b"wide", b"uuid", b"udta", b"mpvd",
    b"styp", b"sidx", b"mfra", b"idat", b"sefd",
)  # fmt: skip


@dataclass(frozen=True)
class Box:
    """A box: its kind, and where it starts, its body starts and it says that it ends."""

    kind: bytes
    start: int
    body_at: int
    ends_at: int


def walk(content: mmap.mmap | bytes, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes that stand one after the other; the last may say that it ends beyond ``end``."""
    at = start
    for _ in range(_MAX_BOXES):
        if at + 8 > end:
            return
        size, kind, body_at = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8], at + 8
        if size == 1 and at + 16 <= end:
            size, body_at = int.from_bytes(content[at + 8 : at + 16], "big"), at + 16
        elif size == 0:
            size = end - at
        if size < body_at - at or not _KIND.fullmatch(kind):
            return
        yield Box(kind, at, body_at, at + size)
        at += size


def within(content: mmap.mmap | bytes, box: Box, kind: bytes) -> Iterator[Box]:
    """Yield the boxes of a kind directly within a box."""
    for each in walk(content, box.body_at, min(box.ends_at, len(content))):
        if each.kind == kind:
            yield each


def path(content: mmap.mmap | bytes, box: Box, *kinds: bytes) -> Iterator[Box]:
    """Yield the boxes that are reached from a box by kind after kind."""
    if not kinds:
        yield box
        return
    for each in within(content, box, kinds[0]):
        yield from path(content, each, *kinds[1:])


def end_of(content: mmap.mmap | bytes, start: int) -> int:
    """Return where the last whole box ends of those that follow each other from ``start``."""
    end = start
    for box in walk(content, start, len(content)):
        if box.ends_at > len(content):
            break
        end = box.ends_at
    return end


def is_cut(content: mmap.mmap | bytes) -> bool:
    """Say whether the file ends within one of its outermost boxes, and not merely before what is no box."""
    following = next(walk(content, end_of(content, 0), len(content)), None)
    return following is not None and following.kind in _OUTERMOST
