"""What stands after the end of a file's own content, or makes it a file of another kind as well."""

from __future__ import annotations

import mmap
import os
import re
import struct
from pathlib import Path

from intake.files.looking import Looking
from intake.files.within.images import ends
from intake.files.within.media import boxes

# A reader of PDF takes a header anywhere in here, whatever comes before it.
_PDF_HEAD_BYTES = 1024
# Some telephones and programs leave a few words; less than this is nobody's hiding place.
_ORDINARY_TAIL_BYTES = 256
# Programs fill up to a block's end with one byte or another.
_PADDING_VALUES = 3
_SEARCHED_BYTES = 1024 * 1024
_ZIP_END_BYTES = 22
_ZIP_COMMENT_BYTES = 65_535

# What would run or unpack by itself if the file were opened as something else.
_HIDDEN = tuple(
    (what, re.compile(b"|".join(patterns), re.DOTALL | flags))
    for what, flags, patterns in (
        ("ett arkiv", 0, (
            rb"PK\x03\x04[\x00-\x3f][\x00-\x13]", rb"Rar!\x1a\x07", rb"7z\xbc\xaf\x27\x1c", rb"MSCF\x00{4}",
            rb"BZh[1-9]1AY&SY", rb"\x1f\x8b\x08[\x00-\x1f].{4}[\x00\x02\x04][\x00-\x0d\xff]",
        )),
        ("ett program", 0, (
            rb"MZ.{58}[\x40-\xff][\x00-\x03]\x00\x00", rb"\x7fELF[\x01\x02][\x01\x02]\x01",
            rb"This program cannot be run in DOS mode", rb"\xca\xfe\xba\xbe\x00\x00\x00[\x2d-\x50]",
        )),
        ("ett PDF-dokument", 0, (rb"%PDF-\d",)),
        ("ett Office-dokument", 0, (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",)),
        ("en webbsida eller ett skript", re.IGNORECASE, (
            rb"<(!doctype\s+html|html|head|body|script|iframe|svg|hta:)[\s>/=:]", rb"<\?php", rb"^\s*#!\s*/",
            rb"powershell(\.exe)?\s+-", rb"cmd\.exe", rb"wscript\.shell",
        )),
    )
)  # fmt: skip
_SCRIPT = re.compile(rb"<\?php|<script[\s>]|<iframe[\s>]|<!doctype\s+html|<html[\s>]", re.IGNORECASE)
# Trailers of cameras and picture programs: Samsung, Google, Vivo, Oppo, Huawei, Xiaomi, Canon, Insta360,
# Photo Mechanic, FotoStation, AFCP and MIE.
_CAMERAS = re.compile(
    rb"SEF[HT]|MotionPhoto_Data|vivo\{|jxrs|oppo|QDIOBS|CANON OPTIONAL DATA|cbipcbbl|\xa1\xb2\xc3\xd4|AXS[!*]"
    rb"|~\x10\x04.{4}zmie|PMPD|HUAWEI|DepthP|edof|LIVE_\d|xiaomi|watermark|8db42d694ccc418790edff439fe026bf",
    re.DOTALL | re.IGNORECASE,
)
_PADDING = re.compile(rb"[\x00\xff\s]*")


def judge_whole(looking: Looking) -> None:
    """Find what makes a file that is neither zip nor PDF one of those as well."""
    with looking.file.open("rb") as file:
        if b"%PDF-" in file.read(_PDF_HEAD_BYTES):
            looking.find("hidden_content", what="ett PDF-dokument")
    if ends_as_zip(looking.file):
        looking.find("hidden_content", what="ett arkiv")


def judge_script(looking: Looking) -> None:
    """Find a script in what describes a picture; it does not run there, but nobody's camera writes it."""
    if _SCRIPT.search(looking.head()[: 256 * 1024]):
        looking.find("script_in_picture")


def judge_tail(looking: Looking, offset: int) -> None:
    """Find what stands after the content's end, ``offset`` bytes in; more pictures or films are ordinary."""
    if offset >= looking.size_bytes:
        return
    with looking.file.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        start = _after_pictures(content, offset)
        rest = content[start : start + _SEARCHED_BYTES]
        left_bytes = len(content) - start
        ends = content[-64:]
    for what, pattern in _HIDDEN:
        if pattern.search(rest):
            looking.find("hidden_content", what=what)
            return
    is_padding = left_bytes <= len(rest) and len(set(rest)) <= _PADDING_VALUES
    if left_bytes > _ORDINARY_TAIL_BYTES and not is_padding and not _CAMERAS.search(rest[:65536] + ends):
        looking.find("trailing_data", size=f"{left_bytes:,}".replace(",", " "))


def ends_as_zip(file: Path) -> bool:
    """Say whether a program that unpacks zips would find one in a file: it looks from the end."""
    with file.open("rb") as stream:
        size_bytes = stream.seek(0, os.SEEK_END)
        tail_at = stream.seek(max(0, size_bytes - _ZIP_COMMENT_BYTES - _ZIP_END_BYTES))
        tail = stream.read()
        for match in re.finditer(rb"PK\x05\x06", tail[: -_ZIP_END_BYTES + 4]):
            (length,) = struct.unpack_from("<I", tail, match.start() + 12)
            directory_at = tail_at + match.start() - length
            if directory_at >= 0:
                stream.seek(directory_at)
                if stream.read(4) == b"PK\x01\x02":
                    return True
    return False


def _after_pictures(content: mmap.mmap, offset: int) -> int:
    """Return where the last of the pictures and films ends that cameras put after the first."""
    for _ in range(64):
        at = offset
        while padding := _PADDING.match(content[at : at + 65536]):
            if not padding.end():
                break
            at += padding.end()
        # Padding swallows what the next one begins with: a byte of 255, or zeros of a size.
        picture_at = content.find(b"\xff\xd8\xff", max(offset, at - 1), at + 3)
        film_at = content.find(b"ftyp", at, at + 8) - 4
        if picture_at >= 0:
            end = ends.jpeg_end(content, picture_at) or offset
        elif film_at >= offset:
            end = boxes.end_of(content, film_at)
        else:
            return offset
        if end <= offset:
            return offset
        offset = end
    return offset
