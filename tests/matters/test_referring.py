"""Referring waits as an answer does: taken back, the matter is as it was, and nobody was told of anything."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from intake.errors import NotAllowed
from intake.extensions import db
from intake.matters import following, referring, reply_drafts, undoing
from intake.matters.referring import Referral
from intake.models import Job, Message, OutgoingLetter
from tests import desk
from tests.matters.mailing import key_to, send_all
from tests.matters.standing import events, fresh
from workers import tasks

TO = Referral("skatteverket")
WORDS = "Vänd dig till Skatteverket."


@pytest.fixture
def handler_app(make_app, settings):
    return make_app("handler", chosen=replace(settings, undo_seconds=15))


@pytest.fixture
def refer(do):
    """Refer the person of a matter, and return the message's id."""

    def refer(matter, **options):
        do(referring.refer, matter, TO, WORDS, **({"is_closed": True} | options))
        return db.session.scalars(select(Message.id).where(Message.held == "waiting")).one()

    return refer


def told(citizen_app, matter):
    """Return what the status page tells: whether it is closed, and the answers."""
    key = key_to(matter)
    with citizen_app.app_context():
        found = following.get(key)
        return found.status == "closed", [answer.text for answer in following.answers(key)]


def leave():
    for job in db.session.scalars(select(Job.id).where(Job.kind == "release_message")).all():
        db.session.rollback()
        tasks.release_message(str(job))
    send_all()


def test_until_it_leaves_the_person_is_told_nothing_and_then_all(kept, refer, citizen_app):
    refer(kept)
    assert (fresh(kept).status, told(citizen_app, kept)) == ("closed", (False, []))
    leave()
    assert told(citizen_app, kept) == (True, [WORDS])
    letter = db.session.scalars(select(OutgoingLetter).where(OutgoingLetter.kind == "reply")).one()
    assert letter.state == "sent"


def test_taken_back_it_opens_the_matter_with_its_clock_and_the_words_are_a_draft(
    kept, refer, handler_app, anna
):
    due_at, message_id = fresh(kept).due_at, refer(kept)
    db.session.rollback()
    with desk.seated(handler_app, anna, kept.id):
        undoing.undo(kept.id, message_id, anna)
        assert [draft.text for draft in reply_drafts.read(kept.id)] == [WORDS]
    assert (fresh(kept).status, fresh(kept).closed_at, fresh(kept).due_at) == ("reopened", None, due_at)
    assert "reply_undone" in events(kept)
    leave()
    assert db.session.scalars(select(OutgoingLetter)).all() == []


def test_nothing_goes_to_the_other_authority(kept, refer):
    refer(kept)
    leave()
    assert {letter.recipient for letter in db.session.scalars(select(OutgoingLetter))} == {"kim@example.com"}


def test_what_may_be_given_on_is_decided_in_words(kept, do):
    with pytest.raises(NotAllowed, match="bestämmelse"):
        do(referring.decide, kept, Referral("skatteverket", "lawful", " "))
    do(referring.decide, kept, Referral("skatteverket", "lawful", "OSL 10 kap. 27 §"))
    assert events(kept)[-1] == "handing_on_decided"
