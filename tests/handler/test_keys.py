"""Single keys: a sheet that lists them, a choice that holds everywhere, and what the pages say of them."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from intake.handler.keys import MEANINGS
from tests import desk

STATIC = Path("intake/static")
ON = 'data-keys="on"'


def pressed(page):
    """The keys that the elements of a page say press them."""
    return set(re.findall(r'data-key="([^"]+)"', page.text))


def test_the_sheet_lists_every_key_that_a_page_has(anna, bring):
    reference = bring()
    sheet = anna.get("/tangenter")
    listed = set(re.findall(r"<kbd>(.)</kbd>", sheet.text))
    on_pages = pressed(anna.get("/")) | pressed(anna.page(reference)) | pressed(sheet)
    assert listed == {key for key, _ in MEANINGS}
    assert {"t", "r", "f", "/", "?"} <= on_pages <= listed


def test_the_choice_holds_in_every_browser_of_the_person(anna, sit, handler_app):
    other = desk.Desk(handler_app, anna.email, anna.password)
    other.sign_in()
    assert ON in anna.get("/").text
    done = anna.post("/konto/tangenter", page=anna.get("/konto"))
    assert done.location == "/konto"
    page = other.get("/")
    assert ON not in page.text
    assert "keys.js" not in page.text
    assert "Slå på snabbtangenterna" in other.get("/konto").text
    assert "De är av för dig." in desk.text_of(other.get("/tangenter"))


def test_the_choice_is_ones_own_alone(anna, sit):
    bertil = sit("bertil.syd@example.se", *desk.seats("syd"), name="Bertil Sand")
    anna.post("/konto/tangenter", page=anna.get("/konto"))
    assert ON in bertil.get("/").text
    anna.post("/konto/tangenter", page=anna.get("/konto"), has_keys="y")
    assert ON in anna.get("/").text


def test_a_choice_without_its_token_changes_nothing(anna):
    anna.client.post("/konto/tangenter", data={})
    assert ON in anna.get("/").text


def test_whoever_is_not_signed_in_has_no_keys(handler_app):
    page = desk.Desk(handler_app, "x@example.se", "x").get("/logga-in")
    assert ON not in page.text
    assert "Snabbtangenter" not in page.text


@pytest.mark.parametrize("name", ["keys.js", "presence.js"])
def test_the_scripts_are_small(name):
    assert len(gzip.compress((STATIC / name).read_bytes())) < 2048
