"""Tells the language of a text by its script and its commonest words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from intake.routing.words import Reading, fold

_SCRIPTS = (
    ("he", 0x0590, 0x05FF),
    ("ar", 0x0600, 0x06FF),
    ("ti", 0x1200, 0x139F),
    ("ru", 0x0400, 0x04FF),
    ("el", 0x0370, 0x03FF),
    ("ka", 0x10A0, 0x10FF),
    ("th", 0x0E00, 0x0E7F),
    ("hi", 0x0900, 0x0DFF),
    ("zh", 0x3040, 0xD7AF),
)
_SAMPLE_WORDS = 400
_LEAST_WORDS = 2


def language_of(reading: Reading, common: Mapping[str, frozenset[str]]) -> str:
    """Return a language code; Swedish when too little speaks for another language."""
    # As written, since hasty Swedish ("ja" for "jag") is other languages' plain words.
    words = [fold(word) for word in reading.raw[:_SAMPLE_WORDS]]
    scripts: dict[str, int] = {}
    for word in words:
        code = _script(word[:1])
        if code:
            scripts[code] = scripts.get(code, 0) + 1
    if scripts and max(scripts.values()) * 2 > len(words):
        return max(scripts, key=lambda code: scripts[code])
    often = Counter(words)
    counts = {code: sum(often[word] for word in known & often.keys()) for code, known in common.items()}
    best = max(counts, key=lambda code: (counts[code], code == "sv"))
    return best if counts[best] >= _LEAST_WORDS else "sv"


def _script(char: str) -> str | None:
    point = ord(char) if char else 0
    if point < 0x370:
        return None
    return next((code for code, first, last in _SCRIPTS if first <= point <= last), None)
