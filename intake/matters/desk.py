"""What a handler does at the desk beside the acts on one matter: the next one, pauses, shared views."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import select, text

from intake.errors import NotAllowed
from intake.extensions import STOCKHOLM, db, now
from intake.matters.work import ASSIGNABLE, Act, change, end, open_matter
from intake.models import Handler, Membership

LONGEST_PAUSE = timedelta(days=180)
# People begin to work at this hour; what was paused lies there then.
WAKES = time(7)

_CLAIM = text("SELECT claim_next(:units, :at)")
_VIEWS = text("SELECT id, unit_id, name, words FROM saved_views(:units)")
_SAVE = text("SELECT save_view(:unit, :name, :words)")
_DROP = text("SELECT drop_view(:view)")
_AWAY = text("SELECT handler_id, name, until FROM who_is_away(:units, :day)")
_SAY_AWAY = text("SELECT say_away(:handler_id, :until)")


@dataclass(frozen=True)
class SavedView:
    """A view of the inbox that a unit shares; ``words`` are those of its page's address."""

    id: uuid.UUID
    unit_id: str
    name: str
    words: Mapping[str, str]


@dataclass(frozen=True)
class Away:
    """Somebody who is away, up to and with the day ``until``."""

    handler_id: uuid.UUID
    name: str
    until: date


def claim_next(units: Sequence[str]) -> uuid.UUID | None:
    """Take the most pressing free matter of these units for the session's person, and commit.

    None when there is none. Two who ask at once never get the same one.
    """
    taken: uuid.UUID | None = db.session.scalar(_CLAIM, {"units": list(units), "at": now()})
    db.session.commit()
    return taken


def pause(act: Act, until: date | None) -> None:
    """Let a matter rest until the morning of a day, and commit.

    What comes in meanwhile wakes it. NotAllowed when the day is not to come within half a year.
    """
    here = now()
    wakes = datetime.combine(until, WAKES, STOCKHOLM) if until else here
    if not here < wakes <= here + LONGEST_PAUSE:
        raise NotAllowed("Välj en dag efter i dag, inom ett halvår.")
    open_matter(act)
    change(act, {"paused_until": wakes})
    end(act, "paused", {"until": f"{until}"})


def resume(act: Act) -> None:
    """End a matter's rest, and commit."""
    open_matter(act)
    change(act, {"paused_until": None})
    end(act, "resumed", {})


def saved_views(units: Sequence[str]) -> tuple[SavedView, ...]:
    """Return the views that these units share, by name."""
    rows = db.session.execute(_VIEWS, {"units": list(units)})
    return tuple(SavedView(row.id, row.unit_id, row.name, _words_of(row.words)) for row in rows)


def save_view(unit: str, name: str, words: Mapping[str, str]) -> bool:
    """Share a view with a unit, and commit; False where the person does not work, or it has too many."""
    said = " ".join(f"{key}={value}" for key, value in words.items())
    made = db.session.scalar(_SAVE, {"unit": unit, "name": name, "words": said})
    db.session.commit()
    return made is not None


def drop_view(view_id: uuid.UUID) -> bool:
    """Take a shared view away, and commit; False when it is no view of a unit where the person works."""
    gone = bool(db.session.scalar(_DROP, {"view": view_id}))
    db.session.commit()
    return gone


def colleagues(units: Sequence[str]) -> tuple[tuple[uuid.UUID, str], ...]:
    """Return those who can be given matters in any of these units."""
    seated = select(Membership.handler_id).where(
        Membership.unit_id.in_(units), Membership.role.in_(ASSIGNABLE)
    )
    asked = select(Handler.id, Handler.name).where(Handler.disabled_at.is_(None), Handler.id.in_(seated))
    return tuple((row[0], row[1]) for row in db.session.execute(asked.order_by(Handler.name, Handler.id)))


def who_is_away(units: Sequence[str]) -> tuple[Away, ...]:
    """Return those who are away today of those given matters in these units, and the session's person."""
    day = now().astimezone(STOCKHOLM).date()
    return tuple(Away(*row) for row in db.session.execute(_AWAY, {"units": list(units), "day": day}))


def say_away(handler_id: uuid.UUID, until: date | None) -> bool:
    """Say that somebody is away until a day, or back, and commit.

    False unless it is the session's person, or somebody who works where that person says who does.
    """
    is_said = bool(db.session.scalar(_SAY_AWAY, {"handler_id": handler_id, "until": until}))
    db.session.commit()
    return is_said


def _words_of(said: str) -> dict[str, str]:
    return dict(each.split("=", 1) for each in said.split() if "=" in each)
