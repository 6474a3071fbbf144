"""Trying the rule on a file: what is printed, what is counted, and what a bad line gets."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from config.tables import read_tables
from intake.cli import main
from intake.evaluation import BadMatter, Share, evaluate, read_matters, route
from intake.routing import compile_rules

RULES = compile_rules(read_tables())
BIKE = {
    "id": "a", "channel": "form", "lang": "sv", "subject": "Cykel", "municipality": "Malmö",
    "body": "Min cykel blev stulen utanför stationen i går.", "traits": ["past"],
    "expected": {"category": "anmalan", "region": "syd", "priority": 3, "flags": []},
}  # fmt: skip
HERE = BIKE | {
    "id": "b", "channel": "email", "lang": "en", "subject": "", "municipality": None, "traits": [],
    "body": "He is here now with a knife, please help me.",
    "expected": {"category": "nara_relation", "region": None, "priority": 1, "flags": ["emergency_now"]},
}  # fmt: skip


def written(folder: Path, *rows: object) -> Path:
    path = folder / "matters.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def run(*words: object):
    return CliRunner().invoke(main, [str(word) for word in words])


def test_route_prints_a_placement_a_line(tmp_path):
    done = run("route", written(tmp_path, BIKE, "", HERE))
    bike, here = (json.loads(line) for line in done.stdout.splitlines())
    assert list(bike) == [
        "id", "category", "undecided", "confidence", "next", "unit", "region", "priority", "flags", "reasons",
    ]  # fmt: skip
    assert (bike["id"], bike["category"], bike["unit"]) == ("a", "anmalan", "syd-kontaktcenter")
    assert (here["priority"], here["region"]) == (1, None)
    assert "emergency_now" in here["flags"]


def test_an_undecided_matter_stands_in_the_regions_inbox_with_its_best_guess(tmp_path):
    never_sure = replace(RULES, weights=replace(RULES.weights, least=1.1))
    (made,) = route(read_matters(written(tmp_path, BIKE)), never_sure)
    assert (made["undecided"], made["unit"], made["category"]) == (True, "syd-inkorg", "anmalan")


def test_evaluate_prints_shares_flags_slices_and_confusion(tmp_path):
    wrong = BIKE | {"expected": BIKE["expected"] | {"category": "lokal", "flags": ["child"]}}
    done = run("evaluate", written(tmp_path, BIKE, HERE, wrong))
    assert done.exit_code == 0
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "region 1.000 [0.44, 1.00] 3 of 3" in lines
    assert "child - 0.000 [0.00, 0.79] 0 of 1" in lines
    assert "trait past 2 0.50 1.00 1.00" in lines
    assert "lokal anmalan 1" in lines


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2: not JSON"),
        ("[]", "line 2: not an object"),
        (BIKE | {"channel": "dove"}, "line 2: channel"),
        (BIKE | {"body": 7}, "line 2: body is no text"),
        ({name: value for name, value in BIKE.items() if name != "expected"}, "line 2: expected"),
    ],
)
def test_a_line_that_is_no_matter_is_named(tmp_path, line, said):
    done = run("evaluate", written(tmp_path, BIKE, line))
    assert done.exit_code == 1
    assert said in done.stderr


def test_an_empty_file_is_told(tmp_path):
    with pytest.raises(BadMatter, match="no matter"):
        evaluate(read_matters(written(tmp_path, "")), RULES)


@pytest.mark.parametrize(
    ("right", "of", "interval"),
    # The worked values of Wilson's interval in common tables.
    [(0, 10, (0.0, 0.278)), (10, 10, (0.722, 1.0)), (50, 100, (0.404, 0.596)), (0, 0, (0.0, 1.0))],
)
def test_the_interval_is_wilsons(right, of, interval):
    assert Share(right, of).interval == pytest.approx(interval, abs=0.001)
