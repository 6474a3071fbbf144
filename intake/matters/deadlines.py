"""When a first answer is due: a clock that begins, follows the category, and stands while none is owed.

It begins when the matter comes, and anew when something comes in while it stands: after an answer, a
request for a supplement or the end of the matter. Each function here gives the columns that the caller
writes with its own; ``mark_overdue`` alone commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time
from typing import Any

from sqlalchemy import func, select, update

from config.working_days import nth_working_day
from intake.extensions import STOCKHOLM, db, now, settings
from intake.matters.records import note
from intake.models import Matter
from intake.routing.values import UNCLEAR

# What asks for a person when a deadline has passed.
OVERDUE = "overdue"
# What does when a supplement has not come by its day.
NO_SUPPLEMENT = "supplement_overdue"
BY_DAYS = (OVERDUE, NO_SUPPLEMENT)
MARKED_AT_ONCE = 200
_CLOCK = ("due_at", "due_from", "paused_until")


def due_at(days: int, since: datetime) -> datetime:
    """Return the last second, in Stockholm, of the last of so many working days after that of ``since``."""
    last = nth_working_day(since.astimezone(STOCKHOLM).date(), days)
    return datetime.combine(last, time(23, 59, 59), STOCKHOLM)


def first(category: str, received_at: datetime) -> dict[str, object]:
    """Return the column of the clock that begins when a matter comes."""
    return {"due_at": due_at(_days(category), received_at)}


def begin(category: str, since: datetime) -> dict[str, object]:
    """Return the columns of a clock that begins anew."""
    return {"due_at": due_at(_days(category), since), "due_from": since, "overdue_at": None}


def stop(needs_person: Iterable[str]) -> dict[str, object]:
    """Return the columns of a clock that stands; ``needs_person`` is what the matter needed before."""
    needs = [need for need in needs_person if need not in BY_DAYS]
    return {"due_at": None, "due_from": None, "overdue_at": None, "needs_person": needs}


def follow(matter: Any, category: str) -> dict[str, object]:
    """Return the columns by which a clock that runs follows another category; it began when it began.

    ``matter`` is the matter's row before. What is due later than now is not overdue any more.
    """
    if matter.due_at is None:
        return {}
    due = due_at(_days(category), matter.due_from or matter.received_at)
    if due < now():
        return {"due_at": due}
    needs = [need for need in matter.needs_person if need != OVERDUE]
    return {"due_at": due, "overdue_at": None, "needs_person": needs}


def join(gone: Any, kept: Any) -> dict[str, object]:
    """Return the columns by which a matter that another goes into is due when the first of both is.

    Where neither clock runs, one begins now.
    """
    if gone.due_at is None and kept.due_at is None:
        return begin(kept.category, now())
    if gone.due_at is None or (kept.due_at is not None and kept.due_at <= gone.due_at):
        return {}
    return {"due_at": gone.due_at, "due_from": gone.due_from or gone.received_at}


def remember(matter: Any) -> dict[str, str | None]:
    """Return how a clock stands, and until when the matter rests, as an event keeps it."""
    return {name: at.isoformat() if (at := getattr(matter, name)) else None for name in _CLOCK}


def put_back(was: Mapping[str, Any]) -> dict[str, object]:
    """Return the columns of a clock that stands as it was remembered; what is overdue is marked again."""
    return {name: datetime.fromisoformat(was[name]) if was.get(name) else None for name in _CLOCK}


def mark_overdue() -> int:
    """Let a person see, once for each, what should have had its first answer by now; commits.

    Return how many there were.
    """
    count = 0
    while marked := _mark_some():
        count += marked
    return count


def _mark_some() -> int:
    at = now()
    late = select(Matter.id, Matter.due_at).where(Matter.due_at < at, Matter.overdue_at.is_(None))
    # Whoever acts on one just now may be answering it; the next round looks again.
    held = late.order_by(Matter.due_at).limit(MARKED_AT_ONCE).with_for_update(skip_locked=True)
    if not (found := db.session.execute(held).all()):
        db.session.rollback()
        return 0
    others = func.array_remove(Matter.needs_person, OVERDUE)
    marked = {"overdue_at": at, "needs_person": func.array_append(others, OVERDUE)}
    statement = update(Matter).where(Matter.id.in_([row.id for row in found]))
    statement = statement.values(**marked, version=Matter.version + 1)
    db.session.execute(statement.execution_options(synchronize_session=False))
    for row in found:
        note(row.id, OVERDUE, {"due_at": row.due_at.isoformat()})
    db.session.commit()
    return len(found)


def _days(category: str) -> int:
    """Return a category's days; those of the undecided for one that has gone from categories.toml."""
    categories = settings().tables.categories
    return categories.get(category if category in categories.codes else UNCLEAR).answer_days
