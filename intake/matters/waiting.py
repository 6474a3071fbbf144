"""How long it took others: a measured median with its number and period, never a promise."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import current_app
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from intake.extensions import STOCKHOLM, db, now

log = logging.getLogger(__name__)

PERIOD = timedelta(days=90)
# A receipt lives a day after sending, so the matter that it is about is never counted in it.
SETTLED = timedelta(days=1)
KEPT = timedelta(hours=1)
ASKED_WITHIN = timedelta(minutes=1)
# A receipt is never kept from anybody for this: what takes longer is left out.
ANSWERED_WITHIN = timedelta(seconds=1)
_HURRY = text("SELECT set_config('statement_timeout', :milliseconds, true)")
_TIMES = text("SELECT n, median FROM answer_times(:category, :since, :until)")


@dataclass(frozen=True)
class Waiting:
    """Of ``count`` matters first answered or closed in a period, half took at most ``days`` days."""

    count: int
    days: int
    since: date
    until: date


def find(category: str) -> Waiting | None:
    """Return how long matters of a category took, None when too few have been answered to tell.

    None also when the database does not say at once. It tells nothing of fewer than twenty. What came
    of asking is kept for an hour in this process.
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
    """Ask on a connection of its own, so that whatever goes wrong leaves the receipt's own as it is."""
    since = until - PERIOD
    try:
        with db.engine.begin() as connection:
            connection.execute(_HURRY, {"milliseconds": f"{ANSWERED_WITHIN / timedelta(milliseconds=1):.0f}"})
            values = {"category": category, "since": since, "until": until}
            found = connection.execute(_TIMES, values).one_or_none()
    except SQLAlchemyError as error:
        log.warning("how long others waited is not told: %s", type(error).__name__)
        return None
    if found is None:
        return None
    days = max(1, math.ceil(found.median / timedelta(days=1)))
    return Waiting(found.n, days, since.astimezone(STOCKHOLM).date(), until.astimezone(STOCKHOLM).date())
