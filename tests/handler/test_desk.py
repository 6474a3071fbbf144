"""The desk: filters and orders, the next free matter, rests, several at once, views, who has how much."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from intake.extensions import db
from intake.handler import queries
from intake.matters import arrive
from intake.matters import desk as services
from intake.matters.incoming import Submission
from intake.models import Event, Handler, Matter
from tests import desk
from tests.handler.test_inbox import references

DANGER = {"text": "Någon bryter sig in hos mig just nu, hjälp!", "subject": "Inbrott pågår"}


@pytest.fixture
def bo(sit):
    return sit("bo.syd@example.se", *desk.seats("syd"), name="Bo Ek")


@pytest.fixture
def claim(handler_app, seen):
    """Claim the next matter as a service does, in a session of the person's own, and return its id."""

    def take(email, units=("syd-kontaktcenter", "syd-inkorg")):
        handler_id = seen.scalars(select(Handler.id).where(Handler.email == email)).one()
        seen.rollback()
        with desk.seated(handler_app, handler_id):
            return services.claim_next(units)

    return take


def test_the_next_matter_is_the_most_pressing_one_that_nobody_has(anna, bring):
    bring()
    urgent = bring(**DANGER)
    answer = anna.post("/nasta", page=anna.get("/"))
    assert answer.location == f"/arende/{urgent}"
    assert "Anna Lindgren" in desk.text_of(anna.get(answer.location))


def test_two_who_ask_for_the_next_never_get_the_same(anna, bo, bring):
    brought = {bring(), bring()}
    taken = {each.post("/nasta", page=each.get("/")).location.rpartition("/")[2] for each in (anna, bo)}
    assert taken == brought
    answer = anna.post("/nasta", page=anna.get("/"))
    assert answer.location == "/"
    assert "Inget ledigt ärende väntar" in desk.text_of(anna.get("/"))


def test_a_matter_that_a_colleague_is_taking_just_now_is_left_to_that_colleague(anna, bring, claim, seen):
    first, second = bring(), bring()
    held = select(Matter.id).where(Matter.reference == first).with_for_update()
    with seen.connection().engine.connect() as colleague, colleague.begin():
        colleague.execute(held)
        taken = claim("anna.syd@example.se")
    assert seen.scalars(select(Matter.reference).where(Matter.id == taken)).one() == second


def test_what_rests_is_not_in_the_inbox_nor_next_until_its_day(anna, bring, clock):
    reference = bring()
    day = f"{(clock.at + timedelta(days=3)).date()}"
    anna.act(reference, "pausa", until=day)
    assert references(anna.get("/")) == []
    assert references(anna.get("/?visa=pausade")) == [reference]
    assert anna.post("/nasta", page=anna.get("/")).location == "/"
    clock.at += timedelta(days=4)
    anna.sign_in()
    assert references(anna.get("/")) == [reference]


def test_what_comes_in_wakes_what_rests(anna, bring, clock, worker_app, seen):
    reference = bring()
    anna.act(reference, "pausa", until=f"{(clock.at + timedelta(days=3)).date()}")
    matter_id = seen.scalars(select(Matter.id).where(Matter.reference == reference)).one()
    with worker_app.app_context():
        more = Submission(channel="email", subject="Mer", text="Jag hittade kvittot.", received_at=clock.at)
        arrive.add_message(matter_id, more)
        db.session.commit()
    assert references(anna.get("/")) == [reference]


@pytest.mark.parametrize("until", ["", "2020-01-01", "2099-01-01", "i morgon"])
def test_a_rest_wants_a_day_that_is_to_come(anna, bring, until):
    reference = bring()
    answer = anna.act(reference, "pausa", until=until)
    assert answer.status_code == 422
    assert references(anna.get("/")) == [reference]


