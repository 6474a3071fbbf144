"""Raises flags and sets the priority from conditions that stand in the rules as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from intake.routing.learned import FLAG, Opinion
from intake.routing.lexicon import Findings, Hit
from intake.routing.values import Reason


@dataclass(frozen=True)
class Condition:
    """What must hold: lists found in the text, flags already raised, and the categories seen."""

    any: tuple[str, ...]
    all: tuple[str, ...]
    without: tuple[str, ...]
    flags: tuple[str, ...]
    not_flags: tuple[str, ...]
    categories: tuple[str, ...]
    not_categories: tuple[str, ...]
    near: int

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Condition:
        names = ("any", "all", "without", "flags", "not_flags", "categories", "not_categories")
        return cls(**{name: tuple(row.get(name, ())) for name in names}, near=row.get("near", 99))

    def met(self, findings: Findings, seen: frozenset[str], flags: Iterable[str]) -> tuple[Hit, ...] | None:
        """Return the hits that meet the condition (perhaps none were asked for), None when it is not met."""
        raised = set(flags)
        if self.categories and not seen.intersection(self.categories):
            return None
        if seen.issubset(self.not_categories):
            return None
        if not raised.issuperset(self.flags) or raised.intersection(self.not_flags):
            return None
        if any(findings.meant(name) for name in self.without):
            return None
        hits = tuple(hit for name in self.any for hit in findings.meant(name))
        if self.any and not hits:
            return None
        return self._together(hits, findings)

    def _together(self, hits: tuple[Hit, ...], findings: Findings) -> tuple[Hit, ...] | None:
        if not self.all:
            return hits
        # Looked up by sentence, so that a long text of such words costs no more than its length.
        lists = [{hit.sentence: hit for hit in findings.meant(name)} for name in self.all]
        for sentence, first in lists[0].items():
            around = range(sentence - self.near, sentence + self.near + 1)
            near = [next((found[at] for at in around if at in found), None) for found in lists[1:]]
            if None not in near:
                return (*hits, first, *(hit for hit in near if hit))
        return None


@dataclass(frozen=True)
class FlagRule:
    """Raises a flag when its condition holds."""

    code: str
    words: str
    condition: Condition


@dataclass(frozen=True)
class LearnedFlag:
    """Raises a flag when the second reader finds it likely enough."""

    code: str
    words: str
    least: float
    least_foreign: float


@dataclass(frozen=True)
class PriorityRule:
    """Sets or lifts the priority when its condition holds; ``lift`` never lowers it."""

    code: str
    words: str
    to: int
    is_lift: bool
    condition: Condition


def flag_rules(rows: Iterable[Mapping[str, Any]]) -> tuple[FlagRule, ...]:
    """Read the rules of the flags, in their order."""
    return tuple(FlagRule(row["code"], row["words"], Condition.read(row)) for row in rows)


def priority_rules(rows: Iterable[Mapping[str, Any]]) -> tuple[PriorityRule, ...]:
    """Read the rules of the priority, in their order."""
    return tuple(
        PriorityRule(row["code"], row["words"], row["to"], row.get("lift", True), Condition.read(row))
        for row in rows
    )


def learned_flags(rows: Iterable[Mapping[str, Any]]) -> tuple[LearnedFlag, ...]:
    """Read the flags that the second reader may raise."""
    return tuple(
        LearnedFlag(
            row["code"], row["words"], float(row["least"]), float(row.get("least_foreign", row["least"]))
        )
        for row in rows
    )


def likely_flags(rules: Sequence[LearnedFlag], opinion: Opinion, *, is_foreign: bool) -> dict[str, Reason]:
    """Return the flags that the second reader finds likely enough, each with its reason."""
    return {
        rule.code: Reason(f"flagga.{rule.code}", rule.words, opinion.words(f"{FLAG}{rule.code}"))
        for rule in rules
        if opinion.flags.get(rule.code, 0.0) >= (rule.least_foreign if is_foreign else rule.least)
    }


def raise_flags(
    rules: Sequence[FlagRule], findings: Findings, seen: frozenset[str], raised: Iterable[str]
) -> tuple[tuple[str, ...], tuple[Reason, ...]]:
    """Return all flags, sorted, and a reason for each that a rule raised."""
    flags = set(raised)
    reasons: list[Reason] = []
    for rule in rules:
        if rule.code in flags:
            continue
        hits = rule.condition.met(findings, seen, flags)
        if hits is not None:
            flags.add(rule.code)
            weighed = tuple(dict.fromkeys(hit.words for hit in hits))[:8]
            reasons.append(Reason(f"flagga.{rule.code}", rule.words, weighed))
    return tuple(sorted(flags)), tuple(reasons)


def set_priority(
    rules: Sequence[PriorityRule],
    default: int,
    findings: Findings,
    seen: frozenset[str],
    flags: Sequence[str],
) -> tuple[int, tuple[Reason, ...]]:
    """Return the priority, 1 to 5, starting at the category's own; a later rule acts on what stands."""
    priority = default
    reasons: list[Reason] = []
    for rule in rules:
        changed = min(priority, rule.to) if rule.is_lift else rule.to
        if changed != priority and rule.condition.met(findings, seen, flags) is not None:
            priority = changed
            reasons.append(Reason(f"prioritet.{rule.code}", rule.words))
    return priority, tuple(reasons)
