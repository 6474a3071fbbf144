"""The journal of letters: each that came in, by which way, to which address of ours, and where it went.

It tells an operator where a letter is. Who wrote it, of what and in which matter it stands is told
only where the first wall lets the person see that matter, and then nothing of where else it went.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, cast, func, join, literal, select, tuple_
from sqlalchemy.orm import aliased

from intake.access import Person, visible
from intake.extensions import STOCKHOLM, db, now
from intake.handler import sides
from intake.handler.cursors import Cursor
from intake.mailroom.journal import WAS_RENUMBERED
from intake.models import Arrival, Fetched, Job, Letter, Matter, Message

PAGE_ROWS = 25
# An address stands in no index, so without days of its own a search goes so far back.
ADDRESS_DAYS = 30
# Letters of mailboxes that are not ours are shown so far back.
NOT_RECEIVED_DAYS = 30


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

    ``job_id`` is the job that gave up on it, with the class of its last error.
    """

    id: uuid.UUID
    received_at: datetime
    way: str
    addresses: tuple[str, ...]
    size_bytes: int
    sha256: str
    is_read: bool
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


@dataclass(frozen=True)
class JournalPage:
    """A page of the journal and the cursor of the next, None on the last."""

    rows: tuple[JournalRow, ...]
    next: Cursor | None


def read_journal(
    person: Person, sought: Sought, *, after: Cursor | None = None, rows: int = PAGE_ROWS
) -> JournalPage:
    """Return the letters that are looked for, the newest first."""
    found = db.session.execute(_letters(person, sought, after, rows + 1)).all()
    shown = found[:rows]
    ids = [letter.id for letter, *_ in shown]
    addresses = _addresses(person, ids)
    told, is_whole = _outcomes(person, ids, addresses)
    # Where a letter lay tells of the side to which it came.
    uids = _uids([letter for letter, *_ in shown if letter.id in is_whole])
    page = tuple(
        JournalRow(
            id=letter.id,
            received_at=letter.received_at,
            way=str(letter.trace.get("protocol")),
            addresses=tuple(name for _, name in addresses.get(letter.id, ())),
            size_bytes=letter.size_bytes,
            sha256=letter.sha256,
            is_read=letter.parsed_at is not None,
            problems=tuple(letter.problems),
            job_id=job_id,
            error=error,
            outcomes=told.get(letter.id, ()),
            uids=uids.get(letter.id, ()),
        )
        for letter, job_id, error in shown
    )
    last = page[-1] if len(found) > rows else None
    return JournalPage(page, Cursor(last.received_at, last.id) if last else None)


def count_problems(person: Person, since: datetime) -> int:
    """Count the letters since a time that could not be read whole, or had something odd about them."""
    is_odd = (Letter.received_at >= since, func.cardinality(Letter.problems) > 0, sides.is_told(person))
    return db.session.scalar(select(func.count()).select_from(Letter).where(*is_odd)) or 0


def not_received(since: datetime) -> Sequence[Fetched]:
    """Return the letters of mailboxes since a time that are no letters of ours, the newest first.

    Of those that are too large the watch tells.
    """
    is_other = (Fetched.outcome == "gone") | ((Fetched.outcome == "seen") & ~WAS_RENUMBERED)
    others = select(Fetched).where(is_other, Fetched.first_seen_at >= since)
    return db.session.scalars(others.order_by(Fetched.first_seen_at.desc()).limit(PAGE_ROWS)).all()


def matters_of(person: Person, letter_id: uuid.UUID) -> list[str]:
    """Return the references of a letter's matters that the person may see."""
    told, _ = _outcomes(person, [letter_id], {})
    return sorted({outcome.seen.reference for outcome in told.get(letter_id, ()) if outcome.seen})


