"""What is odd in a PDF without being an action: forms in XML, media, tricks that readers fall for."""

from __future__ import annotations

import html
import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import pikepdf

from intake.files.looking import Looking
from intake.files.within.pdf.forms import xfa_acts
from intake.files.within.pdf.reading import (
    Part,
    child,
    elements,
    find_some,
    is_stream,
    name_of,
    text_of,
    unpacked,
    words,
)
from intake.files.within.pdf.targets import is_odd, is_remote, shown, target_of

MAX_XML_BYTES = 16 * 1024 * 1024
MAX_FUNCTION_BYTES = 64 * 1024
MAX_XML_STREAMS = 300
# More than the largest scanned page; a stream that becomes larger is made to fill a memory.
BOMB_BYTES = 256 * 1024 * 1024
_SAMPLE_BYTES = 4096
_SAMPLE_RATIO = 200
_PIECE_BYTES = 1 << 16
_MOST_FILTERS = 5

_ENTITIES = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_MARKUP = re.compile(r"<\s*(?:script\b|(?:img|svg|iframe)\b[^>]*\b(?:src|on\w+)\s*=)", re.IGNORECASE)
_MEDIA = frozenset({"/Movie", "/Sound", "/Rendition", "/Screen"})
_RICH_MEDIA = frozenset({"/RichMedia", "/3D"})
# The calculator's words (ISO 32000, table 42), numbers and braces.
_CALCULATOR = words(
    "abs add atan ceiling cos cvi cvr div exp floor idiv ln log mod mul neg round sin sqrt sub truncate "
    "and bitshift eq false ge gt le lt ne not or true xor if ifelse copy dup exch index pop roll { }"
)


def look(looking: Looking, pdf: pikepdf.Pdf, parts: Iterable[Part]) -> None:
    """Find what is odd in entries and streams."""
    root = pdf.trailer.get("/Root")
    _look_at_form(looking, child(child(root, "/AcroForm"), "/XFA"))
    _look_at_xml(looking, child(root, "/Metadata"))
    if child(root, "/Collection") is not None:
        looking.find("pdf_portfolio")
    xml_streams = 0
    for part in parts:
        _look_at_entries(looking, part)
        if part.stream is not None:
            is_xml = part.name("/Type") == "/Metadata" or part.name("/Subtype") == "/XML"
            xml_streams += is_xml
            _look_at_stream(looking, part, is_xml=is_xml and xml_streams <= MAX_XML_STREAMS)


def _look_at_entries(looking: Looking, part: Part) -> None:
    subtype = part.name("/Subtype")
    if subtype in _RICH_MEDIA:
        looking.find("pdf_rich_media")
    elif subtype in _MEDIA or part.name("/S") in _MEDIA:
        looking.find("pdf_media")
    matrix = part.get("/FontMatrix")
    if matrix is not None and not _is_matrix(matrix):
        looking.find("pdf_font_trick")
    _look_at_reference(looking, part)
    if subtype and "/Rect" in part.names and any(_has_markup(part.get(name)) for name in part.names):
        looking.find("pdf_markup")


def _look_at_reference(looking: Looking, part: Part) -> None:
    """Find a reference to a file that no document needs; a film is fetched even from an ordinary address."""
    film = target_of(child(part.get("/Movie"), "/F"))
    address = target_of(part.entries) if part.name("/FS") == "/URL" and part.stream is None else ""
    if is_odd(film or address) or is_remote(film):
        find_some(looking, "pdf_reaches_out", target=shown(film or address))


def _is_matrix(value: Any) -> bool:
    """Say whether something is six numbers; a reader once ran what else stood there (CVE-2024-4367)."""
    if not isinstance(value, pikepdf.Array) or len(value) != 6:
        return False
    return all(not isinstance(each, pikepdf.Object | str | bytes) for each in elements(value))


def _has_markup(value: Any) -> bool:
    return isinstance(value, pikepdf.String) and _MARKUP.search(str(value)) is not None


