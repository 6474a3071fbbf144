"""How a mailbox is watched: news at once, an end at once, turns, and what is away is waited for."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace

import pytest
from imapclient import IMAPClient
from sqlalchemy import select

from intake.extensions import db
from intake.mailroom import journal
from intake.models import Letter, MailboxState
from tests import dovecot as server
from tests.journeys.service import free_ports
from tests.letters_home import letter
from workers import fetching
from workers.fetching import Fetcher, Pauses, Turn
from workers.imap_session import Session

PATIENCE_SECONDS = 60
# None of them is ever waited out: what should come by itself must not come by a pause's end.
LONG = Pauses(news=3600, turn=3600, first=3600)
QUICK = Pauses(news=3600, turn=0.01, first=0.01, longest=0.01)


@pytest.fixture
def app(worker_app):
    with worker_app.app_context():
        yield worker_app


@pytest.fixture
def start(app):
    """Start fetchers in threads; they end with the test, or when what is returned is called."""
    begun = []

    def start(mailbox, pauses=LONG):
        is_stopping = threading.Event()
        thread = threading.Thread(target=Fetcher(app, mailbox, is_stopping, pauses).run)
        thread.start()
        begun.append((thread, is_stopping))

        def stop():
            is_stopping.set()
            thread.join(PATIENCE_SECONDS)
            return not thread.is_alive()

        return stop

    yield start
    for thread, is_stopping in begun:
        is_stopping.set()
        thread.join()


@pytest.fixture
def told(monkeypatch):
    """Return an event that is set when a function has been called."""

    def told(place, name, is_it=lambda *_: True):
        happened, call = threading.Event(), getattr(place, name)

        def called(*args, **options):
            answer = call(*args, **options)
            if is_it(*args):
                happened.set()
            return answer

        monkeypatch.setattr(place, name, called)
        return happened

    return told


def test_a_new_letter_is_fetched_by_idle_without_waiting_for_the_poll(app, dovecot, start, told, clock):
    mailbox = dovecot.new_mailbox()
    idles, moved = told(IMAPClient, "idle"), told(journal, "moved")
    start(mailbox)
    assert idles.wait(PATIENCE_SECONDS)
    dovecot.put(mailbox, letter("Nytt brev."), clock.at)
    assert moved.wait(PATIENCE_SECONDS)


def test_a_letter_that_comes_between_the_look_and_idle_is_fetched_at_once(
    app, dovecot, start, told, clock, monkeypatch
):
    mailbox, wait, letters = dovecot.new_mailbox(), Session.wait, [letter("Nytt brev.")]

    def wait_late(*given):
        if letters:
            dovecot.put(mailbox, letters.pop(), clock.at)
        wait(*given)

    monkeypatch.setattr(Session, "wait", wait_late)
    moved = told(journal, "moved")
    start(mailbox)
    assert moved.wait(PATIENCE_SECONDS)


def test_without_idle_the_mailbox_is_asked_again_and_again(app, start, told, clock):
    with server.running("imap_capability = IMAP4rev1 MOVE NAMESPACE LITERAL+") as old:
        mailbox = old.new_mailbox()
        waits, moved = told(Session, "wait"), told(journal, "moved")
        stop = start(mailbox, replace(LONG, news=0.01))
        assert waits.wait(PATIENCE_SECONDS)
        old.put(mailbox, letter("Nytt brev."), clock.at)
        assert moved.wait(PATIENCE_SECONDS)
        assert stop()


def test_it_ends_at_once_though_it_waits_for_news(app, dovecot, start, told):
    idles = told(IMAPClient, "idle")
    stop = start(dovecot.new_mailbox())
    assert idles.wait(PATIENCE_SECONDS)
    assert stop()


def test_a_mailbox_that_is_down_stops_no_other_and_its_fault_is_told(app, dovecot, start, told, clock):
    down, well = dovecot.new_mailbox(port=free_ports(1)[0]), dovecot.new_mailbox()
    dovecot.put(well, letter("Nytt brev."), clock.at)
    complained = told(journal, "complain", lambda *given: given[0] == down.name)
    moved = told(journal, "moved")
    start(down)
    start(well)
    assert complained.wait(PATIENCE_SECONDS)
    assert moved.wait(PATIENCE_SECONDS)
    state = db.session.get_one(MailboxState, down.name)
    assert (state.fault, state.looked_at) == ("Servern svarar inte.", None)
    assert state.fault_since


def test_a_fault_that_is_over_is_told_no_longer(app, dovecot, start, told):
    mailbox = dovecot.new_mailbox()
    mailbox.password_file.write_text("fel\n")
    refused = told(journal, "complain", lambda *given: given[1] == "Inloggningen nekades.")
    well = told(journal, "complain", lambda *given: given[1] is None)
    start(mailbox, QUICK)
    assert refused.wait(PATIENCE_SECONDS)
    mailbox.password_file.write_text(server.PASSWORD)
    assert well.wait(PATIENCE_SECONDS)
    state = db.session.get_one(MailboxState, mailbox.name)
    assert (state.fault, state.fault_since) == (None, None)


class Impatient(threading.Event):
    """Notes how long it is asked to wait, and waits for nothing."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def wait(self, timeout=None):
        self.asked.append(timeout)
        return self.is_set()


