"""How long it took others: a measured median with its number and period, never a promise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import current_app
from sqlalchemy import text

from intake.extensions import STOCKHOLM, db, now

PERIOD = timedelta(days=90)
# A receipt lives a day after sending, so the matter that it is about is never counted in it.
SETTLED = timedelta(days=1)
KEPT = timedelta(hours=1)
ASKED_WITHIN = timedelta(minutes=1)
_TIMES = text("SELECT n, median FROM answer_times(:category, :since, :until)")


@dataclass(frozen=True)
class Waiting:
    """Of ``count`` matters first answered or closed in a period, half took at most ``days`` days."""

    count: int
    days: int
    since: date
    until: date


def told(category: str) -> Waiting | None:
    """Return how long matters of a category took, None when too few have been answered to tell.

    The database tells nothing of fewer than twenty. What it said is kept for an hour in this process.
    """
    known: dict[str, tuple[datetime, Waiting | None]] = current_app.extensions.setdefault("waiting", {})
    at = now()
    kept_until, waiting = known.get(category, (at, None))
    if kept_until <= at:
        # Others meanwhile get what was known, so that one alone waits for the new answer.
        known[category] = (at + ASKED_WITHIN, waiting)
        waiting = _ask(category, at - SETTLED)
        known[category] = (at + KEPT, waiting)
    return waiting


def _ask(category: str, until: datetime) -> Waiting | None:
    since = until - PERIOD
    found = db.session.execute(_TIMES, {"category": category, "since": since, "until": until}).one_or_none()
    if found is None:
        return None
    days = max(1, math.ceil(found.median / timedelta(days=1)))
    return Waiting(found.n, days, since.astimezone(STOCKHOLM).date(), until.astimezone(STOCKHOLM).date())
