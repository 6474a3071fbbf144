"""docs/security.md is whole: each requirement has its row, each test is there, limits and roles are right."""

from __future__ import annotations

import ast
import importlib
import math
import re
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

from intake import codes
from intake.access import factors, passwords
from intake.access.roles import ROLES

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs/security.md").read_text()

# OWASP ASVS 5.0.0: all requirements of levels 1 and 2, section by section.
ASVS = (
    "1.1.1 1.1.2 1.2.1 1.2.2 1.2.3 1.2.4 1.2.5 1.2.6 1.2.7 1.2.8 1.2.9 1.3.1 1.3.2 1.3.3 1.3.4 1.3.5",
    "1.3.6 1.3.7 1.3.8 1.3.9 1.3.10 1.3.11 1.4.1 1.4.2 1.4.3 1.5.1 1.5.2",
    "2.1.1 2.1.2 2.1.3 2.2.1 2.2.2 2.2.3 2.3.1 2.3.2 2.3.3 2.3.4 2.4.1",
    "3.2.1 3.2.2 3.3.1 3.3.2 3.3.3 3.3.4 3.4.1 3.4.2 3.4.3 3.4.4 3.4.5 3.4.6 3.5.1 3.5.2 3.5.3 3.5.4",
    "3.5.5 3.7.1 3.7.2",
    "4.1.1 4.1.2 4.1.3 4.2.1 4.3.1 4.3.2 4.4.1 4.4.2 4.4.3 4.4.4",
    "5.1.1 5.2.1 5.2.2 5.2.3 5.3.1 5.3.2 5.4.1 5.4.2 5.4.3",
    "6.1.1 6.1.2 6.1.3 6.2.1 6.2.2 6.2.3 6.2.4 6.2.5 6.2.6 6.2.7 6.2.8 6.2.9 6.2.10 6.2.11 6.2.12 6.3.1",
    "6.3.2 6.3.3 6.3.4 6.4.1 6.4.2 6.4.3 6.4.4 6.5.1 6.5.2 6.5.3 6.5.4 6.5.5 6.6.1 6.6.2 6.6.3 6.8.1",
    "6.8.2 6.8.3 6.8.4",
    "7.1.1 7.1.2 7.1.3 7.2.1 7.2.2 7.2.3 7.2.4 7.3.1 7.3.2 7.4.1 7.4.2 7.4.3 7.4.4 7.4.5 7.5.1 7.5.2",
    "7.6.1 7.6.2",
    "8.1.1 8.1.2 8.2.1 8.2.2 8.2.3 8.3.1 8.4.1",
    "9.1.1 9.1.2 9.1.3 9.2.1 9.2.2 9.2.3 9.2.4",
    "10.1.1 10.1.2 10.2.1 10.2.2 10.3.1 10.3.2 10.3.3 10.3.4 10.4.1 10.4.2 10.4.3 10.4.4 10.4.5 10.4.6",
    "10.4.7 10.4.8 10.4.9 10.4.10 10.4.11 10.5.1 10.5.2 10.5.3 10.5.4 10.5.5 10.6.1 10.6.2 10.7.1",
    "10.7.2 10.7.3",
    "11.1.1 11.1.2 11.2.1 11.2.2 11.2.3 11.3.1 11.3.2 11.3.3 11.4.1 11.4.2 11.4.3 11.4.4 11.5.1 11.6.1",
    "12.1.1 12.1.2 12.1.3 12.2.1 12.2.2 12.3.1 12.3.2 12.3.3 12.3.4",
    "13.1.1 13.2.1 13.2.2 13.2.3 13.2.4 13.2.5 13.3.1 13.3.2 13.4.1 13.4.2 13.4.3 13.4.4 13.4.5",
    "14.1.1 14.1.2 14.2.1 14.2.2 14.2.3 14.2.4 14.3.1 14.3.2 14.3.3",
    "15.1.1 15.1.2 15.1.3 15.2.1 15.2.2 15.2.3 15.3.1 15.3.2 15.3.3 15.3.4 15.3.5 15.3.6 15.3.7",
    "16.1.1 16.2.1 16.2.2 16.2.3 16.2.4 16.2.5 16.3.1 16.3.2 16.3.3 16.3.4 16.4.1 16.4.2 16.4.3 16.5.1",
    "16.5.2 16.5.3",
    "17.1.1 17.2.1 17.2.2 17.2.3 17.2.4 17.3.1 17.3.2",
)  # fmt: skip
REQUIREMENTS = " ".join(ASVS).split()
PARTS = (
    "Threat model", "At a prompt of the database", "What stays visible all the same", "Who may do what",
    "Ways in", "Limits", "What is kept, and how it is protected", "Keys and digests", "Who speaks with whom",
    "Logs", "Dependencies and risky parts", "ASVS 5.0.0", "What does not apply", "How to report a fault",
)  # fmt: skip
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


