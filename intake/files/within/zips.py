"""A zip's directory, judged before anything in it is unpacked: archives and Office files alike."""

from __future__ import annotations

import lzma
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from config.files import InsideLimits
from intake.files.looking import Looking
from intake.files.refusal import megabytes

# A small file may well be packed hard; only what becomes large is dangerous.
_HARMLESS_BYTES = 20 * 1024 * 1024
_COMMENT_BYTES = 65_535
_END_BYTES = 22
_LARGE_END_BYTES = 100
_LOCAL_HEADER_BYTES = 30
# Alignment, signing blocks of programs and descriptors leave small gaps between entries.
_ORDINARY_GAP_BYTES = 4096
# No name is longer than 64 KiB and hardly any than 1 KiB: a directory larger than this is not one of
# few entries, and reading it takes memory.
_DIRECTORY_BYTES_EACH = 1024
_LOCKED, _UTF_8 = 0x1, 0x800
_WINDOWS_LATIN = re.compile(rb"[\xc5\xc4\xd6\xe5\xe4\xf6\xe9]")
# Other values than these are no kinds of file, but what careless packers leave there.
_NO_FILES = (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFBLK, stat.S_IFCHR)
_CAN_UNPACK = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


class MemberDamaged(Exception):
    """What lies within a zip cannot be unpacked, or is not what the directory says."""


def open_checked(looking: Looking) -> zipfile.ZipFile | None:
    """Open a zip that may be unpacked; else find why not and return None.

    Its paths, links, passwords and methods are found too, but do not hinder the rest from being read.
    """
    limits = looking.limits.inside
    if _directory_bytes(looking.file) > limits.max_entries * _DIRECTORY_BYTES_EACH:
        looking.find("archive_too_large", why=f"den har fler än {limits.max_entries} filer")
        return None
    try:
        archive = zipfile.ZipFile(looking.file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error):
        looking.find("archive_damaged", why="innehållsförteckningen går inte att läsa")
        return None
    infos = archive.infolist()
    if any(info.header_offset < 0 for info in infos):
        looking.find("archive_damaged", why="innehållsförteckningen pekar fel")
        archive.close()
        return None
    if (why := _beyond(infos, limits)) or (why := _lying_over_each_other(looking, archive)):
        looking.find("archive_too_large", why=why)
        archive.close()
        return None
    for info in infos:
        _judge(looking, info)
    return archive


def shown_name(info: zipfile.ZipInfo) -> str:
    """Return an entry's path as a person wrote it, with slashes.

    Old packers name no encoding: theirs is DOS's (Windows' own, ÅÄÖ the same in all its Western
    tables), UTF-8 (macOS) or Windows' Latin.
    """
    if info.flag_bits & _UTF_8:
        return info.orig_filename.replace("\\", "/")
    raw = info.orig_filename.encode("cp437", "replace")
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        is_windows = _WINDOWS_LATIN.search(raw) and not re.search(rb"[\x80-\x9f]", raw)
        name = raw.decode("cp1252" if is_windows else "cp850")
    return name.replace("\\", "/")


def end_of(path: Path) -> int:
    """Return where a zip that could be opened ends, with its comment."""
    with path.open("rb") as file:
        start, tail, at = _tail(file)
    (comment_bytes,) = struct.unpack_from("<H", tail, at + 20)
    return start + at + _END_BYTES + int(comment_bytes)


def is_folder(info: zipfile.ZipInfo) -> bool:
    """Say whether an entry is a folder, or has no name that anything could be saved under."""
    return info.filename.endswith("/") or not info.filename


def is_locked(info: zipfile.ZipInfo) -> bool:
    """Say whether an entry is protected with a password."""
    return bool(info.flag_bits & _LOCKED)


def can_unpack(info: zipfile.ZipInfo) -> bool:
    """Say whether an entry can be unpacked by us: not locked, and by a method that we have."""
    return not is_locked(info) and info.compress_type in _CAN_UNPACK


@contextmanager
def reading(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[BinaryIO]:
    """Give an entry's content as a stream, no longer than the directory says.

    Raise MemberDamaged when it cannot be unpacked or is not the content that the directory promises.
    """
    try:
        with archive.open(info) as stream:
            yield cast(BinaryIO, stream)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, struct.error,
            zlib.error, lzma.LZMAError) as error:  # fmt: skip
        raise MemberDamaged(shown_name(info)) from error
    except OSError as error:
        # A full disk is our own fault; what has no number is bzip2's word for damage.
        if error.errno is not None:
            raise
        raise MemberDamaged(shown_name(info)) from error


