"""Learns the weights of the second reader from labelled matters; for those who keep the rules.

It needs scikit-learn, which the service itself does not: ``pip install scikit-learn``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import log, sqrt

from intake.errors import IntakeError
from intake.evaluation import BadMatter, Row
from intake.routing import Rules
from intake.routing.decide import read_text
from intake.routing.learned import FLAG, PARTS, pieces_of

# A piece that stands in one matter alone teaches nothing about others.
LEAST_MATTERS = 2
# Lighter weights change next to nothing and make the table long.
LEAST_WEIGHT, LEAST_WEIGHT_OF_FLAG = 0.3, 0.5
STRENGTH = 30.0


class NoLibrary(IntakeError):
    """The library that learning needs is not installed here."""


def learn(rows: Iterable[Row], rules: Rules) -> Iterator[str]:
    """Yield the lines of the table of weights. Raises BadMatter for fewer than three categories."""
    try:
        from scipy.sparse import csr_matrix
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise NoLibrary("learning needs scikit-learn: pip install scikit-learn") from error
    rows = list(rows)
    if len({row["expected"]["category"] for row in rows}) < 3:
        raise BadMatter("matters of at least three categories are needed.")
    read = [read_text(row.get("subject", ""), row.get("body", ""), rules) for row in rows]
    texts = [pieces_of(text.reading, text.findings, text.names) for text in read]
    rarity = _rarity(texts)
    columns = {piece: number for number, piece in enumerate(rarity)}
    matrix = csr_matrix(_cells(texts, rarity, columns), shape=(len(rows), len(columns)))
    beginnings: list[str] = []
    weights: dict[str, list[str]] = {piece: [] for piece in rarity}
    for names, labels in _questions(rows, [rule.code for rule in rules.learned_flags]):
        is_flag = len(names) == 1
        balance = "balanced" if is_flag else None
        least = LEAST_WEIGHT_OF_FLAG if is_flag else LEAST_WEIGHT
        model = LogisticRegression(C=STRENGTH, max_iter=3000, class_weight=balance).fit(matrix, labels)
        for name, beginning, learnt in zip(names, model.intercept_, model.coef_, strict=True):
            beginnings.append(f"{name}={round(beginning * PARTS)}")
            for piece, weight in zip(rarity, learnt, strict=True):
                if abs(weight) >= least:
                    weights[piece].append(f"{name}={round(weight * PARTS)}")
    yield f"\t0\t{' '.join(beginnings)}"
    for piece, told in weights.items():
        if told:
            yield f"{piece}\t{rarity[piece]:.2f}\t{' '.join(told)}"


def _questions(rows: Sequence[Row], flags: Iterable[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Yield what is asked of each matter: its category, then for each flag whether it has it."""
    categories = [row["expected"]["category"] for row in rows]
    yield sorted(set(categories)), categories
    for flag in flags:
        labels = ["yes" if flag in row["expected"]["flags"] else "no" for row in rows]
        if len(set(labels)) > 1:
            yield [f"{FLAG}{flag}"], labels


def _rarity(texts: Sequence[set[str]]) -> dict[str, float]:
    """Return how rare each piece is (inverse document frequency, smoothed), in alphabetical order."""
    often = Counter(piece for text in texts for piece in text)
    return {
        piece: log((1 + len(texts)) / (1 + count)) + 1
        for piece, count in sorted(often.items())
        if count >= LEAST_MATTERS
    }


def _cells(
    texts: Sequence[set[str]], rarity: dict[str, float], columns: dict[str, int]
) -> tuple[list[float], tuple[list[int], list[int]]]:
    """Return the matrix's cells: each text is a row of length 1 whose pieces weigh as they are rare."""
    values: list[float] = []
    places: tuple[list[int], list[int]] = ([], [])
    for number, text in enumerate(texts):
        known = [piece for piece in text if piece in rarity]
        length = sqrt(sum(rarity[piece] ** 2 for piece in known)) or 1.0
        for piece in known:
            values.append(rarity[piece] / length)
            places[0].append(number)
            places[1].append(columns[piece])
    return values, places
