"""Office's older container: macros, objects and passwords."""

from __future__ import annotations

import io
import re
import struct
from pathlib import Path

import olefile

from intake.files.looking import Looking
from intake.files.within.office import biff, binary, locked, macros, objects
from intake.files.within.office.objects import read_stream

# Objects hold containers, which hold objects; an ordinary document has one such level.
_MAX_LEVEL = 3
# The stream that each kind of document has, in lower case; the last is a letter saved by Outlook.
_MAIN = ("worddocument", "workbook", "book", "powerpoint document", "pp40", "__properties_version1.0")
# Of all that olefile remarks on, this is what a missing end gives; the rest occurs in ordinary files.
_CUT_OFF = re.compile("out of range|incomplete")
_LOCKED_WHOLE = ("encryptedpackage", "\tdrmcontent", "encryptioninfo")


def look(looking: Looking) -> None:
    """Tell what an older Office document, or a locked newer one, holds and would do."""
    try:
        container = olefile.OleFileIO(str(looking.file))
    except (OSError, ValueError):
        looking.find("office_unreadable", why="behållaren är skadad eller avbruten")
        return
    with container:
        streams = {name[0].lower() for name in container.listdir() if len(name) == 1}
        if not streams.isdisjoint(_LOCKED_WHOLE):
            locked.judge(looking)
        elif streams.isdisjoint(_MAIN):
            looking.find("office_unreadable", why="det finns inget dokument i behållaren")
        elif _is_locked(container, streams):
            locked.judge(looking)
        else:
            look_inside(looking, container, looking.file)
            if any(_CUT_OFF.search(what) for _, what in container.parsing_issues):
                looking.find("office_damaged")


def look_at_object(looking: Looking, content: bytes, level: int = 1) -> bool:
    """Tell what an object within a document holds; say whether it could be opened as a container."""
    if not content.startswith(objects.OLE_BEGINS) or level > _MAX_LEVEL:
        looking.take_out("objekt", io.BytesIO(content), is_child=False)
        return False
    try:
        container = olefile.OleFileIO(io.BytesIO(content))
    except (OSError, ValueError):
        looking.take_out("objekt", io.BytesIO(content), is_child=False)
        return False
    with container:
        look_inside(looking, container, content, level)
    return True


def look_inside(looking: Looking, container: olefile.OleFileIO, source: Path | bytes, level: int = 0) -> None:
    """Tell what a container holds, wherever it lay; ``source`` is the whole of it."""
    paths = container.listdir()
    if not any(path[-1].lower() == "powerpoint document" for path in paths):
        macros.judge_project(looking, source, "VBA")
    objects.look(looking, container)
    for path in paths:
        name = path[-1].lower()
        if name in ("workbook", "book"):
            biff.look(looking, read_stream(container, path))
        elif name in ("worddocument", "0table", "1table"):
            binary.judge_words(looking, read_stream(container, path))
        elif name == "powerpoint document":
            for each in binary.objects_in_slides(read_stream(container, path)):
                look_at_object(looking, each, level + 1)


def _is_locked(container: olefile.OleFileIO, streams: set[str]) -> bool:
    """Say whether a document of the older kind is enciphered, by the mark that each kind has."""
    if "worddocument" in streams:
        head = read_stream(container, "WordDocument")[:12]
        return len(head) == 12 and bool(struct.unpack_from("<H", head, 10)[0] & 0x0100)
    if "current user" in streams:
        return read_stream(container, "Current User")[12:16] == b"\xdf\xc4\xd1\xf3"
    book = "Workbook" if "workbook" in streams else "Book"
    return bool({"workbook", "book"} & streams) and biff.is_locked(read_stream(container, book))
