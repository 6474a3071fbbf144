"""The XML parts of an Office package: read in windows, and never with a document type."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO, Literal
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, fromstring

WINDOW_BYTES = 4 * 1024 * 1024
# What is searched for is shorter than this, so none of it is lost where two windows meet.
OVERLAP_BYTES = 32 * 1024
_CHECKED_WINDOWS = 4

# What the standard allows, and the code pages that careless programs write all the same.
_ENCODINGS = re.compile(r"utf-?8|utf-?16([lb]e)?|(us-)?ascii|iso-8859-\d+|windows-125\d", re.IGNORECASE)
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([^\"']{0,40})")
# What may stand before the first element. OpenOffice named its own document types in the lists of a
# package; nothing can be declared in such a line.
_PASSED = re.compile(
    rb"\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE\s+[\w:-]+\s+PUBLIC\s+\"-//OpenOffice\.org//DTD [\w .]*//EN\"\s*"
    rb"\"[\w.]*\"\s*>",
    re.DOTALL,
)
_UTF_16: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"),
)  # fmt: skip

# "hidden" is a prolog in which something could hide from us that another program reads.
Prolog = Literal["element", "doctype", "hidden", "text"]


class XmlDamaged(Exception):
    """A part is not well-formed XML, or has a document type."""


class _Nothing:
    """What is told of the elements of a part that is only checked: nothing."""

    def close(self) -> None:
        pass


class Check:
    """Whether a part is whole XML without a document type, as far as its first windows tell."""

    def __init__(self) -> None:
        self._parser = DefusedXMLParser(target=_Nothing(), forbid_dtd=True)
        # Without this each tag is told to Python, which takes six times as long.
        self._parser.parser.DefaultHandlerExpand = None
        self._windows_left = _CHECKED_WINDOWS
        self._is_broken = False

    def feed(self, piece: bytes) -> None:
        """Read on."""
        if self._windows_left and not self._is_broken:
            self._windows_left -= 1
            self._try(lambda: self._parser.feed(piece))

    def is_passed(self) -> bool:
        """Say, after the last piece, whether nothing was wrong."""
        if self._windows_left and not self._is_broken:
            self._try(self._parser.close)
        return not self._is_broken

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except (ParseError, DefusedXmlException, ValueError):
            self._is_broken = True


def windows(stream: BinaryIO, check: Check | None = None) -> Iterator[bytes]:
    """Yield a part as UTF-8, in pieces that overlap a little; ``check`` reads along."""
    piece = stream.read(WINDOW_BYTES)
    decoder = _decoder(piece)
    kept = b""
    while piece:
        if check:
            check.feed(piece)
        text = decoder.decode(piece).encode("utf-8", "replace") if decoder else piece
        yield kept + text
        kept = (kept + text)[-OVERLAP_BYTES:]
        piece = stream.read(WINDOW_BYTES)


def as_utf_8(content: bytes) -> bytes:
    """Return a small part as UTF-8."""
    decoder = _decoder(content)
    return decoder.decode(content, True).encode("utf-8", "replace") if decoder else content


def _decoder(begins: bytes) -> codecs.IncrementalDecoder | None:
    encoding = next((name for mark, name in _UTF_16 if begins.startswith(mark)), None)
    return codecs.getincrementaldecoder(encoding)("replace") if encoding else None


def prolog_of(window: bytes) -> Prolog:
    """Say what a part's first window comes to after comments: an element, a document type, or mere text."""
    declared = _DECLARED.match(window.removeprefix(codecs.BOM_UTF8).lstrip())
    if declared and not _ENCODINGS.fullmatch(declared[1].decode("latin-1")):
        return "hidden"
    at = 3 if window.startswith(codecs.BOM_UTF8) else 0
    while passed := _PASSED.match(window, at):
        at = passed.end()
    if window.startswith((b"<?", b"<!--"), at):
        return "hidden"
    if window.startswith(b"<!", at):
        return "doctype"
    return "element" if window.startswith(b"<", at) else "text"


def tree(content: bytes) -> Element:
    """Return a small part as a tree; raises XmlDamaged."""
    try:
        return fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise XmlDamaged from error


def local(tag: str) -> str:
    """Return an element's or attribute's name without its namespace."""
    return tag.rpartition("}")[2]
