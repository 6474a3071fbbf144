"""By which day a supplement is asked for: the day that is suggested, and what is kept of the chosen one.

While it is awaited the matter rests, and what comes in wakes it; so does the day's end.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import text

from config.working_days import nth_working_day, working_day_before
from intake.errors import NotAllowed
from intake.extensions import STOCKHOLM, db, now, settings
from intake.models import new_id

LONGEST_WAIT = timedelta(days=180)
# A reminder goes while people are awake, and can still ask somebody.
REMINDED = time(9)
_EXPECT = text("SELECT expect_supplement(:id, :matter_id, :message_id, :at, :until, :remind)")
_OPEN = text("SELECT until_at, remind_at, reminder FROM open_supplement(:matter_id)")


@dataclass(frozen=True)
class Awaited:
    """A supplement that a matter waits for: until when, and when a reminder goes or what became of it."""

    until_at: datetime | None
    remind_at: datetime | None
    reminder: str | None

    @property
    def may_cancel(self) -> bool:
        """Say whether a reminder is still to come."""
        return self.remind_at is not None and self.reminder is None


def suggested_day() -> date:
    """Return the day that a citizen is given unless a handler chooses another one."""
    return nth_working_day(_today(), settings().tables.authority.asking.supplement_days)


def end_of(day: date | None) -> datetime | None:
    """Return the last second of a day that something is asked for by; NotAllowed for one that does not do."""
    if day is None:
        return None
    if day < _today():
        raise NotAllowed("Den dagen har redan varit. Välj en senare dag.")
    if day > _today() + LONGEST_WAIT:
        raise NotAllowed("Den dagen är för långt bort. Välj en dag inom ett halvår.")
    return datetime.combine(day, time(23, 59, 59), STOCKHOLM)


def expect(matter_id: uuid.UUID, message_id: uuid.UUID, until: datetime | None) -> None:
    """Keep what was asked for by a message, in the caller's transaction."""
    values = {"id": new_id(), "matter_id": matter_id, "message_id": message_id, "at": now()}
    db.session.execute(_EXPECT, {**values, "until": until, "remind": _remind_at(until)})


def find(matter_id: uuid.UUID) -> Awaited | None:
    """Return what a matter that the session has opened waits for, None when for nothing."""
    row = db.session.execute(_OPEN, {"matter_id": matter_id}).one_or_none()
    return Awaited(*row) if row else None


def _remind_at(until: datetime | None) -> datetime | None:
    """Return when a reminder is due: None where it would come on the very day that the question does."""
    days = settings().tables.authority.asking.reminder_days
    if until is None or not days:
        return None
    day = working_day_before(until.astimezone(STOCKHOLM).date(), days)
    return datetime.combine(day, REMINDED, STOCKHOLM) if day > _today() else None


def _today() -> date:
    return now().astimezone(STOCKHOLM).date()
