"""Single keys, and who else is there, in a real browser."""

from __future__ import annotations

import pytest

from tests import desk
from tests.browsers import Looker, opened, serving
from tests.handler.test_browser import sign_in

pytestmark = pytest.mark.browser

HERE = "document.activeElement.textContent.trim()"


@pytest.fixture
def base(handler_app):
    with serving(handler_app) as base:
        yield base


@pytest.fixture
def page(handler_app, base):
    with opened(base) as page:
        page.app = handler_app
        yield page


@pytest.fixture
def anna_in(page, owner_app, bring, clock):
    """Three matters, and Anna before her inbox; returns the reference of the first."""
    first, *_ = [bring(subject=subject) for subject in ("Första", "Andra", "Tredje")]
    sign_in(page, desk.hire(owner_app, "anna.syd@example.se", *desk.seats("syd")))
    page.goto("/")
    return first


def keys(page, *pressed):
    page.wait_for_load_state()
    for key in pressed:
        page.keyboard.press(key)


def test_j_and_k_move_the_focus_and_o_opens(page, anna_in):
    keys(page, "j")
    assert page.evaluate(HERE) == "Första"
    keys(page, "j", "j", "j", "k")
    assert page.evaluate(HERE) == "Andra"
    keys(page, "k", "o")
    page.wait_for_url(f"**/arende/{anna_in}")


def test_enter_opens_what_is_marked(page, anna_in):
    keys(page, "j", "Enter")
    page.wait_for_url(f"**/arende/{anna_in}")


def test_x_ticks_the_box_of_the_marked_row_alone(page, anna_in):
    keys(page, "x", "j", "j", "x")
    ticked = "[...document.querySelectorAll('[data-rows] [type=checkbox]')].map((each) => each.checked)"
    assert page.evaluate(ticked) == [False, True, False]
    keys(page, "x")
    assert page.evaluate(ticked) == [False, False, False]


def test_t_takes_r_replies_and_f_hands_over(page, anna_in):
    page.goto(f"/arende/{anna_in}")
    keys(page, "t")
    page.get_by_text("Ärendet är ditt.").wait_for()
    keys(page, "r")
    assert page.evaluate("document.activeElement.id") == "text"
    page.evaluate("document.activeElement.blur()")
    keys(page, "f")
    page.wait_for_url(f"**/arende/{anna_in}/lamna-over")


def test_in_a_field_keys_are_letters(page, anna_in):
    page.goto(f"/arende/{anna_in}")
    keys(page, "r")
    page.keyboard.type("trjkofxn/?")
    assert page.input_value("#text") == "trjkofxn/?"
    assert page.url.endswith(anna_in)
    assert page.get_by_role("button", name="Ta ärendet").is_visible()


def test_slash_goes_to_the_search(page, anna_in):
    keys(page, "/")
    assert page.evaluate("document.activeElement.id") == "sok"
    assert page.input_value("#sok") == ""


@pytest.mark.parametrize("key", ["Control+j", "Alt+j", "Meta+j"])
def test_with_another_key_held_down_they_are_the_browsers(page, anna_in, key):
    keys(page, key)
    assert page.evaluate("document.activeElement.closest('[data-rows]')") is None


def test_the_help_sheet_opens_over_the_page_and_holds_the_other_keys_back(page, anna_in, tmp_path):
    looker = Looker(page, tmp_path)
    keys(page, "j", "?")
    sheet = page.get_by_role("dialog", name="Snabbtangenter")
    sheet.get_by_text("Ta ärendet").wait_for()
    looker.look("help")
    keys(page, "o", "j")
    assert sheet.is_visible()
    keys(page, "Escape")
    sheet.wait_for(state="detached")
    assert page.evaluate(HERE) == "Första"
    page.goto("/tangenter")
    looker.look("keys")
    assert looker.wrong == []


def test_turned_off_no_key_does_anything(page, anna_in):
    page.goto("/konto")
    page.get_by_role("button", name="Stäng av snabbtangenterna").click()
    page.get_by_role("button", name="Slå på snabbtangenterna").wait_for()
    page.goto("/")
    keys(page, "j", "?", "/")
    assert page.evaluate("document.activeElement.tagName") == "BODY"


def test_two_who_have_a_matter_open_are_told_of_each_other(page, base, owner_app, anna_in):
    password = desk.hire(owner_app, "bertil.syd@example.se", *desk.seats("syd"), name="Bertil Sand")
    page.clock.install()
    page.goto(f"/arende/{anna_in}")
    told = page.locator("#narvaro")
    assert told.inner_text() == ""
    other = page.context.browser.new_context(base_url=base).new_page()
    other.app = page.app
    sign_in(other, password, "bertil.syd@example.se")
    other.goto(f"/arende/{anna_in}")
    other.get_by_text("Anna Lindgren läser.").wait_for()
    page.clock.fast_forward(10_000)
    page.get_by_text("Bertil Sand läser.").wait_for()
    with other.expect_response("**/narvaro"):
        keys(other, "r")
    page.clock.fast_forward(10_000)
    page.get_by_text("Bertil Sand skriver svar.").wait_for()
    assert told.get_attribute("role") == "status"


def test_a_page_that_is_not_seen_tells_nothing(page, anna_in):
    page.clock.install()
    page.goto(f"/arende/{anna_in}")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "narvaro" in request.url else None)
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    page.clock.fast_forward(30_000)
    assert asked == []
    with page.expect_request("**/narvaro"):
        page.evaluate("delete document.hidden; dispatchEvent(new Event('visibilitychange'))")
