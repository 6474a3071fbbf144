"""Incidents with personal data: reported, decided and closed once, and seen once when they are late."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.pool import NullPool

from intake.errors import Conflict, NotAllowed
from intake.extensions import db
from intake.matters import incidents, work
from intake.models import Event, Handler, Incident, Message
from tests import desk
from tests.matters.mailing import act
from tests.matters.standing import events, fresh
from tests.meanwhile import begin_before

SAID = ("wrong_recipient", "SVARET GICK TILL FEL PERSON", "KIM BERG")


@pytest.fixture
def cora(make_app):
    """Somebody who coordinates the region."""
    owner = make_app("handler", "owner")
    desk.hire(owner, "cora@example.se", ("syd-inkorg", "coordinator"), name="Cora Ek")
    with owner.app_context():
        return db.session.scalars(select(Handler.id).where(Handler.email == "cora@example.se")).one()


@pytest.fixture
def report(do, clock):
    def report(matter, *, noticed_at=None, message_id=None):
        do(incidents.report, matter, *SAID, noticed_at or clock(), message_id=message_id)
        return told(matter)[-1].id

    return report


@pytest.fixture
def decide(handler_app, cora):
    def decide(matter, incident_id, decision="not_notify", reason="Ingen risk.", **options):
        act(handler_app, matter, cora, incidents.decide, incident_id, decision, reason, **options)

    return decide


@pytest.fixture
def close(handler_app, cora):
    def close(matter, incident_id):
        act(handler_app, matter, cora, incidents.close, incident_id, "Anmäld och klar.")

    return close


@pytest.fixture
def stands(owner):
    """How a matter's incidents stand, as the owner alone can read them."""
    return lambda: [
        tuple(row) for row in owner.execute(text("SELECT decision, closed_at, overdue_at FROM incident"))
    ]


@pytest.fixture
def owner(database):
    with create_engine(
        database.urls["owner"], poolclass=NullPool, isolation_level="AUTOCOMMIT"
    ).connect() as opened:
        yield opened


def told(matter):
    """Return ids and times of a matter's incidents, as a worker may see them."""
    its = select(Incident.id, Incident.due_at).where(Incident.matter_id == matter.id)
    found = db.session.execute(its.order_by(Incident.due_at)).all()
    db.session.rollback()
    return found


def test_the_clock_counts_72_plain_hours_from_when_it_was_noticed(kept, report, clock):
    noticed = clock() - timedelta(hours=30)
    report(kept, noticed_at=noticed)
    assert [due - noticed for _, due in told(kept)] == [timedelta(hours=72)]
    assert events(kept)[-1] == "incident_reported"


def test_events_hold_no_word_of_what_happened(kept, report, decide, close):
    incident_id = report(kept)
    decide(kept, incident_id, "notify", "SKÄLET")
    close(kept, incident_id)
    details = str(db.session.scalars(select(Event.detail)).all())
    assert [word for word in (*SAID[1:], "SKÄLET", "Anmäld") if word in details] == []
    assert events(kept)[-3:] == ["incident_reported", "incident_decided", "incident_closed"]


def test_a_closed_matter_can_have_one_too_and_a_time_to_come_is_none(kept, report, do, clock):
    do(work.close, kept, "no_action", "")
    with pytest.raises(NotAllowed, match="har inte varit än"):
        report(kept, noticed_at=clock() + timedelta(minutes=1))
    db.session.rollback()
    report(kept)
    assert len(told(kept)) == 1


def test_a_message_of_another_matter_is_not_named(kept, gone, report, owner):
    other = db.session.scalars(select(Message.id).where(Message.matter_id == gone.id)).one()
    own = db.session.scalars(select(Message.id).where(Message.matter_id == kept.id)).one()
    report(kept, message_id=other)
    report(kept, message_id=own)
    assert {row[0] for row in owner.execute(text("SELECT message_id FROM incident"))} == {None, own}


def test_who_does_not_coordinate_decides_nothing(kept, report, do, stands):
    incident_id = report(kept)
    for service, *given in ((incidents.decide, "notify", "x"), (incidents.close, "x")):
        with pytest.raises(NotAllowed, match="Se efter hur incidenten står"):
            do(service, kept, incident_id, *given)
        db.session.rollback()
    assert stands() == [(None, None, None)]


def test_what_is_not_decided_is_not_closed_and_what_is_closed_stays(kept, report, decide, close, stands):
    incident_id = report(kept)
    with pytest.raises(NotAllowed):
        close(kept, incident_id)
    db.session.rollback()
    decide(kept, incident_id)
    close(kept, incident_id)
    with pytest.raises(NotAllowed):
        decide(kept, incident_id, "notify")
    assert [row[0] for row in stands()] == ["not_notify"]


def test_a_decision_can_be_made_anew(kept, report, decide, stands):
    incident_id = report(kept)
    decide(kept, incident_id, "not_notify")
    decide(kept, incident_id, "notify")
    assert [row[0] for row in stands()] == ["notify"]


def test_one_of_another_matter_is_not_decided_in_this_one(kept, gone, report, decide, stands):
    incident_id = report(kept)
    for wrong in (incident_id, uuid.uuid4()):
        with pytest.raises(NotAllowed):
            decide(gone, wrong)
        db.session.rollback()
    assert stands() == [(None, None, None)]


