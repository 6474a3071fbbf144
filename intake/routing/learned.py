"""A second reader of the text: pieces of words, weighed by what labelled matters have taught.

The lists of the rules know what their keepers thought of; people describe what happened in other
words. Here each piece of a word (three to five letters), each word and each list that was found
speaks for or against each category and flag, and the pieces' sums say which words weighed. The
weights are a table that anybody may read; nothing is learned while the service runs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, sqrt
from typing import NamedTuple

from intake.routing.lexicon import Findings, Hit
from intake.routing.words import Reading

SIZES = (3, 4, 5)
# A label that begins so is a flag; the others are categories.
FLAG = "+"
# A piece that begins so is a list that was found.
LIST = "list:"
# The table holds whole numbers, so that it stays short.
PARTS = 10
_SHOWN = 6
_STEP = 30
# Strangers choose the words; a small store of them must not grow large.
_KEPT_WORDS = 8192


class Piece(NamedTuple):
    """What a piece says: how rare it is, and its weight for each label."""

    rarity: float
    weights: Mapping[str, float]


Known = dict[str, tuple[tuple[str, Piece], ...]]


@dataclass(frozen=True)
class Opinion:
    """What the second reader makes of a text: each category's share of 1, each flag's chance."""

    categories: Mapping[str, float]
    flags: Mapping[str, float]
    _known: Known

    def words(self, label: str) -> tuple[str, ...]:
        """Return the words that weighed most for a label, the heaviest first."""
        sums = {
            word: sum(found.rarity * found.weights.get(label, 0.0) for _, found in known)
            for word, known in self._known.items()
        }
        heavy = sorted((word for word in sums if sums[word] > 0), key=lambda word: -sums[word])
        return tuple(heavy[:_SHOWN])


class Learned:
    """The table of weights: each label's beginning, and every piece that taught something."""

    def __init__(self, beginnings: Mapping[str, float], pieces: Mapping[str, Piece]) -> None:
        self._beginnings = beginnings
        self._pieces = pieces
        self._known_in = lru_cache(maxsize=_KEPT_WORDS)(self._find_known)

    @classmethod
    def read(cls, lines: Iterable[str]) -> Learned:
        """Read the table; raises ValueError with the line that cannot be read.

        A line is ``piece TAB rarity TAB label=weight label=weight ...`` with weights in tenths; in
        the first line, which has no piece, they are the labels' beginnings.
        """
        pieces: dict[str, Piece] = {}
        for number, line in enumerate(lines, start=1):
            try:
                piece, rarity, told = line.split("\t")
                pairs = [pair.rpartition("=") for pair in told.split()]
                weights = {label: int(weight) / PARTS for label, _, weight in pairs}
                if piece and not weights.keys() <= pieces[""].weights.keys():
                    raise ValueError("a label that the first line has not")
                pieces[piece] = Piece(float(rarity), weights)
            except (KeyError, ValueError) as error:
                raise ValueError(f"weights.tsv line {number} ({error})") from error
        first = pieces.pop("", None)
        return cls(first.weights if first else {}, pieces)

    @property
    def labels(self) -> frozenset[str]:
        """Return the categories and flags that the table knows."""
        return frozenset(self._beginnings)

    def opinion(self, reading: Reading, findings: Findings, names: Collection[int]) -> Opinion:
        """Read a text but for its ``names``; the time grows with its number of different words."""
        known = self._known(reading, _lists_by_word(findings), names, range(len(reading.raw)))
        sums = self._sums(known, self._beginnings)
        flags = {label.removeprefix(FLAG): sums[label] for label in sums if label.startswith(FLAG)}
        return Opinion(
            _shares({label: value for label, value in sums.items() if not label.startswith(FLAG)}),
            {flag: _chance(value) for flag, value in flags.items()},
            known,
        )

    def highest(
        self, flag: str, opinion: Opinion, reading: Reading, findings: Findings, names: Collection[int]
    ) -> float:
        """Return a flag's chance in that part of a text where it is highest.

        The second reader has learned from short texts; in a long one, a few words about what
        happens now would drown in all the rest.
        """
        label, most = f"{FLAG}{flag}", opinion.flags[flag]
        if len(reading.raw) <= 2 * _STEP:
            return most
        lists = _lists_by_word(findings)
        for part in _parts(len(reading.raw)):
            known = self._known(reading, lists, names, part)
            most = max(most, _chance(self._sums(known, [label])[label]))
        return most

    def _known(
        self, reading: Reading, lists: Mapping[int, Sequence[Hit]], names: Collection[int], part: range
    ) -> Known:
        """Return the known pieces of a part of a text, by the words as they were written."""
        known: Known = {}
        for folded, raw in _words(reading, names, part).items():
            known[raw] = known.get(raw, ()) + self._known_in(folded)
        for piece, words in _lists(lists, part).items():
            if found := self._pieces.get(piece):
                known[words] = (*known.get(words, ()), (piece, found))
        return known

    def _sums(self, known: Known, labels: Iterable[str]) -> dict[str, float]:
        pieces = {piece: found for parts in known.values() for piece, found in parts}
        length = sqrt(sum(found.rarity**2 for found in pieces.values())) or 1.0
        sums = dict.fromkeys(labels, 0.0)
        for rarity, weights in pieces.values():
            for label, weight in weights.items():
                if label in sums:
                    sums[label] += rarity * weight
        return {label: self._beginnings[label] + value / length for label, value in sums.items()}

    def _find_known(self, word: str) -> tuple[tuple[str, Piece], ...]:
        return tuple((piece, self._pieces[piece]) for piece in cut(word) if piece in self._pieces)


