"""The authority's tables are checked at start, and a complaint says what to do."""

from __future__ import annotations

import shutil

import pytest

from config.reading import TableError
from config.tables import FOLDER, read_tables

DUTY = 'duty = "jour-syd@jour.example"'


@pytest.fixture
def read_with(tmp_path):
    """Read the tables with a line of authority.toml written otherwise."""

    def read(old, new):
        folder = shutil.copytree(FOLDER, tmp_path / "config", ignore=shutil.ignore_patterns("*.py*"))
        table = folder / "authority.toml"
        assert old in table.read_text()
        table.write_text(table.read_text().replace(old, new))
        return read_tables(folder)

    return read


def test_a_regions_units_share_its_duty_address(read_with):
    authority = read_with(DUTY, 'duty = "vakt@jour.example"').authority
    assert {unit.duty for unit in authority.units if unit.region == "syd"} == {"vakt@jour.example"}
    assert authority.unit("su").duty == "jour-su@jour.example"


@pytest.mark.parametrize(
    ("duty", "why"),
    [
        ("", "'duty' is missing"),
        ('duty = "jour-syd"', "no mail address"),
        ('duty = "jour@a.example, b@b.example"', "no mail address"),
        ("duty = 112", "no mail address"),
        ('duty = "jour-syd@Example.se"', "outside mail.domains"),
    ],
)
def test_a_duty_address_that_cannot_be_used_stops_the_start(read_with, duty, why):
    with pytest.raises(TableError, match=why):
        read_with(DUTY, duty)


def test_letters_are_plain_text_unless_the_authority_wants_html_too(read_with):
    assert not read_tables().authority.mail_with_html
    assert read_with("with_html = false", "with_html = true").authority.mail_with_html


def test_a_wish_for_html_that_is_neither_yes_nor_no_stops_the_start(read_with):
    with pytest.raises(TableError, match="with_html is neither"):
        read_with("with_html = false", 'with_html = "nej"')


@pytest.mark.parametrize("hours", ["0", "241", '"24"', "2.5", "true"])
def test_a_time_to_receive_that_is_no_number_of_hours_stops_the_start(read_with, hours):
    with pytest.raises(TableError, match=r"handover\.hours is no number"):
        read_with("hours = 24", f"hours = {hours}")
    assert read_tables().authority.handover_hours == 24


@pytest.mark.parametrize("contact", ["fel@example.org", "mailto:fel@example.se", "http://example.org/"])
def test_a_contact_for_faults_that_will_not_do_is_a_mistake(read_with, contact):
    with pytest.raises(TableError, match=r"security\.contact"):
        read_with("mailto:sakerhet@sarbarhet.example", contact)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('category = "drogscen"', 'category = "droger"', "watched.category is no category"),
        ("start = 72", 'start = "72"', "watched.start is no number"),
        ("start_on = 2026-01-01", 'start_on = "i januari"', "watched.start_on no day"),
        ("start = 72\n", "", "is missing or of the wrong kind"),
    ],
)
def test_what_the_situation_picture_follows_is_checked(read_with, old, new, why):
    with pytest.raises(TableError, match=why):
        read_with(old, new)


def test_a_map_without_regions_stops_the_start(tmp_path):
    folder = shutil.copytree(FOLDER, tmp_path / "config", ignore=shutil.ignore_patterns("*.py*"))
    (folder / "geo/regions.svg").write_text('<svg viewBox="0 0 9 9"></svg>')
    with pytest.raises(TableError, match=r"regions\.svg"):
        read_tables(folder)