def _look_at_stream(looking: Looking, part: Part, *, is_xml: bool) -> None:
    if part.get("/F") is not None:
        find_some(looking, "pdf_external_stream", target=shown(target_of(part.get("/F"))))
    if is_xml:
        _look_at_xml(looking, part.stream)
    if part.get("/FunctionType") == 4 and not _is_calculation(unpacked(part.stream, MAX_FUNCTION_BYTES)):
        looking.find("pdf_function_trick")
    if not _is_picture(looking, part) and is_bomb(part.stream):
        looking.find("pdf_bomb")


def _is_calculation(content: bytes | None) -> bool:
    """Say whether a function only calculates; one that cannot be read is drawn by no reader either."""
    if content is None:
        return True
    without_remarks = re.sub(r"%[^\r\n]*", "", content.decode("latin-1"))
    found = re.findall(r"[{}]|[^\s{}\x00]+", without_remarks)
    return all(each in _CALCULATOR or re.fullmatch(r"[-+]?[\d.]+(?:[eE]-?\d+)?", each) for each in found)


def _is_picture(looking: Looking, part: Part) -> bool:
    """Say whether a stream is a picture of an ordinary size: no more of it is read than its lines."""
    width, height = part.get("/Width"), part.get("/Height")
    if part.name("/Subtype") != "/Image" or not (isinstance(width, int) and isinstance(height, int)):
        return False
    return 0 < width * height <= looking.limits.inside.max_pixels


def is_bomb(stream: Any) -> bool:
    """Say whether a stream unpacks to more than any page needs; only what begins like that is unpacked."""
    filters = stream.stream_dict.get("/Filter")
    names = [
        name_of(each) for each in (elements(filters) if isinstance(filters, pikepdf.Array) else [filters])
    ]
    packed = [each for each in names if each in ("/FlateDecode", "/Fl")]
    if not packed or names[0] not in ("/FlateDecode", "/Fl"):
        return False
    try:
        raw = bytes(stream.read_raw_bytes())
    except (pikepdf.PdfError, RuntimeError):
        return False
    if len(packed) == 1:
        sample = raw[:_SAMPLE_BYTES]
        if _unpacked_bytes(sample, 1) < _SAMPLE_RATIO * len(sample):
            return False
    return _unpacked_bytes(raw, len(packed)) >= BOMB_BYTES


def _unpacked_bytes(raw: bytes, times: int) -> int:
    """Return how much a stream becomes, counted piece by piece up to a bomb's size."""
    pieces: Iterator[bytes] = iter([raw])
    for _ in range(min(times, _MOST_FILTERS)):
        pieces = _inflated(pieces)
    total = 0
    try:
        for piece in pieces:
            total += len(piece)
            if total >= BOMB_BYTES:
                break
    except zlib.error:
        # What comes after damage is unpacked by no reader.
        pass
    return total


def _inflated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj()
    for piece in pieces:
        left = piece
        while left:
            yield inflater.decompress(left, _PIECE_BYTES)
            left = inflater.unconsumed_tail


def _look_at_xml(looking: Looking, value: Any) -> None:
    if is_stream(value):
        text = text_of(value, MAX_XML_BYTES)
        if text is not None and has_entities(text):
            looking.find("pdf_xml_entities")


def has_entities(text: str) -> bool:
    """Say whether XML declares something to be fetched or repeated, in whatever encoding."""
    return _ENTITIES.search(text.replace("\0", "")) is not None


def _look_at_form(looking: Looking, value: Any) -> None:
    """Find what a form in XML (XFA) does; it lies in one stream, or in an array of names and streams."""
    if value is None:
        return
    pieces = [value] if is_stream(value) else elements(value) if isinstance(value, pikepdf.Array) else []
    texts = [text_of(each, MAX_XML_BYTES) for each in pieces if is_stream(each)]
    form = html.unescape("".join(each or "" for each in texts))
    if has_entities("".join(each or "" for each in texts)):
        looking.find("pdf_xml_entities")
    if None in texts or len(form) > MAX_XML_BYTES:
        looking.find("pdf_partly_read")
    looking.find("pdf_xfa_acts" if xfa_acts(form) else "pdf_xfa")
