"""Mailboxes fetched from a real Dovecot: each letter is ours once, and then out of the way."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from intake.extensions import db
from intake.mailroom import journal
from intake.models import Fetched, Letter, MailboxState, OutgoingLetter
from intake.storage import FolderStorage
from tests import dovecot as server
from tests.fetching import count, go, numbered, outcomes, rows, told
from tests.letters_home import letter
from workers import fetch_round, imap_session
from workers.fetching import Fetcher, Pauses
from workers.imap_session import Session


@pytest.fixture
def app(worker_app):
    with worker_app.app_context():
        yield worker_app


@pytest.fixture
def put(app, dovecot, clock):
    """Lay numbered letters into a mailbox, a minute apart unless told when they came."""

    def put(mailbox, *numbers, came_at=None, **headers):
        for number in numbers:
            at = came_at or clock.at - timedelta(hours=5) + timedelta(minutes=number)
            dovecot.put(mailbox, numbered(number, **headers), at)

    return put


@pytest.fixture
def fetch(app, monkeypatch):
    """Fetch a mailbox as the service does, with new connections, till nothing is left to do."""

    def fetch(mailbox):
        is_stopping = threading.Event()
        monkeypatch.setattr(Session, "wait", lambda *_: is_stopping.set())
        fetcher = threading.Thread(target=Fetcher(app, mailbox, is_stopping, Pauses(first=0)).run)
        fetcher.start()
        fetcher.join()

    return fetch


def test_a_letter_is_stored_as_it_came_and_then_moved(app, dovecot, clock):
    mailbox, came_at = dovecot.new_mailbox(), clock.at.replace(microsecond=0) - timedelta(hours=3)
    dovecot.put(mailbox, numbered(1), came_at)
    assert go(mailbox) is None
    [stored] = db.session.scalars(select(Letter))
    assert (stored.received_at, stored.trace["mailbox"], stored.trace["uid"]) == (came_at, mailbox.name, 1)
    assert dovecot.letters(mailbox) == []
    assert dovecot.letters(mailbox, "Intake") == [numbered(1)]
    assert told() == ["Brev nummer 1."]


def test_a_clock_of_the_servers_that_is_fast_receives_nothing_in_the_future(app, dovecot, put, clock):
    mailbox = dovecot.new_mailbox()
    put(mailbox, 1, came_at=clock.at + timedelta(days=2))
    go(mailbox)
    assert db.session.scalars(select(Letter.received_at)).one() <= clock.at


def test_the_journal_says_where_each_letter_went(app, dovecot, put):
    mailbox = dovecot.new_mailbox()
    put(mailbox, 1, 2)
    go(mailbox)
    for row in rows().values():
        stored = db.session.get_one(Letter, row.letter_id)
        assert (row.outcome, row.digest, row.size_bytes) == ("stored", stored.sha256, stored.size_bytes)
        assert (row.times_seen, row.mailbox) == (1, mailbox.name)
        assert row.moved_at


def test_what_another_program_has_read_is_fetched_and_no_flag_is_touched(app, dovecot, put):
    mailbox = dovecot.new_mailbox()
    put(mailbox, 1, 2)
    with dovecot.client(mailbox) as other:
        other.select_folder("INBOX")
        other.add_flags([1], [rb"\Seen", rb"\Flagged"])
    go(mailbox)
    flags = [set(found[b"FLAGS"]) - {rb"\Recent"} for found in dovecot.look(mailbox, "Intake")]
    assert flags == [{rb"\Seen", rb"\Flagged"}, set()]
    assert len(told()) == 2


def test_from_now_on_nothing_old_is_imported(app, dovecot, put):
    mailbox = dovecot.new_mailbox(since=None)
    put(mailbox, 1, 2)
    go(mailbox)
    put(mailbox, 3)
    go(mailbox)
    assert told() == ["Brev nummer 3."]
    assert len(dovecot.letters(mailbox)) == 2


def test_an_import_from_a_day_on_leaves_what_is_older_and_sends_no_receipts(app, dovecot, put, clock):
    mailbox = dovecot.new_mailbox(since=(clock.at - timedelta(days=9)).date())
    put(mailbox, 1, came_at=clock.at - timedelta(days=20))
    put(mailbox, 2, came_at=clock.at - timedelta(days=5))
    put(mailbox, 3, came_at=clock.at - timedelta(hours=5))
    go(mailbox)
    assert told() == ["Brev nummer 2.", "Brev nummer 3."]
    assert dovecot.letters(mailbox) == [numbered(1)]
    # Only the one of today is answered.
    assert count(OutgoingLetter) == 1


def test_what_comes_after_the_first_look_is_fetched_however_old_its_date_is(app, dovecot, put, clock):
    mailbox = dovecot.new_mailbox(since=clock.at.date())
    go(mailbox)
    put(mailbox, 1, came_at=clock.at - timedelta(days=400))
    go(mailbox)
    assert told() == ["Brev nummer 1."]


def test_the_oldest_letter_is_stored_first_whatever_its_number(app, dovecot, put, clock):
    mailbox = dovecot.new_mailbox()
    for number, hours in ((1, 1), (2, 3), (3, 2)):
        put(mailbox, number, came_at=clock.at - timedelta(hours=hours))
    go(mailbox)
    by_letter = select(Letter.trace["uid"].as_integer()).order_by(Letter.id)
    assert list(db.session.scalars(by_letter)) == [2, 3, 1]


def test_a_letter_in_the_middle_of_a_hundred_stops_no_other(app, dovecot, put, fetch, clock):
    mailbox = dovecot.new_mailbox()
    put(mailbox, *range(100))
    dovecot.file_of(mailbox, b"Brev nummer 50.").chmod(0)
    fetch(mailbox)
    assert len(told()) == 99
    assert [uid for uid, row in rows().items() if row.outcome == "seen"] == [51]
    dovecot.file_of(mailbox, b"Brev nummer 50.").chmod(0o600)
    clock.at += 2 * journal.RARELY
    fetch(mailbox)
    assert len(told()) == 100
    assert len(dovecot.letters(mailbox, "Intake")) == 100


def test_a_letter_that_the_server_cannot_even_describe_stops_no_other(app, dovecot, put, fetch, clock):
    mailbox = dovecot.new_mailbox()
    put(mailbox, 1, 3, came_at=clock.at - timedelta(days=3))
    put(mailbox, 2)
    # Without its size in its name the file must be read to be described.
    hidden = dovecot.file_of(mailbox, b"Brev nummer 3.")
    hidden = hidden.rename(hidden.with_name(hidden.name.partition(",")[0]))
    for cache in hidden.parents[1].glob("dovecot*"):
        cache.unlink()
    hidden.chmod(0)
    fetch(mailbox)
    assert sorted(told()) == ["Brev nummer 1.", "Brev nummer 2."]
    assert sorted(outcomes()) == ["seen", "stored", "stored"]
    # What lay there from before is known as such all the same.
    assert count(OutgoingLetter) == 1


def test_whatever_is_asked_in_portions_is_asked_of_all(app, dovecot, put, monkeypatch):
    mailbox = dovecot.new_mailbox()
    put(mailbox, *range(7))
    for name, portion in (("SEARCHED_UIDS", 2), ("ASKED_AT_ONCE", 3), ("PIECE_BYTES", 50)):
        monkeypatch.setattr(imap_session, name, portion)
    go(mailbox)
    assert dovecot.letters(mailbox, "Intake") == [numbered(number) for number in range(7)]
    assert len(told()) == 7


def test_a_letter_that_is_too_large_stays_and_is_told_of(app, dovecot, put, clock, caplog):
    mailbox = dovecot.new_mailbox()
    big = letter("x " * 3_000_000)
    put(mailbox, 1)
    dovecot.put(mailbox, big, clock.at)
    put(mailbox, 3)
    limit_to(app, 2_000_000)
    go(mailbox)
    go(mailbox)
    assert outcomes() == ["stored", "refused", "stored"]
    assert rows()[2].times_seen == 1
    assert dovecot.letters(mailbox) == [big]
    assert "letter 2 is too large" in caplog.text
    limit_to(app, 50_000_000)
    go(mailbox)
    assert outcomes() == ["stored"] * 3


def limit_to(app, size_bytes):
    settings = app.extensions["settings"]
    files = replace(settings.tables.files, max_letter_bytes=size_bytes)
    app.extensions["settings"] = replace(settings, tables=replace(settings.tables, files=files))


def test_a_full_disk_ends_the_round_and_the_next_one_goes_on(app, dovecot, put, tmp_path):
    mailbox, storage = dovecot.new_mailbox(), app.extensions["storage"]
    put(mailbox, 1, 2)
    app.extensions["storage"] = FolderStorage(tmp_path / "full", low_disk_bytes=1 << 60)
    assert "Lagringen är full" in go(mailbox)
    assert db.session.get_one(MailboxState, mailbox.name).fault_since
    assert count(Letter) == 0
    app.extensions["storage"] = storage
    assert go(mailbox) is None
    assert db.session.get_one(MailboxState, mailbox.name).fault is None
    assert len(told()) == 2


def test_the_very_same_bytes_twice_are_one_matter_and_both_are_moved(app, dovecot, put):
    mailbox, other = dovecot.new_mailbox(), dovecot.new_mailbox()
    put(mailbox, 1, 1)
    put(other, 1)
    go(mailbox)
    go(other)
    assert len(told()) == 1
    assert len({row.letter_id for row in db.session.scalars(select(Fetched))}) == 1
    assert (len(dovecot.letters(mailbox, "Intake")), len(dovecot.letters(other, "Intake"))) == (2, 1)


def test_a_message_id_that_is_used_again_hides_no_other_letter(app, dovecot, clock):
    mailbox = dovecot.new_mailbox()
    for words in ("Paketet är på väg.", "Paketet är framme."):
        dovecot.put(mailbox, letter(words, Message_ID="<same@example.com>"), clock.at)
    go(mailbox)
    assert sorted(told()) == ["Paketet är framme.", "Paketet är på väg."]


def test_letters_that_are_numbered_anew_are_stored_once_and_none_is_passed_over(app, dovecot, put):
    mailbox = dovecot.new_mailbox(folder="Post", since=None)
    with dovecot.client(mailbox) as client:
        client.create_folder("Post")
    go(mailbox)
    put(mailbox, 1)
    go(mailbox)
    with dovecot.client(mailbox) as client:
        client.delete_folder("Post")
        client.create_folder("Post")
    put(mailbox, 1, 2)
    go(mailbox)
    assert told() == ["Brev nummer 1.", "Brev nummer 2."]
    assert dovecot.letters(mailbox) == []
    kept = db.session.execute(select(Fetched.uidvalidity, func.count()).group_by(Fetched.uidvalidity))
    assert sorted(number for _, number in kept) == [1, 2]


def test_a_letter_that_was_numbered_anew_is_no_alarm_under_its_old_number(app, dovecot, put, fetch):
    mailbox = dovecot.new_mailbox(folder="Post")
    with dovecot.client(mailbox) as client:
        client.create_folder("Post")
        put(mailbox, 1)
        dovecot.file_of(mailbox, b"Brev nummer 1.").chmod(0)
        fetch(mailbox)
        assert journal.repeated()
        client.delete_folder("Post")
        client.create_folder("Post")
    fetch(mailbox)
    assert not journal.repeated()


def test_a_letter_that_somebody_takes_away_is_noted_as_gone(app, dovecot, put, monkeypatch):
    mailbox, write = dovecot.new_mailbox(), Session.write_letter
    put(mailbox, 1, 2)

    def write_letter(session, letter, *rest):
        if letter.uid == 1:
            dovecot.file_of(mailbox, b"Brev nummer 2.").unlink()
        write(session, letter, *rest)

    monkeypatch.setattr(Session, "write_letter", write_letter)
    go(mailbox)
    go(mailbox)
    assert outcomes() == ["stored", "gone"]


def test_two_fetchers_at_once_double_nothing_even_without_taking_turns(app, dovecot, put, monkeypatch):
    mailbox = dovecot.new_mailbox()
    put(mailbox, *range(60))

    def fetch():
        with app.app_context():
            go(mailbox)

    fetchers = [threading.Thread(target=fetch) for _ in range(2)]
    for one in fetchers:
        one.start()
    for one in fetchers:
        one.join()
    assert sorted(told()) == sorted(f"Brev nummer {number}." for number in range(60))
    assert dovecot.letters(mailbox) == []
    assert set(dovecot.letters(mailbox, "Intake")) == {numbered(number) for number in range(60)}


def test_a_letter_that_is_seen_again_and_again_is_an_alarm(app, dovecot, put, fetch, caplog):
    mailbox = dovecot.new_mailbox()
    put(mailbox, 1, 2)
    dovecot.file_of(mailbox, b"Brev nummer 1.").chmod(0)
    with caplog.at_level(logging.WARNING, "intake.mailroom.journal"):
        fetch(mailbox)
    assert f"letter 1 of mailbox {mailbox.name} was taken up 4 times" in caplog.text
    assert [row.uid for row in journal.repeated()] == [1]


def test_a_long_way_is_gone_in_several_rounds(app, dovecot, put, fetch, monkeypatch):
    mailbox = dovecot.new_mailbox()
    put(mailbox, 1, 2, 3)
    monkeypatch.setattr(fetch_round, "ROUND_SECONDS", 0)
    go(mailbox)
    assert outcomes() == ["stored", "seen", "seen"]
    fetch(mailbox)
    assert outcomes() == ["stored"] * 3


def test_the_bytes_are_the_servers_whatever_size_they_have(app, dovecot, clock):
    mailbox = dovecot.new_mailbox()
    raws = [letter("x" * size + "é") for size in ((1 << 20) - 400, 1 << 20, 2_500_000)]
    raws += [head + b"y" * ((1 << 20) - len(head)) for head in [b"Subject: whole\r\n\r\n"]]
    for raw in raws:
        dovecot.put(mailbox, raw, clock.at)
    go(mailbox)
    assert [row.size_bytes for row in rows().values()] == [len(raw) for raw in raws]
    assert dovecot.letters(mailbox, "Intake") == raws


def test_nothing_of_a_letter_stands_in_the_log(app, dovecot, put, fetch, caplog):
    mailbox = dovecot.new_mailbox()
    put(mailbox, 1, 2)
    dovecot.file_of(mailbox, b"Brev nummer 1.").chmod(0)
    with caplog.at_level(logging.INFO):
        fetch(mailbox)
    for secret in ("kim@", "Kim", "Cykel", "nummer", server.PASSWORD):
        assert secret not in caplog.text
