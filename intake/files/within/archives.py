"""An archive: how large it becomes, and what lies within it."""

from __future__ import annotations

import zipfile

from intake.files.looking import Looking
from intake.files.names import extension
from intake.files.within import tails, zips

# A zip in a zip is judged as any file; one that lies deeper is how bombs are built.
MAX_DEPTH = 1
# How the file begins that macOS puts beside another for what has no room in a zip (RFC 1740).
_APPLE_DOUBLE = b"\x00\x05\x16\x07"


def look(looking: Looking) -> None:
    """Take out what lies within a zip, once its directory is found to be safe."""
    if looking.depth > MAX_DEPTH:
        looking.find("archive_nested")
        return
    archive = zips.open_checked(looking)
    if archive is None:
        return
    tails.judge_tail(looking, zips.end_of(looking.file))
    with archive:
        for info in archive.infolist():
            if not zips.is_folder(info) and not _is_ignored(looking, archive, info):
                _take_out(looking, archive, info)


def _is_ignored(looking: Looking, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    """Say whether a file in an archive is one that computers add by themselves."""
    name = zips.shown_name(info).rpartition("/")[2]
    if not name.startswith("._") or not zips.can_unpack(info):
        return name.casefold() in looking.limits.inside.ignored_names
    try:
        return zips.read(archive, info, len(_APPLE_DOUBLE)) == _APPLE_DOUBLE
    except zips.MemberDamaged:
        return False


def _take_out(looking: Looking, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    name = zips.shown_name(info)
    if zips.is_locked(info) and extension(name) not in looking.limits.types:
        # What cannot be opened is judged by the only thing that is seen of it.
        looking.find("archive_locked_unlisted", name=name[:200])
    if not zips.can_unpack(info):
        return
    try:
        with zips.reading(archive, info) as stream:
            looking.take_out(name, stream, is_child=True)
    except zips.MemberDamaged:
        looking.find("archive_damaged", why=f"{name[:200]} går inte att packa upp")
