"""How long it took others: told of twenty and more, and never of what stands behind a wall."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from intake.models import Matter, MatterUnit, Message, new_id
from tests.citizen.sender import QUESTION, THEFT, Sender


@pytest.fixture
def sender(make_app):
    return Sender(make_app("citizen"))


@pytest.fixture
def answered(seen, clock):
    """Matters of a category that were answered some days after they came."""

    def make(
        number,
        *,
        category="fraga",
        days=2,
        ago=30,
        unit="syd-inkorg",
        stood=None,
        closed=False,
        channel="form",
    ):
        for place in range(number):
            matter_id, came = new_id(), clock.at - timedelta(days=ago)
            seen.add(
                Matter(
                    id=matter_id, reference=f"R{place:03}-{str(matter_id)[-12:]}", channel=channel,
                    category=category, unit_id=unit, priority=4, flags=[], status="answered", subject="",
                    place_words="", needs_person=[], received_at=came,
                )
            )  # fmt: skip
            seen.flush()
            if stood:
                seen.add(MatterUnit(matter_id=matter_id, unit_id=stood, why="placed", since=came, until=came))
            done = came + timedelta(days=days, hours=-1)
            if closed:
                seen.execute(
                    text(
                        "INSERT INTO event (id, matter_id, at, actor, what, detail)"
                        " VALUES (gen_random_uuid(), :id, :at, 'handler', 'closed', '{}')"
                    ),
                    {"id": matter_id, "at": done},
                )
            else:
                seen.add(
                    Message(
                        matter_id=matter_id, direction="outgoing", channel="email", subject="", text="",
                        problems=[], created_at=done,
                    )
                )  # fmt: skip
        seen.commit()

    return make


def test_twenty_are_told_of_with_their_number_and_period(sender, answered):
    answered(11, days=2)
    answered(9, days=12)
    sender.send(**QUESTION)
    said = sender.says()
    assert "Mellan 23 augusti 2026 och 21 november 2026 besvarades eller avslutades 20 ärenden" in said
    assert "För hälften av dem tog det högst 2 dagar." in said


def test_nineteen_are_not_told_of(sender, answered):
    answered(19)
    sender.send(**QUESTION)
    assert "För hälften" not in sender.says()


def test_the_database_itself_tells_nothing_of_nineteen(database, answered, clock):
    answered(19)
    with create_engine(database.urls["citizen"], poolclass=NullPool).connect() as connection:
        ask = text("SELECT * FROM answer_times('fraga', :since, :until)")
        values = {"since": clock.at - timedelta(days=90), "until": clock.at}
        assert connection.execute(ask, values).all() == []


def test_closing_counts_as_an_end(sender, answered):
    answered(20, days=5, closed=True)
    sender.send(**QUESTION)
    assert "högst 5 dagar" in sender.says()


@pytest.mark.parametrize(
    "others",
    [
        {"category": "klagomal"},
        {"unit": "su"},
        {"stood": "su"},
        {"ago": 200},
        {"ago": 1, "days": 1},
        {"channel": "outgoing"},
    ],
)
def test_others_are_not_counted(sender, answered, others):
    answered(19)
    answered(5, **others)
    sender.send(**QUESTION)
    assert "För hälften" not in sender.says()


def test_nothing_is_told_in_a_matter_of_crime_or_of_a_supplement(sender, answered):
    answered(20)
    answered(20, category="anmalan")
    sender.send(**THEFT)
    assert "För hälften" not in sender.says()
    first = sender.send(**QUESTION)
    sender.send(supplements_id=first.matter_id, text="En sak till.")
    assert "För hälften" not in sender.says()


def test_it_is_asked_for_once_an_hour(sender, answered, clock):
    sender.send(**QUESTION)
    assert "För hälften" not in sender.says()
    answered(20)
    assert "För hälften" not in sender.says()
    clock.at += timedelta(hours=1)
    assert "För hälften" in sender.says()


def test_a_database_that_does_not_say_at_once_keeps_the_receipt_from_nobody(
    sender, answered, database, clock, monkeypatch
):
    monkeypatch.setattr("intake.matters.waiting.ANSWERED_WITHIN", timedelta(milliseconds=50))
    answered(20)
    accepted = sender.send(**QUESTION)
    with create_engine(database.urls["owner"], poolclass=NullPool).connect() as connection:
        # Only how long others waited is read out of the events.
        connection.execute(text("LOCK TABLE event IN ACCESS EXCLUSIVE MODE"))
        said = sender.says()
    assert accepted.status_code in said
    assert "För hälften" not in said
    assert "För hälften" not in sender.says()
    clock.at += timedelta(hours=1)
    assert "För hälften" in sender.says()
