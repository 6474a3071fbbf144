"""The journal of letters: each that came in, by which way, to which address of ours, and where it went.

It tells an operator where a letter is. Who wrote it, of what and in which matter it stands is told
only where the first wall lets the person see that matter, and then nothing of where else it went.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import select, text

from intake import access
from intake.access import Person, visible
from intake.extensions import STOCKHOLM, db, now
from intake.handler import sides
from intake.handler.cursors import Cursor
from intake.mailroom.journal import LEFT
from intake.matters import protected
from intake.models import Fetched, Letter, Matter, Message

PAGE_ROWS = 25
# An address stands in no index, so without days of its own a search goes so far back.
ADDRESS_DAYS = 30
# Letters of mailboxes that are not ours are shown so far back.
NOT_RECEIVED_DAYS = 30
_JOURNAL = text(
    "SELECT * FROM letter_journal(:address, :digest, :message_id, :since, :until, :only_problems, :before,"
    " :before_id, :most)"
)
_UIDS = text("SELECT * FROM letter_uids(CAST(:letters AS uuid[]))")
_ODD = text("SELECT count_odd_letters(:since)")


@dataclass(frozen=True)
class Sought:
    """What is looked for: an address of ours or its local part, a SHA-256, a Message-ID, days, faults."""

    address: str = ""
    digest: str = ""
    message_id: str = ""
    since: date | None = None
    until: date | None = None
    only_problems: bool = False


@dataclass(frozen=True)
class Seen:
    """What a person who may see the matter is told of a letter in it."""

    matter_id: uuid.UUID
    reference: str
    subject: str
    sender_name: str | None
    sender_email: str | None
    is_protected: bool


@dataclass(frozen=True)
class Outcome:
    """What a letter became at one destination: a message, a copy of what was known, or nothing yet.

    ``addresses`` are those of ours that led there.
    """

    is_message: bool
    is_copy: bool
    seen: Seen | None
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Uid:
    """Where a letter lay in a mailbox that is fetched."""

    mailbox: str
    uid: int


@dataclass(frozen=True)
class JournalRow:
    """One letter, as far as the person may be told of it.

    ``job_id`` is the job that gave up on it, with the class of its last error. ``problems`` may quote the
    letter: they are told in words where the person sees its matter, else only how many they are.
    """

    id: uuid.UUID
    received_at: datetime
    way: str
    addresses: tuple[str, ...]
    size_bytes: int
    sha256: str
    is_read: bool
    problem_count: int
    problems: tuple[str, ...]
    job_id: uuid.UUID | None
    error: str | None
    outcomes: tuple[Outcome, ...]
    uids: tuple[Uid, ...]

    @property
    def seen(self) -> tuple[Seen, ...]:
        """What of it the person may see, each matter once."""
        seen = [outcome.seen for outcome in self.outcomes if outcome.seen]
        return tuple({each.matter_id: each for each in seen}.values())

    @property
    def remarks(self) -> tuple[str, ...]:
        """The problems as they are told: not when they may quote who is protected."""
        return (protected.REMARKS,) if any(seen.is_protected for seen in self.seen) else self.problems


@dataclass(frozen=True)
class JournalPage:
    """A page of the journal and the cursor of the next, None on the last."""

    rows: tuple[JournalRow, ...]
    next: Cursor | None


def read_journal(
    person: Person, sought: Sought, *, after: Cursor | None = None, rows: int = PAGE_ROWS
) -> JournalPage:
    """Return the letters that are looked for, the newest first. Commits.

    Whoever is told who wrote has looked at that matter.
    """
    found = db.session.execute(_JOURNAL, _asked(sought, after, rows + 1)).all()
    shown = found[:rows]
    ids = [row.id for row in shown]
    addresses = sides.told_addresses(ids)
    outcomes, problems = _outcomes(person, ids, addresses)
    uids = _uids(ids)
    page = tuple(
        JournalRow(
            id=row.id,
            received_at=row.received_at,
            way=row.way,
            addresses=tuple(told.name for told in addresses if told.letter_id == row.id),
            size_bytes=row.size_bytes,
            sha256=row.sha256,
            is_read=row.is_read,
            problem_count=row.problems,
            problems=problems.get(row.id, ()),
            job_id=row.job_id,
            error=row.error,
            outcomes=outcomes.get(row.id, ()),
            uids=uids.get(row.id, ()),
        )
        for row in shown
    )
    last = page[-1] if len(found) > rows else None
    return JournalPage(page, Cursor(last.received_at, last.id) if last else None)


def count_problems(since: datetime) -> int:
    """Count the letters since a time that could not be read whole, or had something odd about them."""
    return db.session.scalar(_ODD, {"since": since}) or 0


def not_received(since: datetime) -> Sequence[Fetched]:
    """Return the letters of mailboxes since a time that are no letters of ours, the newest first.

    Of those that are too large the watch tells.
    """
    others = select(LEFT).where(LEFT.outcome.in_(("gone", "seen")), LEFT.first_seen_at >= since)
    return db.session.scalars(others.order_by(LEFT.first_seen_at.desc()).limit(PAGE_ROWS)).all()


def matters_of(person: Person, letter_id: uuid.UUID) -> list[str]:
    """Return the references of a letter's matters that the person may see."""
    ids = {side.matter_id for side in sides.told_sides([letter_id]) if side.matter_id}
    return sorted(access.seen_matters(person, ids=ids))


