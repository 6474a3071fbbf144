"""Servers that cannot move a letter: it is ours all the same, and never copied twice."""

from __future__ import annotations

import pytest

from tests import dovecot as server
from tests.fetching import go, numbered, told
from workers.imap_session import ServerRefused, Session


@pytest.fixture
def app(worker_app):
    with worker_app.app_context():
        yield worker_app


def test_a_server_that_cannot_move_is_asked_to_copy_and_to_remove_one_letter_alone(app, clock):
    with server.running(server.WITHOUT_MOVE) as old:
        mailbox = old.new_mailbox(since=None)
        old.put(mailbox, numbered(1), clock.at, (rb"\Deleted",))
        go(mailbox)
        old.put(mailbox, numbered(2), clock.at)
        assert go(mailbox) is None
        assert old.letters(mailbox) == [numbered(1)]
        assert old.letters(mailbox, "Intake") == [numbered(2)]
    assert len(told()) == 1


def test_a_letter_that_cannot_be_removed_is_copied_once(app, clock, monkeypatch):
    monkeypatch.setattr(Session, "remove", refuse)
    with server.running(server.WITHOUT_MOVE) as old:
        mailbox = old.new_mailbox()
        old.put(mailbox, numbered(1), clock.at)
        for _ in range(3):
            assert "flyttar dem inte" in go(mailbox)
        assert old.letters(mailbox, "Intake") == [numbered(1)]


def refuse(_session, _uid):
    raise ServerRefused


def test_a_server_with_no_safe_way_to_move_is_told_of_and_its_letters_are_ours(app, clock):
    with server.running("imap_capability = IMAP4rev1 IDLE") as old:
        mailbox = old.new_mailbox()
        old.put(mailbox, numbered(1), clock.at)
        assert "flyttar dem inte" in go(mailbox)
        assert "flyttar dem inte" in go(mailbox)
        assert old.letters(mailbox) == [numbered(1)]
    assert len(told()) == 1
