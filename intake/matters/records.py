"""The rows that every act on a matter writes; all join the caller's transaction."""

from __future__ import annotations

import uuid
from dataclasses import asdict

from sqlalchemy import all_, literal, update

from intake import routing, rows
from intake.extensions import db, now
from intake.models import Event, Matter, MatterUnit, PlacementRecord, new_id


def note(
    matter_id: uuid.UUID, what: str, detail: dict[str, object], handler_id: uuid.UUID | None = None
) -> uuid.UUID:
    """Write an event into the caller's transaction, return its id; ``detail`` holds no personal data."""
    event_id, actor = new_id(), "handler" if handler_id else "system"
    rows.insert(
        Event,
        id=event_id,
        matter_id=matter_id,
        at=now(),
        actor=actor,
        handler_id=handler_id,
        what=what,
        detail=detail,
    )
    return event_id


def stand_in(matter_id: uuid.UUID, unit: str, why: str) -> None:
    """Let a unit see a matter, in the caller's transaction."""
    rows.insert(MatterUnit, matter_id=matter_id, unit_id=unit, why=why, since=now())


def leave_inboxes(matter_id: uuid.UUID) -> None:
    """End every unit's sight of a matter in the caller's transaction."""
    db.session.execute(
        update(MatterUnit)
        .where(MatterUnit.matter_id == matter_id, MatterUnit.until.is_(None))
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


def ask_person(matter_id: uuid.UUID, why: str) -> None:
    """Mark, once for each reason, that a person must look at a matter; joins the caller's transaction."""
    unasked = update(Matter).where(Matter.id == matter_id, literal(why) != all_(Matter.needs_person))
    marked = unasked.values(needs_person=Matter.needs_person.concat([why]), version=Matter.version + 1)
    db.session.execute(marked.execution_options(synchronize_session=False))
