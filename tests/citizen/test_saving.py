"""What is typed is kept: without a button, without a refusal, and never in the browser."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from intake.models import Draft
from tests.browsers import opened, serving
from tests.citizen.answers import begin, walk
from tests.citizen.person import Person, value, words


def save(person: Person, page: str = "handelse", **fields):
    """Save a page's fields as its script does, in parts."""
    data = {"csrf_token": person.token(page), **fields}
    return person.client.post(person.at("spara"), data=data, content_type="multipart/form-data")


def test_what_is_typed_stands_there_when_the_page_is_opened_again(person):
    person.begin()
    answer = save(person, text="  Halva\r\nberättel\x00sen ", heading="En\nrad")
    assert (answer.status_code, answer.data) == (204, b"")
    assert value(person.get("handelse").text, "text") == "Halva\nberättelsen"
    assert value(person.get("handelse").text, "heading") == "En rad"


def test_fields_of_other_pages_are_left_alone(person):
    person.begin().tell()
    save(person, "kontakt", name="Kim", phone="070", call_words="efter fem")
    page = person.get("kontakt").text
    assert [value(page, name) for name in ("name", "phone", "call_words")] == ["Kim", "070", "efter fem"]
    assert value(person.get("handelse").text, "text").startswith("Min cykel")


def test_the_answers_to_questions_are_kept_and_others_too(person):
    person.begin()
    person.fill("amne", group="utsatt")
    person.fill("amne/utsatt", choice="lurad")
    names = [part.split('"')[0] for part in person.get("handelse").text.split('name="svar_')[1:]]
    page = person.get("handelse").text
    written = [
        name
        for name in dict.fromkeys(names)
        if f'id="svar_{name}"' in page and 'type="radio"' not in _tag(page, name)
    ]
    save(person, **{f"svar_{name}": f"Svar {name}" for name in written})
    page = person.get("handelse").text
    assert written
    assert [value(page, f"svar_{name}") for name in written] == [f"Svar {name}" for name in written]


def _tag(page: str, name: str) -> str:
    return page.split(f'id="svar_{name}"')[0].rpartition("<")[2]


def test_a_text_that_is_too_long_is_kept_to_be_shortened(person):
    person.begin()
    assert save(person, text="å" * 30_000).status_code == 204
    page = person.get("handelse").text
    assert len(value(page, "text")) == 30_000
    assert person.fill("handelse", text="å" * 30_000).status_code == 422


def test_half_an_address_is_not_taken_for_one(person):
    person.begin().tell()
    save(person, "kontakt", email="kim@")
    assert value(person.get("kontakt").text, "email") == "kim@example.com"


def test_only_known_texts_are_written(person, seen):
    person.begin()
    before = seen.scalars(select(Draft.answers)).one()
    save(person, group="tipsa", choice="tips", place="online", wants_receipt="ja", language="en", annat="x")
    seen.expire_all()
    assert seen.scalars(select(Draft.answers)).one() == before


def test_a_body_that_is_too_large_is_not_read(person):
    person.begin()
    assert person.client.post(person.at("spara"), data={"text": "x" * 600_000}).status_code == 413


def test_it_needs_the_token_and_the_key(person, make_app):
    person.begin()
    assert person.client.post(person.at("spara"), data={"text": "x"}).status_code == 400
    stranger = Person(make_app("citizen").test_client()).begin()
    stranger_token = stranger.token("handelse")
    answer = stranger.client.post(person.at("spara"), data={"csrf_token": stranger_token, "text": "x"})
    assert answer.status_code == 404
    assert value(person.get("handelse").text, "text") == ""


def test_nothing_is_written_after_it_is_sent(person):
    person.begin().tell()
    token = person.token("handelse")
    person.send()
    answer = person.client.post(person.at("spara"), data={"csrf_token": token, "text": "Senare"})
    assert answer.status_code == 409


def test_a_late_saving_does_not_bring_the_key_back(person):
    person.begin()
    assert "Set-Cookie" not in save(person, text="Hej").headers


@pytest.fixture
def page(make_app):
    with serving(make_app("citizen")) as base, opened(base) as page:
        yield page


@pytest.fixture
def written(page):
    """A page where something is being written."""
    begin(page)
    walk(page, "handelse")
    page.locator("#text").press_sequentially("Skrivet utan att trycka.")
    return page


class TestInABrowser:
    """What the script does while a person writes."""

    def test_it_is_saved_and_said_once(self, written):
        told = written.locator("#sparat")
        told.filter(has_text="Sparat kl.").wait_for()
        assert told.get_attribute("aria-live") == "polite"
        with written.expect_response("**/spara"):
            written.locator("#text").press_sequentially(" Mer.")
        written.locator("#sparat[aria-live=off]").wait_for()
        written.reload()
        assert written.input_value("#text") == "Skrivet utan att trycka. Mer."

    def test_a_change_of_language_loses_nothing(self, written):
        written.get_by_role("link", name="English").click()
        written.wait_for_url("**/en/**")
        assert written.input_value("#text") == "Skrivet utan att trycka."

    def test_going_back_loses_nothing(self, written):
        with written.expect_response("**/spara"):
            written.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
        written.go_back()
        written.go_forward()
        assert written.input_value("#text") == "Skrivet utan att trycka."

    def test_a_lost_connection_is_told_and_mended(self, written):
        told = written.locator("#sparat")
        told.filter(has_text="Sparat kl.").wait_for()
        written.context.set_offline(True)
        written.locator("#text").press_sequentially(" Mer.")
        told.filter(has_text="Ingen uppkoppling").wait_for()
        written.context.set_offline(False)
        told.filter(has_text="Sparat kl.").wait_for()
        assert told.get_attribute("aria-live") == "polite"

    def test_nothing_is_kept_in_the_browser(self, written):
        written.locator("#sparat").filter(has_text="Sparat kl.").wait_for()
        assert written.evaluate("localStorage.length + sessionStorage.length") == 0
        assert words(written.content()).count("Skrivet") <= 1
