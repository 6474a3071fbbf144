"""What an export tells of a matter out of the tables: columns named one by one, and only what is its own.

What was sent to another side too, and other matters, are told nowhere: not who they are, nor that they are.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, select

from intake.extensions import db
from intake.models import (
    Arrival,
    Attachment,
    Event,
    Letter,
    Matter,
    MatterUnit,
    Message,
    OutgoingLetter,
    PlacementRecord,
    table_of,
)
from intake.models.base import Base

Row = dict[str, Any]

# A new column is told when somebody has thought about it and named it here.
_COLUMNS: Mapping[type[Base], tuple[str, ...]] = {
    Matter: (
        "id", "reference", "channel", "category", "unit_id", "region", "priority", "flags", "status",
        "subject", "sender_name", "sender_email", "sender_phone", "municipality", "place", "place_words",
        "chosen_category", "needs_person", "handler_id", "received_at", "closed_at", "language",
        "answer_language", "interpreter", "may_email", "is_neutral", "call_words", "concerns",
        "happened_words",
    ),
    Message: (
        "id", "direction", "channel", "subject", "text", "sender_name", "sender_email", "sender_phone",
        "handler_id", "letter_id", "is_automatic", "problems", "created_at", "answers", "is_told",
        "is_answer", "flow", "about_letter_id", "held",
    ),
    Attachment: (
        "id", "message_id", "position", "name", "size_bytes", "sha256", "declared_type", "detected_type",
        "verdict", "findings", "created_at", "checked_at", "part", "is_inline", "facts", "contents",
        "scanned_with", "drawn_at", "view_problem",
    ),
    Letter: (
        "id", "size_bytes", "sha256", "envelope_from", "trace", "received_at", "parsed_at",
        "message_id_header", "sender_email", "problems", "sent_at", "automatic_reason", "authentication",
        "report",
    ),
    Event: ("id", "at", "actor", "handler_id", "what", "detail"),
    PlacementRecord: (
        "id", "at", "category", "guess", "confidence", "is_undecided", "next", "unit_id", "region",
        "priority", "flags", "reasons", "rules_version",
    ),
    MatterUnit: ("id", "unit_id", "why", "since", "until"),
    Arrival: (
        "id", "channel", "destination", "digest", "at", "unit_id", "letter_id", "message_id",
        "duplicate_of_id", "marks",
    ),
    OutgoingLetter: (
        "id", "kind", "state", "recipient", "message_id_header", "in_reply_to", "why", "diagnosis",
        "again_id", "created_at", "sent_at",
    ),
}  # fmt: skip
# The way that a letter came, without the mailbox of ours that it lay in, which may be another side's.
_WAY = ("protocol", "peer", "helo", "tls", "smtputf8", "is_trusted", "is_import", "handler")
# These events name another matter, and so nothing more is told than that they were.
_ABOUT_ANOTHER = ("merged_into", "merged_from", "parted", "parted_from", "not_supplement", "child_told")
# Of a link not even that: whoever reads may see nothing of the other.
_UNTOLD = ("linked", "unlinked")
_DETAILS = (
    "again", "alarm", "attachment", "authority", "channel", "code", "codes", "deadline", "decision",
    "digest", "files", "findings", "from", "handing_on", "handler", "incident", "is_told", "key", "kind",
    "left_out", "letter", "masked", "message", "needs", "new_files", "note", "now", "outcome",
    "provision", "provisions", "rule", "step", "to", "unit", "units", "upload", "was", "way", "what",
    "why", "withheld",
)  # fmt: skip


@dataclass(frozen=True)
class Address:
    """An address that a letter came to and a person is told of, as it is shown, and where it led."""

    letter_id: uuid.UUID
    destination: str
    shown: str


# Which addresses of these letters a person is told.
Addresses = Callable[[Sequence[uuid.UUID]], Iterable[Address]]


def read(model: type[Base], which: ColumnElement[bool], order: Any) -> list[Row]:
    """Return the rows of a table as they are told."""
    table = table_of(model)
    told = select(*(table.c[name] for name in _COLUMNS[model]))
    rows = db.session.execute(told.where(which).order_by(order, *table.primary_key))
    return [dict(row) for row in rows.mappings()]


def read_events(matter_id: uuid.UUID) -> list[Row]:
    """Return what was done to a matter, oldest first."""
    events = read(Event, and_(Event.matter_id == matter_id, Event.what.not_in(_UNTOLD)), Event.at)
    return [event | {"detail": _detail(event["what"], event["detail"])} for event in events]


def read_letters(letter_ids: Sequence[uuid.UUID], arrivals: Sequence[Row], told: Addresses) -> list[Row]:
    """Return letters, each with the addresses by which it came into the matter of these arrivals."""
    came = {(arrival["letter_id"], arrival["destination"]) for arrival in arrivals}
    addresses: dict[uuid.UUID, list[str]] = {}
    for each in told(letter_ids):
        if (each.letter_id, each.destination) in came:
            addresses.setdefault(each.letter_id, []).append(each.shown)
    letters = read(Letter, Letter.id.in_(letter_ids), Letter.received_at)
    return [
        letter | {"envelope_to": addresses.get(letter["id"], []), "trace": _kept(letter["trace"], _WAY)}
        for letter in letters
    ]


def _detail(what: str, detail: Mapping[str, Any]) -> Row:
    return {} if what in _ABOUT_ANOTHER else _kept(detail, _DETAILS)


def _kept(values: Mapping[str, Any], names: Iterable[str]) -> Row:
    return {name: values[name] for name in names if name in values}
