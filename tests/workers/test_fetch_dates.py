"""When fetched letters came: the old is taken over, what waited for us is answered, nonsense stops none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from imapclient import IMAPClient
from imapclient.fixed_offset import FixedOffset
from sqlalchemy import select

from intake.extensions import db
from intake.models import DiaryEntry, Letter, OutgoingLetter
from tests.fetching import count, go, numbered, rows, told
from workers.imap_session import MailboxAway, Session

DAY = timedelta(days=1)
LAST_DAY = datetime(9999, 12, 31, 23, 59, tzinfo=timezone(-DAY / 2))


@pytest.fixture
def app(worker_app):
    with worker_app.app_context():
        yield worker_app


def test_an_old_letter_that_somebody_drags_in_is_registered_now_and_not_answered(app, dovecot, clock):
    mailbox = dovecot.new_mailbox()
    go(mailbox)
    dovecot.put(mailbox, numbered(1), clock.at - 2500 * DAY)
    go(mailbox)
    assert told() == ["Brev nummer 1."]
    assert count(OutgoingLetter) == 0
    assert db.session.scalars(select(DiaryEntry.year)).all() == [clock.at.year]


def test_a_letter_that_waited_while_we_were_down_is_answered(app, dovecot, clock):
    mailbox = dovecot.new_mailbox()
    go(mailbox)
    clock.at += 9 * DAY
    dovecot.put(mailbox, numbered(1), clock.at - 7 * DAY)
    dovecot.put(mailbox, numbered(2), clock.at - 11 * DAY)
    go(mailbox)
    assert told() == ["Brev nummer 2.", "Brev nummer 1."]
    assert count(OutgoingLetter) == 1


def test_a_look_that_saw_no_letters_is_none(app, dovecot, clock, monkeypatch):
    mailbox = dovecot.new_mailbox()
    go(mailbox)
    clock.at += 9 * DAY
    dovecot.put(mailbox, numbered(1), clock.at - 7 * DAY)
    with monkeypatch.context() as broken:
        broken.setattr(Session, "uids", away)
        with pytest.raises(MailboxAway):
            go(mailbox)
    go(mailbox)
    assert told() == ["Brev nummer 1."]
    assert count(OutgoingLetter) == 1


def away(*_):
    raise MailboxAway("Förbindelsen till servern bröts.")


@pytest.fixture
def describe(monkeypatch):
    """Let a server tell something else of its first letter."""

    def describe(**facts):
        fetch = IMAPClient.fetch

        def fetch_oddly(client, uids, data):
            answer = fetch(client, uids, data)
            if "INTERNALDATE" in data and 1 in answer:
                answer[1] |= {name.encode(): value for name, value in facts.items()}
            return answer

        monkeypatch.setattr(IMAPClient, "fetch", fetch_oddly)

    return describe


@pytest.mark.parametrize(
    "facts",
    [
        {"INTERNALDATE": LAST_DAY},
        {"INTERNALDATE": LAST_DAY.replace(year=1, tzinfo=UTC)},
        {"INTERNALDATE": datetime(1969, 12, 31, tzinfo=UTC)},
        {"INTERNALDATE": datetime(2026, 11, 22, tzinfo=FixedOffset(-99 * 60))},
        {"INTERNALDATE": datetime(2026, 11, 24, tzinfo=UTC)},
        {"INTERNALDATE": None, "RFC822.SIZE": 2**63},
        {"INTERNALDATE": None, "RFC822.SIZE": -1},
    ],
)
def test_a_description_that_makes_no_sense_stops_no_letter(app, dovecot, clock, describe, facts):
    mailbox = dovecot.new_mailbox()
    describe(**facts)
    for number in (1, 2):
        dovecot.put(mailbox, numbered(number), clock.at)
    go(mailbox)
    assert sorted(told()) == ["Brev nummer 1.", "Brev nummer 2."]
    assert rows()[1].internal_at is None
    assert all(at > clock.at - DAY for at in db.session.scalars(select(Letter.received_at)))


def test_a_time_without_a_zone_is_utc(app, dovecot, clock, describe):
    mailbox = dovecot.new_mailbox()
    describe(INTERNALDATE=datetime(2026, 11, 22, 8, tzinfo=UTC).replace(tzinfo=None))
    dovecot.put(mailbox, numbered(1), clock.at)
    go(mailbox)
    assert rows()[1].internal_at == datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def test_a_number_in_a_date_that_no_machine_holds_stops_no_letter(app, dovecot, clock, monkeypatch):
    mailbox, fetch = dovecot.new_mailbox(), IMAPClient.fetch

    def fetch_or_fail(client, uids, data):
        answer = fetch(client, uids, data)
        if "INTERNALDATE" in data and 1 in uids:
            raise OverflowError("signed integer is greater than maximum")
        return answer

    monkeypatch.setattr(IMAPClient, "fetch", fetch_or_fail)
    for number in (1, 2):
        dovecot.put(mailbox, numbered(number), clock.at)
    go(mailbox)
    assert [row.outcome for row in rows().values()] == ["stored", "stored"]
