"""Copies that are given out: which one was prepared, by its digest, and how much was masked by what."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from intake.extensions import db
from intake.matters.masking import Masked
from intake.matters.names import handler_names
from intake.matters.records import note
from intake.models import Event


@dataclass(frozen=True)
class Prepared:
    """A copy that was prepared before, as the history tells of it; ``provisions`` are their codes."""

    at: datetime
    handler: str
    digest: str
    masked: int
    left_out: int
    provisions: Sequence[str]


def prepare(matter_id: uuid.UUID, copy: bytes, masked: Masked, handler_id: uuid.UUID) -> str:
    """Write into the history which copy was prepared for release, commit, and return its SHA-256.

    The matter itself stays as it is; the same choices give the same copy again.
    """
    digest = hashlib.sha256(copy).hexdigest()
    provisions = sorted(masked.masked.keys() | masked.left_out.keys())
    counts = {"masked": sum(masked.masked.values()), "left_out": sum(masked.left_out.values())}
    note(matter_id, "release_prepared", {"digest": digest, **counts, "provisions": provisions}, handler_id)
    db.session.commit()
    return digest


def prepared(matter_id: uuid.UUID) -> tuple[Prepared, ...]:
    """Return the copies of a matter that were prepared, the last first."""
    rows = db.session.execute(
        select(Event.at, Event.handler_id, Event.detail)
        .where(Event.matter_id == matter_id, Event.what == "release_prepared")
        .order_by(Event.at.desc(), Event.id.desc())
    ).all()
    names = handler_names(row.handler_id for row in rows)
    return tuple(Prepared(row.at, names[row.handler_id], **row.detail) for row in rows)
