"""What the script and the style do on the citizen's pages, in a real browser."""

from __future__ import annotations

import pytest

from tests.browsers import opened, serving

pytestmark = pytest.mark.browser


@pytest.fixture
def page(make_app):
    with serving(make_app("citizen")) as base, opened(base) as page:
        yield page


def test_shift_three_times_leaves_and_back_shows_nothing(page):
    page.goto("/")
    page.get_by_role("button", name="Börja").click()
    page.wait_for_url("**/amne")
    for key in ("Shift", "Shift", "a", "Shift"):
        page.keyboard.press(key)
    assert page.url.endswith("/amne")
    for _ in range(2):
        page.keyboard.press("Shift")
    page.wait_for_url("https://www.smhi.se/")
    page.go_back()
    assert page.title().startswith("Kontakta oss")


def test_the_place_is_asked_for_only_where_there_is_one(page):
    page.goto("/")
    page.get_by_role("button", name="Börja").click()
    page.goto(page.url.removesuffix("amne") + "plats")
    assert page.locator("#municipality").is_visible()
    page.check("input[value=online]")
    assert not page.locator("#municipality").is_visible()