def _asked(sought: Sought, after: Cursor | None, most: int) -> dict[str, object]:
    since, until = sought.since, sought.until
    if sought.address and not (since or until):
        since = (now() - timedelta(days=ADDRESS_DAYS)).astimezone(STOCKHOLM).date()
    return {
        "address": sought.address.lower() or None,
        "digest": sought.digest.lower() or None,
        "message_id": f"<{sought.message_id.strip('<>')}>" if sought.message_id else None,
        "since": _midnight(since) if since else None,
        "until": _midnight(until) + timedelta(days=1) if until else None,
        "only_problems": sought.only_problems,
        "before": after.received_at if after else None,
        "before_id": after.id if after else None,
        "most": most,
    }


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), STOCKHOLM)


def _outcomes(
    person: Person, letter_ids: Sequence[uuid.UUID], addresses: Iterable[sides.ToldAddress]
) -> tuple[dict[uuid.UUID, tuple[Outcome, ...]], dict[uuid.UUID, tuple[str, ...]]]:
    """Return what each letter became, as far as it is told, and what is odd about those that are seen.

    Who wrote and of what is read after the look that opens it.
    """
    told = sides.told_sides(letter_ids)
    access.look_at_journal(side.matter_id for side in told if side.matter_id)
    seen = _seen(person, [side.message_id for side in told if side.message_id])
    led: dict[tuple[uuid.UUID, str], tuple[str, ...]] = {}
    for address in addresses:
        way = address.letter_id, address.destination
        led[way] = (*led.get(way, ()), address.name)
    found: dict[uuid.UUID, tuple[Outcome, ...]] = {}
    for side in told:
        is_seen = seen.get(side.message_id) if side.message_id else None
        outcome = Outcome(
            side.is_message, side.is_copy, is_seen, led.get((side.letter_id, side.destination), ())
        )
        found[side.letter_id] = (*found.get(side.letter_id, ()), outcome)
    return found, _problems([side.letter_id for side in told if side.message_id])


def _seen(person: Person, message_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Seen]:
    """Return what is told of these messages to a person who has looked at their matters."""
    wrote = (Message.subject, Message.sender_name, Message.sender_email)
    asked = select(Message.id, Matter.id, Matter.reference, Matter.flags, *wrote)
    asked = asked.join(Matter, Matter.id == Message.matter_id).where(
        Message.id.in_(message_ids), visible(person)
    )
    return {row[0]: _told(*row[1:]) for row in db.session.execute(asked)}


def _told(matter_id: uuid.UUID, reference: str, flags: list[str], subject: str, *sender: str | None) -> Seen:
    name, email = sender
    return Seen(
        matter_id,
        reference,
        subject,
        protected.shown("sender_name", name, flags),
        protected.shown("sender_email", email, flags),
        is_protected=protected.is_protected(flags),
    )


def _problems(letter_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, tuple[str, ...]]:
    rows = db.session.execute(select(Letter.id, Letter.problems).where(Letter.id.in_(letter_ids)))
    return {row[0]: tuple(row[1]) for row in rows}


def _uids(letter_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, tuple[Uid, ...]]:
    """Return where each letter lay, as far as it is told."""
    found: dict[uuid.UUID, tuple[Uid, ...]] = {}
    for row in db.session.execute(_UIDS, {"letters": list(letter_ids)}):
        found[row.letter_id] = (*found.get(row.letter_id, ()), Uid(row.mailbox, row.uid))
    return found
