"""A letter of ours and news of it that cross: whichever comes first, neither stops the other."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from intake import outbox
from intake.errors import PostRefused
from intake.extensions import db
from intake.matters import following, sending, work
from intake.models import Job, MailAddress, Matter
from tests import desk
from tests.letters_home import deliver, letter
from tests.matters.mailing import act, key_to
from tests.meanwhile import begin_before


@pytest.fixture
def at_once(app, database, monkeypatch):
    """Let something begin when a function of ``sending`` is called; return what waits for its end."""

    def begin(name, act, within=None):
        def in_app():
            with within or app.app_context():
                act()

        db.session.rollback()
        return begin_before(monkeypatch, database.urls["owner"], sending, name, in_app)

    return begin


@pytest.fixture
def claim(bring, handler_app, anna):
    """The job of a reply that the mail server has just been given."""
    act(handler_app, bring(), anna, work.reply, "Hej!")
    claim = claimed()
    sending.begin_sending(claim.subject_id, claim)
    return claim


def claimed():
    job = db.session.scalars(select(Job.id).where(Job.kind == "send_letter", Job.done_at.is_(None))).one()
    return outbox.claim(job, "test:1:0.00")


def come_back():
    """Let a mail server's report on a reply come in."""
    token = db.session.scalars(select(MailAddress.token).where(MailAddress.outgoing_id.is_not(None))).one()
    db.session.rollback()
    deliver(letter("550 no such user", subject="Undelivered"), f"studs+{token}@example.se", sender="")


def record_sent(claim):
    sending.record_sent(claim.subject_id, claim)


def record_refused(claim):
    sending.record_refused(claim.subject_id, PostRefused("nej", "550"), claim)


def begin_once_more(claim):
    sending.begin_sending(claim.subject_id, claim)


def came_back():
    """Say whether both are known: that the letter left, with its job done, and that it came back."""
    db.session.expire_all()
    job = db.session.scalars(select(Job).where(Job.kind == "send_letter")).one()
    needs = db.session.scalars(select(Matter.needs_person)).one()
    return job.done_at is not None and "letter_bounced" in needs


RECORDED = pytest.mark.parametrize("record", [record_sent, record_refused, begin_once_more])


@RECORDED
def test_a_report_that_comes_while_an_ending_is_recorded_waits_for_it(claim, at_once, record):
    end = at_once("_settle", come_back)
    record(claim)
    end()
    assert came_back()


@RECORDED
def test_an_ending_that_is_recorded_while_a_report_comes_waits_for_it(claim, at_once, record):
    end = at_once("record_report", lambda: record(claim))
    come_back()
    end()
    assert came_back()


@pytest.mark.parametrize(("moment", "is_sent"), [("_held_change", False), ("_held", True)])
def test_neither_a_letter_to_a_new_address_nor_the_end_of_all_codes_stops_the_other(
    bring, at_once, handler_app, citizen_app, anna, moment, is_sent
):
    matter = bring()
    its_key, revoked = key_to(matter), work.Act(matter.id, matter.version, anna)
    with citizen_app.app_context():
        following.ask_email_change(its_key, "ny@example.org")
    seat = desk.seated(handler_app, anna, matter.id)
    end, asked = at_once(moment, lambda: work.revoke_codes(revoked), seat), claimed()
    outgoing = sending.begin_sending(asked.subject_id, asked)
    end()
    assert (outgoing is not None) == is_sent
    assert db.session.scalars(select(Matter.version)).one() == revoked.version + 1
