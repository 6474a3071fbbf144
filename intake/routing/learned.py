"""A second reader of the text: pieces of words, weighed by what labelled matters have taught.

The lists of the rules know what their keepers thought of; people describe what happened in other
words. Here each piece of a word (three to five letters), each word and each list that was found
speaks for or against each category and flag, and the pieces' sums say which words weighed. The
weights are a table that anybody may read; nothing is learned while the service runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, sqrt
from typing import NamedTuple

from intake.routing.lexicon import Findings
from intake.routing.words import Reading

SIZES = (3, 4, 5)
# A label that begins so is a flag; the others are categories.
FLAG = "+"
# A piece that begins so is a list that was found.
LIST = "list:"
# The table holds whole numbers, so that it stays short.
PARTS = 10
_SHOWN = 6


class Piece(NamedTuple):
    """What a piece says: how rare it is, and its weight for each label."""

    rarity: float
    weights: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Opinion:
    """What the second reader makes of a text: each category's share of 1, each flag's chance."""

    categories: Mapping[str, float]
    flags: Mapping[str, float]
    _known: Mapping[str, Sequence[tuple[str, Piece]]]

    def words(self, label: str) -> tuple[str, ...]:
        """Return the words that weighed most for a label, the heaviest first."""
        sums = {
            word: sum(found.rarity * dict(found.weights).get(label, 0.0) for _, found in known)
            for word, known in self._known.items()
        }
        heavy = sorted((word for word in sums if sums[word] > 0), key=lambda word: -sums[word])
        return tuple(heavy[:_SHOWN])


class Learned:
    """The table of weights: each label's beginning, and every piece that taught something."""

    def __init__(self, beginnings: Mapping[str, float], pieces: Mapping[str, Piece]) -> None:
        self._beginnings = beginnings
        self._pieces = pieces
        self._known_in = lru_cache(maxsize=65536)(self._find_known)

    @classmethod
    def read(cls, lines: Iterable[str]) -> Learned:
        """Read the table; raises ValueError with the line that cannot be read.

        A line is ``piece TAB rarity TAB label=weight label=weight ...`` with weights in tenths; in
        the first line, which has no piece, they are the labels' beginnings.
        """
        beginnings: dict[str, float] = {}
        pieces: dict[str, Piece] = {}
        for number, line in enumerate(lines, start=1):
            try:
                piece, rarity, told = line.split("\t")
                pairs = [pair.rpartition("=") for pair in told.split()]
                weights = tuple((label, int(weight) / PARTS) for label, _, weight in pairs)
                pieces[piece] = Piece(float(rarity), weights)
            except ValueError as error:
                raise ValueError(f"weights.tsv line {number} ({error})") from error
        if "" in pieces:
            beginnings = dict(pieces.pop("").weights)
        return cls(beginnings, pieces)

    def opinion(self, reading: Reading, findings: Findings) -> Opinion:
        """Read a text; the time grows with its number of different words."""
        known = {raw: self._known_in(word) for word, raw in _words(reading).items()}
        for piece, words in _lists(findings).items():
            if found := self._pieces.get(piece):
                known[words] = (*known.get(words, ()), (piece, found))
        pieces = {piece: found for parts in known.values() for piece, found in parts}
        length = sqrt(sum(found.rarity**2 for found in pieces.values())) or 1.0
        sums = dict.fromkeys(self._beginnings, 0.0)
        for rarity, weights in pieces.values():
            for label, weight in weights:
                sums[label] += rarity * weight
        sums = {label: self._beginnings[label] + value / length for label, value in sums.items()}
        return Opinion(
            _shares({label: value for label, value in sums.items() if not label.startswith(FLAG)}),
            {
                label.removeprefix(FLAG): 1 / (1 + exp(-value))
                for label, value in sums.items()
                if label.startswith(FLAG)
            },
            known,
        )

    def _find_known(self, word: str) -> tuple[tuple[str, Piece], ...]:
        return tuple((piece, self._pieces[piece]) for piece in cut(word) if piece in self._pieces)


def pieces_of(reading: Reading, findings: Findings) -> set[str]:
    """Return every piece of a text: those of its words, and the lists that were found."""
    return {piece for word in _words(reading) for piece in cut(word)} | _lists(findings).keys()


def cut(word: str) -> frozenset[str]:
    """Cut a folded word into its pieces; the whole word is one."""
    whole = f"<{word}>"
    pieces = {whole[at : at + size] for size in SIZES for at in range(len(whole) - size + 1)}
    return frozenset(pieces | {whole})


def _words(reading: Reading) -> dict[str, str]:
    """Return the different words of a text, as compared and as written; a number is any number."""
    pairs = zip(reading.folded, reading.raw, strict=True)
    return {"0" if folded.isdigit() else folded: raw for folded, raw in pairs}


def _lists(findings: Findings) -> dict[str, str]:
    """Return the lists that were found, with words found; one found only negated is a piece of its own."""
    return {
        f"{LIST}{'' if any(not hit.is_negated for hit in hits) else '!'}{group}": hits[0].words
        for group, hits in findings.by_group.items()
    }


def _shares(sums: Mapping[str, float]) -> dict[str, float]:
    most = max(sums.values(), default=0.0)
    powers = {code: exp(value - most) for code, value in sums.items()}
    whole = sum(powers.values())
    return {code: power / whole for code, power in powers.items()}
