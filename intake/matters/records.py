"""The rows that every act on a matter writes; all join the caller's transaction."""

from __future__ import annotations

import uuid
from dataclasses import asdict

from sqlalchemy import update

from intake import routing, rows
from intake.extensions import db, now
from intake.models import Event, Matter, MatterUnit, PlacementRecord


def note(
    matter_id: uuid.UUID, what: str, detail: dict[str, object], handler_id: uuid.UUID | None = None
) -> None:
    """Write an event into the caller's transaction; ``detail`` holds no personal data."""
    actor = "handler" if handler_id else "system"
    rows.insert(
        Event,
        matter_id=matter_id,
        at=now(),
        actor=actor,
        handler_id=handler_id,
        what=what,
        detail=detail,
    )


def stand_in(matter_id: uuid.UUID, unit: str, why: str) -> None:
    """Let a unit see a matter, in the caller's transaction."""
    rows.insert(MatterUnit, matter_id=matter_id, unit_id=unit, why=why, since=now())


def leave_inbox(matter_id: uuid.UUID, unit: str) -> None:
    """End a unit's sight of a matter in the caller's transaction."""
    is_standing = (
        MatterUnit.matter_id == matter_id,
        MatterUnit.unit_id == unit,
        MatterUnit.until.is_(None),
    )
    db.session.execute(
        update(MatterUnit)
        .where(*is_standing)
        .values(until=now())
        .execution_options(synchronize_session=False)
    )


def keep_placement(matter_id: uuid.UUID, placement: routing.Placement) -> None:
    """Keep a decision of the routing rule, in the caller's transaction."""
    rows.insert(
        PlacementRecord,
        matter_id=matter_id,
        at=now(),
        category=placement.category,
        guess=placement.guess,
        confidence=placement.confidence,
        is_undecided=placement.is_undecided,
        next=placement.next,
        unit_id=placement.unit,
        region=placement.region,
        priority=placement.priority,
        flags=list(placement.flags),
        reasons=[asdict(reason) for reason in placement.reasons],
        rules_version=placement.rules_version,
    )


def update_matter(matter_id: uuid.UUID, values: dict[str, object]) -> None:
    """Change columns of a matter, in the caller's transaction, without reading it first.

    The version counts up, so that a handler with an older page is told.
    """
    counted = {"version": Matter.version + 1, **values}
    statement = update(Matter).where(Matter.id == matter_id).values(**counted)
    db.session.execute(statement.execution_options(synchronize_session=False))
