"""The watch over the mail: what came in, what waits, and what somebody must be told of now.

Pages, logs, commands and metrics all ask here. ``look`` costs a handful of short queries, however
much mail there is, and tells nothing of whom it is from.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import func, select

from intake.extensions import db, now, settings
from intake.mailroom import journal
from intake.matters import sending
from intake.models import Job, Letter, MailboxState, Matter, OutgoingLetter

log = logging.getLogger(__name__)

AlarmKind = Literal["silence", "waiting", "stuck", "mailbox", "repeated", "too_large"]
ALARM_KINDS: tuple[AlarmKind, ...] = ("silence", "waiting", "stuck", "mailbox", "repeated", "too_large")
# The jobs by which letters are read and sent.
LETTER_JOBS = ("parse_letter", "send_letter")
# A way in by which none of so many last letters came is not shown.
LOOKED_BACK = 2_000
MOST_SHOWN = 50
TOLD_EVERY = timedelta(hours=1)
# States of a letter of ours that is not there yet, or came to nothing.
UNSENT = ("owed", "sending", "refused", "bounced", "task")


@dataclass(frozen=True)
class Alarm:
    """Something that a person must see to, since when, and how many letters it is about."""

    kind: AlarmKind
    since: datetime
    count: int = 1
    mailbox: str | None = None

    @property
    def key(self) -> tuple[AlarmKind, str | None]:
        """What makes it the same alarm at the next look."""
        return self.kind, self.mailbox

    @property
    def words(self) -> str:
        """Tell it to an operator's log in English, without anything that anybody wrote."""
        since = f"since {self.since:%F %T}Z"
        return {
            "silence": f"no letter has come in {since}",
            "waiting": f"letters wait to be read: {self.count}, the oldest {since}",
            "stuck": f"jobs of letters gave up: {self.count}, the first {since}",
            "mailbox": f"mailbox {self.mailbox} is out of reach {since}",
            "repeated": f"letters taken up again and again from mailboxes: {self.count}, the first {since}",
            "too_large": f"letters in mailboxes are larger than we take: {self.count}, the first {since}",
        }[self.kind]


@dataclass(frozen=True)
class StuckJob:
    """A job of a letter that gave up; ``error`` is the class of the last error."""

    id: uuid.UUID
    kind: str
    subject_id: uuid.UUID
    stuck_at: datetime
    error: str | None


@dataclass(frozen=True)
class MailboxView:
    """A mailbox that is fetched: the last look that succeeded, and what is wrong, in Swedish."""

    name: str
    looked_at: datetime | None
    fault: str | None
    fault_since: datetime | None


@dataclass(frozen=True)
class RepeatedLetter:
    """A letter of a mailbox that was taken up more than three times and has not left it."""

    mailbox: str
    uid: int
    times: int
    first_seen_at: datetime


@dataclass(frozen=True)
class LargeLetter:
    """A letter of a mailbox that is larger than we take, and has not left it."""

    mailbox: str
    uid: int
    size_bytes: int | None
    first_seen_at: datetime


@dataclass(frozen=True)
class Watch:
    """What was seen at one look. ``last_in`` is when a letter last came, by its way in."""

    at: datetime
    last_in: Mapping[str, datetime]
    waiting: int
    oldest_waiting_at: datetime | None
    stuck: tuple[StuckJob, ...]
    stuck_count: int
    mailboxes: tuple[MailboxView, ...]
    repeated: tuple[RepeatedLetter, ...]
    too_large: tuple[LargeLetter, ...]
    alarms: tuple[Alarm, ...]

    @property
    def last_letter_at(self) -> datetime | None:
        """When mail last came by itself; what a handler brings says nothing of that."""
        return max((at for way, at in self.last_in.items() if way != "handler"), default=None)


def look() -> Watch:
    """Look at the mail now; reads alone, as any role but the citizens'."""
    waiting, oldest = _waiting()
    stuck, stuck_count = _stuck()
    seen = Watch(
        at=now(),
        last_in=_last_in(),
        waiting=waiting,
        oldest_waiting_at=oldest,
        stuck=stuck,
        stuck_count=stuck_count,
        mailboxes=_mailboxes(),
        repeated=tuple(
            RepeatedLetter(row.mailbox, row.uid, row.times_seen, row.first_seen_at)
            for row in journal.repeated()
        ),
        too_large=tuple(
            LargeLetter(row.mailbox, row.uid, row.size_bytes, row.first_seen_at)
            for row in journal.too_large()
        ),
        alarms=(),
    )
    silence = timedelta(minutes=settings().mail_silence_minutes)
    wait = timedelta(minutes=settings().mail_wait_minutes)
    return replace(seen, alarms=tuple(alarms_of(seen, silence=silence, wait=wait)))


