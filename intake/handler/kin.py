"""What a matter's page shows of the matters that it may belong with, went into or took in."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, text

from intake import access, codes
from intake.access import Person, visible
from intake.extensions import db, now
from intake.handler.whole import EventView, MatterView
from intake.matters import protected
from intake.matters.merging import goes_to_one_mailbox
from intake.matters.splitting import UNDO_FOR
from intake.models import Matter, table_of

# Under which name the event of a merging tells the other matter.
MERGINGS = {"merged_into": "into", "merged_from": "from"}
_COLUMNS = table_of(Matter).c[
    "id", "reference", "subject", "status", "received_at", "closed_at", "version", "unit_id", "sender_email",
    "flags",
]  # fmt: skip
_RELATIVES = text("SELECT id, how FROM relatives(:matter_id)")


@dataclass(frozen=True)
class Relative:
    """Another matter that the person may see, as far as it is shown beside this one."""

    id: uuid.UUID
    reference: str
    subject: str
    status: str
    received_at: datetime
    closed_at: datetime | None
    version: int
    unit_id: str
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

    @property
    def ids(self) -> frozenset[uuid.UUID]:
        """Those of the matters that are shown."""
        shown = (self.into, self.beside, *self.parts)
        return frozenset(each.id for each in shown if each is not None)


def look(person: Person, view: MatterView, typed: str) -> Kin:
    """Read a matter's relatives behind the walls; ``typed`` is a reference to compare with, or "".

    Each that is shown is looked at first, and recorded; commits.
    """
    matter_id = view.id
    related = _related(matter_id)
    reference = codes.read_reference(typed)
    chosen_id = access.open_matter(reference) if reference else None
    seen = read_relatives(person, [*related, *([chosen_id] if chosen_id else [])])
    parts = tuple(each for each in seen.values() if related.get(each.id) == "part")
    if view.merged_into_id is not None:
        into = next((each for each in seen.values() if related.get(each.id) == "into"), None)
        return Kin(True, into, parts, None, is_named=False, is_one_mailbox=False, not_found="")
    named = next((each for each in seen.values() if related.get(each.id) == "named"), None)
    chosen = seen.get(chosen_id) if chosen_id and chosen_id != matter_id else None
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


def merged_lately(events: Iterable[EventView]) -> frozenset[str]:
    """Return the references of what a matter was merged with so lately that it may have been a mistake."""
    merged = [event for event in events if event.what in MERGINGS and event.at > now() - UNDO_FOR]
    return frozenset(event.detail[MERGINGS[event.what]] for event in merged)


def open_survivor(person: Person, matter_id: uuid.UUID) -> bool:
    """Look at the matter that one went into; False when it stands where the person does not see it."""
    into = [other for other, how in _related(matter_id).items() if how == "into"]
    return bool(read_relatives(person, into))


def open_where_noted(person: Person, matter_id: uuid.UUID) -> bool:
    """Look at where a note of a matter is written: there, or in what it went into; False for one not seen."""
    merged = select(table_of(Matter).c.merged_into_id).where(Matter.id == matter_id)
    return db.session.scalar(merged) is None or open_survivor(person, matter_id)


def _related(matter_id: uuid.UUID) -> dict[uuid.UUID, str]:
    """Return how each of a matter's relatives that the session sees is related to it, by its id."""
    found = {row.id: row.how for row in db.session.execute(_RELATIVES, {"matter_id": matter_id})}
    if found:
        access.look_beside(found)
    return found


def read_relatives(person: Person, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Relative]:
    """Return matters that were looked at and that the person sees, the oldest first."""
    if not ids:
        return {}
    asked = select(*_COLUMNS).where(Matter.id.in_(ids), visible(person))
    rows = db.session.execute(asked.order_by(Matter.received_at, Matter.id))
    return {row.id: _relative(row) for row in rows}


def _relative(row: Row[Any]) -> Relative:
    email = protected.shown("sender_email", row.sender_email, row.flags)
    same = [name for name in Relative.__annotations__ if name != "sender_email"]
    return Relative(**{name: getattr(row, name) for name in same}, sender_email=email)
