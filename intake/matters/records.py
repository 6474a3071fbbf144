"""The rows that every act on a matter writes; all join the caller's transaction."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Row, exists, func, or_, select, text, true, update
from sqlalchemy.exc import NoResultFound

from intake import codes, letters, outbox, routing, rows
from intake.errors import Conflict
from intake.extensions import db, now, settings
from intake.models import (
    Event,
    MailAddress,
    Matter,
    MatterUnit,
    OutgoingLetter,
    PlacementRecord,
    new_id,
    table_of,
)

# Letters that a handler has sent come back to an address of their own; the others have no way back.
FROM_A_HANDLER = ("reply", "notice", "supplement_request", "delay")
_HOLD_SURVIVING = text("SELECT hold_surviving(:matter_id)")
_LEAVE = text("SELECT leave_inboxes(:matter_id, :at)")
_MOVE = text("SELECT move_matter(:matter_id, :unit)")
# What goes by itself to whoever wrote; it too may come back.
BY_ITSELF = ("reminder", "late")
# What whoever adds to a matter must know of it.
_STATE = (
    "id", "merged_into_id", "status", "closed_at", "category", "priority", "flags", "handler_id",
    "needs_person", "due_at",
)  # fmt: skip


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
    """End every unit's sight of a matter in the caller's transaction, also of those it cannot see."""
    db.session.execute(_LEAVE, {"matter_id": matter_id, "at": now()})


def move_to(matter_id: uuid.UUID, unit: str) -> None:
    """Let one unit alone see a matter from now on, in the caller's transaction."""
    db.session.execute(_MOVE, {"matter_id": matter_id, "unit": unit})


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

    The version counts up, so that a handler with an older page is told. Raises Conflict when somebody
    changed it meanwhile, which who holds it need not fear.
    """
    counted = {"version": Matter.version + 1, **values}
    statement = update(Matter).where(Matter.id == matter_id).values(**counted)
    done = db.session.execute(statement.execution_options(synchronize_session=False))
    if cast("CursorResult[object]", done).rowcount != 1:
        db.session.rollback()
        raise Conflict("En kollega hann före.")


def hold_surviving(matter_id: uuid.UUID) -> Row[Any]:
    """Lock the matter that what is new for this one belongs to, until the transaction ends; return its row.

    It is itself, or what it was merged into. Whoever merges it just now is waited for, and followed;
    whoever only adds rows about it waits for nobody.
    """
    held = db.session.scalar(_HOLD_SURVIVING, {"matter_id": matter_id})
    return db.session.execute(select(*table_of(Matter).c[_STATE]).where(Matter.id == held)).one()


def hold_seen(matter_id: uuid.UUID) -> uuid.UUID:
    """Do as ``hold_surviving`` for a person, and return the matter's id.

    Raises Conflict when the matter went into another just now, which the person has not opened, or to
    another unit.
    """
    try:
        held = cast(uuid.UUID, hold_surviving(matter_id).id)
    except NoResultFound:
        held = None
    # Whoever was waited for may have handed it over.
    if held is None or not db.session.scalar(select(func.may_write(held))):
        db.session.rollback()
        raise Conflict("En kollega hann före.")
    return held


def ask_person(matter_id: uuid.UUID, why: str) -> None:
    """Mark, once for each reason, that a person must look at a matter; joins the caller's transaction.

    In a merged one nobody would see it, so the mark is for the one that it went into.
    """
    matter = hold_surviving(matter_id)
    if why not in matter.needs_person:
        update_matter(matter.id, {"needs_person": [*matter.needs_person, why]})


def needs_without(matter: Matter, letter: OutgoingLetter) -> list[str]:
    """Return what still needs a person in a matter when a letter that did not arrive is sent again."""
    need, states = f"{letter.kind}_not_sent", ["refused", "task"]
    is_alike: ColumnElement[bool] = OutgoingLetter.kind == letter.kind
    if letter.state == "bounced":
        need, states, is_alike = "letter_bounced", ["bounced"], true()
    is_other = (OutgoingLetter.matter_id == matter.id, OutgoingLetter.id != letter.id, is_alike)
    is_open = exists().where(*is_other, OutgoingLetter.again_id.is_(None), OutgoingLetter.state.in_(states))
    # What a merged matter needed stands here too, and its letters are not looked through.
    was_joined = exists().where(Matter.merged_into_id == matter.id)
    if db.session.scalar(select(or_(is_open, was_joined))):
        return list(matter.needs_person)
    return [each for each in matter.needs_person if each != need]


def owe_letter(
    kind: str,
    matter_id: uuid.UUID,
    recipient: str,
    *,
    at: datetime,
    message_id: uuid.UUID | None = None,
    in_reply_to: str | None = None,
) -> uuid.UUID:
    """Owe a letter in the caller's transaction, and return its id.

    ``at`` is the date that it bears, ``message_id`` what it tells of, ``in_reply_to`` a Message-ID.
    """
    letter_id = new_id()
    rows.insert(
        OutgoingLetter,
        id=letter_id,
        matter_id=matter_id,
        message_id=message_id,
        kind=kind,
        recipient=recipient,
        message_id_header=header_of(kind, letter_id),
        in_reply_to=in_reply_to,
        created_at=at,
    )
    if kind in (*FROM_A_HANDLER, *BY_ITSELF):
        token = codes.new_token()
        rows.insert(MailAddress, token=token, matter_id=matter_id, outgoing_id=letter_id, created_at=at)
    outbox.add("send_letter", letter_id)
    return letter_id


def header_of(kind: str, letter_id: uuid.UUID) -> str:
    """Return the Message-ID of a letter of ours."""
    domain = settings().tables.authority.mail_domain
    return letters.message_id(kind, str(letter_id), settings().address_key, domain)
