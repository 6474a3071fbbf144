"""A deadline in words: the working days that are left, or that it is late, and what may be done then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from config.working_days import working_days
from intake.extensions import STOCKHOLM, now
from intake.handler.surface import bp
from intake.handler.whole import MatterView
from intake.matters import delays
from intake.words import in_day

# By whom the person may have been told of a delay: by a handler, or by itself.
DELAYS = ("delay_told", "delay_told_by_itself")


@dataclass(frozen=True)
class DeadlineView:
    """When an answer is due; ``suggests_delay`` where it is time for word of a delay and none was given.

    ``tells_itself`` tells that word of it goes by itself where nobody gives it.
    """

    words: str
    last_day: str
    is_late: bool
    suggests_delay: bool
    tells_itself: bool


def look(view: MatterView) -> DeadlineView | None:
    """Return a matter's deadline as its page shows it; None when no answer is owed now."""
    if view.due_at is None:
        return None
    at, last_day = now(), _day(view.due_at)
    presses = last_day <= _day(at)
    since = view.due_from or view.received_at
    is_told = any(event.what in DELAYS and event.at >= since for event in view.events)
    return DeadlineView(
        deadline_words(view.due_at, at),
        in_day(last_day),
        view.due_at < at,
        suggests_delay=presses and not is_told,
        tells_itself=delays.is_told_of(view.category, view.flags) and at < view.due_at,
    )


def deadline_words(due_at: datetime | None, at: datetime) -> str:
    """Say how near a deadline is: ``2 arbetsdagar kvar``, ``ska besvaras i dag``, ``1 arbetsdag försenat``.

    Nothing for what has none.
    """
    if due_at is None:
        return ""
    today, last_day = _day(at), _day(due_at)
    if today == last_day:
        return "ska besvaras i dag"
    if today < last_day:
        return f"{_days(working_days(today, last_day))} kvar"
    late = working_days(last_day, today)
    # On the Saturday after a Friday no working day has passed yet.
    return f"{_days(late)} försenat" if late else "försenat"


@bp.app_template_filter("frist")
def _deadline(due_at: datetime | None) -> str:
    return deadline_words(due_at, now())


def _days(count: int) -> str:
    return "1 arbetsdag" if count == 1 else f"{count} arbetsdagar"


def _day(at: datetime) -> date:
    return at.astimezone(STOCKHOLM).date()
