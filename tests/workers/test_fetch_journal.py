"""What the journal of fetched mailboxes keeps, whoever else works at the same mailbox."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest

from intake import mailroom
from intake.extensions import db
from intake.mailroom import journal
from intake.mailroom.journal import Listed, Place
from intake.models import MailboxState
from tests.fetching import outcomes
from tests.letters_home import letter

PLACE = Place("lista", 1)


@pytest.fixture(autouse=True)
def app(worker_app):
    with worker_app.app_context():
        journal.begin(PLACE, 1, None)
        journal.note(PLACE, {5}, [Listed(5)])
        journal.take_up(PLACE, 5)
        yield worker_app


def store():
    envelope = mailroom.Envelope("", ("kontakt@example.se",), "", "imap")
    journal.stored(PLACE, 5, mailroom.receive(io.BytesIO(letter()), envelope))


def test_a_stored_letter_that_another_fetcher_moved_is_not_gone():
    store()
    journal.moved(PLACE, 5)
    journal.gone(PLACE, 5)
    assert outcomes() == ["stored"]


@pytest.mark.parametrize("refused", [False, True])
def test_a_letter_that_is_not_ours_and_not_there_is_gone(refused):
    if refused:
        journal.refused(PLACE, 5, 60_000_000)
    journal.gone(PLACE, 5)
    assert outcomes() == ["gone"]


def test_a_long_round_is_seen_to_go_on(clock):
    clock.at += timedelta(minutes=30)
    journal.take_up(PLACE, 5)
    assert clock.at - db.session.get_one(MailboxState, PLACE.mailbox).looked_at < timedelta(minutes=1)


def test_what_comes_after_a_long_letter_was_not_there_before(clock):
    """The look counts by when it was taken, however much later its last letter was in hand."""
    clock.at += timedelta(minutes=30)
    came_at = clock.at - timedelta(minutes=29)
    journal.take_up(PLACE, 5)
    journal.note(PLACE, {5, 6}, [Listed(6, came_at)])
    assert not any(due.is_import for due in journal.due(PLACE, {6}, 1000))
