"""The form without script: whole journeys in a browser where none runs."""

from __future__ import annotations

import pytest

from tests.browsers import opened, serving
from tests.citizen import answers
from tests.citizen.looks import Visitor, followed

pytestmark = pytest.mark.browser

PROGRAM = {"name": "program.exe", "mimeType": "application/octet-stream", "buffer": b"MZ" * 50}
TEXT = {"name": "vittne.txt", "mimeType": "text/plain", "buffer": b"Jag var med."}


@pytest.fixture
def page(make_app):
    with serving(make_app("citizen")) as base, opened(base, java_script_enabled=False) as page:
        yield page


def said(page):
    return page.locator("main").inner_text()


def test_from_the_first_page_to_the_status_with_files(page):
    visitor = Visitor(page, "sv")
    visitor.receipt()
    assert answers.PHOTO["name"] in said(page)
    followed(visitor)
    assert page.locator("ol.steps li").count() >= 2


def test_files_are_added_one_at_a_time_and_taken_out_again(page):
    answers.begin(page)
    answers.walk(page, "filer")
    for file in (answers.PHOTO, TEXT):
        page.set_input_files("#formular input[type=file]", [file])
        answers.press(page, "#formular button.secondary[type=submit]")
    answers.press(page, ".files li:first-child button")
    assert answers.PHOTO["name"] not in page.locator(".files").inner_text()
    answers.walk(page, "kvitto")
    assert TEXT["name"] in said(page)


def test_a_refused_file_is_said_and_the_rest_goes_on(page):
    answers.begin(page)
    answers.walk(page, "filer")
    page.set_input_files("#formular input[type=file]", [PROGRAM, TEXT])
    answers.press(page)
    assert PROGRAM["name"] in page.locator(".summary").inner_text()
    answers.walk(page, "kvitto")
    assert TEXT["name"] in said(page)
    assert PROGRAM["name"] not in said(page)


def test_an_answer_is_changed_from_the_check_page(page):
    draft = answers.begin(page)
    answers.walk(page, "granska")
    with page.expect_navigation():
        page.locator("main a[href*='/handelse']").first.click()
    page.fill("[name=text]", "Nu skriver jag något annat.")
    answers.press(page)
    assert page.url.endswith(f"{draft}/granska")
    assert "Nu skriver jag något annat." in said(page)


def test_the_way_out_leaves_and_back_shows_nothing(page):
    draft = answers.begin(page)
    answers.press(page, "#lamna button")
    page.wait_for_url("https://**")
    page.goto(f"{draft}/amne")
    assert page.locator("#formular [name=group]").count() == 0


def test_the_receipt_is_taken_away_from_this_browser(page):
    answers.begin(page)
    answers.walk(page, "kvitto")
    answers.press(page, "form[action$='/rensa'] button")
    assert page.goto("/kvitto").status == 404
