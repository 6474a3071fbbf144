"""The pages of people and of exports in a real browser: axe finds nothing, and keys suffice."""

from __future__ import annotations

import pytest

from tests import desk
from tests.browsers import Looker, opened, serving
from tests.handler.test_browser import sign_in

pytestmark = pytest.mark.browser

UNIT = "/enheter/syd-inkorg"


@pytest.fixture
def page(handler_app):
    with serving(handler_app) as base, opened(base) as page:
        page.app = handler_app
        yield page


@pytest.fixture
def karin(page, owner_app):
    """A coordinator's browser; a colleague of hers handles matters."""
    desk.hire(owner_app, "anna.syd@example.se", *desk.seats("syd"), name="Anna Lindgren-Åkerström")
    password = desk.hire(owner_app, "karin@example.se", ("syd-inkorg", "coordinator"), name="Karin Holm")
    sign_in(page, password, "karin@example.se")
    return page


def test_axe_finds_nothing_on_the_pages_of_people(karin, tmp_path):
    looker = Looker(karin, tmp_path)
    for path in ("/enheter", UNIT, f"{UNIT}/lagg-till", f"{UNIT}/nytt-konto", "/exporter", "/exporter/ny"):
        karin.goto(path)
        looker.look(path.strip("/").replace("/", "-"))
    karin.goto(UNIT)
    karin.get_by_role("link", name="Anna Lindgren-Åkerström").click()
    looker.look("person")
    karin.get_by_role("link", name="Ta bort rollen handläggare").click()
    karin.get_by_role("button", name="Ta bort rollen").click()
    looker.look("take-wrong")
    assert looker.wrong == []


def test_an_account_is_made_by_keys_alone(karin, tmp_path):
    karin.goto(f"{UNIT}/nytt-konto")
    karin.focus("#email")
    for words in ("ny@example.se", "Nya Person"):
        karin.keyboard.type(words)
        karin.keyboard.press("Tab")
    karin.keyboard.press("Space")
    karin.keyboard.press("Tab")
    karin.keyboard.type("Ny hos oss")
    karin.keyboard.press("Enter")
    karin.wait_for_selector("text=Kontot är upplagt")
    looker = Looker(karin, tmp_path)
    looker.look("made")
    assert looker.wrong == []
