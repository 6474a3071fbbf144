"""The provisions that a copy is masked by are checked at start, and a complaint says what to do."""

from __future__ import annotations

import pytest

from config.reading import TableError
from config.release import release_in
from config.secrecy import Provision
from config.tables import read_tables

KNOWN = [Provision("a", "OSL 1:1", "1 kap. 1 §", "Något", marks=True)]
TABLE = {
    "protected_by": "a",
    "inner_by": "a",
    "appeal": {"heading": "Överklaga", "paragraphs": ["Så här."], "items": []},
}


def test_the_table_names_provisions_and_how_to_appeal():
    table = read_tables().release
    assert table.get(table.protected_by).short == "OSL 21:3"
    assert table.get(table.inner_by).short == "TF 2:12"
    assert "kammarrätten" in " ".join(table.appeal.paragraphs)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"inner_by": "b"}, "b is the code of no provision"),
        ({"appeal": {"heading": "", "paragraphs": [], "items": []}}, "appeal needs"),
    ],
    ids=str,
)
def test_a_table_that_cannot_be_used_stops_the_start(change, why):
    assert release_in(TABLE, KNOWN).get("a").name == "1 kap. 1 §"
    with pytest.raises(TableError, match=why):
        release_in(TABLE | change, KNOWN)
