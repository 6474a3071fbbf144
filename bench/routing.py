"""Measures how fast matters are placed on one core, ordinary and hostile ones."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from config.tables import read_tables
from intake.evaluation import facts_of, read_matters
from intake.routing import Facts, Rules, compile_rules, place

MATTERS = Path(__file__).parents[1] / "tests/data/matters-dev.jsonl"
SECONDS = 3.0
HOSTILE = {
    "one word, again and again": "han " * 20_000,
    "words of danger": "hjälp han har en kniv och slår mig nu " * 2_000,
    "no spaces": "a" * 64_000,
    "only signs": "!?.,;:" * 10_000,
    "names of places": "Lund Malmö Åsa Berg Nora Sala " * 2_500,
    "mixed scripts": "помогите ساعدني 救命 hjälp " * 2_500,
}


def rate(facts: list[Facts], rules: Rules) -> float:
    """Return how many are placed in a second."""
    count, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < SECONDS:
        place(facts[count % len(facts)], rules)
        count += 1
    return count / spent


def main(path: Path) -> None:
    """Print the table."""
    tables = read_tables()
    rules = compile_rules(tables)
    ordinary = [facts_of(row, tables) for row in read_matters(path)]
    print(f"{'ordinary: ' + path.name:<34}{rate(ordinary, rules):8.0f}/s  (aim: 300)")
    for name, text in HOSTILE.items():
        each = 1000 / rate([Facts("email", "", text)], rules)
        print(f"{f'{len(text) // 1000} kB: ' + name:<34}{each:8.0f} ms each")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else MATTERS)
