"""Handing a matter over in a real browser, by the pages alone: nothing is wrong with any of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from intake.matters import handing_over
from tests import desk
from tests.browsers import Looker, opened, serving
from tests.handler.test_browser import sign_in

pytestmark = pytest.mark.browser


@pytest.fixture
def page(handler_app):
    with serving(handler_app) as base, opened(base) as page:
        page.app = handler_app
        yield page


def test_axe_finds_nothing_while_a_matter_goes_to_another_unit_and_back(
    page, owner_app, bring, clock, worker_app, tmp_path
):
    password = desk.hire(owner_app, "anna.syd@example.se", *desk.seats("syd"), ("nord-inkorg", "handler"))
    reference = bring(subject="En mycket lång ärendemening som bryts " + "å" * 60)
    looker = Looker(page, tmp_path)
    sign_in(page, password)
    page.goto(f"/arende/{reference}")
    page.keyboard.press("f")
    page.wait_for_url("**/lamna-over")
    page.get_by_text("Flytta över en sekretessgräns").click()
    looker.look("hand-over")
    page.get_by_role("button", name="Fortsätt").click()
    looker.look("hand-over-wrong")
    page.get_by_label("Lämna över till").select_option("nord-inkorg")
    page.get_by_label("Varför lämnas det över?").fill("Händelsen var i Umeå. Vi har ringt och fått namnen.")
    page.get_by_role("button", name="Fortsätt").click()
    looker.look("hand-over-preview")
    page.get_by_role("button", name="Lämna över").click()
    page.get_by_text("väntar på att tas emot.").first.wait_for()
    clock.at += timedelta(days=4)
    with worker_app.app_context():
        handing_over.mark_overdue()
    sign_in(page, password)
    page.goto("/")
    looker.look("handed-over-inbox")
    page.get_by_role("link", name="Överlämnade").click()
    looker.look("handed-over-list")
    page.goto(f"/arende/{reference}")
    page.get_by_text("Lämna tillbaka", exact=True).first.click()
    looker.look("handed-over-matter")
    page.keyboard.press("t")
    page.get_by_text("Ärendet är ditt.").wait_for()
    page.goto("/overlamnade")
    looker.look("handed-over-ended")
    assert looker.wrong == []
