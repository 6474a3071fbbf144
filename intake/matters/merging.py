"""Merging: what stands in one matter goes into another, and can be parted from it again.

The messages go, with their files. The matter that they leave is closed and keeps its number, its codes,
its addresses and its letters, and what comes by them goes on to the one that it went into. What its
codes open is decided when it is merged: whoever has one may be somebody else than the other's person.
"""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Row, exists, func, select, text

from intake import ledger, routing, shown
from intake.errors import Conflict, NotAllowed
from intake.extensions import db, now, settings
from intake.matters import deadlines, handovers, secrecy
from intake.matters.alarms import URGENT, raise_alarm
from intake.matters.answering import is_child
from intake.matters.records import ask_person, note, update_matter
from intake.matters.work import Act
from intake.models import Matter, Message, table_of

# The mark of a letter that names another matter; it is settled by merging the two, or by saying no.
POSSIBLE = "possible_supplement"
_COLUMNS = table_of(Matter).c[
    "id", "reference", "version", "unit_id", "status", "priority", "flags", "needs_person", "handler_id",
    "closed_at", "merged_into_id", "possible_of_id", "category", "received_at", "due_at", "due_from",
]  # fmt: skip
_HOLD = text("SELECT hold_matter(:matter_id)")
_MERGE = text("SELECT merge_matters(:gone, :kept, :codes_lead_on)")
_PART = text("SELECT part_matters(:gone)")


def merge(act: Act, into_id: uuid.UUID, *, codes_lead_on: bool) -> None:
    """Let all that stands in a matter go into another, close it, and commit.

    ``codes_lead_on`` lets whoever has a code of it see what the other one tells on the status page.
    The caller has seen to it that the person may see both. NotAllowed across a wall, when either is
    merged already, or while a form that is not sent may still join one of them.
    """
    gone, kept = _hold(act, into_id)
    _require_mergeable(gone, kept)
    needs = [need for need in gone.needs_person if need not in (POSSIBLE, *deadlines.BY_DAYS)]
    closed = {"status": "closed", "closed_at": gone.closed_at or now(), **deadlines.stop(needs)}
    update_matter(gone.id, closed)
    values = {"gone": gone.id, "kept": kept.id, "codes_lead_on": codes_lead_on}
    moved = [str(message_id) for message_id in db.session.scalars(_MERGE, values).one()]
    detail = {"into": kept.reference, "messages": moved, "codes_lead_on": codes_lead_on}
    note(gone.id, "merged_into", detail, act.handler_id)
    note(kept.id, "merged_from", {"from": gone.reference, "messages": len(moved)}, act.handler_id)
    secrecy.follow(gone, kept, act)
    is_new = gone.closed_at is None and gone.status != "answered"
    update_matter(kept.id, _lifted(gone, kept) if is_new else {})
    if is_new and kept.handler_id and routing.EMERGENCY in {*gone.flags} - {*kept.flags}:
        needs = [*needs, "danger_in_message"]
    for need in needs:
        ask_person(kept.id, need)
    db.session.commit()


def part_again(act: Act) -> None:
    """Take out of another matter what went into it with this one, open this one, and commit.

    What has come in since stays where it came. NotAllowed when it is not merged, and across a wall
    that stands there now.
    """
    gone, kept = _hold(act, None)
    if gone.merged_into_id is None:
        raise NotAllowed("Ärendet är inte sammanfört med något annat.")
    _require_no_wall(gone, kept)
    moved = db.session.scalars(_PART, {"gone": gone.id}).one()
    anew = deadlines.begin(gone.category, now())
    update_matter(gone.id, {"status": "reopened", "closed_at": None, **anew})
    update_matter(kept.id, {})
    note(gone.id, "parted", {"into": kept.reference, "messages": len(moved)}, act.handler_id)
    note(kept.id, "parted_from", {"from": gone.reference, "messages": len(moved)}, act.handler_id)
    if gone.priority == URGENT and gone.handler_id is None:
        raise_alarm(gone.id)
    db.session.commit()


def dismiss(act: Act) -> None:
    """Record that a matter does not belong to the one that its subject names, and commit.

    NotAllowed when it names none, or that was recorded before.
    """
    matter = _held(act.matter_id)
    _require_as_seen(act, matter)
    if matter.possible_of_id is None:
        raise NotAllowed("Det är redan avgjort att ärendet inte hör till ett annat.")
    needs = [need for need in matter.needs_person if need != POSSIBLE]
    update_matter(matter.id, {"needs_person": needs, "possible_of_id": None})
    shown.put_at_hand([matter.possible_of_id])
    named = db.session.scalar(select(Matter.reference).where(Matter.id == matter.possible_of_id))
    note(matter.id, "not_supplement", {"of": named}, act.handler_id)
    db.session.commit()


