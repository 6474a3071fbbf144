"""Who else is at a matter: told to those who have it open, and to nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from intake import access
from intake.access.person import IDLE_LIMIT
from intake.models import AccessLog, HandlerSession, Presence
from tests import desk
from workers import dispatch


@pytest.fixture
def bertil(sit):
    return sit("bertil.syd@example.se", *desk.seats("syd"), name="Bertil Sand")


@pytest.fixture
def nora(sit):
    return sit("nora.nord@example.se", *desk.seats("nord"), name="Nora Berg")


def tell(person, reference, **words):
    return person.post(f"/arende/{reference}/narvaro", page=person.get("/konto"), **words)


def test_a_page_says_who_had_the_matter_open_when_it_was_loaded(anna, bertil, bring):
    reference = bring()
    assert "läser." not in desk.text_of(anna.page(reference))
    assert "Anna Lindgren läser." in desk.text_of(bertil.page(reference))


def test_an_open_page_is_told_who_writes(anna, bertil, bring):
    reference = bring()
    anna.page(reference), bertil.page(reference)
    assert tell(anna, reference, is_writing="y").json == {"words": "Bertil Sand läser."}
    assert tell(bertil, reference).json == {"words": "Anna Lindgren skriver svar."}
    assert tell(anna, reference).json == {"words": "Bertil Sand läser."}
    assert tell(bertil, reference).json == {"words": "Anna Lindgren läser."}


def test_after_fifteen_seconds_nobody_is_there(anna, bertil, bring, seen, worker_app):
    reference = bring()
    anna.page(reference)
    seen.execute(text("UPDATE presence SET at = at - interval '16 seconds'"))
    seen.commit()
    assert "läser." not in desk.text_of(bertil.page(reference))
    with worker_app.app_context():
        access.forget_absent()
    assert [row.units for row in seen.query(Presence)] == [["syd-kontaktcenter"]]


def test_the_worker_sweeps_who_is_gone_each_minute(monkeypatch, worker_app):
    swept = []
    monkeypatch.setattr(dispatch.access, "forget_absent", lambda: swept.append(True))
    with worker_app.app_context():
        dispatch.each_minute(dispatch.watch.AlarmLog())
    assert swept == [True]


def test_nobody_of_another_unit_tells_or_is_told(anna, nora, bring, seen):
    reference = bring()
    anna.page(reference)
    assert tell(nora, reference, is_writing="y").status_code == 404
    assert seen.query(Presence).count() == 1
    assert seen.query(AccessLog).filter_by(what="refused").count() == 0


def test_who_has_not_looked_is_told_nothing(anna, bertil, bring):
    reference = bring()
    anna.page(reference)
    assert tell(bertil, reference).status_code == 404


def test_who_was_there_is_not_told_where_the_matter_went(anna, nora, bring):
    reference = bring()
    anna.act(reference, "ta")
    anna.act(reference, "lamna-over", receiver="nord-kontaktcenter", why="Gäller Luleå.")
    nora.act(reference, "ta-emot")
    assert "Anna Lindgren läser." not in desk.text_of(nora.page(reference))
    assert tell(anna, reference).status_code == 404


def test_a_page_without_its_token_tells_nothing(anna, bertil, bring, seen):
    reference = bring()
    anna.page(reference)
    assert anna.client.post(f"/arende/{reference}/narvaro", data={"is_writing": "y"}).status_code == 422
    assert [row.doing for row in seen.query(Presence)] == ["reading"]


def test_a_page_that_is_left_open_keeps_no_session_alive(anna, bring, seen, clock):
    reference = bring()
    anna.page(reference)
    token = desk.token_in(anna.get("/konto"))
    used = seen.query(HandlerSession.seen_at).scalar()
    seen.rollback()
    at = f"/arende/{reference}/narvaro"
    clock.at += IDLE_LIMIT - timedelta(minutes=1)
    assert anna.client.post(at, data={"csrf_token": token}).status_code == 200
    assert seen.query(HandlerSession.seen_at).scalar() == used
    clock.at += timedelta(minutes=2)
    assert anna.client.post(at, data={"csrf_token": token}).status_code == 403
    assert anna.get("/").location == "/logga-in"


def test_to_be_present_leaves_no_row_in_the_access_log(anna, bring, seen):
    reference = bring()
    anna.page(reference)
    before = seen.query(AccessLog).filter(AccessLog.matter_id.is_not(None)).count()
    seen.rollback()
    tell(anna, reference)
    assert seen.query(AccessLog).filter(AccessLog.matter_id.is_not(None)).count() == before


@pytest.mark.parametrize("role", ["citizen", "handler", "door", "worker"])
def test_no_role_asks_the_table_itself(database, role):
    with (
        create_engine(database.urls[role], poolclass=NullPool).connect() as here,
        pytest.raises(ProgrammingError, match="permission denied"),
    ):
        here.execute(text("SELECT FROM presence"))
