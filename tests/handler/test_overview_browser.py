"""The situation picture in a real browser: axe finds nothing, whatever the size and colour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests import desk
from tests.browsers import Looker, opened, picture, serving
from tests.handler.test_browser import sign_in

pytestmark = pytest.mark.browser


@pytest.fixture
def page(handler_app):
    with serving(handler_app) as base, opened(base) as page:
        page.app = handler_app
        yield page


def test_axe_finds_nothing_on_the_situation_picture(page, owner_app, bring, tmp_path):
    for number in range(12):
        at = datetime.now(UTC) - timedelta(days=1 + number % 3)
        bring(received_at=at, municipality="2580" if number % 2 else "1280")
    sign_in(page, desk.hire(owner_app, "anna.syd@example.se", *desk.seats("syd")))
    page.get_by_role("link", name="Lägesbild").click()
    looker = Looker(page, tmp_path)
    looker.look("overview-region")
    page.select_option("#omfattning", "land")
    page.select_option("#period", "90")
    page.get_by_role("button", name="Visa").click()
    page.wait_for_url("**period=90**")
    looker.look("overview-country")
    assert looker.wrong == []
    for width in (768, 1199, 1200):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        picture(page, f"overview-country-{width}", tmp_path)
