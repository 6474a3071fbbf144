"""The citizen's pages in a real browser: axe finds nothing, nothing scrolls sideways, keys suffice."""

from __future__ import annotations

import pytest

from tests.browsers import Looker, opened, serving


@pytest.fixture
def page(make_app):
    with serving(make_app("citizen")) as base, opened(base) as page:
        yield page


def press(page):
    page.locator("#formular button[type=submit]").first.click()


def test_axe_finds_nothing_from_the_first_page_to_the_status(page):
    looker = Looker(page)
    for path in ("/", "/tillganglighet", "/personuppgifter", "/sa-sorterar-vi", "/finns-inte", "/folj"):
        page.goto(path)
        looker.look()
    page.goto("/")
    page.get_by_role("button", name="Börja").click()
    for fill in _answers(page):
        looker.look()
        press(page)
        looker.look()
        fill()
        press(page)
    looker.look()
    press(page)
    page.wait_for_url("**/kvitto")
    looker.look()
    assert looker.wrong == []


def _answers(page):
    """Yield what fills in each page; before each, the page is sent empty, which is an error or goes on."""
    yield lambda: page.check("input[value=utsatt]")
    yield lambda: page.check("input[value=nara]")
    yield lambda: (page.check("input[value=municipality]"), page.fill("#municipality", "Malmö"))
    yield lambda: page.fill("#text", "Det här har hänt. " * 40)
    photo = {"name": "foto-" + "x" * 80 + ".jpg", "mimeType": "image/jpeg", "buffer": b"x" * 2000}
    yield lambda: (page.go_back(), page.set_input_files("#files", [photo]))
    yield lambda: (page.go_back(), page.fill("#email", "kim@example.com"))


def test_an_error_takes_the_focus_and_leads_to_its_field(page):
    page.goto("/")
    page.get_by_role("button", name="Börja").click()
    press(page)
    page.locator(".summary:focus").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#group:focus").wait_for()


def test_the_whole_form_goes_by_keyboard_alone(page):
    page.goto("/")
    _press(page, "Börja", "**/amne")
    _tab_to(page, "group")
    page.keyboard.press("Space")
    _press(page, "Fortsätt", "**/amne/utsatt")
    _tab_to(page, "choice")
    page.keyboard.press("Space")
    _press(page, "Fortsätt", "**/plats")
    _tab_to(page, "place")
    page.keyboard.press("ArrowUp")
    _press(page, "Fortsätt", "**/handelse")
    _tab_to(page, "text")
    page.keyboard.type("Skrivet utan mus.")
    _press(page, "Fortsätt", "**/filer")
    _press(page, "Fortsätt", "**/kontakt")
    _press(page, "Fortsätt", "**/granska")
    _press(page, "Skicka", "**/kvitto")


def _press(page, button, leads_to):
    _tab_to(page, button)
    page.keyboard.press("Enter")
    page.wait_for_url(leads_to)


def _tab_to(page, wanted):
    """Press Tab until the focus is on an id or on a button's words."""
    for _ in range(40):
        page.keyboard.press("Tab")
        here = page.evaluate("[document.activeElement.id, document.activeElement.textContent.trim()]")
        if wanted in here:
            return
    raise AssertionError(f"Tab never came to {wanted}")


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
    assert page.title().startswith("Sidan finns inte")


def test_the_place_is_asked_for_only_where_there_is_one(page):
    page.goto("/")
    page.get_by_role("button", name="Börja").click()
    page.goto(page.url.removesuffix("amne") + "plats")
    assert page.locator("#municipality").is_visible()
    page.check("input[value=online]")
    assert not page.locator("#municipality").is_visible()
