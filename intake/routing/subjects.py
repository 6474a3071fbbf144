"""Tells what a matter is about: phrases weigh for categories, and the heaviest wins if it wins clearly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import exp
from typing import Any

from config.categories import Categories
from intake.routing.learned import Opinion
from intake.routing.lexicon import Findings, Hit
from intake.routing.values import UNCLEAR, Reason
from intake.routing.words import Reading

# The reason of a category that whoever writes has chosen.
CHOSEN = "kategori.vald"
# A category less likely than this is no suggestion.
_LEAST_SHOWN = 0.05
# Each further phrase for the same category adds less, so that a long text does not win by its length.
_FADING = (1.0, 0.7, 0.5, 0.4, 0.3, 0.2)


@dataclass(frozen=True)
class Combination:
    """Lists that weigh for a category when they meet within ``near`` sentences."""

    category: str
    groups: tuple[str, ...]
    without: tuple[str, ...]
    near: int
    weight: float
    name: str


@dataclass(frozen=True)
class Subject:
    """What a matter is about: the category decided, the best guess, and why.

    ``also`` is what the text says when the person chose something else: it never moves the matter,
    but its signs of danger count.
    """

    category: str
    guess: str
    confidence: float
    shares: Mapping[str, float]
    reasons: tuple[Reason, ...]
    also: str | None = None

    @property
    def seen(self) -> frozenset[str]:
        """Return every category whose flags and priorities may apply."""
        return frozenset({self.guess, self.also or self.guess})

    @property
    def next(self) -> tuple[str, ...]:
        """Return up to two further categories that the text speaks for, the likelier first."""
        others = [code for code in self.shares if code not in (self.guess, UNCLEAR)]
        likely = [code for code in others if self.shares[code] > _LEAST_SHOWN]
        return tuple(sorted(likely, key=lambda code: (-self.shares[code], code))[:2])

    @property
    def is_undecided(self) -> bool:
        return self.category == UNCLEAR


@dataclass(frozen=True)
class Weights:
    """The thresholds of the decision, read from the rules."""

    least: float
    lists: float
    most: float
    subject_line: float
    contradiction: float

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> Weights:
        return cls(**{name: float(value) for name, value in table.items()})


def combinations(rows: Iterable[Mapping[str, Any]]) -> tuple[Combination, ...]:
    """Read the combinations of the rules."""
    return tuple(
        Combination(
            row["category"],
            tuple(row["all"]),
            tuple(row.get("without", ())),
            row.get("near", 99),
            float(row["weight"]),
            row.get("name", "+".join(row["all"])),
        )
        for row in rows
    )


def weigh(
    findings: Findings, reading: Reading, rules: Sequence[Combination], codes: Sequence[str], weights: Weights
) -> tuple[dict[str, float], dict[str, tuple[str, ...]]]:
    """Return each category's score and the words that weighed for it."""
    parts: dict[str, dict[str, float]] = defaultdict(dict)
    words: dict[str, list[str]] = defaultdict(list)
    for code in codes:
        for hit in findings.all(f"category:{code}"):
            weight = hit.entry.weight * (weights.subject_line if hit.start < reading.subject_words else 1.0)
            phrases = parts[code]
            phrases[hit.entry.phrase] = max(phrases.get(hit.entry.phrase, 0.0), weight)
            words[code].append(hit.words)
    for rule in rules:
        hits = _met(rule, findings)
        if hits:
            parts[rule.category][rule.name] = rule.weight
            words[rule.category].extend(hit.words for hit in hits)
    scores = {code: _faded(found.values()) for code, found in parts.items()}
    return scores, {code: tuple(dict.fromkeys(found))[:8] for code, found in words.items()}


def _met(rule: Combination, findings: Findings) -> Sequence[Hit]:
    if any(findings.meant(name) for name in rule.without):
        return ()
    # The first few of each list are enough, and keep the number of pairs small in a long text.
    # What is denied ("inget är stulet") is still what the matter is about.
    lists = [findings.all(name)[:6] for name in rule.groups]
    for hits in product(*lists):
        sentences = [hit.sentence for hit in hits]
        if max(sentences) - min(sentences) <= rule.near:
            return hits
    return ()


def _faded(found: Iterable[float]) -> float:
    ordered = sorted(found, reverse=True)[: len(_FADING)]
    return sum(weight * share for weight, share in zip(ordered, _FADING, strict=False))


def share(scores: Mapping[str, float], opinion: Opinion, weights: Weights) -> dict[str, float]:
    """Return each category's share of 1: the second reader's, moved by what the lists say."""
    moved = {
        code: known * exp(weights.lists * min(scores.get(code, 0.0), weights.most))
        for code, known in opinion.categories.items()
    }
    whole = sum(moved.values()) or 1.0
    return {code: value / whole for code, value in moved.items()}


def choose(
    shares: Mapping[str, float],
    words: Callable[[str], tuple[str, ...]],
    chosen: str | None,
    categories: Categories,
    weights: Weights,
) -> Subject:
    """Decide the category: the person's own choice first, else the text when it is clear enough."""
    ranked = sorted(shares, key=lambda code: (-shares[code], code))
    best = ranked[0] if ranked else UNCLEAR
    if chosen and chosen != UNCLEAR:
        return _as_chosen(chosen, best, shares, words, categories, weights)
    confidence = round(shares.get(best, 0.0), 3)
    if best == UNCLEAR or confidence < weights.least:
        return Subject(UNCLEAR, best, confidence, shares, (_undecided(ranked, words, categories),))
    said = f"Orden i texten pekar på ”{categories.get(best).name}”."
    return Subject(best, best, confidence, shares, (Reason("kategori.text", said, words(best)),))


def _as_chosen(
    chosen: str,
    best: str,
    shares: Mapping[str, float],
    words: Callable[[str], tuple[str, ...]],
    categories: Categories,
    weights: Weights,
) -> Subject:
    name = categories.get(chosen).name
    reasons = [Reason(CHOSEN, f"Den som skriver har själv valt ”{name}”.")]
    lead = shares.get(best, 0.0) - shares.get(chosen, 0.0)
    contradicts = best not in (chosen, UNCLEAR) and lead > weights.contradiction
    if contradicts:
        said = f"Texten liknar mer ”{categories.get(best).name}”, men det egna valet väger mest."
        reasons.append(Reason("kategori.annat_i_texten", said, words(best)))
    also = best if contradicts else None
    return Subject(chosen, chosen, 0.7 if contradicts else 0.95, shares, tuple(reasons), also)


def _undecided(
    ranked: Sequence[str], words: Callable[[str], tuple[str, ...]], categories: Categories
) -> Reason:
    guesses = [code for code in ranked if code != UNCLEAR][:3]
    if not guesses:
        return Reason("kategori.oklar", "Texten räcker inte för att säga vad ärendet gäller.")
    names = " eller ".join(f"”{categories.get(code).name}”" for code in guesses)
    said = f"Det är inte säkert vad ärendet gäller; närmast ligger {names}. En person avgör."
    return Reason("kategori.oklar", said, tuple(word for code in guesses for word in words(code)[:3]))
