"""Forms sent late, from elsewhere, with line ends in an address, and guessed at (cases 12, 46, 48, 49)."""

from __future__ import annotations

import time
import uuid
from contextlib import contextmanager

import pytest
from itsdangerous import TimestampSigner
from sqlalchemy import event, select

from intake import codes
from intake.extensions import db
from intake.models import Draft, DraftFile, EmailChange, Matter, Upload
from tests.citizen.person import STORY, Person, hidden, value, words
from tests.citizen.test_saving import save
from tests.parts import TUS, Uploader

HEADER = "kim@example.com\r\nBcc: alla@example.com"


@pytest.fixture
def app(make_app):
    return make_app("citizen")


@pytest.fixture
def person(app):
    return Person(app.test_client())


def follow(person, seen):
    """Send a form and open the matter by its code."""
    person.begin().tell().send()
    said = {
        "reference": seen.scalars(select(Matter.reference)).one(),
        "code": seen.scalars(select(Draft.status_code)).one(),
    }
    assert person.client.post("/folj", data=said).location == "/arende"
    return said


def rows_of(seen, draft_id):
    """Return what is stored of a form."""
    tables = [(Draft.__table__, "id"), (DraftFile.__table__, "draft_id"), (Upload.__table__, "draft_id")]
    return [seen.execute(select(table).where(table.c[name] == draft_id)).all() for table, name in tables]


@pytest.mark.parametrize("hours", [2, 23])
def test_a_page_that_was_opened_hours_ago_is_sent_as_it_is(person, monkeypatch, hours):
    with monkeypatch.context() as patch:
        patch.setattr(TimestampSigner, "get_timestamp", lambda _: int(time.time()) - 3600 * hours)
        token = person.begin().token("handelse")
    answer = person.client.post(person.at("handelse"), data={"csrf_token": token, "text": STORY})
    assert answer.status_code == 303
    assert value(person.get("handelse").text, "text") == STORY


def test_every_address_of_a_form_is_unknown_to_another_browser(person, make_app, seen):
    own = Uploader(person.client)
    own.add(b"hej", "a.txt")
    own.create()
    ids = {
        "draft_id": own.draft.rpartition("/")[2],
        "file_id": seen.scalars(select(DraftFile.id)).one(),
        "upload_id": seen.scalars(select(Upload.id)).one(),
        "group": "utsatt",
    }
    before = rows_of(seen, ids["draft_id"])
    stranger = Uploader(make_app("citizen").test_client())
    answers = {}
    for rule in person.client.application.url_map.iter_rules():
        for method in rule.methods - {"OPTIONS"} if "draft_id" in rule.arguments else ():
            with person.client.application.test_request_context():
                address = rule.build(ids)[1]
            headers = {**TUS, "X-CSRFToken": stranger.token, "Upload-Offset": "0"}
            data = {"csrf_token": stranger.token, "text": "x", "name": "x"}
            answer = stranger.client.open(address, method=method, headers=headers, data=data)
            answers[method, rule.rule] = answer.status_code
    assert len(answers) > 25
    assert {address for address, status in answers.items() if status != 404} == set()
    assert rows_of(seen, ids["draft_id"]) == before


def test_an_unknown_form_is_answered_as_anothers_is(person, make_app):
    person.begin()
    stranger = Person(make_app("citizen").test_client()).begin()
    anothers = stranger.client.get(person.at("handelse"))
    nobodys = stranger.client.get(f"/skriv/{uuid.uuid4()}/handelse")
    assert anothers.status_code == nobodys.status_code == 404
    assert words(anothers.text) == words(nobodys.text)


def test_line_ends_in_an_address_are_refused_when_a_matter_is_followed(person, seen):
    follow(person, seen)
    token = hidden(person.get("/arende/kontakt").text, "csrf_token")
    said = {"csrf_token": token, "email": HEADER, "mail": "yes", "phone": "070-123 45 67"}
    answer = person.client.post("/arende/kontakt", data=said)
    assert answer.status_code == 422
    assert "E-postadressen ser inte rätt ut. Skriv den som namn@exempel.se." in answer.text
    assert value(answer.text, "phone") == "070-123 45 67"
    assert seen.scalars(select(EmailChange)).all() == []


def test_line_ends_in_an_address_are_not_saved_while_it_is_typed(person):
    person.begin().tell()
    assert save(person, "kontakt", email=HEADER, mail="yes").status_code == 204
    assert value(person.get("kontakt").text, "email") == "kim@example.com"


@contextmanager
def statements(app):
    """Note every statement that is run."""
    said = []

    def note(*call):
        said.append(call[2])

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    yield said
    event.remove(engine, "before_cursor_execute", note)


def test_guesses_at_a_matter_run_the_same_statements_whether_there_is_one(person, seen, app):
    said = follow(person, seen)
    runs = []
    for reference, code in (
        (said["reference"], codes.new_status_code()),
        (codes.new_reference(), said["code"]),
        (codes.new_reference(), codes.new_status_code()),
    ):
        with statements(app) as run:
            answer = person.client.post("/folj", data={"reference": reference, "code": code})
        assert answer.status_code == 422
        assert "Numret och koden hör inte ihop. Kontrollera båda och försök igen." in answer.text
        runs.append(run)
    assert runs[0]
    assert runs[0] == runs[1] == runs[2]


def test_guesses_at_a_form_run_the_same_statements_whether_there_is_one(person, app, clock):
    code = person.begin().tell().get("granska").text.split('class="code">')[1].split("<")[0]
    clock.at = clock.at.replace(day=24)
    runs = []
    for typed in (code, codes.new_status_code()):
        with statements(app) as run:
            assert person.fill("/fortsatt", code=typed).status_code == 422
        runs.append(run)
    assert runs[0]
    assert runs[0] == runs[1]