def test_letters_that_cannot_be_read_make_nobody_wait_longer_and_longer(app, dovecot, clock, monkeypatch):
    mailbox, is_stopping = dovecot.new_mailbox(), Impatient()
    for number in range(4):
        dovecot.put(mailbox, letter(f"Brev nummer {number}."), clock.at)
    for number in range(3):
        dovecot.file_of(mailbox, f"Brev nummer {number}.".encode()).chmod(0)
    monkeypatch.setattr(Session, "wait", lambda *_: is_stopping.set())
    fetcher = threading.Thread(target=Fetcher(app, mailbox, is_stopping, Pauses(first=7)).run)
    fetcher.start()
    fetcher.join()
    assert set(is_stopping.asked) == {7}
    assert len(dovecot.letters(mailbox, "Intake")) == 1


def test_a_connection_that_dies_is_made_again(app, dovecot, start, told, clock, monkeypatch):
    mailbox, sessions, look = dovecot.new_mailbox(), [], Session.look
    monkeypatch.setattr(Session, "look", lambda session: sessions.append(session) or look(session))
    idles, moved = told(IMAPClient, "idle"), told(journal, "moved")
    start(mailbox, QUICK)
    assert idles.wait(PATIENCE_SECONDS)
    sessions[0]._client.socket().shutdown(2)
    dovecot.put(mailbox, letter("Nytt brev."), clock.at)
    assert moved.wait(PATIENCE_SECONDS)
    assert len(set(map(id, sessions))) > 1


def test_one_works_and_another_takes_over_when_it_is_gone(app, dovecot, start, told, clock):
    mailbox = dovecot.new_mailbox()
    dovecot.put(mailbox, letter("Nytt brev."), clock.at)
    waited, moved = told(Turn, "is_ours"), told(journal, "moved")
    first = Turn(mailbox.name)
    assert first.is_ours()
    waited.clear()
    start(mailbox, QUICK)
    assert waited.wait(PATIENCE_SECONDS)
    assert not moved.is_set()
    # What the end of its process does.
    first._connection.connection.dbapi_connection.close()
    assert moved.wait(PATIENCE_SECONDS)
    first.give_up()


def test_two_fetchers_of_one_mailbox_move_each_letter_once(app, dovecot, start, told, clock):
    mailbox = dovecot.new_mailbox()
    for number in range(60):
        dovecot.put(mailbox, letter(f"Brev nummer {number}."), clock.at)
    moved = told(journal, "moved", lambda *given: given[1] == 60)
    for _ in range(2):
        start(mailbox, QUICK)
    assert moved.wait(PATIENCE_SECONDS)
    assert len(list(db.session.scalars(select(Letter)))) == 60
    assert len(dovecot.letters(mailbox, "Intake")) == 60


def test_a_database_that_is_away_is_waited_for(app, dovecot, start, told, clock, monkeypatch):
    mailbox, take_up, losses = dovecot.new_mailbox(), journal.take_up, [1, 1]
    dovecot.put(mailbox, letter("Nytt brev."), clock.at)

    def lose_it(place, uid):
        if losses:
            losses.pop()
            db.session.connection().connection.dbapi_connection.close()
        take_up(place, uid)

    monkeypatch.setattr(journal, "take_up", lose_it)
    moved = told(journal, "moved")
    start(mailbox, QUICK)
    assert moved.wait(PATIENCE_SECONDS)
    assert losses == []


def test_a_fault_of_our_own_is_told_and_the_mailbox_is_tried_again(app, dovecot, start, told, monkeypatch):
    mailbox, note, faults = dovecot.new_mailbox(), journal.note, [ValueError("ours")]

    def fail_once(*given):
        if faults:
            raise faults.pop()
        note(*given)

    monkeypatch.setattr(journal, "note", fail_once)
    complained = told(journal, "complain", lambda *given: given[1] == fetching.UNEXPECTED)
    well = told(journal, "complain", lambda *given: given[1] is None)
    start(mailbox, QUICK)
    assert complained.wait(PATIENCE_SECONDS)
    assert well.wait(PATIENCE_SECONDS)


def test_the_process_watches_every_mailbox_that_is_set(app, dovecot, told, clock):
    mailboxes = dovecot.new_mailbox(), dovecot.new_mailbox()
    for number, mailbox in enumerate(mailboxes):
        dovecot.put(mailbox, letter(f"Brev nummer {number}."), clock.at)
    moved = [
        told(journal, "moved", lambda place, _, name=mailbox.name: place.mailbox == name)
        for mailbox in mailboxes
    ]
    app.extensions["settings"] = replace(app.extensions["settings"], mailboxes=mailboxes)
    is_stopping = threading.Event()
    process = threading.Thread(target=fetching.run, args=(app, is_stopping))
    process.start()
    with contextlib.ExitStack() as stack:
        stack.callback(process.join)
        stack.callback(is_stopping.set)
        assert all(one.wait(PATIENCE_SECONDS) for one in moved)
