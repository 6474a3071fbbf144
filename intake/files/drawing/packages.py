"""The words of Office files without LibreOffice: read from the zip of XML, capped, and nothing followed."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from intake.files.drawing.canvas import Canvas
from intake.files.drawing.ways import ODP, ODS, ODT, PPTX, XLSX, OfficeKind

MAX_PART_BYTES = 64 * 1024 * 1024
MAX_ENTRIES = 10_000
# The strings of a spreadsheet stand together, apart from the cells that show them.
MAX_STRINGS = 500_000
_DAMAGED = (zipfile.BadZipFile, zlib.error, ParseError, DefusedXmlException, OSError, ValueError,
            RuntimeError, NotImplementedError, EOFError, RecursionError)  # fmt: skip

_SLIDES = r"ppt/(slides/slide|notesSlides/notesSlide)\d+\.xml"
_DOCUMENT = r"word/(document|footnotes|endnotes|comments|header\d*|footer\d*)\.xml"


class _Capped:
    """A part of a zip that ends after so many bytes, whatever the zip says of its size."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._left = MAX_PART_BYTES

    def read(self, size: int = -1) -> bytes:
        piece = self._stream.read(min(size if size >= 0 else self._left, self._left))
        self._left -= len(piece)
        return piece


def draw_words(file: Path, kind: OfficeKind, canvas: Canvas) -> None:
    """Write the words of an Office file, as far as it can be read."""
    try:
        with zipfile.ZipFile(file) as package:
            for line in _lines(package, kind):
                canvas.write(line + "\n")
                if not (canvas.has_room_for_text and canvas.has_time):
                    return
    except _DAMAGED:
        canvas.lack("Filen är skadad. Det som gick att läsa visas.")


def _lines(package: zipfile.ZipFile, kind: OfficeKind) -> Iterator[str]:
    if kind in (ODT, ODS, ODP):
        yield from _opendocument(package)
    elif kind is XLSX:
        yield from _sheets(package)
    else:
        yield from _paragraphs(package, _SLIDES if kind is PPTX else _DOCUMENT)


def _paragraphs(package: zipfile.ZipFile, pattern: str) -> Iterator[str]:
    for part in _parts(package, pattern):
        for name, element in _elements(package, part):
            if name == "p":
                yield "".join(_runs(element))
                element.clear()


def _runs(paragraph: Element) -> Iterator[str]:
    for element in paragraph.iter():
        name = _local(element)
        if name in ("t", "delText"):
            yield element.text or ""
        elif name == "tab":
            yield "\t"
        elif name in ("br", "cr"):
            yield "\n"


def _opendocument(package: zipfile.ZipFile) -> Iterator[str]:
    for part in _parts(package, r"content\.xml"):
        for name, element in _elements(package, part):
            if name in ("p", "h"):
                yield "".join(element.itertext())
                element.clear()


def _sheets(package: zipfile.ZipFile) -> Iterator[str]:
    strings: list[str] = []
    for part in _parts(package, r"xl/sharedStrings\.xml"):
        for name, element in _elements(package, part):
            if name == "si" and len(strings) < MAX_STRINGS:
                strings.append("".join(_runs(element)))
                element.clear()
    for part in _parts(package, r"xl/worksheets/[^/]+\.xml"):
        for name, element in _elements(package, part):
            if name == "row":
                yield "\t".join(_cell(cell, strings) for cell in element if _local(cell) == "c")
                element.clear()


def _cell(cell: Element, strings: list[str]) -> str:
    value = next((each.text or "" for each in cell if _local(each) == "v"), "")
    if cell.get("t") == "s":
        return strings[int(value)] if value.isdecimal() and int(value) < len(strings) else ""
    return value or "".join(_runs(cell))


def _parts(package: zipfile.ZipFile, pattern: str) -> list[str]:
    """Return the names of parts in the order of their numbers, however they are ordered in the zip."""
    names = {name for name in package.namelist()[:MAX_ENTRIES] if re.fullmatch(pattern, name)}
    return sorted(names, key=lambda name: ("document" not in name, len(name), name))


def _elements(package: zipfile.ZipFile, part: str) -> Iterator[tuple[str, Element]]:
    with package.open(part) as stream:
        read: Any = _Capped(stream)
        for _, element in iterparse(read, forbid_dtd=True):
            yield _local(element), element


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]
