"""Who is asked for more is told by when on the status page, and may send more than others."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from intake import drafts, uploads
from intake.answers import Answers
from intake.errors import TooManyFiles
from intake.models import Draft, Matter, Message, SupplementRequest, new_id
from tests.citizen.person import Person, hidden, words


@pytest.fixture
def app(make_app):
    return make_app("citizen")


@pytest.fixture
def person(app):
    return Person(app.test_client())


@pytest.fixture
def sent(app, seen):
    with app.app_context():
        draft_id = drafts.begin("nyckel", Answers(text="När är ni öppna?", email="kim.berg@example.com"))
        accepted = drafts.send(draft_id, "nyckel")
    seen.execute(update(Matter).values(category="fraga", flags=[]))
    seen.commit()
    return accepted


@pytest.fixture
def asked(sent, seen, clock):
    """A matter whose person was asked for something until the third of December."""
    said = {"direction": "outgoing", "is_told": True, "is_answer": False, "created_at": clock.at}
    question = Message(id=new_id(), matter_id=sent.matter_id, channel="email", subject="", text="Vad?",
                       problems=[], **said)  # fmt: skip
    until = datetime(2026, 12, 3, 22, 59, 59, tzinfo=UTC)
    request = SupplementRequest(
        matter_id=sent.matter_id, message_id=question.id, asked_at=clock.at, until_at=until
    )
    seen.add_all([question, request])
    seen.execute(update(Matter).values(status="awaiting_citizen"))
    seen.commit()
    return sent


def follow(person, accepted):
    person.client.post("/folj", data={"reference": accepted.reference, "code": accepted.status_code})
    return person.get("/arende")


def begin(person, accepted):
    """Press the button on the page, and return the draft's id."""
    token = hidden(follow(person, accepted).text, "csrf_token")
    return person.client.post("/arende/lagg-till", data={"csrf_token": token}).location.split("/")[-2]


def announce(app, person, draft_id, sizes):
    """Announce files of these sizes by the person's browser."""
    with person.client.session_transaction() as session:
        key = session["key"]
    with app.app_context():
        for number, size in enumerate(sizes):
            uploads.create(draft_id, key, uploads.Announced(f"film{number}.mp4", size, "video/mp4", ""))


def test_the_page_tells_the_day_and_how_much_may_be_sent(person, asked):
    page = words(follow(person, asked).text)
    assert "Svara senast den 3 december 2026." in page
    assert "högst 200 MB per fil och 2 GB tillsammans" in page


def test_it_is_told_in_the_pages_language(person, asked):
    follow(person, asked)
    assert "Please answer by 3 December 2026." in words(person.client.get("/en/arende").text)


def test_who_is_not_asked_is_told_of_no_day(person, sent):
    assert "Vi har bett dig om något mer" not in words(follow(person, sent).text)


def test_two_gigabytes_have_room_in_what_was_asked_for(app, person, asked):
    draft_id = begin(person, asked)
    announce(app, person, draft_id, [200 * 2**20] * 10)
    with pytest.raises(TooManyFiles):
        announce(app, person, draft_id, [100 * 2**20])


def test_the_limit_stays_while_it_is_written_whatever_comes_meanwhile(app, person, asked, seen):
    draft_id = begin(person, asked)
    seen.execute(update(Matter).values(status="in_progress"))
    seen.commit()
    announce(app, person, draft_id, [200 * 2**20] * 4)
    assert "2 GB" in words(person.client.get(f"/skriv/{draft_id}/filer").text)


def test_what_nobody_asked_for_has_the_limit_of_a_form(app, person, sent, seen):
    draft_id = begin(person, sent)
    assert seen.scalars(select(Draft.is_asked).where(Draft.supplements_id.is_not(None))).all() == [False]
    with pytest.raises(TooManyFiles):
        announce(app, person, draft_id, [200 * 2**20] * 3)