def part(name: str) -> str:
    """Return a part of the page by its heading, up to the next."""
    return PAGE.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """Return the cells of every row of the tables in a text, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rules = {number for number, line in enumerate(lines) if re.fullmatch(r"[|\- ]+", line)}
    kept = [line for number, line in enumerate(lines) if not {number, number + 1} & rules]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in kept]


def id_of(row: list[str]) -> str:
    return row[0].removesuffix(" L3")


TABLE = rows(part("ASVS 5.0.0"))


@cache
def names_in(file: str) -> frozenset[str]:
    path = TESTS / file
    nodes = ast.walk(ast.parse(path.read_text())) if path.is_file() else ()
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef))


def test_the_requirements_are_all_there_are():
    assert (len(REQUIREMENTS), len(set(REQUIREMENTS))) == (253, 253)


def test_every_requirement_has_one_row_or_one_reason():
    has_row = [id_of(row) for row in TABLE if not row[0].endswith("L3")]
    has_reason = [id for row in rows(part("What does not apply")) for id in row[0].split(", ")]
    assert sorted(has_row + has_reason) == sorted(REQUIREMENTS)


def test_every_row_of_level_3_says_so_and_stands_once():
    ids = [id_of(row) for row in TABLE]
    assert len(ids) == len(set(ids))
    assert not {id_of(row) for row in TABLE if row[0].endswith("L3")} & set(REQUIREMENTS)


def test_no_cell_is_empty():
    for row in [*TABLE, *(row for name in PARTS for row in rows(part(name)))]:
        assert all(cell.strip("-– ") for cell in row), row
    assert {len(row) for row in TABLE} == {4}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_every_row_names_tests_that_are_there_or_why_there_are_none(row):
    _id, _requirement, how, tests = row
    named = NAMED.findall(tests)
    assert [f"{file}::{name}" for file, name in named if name not in names_in(file)] == []
    assert tests == "prose" or NAMED.sub("", tests).strip() == "", "something else is named"
    assert (tests == "prose") == how.startswith("No test ")
    assert tests == "prose" or named


@pytest.mark.parametrize("row", rows(part("Limits")), ids=lambda row: row[2].strip("`"))
def test_every_limit_is_the_codes_own(row):
    module, _, name = row[2].strip("`").partition(":")
    limit = getattr(importlib.import_module(module), name)
    number, _, unit = row[1].partition(" ")
    assert limit == (timedelta(**{unit: int(number)}) if unit else int(number))


@pytest.mark.parametrize(
    ("what", "make", "alphabet"),
    [
        ("recovery codes", factors._new_code, codes.ALPHABET),
        ("status codes", codes.new_status_code, codes.ALPHABET),
        ("address tokens, first passwords", codes.new_token, codes.TOKEN_ALPHABET),
        ("address tokens, first passwords", passwords.new_password, codes.TOKEN_ALPHABET),
    ],
)
def test_codes_hold_as_many_random_bits_as_the_page_says(what, make, alphabet):
    (told,) = [row[1] for row in rows(part("Keys and digests")) if row[0] == what]
    made = make().replace("-", "")
    assert set(made) <= set(alphabet)
    assert told == f"{int(len(made) * math.log2(len(alphabet)))} random bits"


def test_the_roles_are_the_codes_own():
    told = {
        row[0].strip("`"): (row[1], frozenset(re.findall(r"`(\w+)`", row[2])))
        for row in rows(part("Who may do what"))
    }
    assert told == {code: (role.name, role.may) for code, role in ROLES.items()}


def test_every_part_of_the_page_is_there():
    headings = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    assert headings == list(PARTS)
    for promised in (
        "**Updates.**",
        "**Risky libraries**",
        "**Dangerous acts**",
        "**Costly acts**",
        "**Two persons**",
    ):
        assert promised in PAGE


@pytest.mark.parametrize(
    ("words", "name"), [("| a | b |\n|---|---|\n| c | d |\n", [["c", "d"]]), ("no table", [])]
)
def test_the_reader_of_tables_reads_them(words, name):
    assert rows(words) == name
