"""A matter is placed: when it comes in, and again when more is known. What a person decided stands."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from typing import Any, cast

from flask import current_app
from sqlalchemy import exists, select, text

from intake import outbox, routing
from intake.extensions import db, settings
from intake.matters import deadlines
from intake.matters.alarms import URGENT, raise_alarm
from intake.matters.answering import DELICATE_FLAGS
from intake.matters.records import ask_person, keep_placement, leave_inboxes, note, stand_in, update_matter
from intake.models import Arrival, Attachment, Matter, Message, table_of

log = logging.getLogger(__name__)

# What was once seen is not taken back by calmer words that came later.
LASTING_FLAGS = DELICATE_FLAGS | {routing.EMERGENCY}
# What a new placement is weighed against.
_PLACED = ("id", "unit_id", "priority", "flags", "needs_person", "received_at", "due_at", "due_from")


def rules() -> routing.Rules:
    """Return the routing rules that this app was made with."""
    return cast(routing.Rules, current_app.extensions["rules"])


def place(facts: routing.Facts) -> routing.Placement:
    """Place a matter; where the rule fails, by its address alone."""
    try:
        return routing.place(facts, rules())
    except Exception:
        # Placing is part of accepting, and a fault in a rule must never refuse a matter.
        log.exception("the routing rule failed; the matter goes to a person")
        return routing.fallback(rules(), facts)


def whole_text(text: str, answers: Iterable[str]) -> str:
    """Return the text that a message is placed by: its own, and the answers to its questions."""
    return "\n".join((text, *answers))


def place_joined(matter_id: uuid.UUID, facts: routing.Facts, said: dict[str, object]) -> None:
    """Place a matter again when its form came after its letter, unless a person has acted on it.

    ``said`` are the columns that the form gives to the matter.
    """
    placed = select(*table_of(Matter).c[_PLACED]).where(Matter.id == matter_id)
    matter = db.session.execute(placed).one()
    if _is_untouched(matter_id):
        said = said | _replaced(matter, place(facts))
    update_matter(matter_id, said)


def place_again(matter_id: uuid.UUID, claim: outbox.Claim) -> None:
    """Place a matter whose rule failed at arrival, unless a person has acted on it; commits."""
    matter = db.session.scalar(select(Matter).where(Matter.id == matter_id).with_for_update())
    if matter is not None and _is_untouched(matter_id):
        first, addressed_unit = db.session.execute(
            select(Message, Arrival.unit_id)
            .join(Arrival, Arrival.message_id == Message.id)
            .where(Message.matter_id == matter_id)
            .order_by(Message.created_at, Message.id)
            .limit(1)
        ).one()
        has_files = select(exists().where(Attachment.message_id == first.id))
        facts = routing.Facts(
            channel=matter.channel,  # type: ignore[arg-type]
            subject=matter.subject,
            text=whole_text(first.text, [answer["answer"] for answer in first.answers]),
            category=matter.chosen_category,
            municipality=matter.municipality,
            place_words=matter.place_words,
            addressed_unit=addressed_unit,
            has_files=bool(db.session.scalar(has_files)),
        )
        update_matter(matter_id, _replaced(matter, routing.place(facts, rules())))
    claim.finish()
    db.session.commit()


def lifted(
    matter_id: uuid.UUID, matter: Any, facts: routing.Facts, *, is_reopened: bool
) -> dict[str, object]:
    """Return the columns by which danger in a new message lifts a standing matter, and tell of it.

    ``matter`` is the matter's row before the message. Its inbox and category stay.
    """
    is_danger = routing.EMERGENCY in place(facts).flags
    is_urgent = is_danger or matter.priority == URGENT
    if is_urgent and matter.handler_id is None and (is_reopened or matter.priority != URGENT):
        raise_alarm(matter_id)
    if not is_danger:
        return {}
    note(matter_id, "danger_seen", {})
    if matter.handler_id is not None:
        ask_person(matter_id, "danger_in_message")
    return {"priority": URGENT, "flags": sorted({*matter.flags, routing.EMERGENCY})}


def _is_untouched(matter_id: uuid.UUID) -> bool:
    """Say whether no person has acted on a matter yet; what a person decided, no rule undoes."""
    return bool(db.session.scalar(text("SELECT is_untouched(:id)"), {"id": matter_id}))


def _replaced(matter: Any, placement: routing.Placement) -> dict[str, object]:
    """Keep a new placement, move the matter between inboxes if it says so, return the new columns.

    ``matter`` is the matter's row before. What stands behind a wall stays there: only a person
    takes it out.
    """
    keep_placement(matter.id, placement)
    if placement.priority == URGENT != matter.priority:
        raise_alarm(matter.id)
    lasting = LASTING_FLAGS.intersection(matter.flags)
    values: dict[str, object] = {
        "priority": min(placement.priority, matter.priority) if lasting else placement.priority,
        "flags": sorted({*placement.flags, *lasting}),
    }
    if settings().tables.authority.unit(matter.unit_id).is_walled:
        return values
    if placement.unit != matter.unit_id:
        leave_inboxes(matter.id)
        stand_in(matter.id, placement.unit, "placed again")
    note(matter.id, "placed_again", {"unit": placement.unit})
    return values | {
        "category": placement.category,
        "unit_id": placement.unit,
        "region": placement.region,
        **deadlines.follow(matter, placement.category),
    }
