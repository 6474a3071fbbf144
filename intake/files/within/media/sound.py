"""Containers of sound: WAV, Ogg, AMR, FLAC, and the frames of MP3 and AAC that stand without one."""

from __future__ import annotations

import mmap
import re

from intake.files.looking import Looking
from intake.files.within import tails

_CUT = "den slutar mitt i"
_STREAMED = (0, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000)
# A recorder pads, and so do programs that change the description before the sound.
_SEARCHED_BYTES = 256 * 1024
_FRAMES = 3
_MP3_KBIT = {
    # By version 1 or not, and layer (ISO/IEC 11172-3 and 13818-3).
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_HERTZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_AMR_BYTES = {
    # By the kind in a frame's first byte; nothing stands for kinds that nobody writes.
    b"#!AMR\n": (13, 14, 16, 18, 20, 21, 27, 32, 6, 1, 1, 1, 0, 0, 0, 1),
    b"#!AMR-WB\n": (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 0, 0, 0, 0, 1, 1),
}


def opens_wav(looking: Looking, content: mmap.mmap) -> bool:
    """Read the chunks of WAV; a recorder that is cut off, or streams, leaves sizes that are not true."""
    said, at, end = int.from_bytes(content[4:8], "little"), 12, 12
    kinds: set[bytes] = set()
    while at + 8 <= len(content) and len(kinds) < 100:
        kind, length = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        kinds.add(kind)
        if kind == b"data" and (length in _STREAMED or content[:4] != b"RIFF"):
            return b"fmt " in kinds
        at += 8 + length + length % 2
        end = at
        if kind == b"data":
            break
    if b"fmt " not in kinds:
        return False
    if b"data" not in kinds or end > len(content) + 1:
        looking.find("media_damaged", why=_CUT)
    elif said not in _STREAMED:
        tails.judge_tail(looking, max(end, said + 8))
    return True


def opens_ogg(looking: Looking, content: mmap.mmap) -> bool:
    """Walk the pages of Ogg, whatever codec is in them."""
    at = pages = 0
    while content[at : at + 4] == b"OggS" and at + 27 <= len(content):
        segments = content[at + 26]
        at += 27 + segments + sum(content[at + 27 : at + 27 + segments])
        pages += 1
    if at > len(content) or content[at : at + 4] == b"OggS":
        looking.find("media_damaged", why=_CUT)
    else:
        tails.judge_tail(looking, at)
    return pages > 1 or at <= len(content)


def opens_amr(looking: Looking, content: mmap.mmap) -> bool:
    """Walk the first frames of a telephone's sound (RFC 4867)."""
    for mark, frame_bytes in _AMR_BYTES.items():
        if content[: len(mark)] == mark:
            at = len(mark)
            for _ in range(_FRAMES):
                if at < len(content):
                    length = frame_bytes[content[at] >> 3 & 15]
                    if content[at] & 0x83 or not length:
                        # Bits that are zero in every frame, and a kind that none has.
                        return False
                    at += length
            if at > len(content):
                looking.find("media_damaged", why=_CUT)
            return True
    # Several channels, with a header of their own, which no telephone writes.
    return content[:11] in (b"#!AMR_MC1.0", b"#!AMR-WB_MC")


def opens_adif(looking: Looking, content: mmap.mmap) -> bool:
    """Take AAC with one header for all of it; nothing more can be read without a codec."""
    del looking
    return len(content) > 64


def opens_frames(looking: Looking, content: mmap.mmap) -> bool:
    """Pass what describes a recording, and find the frames after it."""
    at = _after_tags(content)
    if at >= len(content):
        looking.find("media_damaged", why=_CUT)
        return content[:3] == b"ID3"
    if content[at : at + 4] == b"fLaC":
        return _opens_flac(looking, content, at)
    for match in re.finditer(rb"\xff[\xe0-\xff]", content[at : at + _SEARCHED_BYTES]):
        if _are_frames(content, at + match.start()):
            return True
    return False


def _after_tags(content: mmap.mmap) -> int:
    """Return where the descriptions end; a size in them has seven bits in each byte."""
    at = 0
    while content[at : at + 3] == b"ID3" and at + 10 <= len(content):
        size = 0
        for each in content[at + 6 : at + 10]:
            size = size << 7 | each & 0x7F
        at += 10 + size + (10 if content[at + 5] & 0x10 else 0)
    return at


def _opens_flac(looking: Looking, content: mmap.mmap, at: int) -> bool:
    """Walk the descriptions of FLAC to the first frame; the first of them tells what the sound is."""
    at, is_last, is_first = at + 4, False, True
    while not is_last and at + 4 <= len(content):
        kind, length = content[at] & 0x7F, int.from_bytes(content[at + 1 : at + 4], "big")
        if is_first and (kind, length) != (0, 34):
            return False
        is_last, is_first = bool(content[at] & 0x80), False
        at += 4 + length
    if at + 2 > len(content) or content[at : at + 2] not in (b"\xff\xf8", b"\xff\xf9"):
        looking.find("media_damaged", why=_CUT)
    return True


def _are_frames(content: mmap.mmap, at: int) -> bool:
    """Say whether frames of MP3 or AAC follow each other from a place, or one reaches the file's end."""
    for _ in range(_FRAMES):
        length = _frame_bytes(content[at : at + 7])
        if not length:
            return False
        at += length
        if at >= len(content):
            return True
    return True


def _frame_bytes(header: bytes) -> int:
    """Return how long a frame says that it is; 0 for what is no frame."""
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    if layer == 4:
        # ADTS, the frames of AAC, has a layer of nothing and tells its length.
        return (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5 if header[1] & 0xF0 == 0xF0 else 0
    rate, pace, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or not 0 < rate < 15 or pace == 3:
        return 0
    bits, hertz = _MP3_KBIT[version == 3, layer][rate - 1] * 1000, _MP3_HERTZ[version][pace]
    if layer == 1:
        return (12 * bits // hertz + padding) * 4
    return (72 if layer == 3 and version != 3 else 144) * bits // hertz + padding
