"""Sound and film: the container's first boxes, read without any codec."""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable
from dataclasses import dataclass

from intake.files.looking import HEAD_BYTES, Looking
from intake.files.within import tails
from intake.files.within.media import film, sound

# A player that obeys a playlist fetches what it names, also from the machine that it runs on.
_PLAYLIST = re.compile(rb"#EXTM3U|ffconcat version")


@dataclass(frozen=True)
class Container:
    """A kind of container: how it begins, and what reads it; the reader says whether it opened."""

    begins: re.Pattern[bytes]
    opens: Callable[[Looking, mmap.mmap], bool]


_CONTAINERS = tuple(
    Container(re.compile(begins, re.DOTALL), opens)
    for begins, opens in (
        (rb".{4}(ftyp|moov|mdat|wide|free|skip|pnot|styp|moof|uuid)", film.opens_boxes),
        (rb"\x1a\x45\xdf\xa3", film.opens_matroska),
        (rb"RIFF.{4}AVI ", film.opens_avi),
        (rb"G.{187}G|.{4}G.{191}G", film.opens_transport_stream),
        (rb"(RIFF|RF64|BW64).{4}WAVE", sound.opens_wav),
        (rb"OggS", sound.opens_ogg),
        (rb"#!AMR", sound.opens_amr),
        (rb"ADIF", sound.opens_adif),
        (rb"ID3|fLaC|\xff[\xe0-\xff]|TAG|APETAGEX|\0", sound.opens_frames),
    )
)


def look(looking: Looking) -> None:
    """Tell whether a recording opens, and what else lies in it."""
    with looking.file.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        head = content[:1024]
        opens = next((each.opens for each in _CONTAINERS if each.begins.match(head)), None)
        if opens is None or not opens(looking, content):
            looking.find("media_unreadable")
        if _PLAYLIST.search(content[:HEAD_BYTES]):
            looking.find("media_playlist")
    tails.judge_whole(looking)
