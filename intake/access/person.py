"""The person who is signed in: asked of the database at every request, by the session's secret."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import text

from config.tables import Unit
from intake import shown
from intake.access import roles
from intake.access.roles import Capability
from intake.extensions import db, now, settings

IDLE_LIMIT = timedelta(minutes=30)
SEEN_STEP = timedelta(minutes=1)
# How long a proof of who it is lasts for what asks for one of its own.
PROOF_LASTS = timedelta(minutes=10)
Stage = Literal["code", "account", "open"]

_PERSON = text("SELECT * FROM session_person()")
_TOUCH = text("SELECT touch_session(:at)")
_CHOOSE_KEYS = text("SELECT choose_keys(:has_keys)")
_END = text("SELECT end_own_session(:session_id, :at)")


@dataclass(frozen=True)
class Seat:
    """A role in a unit; ``region`` is None for a national unit."""

    unit: str
    role: str
    region: str | None
    is_walled: bool

    def reaches(self, unit: Unit) -> bool:
        """Say whether the role counts in a unit: its own, or one that a coordinator has with it."""
        if self.unit == unit.code:
            return self.role != "national_coordinator" or not unit.is_walled
        if unit.is_walled:
            return False
        if self.role == "coordinator":
            return not self.is_walled and self.region is not None and self.region == unit.region
        return self.role == "national_coordinator"


@dataclass(frozen=True)
class Person:
    """Who is signed in, and how far.

    ``units`` are the codes of the units whose matters the person sees; ``has_keys`` says whether single
    keys do things on the pages.
    """

    handler_id: uuid.UUID
    name: str
    email: str
    session_id: uuid.UUID
    token: str
    stage: Stage
    must_change_password: bool
    has_factor: bool
    proven_at: datetime | None
    seats: tuple[Seat, ...]
    units: tuple[str, ...]
    has_keys: bool

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def may(self, capability: Capability, unit: str | None = None) -> bool:
        """Say whether the person may do something in a unit, or in any at all."""
        return capability in self.held(unit)

    def held(self, unit: str | None = None) -> frozenset[Capability]:
        """Return all that the person may do in a unit, or in any at all."""
        its = None if unit is None else settings().tables.authority.unit(unit)
        return roles.held(seat.role for seat in self.seats if its is None or seat.reaches(its))

    def has_proven_lately(self) -> bool:
        """Say whether the person has shown who it is so lately that a sensitive act needs no more."""
        return self.proven_at is not None and self.proven_at > now() - PROOF_LASTS

    def get_id(self) -> str:
        """Return what Flask-Login keeps in the cookie: the secret of the session's row."""
        return self.token


def hash_token(token: str) -> str:
    """Return the SHA-256 under which a session's secret is stored; it holds 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()


def find_person(token: str, *, is_use: bool = True) -> Person | None:
    """Find who has this session, or None when it ended, ran out or its handler is disabled.

    From here on the database knows the session. The time of the last request is written, and
    committed, at most once a minute; a session that has run out is ended for good. What a page asks by
    itself, without a person (``is_use`` is False), keeps no session alive.
    """
    at = now()
    shown.show("session", token)
    row = db.session.execute(_PERSON).one_or_none()
    if row is None:
        return None
    if row.expires_at <= at or row.seen_at <= at - IDLE_LIMIT:
        db.session.execute(_END, {"session_id": row.session_id, "at": at})
        db.session.commit()
        return None
    if is_use and at - row.seen_at >= SEEN_STEP:
        db.session.execute(_TOUCH, {"at": at})
        db.session.commit()
    return _person(row._mapping, token)


def choose_keys(*, has_keys: bool) -> None:
    """Let single keys do things on the pages of whoever is signed in, wherever that is, or not; commit."""
    db.session.execute(_CHOOSE_KEYS, {"has_keys": has_keys})
    db.session.commit()


def _person(row: Mapping[Any, Any], token: str) -> Person:
    return Person(
        handler_id=row["handler_id"],
        name=row["name"],
        email=row["email"],
        session_id=row["session_id"],
        token=token,
        stage=row["stage"],
        must_change_password=row["must_change_password"],
        has_factor=row["has_factor"],
        proven_at=row["proven_at"],
        seats=tuple(Seat(**seat) for seat in row["seats"]),
        units=tuple(row["units"]),
        has_keys=row["has_keys"],
    )
