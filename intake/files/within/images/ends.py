"""Where a picture ends within its file, by the marks of its own format."""

from __future__ import annotations

import mmap
import struct

from intake.files.within.media import boxes

Content = mmap.mmap | bytes


def end_of(content: Content) -> int | None:
    """Return where a picture ends; its length where the format has no end, None where the end is missing."""
    if content[:2] == b"\xff\xd8":
        return jpeg_end(content)
    if content[:4] == b"\x89PNG":
        return _png_end(content)
    if content[:4] == b"GIF8":
        return _gif_end(content)
    if content[:4] == b"RIFF":
        end = int.from_bytes(content[4:8], "little") + 8
        return None if end > len(content) else end
    if content[:2] == b"BM":
        return _bmp_end(content)
    if content[4:8] == b"ftyp":
        return None if boxes.is_cut(content) else boxes.end_of(content, 0)
    return len(content)


def jpeg_end(content: Content, offset: int = 0) -> int | None:
    """Return where the JPEG at ``offset`` ends; None where its end is missing."""
    at = offset + 2
    while at + 4 <= len(content):
        marker = content[at + 1]
        if content[at] != 0xFF or marker in (0x00, 0xFF):
            # Readers pass what stands between segments, up to what may begin the next one.
            at = content.find(b"\xff", at + 1)
            if at < 0:
                return None
        elif marker == 0xD9:
            return at + 2
        elif marker == 0xDA:
            # Coded pixels hold no such pair of bytes.
            end = content.find(b"\xff\xd9", at)
            return end + 2 if end >= 0 else None
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return None


def _png_end(content: Content) -> int | None:
    at = 8
    while at + 12 <= len(content):
        length, kind = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        if not kind.isalpha():
            return at
        at += 12 + length
        if kind == b"IEND":
            return at
    return None


def _gif_end(content: Content) -> int | None:
    if len(content) < 13:
        return None
    flags = content[10]
    at = 13 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
    while at < len(content):
        mark = content[at]
        if mark == 0x3B:
            return at + 1
        if mark == 0x21:
            at += 2
        elif mark == 0x2C and at + 10 <= len(content):
            flags = content[at + 9]
            at += 11 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
        else:
            return at
        while at < len(content) and content[at]:
            at += content[at] + 1
        at += 1
    # Old programs leave out the last mark.
    return at if at == len(content) else None


def is_odd_bmp(content: Content, max_pixels: int) -> bool:
    """Say whether a bitmap's header makes sense, though its colours may be laid out as hardly anyone does."""
    if content[:2] != b"BM" or len(content) < 34:
        return False
    pixels_at, header, width, height, planes, bits = struct.unpack_from("<IIiiHH", content, 10)
    return (
        header in (16, 40, 52, 56, 64, 108, 124)
        and 14 + header <= pixels_at < len(content)
        and 0 < width * abs(height) <= max_pixels
        and (planes, bits in (0, 1, 2, 4, 8, 16, 24, 32)) == (1, True)
    )


def _bmp_end(content: Content) -> int:
    if len(content) < 34:
        return len(content)
    said, pixels_at, header, width, height = struct.unpack_from("<I4xIIii", content, 2)
    bits, packed = struct.unpack_from("<HI", content, 28)
    if header < 40 or packed not in (0, 3):
        return len(content)
    # The size that the header tells is often wrong; what the pixels take is not.
    row_bytes = (abs(width) * bits + 31) // 32 * 4
    return int(max(said, pixels_at + row_bytes * abs(height)))
