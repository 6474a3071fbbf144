"""The table of abuse cases is whole, and every test that it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
TABLE = TESTS.parent / "docs" / "abuse-cases.md"
ROWS = re.findall(r"^\| (R?\d+) \| (.+?) \| (.+?) \| (.+?) \|$", TABLE.read_text(), re.MULTILINE)
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


@cache
def names_in(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / file).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_case_has_one_row():
    cases = [str(number) for number in range(1, 65)]
    assert [row[0] for row in ROWS] == [*cases, *(f"R{number}" for number in range(1, 20))]


@pytest.mark.parametrize(("case", "tests"), [(row[0], row[3]) for row in ROWS], ids=lambda value: value[:2])
def test_every_case_has_a_test_that_is_there_or_a_reason(case, tests):
    named = NAMED.findall(tests)
    assert named or re.match(r"none: \w+ ", tests), f"case {case} names no test and no reason"
    assert [f"{file}::{name}" for file, name in named if name not in names_in(file)] == []
    assert not named or NAMED.sub("", tests).strip() == "", "something besides tests is named"


def test_every_sample_is_in_a_case_of_the_table():
    from tests.hostile import samples

    groups = (samples.ACCEPTED, samples.QUARANTINED, samples.WARNED, samples.REFUSED, samples.INFECTED)
    cases = {int(re.match(r"\d+", name)[0]) for group in groups for name in group}
    assert cases == set(range(15, 41))
