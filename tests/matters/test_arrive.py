"""Accepting a form: one transaction, once, placed, numbered, with what follows."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from intake import drafts, routing
from intake.extensions import db
from intake.matters import arrive, incoming
from intake.models import (
    Arrival,
    Attachment,
    DiaryEntry,
    Job,
    MailAddress,
    Matter,
    MatterUnit,
    Message,
    OutgoingLetter,
    PlacementRecord,
)
from tests.letters_home import deliver, letter


@pytest.fixture
def app(make_app):
    app = make_app("citizen")
    with app.app_context():
        yield app


@pytest.fixture
def draft(app):
    return make_draft()


def make_draft():
    draft_id = drafts.begin("key")
    return draft_id, drafts.get(draft_id, "key").address_token


def submission(clock, **changes):
    made = incoming.Submission(
        channel="form",
        subject="Cykel",
        text="Min cykel stals utanför stationen.",
        received_at=clock(),
        sender_email="kim@example.com",
        category="anmalan",
        place="municipality",
        municipality="1280",
        wants_receipt=True,
    )
    return replace(made, **changes)


def accept(draft, submission):
    draft_id, _token = draft
    its = select(MailAddress.id, MailAddress.matter_id).where(MailAddress.draft_id == draft_id)
    row = db.session.execute(its).one()
    address = incoming.Address(row.id, row.matter_id, None, is_revoked=False)
    digest = hashlib.sha256(submission.text.encode()).hexdigest()
    return arrive.accept(draft_id, address, submission, digest)


def test_an_accepted_form_is_whole_in_one_commit(app, draft, clock, seen):
    file = incoming.IncomingFile("bild.jpg", "draft/1", 3, "0" * 64, "image/jpeg")
    accepted = accept(draft, submission(clock, files=(file,)))
    matter = seen.scalars(select(Matter)).one()
    assert (matter.reference, matter.unit_id, matter.region) == (
        accepted.reference,
        "syd-kontaktcenter",
        "syd",
    )
    for table in (Arrival, Message, Attachment, DiaryEntry, MatterUnit, PlacementRecord, OutgoingLetter):
        assert seen.scalar(select(func.count()).select_from(table)) == 1, table
    assert sorted(seen.scalars(select(Job.kind))) == ["check_file", "read_signs", "send_letter"]


def test_numbers_follow_each_other_and_the_year_turns_at_midnight_in_stockholm(app, clock, seen):
    for at in (
        datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 0, 1, tzinfo=UTC),
        datetime(2027, 1, 1, 5, tzinfo=UTC),
    ):
        accept(make_draft(), submission(clock, received_at=at))
    numbers = seen.execute(
        select(DiaryEntry.year, DiaryEntry.number).order_by(DiaryEntry.year, DiaryEntry.number)
    )
    assert numbers.all() == [(2026, 1), (2027, 1), (2027, 2)]


def test_the_form_joins_the_matter_that_a_letter_to_its_address_made(app, draft, clock, seen, make_app):
    with make_app("citizen", "worker").app_context():
        deliver(letter("Filen som inte gick att ladda upp."), f"arende+{draft[1]}@example.se")
    accepted = accept(draft, submission(clock, sender_name="Kim"))
    matter = seen.scalars(select(Matter)).one()
    assert (matter.reference, matter.unit_id) == (accepted.reference, "syd-kontaktcenter")
    assert seen.scalar(select(func.count()).select_from(Message)) == 2
    assert seen.scalar(select(func.count()).select_from(MatterUnit).where(MatterUnit.until.is_(None))) == 1


def test_a_form_that_joins_brings_its_marks_and_its_own_sender(app, draft, clock, seen, make_app):
    with make_app("citizen", "worker").app_context():
        deliver(letter("Filen."), f"arende+{draft[1]}@example.se")
    marks = ("many_in_short_time", "maybe_robot")
    joining = submission(
        clock, sender_email=None, sender_phone="070-1", wants_receipt=False, needs_person=marks
    )
    accept(draft, joining)
    matter = seen.scalars(select(Matter)).one()
    assert tuple(matter.needs_person) == marks
    assert (matter.sender_name, matter.sender_email, matter.sender_phone) == (None, None, "070-1")


def test_a_supplement_brings_its_marks_and_changes_nobody_and_is_owed_no_receipt(app, draft, clock, seen):
    first = accept(draft, submission(clock))
    draft_id = drafts.begin("key", supplements_id=first.matter_id)
    more = submission(
        clock, sender_email="eva@example.org", is_supplement=True, needs_person=("maybe_robot",)
    )
    accept((draft_id, drafts.get(draft_id, "key").address_token), more)
    matter = seen.scalars(select(Matter)).one()
    assert (matter.needs_person, matter.sender_email) == (["maybe_robot"], "kim@example.com")
    assert seen.scalars(select(OutgoingLetter.recipient)).all() == ["kim@example.com"]


@pytest.mark.parametrize(
    ("wants", "owed"), [(True, ["eva@example.org", "kim@example.com"]), (False, ["eva@example.org"])]
)
def test_a_form_that_joins_is_owed_the_receipt_that_it_asked_for(
    app, draft, clock, seen, make_app, wants, owed
):
    with make_app("citizen", "worker").app_context():
        deliver(letter("Filen.", sender="eva@example.org"), f"arende+{draft[1]}@example.se")
    accept(draft, submission(clock, wants_receipt=wants))
    assert sorted(seen.scalars(select(OutgoingLetter.recipient)).all()) == owed


def test_a_rule_that_fails_sends_the_matter_to_a_person_and_is_tried_again(
    app, draft, clock, seen, monkeypatch
):
    def broken(facts, rules):
        raise ZeroDivisionError

    monkeypatch.setattr(routing, "place", broken)
    accept(draft, submission(clock))
    matter = seen.scalars(select(Matter)).one()
    assert matter.category == "oklart"
    assert "place_again" in seen.scalars(select(Job.kind)).all()


@pytest.mark.parametrize(
    ("changes", "owed"),
    [
        ({}, 1),
        ({"wants_receipt": False}, 0),
        ({"sender_email": None}, 0),
        ({"category": "nara_relation", "wants_receipt": None}, 0),
        ({"category": "nara_relation", "wants_receipt": True}, 1),
    ],
)
def test_a_receipt_by_mail_is_owed_only_where_it_may_be_sent(app, draft, clock, seen, changes, owed):
    accept(draft, submission(clock, **changes))
    assert seen.scalar(select(func.count()).select_from(OutgoingLetter)) == owed


def test_a_form_without_a_heading_is_named_by_its_first_words(app, draft, clock, seen):
    accept(draft, submission(clock, subject="", text="\n\n  Hej   på er  \nmer"))
    assert seen.scalars(select(Matter.subject)).one() == "Hej på er"
