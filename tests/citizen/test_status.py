"""The status page: what it tells, to whom, and how little a guesser learns."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from intake import codes
from intake.models import Draft, LimitCount, Matter
from tests.citizen.person import words


@pytest.fixture
def sent(person, seen):
    """A question that was sent, with its reference and status code."""
    person.begin()
    person.fill("amne", group="annat")
    person.fill("amne/annat", choice="fraga")
    person.fill("handelse", text="När är ni öppna på lördagar?")
    person.send()
    return seen.execute(select(Draft.reference, Draft.status_code)).one()


def ask(person, reference, code):
    return person.client.post("/folj", data={"reference": reference, "code": code})


def test_the_right_code_tells_how_far_it_has_come(person, sent):
    page = words(ask(person, *sent).text)
    assert "Mottaget: 22 november 2026 kl. 16.05" in page
    assert "Registrerat: 22 november 2026 kl. 16.05" in page
    assert "Hos handläggare: inte än" in page


def test_an_answered_matter_says_so(person, sent, seen):
    seen.execute(update(Matter).values(status="answered"))
    seen.commit()
    page = words(ask(person, *sent).text)
    assert "Besvarat: ja" in page
    assert "Avslutat: inte än" in page


def test_case_spaces_and_hyphens_do_not_matter(person, sent):
    loose = sent.reference.lower().replace("-", " "), sent.status_code.lower().replace("-", "")
    assert "Mottaget" in ask(person, *loose).text


@pytest.mark.parametrize("category", ["anmalan", "oklart"])
def test_a_matter_of_crime_tells_only_its_first_two_steps(person, sent, seen, category):
    seen.execute(update(Matter).values(category=category, status="answered"))
    seen.commit()
    page = words(ask(person, *sent).text)
    assert "Registrerat" in page
    assert "Besvarat" not in page


def test_a_wrong_code_and_a_wrong_reference_are_answered_alike(person, sent):
    wrong_code = ask(person, sent.reference, codes.new_status_code())
    wrong_reference = ask(person, codes.new_reference(), sent.status_code)
    nonsense = ask(person, "hej", "hopp")
    answers = (wrong_code, wrong_reference, nonsense)
    assert len({words(answer.text).split("Kvittensnummer")[0] for answer in answers}) == 1
    assert {answer.status_code for answer in answers} == {422}


def test_guessing_is_throttled_even_with_the_right_code(person, sent, monkeypatch):
    monkeypatch.setattr("intake.citizen.pages.TRIES_PER_HOUR", 2)
    for _ in range(2):
        ask(person, sent.reference, codes.new_status_code())
    answer = ask(person, *sent)
    assert (answer.status_code, "För många försök" in answer.text) == (429, True)


def test_the_address_is_counted_under_a_digest(person, sent, seen):
    ask(person, *sent)
    keys = seen.scalars(select(LimitCount.key_hash)).all()
    assert all(len(key) == 64 for key in keys)


def test_looking_needs_no_cookie(make_app, sent):
    client = make_app("citizen").test_client()
    answer = client.post("/folj", data={"reference": sent.reference, "code": sent.status_code})
    assert "Mottaget" in answer.text
    assert "Set-Cookie" not in answer.headers
