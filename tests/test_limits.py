"""Counting within a window: exact, apart, and under digests that change with the day."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from intake import limits

HOUR = timedelta(hours=1)


@pytest.fixture(params=["citizen", "handler"])
def app(make_app, request):
    app = make_app("citizen", request.param)
    with app.app_context():
        yield app


def test_each_hit_is_one_more(app):
    assert [limits.hit("send", "192.0.2.1", window=HOUR) for _ in range(3)] == [1, 2, 3]
    assert limits.count("send", "192.0.2.1", window=HOUR) == 3


def test_keys_and_deeds_are_counted_apart(app):
    limits.hit("send", "192.0.2.1", window=HOUR)
    assert limits.hit("send", "192.0.2.2", window=HOUR) == 1
    assert limits.hit("status", "192.0.2.1", window=HOUR) == 1


def test_a_new_window_begins_from_nothing(app, clock):
    limits.hit("send", "192.0.2.1", window=HOUR)
    clock.at += HOUR
    assert limits.hit("send", "192.0.2.1", window=HOUR) == 1


def test_what_is_stored_tells_nothing_and_changes_with_the_day(app, clock, database):
    limits.hit("send", "192.0.2.1", window=HOUR)
    clock.at += timedelta(days=1)
    limits.hit("send", "192.0.2.1", window=HOUR)
    with create_engine(database.urls["owner"], poolclass=NullPool).connect() as connection:
        keys = connection.scalars(text("SELECT key_hash FROM limit_count")).all()
    assert len(set(keys)) == 2
    assert all(len(key) == 64 and "192" not in key[:3] for key in keys)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("inte en adress", "unknown"),
        (None, "unknown"),
    ],
)
def test_an_ipv6_sender_is_its_64(address, network):
    assert limits.network_of(address) == network
