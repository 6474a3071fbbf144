"""Reading a PDF with limits: its dictionaries one by one, its streams no larger than a cap."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pikepdf

from intake.files.looking import Looking


def words(text: str) -> frozenset[str]:
    """Return a list that is written as one text."""
    return frozenset(text.split())


MAX_OBJECTS = 250_000
MAX_PARTS = 30_000
MAX_DEPTH = 60
MOST_ALIKE = 3
# What one compressed stream may become while it is read; an attached file may be as large.
MAX_STREAM_BYTES = 192 * 1024 * 1024

# Names that stand for something to look at. What is searched is qpdf's own account of a parsed object:
# hex in names, object streams and encryption are gone from it, and a hit too many costs only time.
_WORTH_A_LOOK = re.compile(
    rb"/(?:(?:JS|OpenAction|AA|Launch|SubmitForm|ImportData|GoToR|GoToE|Thread|EF|EmbeddedFile|XFA|Collection|"
    rb"RichMedia|3D|Movie|Sound|Rendition|Metadata)\b|FunctionType 4\b|FS /URL\b|URI [(<\d]|FontMatrix )"
)
_MARKUP = re.compile(rb"<(?:img|script|svg|iframe)\b", re.IGNORECASE)
# Most files that have anything of it have only links to web pages; these need no second look.
_ORDINARY = re.compile(
    rb"/URI \((?![^)]*\.(?:exe|scr|hta|lnk|msi|bat|cmd|ps1|vbs|iso|jar|apk)\b)"
    rb"(?:https?://[A-Za-z][\w.-]*(?:[/?#][^\\()\s<>@]*)?|mailto:[\w.@+-]+)\)"
    rb"|/FontMatrix \[(?: -?[\d.]+){6} \]|/Metadata \d+ \d+ R|/Type /Thread\b",
    re.ASCII | re.IGNORECASE,
)
# A stream that lies in another file; one that may unpack to very much.
_ODD_STREAM = re.compile(
    rb"/F [(<\d\[]|/Filter (?:/Fl|\[ /Fl).*/Length \d{6}|"
    rb"/Filter \[[^]]*/(?:Fl|LZW|RunL|RL)[^]]*/(?:Fl|LZW|RunL|RL)",
    re.DOTALL,
)

_NAMES = words(
    "/A /AA /AcroForm /AF /Annots /C /Collection /D /DP /DS /E /EF /EmbeddedFiles /F /FS /FontMatrix "
    "/Filter /FunctionType /JS /JavaScript /K /Kids /Mac /Metadata /Movie /Names /Next /O /OpenAction "
    "/P /PC /PI /PO /PV /R /Rect /Root /S /Subtype /T /Type /U /UF /URI /Unix /V /WC /WP /WS /Win /X "
    "/XFA /Bl /Fo /DOS /Contents"
)

# The number of the object, and the names down to a dictionary within it.
Place = tuple[tuple[int, int], tuple[str, ...]]


@dataclass(frozen=True)
class Part:
    """A dictionary of a PDF, its names and its place; ``stream`` is the stream that it describes."""

    entries: pikepdf.Object
    names: frozenset[str]
    place: Place
    stream: pikepdf.Object | None = None

    def get(self, name: str) -> Any:
        """Return an entry, or None."""
        return child(self.entries, name) if name in self.names else None

    def name(self, name: str) -> str:
        """Return an entry that is a name; "" for anything else."""
        return name_of(self.get(name))

    def at(self, name: str) -> Part | None:
        """Return the dictionary that an entry holds or refers to."""
        return part_at(self.get(name), (self.place[0], (*self.place[1], name)))


def part_at(value: Any, place: Place) -> Part | None:
    """Return a dictionary at a place, or at its own where it is an object by itself."""
    if not is_dictionary(value):
        return None
    names = frozenset(name for name, _ in _entries(value))
    return Part(value, names, (value.objgen, ()) if value.is_indirect else place)


def open_pdf(file: Path) -> pikepdf.Pdf:
    """Open a PDF without a password; raises PasswordError, PdfError.

    qpdf is held to a cap in whatever it unpacks, object streams and cross-references too.
    """
    pikepdf.settings.set_qpdf_limits(
        flate_max_memory=MAX_STREAM_BYTES, run_length_max_memory=MAX_STREAM_BYTES,
        png_max_memory=MAX_STREAM_BYTES, tiff_max_memory=MAX_STREAM_BYTES, dct_max_memory=MAX_STREAM_BYTES,
    )  # fmt: skip
    return pikepdf.open(file, suppress_warnings=True)


def parts(pdf: pikepdf.Pdf, give_up: Callable[[], None]) -> Iterator[Part]:
    """Yield each dictionary that is worth a look, whether anything refers to it or not.

    ``give_up`` is called when there are more than are read.
    """
    yield from _within(pdf.trailer, ((0, 0), ()), 0)
    found = 0
    for number, each in enumerate(pdf.objects):
        if number > MAX_OBJECTS or found > MAX_PARTS:
            give_up()
            return
        stream = each if is_stream(each) else None
        entries = stream.stream_dict if stream is not None else each
        if not _is_worth_a_look(entries, is_stream=stream is not None):
            continue
        for part in _within(entries, (each.objgen, ()), 0, stream):
            found += 1
            yield part


def _is_worth_a_look(entries: Any, *, is_stream: bool) -> bool:
    if not isinstance(entries, pikepdf.Dictionary | pikepdf.Array):
        return False
    account = entries.unparse(resolved=True)
    if is_stream and _ODD_STREAM.search(account):
        return True
    if b"/Rect " in account and _MARKUP.search(account):
        return True
    if not _WORTH_A_LOOK.search(account):
        return False
    return _WORTH_A_LOOK.search(_ORDINARY.sub(b"", account)) is not None


def _within(value: Any, place: Place, depth: int, stream: pikepdf.Object | None = None) -> Iterator[Part]:
    """Yield a dictionary and those that lie in it, but not what it refers to."""
    if depth > MAX_DEPTH or not isinstance(value, pikepdf.Object):
        return
    pairs: list[tuple[str, Any]] = []
    if isinstance(value, pikepdf.Dictionary):
        pairs = _entries(value)
        yield Part(value, frozenset(name for name, _ in pairs), place, stream)
    elif isinstance(value, pikepdf.Array):
        pairs = [(str(number), inner) for number, inner in enumerate(elements(value))]
    for name, inner in pairs:
        if isinstance(inner, pikepdf.Object) and not inner.is_indirect:
            yield from _within(inner, (place[0], (*place[1], name)), depth + 1)


def find_some(looking: Looking, code: str, **values: object) -> None:
    """Note a finding that may be true of a thousand links, a few times."""
    if sum(each.code == code for each in looking.findings) < MOST_ALIKE:
        looking.find(code, **values)


def child(value: Any, name: str) -> Any:
    """Return an entry of what may be a dictionary; None where there is none that can be read."""
    try:
        return value.get(name) if is_dictionary(value) else None
    except (ValueError, TypeError):
        # A number too large for any program, or a name that cannot be asked for.
        return None


def elements(array: Any, most: int | None = None) -> list[Any]:
    """Return what lies in an array, at most so many of its first; None for what cannot be read."""
    found = []
    for number in range(len(array) if most is None else min(len(array), most)):
        try:
            found.append(array[number])
        except ValueError:
            found.append(None)
    return found


def name_of(value: Any) -> str:
    """Return what a name says; "" for anything else, and for one that is no UTF-8."""
    try:
        return str(value) if isinstance(value, pikepdf.Name) else ""
    except UnicodeDecodeError:
        return ""


def _entries(value: Any) -> list[tuple[str, Any]]:
    try:
        return list(value.items())
    except ValueError:
        # Old programs name fonts in the alphabet of their place; the names looked for are read one by one.
        return [(name, child(value, name)) for name in _NAMES if name in value]


def is_dictionary(value: Any) -> bool:
    """Say whether something is a dictionary or a stream."""
    return isinstance(value, pikepdf.Dictionary | pikepdf.Stream)


def is_stream(value: Any) -> bool:
    """Say whether something is a stream."""
    return isinstance(value, pikepdf.Stream)


def unpacked(stream: Any, most_bytes: int) -> bytes | None:
    """Return a stream's content, or None where it cannot be unpacked or is larger."""
    try:
        content = bytes(stream.read_bytes())
    except (pikepdf.PdfError, RuntimeError, NotImplementedError, MemoryError):
        return None
    return content if len(content) <= most_bytes else None


def text_of(value: Any, most_bytes: int = 1 << 20) -> str | None:
    """Return what a string or a stream says; None where it is neither, or cannot be read."""
    if is_stream(value):
        content = unpacked(value, most_bytes)
        return None if content is None else _decoded(content)
    return str(value) if isinstance(value, pikepdf.String) else None


def _decoded(content: bytes) -> str:
    if content[:2] in (b"\xfe\xff", b"\xff\xfe"):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8", "replace")
