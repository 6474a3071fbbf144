"""Going on by a code: on any device, however it is typed, and never by guessing."""

from __future__ import annotations

import gzip
import re

import pytest

from intake.citizen import resume
from tests.browsers import Looker, opened, serving
from tests.citizen.person import STORY, Person, value, words
from tests.citizen.test_saving import save


@pytest.fixture
def other(make_app) -> Person:
    """Another device."""
    return Person(make_app("citizen").test_client())


def code_of(person: Person) -> str:
    return person.get("granska").text.split('class="code">')[1].split("<")[0]


@pytest.mark.parametrize(
    "typed", [str, str.lower, lambda code: code.replace("-", ""), lambda code: f" {code} "]
)
def test_the_code_opens_the_form_on_another_device(person, other, typed):
    code = typed(code_of(person.begin().tell()))
    answer = other.fill("/fortsatt", code=code)
    assert answer.location == person.at("granska")
    assert STORY in other.get(answer.location).text
    assert STORY in person.get("granska").text


def test_one_goes_on_where_nothing_is_answered_yet(person, other):
    code = code_of(person.begin())
    assert other.fill("/fortsatt", code=code).location == person.at("amne")
    person.fill("amne", group="utsatt")
    person.fill("amne/utsatt", choice="brott")
    assert other.fill("/fortsatt", code=code).location == person.at("plats")
    person.fill("plats", place="online")
    assert other.fill("/fortsatt", code=code).location == person.at("handelse")
    person.fill("handelse", text=STORY)
    assert other.fill("/fortsatt", code=code).location == person.at("granska")


def test_a_municipality_that_is_not_said_yet_is_asked_for(person, other):
    code = code_of(person.begin())
    person.fill("amne", group="utsatt")
    person.fill("amne/utsatt", choice="brott")
    save(person, "plats", place="municipality", municipality="Mal")
    assert other.fill("/fortsatt", code=code).location == person.at("plats")


def test_one_goes_on_where_a_question_about_work_is_asked(person, other):
    code = code_of(person.begin())
    person.fill("amne", group="annat")
    person.fill("amne/annat", choice="jobb")
    assert other.fill("/fortsatt", code=code).location == person.at("handelse")


def test_the_code_of_what_is_sent_leads_to_its_receipt(person, other):
    code = code_of(person.begin().tell())
    person.send()
    assert other.fill("/fortsatt", code=code).location == "/kvitto"
    assert 'class="code"' in other.get("/kvitto").text


def test_a_wrong_code_and_an_old_one_are_told_alike(person, other, clock):
    code = code_of(person.begin().tell())
    wrong = other.fill("/fortsatt", code="K7RX-3M9P-4TWC-8HDE")
    clock.at = clock.at.replace(day=24)
    old = other.fill("/fortsatt", code=code)
    short = other.fill("/fortsatt", code="abc")
    assert wrong.status_code == old.status_code == short.status_code == 422
    assert len({_complaint(answer.text) for answer in (wrong, old, short)}) == 1
    assert value(old.text, "code") == code


def _complaint(page: str) -> str:
    said = words(page)
    return said[said.index("Vi hittar inget") :].split(".")[0]


def test_many_guesses_are_held_back_and_what_was_typed_is_kept(person, monkeypatch):
    monkeypatch.setattr(resume, "TRIES_PER_HOUR", 2)
    answers = [person.fill("/fortsatt", code=f"K7RX-3M9P-4TWC-8HD{end}") for end in "ABC"]
    assert [answer.status_code for answer in answers] == [422, 422, 429]
    assert value(answers[2].text, "code") == "K7RX-3M9P-4TWC-8HDC"
    assert answers[2].headers["Retry-After"]


def test_another_site_cannot_make_a_browser_write_in_its_form(person, other):
    code = code_of(person.begin().tell())
    other.client.get("/fortsatt")
    answer = other.client.post("/fortsatt", data={"code": code})
    assert (answer.status_code, value(answer.text, "code")) == (422, code)
    assert other.get(person.at("granska")).status_code == 303


def test_no_code_is_asked_for_again(person):
    answer = person.fill("/fortsatt", code="")
    assert (answer.status_code, "sexton tecken" in words(answer.text)) == (422, True)


def test_the_first_page_and_a_page_that_is_gone_lead_there(person, clock):
    assert 'href="/fortsatt"' in person.get("/").text
    person.begin()
    clock.at = clock.at.replace(day=24)
    assert 'href="/fortsatt"' in person.get("granska").text
    given_back = person.client.post(person.at("handelse"), data={"text": STORY})
    assert 'href="/fortsatt"' in given_back.text


def test_the_first_page_comes_in_one_round_with_all_that_it_needs(citizen):
    page = citizen.get("/")
    sizes = [len(gzip.compress(page.data))]
    for path in re.findall(r'"(/static/[^"]+)"', page.text):
        with citizen.get(path) as part:
            sizes.append(len(gzip.compress(part.data)))
    assert len(sizes) > 1
    assert sum(sizes) < 14_000
    assert "Set-Cookie" not in page.headers


def test_the_pages_are_fit_to_look_at(make_app):
    with serving(make_app("citizen")) as base, opened(base) as page:
        looker = Looker(page)
        page.goto("/")
        looker.look("borja")
        page.get_by_role("link", name="Fortsätt på ett påbörjat formulär").click()
        looker.look("fortsatt")
        page.locator("#code").fill("K7RX-3M9P-4TWC-8HDE")
        page.locator("#formular button").click()
        page.locator(".summary").wait_for()
        looker.look("fortsatt fel kod")
        page.context.clear_cookies()
        page.locator("#formular button").click()
        page.get_by_role("heading", name="Webbläsaren tar inte emot kakor").wait_for()
        looker.look("utan kakor")
        assert looker.wrong == []
