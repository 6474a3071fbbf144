"""The page on files is made from the table, and says all that is in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.files import read_files
from config.reading import TableError
from config.tables import read_tables
from intake.files.describing import as_markdown
from intake.files.findings import KINDS

PAGE = Path(__file__).parent.parent.parent / "docs" / "files.md"
LIMITS = read_tables().files


def test_the_page_is_that_of_the_table():
    assert PAGE.read_text(encoding="utf-8") == as_markdown(LIMITS), (
        "run: intake describe-files > docs/files.md"
    )


def test_the_page_names_every_type_limit_and_finding():
    page = as_markdown(LIMITS)
    assert [extension for extension in LIMITS.types if f".{extension}" not in page] == []
    assert [code for code in KINDS if f"`{code}`" not in page] == []
    assert "200 MB" in page


def test_every_rule_tells_of_a_finding_that_is_listed():
    assert {rule.code for rule in LIMITS.rules} <= set(KINDS)
    listed = {kind for each in LIMITS.types.values() for kind in each.mime_types}
    assert {kind for rule in LIMITS.rules for kind in rule.mime_types} <= listed


@pytest.mark.parametrize("pattern", ["(", "å"])
def test_a_rule_whose_pattern_is_none_stops_the_start(pattern):
    rule = dict(LIMITS.table["rules"][0], pattern=pattern)
    with pytest.raises(TableError, match="pattern of rule"):
        read_files(dict(LIMITS.table, rules=[rule]))
