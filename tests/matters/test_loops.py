"""Machines that answer machines: whatever writes to us, it is kept, and nothing goes round and round."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from sqlalchemy import select

from intake import create_app
from intake.extensions import db
from intake.matters.sending import RECEIPTS_A_DAY
from intake.models import Message, OutgoingLetter
from tests.letters_home import Post, deliver, letter, matters
from tests.matters.mailing import send_all
from workers import process

HUMAN = letter("När har ni öppet?", sender="Registrator <kontakt@other.example>")
MARKS = re.compile(rb"^(Auto-Submitted|X-Auto-Response-Suppress):.*\r\n", re.MULTILINE)


class House:
    """An authority that runs this service."""

    def __init__(self, app, monkeypatch):
        self.app, self.monkeypatch, self.post = app, monkeypatch, app.extensions["post"]

    def answers(self, raw, to, sender=""):
        """Take a letter in, and return those that go out because of it."""
        self.post.sent.clear()
        self.monkeypatch.setattr(process, "app", lambda: self.app)
        with self.app.app_context():
            deliver(raw, to, sender=sender)
            send_all()
        return [(sent.message.as_bytes(), sent.recipients[0], sent.envelope_from) for sent in self.post.sent]


@pytest.fixture
def houses(make_app, settings, database, clock, monkeypatch):
    """Two authorities, each with domain and keys of its own."""
    authority = replace(settings.tables.authority, mail_domains=("other.example",))
    tables = replace(settings.tables, authority=authority)
    there = replace(
        settings, tables=tables, address_keys=(b"b" * 32,), surface="citizen", database_urls=database.urls
    )
    ours, other = (
        make_app("citizen", "worker", post=Post()),
        create_app(there, role="worker", clock=clock, post=Post()),
    )
    yield {"example.se": House(ours, monkeypatch), "other.example": House(other, monkeypatch)}
    with other.app_context():
        db.session.remove()
        db.engine.dispose()


def letters_between(houses, change):
    """Return how many letters of the two go back and forth after a person's; ten are for ever."""
    underway, count = [(HUMAN, "kontakt@example.se", "kontakt@other.example")], 0
    while underway and count < 10:
        raw, to, sender = change(*underway.pop())
        new = houses[to.rpartition("@")[2]].answers(raw, to, sender)
        underway += new
        count += len(new)
    return count


def test_two_services_that_answer_each_other_stop_after_one_letter(houses):
    assert letters_between(houses, lambda *letter: letter) == 1


def test_they_stop_after_two_also_where_a_relay_takes_the_marks_away(houses):
    def careless(raw, to, _sender):
        return MARKS.sub(b"", raw), to, "relay@relay.example"

    assert letters_between(houses, careless) == 2


@pytest.fixture
def ours(make_app, monkeypatch):
    house = House(make_app("citizen", "worker", post=Post()), monkeypatch)
    with house.app.app_context():
        yield house


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied (vacation)"},
        {"Auto_Submitted": "auto-generated; owner=x"},
        {"Precedence": "bulk"},
        {"List_Id": "<nyheter.example.com>"},
        {"X_Auto_Response_Suppress": "All"},
    ],
    ids=str,
)
def test_a_machines_letter_is_a_matter_and_gets_no_answer(ours, headers):
    assert ours.answers(letter(**headers), "kontakt@example.se", "kim@example.com") == []
    assert len(matters()) == 1


def test_a_letter_from_nobody_is_a_matter_and_gets_no_answer(ours):
    assert ours.answers(letter(), "kontakt@example.se", "") == []
    assert len(matters()) == 1


def test_a_letter_in_our_own_name_gets_no_answer(ours):
    forged = letter(sender="Oss <Syd@Example.se>")
    assert ours.answers(forged, "kontakt@example.se", "kim@example.com") == []
    assert len(matters()) == 1


def test_a_vacation_answer_to_our_receipt_joins_the_matter_and_ends_there(ours):
    ((receipt, *_),) = ours.answers(letter(), "kontakt@example.se", "kim@example.com")
    identity = re.search(rb"^Message-ID: (.*)\r$", receipt, re.MULTILINE)[1].decode()
    sender = re.search(rb"^Reply-To: (.*)\r$", receipt, re.MULTILINE)[1].decode()
    away = letter("Jag är på semester.", Auto_Submitted="auto-replied", In_Reply_To=identity)
    assert ours.answers(away, sender, "") == []
    assert len(matters()) == 1
    assert db.session.query(Message).count() == 2


def test_a_matter_is_acknowledged_once_however_often_its_person_writes(ours):
    ((receipt, *_),) = ours.answers(letter(), "kontakt@example.se", "kim@example.com")
    sender = re.search(rb"^Reply-To: (.*)\r$", receipt, re.MULTILINE)[1].decode()
    for number in range(3):
        assert ours.answers(letter(f"Mer: {number}"), sender, "kim@example.com") == []


def test_an_address_is_acknowledged_so_often_a_day_however_it_is_written(ours):
    answers = [
        ours.answers(letter(f"Nummer {number}", sender=sender), "kontakt@example.se", "x@example.com")
        for number in range(RECEIPTS_A_DAY)
        for sender in ("kim@example.com", "KIM@Example.COM")
    ]
    assert sum(map(len, answers)) == RECEIPTS_A_DAY
    assert len(matters()) == 2 * RECEIPTS_A_DAY
    assert set(db.session.scalars(select(OutgoingLetter.why))) == {None, "daily cap"}
