"""What a matter's page shows of matters that are like it: each is looked at before it is told of."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text

from intake import access
from intake.access import Person, visible
from intake.extensions import db
from intake.models import Matter, table_of

MOST = 5
# Of the same account or page so many within a day are told of as a wave.
WAVE = 5
# The database counts no further.
MOST_COUNTED = 500
REASONS = {
    "iban": "samma IBAN",
    "phone": "samma telefonnummer",
    "email": "samma e-postadress",
    "web": "samma webbadress",
    "word": "liknande ord",
}
_SIMILAR = text("SELECT id, how, others FROM similar_matters(:matter_id, :most)")
_COLUMNS = table_of(Matter).c["id", "reference", "subject", "status", "received_at"]


@dataclass(frozen=True)
class Similar:
    """A matter that is like another, and why, in words."""

    reference: str
    subject: str
    status: str
    received_at: datetime
    reasons: str


@dataclass(frozen=True)
class Likeness:
    """The likest matters that the person sees, the likest first, and what came in waves, in words."""

    matters: tuple[Similar, ...] = ()
    waves: tuple[str, ...] = ()


def look(person: Person, matter_id: uuid.UUID, known: Collection[uuid.UUID]) -> Likeness:
    """Read what is like a matter behind the walls; those in ``known`` the page tells of already.

    Each that is shown is looked at first, and recorded; commits.
    """
    found = db.session.execute(_SIMILAR, {"matter_id": matter_id, "most": MOST + len(known)}).all()
    waves = tuple(_say_wave(row.how[0], row.others) for row in found if row.id is None and row.others >= WAVE)
    new = [row for row in found if row.id is not None and row.id not in known]
    reasons = {row.id: _say_reasons(row.how) for row in new[:MOST]}
    if not reasons:
        return Likeness(waves=waves)
    access.look_beside(reasons)
    asked = select(*_COLUMNS).where(Matter.id.in_(reasons), visible(person))
    rows = {row.id: row for row in db.session.execute(asked)}
    shown = [rows[each] for each in reasons if each in rows]
    matters = (
        Similar(row.reference, row.subject, row.status, row.received_at, reasons[row.id]) for row in shown
    )
    return Likeness(tuple(matters), waves)


def _say_reasons(kinds: Sequence[str]) -> str:
    said = ", ".join(REASONS[kind] for kind in kinds)
    return said[0].upper() + said[1:]


def _say_wave(kind: str, others: int) -> str:
    many = f"Minst {MOST_COUNTED}" if others >= MOST_COUNTED else str(others)
    return f"{many} andra ärenden som du ser har {REASONS[kind]} och kom inom ett dygn från det här."
