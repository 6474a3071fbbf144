"""The dispatcher's rounds: beside sending jobs it tells the log when the mail needs somebody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import redis

from intake.models import Handler, HandlerSession, LeftSecret, new_id
from tests.letters_home import letter, receive
from workers import dispatch, process


@pytest.fixture
def dispatcher(worker_app, servers, monkeypatch):
    monkeypatch.setattr(process, "app", lambda: worker_app)
    monkeypatch.setattr(dispatch, "_beside", lambda _: None)
    carrier = redis.Redis.from_url(servers[1])
    with worker_app.app_context():
        yield dispatch.Dispatcher(carrier)
    carrier.flushdb()
    carrier.close()


def test_a_letter_that_waits_too_long_is_told_once_a_minute_at_most(dispatcher, clock, caplog):
    every = dispatch.Every()
    receive(letter(sender="hemlig@example.com"), sender="hemlig@example.com")
    dispatch._round(dispatcher, every)
    assert "mail alarm" not in caplog.text
    clock.at += timedelta(minutes=11)
    for _ in range(3):
        dispatch._round(dispatcher, every)
        clock.at += timedelta(minutes=2)
    assert caplog.text.count("mail alarm: letters wait to be read: 1") == 1
    assert "hemlig" not in caplog.text


def test_sign_ins_that_have_run_out_are_ended_each_minute(dispatcher, monkeypatch, clock):
    rounds, every = [], dispatch.Every()
    monkeypatch.setattr(dispatch.access, "end_run_out", lambda: rounds.append(clock.at))
    for _ in range(4):
        dispatch._round(dispatcher, every)
        clock.at += timedelta(seconds=30)
    assert len(rounds) == 2


def test_a_queue_that_is_away_keeps_nothing_from_its_time(dispatcher, monkeypatch):
    done = []
    monkeypatch.setattr(dispatch, "_beside", done.append)
    monkeypatch.setattr(dispatch.access, "end_run_out", lambda: done.append("ended"))
    with redis.Redis(port=1) as away:
        assert dispatch._round(dispatch.Dispatcher(away), dispatch.Every()) == dispatch.AWAY_SECONDS
    beside = {dispatch.chains.seal, dispatch.upkeep, dispatch._scan_again, dispatch.by_their_days}
    assert {"ended", *beside} == set(done)


def test_a_scanner_that_hangs_holds_no_dispatcher_up(dispatcher, monkeypatch):
    asked = []
    monkeypatch.setattr(dispatch, "_beside", asked.append)
    dispatch._round(dispatcher, dispatch.Every())
    assert dispatch._scan_again in asked


def test_what_browsers_left_long_ago_is_forgotten(dispatcher, seen, clock):
    left = [LeftSecret(digest="old", at=clock() - timedelta(days=31)), LeftSecret(digest="new", at=clock())]
    seen.add_all(left)
    seen.commit()
    dispatch.upkeep()
    assert [digest for (digest,) in seen.query(LeftSecret.digest)] == ["new"]


def test_sign_ins_that_ended_long_ago_are_forgotten(dispatcher, seen):
    # The age is told by the database's own clock.
    here = datetime.now(UTC)
    seen.add(Handler(id=new_id(), email="a@example.se", name="Anna", password_hash="x", created_at=here))
    seen.flush()
    for token, days in (("old", 91), ("new", 89), ("open", None)):
        ended_at = here - timedelta(days=days) if days else None
        whose, then = seen.query(Handler.id).scalar(), here - timedelta(days=100)
        times = {"created_at": then, "seen_at": then, "expires_at": then, "ended_at": ended_at}
        seen.add(
            HandlerSession(id=new_id(), token_hash=token, handler_id=whose, stage="open", agent="", **times)
        )
    seen.commit()
    dispatch.upkeep()
    assert {token for (token,) in seen.query(HandlerSession.token_hash)} == {"new", "open"}
