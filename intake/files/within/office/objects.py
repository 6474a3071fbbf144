"""Objects within Office documents: files that lie in them, and ones made to break Office."""

from __future__ import annotations

import io
import re
import struct
from pathlib import PurePosixPath

import olefile

from intake.files.looking import Looking
from intake.files.within.office import links

OLE_BEGINS = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MAX_OBJECT_BYTES = 128 * 1024 * 1024
# Of the equation editor's font names; the buffer that is overrun holds 40 (CVE-2017-11882).
_FONT_NAME_BYTES = 40
_EQUATION_HEADER_BYTES = 28
_EQUATION_CLASS = "0002CE02-0000-0000-C000-000000000046"
_FONT = re.compile(rb"[\x08\x18\x28\x38\x48\x58\x68\x78\x88]..[^\0]{%d}" % _FONT_NAME_BYTES, re.DOTALL)
_PACKAGE, _LINKED = 2, 1
_URL_MONIKER = bytes.fromhex("e0c9ea79f9bace118c8200aa004ba90b")
_FILE_MONIKER = bytes.fromhex("0303000000000000c000000000000046")
_PLACE_IN_WIDE = re.compile(
    rb"(?:h\0t\0t\0p\0(?:s\0)?:\0/\0/\0|f\0t\0p\0:\0/\0/\0|\\\0\\\0)(?:[\x21-\x7e]\0){3,1000}", re.I
)
_PLACE = re.compile(rb"(?:https?://|ftp://|\\\\)[\x21-\x7e]{3,1000}", re.IGNORECASE)
# Which kind of Office file an embedded package is, told by the folder of its main part.
_KINDS = ((b"word/", "docx"), (b"xl/", "xlsx"), (b"ppt/", "pptx"))


def look(looking: Looking, container: olefile.OleFileIO) -> None:
    """Take out the files that lie as objects in an OLE container, and find what is wrong with them."""
    is_equation = str(container.root.clsid).upper() == _EQUATION_CLASS
    for path in container.listdir():
        name = path[-1].lower()
        if is_equation and name == "\x01ole10native":
            looking.find("office_exploit", what="ekvation i ett annat objekts gestalt (CVE-2017-11882)")
        reader = _READERS.get(name)
        if reader and container.get_size(path) <= MAX_OBJECT_BYTES:
            reader(looking, read_stream(container, path))


def read_stream(container: olefile.OleFileIO, path: str | list[str]) -> bytes:
    """Return a stream, or what is there of one that is cut off."""
    try:
        return bytes(container.openstream(path).read())
    except (OSError, ValueError):
        return b""


def take_out_package(looking: Looking, native: bytes) -> bool:
    """Take out the file that a "Package" object holds, or find what it leads to.

    Say whether there was one.

    Its layout is [MS-OLEDS] 2.3.6 with the fields that Windows' packager puts first: its label, the path
    it came from and the path it is unpacked to.
    """
    try:
        (kind,) = struct.unpack_from("<H", native)
        if kind != _PACKAGE:
            return False
        at = 2
        label, at = _line(native, at)
        path, at = _line(native, at)
        (how,) = struct.unpack_from("<H", native, at + 2)
        if how == _LINKED:
            looking.find("office_object", name=path)
            return True
        (length,) = struct.unpack_from("<I", native, at + 4)
        at += 8 + length
        (size,) = struct.unpack_from("<I", native, at)
    except (ValueError, struct.error):
        return False
    content = native[at + 4 : at + 4 + size]
    if not content or not label.isprintable():
        return False
    name = _name(label, path)
    looking.find("office_object", name=name)
    looking.take_out(name, io.BytesIO(content), is_child=True)
    return True


def _name(label: str, path: str) -> str:
    """Return what a packaged file is called: its label, unless its path tells that it is another kind.

    The label is only what is shown. A path may be DOS's: ``BREV~1.DOC`` for ``Brev.docx``.
    """
    last = re.split(r"[\\/]", path)[-1]
    kind = PurePosixPath(last).suffix.lower()
    return label if PurePosixPath(label).suffix.lower().startswith(kind or ".") else last


def _line(content: bytes, at: int) -> tuple[str, int]:
    end = content.index(b"\0", at, at + 1024)
    return content[at:end].decode("cp1252", "replace"), end + 1


def _native(looking: Looking, content: bytes) -> None:
    if not take_out_package(looking, content[4:]):
        looking.take_out("objekt", io.BytesIO(content), is_child=False)


def judge_equation(looking: Looking, content: bytes) -> None:
    """Find an equation that overruns the equation editor, which Office ran without being asked."""
    if len(content) > _EQUATION_HEADER_BYTES and _FONT.search(content, _EQUATION_HEADER_BYTES):
        looking.find("office_exploit", what="ekvation (CVE-2017-11882)")


def _package(looking: Looking, content: bytes) -> None:
    """Take out an Office file of the newer kind that lies in an object."""
    if content.startswith(b"PK"):
        kind = next((kind for folder, kind in _KINDS if folder in content), None)
        looking.take_out(f"objekt.{kind or 'zip'}", io.BytesIO(content), is_child=kind is not None)


def _contents(looking: Looking, content: bytes) -> None:
    if content.startswith(b"%PDF-"):
        looking.take_out("objekt.pdf", io.BytesIO(content), is_child=True)


def judge_moniker(looking: Looking, content: bytes) -> None:
    """Find a linked object that lies on the web or on another computer (CVE-2017-0199)."""
    if is_moniker(content):
        for place in places(content):
            links.judge_fetched(looking, place)


def is_moniker(content: bytes) -> bool:
    """Say whether binary data names a place to fetch from, as linked objects do."""
    return _URL_MONIKER in content or _FILE_MONIKER in content


def places(content: bytes) -> set[str]:
    """Return the web addresses and shares that stand in binary data."""
    wide = {match[0].decode("utf-16-le") for match in _PLACE_IN_WIDE.finditer(content)}
    return wide | {match[0].decode("ascii") for match in _PLACE.finditer(content)}


_READERS = {
    "\x01ole10native": _native,
    "equation native": judge_equation,
    "package": _package,
    "contents": _contents,
    "\x01ole": judge_moniker,
}
