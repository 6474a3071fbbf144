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

from sqlalchemy import select, text

from intake.extensions import db, now, settings
from intake.mailroom import journal
from intake.matters import sending
from intake.models import MailboxState

log = logging.getLogger(__name__)

AlarmKind = Literal["silence", "waiting", "stuck", "mailbox", "repeated", "too_large"]
ALARM_KINDS: tuple[AlarmKind, ...] = ("silence", "waiting", "stuck", "mailbox", "repeated", "too_large")
# A way in by which none of so many last letters came is not shown.
LOOKED_BACK = 2_000
MOST_SHOWN = 50
TOLD_EVERY = timedelta(hours=1)
# States of a letter of ours that is not there yet, or came to nothing.
UNSENT = ("owed", "sending", "refused", "bounced", "task")
_WAITING = text("SELECT waiting, oldest_at FROM letters_waiting()")
_STUCK = text("SELECT * FROM stuck_letter_jobs(:most)")
_LAST = text("SELECT way, at FROM last_letters(:most)")
_OUT = text("SELECT state, letters FROM count_letters_out(:refused)")


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
    """Look at the mail now; reads alone, as any role but the citizens'.

    The machine itself is told of all of it, an operator at a page of nothing that came to a walled unit
    where the person has no seat.
    """
    waiting, oldest = db.session.execute(_WAITING).one()
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
    found = {row.state: row.letters for row in db.session.execute(_OUT, {"refused": sending.REFUSED})}
    return {state: found.get(state, 0) for state in UNSENT}


def _last_in() -> dict[str, datetime]:
    return {row.way: row.at for row in db.session.execute(_LAST, {"most": LOOKED_BACK})}


def _stuck() -> tuple[tuple[StuckJob, ...], int]:
    rows = db.session.execute(_STUCK, {"most": MOST_SHOWN}).all()
    jobs = tuple(StuckJob(row.id, row.kind, row.subject_id, row.stuck_at, row.error) for row in rows)
    return jobs, rows[0].of if rows else 0


def _mailboxes() -> tuple[MailboxView, ...]:
    """Return the mailboxes of the settings; where these name none, all that were ever fetched."""
    states = select(MailboxState).order_by(MailboxState.mailbox)
    if named := [mailbox.name for mailbox in settings().mailboxes]:
        states = states.where(MailboxState.mailbox.in_(named))
    return tuple(
        MailboxView(row.mailbox, row.looked_at, row.fault, row.fault_since)
        for row in db.session.scalars(states)
    )
