"""Tries the routing rule on matters in a file, and measures it where they are labelled.

A file holds one JSON object a line: ``id``, ``channel``, ``lang``, ``subject``, ``body``,
``municipality`` (a name or null), and where it is labelled ``expected`` (``category``, ``region``,
``priority``, ``flags``) and ``traits``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

from config.tables import Tables
from intake.errors import IntakeError
from intake.models.matter import CHANNELS
from intake.routing import Facts, Placement, Rules, place

# Labelled loosely, since no reader is sure of them; shown, but no aim is set for them.
LOOSE = ("secrecy", "anonymous_wish")
_MEASURED = ("category", "region", "priority")
Row = dict[str, Any]


class BadMatter(IntakeError):
    """A line of a file is no matter; the message names the line and what is wrong."""


@dataclass(frozen=True)
class Share:
    """So many of so many, with the interval in which the true share probably lies."""

    right: int
    of: int

    @property
    def value(self) -> float:
        return self.right / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of Wilson's score (Wilson 1927), which also holds for few cases."""
        if not self.of:
            return 0.0, 1.0
        z = 1.96
        middle = self.value + z * z / (2 * self.of)
        spread = z * sqrt(self.value * (1 - self.value) / self.of + z * z / (4 * self.of**2))
        whole = 1 + z * z / self.of
        return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)

    def __str__(self) -> str:
        if not self.of:
            return "     -"
        low, high = self.interval
        return f"{self.value:6.3f}  [{low:.2f}, {high:.2f}]  {self.right:4} of {self.of}"


@dataclass(frozen=True)
class Tried:
    """A matter as read, and where the rule placed it."""

    row: Row
    placement: Placement

    def is_right(self, what: str) -> bool:
        """Say whether the category (best guess), region or priority is the labelled one."""
        made = {"category": self.placement.guess, "region": self.placement.region}
        return bool(self.row["expected"][what] == made.get(what, self.placement.priority))


def read_matters(path: Path, *, is_labelled: bool = False) -> Iterator[Row]:
    """Yield the matters of a file. Raises BadMatter for a line that is none."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _read(line, f"{path.name} line {number}", is_labelled=is_labelled)


def _read(line: str, where: str, *, is_labelled: bool) -> Row:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise BadMatter(f"{where}: not JSON ({error}).") from error
    if not isinstance(row, dict):
        raise BadMatter(f"{where}: not an object.")
    for name in ("subject", "body"):
        if not isinstance(row.get(name, ""), str):
            raise BadMatter(f"{where}: {name} is no text.")
    if row.get("channel") not in CHANNELS:
        raise BadMatter(f"{where}: channel is none of {', '.join(CHANNELS)}.")
    expected = row.get("expected")
    named = {"category", "region", "priority", "flags"}
    if is_labelled and not (isinstance(expected, dict) and named <= expected.keys()):
        raise BadMatter(f"{where}: expected does not hold {', '.join(sorted(named))}.")
    return row


def facts_of(row: Row, tables: Tables) -> Facts:
    """Return what is known of a matter as it arrives: no category was chosen for it."""
    chosen = row.get("municipality")
    code = next((known.code for known in tables.geography.municipalities if known.name == chosen), None)
    return Facts(row["channel"], row.get("subject", ""), row.get("body", ""), municipality=code)


def route(rows: Iterable[Row], rules: Rules) -> Iterator[Row]:
    """Yield for each matter where it would stand, and why."""
    for row in rows:
        made = place(facts_of(row, rules.tables), rules)
        yield {
            "id": row.get("id"),
            "category": made.guess,
            "undecided": made.is_undecided,
            "confidence": made.confidence,
            "next": list(made.next),
            "unit": made.unit,
            "region": made.region,
            "priority": made.priority,
            "flags": list(made.flags),
            "reasons": [reason.words for reason in made.reasons],
        }


def evaluate(rows: Iterable[Row], rules: Rules) -> list[str]:
    """Return the score table of labelled matters, a line each."""
    tried = try_all(rows, rules)
    if not tried:
        raise BadMatter("there is no matter in the file.")
    return [
        f"{len(tried)} matters, rules {rules.version}",
        "",
        f"{'':<28} share  95 % interval",
        *(f"{name:<28}{share}" for name, share in shares(tried).items()),
        *_flags(tried),
        *_slices(tried),
        *_confusion(tried),
    ]


def try_all(rows: Iterable[Row], rules: Rules) -> list[Tried]:
    """Place each matter."""
    return [Tried(row, place(facts_of(row, rules.tables), rules)) for row in rows]


def _share(tried: Sequence[Tried], holds: Callable[[Tried], bool]) -> Share:
    return Share(sum(holds(one) for one in tried), len(tried))


def shares(tried: Sequence[Tried]) -> dict[str, Share]:
    """Return how much is right: the category where the rule decides and as its best guess, and so on."""
    decided = [one for one in tried if not one.placement.is_undecided]
    return {
        "category, where decided": _share(decided, lambda one: one.is_right("category")),
        "category, best guess": _share(tried, lambda one: one.is_right("category")),
        "left to a person": Share(len(tried) - len(decided), len(tried)),
        "region": _share(tried, lambda one: one.is_right("region")),
        "priority": _share(tried, lambda one: one.is_right("priority")),
        "priority two steps too low": _share(
            tried, lambda one: one.placement.priority - one.row["expected"]["priority"] > 1
        ),
    }


def flag_shares(tried: Sequence[Tried]) -> dict[str, tuple[Share, Share]]:
    """Return each flag's precision and recall."""
    raised = Counter(flag for one in tried for flag in one.placement.flags)
    labelled = Counter(flag for one in tried for flag in one.row["expected"]["flags"])
    both = Counter(
        flag for one in tried for flag in one.row["expected"]["flags"] if flag in one.placement.flags
    )
    return {
        flag: (Share(both[flag], raised[flag]), Share(both[flag], labelled[flag]))
        for flag in sorted(raised | labelled)
    }


def _flags(tried: Sequence[Tried]) -> Iterator[str]:
    yield ""
    yield f"{'flag':<28} {'precision':<38}recall"
    for flag, (precision, recall) in flag_shares(tried).items():
        note = "  (loosely labelled)" if flag in LOOSE else ""
        yield f"{flag:<28}{precision!s:<38} {recall}{note}"


def _slices(tried: Sequence[Tried]) -> Iterator[str]:
    yield ""
    yield "slice                           matters  category  region  priority"
    parts: dict[str, list[Tried]] = {}
    for one in tried:
        names = [f"language {one.row.get('lang', 'sv')}", f"channel {one.row['channel']}"]
        for name in (*names, *(f"trait {trait}" for trait in one.row.get("traits", ()))):
            parts.setdefault(name, []).append(one)
    for name, part in sorted(parts.items()):
        right = [sum(one.is_right(what) for one in part) / len(part) for what in _MEASURED]
        yield f"{name:<32}{len(part):7}" + "".join(f"  {value:7.2f}" for value in right)


def _confusion(tried: Sequence[Tried]) -> Iterator[str]:
    wrong = Counter(
        (one.row["expected"]["category"], one.placement.guess)
        for one in tried
        if not one.is_right("category")
    )
    yield ""
    yield "labelled         guessed"
    for (expected, guessed), count in sorted(wrong.items(), key=lambda item: (-item[1], item[0])):
        yield f"{expected:<17}{guessed:<17}{count}"