def read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, at_most_bytes: int) -> bytes:
    """Return the first bytes of an entry; raises MemberDamaged."""
    with reading(archive, info) as stream:
        return stream.read(at_most_bytes)


def _tail(file: BinaryIO) -> tuple[int, bytes, int]:
    """Return where a zip's last bytes start, those bytes, and where in them its end record stands."""
    size_bytes = file.seek(0, os.SEEK_END)
    start = max(0, size_bytes - _COMMENT_BYTES - _END_BYTES - _LARGE_END_BYTES)
    file.seek(start)
    tail = file.read()
    return start, tail, tail.rfind(b"PK\x05\x06", 0, max(0, len(tail) - _END_BYTES + 4))


def _directory_bytes(path: Path) -> int:
    """Return how large the directory says it is; 0 where there is none."""
    with path.open("rb") as file:
        _, tail, at = _tail(file)
    if at < 0:
        return 0
    (length,) = struct.unpack_from("<I", tail, at + 12)
    large = tail.rfind(b"PK\x06\x06", 0, at)
    if length == 0xFFFFFFFF and large >= 0 and len(tail) - large >= 48:
        (length,) = struct.unpack_from("<Q", tail, large + 40)
    return int(length)


def _beyond(infos: list[zipfile.ZipInfo], limits: InsideLimits) -> str | None:
    """Return what is too much of a zip, in words; None where nothing is."""
    unpacked = sum(info.file_size for info in infos)
    packed = sum(info.compress_size for info in infos)
    if len(infos) > limits.max_entries:
        return f"den har fler än {limits.max_entries} filer"
    if unpacked > limits.max_unpacked_bytes:
        return f"den blir större än {megabytes(limits.max_unpacked_bytes)} när den packas upp"
    if unpacked > max(_HARMLESS_BYTES, packed * limits.max_ratio) or any(
        info.file_size > max(_HARMLESS_BYTES, info.compress_size * limits.max_ratio) for info in infos
    ):
        return f"den blir mer än {limits.max_ratio} gånger större när den packas upp"
    return None


def _lying_over_each_other(looking: Looking, archive: zipfile.ZipFile) -> str | None:
    """Return in words that entries share bytes, as bombs do; find what lies hidden between them."""
    ends_at = 0
    with looking.file.open("rb") as file:
        for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
            if info.header_offset < ends_at:
                return "flera filer i den delar samma innehåll"
            _find_hidden(looking, file, ends_at, info.header_offset)
            file.seek(info.header_offset)
            header = file.read(_LOCAL_HEADER_BYTES)
            if len(header) == _LOCAL_HEADER_BYTES:
                name_bytes, extra_bytes = struct.unpack_from("<HH", header, 26)
                ends_at = info.header_offset + _LOCAL_HEADER_BYTES + name_bytes + extra_bytes
                ends_at += info.compress_size
        _find_hidden(looking, file, ends_at, archive.start_dir)
    return None


def _find_hidden(looking: Looking, file: BinaryIO, start: int, end: int) -> None:
    """Find what lies between two entries that the directory does not know of."""
    file.seek(start)
    if end - start > _ORDINARY_GAP_BYTES or file.read(4)[: max(0, end - start)] == b"PK\x03\x04":
        looking.find("archive_hides")


def _judge(looking: Looking, info: zipfile.ZipInfo) -> None:
    """Find what is wrong with one entry."""
    name = shown_name(info)
    parts = PurePosixPath(name).parts
    if ".." in parts or name.startswith("/") or re.match("[A-Za-z]:", name) or "\0" in name or not name:
        looking.find("archive_unsafe_path", name=name[:200])
    if stat.S_IFMT(info.external_attr >> 16) in _NO_FILES:
        looking.find("archive_link", name=name[:200])
    if is_locked(info):
        looking.find("file_encrypted")
    elif info.compress_type not in _CAN_UNPACK and not is_folder(info):
        looking.find("not_analysable", why=f"packningssätt {info.compress_type} kan inte läsas")
