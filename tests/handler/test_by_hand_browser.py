"""The pages of new matters in a real browser: axe finds nothing, and they lead where they say."""

from __future__ import annotations

import pytest

from tests import desk
from tests.browsers import Looker, opened, serving
from tests.handler.test_browser import sign_in

pytestmark = pytest.mark.browser


@pytest.fixture
def page(handler_app, owner_app):
    password = desk.hire(owner_app, "anna.syd@example.se", *desk.seats("syd"))
    with serving(handler_app) as base, opened(base) as page:
        page.app = handler_app
        sign_in(page, password)
        yield page


def test_what_came_on_paper_is_registered_from_the_inbox(page, tmp_path):
    looker = Looker(page, tmp_path)
    page.get_by_role("link", name="Nytt ärende").click()
    looker.look("new")
    page.get_by_role("button", name="Registrera ärendet").click()
    looker.look("new-wrong")
    page.get_by_label("Brev på papper").check()
    page.fill("#who", "Kim Berg")
    scan = {"name": "brev.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"}
    page.set_input_files("#files", scan)
    page.select_option("#unit", "syd-kontaktcenter")
    page.get_by_role("button", name="Registrera ärendet").click()
    page.get_by_role("link", name="brev.pdf").wait_for()
    looker.look("registered-by-hand")
    with page.expect_download() as printed:
        page.get_by_role("button", name="Skriv ut kvittensen").click()
    assert printed.value.suggested_filename.startswith("kvittens-")
    assert looker.wrong == []


def test_a_first_contact_leads_to_the_form_of_a_message(page, tmp_path):
    looker = Looker(page, tmp_path)
    page.goto("/nytt-arende")
    page.get_by_role("link", name="Vi tar kontakt först").click()
    looker.look("contact")
    page.get_by_role("button", name="Lägg upp ärendet").click()
    looker.look("contact-wrong")
    page.fill("#email", "kim@example.com")
    page.fill("#subject", "Upphittad plånbok")
    page.fill("#text", "Plånboken lämnades in på stationen.")
    page.select_option("#unit", "syd-kontaktcenter")
    page.select_option("#category", "fraga")
    page.get_by_role("button", name="Lägg upp ärendet").click()
    page.get_by_role("button", name="Skicka svaret").wait_for()
    looker.look("contact-begun")
    assert looker.wrong == []


def test_a_call_is_noted_where_its_reference_leads(page, bring, tmp_path):
    reference, looker = bring(), Looker(page, tmp_path)
    page.goto("/nytt-arende")
    page.fill("#nummer", reference)
    page.get_by_role("button", name="Anteckna i det ärendet").click()
    page.get_by_role("button", name="Spara samtalet").wait_for()
    looker.look("talk")
    page.get_by_label("Utgående samtal").check()
    page.fill("#talk_with", "Kim Berg")
    page.fill("#talk_said", "Kim har hittat kvittot.")
    page.get_by_role("button", name="Spara samtalet").click()
    page.get_by_role("heading", name="Utgående samtal med Kim Berg, antecknat av Anna Lindgren").wait_for()
    looker.look("talked")
    assert looker.wrong == []
