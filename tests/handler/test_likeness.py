"""Matters that are like another are shown beside it: among those the person sees, and never across a wall."""

from __future__ import annotations

import re
from importlib import import_module

import pytest
from sqlalchemy import select

from intake import outbox
from intake.matters import likeness
from intake.models import AccessLog, Findable, Job, Matter, new_id
from tests import desk

COMMON = import_module("migrations.versions.0037_measured").COMMON
IBAN = "SE45 5000 0000 0583 9825 7466"


@pytest.fixture
def come(bring, worker_app):
    """Let a matter come in, and a worker read what has come."""

    def do(text, **said):
        reference = bring(
            **{"subject": "Hej", "sender_name": None, "sender_email": None, "text": text} | said
        )
        read(worker_app)
        return reference

    return do


def read(worker_app):
    with worker_app.app_context():
        for sending in outbox.take_due(100, "light"):
            if sending.kind.task == "workers.tasks.read_signs":
                claim = outbox.claim(sending.job_id, "test")
                likeness.read_signs(claim.subject_id, claim)


def similar(page):
    """Return what stands under the heading: each reference with why it stands there."""
    part = page.text.partition("<h2>Liknande ärenden</h2>")[2].partition("<h2>")[0]
    found = re.findall(r'code-line">([^<]+)<.*?"under">([^<]+)</span></li>', part, re.DOTALL)
    return dict(found)


def test_what_has_a_number_an_account_or_a_page_in_common_is_shown_with_why(anna, come):
    phone = come("Ring mig på 070-123 45 67.")
    account = come(f"Pengarna gick till {IBAN} i går.")
    page = come("Jag klickade på hxxps://www.falsk-bank[.]example/login?a=1 tyvärr.")
    address = come("Han skrev.", sender_email="bedragare@falsk.example")
    come("Något helt annat.", sender_phone="0709999999")
    new = come(
        "Nummer +46 (0)70 1234567, konto SE4550000000058398257466, sidan falsk-bank.example/,"
        " Bedragare@Falsk.example"
    )
    assert similar(anna.page(new)) == {
        phone: "Samma telefonnummer",
        account: "Samma IBAN",
        page: "Samma webbadress",
        address: "Samma e-postadress",
    }
    assert similar(anna.page(phone)) == {new: "Samma telefonnummer"}


def test_what_says_the_same_in_rare_words_is_shown(anna, come):
    said = "Säljaren skickade en mobiltelefon av gipsmassa i bubbelplast från utlämningsstället."
    first = come(said)
    come("Säljaren var trevlig.")
    again = come("Fick gipsmassan i stället för mobiltelefonen, inslagen i bubbelplasten. " + said[40:])
    assert similar(anna.page(again)) == {first: "Liknande ord"}


def test_another_side_is_never_told_of_by_any_sign(anna, sit, come, seen):
    said = f"Ring 070-123 45 67 om {IBAN} på falsk.example/x, gipsmassa i bubbelplast från utlämningsstället."
    contact = {"sender_email": "kim@example.com", "sender_phone": "0701234567"}
    own = come(said, **contact)
    north = come(said, municipality="2580", **contact)
    su = come("Polisen slog mig. " + said, category="su", addressed_unit="su", **contact)
    assert similar(anna.page(own)) == {}
    assert "Liknande ärenden" not in anna.page(own).text
    both = sit("ulla@example.se", *desk.seats("syd"), ("su", "handler"), name="Ulla Su")
    assert similar(both.page(own)) == {}
    assert similar(both.page(su)) == {}
    nils = sit("nils@example.se", ("nationell-inkorg", "national_coordinator"), name="Nils Nation")
    assert list(similar(nils.page(own))) == [north]
    seen.expire_all()
    beside = seen.scalars(select(AccessLog.matter_id).where(AccessLog.what == "beside")).all()
    assert beside == seen.scalars(select(Matter.id).where(Matter.reference == north)).all()


