"""What a handler writes waits before it leaves: until then it can be taken back, and nobody is told of it."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import create_engine, select, text, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from intake import outbox
from intake.errors import NotFound
from intake.extensions import db
from intake.matters import following, merging, undoing, work
from intake.models import Attachment, Event, Handler, Job, Matter, Message, OutgoingLetter, ReplyDraft
from tests import desk
from tests.matters.mailing import act, key_to, send_all
from tests.meanwhile import begin_before
from workers import tasks

WAIT = 15


@pytest.fixture
def handler_app(make_app, settings):
    return make_app("handler", chosen=replace(settings, undo_seconds=WAIT))


@pytest.fixture
def say(handler_app, anna):
    """Let Anna answer, ask or tell; return the message's id."""

    def say(matter, words="ORDEN", service=work.reply, **options):
        act(handler_app, matter, anna, service, words, **options)
        return db.session.scalars(select(Message.id).where(Message.held == "waiting")).one()

    return say


@pytest.fixture
def take_back(handler_app, anna):
    """Let Anna take a message back, in an app of her own."""

    def take_back(matter_id, message_id):
        with desk.seated(handler_app, anna, matter_id):
            undoing.undo(matter_id, message_id, anna)

    return take_back


@pytest.fixture
def undo(take_back):
    """Do so, and forget what was read before."""

    def undo(matter_id, message_id):
        db.session.rollback()
        take_back(matter_id, message_id)
        db.session.expire_all()

    return undo


def leave():
    """Do the job that lets it leave, and send what is then owed."""
    jobs = db.session.scalars(select(Job.id).where(Job.kind == "release_message")).all()
    db.session.rollback()
    for job in jobs:
        tasks.release_message(str(job))
    send_all()


def told(citizen_app, matter):
    """Return what the status page tells: its status, whether there is an answer, and the answers."""
    key = key_to(matter)
    with citizen_app.app_context():
        found = following.get(key)
        return found.status, bool(found.answered_at), [answer.text for answer in following.answers(key)]


def drafts(seen):
    seen.rollback()
    return [(draft.kind, draft.text) for draft in seen.query(ReplyDraft)]


def the(column):
    return db.session.scalars(select(column)).one()


def leaving():
    """Return the job by which what was written leaves."""
    return db.session.scalars(select(Job.id).where(Job.kind == "release_message")).one()


def due():
    """Return what is due and sends something; what is read out of a message leaves nowhere."""
    tasks = [sending.kind.task for sending in outbox.take_due(10, "light")]
    return [task for task in tasks if not task.endswith("read_signs")]


def test_it_leaves_when_it_has_waited_and_not_before(bring, say, post, clock, citizen_app):
    matter = bring()
    say(matter)
    assert due() == []
    assert post.sent == []
    assert told(citizen_app, matter) == ("in_progress", False, [])
    clock.at += timedelta(seconds=WAIT)
    assert due() == ["workers.tasks.release_message"]
    leave()
    assert "ORDEN" in post.sent[0].message.get_content()
    assert told(citizen_app, matter) == ("answered", True, ["ORDEN"])


def test_what_is_taken_back_never_leaves_and_comes_back_as_a_draft(bring, say, undo, post, citizen_app, seen):
    matter = bring(sender_email=None)
    key_to(matter)
    undo(matter.id, say(matter))
    leave()
    assert post.sent == []
    assert told(citizen_app, matter) == ("registered", False, [])
    assert drafts(seen) == [("reply", "ORDEN")]


def test_the_matter_is_as_it_was_and_its_history_tells_both(bring, say, undo):
    matter = bring()
    undo(matter.id, say(matter))
    assert (matter.status, matter.handler_id) == ("registered", None)
    events = db.session.scalars(select(Event.what).order_by(Event.at)).all()
    assert events[-2:] == ["replied", "reply_undone"]
    assert db.session.scalars(select(OutgoingLetter)).all() == []


def test_a_question_comes_back_without_the_day_that_was_put_below_it(bring, say, undo, seen):
    matter = bring()
    undo(matter.id, say(matter, "Vilket nummer?", work.ask_supplement, deadline=date(2026, 12, 1)))
    assert drafts(seen) == [("supplement", "Vilket nummer?")]
    assert matter.status == "registered"


def test_a_file_of_what_waits_is_not_given_out(bring, do, citizen_app, post):
    matter = bring()
    do(work.reply, matter, "ORDEN", (desk._store("svar.txt", b"ORDEN"),))
    key, file_id = key_to(matter), the(Attachment.id)
    db.session.execute(update(Attachment).values(verdict="accept"))
    db.session.commit()
    with citizen_app.app_context(), pytest.raises(NotFound):
        following.get_file(key, file_id)
    leave()
    with citizen_app.app_context():
        assert following.get_file(key, file_id).state == "ready"


def test_words_that_were_written_meanwhile_are_kept(bring, say, undo, handler_app, anna, seen):
    matter = bring()
    message_id = say(matter)
    with desk.seated(handler_app, anna, matter.id):
        undoing.reply_drafts.save(matter.id, "reply", "Ett tillägg.")
    undo(matter.id, message_id)
    assert drafts(seen) == [("reply", "Ett tillägg.\n\nORDEN")]


def test_what_has_left_is_not_taken_back(bring, say, undo, post, seen):
    matter = bring()
    message_id = say(matter)
    leave()
    with pytest.raises(undoing.TooLate):
        undo(matter.id, message_id)
    assert len(post.sent) == 1
    assert drafts(seen) == []


def test_a_job_that_a_worker_has_claimed_is_not_taken_back(bring, say, undo):
    matter = bring()
    message_id = say(matter)
    assert outbox.claim(leaving(), "test:1:0.00")
    with pytest.raises(undoing.TooLate):
        undo(matter.id, message_id)


