"""Files that lie in a PDF: taken out, since the virus scanner does not see them where they are."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pikepdf

from intake.files.looking import Looking
from intake.files.names import clean_name, extension
from intake.files.within.pdf.contents import has_entities
from intake.files.within.pdf.reading import MAX_STREAM_BYTES, Part, find_some, is_stream, unpacked, words
from intake.files.within.pdf.targets import PROGRAMS, shown

MAX_FILES = 100
_XML_HEAD_BYTES = 1 << 20

# What invoices, formulas and layouts keep beside their pages, and nothing runs by itself.
_PLAIN = words(
    "xml json tex bib sty cls md markdown yaml yml toml ini tsv dat ttl rdf gml geojson asc sig p7s xsd "
    "xslt cff icc joboptions properties mml mathml svgz dtx ins nb m r c h f90 cpp hpp pgf tikz csl "
    "drawio rst adoc log lua"
)
_RUNS = re.compile(
    rb"MZ|\x7fELF|#!|\xca\xfe\xba\xbe|\xcf\xfa\xed\xfe|\xce\xfa\xed\xfe|L\0\0\0\x01\x14\x02\0|dex\n|"
    rb"(?:\xef\xbb\xbf)?\s*<(?i:!doctype html|html|script|svg|hta|\?php|iframe|job|package|component)\b"
)
_ARCHIVE = re.compile(rb"PK[\x03\x05\x07]|Rar!|7z\xbc\xaf|\x1f\x8b|BZh|\xfd7zXZ|MSCF|\xd0\xcf\x11\xe0|ITSF")


def look(looking: Looking, parts: Iterable[Part]) -> None:
    """Take out every file that lies within, each once, up to a number and a size."""
    left = looking.limits.inside.max_unpacked_bytes
    seen: set[tuple[int, int]] = set()
    for name, stream in _files(parts):
        if stream.objgen in seen:
            continue
        seen.add(stream.objgen)
        content = unpacked(stream, min(left, MAX_STREAM_BYTES)) if len(seen) <= MAX_FILES else None
        if content is None:
            looking.find("pdf_partly_read")
            continue
        left -= len(content)
        _take_out(looking, name, content)


def _files(parts: Iterable[Part]) -> Iterator[tuple[str, Any]]:
    """Yield name and stream of each file, those with a name first."""
    nameless: list[tuple[str, Any]] = []
    for part in parts:
        inner = part.at("/EF")
        for stream in (inner.get(entry) for entry in inner.names) if inner else ():
            if is_stream(stream):
                yield _name(part), stream
        if part.stream is not None and part.name("/Type") == "/EmbeddedFile":
            nameless.append(("", part.stream))
    yield from nameless


def _name(part: Part) -> str:
    for entry in ("/UF", "/F", "/Unix", "/DOS", "/Mac"):
        value = part.get(entry)
        if isinstance(value, pikepdf.String) and str(value):
            return str(value)
    return ""


def _take_out(looking: Looking, raw_name: str, content: bytes) -> None:
    """Take a file out: as one of its own where we take its type or it could run, else for the scanner."""
    name = clean_name(raw_name).shown
    if not content:
        return
    kind = extension(name)
    could_run = _RUNS.match(content) is not None or kind in PROGRAMS
    is_child = kind in looking.limits.types or could_run or _ARCHIVE.match(content) is not None
    looking.take_out(name, io.BytesIO(content), is_child=is_child)
    if is_child or not raw_name or _is_plain(kind, content):
        find_some(looking, "pdf_attachment", name=shown(name))
    else:
        find_some(looking, "pdf_odd_attachment", name=shown(name))
    if (
        not is_child
        and content.lstrip()[:1] == b"<"
        and has_entities(content[:_XML_HEAD_BYTES].decode("utf-8", "replace"))
    ):
        looking.find("pdf_xml_entities")


def _is_plain(kind: str, content: bytes) -> bool:
    return kind in _PLAIN and (b"\0" not in content[:65536] or content[:2] in (b"\xff\xfe", b"\xfe\xff"))
