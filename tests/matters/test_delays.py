"""Word of a delay goes by itself, once, to whoever may be told and has not been."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from intake.extensions import db
from intake.matters import delays, following, undoing, work
from intake.models import Message, OutgoingLetter
from tests import desk
from tests.letters_home import address_of, deliver, letter
from tests.matters.mailing import key_to, send_all
from tests.matters.standing import events, fresh

# A Wednesday afternoon. A question has three working days: until the next Monday's end.
WEDNESDAY = datetime(2026, 11, 25, 14, 0, tzinfo=UTC)
MONDAY_AFTERNOON = datetime(2026, 11, 30, 14, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def wednesday(clock):
    clock.at = WEDNESDAY


@pytest.fixture
def near(bring, clock):
    """A question whose last day for an answer is nearly over."""

    def near(**values):
        matter = bring(**values)
        clock.at = MONDAY_AFTERNOON
        return matter

    return near


def letters():
    return db.session.scalars(select(OutgoingLetter.kind)).all()


def test_the_person_is_told_once_that_it_takes_longer_and_why(near, post, citizen_app):
    matter = near()
    assert (delays.tell(), delays.tell()) == (1, 0)
    send_all()
    (sent,) = post.sent
    assert "Det tar längre tid än vi trodde" in sent.message.get_content()
    assert sent.message["Auto-Submitted"] == "auto-generated"
    assert "Cykel" not in sent.message.as_string()
    key = key_to(matter)
    with citizen_app.app_context():
        (told,) = following.answers(key)
        assert (following.get(key).answered_at, "kommit in många ärenden" in told.text) == (None, True)
    assert events(matter)[-2:] == ["delay_told_by_itself", "late_sent"]
    assert fresh(matter).due_at is not None


def test_it_waits_for_the_last_afternoon(near, clock):
    near()
    clock.at -= timedelta(hours=2)
    assert delays.tell() == 0


def test_two_that_tell_at_once_tell_once(near):
    matter_id = near().id
    db.session.rollback()
    assert (delays._tell(matter_id), delays._tell(matter_id)) == (True, False)
    assert letters() == ["late"]


def test_what_ran_out_long_ago_is_left_to_people(near, clock):
    near()
    clock.at += timedelta(days=10)
    assert delays.tell() == 0


@pytest.mark.parametrize(
    "values",
    [{"flags": ["vulnerable"]}, {"flags": ["spam"]}, {"needs_person": ["sender_forged"]},
     {"category": "nara_relation"}, {"status": "awaiting_citizen"}, {"may_email": False}],
    ids=str,
)  # fmt: skip
def test_who_may_not_be_told_by_itself_is_not(near, values, app):
    codes = app.extensions["settings"].tables.categories.codes
    if values.get("category", codes[0]) not in codes:
        pytest.skip("no such category")
    matter = near(**values)
    assert delays.tell() == 0
    assert (letters(), "delay_told_by_itself" in events(matter)) == ([], False)


def test_who_wants_no_mail_is_told_on_the_page(near):
    matter = near(may_email=False)
    key_to(matter)
    assert (delays.tell(), letters()) == (1, [])
    assert events(matter)[-1] == "delay_told_by_itself"


def test_a_neutral_letter_tells_nothing_of_us(near, post):
    near(is_neutral=True)
    delays.tell()
    send_all()
    assert post.sent[0].message["Subject"] == "Hej"
    assert "Exempelmyndigheten" not in post.sent[0].message.get_content()


def test_what_is_answered_is_not_late(near, do):
    do(work.reply, near(), "Hej!")
    assert delays.tell() == 0


def test_whom_a_handler_has_told_is_not_told_again(near, do):
    do(work.tell_delay, near(), "Vi väntar på ett register.")
    assert delays.tell() == 0


def test_a_new_clock_may_be_late_too(near, do, clock):
    matter = near()
    delays.tell()
    do(work.reply, matter, "Hej!")
    deliver(letter("En fråga till."), address_of(matter))
    clock.at = fresh(matter).due_at - timedelta(hours=1)
    assert delays.tell() == 1


def test_an_authority_may_switch_it_off(near, app, settings, monkeypatch):
    near()
    tables = settings.tables
    authority = replace(tables.authority, asking=replace(tables.authority.asking, tells_delay=False))
    chosen = replace(settings, tables=replace(tables, authority=authority))
    monkeypatch.setitem(app.extensions, "settings", chosen)
    assert delays.tell() == 0


class TestTakingBack:
    @pytest.fixture
    def handler_app(self, make_app, settings):
        return make_app("handler", chosen=replace(settings, undo_seconds=15))

    def test_what_a_handler_took_back_has_told_nobody(self, near, do, handler_app, anna):
        matter = near()
        do(work.tell_delay, matter, "Vi väntar.")
        said = db.session.scalars(select(Message.id).where(Message.direction == "outgoing")).one()
        with desk.seated(handler_app, anna, matter.id):
            undoing.undo(matter.id, said, anna)
        assert delays.tell() == 1
