"""A mark of secrecy: set and lifted once, kept by whatever happens to the matter, and careful with mail."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from intake.errors import Conflict, NotAllowed
from intake.extensions import db
from intake.matters import answering, merging, secrecy, work
from intake.models import Event, Message
from tests import desk
from tests.matters.mailing import act, way_to_answer
from tests.matters.standing import events, fresh
from tests.meanwhile import begin_before

WHY = "Uppgifter om målsäganden."


@pytest.fixture
def marked(kept, do):
    do(secrecy.mark, kept, "35_1", WHY)
    return fresh(kept)


def is_marked(matter):
    return secrecy.SIGN in fresh(matter).flags


def test_a_mark_tells_the_provision_and_its_reason_is_a_note(marked):
    told = db.session.scalars(select(Event).where(Event.what == "secrecy_marked")).one()
    note = db.session.scalars(select(Message).where(Message.direction == "note")).one()
    assert (is_marked(marked), told.detail) == (True, {"provision": "35_1", "note": str(note.id)})
    assert (note.text, told.handler_id) == (WHY, note.handler_id)


def test_a_lifted_mark_is_gone_and_its_history_stays(marked, do):
    do(secrecy.lift, marked, "Det var fel ärende.")
    assert (is_marked(marked), events(marked)[-2:]) == (False, ["secrecy_marked", "secrecy_lifted"])


@pytest.mark.parametrize(
    ("service", "given", "why"),
    [
        (secrecy.mark, ("18_1", WHY), "redan sekretessmarkerat"),
        (secrecy.lift, (WHY,), "inte sekretessmarkerat"),
        (secrecy.mark, ("99_9", WHY), "Välj en paragraf"),
    ],
)
def test_what_makes_no_sense_changes_nothing(kept, do, service, given, why):
    if "redan" in why:
        do(secrecy.mark, kept, "35_1", WHY)
    before = (events(kept), fresh(kept).version)
    with pytest.raises(NotAllowed, match=why):
        do(service, kept, *given)
    db.session.rollback()
    assert (events(kept), fresh(kept).version) == before


def test_a_closed_matter_can_be_marked_too(kept, do):
    do(work.close, kept, "no_action", "")
    do(secrecy.mark, kept, "18_2", WHY)
    assert is_marked(kept)


def test_an_answer_in_a_marked_matter_is_no_thing_for_a_mailbox(kept, do, make_app):
    assert way_to_answer(make_app, kept) == "mail"
    do(secrecy.mark, kept, "35_1", WHY)
    assert answering.is_delicate("fraga", fresh(kept).flags)


def test_a_mark_follows_into_the_matter_that_another_goes_into(gone, kept, do, merge):
    do(secrecy.mark, gone, "21_3", WHY)
    merge(gone, kept)
    told = db.session.scalars(
        select(Event).where(Event.matter_id == kept.id, Event.what == "secrecy_marked")
    ).one()
    assert (is_marked(kept), told.detail) == (True, {"provision": "21_3", "why": "merged"})
    with pytest.raises(NotAllowed, match="i det ärendet i stället"):
        do(secrecy.lift, gone, WHY)
    db.session.rollback()
    do(merging.part_again, gone)
    assert (is_marked(gone), is_marked(kept)) == (True, True)


def test_what_is_marked_itself_keeps_its_own_provision(gone, marked, do, merge):
    do(secrecy.mark, gone, "21_3", WHY)
    merge(gone, marked)
    assert events(marked).count("secrecy_marked") == 1


def test_of_two_who_mark_at_once_one_wins(kept, handler_app, anna, monkeypatch, database):
    def other():
        with desk.seated(handler_app, anna, kept_id):
            secrecy.mark(work.Act(kept_id, version, anna), "18_1", "Den andra.")

    kept_id, version = kept.id, kept.version
    wait = begin_before(monkeypatch, database.urls["owner"], secrecy, "change", other)
    with pytest.raises(Conflict):
        act(handler_app, kept, anna, secrecy.mark, "35_1", WHY)
    wait()
    told = db.session.scalars(select(Event.detail).where(Event.what == "secrecy_marked")).one()
    assert told["provision"] == "18_1"


def test_of_two_who_lift_at_once_one_wins(marked, handler_app, anna, monkeypatch, database):
    def other():
        with desk.seated(handler_app, anna, matter_id):
            secrecy.lift(work.Act(matter_id, version, anna), "Den andra.")

    matter_id, version = marked.id, marked.version
    wait = begin_before(monkeypatch, database.urls["owner"], secrecy, "change", other)
    with pytest.raises(Conflict):
        act(handler_app, marked, anna, secrecy.lift, WHY)
    wait()
    assert events(marked).count("secrecy_lifted") == 1


def test_a_prompt_marks_nothing_that_it_has_not_opened(kept, database):
    sign = text("SELECT sign_secrecy(:id, true)")
    prompt = create_engine(database.urls["handler"], poolclass=NullPool)
    with prompt.connect() as stranger, pytest.raises(ProgrammingError, match="not a matter of the caller"):
        stranger.execute(sign, {"id": kept.id})
    assert not is_marked(kept)