def pieces_of(reading: Reading, findings: Findings, names: Collection[int]) -> set[str]:
    """Return every piece of a text: those of its words but its names, and the lists that were found."""
    whole = range(len(reading.raw))
    words = _words(reading, names, whole)
    return {piece for word in words for piece in cut(word)} | _lists(_lists_by_word(findings), whole).keys()


def cut(word: str) -> frozenset[str]:
    """Cut a folded word into its pieces; the whole word is one."""
    whole = f"<{word}>"
    pieces = {whole[at : at + size] for size in SIZES for at in range(len(whole) - size + 1)}
    return frozenset(pieces | {whole})


def _words(reading: Reading, names: Collection[int], part: range) -> dict[str, str]:
    """Return the different words of a part, as compared and as written; a number is any number.

    The ``names`` of places are left out: nothing may speak against a neighbourhood.
    """
    return {
        "0" if reading.folded[at].isdigit() else reading.folded[at]: reading.raw[at]
        for at in part
        if at not in names
    }


def _lists_by_word(findings: Findings) -> dict[int, list[Hit]]:
    found: dict[int, list[Hit]] = {}
    for hits in findings.by_group.values():
        for hit in hits:
            found.setdefault(hit.start, []).append(hit)
    return found


def _lists(lists: Mapping[int, Sequence[Hit]], part: range) -> dict[str, str]:
    """Return the lists found in a part, with words found; one found only negated is a piece of its own."""
    hits = {(hit.entry.group, hit.is_negated): hit.words for at in part for hit in lists.get(at, ())}
    return {
        f"{LIST}{'!' if is_negated else ''}{group}": words
        for (group, is_negated), words in hits.items()
        if not is_negated or (group, False) not in hits
    }


def _parts(words: int) -> Iterator[range]:
    """Yield parts about as long as what was learned from, each half over the last."""
    for begin in range(0, max(1, words - _STEP), _STEP):
        yield range(begin, min(begin + 2 * _STEP, words))


def _chance(value: float) -> float:
    return 1 / (1 + exp(-value))


def _shares(sums: Mapping[str, float]) -> dict[str, float]:
    most = max(sums.values(), default=0.0)
    powers = {code: exp(value - most) for code, value in sums.items()}
    whole = sum(powers.values())
    return {code: power / whole for code, power in powers.items()}