def goes_to_one_mailbox(matter_id: uuid.UUID, other_id: uuid.UUID) -> bool:
    """Say whether a matter's codes can only have gone to the other one's address: all of it was mailed.

    Anybody can write any address into a form, and is shown the code there.
    """
    email = select(func.lower(Matter.sender_email)).where(Matter.id.in_((matter_id, other_id)))
    addresses = set(db.session.scalars(email))
    forms = exists().where(
        Message.matter_id == matter_id, Message.direction == "incoming", Message.channel != "email"
    )
    return len(addresses) == 1 and None not in addresses and not db.session.scalar(select(forms))


def _hold(act: Act, into_id: uuid.UUID | None) -> tuple[Row[Any], Row[Any]]:
    """Lock a matter and the one that it goes into, or went into; Conflict when it has changed meanwhile.

    One merging at a time, and always first the one that goes, as for what comes in by it: so no two
    wait for each other. Whoever only adds rows waits for none of it.
    """
    ledger.hold_key("merging")
    gone = _held(act.matter_id)
    _require_as_seen(act, gone)
    surviving = func.surviving_matter(act.matter_id)
    return gone, _held(into_id or db.session.scalars(select(surviving)).one())


def _held(matter_id: uuid.UUID) -> Row[Any]:
    db.session.execute(_HOLD, {"matter_id": matter_id})
    return db.session.execute(select(*_COLUMNS).where(Matter.id == matter_id)).one()


def _require_as_seen(act: Act, matter: Row[Any]) -> None:
    if matter.version != act.version:
        db.session.rollback()
        raise Conflict("En kollega hann före.")


def _require_mergeable(gone: Row[Any], kept: Row[Any]) -> None:
    if gone.id == kept.id:
        raise NotAllowed("Det är samma ärende. Skriv numret på det andra.")
    if gone.merged_into_id is not None:
        raise NotAllowed("Ärendet är redan sammanfört med ett annat.")
    if kept.merged_into_id is not None:
        raise NotAllowed(f"{kept.reference} är självt sammanfört med ett annat. Sammanför med det i stället.")
    _require_no_wall(gone, kept)
    if is_child(kept.id) and not is_child(gone.id):
        # Whoever wrote the first would be answered by nobody.
        raise NotAllowed(
            f"{kept.reference} är ett delärende, och därifrån svarar ingen. Sammanför med huvudärendet."
        )
    for matter in (gone, kept):
        if handovers.find(matter.id) is not None:
            raise NotAllowed(
                f"{matter.reference} är överlämnat och väntar på att tas emot. Ta emot det först."
            )
        # The form would take the other's sender over, and be given a code to all of it.
        if db.session.scalar(select(func.awaits_form(matter.id))):
            raise NotAllowed(
                f"Till {matter.reference} hör ett formulär som inte är skickat än. Vänta tills det har"
                " kommit, eller tills ett dygn har gått utan att någon rört det."
            )


def _require_no_wall(gone: Row[Any], kept: Row[Any]) -> None:
    authority = settings().tables.authority
    here, there = authority.unit(gone.unit_id), authority.unit(kept.unit_id)
    if here.side != there.side and (here.is_walled or there.is_walled):
        raise NotAllowed(
            f"{gone.reference} och {kept.reference} står på var sin sida av en sekretessgräns och kan inte"
            " sammanföras eller delas. Flytta först det ena, om det får göras."
        )


def _lifted(gone: Row[Any], kept: Row[Any]) -> dict[str, object]:
    """Return the columns by which what is new lifts the matter that it goes into, and tell of it."""
    values = {"priority": min(gone.priority, kept.priority), **deadlines.join(gone, kept)}
    is_reopened = kept.closed_at is not None or kept.status == "answered"
    if is_reopened:
        values |= {"status": "reopened", "closed_at": None}
        note(kept.id, "reopened", {"why": "merged"})
    elif kept.status == "awaiting_citizen":
        values |= {"status": "in_progress", "paused_until": None}
    if values["priority"] == URGENT and kept.handler_id is None and (is_reopened or kept.priority != URGENT):
        raise_alarm(kept.id)
    return values
