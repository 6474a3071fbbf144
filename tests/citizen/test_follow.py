"""A mailed link in a real browser: what its fragment carries goes into the form and out of the address."""

from __future__ import annotations

import pytest

from intake import drafts
from intake.answers import Answers
from tests.browsers import Looker, opened, serving


@pytest.fixture
def app(make_app):
    return make_app("citizen")


@pytest.fixture
def sent(app):
    with app.app_context():
        draft_id = drafts.begin("nyckel", Answers(text="När är ni öppna?", email="kim@example.com"))
        return drafts.send(draft_id, "nyckel")


@pytest.fixture
def page(app):
    with serving(app) as base, opened(base) as page:
        yield page


def test_a_mailed_link_opens_the_matter_and_leaves_no_code_in_the_address(page, sent):
    page.goto(f"/folj#{sent.reference}.{sent.status_code}")
    page.wait_for_url("**/arende")
    assert sent.reference in page.locator("main").inner_text()
    page.go_back()
    assert sent.status_code not in page.url
    assert sent.status_code not in page.content()


def test_a_link_does_not_change_what_is_followed_without_a_press(page, app, sent):
    with app.app_context():
        other = drafts.send(drafts.begin("annan", Answers(text="En annans ärende.")), "annan")
    page.goto(f"/folj#{sent.reference}.{sent.status_code}")
    page.wait_for_url("**/arende")
    page.goto(f"/folj#{other.reference}.{other.status_code}")
    page.wait_for_function(f"document.getElementById('reference').value === '{other.reference}'")
    assert page.input_value("#code") == other.status_code
    assert page.evaluate("location.hash") == ""
    page.goto("/arende")
    assert sent.reference in page.locator("main").inner_text()


def test_a_link_with_a_wrong_code_ends_in_the_form(page, sent):
    page.goto(f"/folj#{sent.reference}.{'2' * 4}-{'2' * 4}-{'2' * 4}-{'2' * 4}")
    page.locator(".summary").wait_for()
    assert "#" not in page.url


def test_a_link_that_confirms_waits_for_the_persons_press(page):
    page.goto("/bekrafta#2222-2222-2222-2222")
    page.wait_for_function("document.getElementById('code').value === '2222-2222-2222-2222'")
    assert page.url.endswith("/bekrafta")
    assert page.get_by_role("button", name="Bekräfta adressen").is_visible()


def test_other_fragments_are_left_alone(page):
    page.goto("/folj#innehall")
    page.locator("#formular").wait_for()
    assert page.url.endswith("#innehall")
    assert page.input_value("#code") == ""


def test_axe_finds_nothing_on_the_pages_of_a_followed_matter(page, sent):
    looker = Looker(page)
    for path in ("/folj", "/folj/tappat-koden", "/bekrafta"):
        page.goto(path)
        looker.look()
    page.goto(f"/folj#{sent.reference}.{sent.status_code}")
    page.wait_for_url("**/arende")
    looker.look()
    page.goto("/arende/kontakt")
    looker.look()
    assert looker.wrong == []
