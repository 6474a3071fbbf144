"""The dispatcher's rounds: beside sending jobs it tells the log when the mail needs somebody."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis

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


def test_a_scanner_that_hangs_holds_no_dispatcher_up(dispatcher, monkeypatch):
    asked = []
    monkeypatch.setattr(dispatch, "_beside", asked.append)
    dispatch._round(dispatcher, dispatch.Every())
    assert dispatch._scan_again in asked
