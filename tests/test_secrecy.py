"""The provisions that a matter can be marked by are checked at start, and a complaint says what to do."""

from __future__ import annotations

import pytest

from config.reading import TableError
from config.secrecy import provisions_in
from config.tables import read_tables


def one(**changes):
    said = {"code": "35_1", "short": "OSL 35:1", "name": "35 kap. 1 §", "words": "Enskildas förhållanden"}
    return said | changes


def test_the_provisions_that_police_matters_are_marked_by_are_there():
    marking = [each.code for each in read_tables().secrecy if each.marks]
    assert marking == ["18_1", "18_2", "21_1", "21_3", "25_1", "35_1"]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "names no provision"),
        ([one(code="35:1")], "small letters"),
        ([one(name=" ")], "no short form, no name or no words"),
        ([one(words="")], "no short form, no name or no words"),
        ([one(), one()], "the same code"),
        ([{"code": "35_1"}], "'short' is missing"),
        ([one(name=35)], "wrong kind"),
        ([one(code=35)], "small letters"),
    ],
    ids=str,
)
def test_a_provision_that_cannot_be_used_stops_the_start(rows, why):
    with pytest.raises(TableError, match=why):
        provisions_in({"provision": rows})


def test_a_table_without_provisions_stops_the_start():
    with pytest.raises(TableError, match="'provision' is missing"):
        provisions_in({})
