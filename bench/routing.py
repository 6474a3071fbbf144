"""Measures the routing rule on labelled matters: `python -m bench.routing FILE.jsonl`."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from config.tables import Tables, read_tables
from intake.routing import Facts, Placement, compile_rules, place

NOT_SCORED = ("secrecy", "anonymous_wish")


def facts_of(row: dict[str, Any], tables: Tables) -> Facts:
    """Return a labelled matter's facts: the municipality that was chosen, and no chosen category."""
    codes = {municipality.name: municipality.code for municipality in tables.geography.municipalities}
    return Facts(
        row["channel"], row["subject"], row["body"], municipality=codes.get(row["municipality"] or "")
    )


def read_matters(path: Path) -> list[dict[str, Any]]:
    """Read labelled matters, one JSON object a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def score(rows: list[dict[str, Any]], placements: list[Placement]) -> dict[str, float]:
    """Return the shares that are right; categories count the guess also where a person is to decide."""
    pairs = [(row["expected"], placement) for row, placement in zip(rows, placements, strict=True)]
    decided = [(expected, placement) for expected, placement in pairs if not placement.is_undecided]
    return {
        "category (best guess)": _share(expected["category"] == made.guess for expected, made in pairs),
        "category where decided": _share(expected["category"] == made.category for expected, made in decided),
        "decided": len(decided) / len(pairs),
        "region": _share(expected["region"] == made.region for expected, made in pairs),
        "priority": _share(expected["priority"] == made.priority for expected, made in pairs),
        "priority two steps too low": _share(
            made.priority - expected["priority"] > 1 for expected, made in pairs
        ),
    }


def flag_counts(rows: list[dict[str, Any]], placements: list[Placement]) -> dict[str, tuple[int, int, int]]:
    """Return for each flag how many are right, wrongly raised and missed."""
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for row, placement in zip(rows, placements, strict=True):
        expected, made = set(row["expected"]["flags"]), set(placement.flags)
        right.update(expected & made)
        wrong.update(made - expected)
        missed.update(expected - made)
    return {flag: (right[flag], wrong[flag], missed[flag]) for flag in sorted({*right, *wrong, *missed})}


def _share(values: Any) -> float:
    counted = list(values)
    return sum(counted) / len(counted) if counted else 0.0


def main(path: Path) -> None:
    """Print the table of one file."""
    tables = read_tables()
    rules = compile_rules(tables)
    rows = read_matters(path)
    facts = [facts_of(row, tables) for row in rows]
    start = time.perf_counter()
    placements = [place(fact, rules) for fact in facts]
    seconds = time.perf_counter() - start
    print(f"{path.name}: {len(rows)} matters, rules {rules.version}, {len(rows) / seconds:.0f} placements/s")
    for name, value in score(rows, placements).items():
        print(f"  {name:<30} {value:6.3f}")
    print(f"  {'flag':<30} precision recall   right wrong missed")
    for flag, (right, wrong, missed) in flag_counts(rows, placements).items():
        precision = f"{right / (right + wrong):.2f}" if right + wrong else "-"
        recall = f"{right / (right + missed):.2f}" if right + missed else "-"
        note = "  (loosely labelled)" if flag in NOT_SCORED else ""
        print(f"  {flag:<30} {precision:>9} {recall:>6} {right:7} {wrong:5} {missed:6}{note}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