def test_what_was_moved_away_is_told_of_no_more(anna, sit, come):
    first, second = come("Ring 070-123 45 67."), come("Ring 070-123 45 67.")
    assert list(similar(anna.page(first))) == [second]
    nils = sit("nils@example.se", *desk.seats("nord"), name="Nils Nord")
    desk.hand_over(anna, nils, second, "nord-utredning")
    assert similar(anna.page(first)) == {}


def test_a_protected_contact_is_no_sign_for_those_who_may_not_see_it(anna, sit, come):
    protected = come(
        "Jag har skyddade personuppgifter.", sender_email="s@hemlig.example", sender_phone="0701234567"
    )
    other = come("Hon nås på s@hemlig.example.")
    assert similar(anna.page(other)) == {}
    assert similar(anna.page(protected)) == {}
    sam = sit("sam@example.se", ("syd-inkorg", "coordinator"), name="Sam Ordnare")
    assert list(similar(sam.page(other))) == [protected]
    assert list(similar(sam.page(protected))) == [other]


def test_each_that_is_shown_is_looked_at_once(anna, come, seen):
    first, second = come("Ring 070-123 45 67."), come("Ring 070-123 45 67.")
    for _ in range(2):
        anna.page(second)
    looked = select(Matter.reference).join(AccessLog, AccessLog.matter_id == Matter.id)
    assert seen.scalars(looked.where(AccessLog.what == "beside")).all() == [first]


def test_a_wave_of_the_same_page_is_told_as_a_number(anna, come):
    brought = [come(f"Se https://falsk.example/{number}") for number in range(7)]
    page = anna.page(brought[0])
    assert len(similar(page)) == 5
    assert "6 andra ärenden som du ser har samma webbadress och kom inom ett dygn från det här." in page.text


def test_signs_go_with_what_is_merged_and_stand_beside_nothing_twice(anna, come):
    first, second, third = (come("Ring 070-123 45 67.") for _ in range(3))
    anna.act(first, "sammanfor", page=anna.get(f"/arende/{first}?into={second}"), into=second)
    assert list(similar(anna.page(third))) == [second]
    assert list(similar(anna.page(second))) == [third]


def test_signs_are_digests_and_are_read_anew_without_being_doubled(come, worker_app, seen):
    reference = come("Ring 070-123 45 67.", sender_email="kim@example.com")
    mine = (
        select(Findable.signs)
        .join(Matter, Matter.id == Findable.matter_id)
        .where(Matter.reference == reference)
    )
    kept = seen.scalars(mine.where(Findable.signs.is_not(None)).order_by(Findable.kind)).all()
    assert [[sign.partition(":")[0] for sign in signs] for signs in kept] == [["email"], ["phone"]]
    assert all(re.fullmatch(r"[a-z]+:[0-9a-f]{32}", sign) for signs in kept for sign in signs)
    for job in seen.scalars(select(Job).where(Job.kind == "read_signs")):
        job.done_at = None
    seen.commit()
    read(worker_app)
    assert seen.scalars(mine.where(Findable.signs.is_not(None)).order_by(Findable.kind)).all() == kept


def test_a_word_that_many_messages_say_is_kept_no_more(anna, come, seen):
    said = "Säljaren skickade en mobiltelefon av gipsmassa i bubbelplast från utlämningsstället."
    first = come(said)
    signs = select(Findable).where(Findable.kind == "signs")
    own = seen.scalar(signs)
    common, *_ = had = sorted(own.signs)
    said_elsewhere = {"kind": "signs", "received_at": own.received_at, "units": [], "signs": [common]}
    seen.add_all(Findable(id=new_id(), matter_id=new_id(), **said_elsewhere) for _ in range(COMMON))
    seen.commit()
    again = come(said)
    its = signs.join(Matter, Matter.id == Findable.matter_id).where(Matter.reference == again)
    assert sorted(seen.scalar(its).signs) == had[1:]
    assert similar(anna.page(again)) == {first: "Liknande ord"}
