"""What a matter's page shows of the matters that it may belong with, went into or took in."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select

from intake import codes
from intake.access import Person, visible
from intake.extensions import db
from intake.matters.merging import goes_to_one_mailbox
from intake.models import Matter, table_of

_COLUMNS = table_of(Matter).c["id", "reference", "subject", "status", "received_at", "sender_email"]


@dataclass(frozen=True)
class Relative:
    """Another matter that the person may see, as far as it is shown beside this one."""

    id: uuid.UUID
    reference: str
    subject: str
    status: str
    received_at: datetime
    sender_email: str | None


@dataclass(frozen=True)
class Kin:
    """``into`` is the matter that this one was merged into, None also when the person may not see it;
    ``parts`` are those that were merged into this one.

    ``beside`` is one that this may be merged with: what the person typed, else what its subject names,
    which ``is_named`` tells. ``is_one_mailbox`` tells that the codes of this one can only have gone to
    the other's address. ``not_found`` was typed and is no other matter that the person sees.
    """

    is_merged: bool
    into: Relative | None
    parts: tuple[Relative, ...]
    beside: Relative | None
    is_named: bool
    is_one_mailbox: bool
    not_found: str


def look(person: Person, matter_id: uuid.UUID, typed: str) -> Kin:
    """Read a matter's relatives behind the first wall; ``typed`` is a reference to compare with, or ""."""
    columns = table_of(Matter).c["merged_into_id", "possible_of_id"]
    merged_into_id, possible_of_id = db.session.execute(select(*columns).where(Matter.id == matter_id)).one()
    parts = _parts(person, matter_id)
    if merged_into_id is not None:
        into = _find(person, Matter.id == func.surviving_matter(matter_id))
        return Kin(True, into, parts, None, is_named=False, is_one_mailbox=False, not_found="")
    is_other = Matter.id != matter_id
    named = _find(person, is_other, Matter.id == func.surviving_matter(possible_of_id))
    chosen = _find(person, is_other, Matter.reference == codes.read_reference(typed))
    beside = chosen or named
    return Kin(
        is_merged=False,
        into=None,
        parts=parts,
        beside=beside,
        is_named=beside is not None and beside == named,
        is_one_mailbox=beside is not None and goes_to_one_mailbox(matter_id, beside.id),
        not_found="" if chosen else typed.strip(),
    )


def _find(person: Person, *which: ColumnElement[bool]) -> Relative | None:
    row = db.session.execute(select(*_COLUMNS).where(*which, visible(person))).one_or_none()
    return Relative(*row) if row else None


def _parts(person: Person, matter_id: uuid.UUID) -> tuple[Relative, ...]:
    merged = select(*_COLUMNS).where(Matter.merged_into_id == matter_id, visible(person))
    return tuple(Relative(*row) for row in db.session.execute(merged.order_by(Matter.received_at, Matter.id)))
