"""A matter's page tells what is awaited, and lets a handler call the reminder off."""

from __future__ import annotations

import re

import pytest

from intake.matters import supplements
from tests import desk
from tests.citizen.person import words


@pytest.fixture
def reference(brought):
    return brought(category="fraga")


def ask(anna, reference, deadline="2026-12-10"):
    return anna.act(reference, "komplettera", asked="Skicka kvittot.", deadline=deadline)


def test_ten_working_days_are_suggested_in_the_form(anna, reference):
    page = anna.page(reference).text
    assert re.search(r'<input[^>]*name="deadline"[^>]*value="2026-12-04"', page)
    assert "filer upp till 2 GB tillsammans" in words(page)


def test_the_page_says_until_when_it_waits(anna, reference):
    ask(anna, reference)
    shown = desk.text_of(anna.page(reference))
    assert "Komplettering begärd till den 10 december 2026." in shown
    assert "får den som skrev en påminnelse den 7 december 2026" in shown
    assert "Ärendet vilar till 2026-12-10" in shown


def test_without_a_day_it_waits_and_nobody_is_reminded(anna, reference):
    ask(anna, reference, deadline="")
    shown = desk.text_of(anna.page(reference))
    assert "Komplettering begärd" in shown
    assert "påminnelse" not in shown


def test_the_reminder_is_called_off_and_the_history_tells(anna, reference):
    ask(anna, reference)
    assert anna.act(reference, "stall-in-paminnelsen").status_code == 303
    shown = desk.text_of(anna.page(reference))
    assert "Påminnelsen är inställd." in shown
    assert "Ställde in påminnelsen om komplettering Anna Lindgren" in shown
    again = anna.act(reference, "stall-in-paminnelsen")
    assert (again.status_code, "ingen påminnelse att ställa in" in desk.text_of(again)) == (422, True)


def test_what_has_not_come_in_time_is_a_task(anna, reference, worker_app, clock, sit):
    ask(anna, reference)
    clock.at = clock.at.replace(month=12, day=11)
    with worker_app.app_context():
        assert supplements.mark_missed() == 1
    anna = sit("eva.syd@example.se", *desk.seats("syd"))
    shown = desk.text_of(anna.page(reference))
    assert "Kompletteringen har inte kommit i tid" in shown
    assert "Ärendet vilar till 2026" not in shown
