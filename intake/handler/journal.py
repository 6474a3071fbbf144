"""The journal of letters: each that came in, by which way, to which address of ours, and where it went.

It tells an operator where a letter is. Who wrote it, of what and in which matter it stands is told
only where the first wall lets the person see that matter.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, cast, func, join, literal, or_, select, tuple_
from sqlalchemy.orm import aliased

from intake.access import Person, visible
from intake.extensions import STOCKHOLM, db, now
from intake.handler.cursors import Cursor
from intake.mailroom.journal import WAS_RENUMBERED
from intake.models import Arrival, Fetched, Job, Letter, Matter, Message

PAGE_ROWS = 50
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
    """What a letter became at one destination: a message, a copy of what was known, or nothing yet."""

    is_message: bool
    is_copy: bool
    seen: Seen | None


@dataclass(frozen=True)
class Uid:
    """Where a letter lay in a mailbox that is fetched."""

    mailbox: str
    uid: int


@dataclass(frozen=True)
class JournalRow:
    """One letter. ``job_id`` is the job that gave up on it, with the class of its last error."""

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
    found = db.session.execute(_letters(sought, after, rows + 1)).all()
    shown = found[:rows]
    ids = [letter.id for letter, *_ in shown]
    outcomes = _outcomes(person, ids)
    uids = _uids({letter.sha256 for letter, *_ in shown})
    page = tuple(
        JournalRow(
            id=letter.id,
            received_at=letter.received_at,
            way=str(letter.trace.get("protocol")),
            addresses=tuple(letter.envelope_to),
            size_bytes=letter.size_bytes,
            sha256=letter.sha256,
            is_read=letter.parsed_at is not None,
            problems=tuple(letter.problems),
            job_id=job_id,
            error=error,
            outcomes=outcomes.get(letter.id, ()),
            uids=uids.get(letter.sha256, ()),
        )
        for letter, job_id, error in shown
    )
    last = page[-1] if len(found) > rows else None
    return JournalPage(page, Cursor(last.received_at, last.id) if last else None)


def count_problems(since: datetime) -> int:
    """Count the letters since a time that could not be read whole, or had something odd about them."""
    is_odd = (Letter.received_at >= since, func.cardinality(Letter.problems) > 0)
    return db.session.scalar(select(func.count()).select_from(Letter).where(*is_odd)) or 0


def not_received(since: datetime) -> Sequence[Fetched]:
    """Return the letters of mailboxes since a time that are no letters of ours, the newest first."""
    is_other = (Fetched.outcome == "gone") | ((Fetched.outcome != "stored") & ~WAS_RENUMBERED)
    others = select(Fetched).where(is_other, Fetched.first_seen_at >= since)
    return db.session.scalars(others.order_by(Fetched.first_seen_at.desc()).limit(PAGE_ROWS)).all()


def matters_of(person: Person, letter_id: uuid.UUID) -> list[str]:
    """Return the references of a letter's matters that the person may see."""
    return sorted({seen.reference for outcome in outcomes_of(person, letter_id) if (seen := outcome.seen)})


def outcomes_of(person: Person, letter_id: uuid.UUID) -> Sequence[Outcome]:
    """Return what one letter became at each of its destinations."""
    return _outcomes(person, [letter_id]).get(letter_id, ())


def _letters(sought: Sought, after: Cursor | None, rows: int) -> Select[Any, Any, Any]:
    order = (Letter.received_at, Letter.id)
    # The job is found by its unique name.
    is_job = Job.dedupe == literal("parse_letter:") + cast(Letter.id, Text)
    query = select(Letter, Job.id, Job.last_error).outerjoin(Job, and_(is_job, Job.stuck_at.is_not(None)))
    query = query.where(*_conditions(sought))
    if after:
        query = query.where(tuple_(*order) < tuple_(literal(after.received_at), literal(after.id)))
    return query.order_by(*(column.desc() for column in order)).limit(rows)


def _conditions(sought: Sought) -> Iterable[ColumnElement[bool]]:
    since, until = sought.since, sought.until
    if sought.address and not (since or until):
        since = (now() - timedelta(days=ADDRESS_DAYS)).astimezone(STOCKHOLM).date()
    if sought.address:
        yield _is_to(sought.address.lower())
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


def _is_to(address: str) -> ColumnElement[bool]:
    """Return the condition that a letter came to an address, or to its local part with any token."""
    to = func.unnest(Letter.envelope_to).table_valued("name").render_derived()
    name = func.lower(to.c.name)
    is_same = name == address
    if "@" not in address:
        local = func.split_part(name, "@", 1)
        is_same = or_(local == address, func.split_part(local, "+", 1) == address)
    return select(literal(1)).select_from(to).where(is_same).correlate(Letter).exists()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), STOCKHOLM)


def _outcomes(person: Person, letter_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, tuple[Outcome, ...]]:
    first = aliased(Arrival)
    may_see = join(Message, Matter, and_(Matter.id == Message.matter_id, visible(person)))
    told = (Matter.id, Matter.reference, Message.subject, Message.sender_name, Message.sender_email)
    rows = db.session.execute(
        select(Arrival.letter_id, Arrival.message_id, Arrival.duplicate_of_id, *told)
        .outerjoin(first, first.id == Arrival.duplicate_of_id)
        .outerjoin(may_see, Message.id == func.coalesce(Arrival.message_id, first.message_id))
        .where(Arrival.letter_id.in_(letter_ids))
        .order_by(Arrival.destination)
    )
    found: dict[uuid.UUID, list[Outcome]] = {}
    for row in rows:
        seen = Seen(*row[3:]) if row[3] else None
        outcome = Outcome(row.message_id is not None, row.duplicate_of_id is not None, seen)
        found.setdefault(row.letter_id, []).append(outcome)
    return {letter_id: tuple(outcomes) for letter_id, outcomes in found.items()}


def _uids(digests: Iterable[str]) -> dict[str, tuple[Uid, ...]]:
    rows = db.session.scalars(
        select(Fetched).where(Fetched.digest.in_(digests)).order_by(Fetched.mailbox, Fetched.uid)
    )
    found: dict[str, list[Uid]] = {}
    for row in rows:
        found.setdefault(row.digest or "", []).append(Uid(row.mailbox, row.uid))
    return {digest: tuple(uids) for digest, uids in found.items()}
