"""What a person asks of the workers at a page: done by a worker, once, and told in the matter's history."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from intake import mailroom, outbox
from intake.extensions import db
from intake.models import Event, Handler, Job, Letter, Message
from tests import desk
from tests.letters_home import deliver, letter, matters, receive
from workers import process, tasks


@pytest.fixture(autouse=True)
def app(worker_app, monkeypatch):
    monkeypatch.setattr(process, "app", lambda: worker_app)
    with worker_app.app_context():
        yield worker_app


@pytest.fixture
def handler_id(make_app, seen):
    desk.hire(make_app("handler", "owner"), "olle@example.se", ("syd-inkorg", "operator"))
    return seen.query(Handler).one().id


def jobs(kind):
    db.session.expire_all()
    return db.session.query(Job).filter_by(kind=kind).all()


def test_a_letter_that_is_asked_for_is_read_again_by_a_worker(handler_id):
    deliver(letter("Cykeln stals."))
    db.session.execute(update(Message).values(text="förvanskat"))
    db.session.commit()
    mailroom.ask_to_parse_again(db.session.query(Letter).one().id, handler_id)
    (asked,) = jobs("parse_again")
    tasks.parse_again(str(asked.id))
    tasks.parse_again(str(asked.id))
    assert jobs("parse_again")[0].done_at is not None
    assert db.session.query(Message).one().text.startswith("Cykeln stals.")
    told = [event.what for event in db.session.query(Event).order_by(Event.at)]
    assert told[-2:] == ["parsing_asked", "parsed_again"]
    assert len(matters()) == 1


def test_a_letter_that_was_never_read_has_its_own_job_tried_again(clock, handler_id):
    receive(letter())
    db.session.execute(update(Job).values(stuck_at=clock()))
    db.session.commit()
    mailroom.ask_to_parse_again(db.session.query(Letter).one().id, handler_id)
    tasks.parse_again(str(jobs("parse_again")[0].id))
    assert jobs("parse_again")[0].done_at is not None
    assert outbox.stuck() == []
    assert jobs("parse_letter")[0].done_at is None


def test_a_job_that_is_done_meanwhile_is_left_alone(clock):
    receive(letter())
    (job,) = jobs("parse_letter")
    db.session.execute(update(Job).values(stuck_at=clock()))
    db.session.commit()
    mailroom.ask_to_retry(job.id)
    db.session.execute(update(Job).where(Job.id == job.id).values(done_at=clock()))
    db.session.commit()
    tasks.retry_job(str(jobs("retry_job")[0].id))
    assert jobs("retry_job")[0].done_at is not None
    assert outbox.stuck() == []


def test_nothing_is_asked_about_a_job_that_goes_on():
    receive(letter())
    mailroom.ask_to_retry(jobs("parse_letter")[0].id)
    assert jobs("retry_job") == []