def alarms_of(watch: Watch, *, silence: timedelta, wait: timedelta) -> Iterator[Alarm]:
    """Say which alarms a look gives. Zero ``silence`` is never; it counts from the last letter.

    Where no letter ever came, nobody knows yet how often one should.
    """
    last = watch.last_letter_at
    if silence and last and watch.at - last >= silence:
        yield Alarm("silence", last)
    if watch.oldest_waiting_at and watch.at - watch.oldest_waiting_at >= wait:
        yield Alarm("waiting", watch.oldest_waiting_at, watch.waiting)
    if watch.stuck:
        yield Alarm("stuck", watch.stuck[0].stuck_at, watch.stuck_count)
    for mailbox in watch.mailboxes:
        # A fault that nobody notes, since nobody fetches, shows by the age of the last look.
        since = mailbox.fault_since if mailbox.fault else mailbox.looked_at
        if since and watch.at - since >= wait:
            yield Alarm("mailbox", since, mailbox=mailbox.name)
    if watch.repeated:
        yield Alarm("repeated", watch.repeated[0].first_seen_at, len(watch.repeated))
    if watch.too_large:
        yield Alarm("too_large", watch.too_large[0].first_seen_at, len(watch.too_large))


class AlarmLog:
    """Tells the log of an alarm when it begins, once an hour while it lasts, and when it is over."""

    def __init__(self) -> None:
        self._told: dict[tuple[AlarmKind, str | None], datetime] = {}

    def tell(self, watch: Watch) -> None:
        """Tell what is new in a look."""
        lasting = {alarm.key: alarm for alarm in watch.alarms}
        for key, alarm in lasting.items():
            told_at = self._told.get(key)
            if told_at is None or watch.at - told_at >= TOLD_EVERY:
                log.warning("mail alarm: %s", alarm.words)
                self._told[key] = watch.at
        for kind, mailbox in self._told.keys() - lasting.keys():
            log.warning("mail alarm over: %s", f"{kind} {mailbox or ''}".strip())
            del self._told[kind, mailbox]


def letters_out() -> dict[str, int]:
    """Count the letters of ours that are not there yet, and those that came to nothing, by state.

    One that was sent again counts no more, nor one that we held back ourselves, since no server said no
    to it, nor of a matter that is closed.
    """
    is_pending = OutgoingLetter.state.in_(UNSENT) & OutgoingLetter.again_id.is_(None)
    is_pending &= (OutgoingLetter.state != "refused") | (OutgoingLetter.why == sending.REFUSED)
    counted = (
        select(OutgoingLetter.state, func.count())
        .join(Matter, Matter.id == OutgoingLetter.matter_id)
        .where(is_pending, Matter.closed_at.is_(None) | OutgoingLetter.state.in_(("owed", "sending")))
        .group_by(OutgoingLetter.state)
    )
    found = {row[0]: row[1] for row in db.session.execute(counted)}
    return {state: found.get(state, 0) for state in UNSENT}


def _last_in() -> dict[str, datetime]:
    newest = select(Letter.trace["protocol"].astext.label("way"), Letter.received_at)
    last = newest.order_by(Letter.received_at.desc(), Letter.id.desc()).limit(LOOKED_BACK).subquery()
    by_way = select(last.c.way, func.max(last.c.received_at)).group_by(last.c.way).order_by(last.c.way)
    return {row[0]: row[1] for row in db.session.execute(by_way)}


def _waiting() -> tuple[int, datetime | None]:
    """Count by the jobs: a letter that was taken over from last year waits since it came to us."""
    is_waiting = (Job.kind == "parse_letter", Job.done_at.is_(None), Job.stuck_at.is_(None))
    row = db.session.execute(select(func.count(), func.min(Job.created_at)).where(*is_waiting)).one()
    return row[0], row[1]


def _stuck() -> tuple[tuple[StuckJob, ...], int]:
    is_stuck = (Job.kind.in_(LETTER_JOBS), Job.done_at.is_(None), Job.stuck_at.is_not(None))
    found = select(Job, func.count().over()).where(*is_stuck).order_by(Job.stuck_at, Job.id)
    rows = db.session.execute(found.limit(MOST_SHOWN)).all()
    jobs = tuple(
        StuckJob(job.id, job.kind, job.subject_id, job.stuck_at, job.last_error)
        for job, _ in rows
        if job.stuck_at
    )
    return jobs, rows[0][1] if rows else 0


def _mailboxes() -> tuple[MailboxView, ...]:
    """Return the mailboxes of the settings; where these name none, all that were ever fetched."""
    states = select(MailboxState).order_by(MailboxState.mailbox)
    if named := [mailbox.name for mailbox in settings().mailboxes]:
        states = states.where(MailboxState.mailbox.in_(named))
    return tuple(
        MailboxView(row.mailbox, row.looked_at, row.fault, row.fault_since)
        for row in db.session.scalars(states)
    )
