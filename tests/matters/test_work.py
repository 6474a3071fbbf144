"""Acts on a matter: one commit, one event, and of two at once exactly one."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select

from intake.errors import Conflict, NotAllowed
from intake.extensions import db
from intake.matters import work
from intake.models import Event, Handler, Letter, Matter, Message, OutgoingLetter
from tests import desk
from tests.letters_home import address_of, deliver, letter, matters


@pytest.fixture
def handler_ids(make_app):
    owner = make_app("handler", "owner")
    emails = ("anna@example.se", "bertil@example.se")
    for email in emails:
        desk.hire(owner, email, *desk.seats("syd"))
    with owner.app_context():
        return [db.session.scalars(select(Handler.id).where(Handler.email == each)).one() for each in emails]


@pytest.fixture
def matter_id(worker_app, clock):
    reference = desk.bring(worker_app, clock)
    with worker_app.app_context():
        return db.session.scalars(select(Matter.id).where(Matter.reference == reference)).one()


@pytest.fixture
def app(handler_app, handler_ids, matter_id):
    with desk.seated(handler_app, handler_ids[0], matter_id):
        yield handler_app


def test_of_many_who_take_at_once_exactly_one_wins(handler_app, handler_ids, matter_id):
    outcomes, gate = [], threading.Barrier(4)

    def race(handler_id):
        with desk.seated(handler_app, handler_id, matter_id):
            db.session.scalar(select(Matter.id))
            db.session.rollback()
            gate.wait()
            try:
                work.take(work.Act(matter_id, 1, handler_id))
                outcomes.append(handler_id)
            except Conflict:
                outcomes.append(None)

    runners = [threading.Thread(target=race, args=(handler_ids[n % 2],)) for n in range(4)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    with desk.seated(handler_app, handler_ids[0], matter_id):
        matter = db.session.get(Matter, matter_id)
        assert sorted(map(str, outcomes)) == sorted([str(matter.handler_id), "None", "None", "None"])
        assert db.session.query(Event).filter_by(what="taken").count() == 1


def test_a_conflict_leaves_nothing_behind(app, handler_ids, matter_id):
    work.take(work.Act(matter_id, 1, handler_ids[0]))
    with pytest.raises(Conflict):
        work.reply(work.Act(matter_id, 1, handler_ids[1]), "För sent.")
    assert db.session.query(Message).filter_by(direction="outgoing").count() == 0


def test_a_closed_matter_is_not_worked_on(app, handler_ids, matter_id):
    work.close(work.Act(matter_id, 1, handler_ids[0]), "no_action", "")
    late = work.Act(matter_id, 2, handler_ids[0])
    for act in (lambda: work.take(late), lambda: work.reply(late, "x"), lambda: work.move(late, "su", "x")):
        with pytest.raises(NotAllowed):
            act()
    work.write_note(late, "Det går att anteckna.")


def test_an_open_matter_is_not_opened(app, handler_ids, matter_id):
    with pytest.raises(NotAllowed):
        work.reopen(work.Act(matter_id, 1, handler_ids[0]))


def test_a_reply_joins_the_letters_thread(worker_app, handler_app, handler_ids):
    with worker_app.app_context():
        deliver(letter(Message_ID="<fraga@example.com>"), "syd@example.se")
        matter_id = matters()[0].id
    with desk.seated(handler_app, handler_ids[0], matter_id):
        assert db.session.query(Letter).one().message_id_header
        work.reply(work.Act(matter_id, 1, handler_ids[0]), "Hej!")
        reply = db.session.query(OutgoingLetter).filter_by(kind="reply").one()
        assert reply.in_reply_to == "<fraga@example.com>"


@pytest.mark.parametrize(
    ("sender", "header"),
    [("vittne@hemlig.example", "<1@example.com>"), ("KIM@Example.com", "<2@hemlig.example>")],
    ids=["anothers", "the same person's"],
)
def test_a_reply_names_no_letter_of_anybody_else(worker_app, handler_app, handler_ids, sender, header):
    with worker_app.app_context():
        deliver(letter(Message_ID="<1@example.com>"), "syd@example.se")
        matter_id, address = matters()[0].id, address_of(matters()[0])
        deliver(letter("Jag såg det.", sender=sender, Message_ID="<2@hemlig.example>"), address)
    with desk.seated(handler_app, handler_ids[0], matter_id):
        work.reply(work.Act(matter_id, 2, handler_ids[0]), "Hej!")
        assert db.session.query(OutgoingLetter).filter_by(kind="reply").one().in_reply_to == header


def test_a_reply_to_a_form_names_no_letter_at_all(worker_app, handler_app, handler_ids, matter_id):
    witness = letter("Jag såg det.", sender="vittne@hemlig.example", Message_ID="<2@hemlig.example>")
    with worker_app.app_context():
        deliver(witness, address_of(db.session.get(Matter, matter_id)))
    with desk.seated(handler_app, handler_ids[0], matter_id):
        work.reply(work.Act(matter_id, 2, handler_ids[0]), "Hej!")
        assert db.session.query(OutgoingLetter).filter_by(kind="reply").one().in_reply_to is None


def test_events_hold_codes_and_the_words_become_a_note(app, handler_ids, matter_id, seen):
    work.move(work.Act(matter_id, 1, handler_ids[0]), "su", "Kim Berg bor i Umeå.")
    event = seen.query(Event).filter_by(what="moved").one()
    assert "Kim" not in str(event.detail)
    assert seen.query(Message).filter_by(direction="note").one().text == "Kim Berg bor i Umeå."


def test_nothing_is_moved_where_no_wall_lies_between(app, handler_ids, matter_id):
    for unit in ("syd-utredning", "nord-inkorg", "syd-kontaktcenter"):
        with pytest.raises(NotAllowed):
            work.move(work.Act(matter_id, 1, handler_ids[0]), unit, "fel")
    assert db.session.get(Matter, matter_id).unit_id == "syd-kontaktcenter"