def test_filters_stand_in_the_address_and_narrow(anna, bring):
    plain, urgent = bring(), bring(**DANGER)
    anna.act(plain, "ta")
    assert references(anna.get("/?visa=lediga")) == [urgent]
    assert references(anna.get("/?flagga=emergency_now")) == [urgent]
    assert references(anna.get("/?visa=forsenade")) == []
    assert references(anna.get("/?ordning=aldst")) == [plain, urgent]
    assert references(anna.get("/?ordning=nyast")) == [urgent, plain]
    assert references(anna.get("/?typ=finns-inte")) == []


@pytest.mark.parametrize("order", ["behov", "aldst", "nyast", "frist"])
def test_pages_in_every_order_walk_through_every_matter_once(anna, bring, monkeypatch, order):
    brought = {bring() for _ in range(5)}
    monkeypatch.setattr(queries.inbox, "__kwdefaults__", {"rows": 2})
    walked, path = [], f"/?ordning={order}"
    while path:
        page = anna.get(path)
        walked += references(page)
        path = desk.following(page)
    assert len(walked) == 5
    assert set(walked) == brought


def test_a_row_says_how_the_person_began_and_that_nobody_here_has_read_it(anna, bring):
    reference = bring(text="Jag såg\n  det hända.")
    page = desk.text_of(anna.get("/"))
    assert "Jag såg det hända." in page
    assert "Oläst" in page
    anna.page(reference)
    assert "Oläst" not in desk.text_of(anna.get("/"))


def test_several_are_taken_at_once_and_what_a_colleague_has_is_told(anna, bo, bring):
    first, second = bring(), bring()
    bo.act(second, "ta")
    anna.post("/markerade", page=anna.get("/"), ref=[first, second], gor="take")
    page = desk.text_of(anna.get("/"))
    assert "1 ärende har tagits." in page
    assert f"{second}: En kollega har redan tagit det." in page
    assert references(anna.get("/?visa=mina")) == [first]


def test_another_units_matter_among_those_ticked_is_not_there(anna, bring):
    others = bring(municipality="2480")
    anna.post("/markerade", page=anna.get("/"), ref=[others], gor="take")
    assert f"{others}: Ärendet finns inte längre i dina inkorgar." in desk.text_of(anna.get("/"))


def test_a_view_is_shared_with_the_unit_alone(anna, bo, sit, bring):
    anna.post("/vyer?visa=lediga&flagga=emergency_now", page=anna.get("/?visa=lediga&flagga=emergency_now"),
              name="Fara, lediga", unit="syd-kontaktcenter")  # fmt: skip
    nora = sit("nora@example.se", *desk.seats("nord"), name="Nora Nord")
    assert "Fara, lediga" in desk.text_of(bo.get("/"))
    assert "Fara, lediga" not in desk.text_of(nora.get("/"))


def test_what_is_new_is_counted_and_asked_for_once(anna, bring, clock):
    bring()
    page = anna.get("/")
    address = desk.news_of(page)
    before = anna.get(address)
    clock.at += timedelta(minutes=1)
    bring()
    after = anna.get(address)
    assert (before.json["new"], after.json["new"], after.json["words"]) == (0, 1, "1 nytt ärende")
    assert anna.get(address, headers={"If-None-Match": after.headers["ETag"]}).status_code == 304


def test_a_coordinator_sees_who_has_how_much(anna, sit, bring):
    bring()
    anna.act(bring(), "ta")
    cora = sit("cora@example.se", ("syd-kontaktcenter", "coordinator"), name="Cora Syd")
    words = desk.text_of(cora.get("/belastning"))
    assert "Anna Lindgren" in words
    assert "Ingen än" in words
    assert anna.get("/belastning").status_code == 404


def test_history_says_that_it_was_taken_as_the_next(anna, bring, seen):
    bring()
    anna.post("/nasta", page=anna.get("/"))
    assert seen.scalars(select(Event.detail).where(Event.what == "taken")).one() == {"next": True}
    assert seen.scalars(select(Matter.status)).one() == "in_progress"
