"""Search and what is like a matter in a real browser: axe finds nothing, whatever the size and colour."""

from __future__ import annotations

import pytest

from tests import desk
from tests.browsers import Looker, opened, serving
from tests.handler.test_browser import sign_in
from tests.handler.test_likeness import IBAN, read

pytestmark = pytest.mark.browser


@pytest.fixture
def page(handler_app):
    with serving(handler_app) as base, opened(base) as page:
        page.app = handler_app
        yield page


def test_axe_finds_nothing_on_hits_hints_and_likenesses(page, owner_app, bring, worker_app, tmp_path):
    for number in range(7):
        told = f"Jag betalade till {IBAN} på https://falsk-butik.example/{number} och fick ingen cykel."
        own = bring(subject=f"Falsk nätbutik {number}", text=told, files=[("kvittobild.png", b"x")])
    read(worker_app)
    sign_in(page, desk.hire(owner_app, "anna.syd@example.se", *desk.seats("syd")))
    looker = Looker(page, tmp_path)
    for words, name in (("butik", "found"), ("cykelställ bortom", "nothing-found")):
        page.goto("/sok")
        page.fill("main #q", words)
        page.locator("main").get_by_role("button", name="Sök").click()
        page.get_by_text("7 träffar" if name == "found" else "Pröva en annan böjning").wait_for()
        looker.look(name)
    page.goto(f"/arende/{own}")
    page.get_by_role("heading", name="Liknande ärenden").wait_for()
    looker.look("likenesses")
    assert looker.wrong == []
