"""The person who is signed in: loaded from the server's own session row at every request."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update

from intake.extensions import db, now
from intake.matters.work import ASSIGNABLE
from intake.models import Handler, HandlerSession, Membership, Unit

IDLE_LIMIT = timedelta(minutes=30)
SEEN_STEP = timedelta(minutes=1)
# An operator keeps the machine running and sees no content.
SEEING_ROLES = ("handler", "coordinator", "file_quarantine")


@dataclass(frozen=True)
class Seat:
    """A role in a unit; ``region`` is None for a national unit."""

    unit: str
    role: str
    region: str | None
    is_walled: bool


@dataclass(frozen=True)
class Person:
    """Who is signed in. ``units`` are the codes of the units whose matters the person sees."""

    handler_id: uuid.UUID
    name: str
    email: str
    session_id: uuid.UUID
    token: str
    must_change_password: bool
    seats: tuple[Seat, ...]
    units: tuple[str, ...]

    is_authenticated = True
    is_active = True
    is_anonymous = False

    @property
    def may_register(self) -> bool:
        """Say whether the person may bring in letters: whoever may be given a matter may."""
        return any(seat.role in ASSIGNABLE for seat in self.seats)

    @property
    def is_operator(self) -> bool:
        """Say whether the person keeps the machine running, whatever else the person sees."""
        return any(seat.role == "operator" for seat in self.seats)

    def get_id(self) -> str:
        """Return what Flask-Login keeps in the cookie: the token of the session's row."""
        return self.token


def hash_token(token: str) -> str:
    """Return the SHA-256 under which a session's token is stored; the token holds 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()


def find_person(token: str) -> Person | None:
    """Find who has this session, or None when it ended, ran out or its handler is disabled.

    The time of the last request is written, and committed, at most once a minute.
    """
    at = now()
    row = db.session.execute(
        select(HandlerSession.id, HandlerSession.seen_at, Handler)
        .join(Handler, Handler.id == HandlerSession.handler_id)
        .where(
            HandlerSession.token_hash == hash_token(token),
            HandlerSession.ended_at.is_(None),
            HandlerSession.expires_at > at,
            HandlerSession.seen_at > at - IDLE_LIMIT,
            Handler.disabled_at.is_(None),
        )
    ).one_or_none()
    if row is None:
        return None
    session_id, seen_at, handler = row
    seats = _seats(handler.id)
    person = Person(
        handler_id=handler.id,
        name=handler.name,
        email=handler.email,
        session_id=session_id,
        token=token,
        must_change_password=handler.must_change_password,
        seats=seats,
        units=_units(seats),
    )
    if at - seen_at >= SEEN_STEP:
        db.session.execute(
            update(HandlerSession)
            .where(HandlerSession.id == session_id)
            .values(seen_at=at)
            .execution_options(synchronize_session=False)
        )
        db.session.commit()
    return person


def _seats(handler_id: uuid.UUID) -> tuple[Seat, ...]:
    rows = db.session.execute(
        select(Membership.unit_id, Membership.role, Unit.region, Unit.is_walled)
        .join(Unit, Unit.id == Membership.unit_id)
        .where(Membership.handler_id == handler_id)
        .order_by(Membership.unit_id, Membership.role)
    )
    return tuple(Seat(*row) for row in rows)


def _units(seats: Iterable[Seat]) -> tuple[str, ...]:
    """Return the units whose matters these seats show.

    A coordinator of a regional unit sees the whole region, except behind a wall.
    """
    seeing = [seat for seat in seats if seat.role in SEEING_ROLES]
    units = {seat.unit for seat in seeing}
    regions = {
        seat.region for seat in seeing if seat.role == "coordinator" and seat.region and not seat.is_walled
    }
    if regions:
        units |= set(db.session.scalars(select(Unit.id).where(Unit.region.in_(regions), ~Unit.is_walled)))
    return tuple(sorted(units))
