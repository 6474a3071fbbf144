"""Reads a text into folded words, each with its sentence and clause, in one pass."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

# No quantifier stands inside another, so the time grows only with the length of the text.
_PIECE = re.compile(r"\d+|[^\W\d_]+|\n+|[.!?…;]+|[,:–—()\"”]")
_REPEATED = re.compile(r"(.)\1{2,}")
_KEPT = frozenset("åäö")
_LETTERS = str.maketrans(
    {"æ": "ä", "ø": "ö", "ł": "l", "đ": "d", "ı": "i", "ک": "ك", "ی": "ي", "ى": "ي", "ة": "ه"}
)
_APOSTROPHES = frozenset("'’‘ʼ`´")
# A line this long was probably broken by a mail program, not by the writer.
_WRAPPED_LINE = 50
_LONGEST_WORD = 40


@dataclass(frozen=True)
class Reading:
    """The words of a text in order; ``raw`` as written, ``folded`` as compared.

    ``sentences`` and ``clauses`` number the sentence and clause of each word; the first
    ``subject_words`` words are the subject line.
    """

    raw: tuple[str, ...]
    folded: tuple[str, ...]
    sentences: tuple[int, ...]
    clauses: tuple[int, ...]
    subject_words: int
    exclamations: int

    def words(self, start: int, end: int) -> str:
        """Return the words of a span as they were written."""
        return " ".join(self.raw[start:end])


@dataclass(frozen=True)
class Spelling:
    """How words are written in haste (folded) and what they stand for."""

    whole: Mapping[str, tuple[str, ...]]
    abbreviations: frozenset[str]
    clause_breaks: frozenset[str]

    def meant(self, word: str) -> tuple[str, ...]:
        """Return the word or words meant by a folded word."""
        return self.whole.get(word) or (word,)


def clip(text: str, head_bytes: int, tail_bytes: int) -> tuple[str, bool]:
    """Return the first and last bytes of a very long text, and whether anything was left out."""
    data = text.encode("utf-8", "replace")
    if len(data) <= head_bytes + tail_bytes:
        return data.decode("utf-8", "replace"), False
    parts = (data[:head_bytes], data[len(data) - tail_bytes :])
    return "\n\n".join(part.decode("utf-8", "ignore") for part in parts), True


@lru_cache(maxsize=65536)
def fold(word: str) -> str:
    """Fold case, accents and drawn-out letters; å, ä and ö stay letters of their own."""
    small = unicodedata.normalize("NFC", word.casefold()).translate(_LETTERS)
    plain = "".join(char if char in _KEPT else _without_accents(char) for char in small)
    return plain if plain.isdigit() else _REPEATED.sub(r"\1", plain)


def _without_accents(char: str) -> str:
    if char.isascii():
        return char
    apart = unicodedata.normalize("NFKD", char)
    return "".join(part for part in apart if not unicodedata.combining(part))


def read(subject: str, text: str, spelling: Spelling) -> Reading:
    """Read a subject and a text; the subject is a sentence of its own."""
    reader = _Reader(spelling)
    reader.take(subject)
    subject_words = len(reader.raw)
    reader.end_sentence()
    reader.take(text)
    return Reading(
        tuple(reader.raw),
        tuple(reader.folded),
        tuple(reader.sentences),
        tuple(reader.clauses),
        subject_words,
        subject.count("!") + text.count("!"),
    )


class _Reader:
    def __init__(self, spelling: Spelling) -> None:
        self.spelling = spelling
        self.raw: list[str] = []
        self.folded: list[str] = []
        self.sentences: list[int] = []
        self.clauses: list[int] = []
        self.sentence = 0
        self.clause = 0
        self.line_start = 0

    def take(self, text: str) -> None:
        clean = _clean(text)
        self.line_start = 0
        for match in _PIECE.finditer(clean):
            piece = match.group()
            if piece[0].isalnum():
                self._word(piece)
            elif piece[0] == "\n":
                self._line(piece, match.start(), match.end())
            elif piece[0] in ".!?…;":
                self._stop(piece, clean, match.end())
            else:
                self.clause += 1

    def end_sentence(self) -> None:
        self.sentence += 1
        self.clause += 1

    def _word(self, piece: str) -> None:
        folded = fold(piece[:_LONGEST_WORD])
        if folded in self.spelling.clause_breaks:
            self.clause += 1
        for meant in self.spelling.meant(folded):
            self.raw.append(piece)
            self.folded.append(meant)
            self.sentences.append(self.sentence)
            self.clauses.append(self.clause)

    def _line(self, piece: str, start: int, end: int) -> None:
        if len(piece) > 1 or start - self.line_start < _WRAPPED_LINE:
            self.end_sentence()
        self.line_start = end

    def _stop(self, piece: str, clean: str, end: int) -> None:
        if piece == "." and end < len(clean) and not clean[end].isspace():
            return
        if piece == "." and self.folded and self.folded[-1] in self.spelling.abbreviations:
            return
        self.end_sentence()


def _clean(text: str) -> str:
    """Compose letters and drop apostrophes, loose accents and invisible signs."""
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    if composed.isascii():
        return composed.replace("'", "").replace("`", "")
    return "".join(char for char in composed if char.isalnum() or not _is_dropped(char))


@lru_cache(maxsize=65536)
def _is_dropped(char: str) -> bool:
    return char in _APOSTROPHES or unicodedata.category(char) in ("Mn", "Cf", "Cs")
