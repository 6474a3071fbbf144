"""Matters as plain values for an operator's tools: one object each, with the codes of the tables."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from intake.codes import diary_number, read_reference
from intake.errors import NotFound
from intake.extensions import db
from intake.models import (
    Attachment,
    DiaryEntry,
    Event,
    Matter,
    Message,
    OutgoingLetter,
    PlacementRecord,
)

BATCH = 200
WISHES = ("language", "answer_language", "interpreter", "may_email", "is_neutral", "call_words")


def each(since: datetime | None = None, reference: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield matters, oldest first, those received at ``since`` or later. Raises NotFound."""
    query = select(Matter, DiaryEntry).join(DiaryEntry).order_by(Matter.received_at, Matter.id)
    if since is not None:
        query = query.where(Matter.received_at >= since)
    if reference is not None:
        query = query.where(Matter.reference == _written(reference))
    is_empty = True
    for rows in db.session.execute(query.execution_options(yield_per=BATCH)).partitions():
        is_empty = False
        yield from _batch([(matter, entry) for matter, entry in rows])
    if is_empty and reference is not None:
        raise NotFound(f"no matter {reference}")


def show(reference: str) -> dict[str, Any]:
    """Return one matter with all its messages, its placements and its history. Raises NotFound."""
    matter_id = db.session.scalar(select(Matter.id).where(Matter.reference == _written(reference)))
    if matter_id is None:
        raise NotFound(f"no matter {reference}")
    (matter,) = each(reference=reference)
    return matter | {
        "messages": [_message(message) for message in _of(Message, matter_id, Message.created_at)],
        "placements": [_placement(row) for row in _of(PlacementRecord, matter_id, PlacementRecord.at)],
        "letters_out": [
            {"kind": row.kind, "state": row.state, "sent_at": _time(row.sent_at)}
            for row in _of(OutgoingLetter, matter_id, OutgoingLetter.created_at)
        ],
        "events": [
            {"at": _time(event.at), "actor": event.actor, "what": event.what, "detail": event.detail}
            for event in _of(Event, matter_id, Event.at)
        ],
    }


def _batch(rows: Sequence[tuple[Matter, DiaryEntry]]) -> Iterator[dict[str, Any]]:
    ids = [matter.id for matter, _ in rows]
    firsts = _firsts(ids)
    attachments: dict[uuid.UUID, list[Attachment]] = {}
    for attachment in db.session.scalars(
        select(Attachment)
        .join(Message, Message.id == Attachment.message_id)
        .where(Attachment.matter_id.in_(ids), Message.direction == "incoming")
        .order_by(Attachment.created_at, Attachment.message_id, Attachment.position)
    ):
        attachments.setdefault(attachment.matter_id, []).append(attachment)
    latest, survivors = _latest_placements(ids), _survivors(ids)
    for matter, entry in rows:
        first, placement = firsts.get(matter.id), latest.get(matter.id)
        yield {
            "reference": matter.reference,
            "diary_number": diary_number(entry.series, entry.year, entry.number),
            "channel": matter.channel,
            "category": matter.category,
            "unit": matter.unit_id,
            "region": matter.region,
            "priority": matter.priority,
            "flags": list(matter.flags),
            "status": matter.status,
            "merged_into": survivors.get(matter.id),
            "subject": matter.subject,
            "text": first.text if first else "",
            "sender": _sender(matter),
            "concerns": matter.concerns,
            "happened": matter.happened_words,
            "wishes": {column: getattr(matter, column) for column in WISHES},
            "received_at": _time(matter.received_at),
            "attachments": [_attachment(one) for one in attachments.get(matter.id, [])],
            "reasons": [reason["words"] for reason in placement.reasons] if placement else [],
        }


def _firsts(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Message]:
    query = (
        select(Message)
        .where(Message.matter_id.in_(ids), Message.direction == "incoming")
        .ext(distinct_on(Message.matter_id))
        .order_by(Message.matter_id, Message.created_at, Message.id)
    )
    return {message.matter_id: message for message in db.session.scalars(query)}


def _latest_placements(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, PlacementRecord]:
    query = (
        select(PlacementRecord)
        .where(PlacementRecord.matter_id.in_(ids))
        .ext(distinct_on(PlacementRecord.matter_id))
        .order_by(PlacementRecord.matter_id, PlacementRecord.at.desc())
    )
    return {placement.matter_id: placement for placement in db.session.scalars(query)}


def _survivors(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the references of those matters into which merged ones went."""
    survivor = aliased(Matter)
    query = (
        select(Matter.id, survivor.reference)
        .join(survivor, survivor.id == func.surviving_matter(Matter.id))
        .where(Matter.id.in_(ids), Matter.merged_into_id.is_not(None))
    )
    return {row[0]: row[1] for row in db.session.execute(query)}


def _of(table: Any, matter_id: uuid.UUID, order: Any) -> Sequence[Any]:
    return db.session.scalars(
        select(table).where(table.matter_id == matter_id).order_by(order, table.id)
    ).all()


def _sender(matter: Matter) -> dict[str, str | None] | None:
    sender = {"name": matter.sender_name, "email": matter.sender_email, "phone": matter.sender_phone}
    return sender if any(sender.values()) else None


def _attachment(attachment: Attachment) -> dict[str, Any]:
    return {
        "name": attachment.name,
        "size": attachment.size_bytes,
        "sha256": attachment.sha256,
        "type": attachment.detected_type,
        "verdict": attachment.verdict,
    }


def _message(message: Message) -> dict[str, Any]:
    return {
        "direction": message.direction,
        "channel": message.channel,
        "subject": message.subject,
        "text": message.text,
        "at": _time(message.created_at),
        "letter": str(message.letter_id) if message.letter_id else None,
        "is_automatic": message.is_automatic,
        "answers": list(message.answers),
        "is_told": message.is_told,
        "held": message.held,
        "problems": list(message.problems),
    }


def _placement(placement: PlacementRecord) -> dict[str, Any]:
    columns = (
        "category", "guess", "confidence", "is_undecided", "next", "region", "priority", "flags", "reasons",
    )  # fmt: skip
    return {column: getattr(placement, column) for column in columns} | {
        "at": _time(placement.at),
        "unit": placement.unit_id,
        "rules_version": placement.rules_version,
    }


def _time(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else None


def _written(reference: str) -> str:
    return read_reference(reference) or reference
