"""The journal of fetched mailboxes: how far each has come, and where every letter of it went.

A letter of a mailbox is known by its UID in a numbering, the folder's UIDVALIDITY (RFC 3501 2.3.1.1).
Each function ends its transaction, so that none is open while a server is waited for.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from intake.extensions import db, now, settings
from intake.mailroom.receiving import Received
from intake.models import Fetched, MailboxState, table_of

log = logging.getLogger(__name__)

# What came so long before a look that did not find it lay elsewhere, and was dealt with by people, or
# by no one: a receipt would only puzzle its sender.
IMPORT_AGE = timedelta(days=1)
# A letter that its server cannot read may cost the connection each time.
LAST_AFTER = 2
OFTEN = 3
RARELY = timedelta(hours=1)
# What lies in mailboxes, is not both ours and out of the way, and may be told to whoever asks.
LEFT = aliased(Fetched, func.letters_left().table_valued(*table_of(Fetched).c, name="letters_left"))


@dataclass(frozen=True)
class Place:
    """A mailbox in one numbering of its letters."""

    mailbox: str
    uidvalidity: int


@dataclass(frozen=True)
class Start:
    """What is fetched: UIDs from ``first_uid`` on, and what came on the day ``since`` or later."""

    first_uid: int
    since: date | None


@dataclass(frozen=True)
class Listed:
    """A letter as its server describes it; None where it would not."""

    uid: int
    internal_at: datetime | None = None
    size_bytes: int | None = None


@dataclass(frozen=True)
class Due:
    """A letter to be stored and moved, or only moved when it is stored already.

    ``looked_at`` is when the mailbox was looked at before the letter was seen, or when it was seen if
    that was the first look. ``is_early`` says that it was there at the first look, in this numbering.
    """

    listed: Listed
    looked_at: datetime
    is_stored: bool
    is_copied: bool
    is_early: bool

    @property
    def uid(self) -> int:
        return self.listed.uid

    @property
    def is_import(self) -> bool:
        """Say whether it is taken over from before: somebody laid it there long after it had come.

        What came while nobody looked is none, however long that was. One of which nobody can tell
        when it came is one if it was there at the first look.
        """
        came_at = self.listed.internal_at
        return self.is_early if came_at is None else came_at < self.looked_at - IMPORT_AGE


def begin(place: Place, next_uid: int, since: date | None) -> Start:
    """Begin a look at a mailbox and say where its letters begin; ``next_uid`` is what its server tells.

    A first look begins there, or at the day that the operator chose. Letters that were numbered anew
    are looked at again from the day before the mailbox was first seen: what was stored is known by
    its bytes.
    """
    at = now()
    state = _held(place.mailbox)
    if state.uidvalidity != place.uidvalidity:
        if state.began_at is not None:
            log.warning("the letters of mailbox %s were numbered anew", place.mailbox)
            state.since = (state.began_at - IMPORT_AGE).date()
        state.began_at = state.began_at or at
        state.uidvalidity, state.first_uid = place.uidvalidity, next_uid
    days = [day for day in (since, state.since) if day]
    start = Start(state.first_uid or next_uid, min(days, default=None))
    db.session.commit()
    return start


def complain(mailbox: str, fault: str | None) -> None:
    """Note what is wrong with a mailbox, in Swedish for operators, or that all is well again."""
    state = _held(mailbox)
    if state.fault != fault:
        state.fault_since = (state.fault_since or now()) if fault else None
        state.fault = fault
    db.session.commit()


def _held(mailbox: str) -> MailboxState:
    """Lock a mailbox's row, made if it is the first time, until the transaction ends.

    It says whose inbox the mailbox is, since nobody else may hear of a walled unit's.
    """
    db.session.execute(insert(MailboxState).values(mailbox=mailbox).on_conflict_do_nothing())
    held = select(MailboxState).where(MailboxState.mailbox == mailbox).with_for_update()
    state = db.session.scalars(held).one()
    state.address = next((known.address for known in settings().mailboxes if known.name == mailbox), None)
    return state


def unknown(place: Place, uids: Collection[int]) -> list[int]:
    """Return which of the UIDs the journal does not know yet."""
    known = set(db.session.scalars(select(Fetched.uid).where(_here(place), _among(uids))))
    db.session.commit()
    return sorted(set(uids) - known)


def unfinished(place: Place) -> list[int]:
    """Return the UIDs that were seen there and have not left, as far as the journal knows."""
    is_left = Fetched.outcome.in_(("seen", "refused")) | (
        (Fetched.outcome == "stored") & Fetched.moved_at.is_(None)
    )
    found = list(db.session.scalars(select(Fetched.uid).where(_here(place), is_left).order_by(Fetched.uid)))
    db.session.commit()
    return found


def note(place: Place, present: Collection[int], described: Sequence[Listed]) -> None:
    """Note a look: which letters are there now, with the description of those that are new.

    One that was seen before and is not there was taken by somebody else, or by us, just before an end
    that left no time to write it down.
    """
    at, state = now(), _held(place.mailbox)
    if described:
        seen = [
            {
                "mailbox": place.mailbox,
                "uidvalidity": place.uidvalidity,
                "uid": letter.uid,
                "internal_at": letter.internal_at,
                "size_bytes": letter.size_bytes,
                "first_seen_at": at,
                "last_seen_at": at,
                "prior_look_at": state.looked_at,
            }
            for letter in described
        ]
        db.session.execute(insert(Fetched).on_conflict_do_nothing(), seen)
    state.looked_at = at
    db.session.execute(update(Fetched).where(_here(place), _among(present)).values(last_seen_at=at))
    has_left = (_here(place), ~_among(present))
    gone = update(Fetched).where(*has_left, Fetched.outcome.in_(("seen", "refused")))
    db.session.execute(gone.values(outcome="gone"))
    moved = update(Fetched).where(*has_left, Fetched.outcome == "stored", Fetched.moved_at.is_(None))
    db.session.execute(moved.values(moved_at=at))
    db.session.commit()


def due(place: Place, present: Collection[int], limit_bytes: int) -> list[Due]:
    """Return what is to be done with the letters that are there, oldest first.

    One that was taken up in vain comes last, and after more than three times once an hour, so that it
    stops no other. One that was refused stays so while it is over the limit.
    """
    is_time = (Fetched.times_seen <= OFTEN) | (Fetched.taken_up_at < now() - RARELY)
    rows = db.session.execute(
        select(Fetched, Fetched.uid < MailboxState.first_uid)
        .join(MailboxState, MailboxState.mailbox == Fetched.mailbox)
        .where(_here(place), _among(present), is_time)
        .where((Fetched.outcome != "refused") | (Fetched.size_bytes <= limit_bytes))
        .order_by(Fetched.times_seen >= LAST_AFTER, Fetched.internal_at.nulls_last(), Fetched.uid)
    )
    found = [
        Due(
            Listed(row.uid, row.internal_at, row.size_bytes),
            row.prior_look_at or row.first_seen_at,
            is_stored=row.outcome == "stored",
            is_copied=row.copied_at is not None,
            is_early=is_early,
        )
        for row, is_early in rows
    ]
    db.session.commit()
    return found


def take_up(place: Place, uid: int) -> None:
    """Count that a letter is taken up; warn when that has not helped more than three times.

    As long as letters are taken up, their mailbox is looked at.
    """
    looked = update(MailboxState).where(MailboxState.mailbox == place.mailbox)
    db.session.execute(looked.values(looked_at=now()))
    counted = update(Fetched).where(_here(place), Fetched.uid == uid)
    counted = counted.values(times_seen=Fetched.times_seen + 1, taken_up_at=now())
    times = db.session.scalar(counted.returning(Fetched.times_seen))
    db.session.commit()
    # It is said at the fourth time and whenever the number has doubled, not once a minute.
    if times and times > OFTEN and times & (times - 1) == 0:
        log.warning("letter %d of mailbox %s was taken up %d times", uid, place.mailbox, times)


def lay_down(place: Place, uid: int) -> None:
    """Take back that a letter was taken up, when it was none of its fault that it got no further."""
    _record(place, uid, times_seen=Fetched.times_seen - 1)


def described(place: Place, letter: Listed) -> None:
    """Note what a server tells of a letter that it told nothing of when it was first seen."""
    _record(place, letter.uid, internal_at=letter.internal_at, size_bytes=letter.size_bytes)


def stored(place: Place, uid: int, received: Received) -> None:
    """Note that a letter is ours."""
    _record(
        place,
        uid,
        outcome="stored",
        digest=received.digest,
        size_bytes=received.size_bytes,
        letter_id=received.letter_id,
    )


def refused(place: Place, uid: int, size_bytes: int) -> None:
    """Note that a letter is larger than we take; ``size_bytes`` is what was read of it."""
    _record(place, uid, outcome="refused", size_bytes=size_bytes)


def gone(place: Place, uid: int) -> None:
    """Note that a letter was not there any more when it was to be fetched.

    Another fetcher may have stored and moved it meanwhile; then it is ours, and so it stays.
    """
    gone = update(Fetched).where(_here(place), Fetched.uid == uid, Fetched.outcome != "stored")
    db.session.execute(gone.values(outcome="gone"))
    db.session.commit()


def copied(place: Place, uid: int) -> None:
    """Note that a stored letter stands in the folder of those that are done, and also still in its own."""
    _record(place, uid, copied_at=now())


def moved(place: Place, uid: int) -> None:
    """Note that a stored letter stands in the folder of those that are done."""
    _record(place, uid, moved_at=now())


def repeated() -> Sequence[Fetched]:
    """Return the letters that were taken up more than three times and are still where they were."""
    is_left = LEFT.outcome.in_(("seen", "stored")) & LEFT.moved_at.is_(None)
    often = select(LEFT).where(is_left, LEFT.times_seen > OFTEN)
    return db.session.scalars(often.order_by(LEFT.first_seen_at)).all()


def too_large() -> Sequence[Fetched]:
    """Return the letters that were refused for their size and still lie where they were."""
    refused = select(LEFT).where(LEFT.outcome == "refused")
    return db.session.scalars(refused.order_by(LEFT.first_seen_at)).all()


def _record(place: Place, uid: int, **values: object) -> None:
    db.session.execute(update(Fetched).where(_here(place), Fetched.uid == uid).values(**values))
    db.session.commit()


def _here(place: Place) -> ColumnElement[bool]:
    return (Fetched.mailbox == place.mailbox) & (Fetched.uidvalidity == place.uidvalidity)


def _among(uids: Collection[int]) -> ColumnElement[bool]:
    # One value, however many they are: a list of parameters has an end.
    return Fetched.uid == func.any(list(uids))