def test_of_two_who_report_at_once_one_wins(kept, handler_app, anna, monkeypatch, database, clock):
    def other():
        with desk.seated(handler_app, anna, kept_id):
            incidents.report(work.Act(kept_id, version, anna), *SAID, at)

    kept_id, version, at = kept.id, kept.version, clock()
    wait = begin_before(monkeypatch, database.urls["owner"], incidents, "change", other)
    with pytest.raises(Conflict):
        act(handler_app, kept, anna, incidents.report, *SAID, at)
    wait()
    assert (len(told(kept)), events(kept).count("incident_reported")) == (1, 1)


def test_of_two_who_decide_at_once_one_wins(
    kept, report, handler_app, cora, monkeypatch, database, decide, stands
):
    def other():
        with desk.seated(handler_app, cora, kept_id):
            incidents.decide(work.Act(kept_id, version, cora), incident_id, "notify", "Den andra.")

    incident_id = report(kept)
    kept_id, version = kept.id, fresh(kept).version
    wait = begin_before(monkeypatch, database.urls["owner"], incidents, "change", other)
    with pytest.raises(Conflict):
        decide(kept, incident_id)
    wait()
    assert [row[0] for row in stands()] == ["notify"]
    assert events(kept).count("incident_decided") == 1


class TestTime:
    @pytest.fixture
    def late(self, kept, report, clock):
        incident_id = report(kept)
        clock.at += timedelta(hours=72, seconds=1)
        return incident_id

    @pytest.mark.usefixtures("late")
    def test_what_is_late_is_seen_once(self, kept):
        assert (incidents.mark_overdue(), incidents.mark_overdue()) == (1, 0)
        assert fresh(kept).needs_person == ["incident_overdue"]
        assert events(kept).count("incident_overdue") == 1

    def test_to_the_last_minute_there_is_time(self, kept, report, clock):
        report(kept)
        clock.at += timedelta(hours=71, minutes=59)
        assert incidents.mark_overdue() == 0

    def test_what_is_to_be_told_is_late_until_it_is_closed(self, kept, late, decide, close):
        decide(kept, late, "notify")
        assert incidents.mark_overdue() == 1
        close(kept, late)
        assert fresh(kept).needs_person == []

    @pytest.mark.parametrize("is_marked", [True, False])
    def test_what_need_not_be_told_is_not_late(self, kept, late, decide, is_marked):
        if is_marked:
            incidents.mark_overdue()
        decide(kept, late, "not_notify")
        assert (incidents.mark_overdue(), fresh(kept).needs_person) == (0, [])

    def test_another_one_that_is_late_still_asks_for_a_person(self, kept, report, clock, decide):
        ids = [report(kept), report(kept)]
        clock.at += timedelta(hours=73)
        assert incidents.mark_overdue() == 2
        decide(kept, ids[0])
        assert fresh(kept).needs_person == ["incident_overdue"]
        decide(kept, ids[1])
        assert fresh(kept).needs_person == []

    def test_one_of_a_merged_matter_asks_where_it_stands_now(self, kept, gone, report, merge, clock):
        report(gone)
        merge(gone, kept)
        clock.at += timedelta(hours=73)
        assert incidents.mark_overdue() == 1
        assert fresh(kept).needs_person == ["incident_overdue"]

    @pytest.mark.usefixtures("late")
    def test_two_dispatchers_mark_it_once(self, app, kept):
        counts, gate = [], threading.Barrier(2)

        def mark():
            with app.app_context():
                gate.wait()
                counts.append(incidents.mark_overdue())

        runners = [threading.Thread(target=mark) for _ in range(2)]
        for runner in runners:
            runner.start()
        for runner in runners:
            runner.join()
        assert (sum(counts), events(kept).count("incident_overdue")) == (1, 1)

    def test_what_is_decided_in_the_same_moment_is_not_marked(
        self, kept, late, handler_app, cora, monkeypatch, database
    ):
        def other():
            with desk.seated(handler_app, cora, kept_id):
                incidents.decide(work.Act(kept_id, version, cora), late, "not_notify", "Ingen risk.")

        kept_id, version = kept.id, fresh(kept).version
        db.session.rollback()
        wait = begin_before(monkeypatch, database.urls["owner"], incidents, "hold_surviving", other)
        assert incidents.mark_overdue() == 0
        wait()
        assert fresh(kept).needs_person == []


class TestPrompt:
    @pytest.fixture
    def prompt(self, database):
        with create_engine(database.urls["handler"], poolclass=NullPool).connect() as opened:
            yield opened

    def test_nobody_without_a_session_is_told_or_writes_anything(self, prompt, kept, report):
        incident_id = report(kept)
        its = {"matter": kept.id, "incident": incident_id}
        assert prompt.execute(text("SELECT * FROM matter_incidents(:matter)"), its).all() == []
        decided = text("SELECT decide_incident(:matter, :incident, 'notify', 'x', now())")
        assert prompt.scalar(decided, its) is False
        reported = text("SELECT report_incident(:matter, NULL, 'lost_access', 'x', 'x', now(), now())")
        with pytest.raises(ProgrammingError, match="not a matter of the caller"):
            prompt.execute(reported, its)

    @pytest.mark.parametrize("what", ["SELECT count(*) FROM incident", "DELETE FROM incident"])
    def test_the_pages_role_has_no_right_to_the_table(self, prompt, what):
        with pytest.raises(DBAPIError, match="permission denied"):
            prompt.execute(text(what))

    def test_a_worker_sees_that_one_is_late_and_not_what_it_is(self, kept, report):
        report(kept)
        with pytest.raises(DBAPIError, match="permission denied"):
            db.session.execute(select(Incident.happened))
        db.session.rollback()
