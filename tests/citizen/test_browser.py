"""The citizen's pages in a real browser: axe finds nothing, nothing scrolls sideways, keys suffice."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator

import pytest
from werkzeug.serving import make_server

from tests.needs import need

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LOOKS = ((1280, "light"), (1280, "dark"), (375, "light"), (375, "dark"), (320, "light"))


@pytest.fixture
def base(make_app) -> Iterator[str]:
    """The address of a real server with the citizen's app."""
    server = make_server("127.0.0.1", 0, make_app("citizen"), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(base):
    """A page in a browser, and what it asks of other hosts is never sent."""
    need(CHROMIUM is not None, "no Chromium is installed here (Debian's package is called chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(base_url=base)
        page.route(
            re.compile(rf"^(?!{re.escape(base)})"), lambda route: route.fulfill(body="<title>Ute</title>")
        )
        yield page
        browser.close()


class Looker:
    """Looks at pages in every size and colour, and keeps what was wrong."""

    def __init__(self, page) -> None:
        from axe_playwright_python.sync_playwright import Axe

        self.page = page
        self.axe = Axe()
        self.wrong: list[str] = []

    def look(self) -> None:
        for width, scheme in LOOKS:
            self.page.set_viewport_size({"width": width, "height": 800})
            self.page.emulate_media(color_scheme=scheme)
            wide = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            if wide > 0:
                self.wrong.append(f"{self.page.url} is {wide} px too wide at {width}")
            for violation in self.axe.run(self.page).response["violations"]:
                self.wrong.append(f"{self.page.url} {width} {scheme}: {violation['id']}")

    def press(self) -> None:
        self.page.locator("#formular button[type=submit]").first.click()


def test_axe_finds_nothing_from_the_first_page_to_the_status(page):
    looker = Looker(page)
    for path in ("/", "/tillganglighet", "/personuppgifter", "/finns-inte", "/folj"):
        page.goto(path)
        looker.look()
    page.goto("/")
    page.get_by_role("button", name="Börja").click()
    for fill in _answers(page):
        looker.look()
        looker.press()
        looker.look()
        fill()
        looker.press()
    looker.look()
    looker.press()
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
    Looker(page).press()
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
