"""What warns, in a real browser: axe finds nothing on it, whatever the size and colour."""

from __future__ import annotations

import pytest

from tests import desk
from tests.browsers import Looker, opened, serving
from tests.handler.test_browser import sign_in

pytestmark = pytest.mark.browser


@pytest.fixture
def page(handler_app):
    with serving(handler_app) as base, opened(base) as page:
        page.app = handler_app
        yield page


@pytest.fixture
def karin(page, owner_app):
    """A coordinator's browser."""
    password = desk.hire(owner_app, "karin@example.se", ("syd-inkorg", "coordinator"), name="Karin Holm")
    sign_in(page, password, "karin@example.se")
    return page


def test_words_are_warned_of_and_saved_by_one_more_press(karin, bring, tmp_path):
    karin.goto(f"/arende/{bring()}")
    karin.get_by_text("Skriv en anteckning").click()
    karin.fill("#note", "Hon är en rättshaverist med adhd.")
    karin.get_by_role("button", name="Spara anteckningen").click()
    looker = Looker(karin, tmp_path)
    looker.look("style-warned")
    karin.get_by_role("link", name="Ändra", exact=True).click()
    assert karin.evaluate("location.hash") == "#note"
    karin.get_by_role("button", name="Spara ändå").click()
    karin.get_by_text("Anteckningen är sparad.").wait_for()
    assert looker.wrong == []


def test_a_mark_and_an_incident_are_seen_on_every_page_about_them(karin, bring, tmp_path):
    reference, looker = bring(), Looker(karin, tmp_path)
    karin.goto(f"/arende/{reference}")
    karin.locator("summary", has_text="Sekretessmarkera").click()
    looker.look("secrecy-form")
    karin.select_option("#provision", "21_3")
    karin.fill("#secrecy_reason", "Adressen till den som är hotad.")
    karin.get_by_role("button", name="Sekretessmarkera").click()
    karin.get_by_role("link", name="Rapportera en personuppgiftsincident").click()
    looker.look("incident-report")
    karin.get_by_label("Någon obehörig har läst").check()
    karin.fill("#happened", "Ärendet låg i fel enhets inkorg i två timmar. " + "x" * 200)
    karin.fill("#persons", "Kim Berg")
    karin.get_by_role("button", name="Rapportera incidenten").click()
    karin.get_by_text("Incidenten är rapporterad.").wait_for()
    looker.look("incident-reported")
    karin.goto(f"/arende/{reference}")
    looker.look("incident-matter")
    karin.get_by_role("link", name="Incidenter", exact=True).click()
    looker.look("incident-list")
    karin.get_by_role("link", name="Någon obehörig har läst").click()
    karin.get_by_label("Den ska anmälas till IMY").check()
    karin.fill("#decision_reason", "Risk för den som är hotad. Hon får veta i dag.")
    karin.get_by_role("button", name="Spara beslutet").click()
    karin.get_by_text("Avsluta incidenten").first.click()
    looker.look("incident-decided")
    karin.goto("/")
    looker.look("incident-inbox")
    assert looker.wrong == []