def test_a_claim_meanwhile_finds_nothing(bring, say, undo, app, database, monkeypatch):
    matter = bring()
    message_id, job_id, claimed = say(matter), leaving(), []

    def claim():
        with app.app_context():
            claimed.append(outbox.claim(job_id, "test:1:0.00"))

    # The job's row is gone by then, in a transaction that is not over.
    end = begin_before(monkeypatch, database.urls["owner"], undoing, "_put_back", claim)
    undo(matter.id, message_id)
    end()
    assert claimed == [None]
    assert outbox.claim(job_id, "test:1:0.00") is None


def test_taking_back_waits_for_a_claim_that_is_not_over_and_loses(bring, say, take_back, database):
    matter = bring()
    message_id, job_id, lost = say(matter), leaving(), []

    def try_to():
        try:
            take_back(matter_id, message_id)
        except undoing.TooLate:
            lost.append(message_id)

    matter_id = matter.id
    db.session.rollback()
    engine = create_engine(database.urls["worker"], poolclass=NullPool)
    with engine.begin() as worker:
        worker.execute(text("UPDATE job SET attempts = 1, owner = 'w' WHERE id = :id"), {"id": job_id})
        hers = threading.Thread(target=try_to)
        hers.start()
        _wait_for_a_lock(database.urls["owner"], hers)
    hers.join()
    assert lost == [message_id]
    assert the_waiting() == [message_id]


def the_waiting():
    return db.session.scalars(select(Message.id).where(Message.held == "waiting")).all()


def _wait_for_a_lock(url, hers):
    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with create_engine(url, poolclass=NullPool).connect() as connection:
        while hers.is_alive() and not connection.scalar(waits):
            connection.rollback()


def test_only_whoever_wrote_it_takes_it_back(bring, say, make_app, handler_app, seen):
    matter = bring()
    message_id = say(matter)
    desk.hire(make_app("handler", "owner"), "bo@example.se", *desk.seats("syd"), name="Bo")
    bo = seen.query(Handler.id).filter_by(email="bo@example.se").scalar()
    db.session.rollback()
    with desk.seated(handler_app, bo, matter.id), pytest.raises(undoing.TooLate):
        undoing.undo(matter.id, message_id, bo)


def test_nobody_lets_a_colleagues_leave_early_at_a_prompt(bring, say, make_app, handler_app, seen):
    matter = bring()
    say(matter)
    event = the_event()
    desk.hire(make_app("handler", "owner"), "bo@example.se", *desk.seats("syd"), name="Bo")
    bo = seen.query(Handler.id).filter_by(email="bo@example.se").scalar()
    db.session.rollback()
    with desk.seated(handler_app, bo, matter.id):
        outbox.add("release_message", event, dedupe=f"release_message:{event}:2")
        with pytest.raises(ProgrammingError, match="row-level security"):
            db.session.commit()


def the_event():
    return db.session.scalars(select(Event.id).where(Event.what == "replied")).one()


def test_taking_back_the_answer_of_a_matter_that_was_closed_opens_it(bring, say, undo, do, seen):
    matter = bring()
    message_id = say(matter)
    do(work.close, matter, "answered", "")
    undo(matter.id, message_id)
    assert (matter.status, matter.closed_at) == ("reopened", None)
    assert drafts(seen) == [("reply", "ORDEN")]


def test_what_waits_goes_to_whom_it_was_written_to_when_the_matter_is_merged(bring, say, do, post):
    matter, other = bring(), bring(sender_email="annan@example.com")
    say(matter)
    do(merging.merge, matter, other.id, codes_lead_on=False)
    leave()
    assert [sent.message["To"] for sent in post.sent] == ["kim@example.com"]


def test_it_goes_the_way_that_is_safe_when_it_leaves(bring, say, post):
    matter = bring()
    say(matter)
    db.session.execute(update(Matter).values(is_neutral=True))
    db.session.commit()
    leave()
    assert the(OutgoingLetter.kind) == "notice"
    assert "ORDEN" not in post.sent[0].message.get_content()


def test_a_person_is_asked_when_it_reaches_nobody_any_more(bring, say, post):
    matter = bring()
    say(matter)
    db.session.execute(update(Matter).values(may_email=False))
    db.session.commit()
    leave()
    assert post.sent == []
    assert the(Matter.needs_person) == ["notice_not_sent"]


def test_a_job_that_is_done_twice_lets_it_leave_once(bring, say, post):
    say(bring())
    job = leaving()
    for _ in range(2):
        db.session.rollback()
        tasks.release_message(str(job))
    send_all()
    assert len(post.sent) == 1


def test_an_event_that_names_a_colleagues_message_lets_it_not_go(bring, say, post, make_app, seen):
    matter = bring()
    message_id = say(matter)
    desk.hire(make_app("handler", "owner"), "nora@example.se", *desk.seats("syd"), name="Nora Ek")
    nora = seen.query(Handler.id).filter_by(email="nora@example.se").scalar()
    forged = Event(matter_id=matter.id, at=text("now()"), actor="handler", handler_id=nora, what="replied",
                   detail={"message": str(message_id)})  # fmt: skip
    seen.add(forged)
    seen.flush()
    job = Job(kind="release_message", dedupe=f"release_message:{forged.id}", subject_id=forged.id,
              created_at=text("now()"), due_at=text("now()"), sends=0, attempts=0)  # fmt: skip
    seen.add(job)
    seen.commit()
    tasks.release_message(str(job.id))
    send_all()
    assert post.sent == []
    assert the_waiting() == [message_id]
