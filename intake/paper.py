"""Words on paper: ready words in, a tagged PDF (PDF/UA-1) out, made by a child with no way out.

The child is this file run on its own, so it imports neither Flask nor anything else of ours. It is given
the template and the words on its standard input, may open no file and no connection, and is ended when it
takes too long or too much. The same values give the same bytes.
"""

from __future__ import annotations

import json
import re
import resource
import signal
import subprocess
import sys
import unicodedata
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

SECONDS = 20
MEMORY_BYTES = 512 * 1024 * 1024

_TEMPLATE = Path(__file__).parent / "templates/paper/receipt.typ"
_MISSING = "□"
# Languages whose letters the fonts in the typst wheel hold. Arabic is held without its vowel marks.
_LANGUAGES = frozenset({"ar", "en", "es", "fa", "fi", "pl", "se", "so", "sv", "tr", "uk"})
# Only characters with a glyph: PDF/UA refuses a text that holds any other. tests/test_paper.py prints all.
_PRINTABLE = re.compile(
    "[ -~\u00a0-\u00ac\u00ae-\u0377\u037a-\u037f\u0384-\u038a\u038c\u038e-\u03a1\u03a3-\u04ff"
    "\u05be\u05d0-\u05ea\u05f0-\u05f4\u0606-\u060c\u061b\u061f\u0621-\u063a\u0640-\u064a\u0660-\u066d\u0679-\u067b"
    "\u067e-\u0680\u0683-\u0684\u0686-\u0687\u0691\u0698\u06a4\u06a9\u06af\u06be\u06cc\u06f0-\u06f9"
    "\u1e00-\u1eff\u2010-\u2027\u2030-\u2040\u20a0-\u20c0\u2116\u2122\u2190-\u22ff\u2500-\u25ff]"
)
# Persian words need them between their letters; all other invisible characters could hide or turn a name.
_JOINERS = "\u200c\u200d"


@dataclass(frozen=True)
class PaperSection:
    """A heading with paragraphs and then a list; a line break in a paragraph or an item is kept."""

    heading: str
    paragraphs: tuple[str, ...] = ()
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class PaperFile:
    """A file that came in: its cleaned name, its size in words, its digest in hexadecimal."""

    name: str
    size: str
    sha256: str


@dataclass(frozen=True)
class PaperDocument:
    """What stands on the paper, in words of the person's language.

    ``lines`` are pairs of label and value; a value shaped as ``K7RX-3M9P``, of two groups of four or
    more, is printed large. ``missing_signs_note`` is printed only when the fonts lacked a character and
    a square stands in its place. ``sheet_head`` stands at the top of every sheet.
    """

    authority_name: str
    is_demonstration: bool
    language: str
    direction: Literal["ltr", "rtl"]
    heading: str
    lines: tuple[tuple[str, str], ...]
    sections: tuple[PaperSection, ...] = ()
    files: tuple[PaperFile, ...] = ()
    files_heading: str = ""
    demonstration_note: str = "Demonstration. Myndigheten är påhittad."
    missing_signs_note: str = ""
    sheet_head: str = ""


def printable(words: str) -> str:
    """Return a text as it would be printed, line by line: composed, and without what the fonts lack."""
    return _lines(unicodedata.normalize("NFC", words))


def can_print(language: str) -> bool:
    """Tell whether the fonts hold the letters of a language (``sv``, ``ar``); else print in another."""
    return language in _LANGUAGES


def make_pdf(receipt: PaperDocument, *, seconds: float = SECONDS, memory_bytes: int = MEMORY_BYTES) -> bytes:
    """Return a document as PDF/UA-1 (ISO 14289-1), the same bytes for the same values.

    Takes about 0.2 s of one core and 50 MiB. Raise PaperFailed when the child does not end within
    ``seconds``, breaks, or answers anything but a PDF.
    """
    # Not at the top: the child runs this file, and the package would bring Flask along.
    from intake.errors import PaperFailed

    order = {
        "template": _TEMPLATE.read_text(encoding="utf-8"),
        "receipt": _values(receipt),
        "seconds": seconds,
        "memory_bytes": memory_bytes,
    }
    answer = _ask_child(json.dumps(order).encode("ascii"), seconds)
    if answer is None or not answer.startswith(b"%PDF-") or b"%%EOF" not in answer[-16:]:
        raise PaperFailed(
            "Kvittot kunde inte göras som PDF just nu. Ditt ärende är inte påverkat. "
            "Du kan skriva ut sidan i stället, eller försöka igen om en stund."
        )
    return answer


def _ask_child(order: bytes, seconds: float) -> bytes | None:
    """Return what the child wrote, or None if it was ended or broke."""
    with TemporaryDirectory(prefix="paper-") as empty:
        try:
            # What the child says about its error could hold the person's words, so nobody keeps it.
            done = subprocess.run(
                [sys.executable, "-I", str(Path(__file__).resolve())],
                input=order,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=empty,
                env={"RAYON_NUM_THREADS": "1"},
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
    return done.stdout if done.returncode == 0 else None


def _values(receipt: PaperDocument) -> dict[str, Any]:
    """Return the words as the template reads them, with nothing that the fonts cannot print."""
    values: dict[str, Any] = _printable(asdict(receipt))
    for section, ready in zip(receipt.sections, values["sections"], strict=True):
        ready["paragraphs"] = [_lines(words) for words in section.paragraphs]
        ready["items"] = [_lines(words) for words in section.items]
    lacks_signs = _MISSING in json.dumps(values | {"missing_signs_note": ""}, ensure_ascii=False)
    if not lacks_signs:
        values["missing_signs_note"] = ""
    return values


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return "".join(map(_sign, value))
    if isinstance(value, dict):
        return {name: _printable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(inner) for inner in value]
    return value


def _lines(words: str) -> str:
    return "\n".join(_printable(line) for line in words.splitlines())


def _sign(character: str) -> str:
    """Return a character as it can be printed: itself, a space, nothing, or a square in its place."""
    if _PRINTABLE.match(character) or character in _JOINERS:
        return character
    if character.isspace():
        return " "
    # Without a mark or an invisible character the word can still be read.
    return "" if unicodedata.category(character) in ("Mn", "Me", "Cf") else _MISSING


def _be_child() -> None:
    order = json.load(sys.stdin.buffer)
    # The alarm ends the child even when its parent was killed first.
    signal.setitimer(signal.ITIMER_REAL, order["seconds"] + 1)
    import typst

    _limit(order["seconds"], order["memory_bytes"])
    pdf = typst.compile(
        order["template"].encode(),
        root=".",
        ignore_system_fonts=True,
        sys_inputs={"receipt": json.dumps(order["receipt"])},
        pdf_standards="ua-1",
        timestamp=0,
    )
    sys.stdout.buffer.write(pdf)


def _limit(seconds: float, memory_bytes: int) -> None:
    limits = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: int(seconds) + 1,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        # No further file and no connection can be opened; what is open already stays open.
        resource.RLIMIT_NOFILE: 0,
    }
    for limit, value in limits.items():
        hard = resource.getrlimit(limit)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (value, value))


if __name__ == "__main__":
    _be_child()
