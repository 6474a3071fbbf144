"""One matter, whole: what its page shows, read behind the first wall into plain values."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Text,
    Uuid,
    cast,
    exists,
    func,
    select,
    union,
)

from intake import codes
from intake.access import LOCKED, Person, visible
from intake.extensions import db
from intake.handler.messages import Conversation, read_conversation
from intake.matters.belonging import seen_links
from intake.matters.desk import colleagues
from intake.matters.names import handler_names
from intake.matters.uploading import Awaited, awaited
from intake.models import (
    Attachment,
    DiaryEntry,
    Event,
    Matter,
    Message,
    PlacementRecord,
)

_LINKS = ("linked", "unlinked")
Colleagues = tuple[tuple[uuid.UUID, str], ...]


@dataclass(frozen=True)
class EventView:
    """Something that was done, when and by whom (None: the service itself), and to which file."""

    at: datetime
    handler: str | None
    what: str
    detail: Mapping[str, Any]
    file: str | None


@dataclass(frozen=True)
class MatterView:
    """Everything that a matter's page shows."""

    id: uuid.UUID
    reference: str
    diary_number: str | None
    channel: str
    category: str
    chosen_category: str | None
    unit_id: str
    region: str | None
    priority: int
    flags: list[str]
    needs_person: list[str]
    status: str
    subject: str
    sender_name: str | None
    sender_email: str | None
    sender_phone: str | None
    municipality: str | None
    place: str | None
    place_words: str
    happened_words: str
    concerns: str | None
    language: str
    answer_language: str | None
    interpreter: str | None
    may_email: bool
    is_neutral: bool
    call_words: str
    handler_id: uuid.UUID | None
    received_at: datetime
    closed_at: datetime | None
    due_at: datetime | None
    due_from: datetime | None
    version: int
    merged_into_id: uuid.UUID | None
    paused_until: datetime | None
    conversation: Conversation
    events: tuple[EventView, ...]
    placement: PlacementView | None
    awaited: tuple[Awaited, ...]
    awaits_form: bool
    colleagues: Colleagues
    names: Mapping[uuid.UUID, str]


@dataclass(frozen=True)
class PlacementView:
    """Why the matter stands where it does: the rule's last decision."""

    category: str
    guess: str
    confidence: float
    is_undecided: bool
    next: list[str]
    reasons: list[dict[str, Any]]
    rules_version: str


def matter_view(person: Person, reference: str) -> MatterView | None:
    """Read all of a matter that the person may see and has looked at; None when there is no such matter."""
    matter = db.session.scalar(select(Matter).where(Matter.reference == reference, visible(person)))
    if matter is None:
        return None
    names = _names(matter)
    same = [name for name in MatterView.__annotations__ if name in Matter.__table__.columns]
    return MatterView(
        **{name: getattr(matter, name) for name in same},
        diary_number=_diary_number(matter.id),
        conversation=read_conversation(matter.id, names),
        events=_events(matter.id, names),
        placement=_placement(matter.id),
        awaited=awaited(matter.id),
        awaits_form=bool(db.session.scalar(select(func.awaits_form(matter.id)))),
        colleagues=colleagues([matter.unit_id]),
        names=names,
    )


def _names(matter: Matter) -> dict[uuid.UUID, str]:
    """Return the names of everybody who has acted on a matter, been given it or brought a letter to it."""
    events = (Event.matter_id == matter.id, Event.what.in_(("assigned", "letter_registered")))
    given = cast(func.coalesce(Event.detail["to"].astext, Event.detail["handler"].astext), Uuid)
    named = union(
        select(Event.handler_id).where(Event.matter_id == matter.id),
        select(given).where(*events),
        # What was answered in a matter that went into this one has no event here.
        select(Message.handler_id).where(Message.matter_id == matter.id),
    )
    return handler_names([matter.handler_id, *db.session.scalars(named)])


def _diary_number(matter_id: uuid.UUID) -> str | None:
    entry = db.session.get(DiaryEntry, matter_id)
    return codes.diary_number(entry.series, entry.year, entry.number) if entry else None


def _events(matter_id: uuid.UUID, names: Mapping[uuid.UUID, str]) -> tuple[EventView, ...]:
    is_file = cast(Attachment.id, Text) == Event.detail["attachment"].astext
    rows = db.session.execute(
        select(Event, Attachment.name)
        .outerjoin(Attachment, (Attachment.matter_id == Event.matter_id) & is_file)
        .where(Event.matter_id == matter_id)
        .order_by(Event.at, Event.id)
    ).all()
    # Of a link with what the person does not see nothing is told, not even that there is one.
    of_links = [row for row, _file in rows if row.what in _LINKS]
    seen = seen_links(matter_id) if of_links else frozenset()
    hidden = {row.id for row in of_links if row.detail["link"] not in seen}
    return tuple(
        EventView(row.at, names.get(row.handler_id) if row.handler_id else None, row.what, row.detail, file)
        for row, file in rows
        if row.id not in hidden
    )


def _placement(matter_id: uuid.UUID) -> PlacementView | None:
    row = db.session.scalar(
        select(PlacementRecord)
        .where(PlacementRecord.matter_id == matter_id)
        .order_by(PlacementRecord.at.desc(), PlacementRecord.id.desc())
        .limit(1)
    )
    if row is None:
        return None
    columns = ("category", "guess", "confidence", "is_undecided", "next", "reasons", "rules_version")
    return PlacementView(**{column: getattr(row, column) for column in columns})


def holds_quarantined(matter_id: uuid.UUID, letter_id: uuid.UUID) -> bool:
    """Say whether a raw letter holds a file that is in quarantine in this matter."""
    is_held = (
        exists()
        .where(Attachment.message_id == Message.id, Attachment.verdict.in_(LOCKED))
        .where(Message.letter_id == letter_id, Message.matter_id == matter_id)
    )
    return bool(db.session.scalar(select(is_held)))