def _letters(person: Person, sought: Sought, after: Cursor | None, rows: int) -> Select[Any, Any, Any]:
    order = (Letter.received_at, Letter.id)
    # The job is found by its unique name.
    is_job = Job.dedupe == literal("parse_letter:") + cast(Letter.id, Text)
    query = select(Letter, Job.id, Job.last_error).outerjoin(Job, and_(is_job, Job.stuck_at.is_not(None)))
    query = query.where(sides.is_told(person), *_conditions(person, sought))
    if after:
        query = query.where(tuple_(*order) < tuple_(literal(after.received_at), literal(after.id)))
    return query.order_by(*(column.desc() for column in order)).limit(rows)


def _conditions(person: Person, sought: Sought) -> Iterable[ColumnElement[bool]]:
    since, until = sought.since, sought.until
    if sought.address and not (since or until):
        since = (now() - timedelta(days=ADDRESS_DAYS)).astimezone(STOCKHOLM).date()
    if sought.address:
        yield sides.is_told_to(person, sought.address.lower())
    if sought.digest:
        yield Letter.sha256 == sought.digest.lower()
    if sought.message_id:
        yield Letter.message_id_header == f"<{sought.message_id.strip('<>')}>"
    if since:
        yield Letter.received_at >= _midnight(since)
    if until:
        yield Letter.received_at < _midnight(until) + timedelta(days=1)
    if sought.only_problems:
        yield func.cardinality(Letter.problems) > 0


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), STOCKHOLM)


def _addresses(person: Person, letter_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[tuple[str, str]]]:
    """Return each letter's addresses that are told, with the destinations to which they led."""
    found: dict[uuid.UUID, list[tuple[str, str]]] = {}
    for row in db.session.execute(sides.told_addresses(person, letter_ids)):
        found.setdefault(row.id, []).append((row.destination, row.name))
    return found


def _outcomes(
    person: Person, letter_ids: Sequence[uuid.UUID], addresses: Mapping[uuid.UUID, list[tuple[str, str]]]
) -> tuple[dict[uuid.UUID, tuple[Outcome, ...]], set[uuid.UUID]]:
    """Return what each letter became, as far as it is told, and the letters of which all is told."""
    first = aliased(Arrival)
    may_see = join(Message, Matter, and_(Matter.id == Message.matter_id, visible(person)))
    told = (Matter.id, Matter.reference, Message.subject, Message.sender_name, Message.sender_email)
    came = (Arrival.letter_id, Arrival.destination, Arrival.message_id, Arrival.duplicate_of_id)
    arrivals: Select[Any] = (
        select(*came)
        .add_columns(sides.is_walled(person).label("is_walled"), *told)
        .outerjoin(first, first.id == Arrival.duplicate_of_id)
        .outerjoin(may_see, Message.id == func.coalesce(Arrival.message_id, first.message_id))
        .where(Arrival.letter_id.in_(letter_ids))
        .order_by(Arrival.destination)
    )
    rows = db.session.execute(arrivals).all()
    names_writer = {row.letter_id for row in rows if row[5]}
    found: dict[uuid.UUID, tuple[Outcome, ...]] = {}
    is_whole = set(letter_ids)
    for row in rows:
        seen = Seen(*row[5:]) if row[5] else None
        if seen is None and (row.is_walled or row.letter_id in names_writer):
            is_whole.discard(row.letter_id)
            continue
        led = tuple(name for to, name in addresses.get(row.letter_id, ()) if to == row.destination)
        outcome = Outcome(row.message_id is not None, row.duplicate_of_id is not None, seen, led)
        found[row.letter_id] = (*found.get(row.letter_id, ()), outcome)
    return found, is_whole


def _uids(letters: Sequence[Letter]) -> dict[uuid.UUID, tuple[Uid, ...]]:
    """Return where each letter lay; the same bytes may be another letter, on another side."""
    is_theirs = (
        Fetched.digest.in_({letter.sha256 for letter in letters}),
        Fetched.letter_id.in_([letter.id for letter in letters]),
    )
    found: dict[uuid.UUID, tuple[Uid, ...]] = {}
    for row in db.session.scalars(select(Fetched).where(*is_theirs).order_by(Fetched.mailbox, Fetched.uid)):
        if row.letter_id:
            found[row.letter_id] = (*found.get(row.letter_id, ()), Uid(row.mailbox, row.uid))
    return found
