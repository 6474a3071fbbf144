"""A first answer is due in time: the clock begins, follows, stands, and is seen once when it has run out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from intake.extensions import STOCKHOLM, db
from intake.matters import deadlines, merging, undoing, work
from intake.models import Event, Matter, Message, OutgoingLetter
from tests import desk
from tests.letters_home import address_of, deliver, letter, matters
from tests.matters.mailing import key_to
from tests.matters.standing import events, fresh

# A Wednesday afternoon. A question has three working days, a request for a document one.
WEDNESDAY = datetime(2026, 11, 25, 14, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def wednesday(clock):
    clock.at = WEDNESDAY


@pytest.fixture
def matter(bring):
    """A question that came on a Wednesday, whose person can be answered on the status page."""
    brought = bring()
    key_to(brought)
    return brought


@pytest.fixture
def late(matter, clock):
    """A question that nobody has answered in time."""
    clock.at += timedelta(days=7)
    deadlines.mark_overdue()
    return fresh(matter)


def due(matter):
    """Return the last day for an answer; None when none is owed."""
    stands = fresh(matter).due_at
    return stands and stands.astimezone(STOCKHOLM).date()


def supplement(matter):
    deliver(letter("Mer om cykeln."), address_of(matter))


def test_a_matter_is_due_from_the_day_it_came_by_its_category(app, matter):
    assert due(matter) == date(2026, 11, 30)


def test_a_letter_is_due_too(app):
    deliver(letter())
    found = matters()[0]
    days = app.extensions["settings"].tables.categories.get(found.category).answer_days
    assert found.due_at == deadlines.due_at(days, found.received_at)


def test_another_category_is_counted_from_when_the_matter_came(matter, do, clock):
    clock.at += timedelta(days=1)
    do(work.sort, matter, "handling", 2, "")
    assert due(matter) == date(2026, 11, 26)
    do(work.sort, matter, "lokal", 4, "")
    assert due(matter) == date(2026, 12, 2)


def test_another_priority_changes_no_deadline(matter, do):
    do(work.sort, matter, "fraga", 1, "")
    assert due(matter) == date(2026, 11, 30)


@pytest.mark.parametrize("act", ["reply", "close"])
def test_what_is_answered_or_closed_is_not_due(matter, do, act):
    acts = {"reply": (work.reply, "Hej!"), "close": (work.close, "no_action", "")}
    service, *given = acts[act]
    do(service, matter, *given)
    assert due(matter) is None


def test_the_clock_stands_while_the_person_is_asked_and_begins_anew_with_the_answer(matter, do, clock):
    do(work.ask_supplement, matter, "Vad har cykeln för nummer?", deadline=None)
    assert due(matter) is None
    clock.at += timedelta(days=30)
    supplement(matter)
    assert due(matter) == date(2026, 12, 30)


def test_what_comes_while_the_clock_runs_moves_no_deadline(matter, clock):
    clock.at += timedelta(days=1)
    supplement(matter)
    assert due(matter) == date(2026, 11, 30)


def test_a_new_message_after_the_answer_is_due_anew(matter, do, clock):
    do(work.reply, matter, "Hej!")
    clock.at += timedelta(days=1)
    supplement(matter)
    assert due(matter) == date(2026, 12, 1)


def test_a_matter_that_is_opened_again_is_due_from_then_on_also_by_another_category(matter, do, clock):
    do(work.close, matter, "no_action", "")
    clock.at += timedelta(days=5)
    do(work.reopen, matter)
    assert due(matter) == date(2026, 12, 3)
    do(work.sort, matter, "handling", 2, "")
    assert due(matter) == date(2026, 12, 1)


def test_what_has_run_out_asks_for_a_person_once(late, clock):
    assert (late.needs_person, events(late).count("overdue")) == (["overdue"], 1)
    clock.at += timedelta(days=1)
    assert deadlines.mark_overdue() == 0
    assert events(late).count("overdue") == 1


def test_nothing_is_late_on_its_last_day(matter, clock):
    clock.at = fresh(matter).due_at - timedelta(minutes=1)
    assert deadlines.mark_overdue() == 0
    clock.at += timedelta(minutes=2)
    assert deadlines.mark_overdue() == 1


def test_however_many_are_late_all_are_marked(bring, clock, monkeypatch):
    monkeypatch.setattr(deadlines, "MARKED_AT_ONCE", 2)
    for _ in range(5):
        bring()
    clock.at += timedelta(days=7)
    assert deadlines.mark_overdue() == 5
    assert db.session.scalars(select(Matter.needs_person)).all() == [["overdue"]] * 5


def test_no_letter_leaves_by_itself_when_an_answer_is_late(late):
    assert db.session.scalars(select(OutgoingLetter)).all() == []
    event = db.session.scalars(select(Event).where(Event.what == "overdue")).one()
    assert event.detail == {"due_at": late.due_at.isoformat()}


def test_an_answer_settles_it_and_leaves_what_else_needs_a_person(late, do):
    late.needs_person = ["unreadable", "overdue"]
    db.session.commit()
    do(work.reply, late, "Hej!")
    assert fresh(late).needs_person == ["unreadable"]


def test_what_was_seen_to_asks_no_more_though_it_is_late(late, do):
    do(work.settle_needs, late)
    deadlines.mark_overdue()
    assert (fresh(late).needs_person, due(late)) == ([], date(2026, 11, 30))


def test_a_category_with_more_days_is_not_late(late, do, clock):
    clock.at = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
    do(work.sort, late, "lokal", 4, "")
    assert (due(late), fresh(late).needs_person) == (date(2026, 12, 2), [])
    clock.at += timedelta(days=7)
    assert deadlines.mark_overdue() == 1


def test_whoever_had_the_page_open_is_told_that_it_became_late(matter, do, clock):
    version = matter.version
    clock.at += timedelta(days=7)
    deadlines.mark_overdue()
    assert fresh(matter).version == version + 1


class TestMerging:
    def test_two_that_become_one_are_due_when_the_first_was(self, kept, bring, merge, clock):
        clock.at += timedelta(days=1)
        merge(bring(category="fraga"), kept)
        assert due(kept) == date(2026, 11, 30)

    def test_the_earlier_deadline_goes_along(self, gone, bring, merge, clock):
        clock.at += timedelta(days=2)
        kept = bring()
        merge(gone, kept)
        assert (due(gone), due(kept)) == (None, date(2026, 11, 30))

    def test_that_one_was_late_is_marked_where_it_stands_now(self, gone, bring, merge, clock):
        clock.at += timedelta(days=7)
        deadlines.mark_overdue()
        kept = bring()
        merge(gone, kept)
        assert deadlines.mark_overdue() == 1
        assert (fresh(gone).needs_person, fresh(kept).needs_person) == ([], ["overdue"])

    def test_what_is_parted_again_is_due_from_then_on(self, gone, kept, merge, do, clock):
        merge(gone, kept)
        clock.at += timedelta(days=5)
        do(merging.part_again, gone)
        assert due(gone) == date(2026, 12, 3)

    def test_what_waits_for_an_answer_opens_what_was_closed(self, gone, kept, merge, do):
        key_to(gone)
        do(work.ask_supplement, gone, "Vad har cykeln för nummer?", deadline=None)
        do(work.close, kept, "no_action", "")
        merge(gone, kept)
        assert due(kept) == date(2026, 11, 30)


class TestTakingBack:
    @pytest.fixture
    def handler_app(self, make_app, settings):
        return make_app("handler", chosen=replace(settings, undo_seconds=15))

    @pytest.mark.parametrize("service", [work.reply, work.ask_supplement])
    def test_what_is_taken_back_leaves_the_deadline_as_it_was(self, late, do, handler_app, anna, service):
        do(service, late, "Hej!", **({"deadline": None} if service is work.ask_supplement else {}))
        assert due(late) is None
        said = db.session.scalars(select(Message.id).where(Message.direction == "outgoing")).one()
        with desk.seated(handler_app, anna, late.id):
            undoing.undo(late.id, said, anna)
        assert due(late) == date(2026, 11, 30)
        assert (deadlines.mark_overdue(), fresh(late).needs_person) == (1, ["overdue"])
