"""Handing over: a unit gives a matter to another, which receives it or sends it back with a reason.

Until it is received the giver sees it and can take it back, so that nothing lies between two chairs. What is
refused a second time goes to the national inbox, which cannot refuse it. Nothing is handed over across
a wall: there a matter is moved (``work.move``), and nobody outside is told what becomes of it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from config.working_days import after_working_hours
from intake.errors import NotAllowed
from intake.extensions import STOCKHOLM, db, now, settings
from intake.languages import force_locale
from intake.matters import handovers
from intake.matters.alarms import URGENT, raise_alarm
from intake.matters.answering import has_code
from intake.matters.following import is_quiet
from intake.matters.records import note
from intake.matters.work import IN_HAND, Act, change, end, open_matter, works_in
from intake.matters.writing import language_of
from intake.models import Event, Handover, Matter

MARKED_AT_ONCE = 200


def due_at(since: datetime) -> datetime:
    """Return by when what is handed over now is to be received."""
    return after_working_hours(since.astimezone(STOCKHOLM), settings().tables.authority.handover_hours)


def require_unit(here: str, unit: str) -> None:
    """Raise NotAllowed unless a matter that stands in a unit may be handed over to another."""
    authority = settings().tables.authority
    target = next((each for each in authority.units if each.code == unit), None)
    if target is None:
        raise NotAllowed("Det finns ingen sådan enhet.")
    if unit == here:
        raise NotAllowed("Ärendet står redan där. Välj en annan enhet.")
    if target.is_walled or authority.unit(here).is_walled:
        raise NotAllowed("Över en sekretessgräns lämnas inget över. Flytta ärendet i stället.")


def hand_over(act: Act, unit: str, words: str) -> None:
    """Give a matter to another unit, which is to receive it, with the reason; and commit.

    It is nobody's from then on, and its deadline goes on. NotAllowed for a unit that it cannot be given to,
    and where a national coordinator has to decide.
    """
    matter = open_matter(act)
    left = matter.unit_id
    require_unit(left, unit)
    at, was = due_at(now()), {"status": matter.status, "handler": _text(matter.handler_id)}
    status = "registered" if matter.status in IN_HAND else matter.status
    needs = [need for need in matter.needs_person if need not in handovers.NEEDS]
    change(act, {"handler_id": None, "status": status, "paused_until": None, "needs_person": needs})
    if handovers.give(act.matter_id, act.version + 1, unit, at) is None:
        db.session.rollback()
        raise NotAllowed("Ärendet har lämnats tillbaka två gånger. En nationell samordnare avgör.")
    if matter.priority == URGENT:
        raise_alarm(act.matter_id)
    detail = {"from": left, "to": unit, "due_at": at.isoformat(), "was": was}
    end(act, "handed_over", detail, words)


def receive(act: Act) -> None:
    """Receive what was handed over, into the inbox, and commit."""
    waiting = _waiting(act)
    change(act, {})
    handovers.end(act.matter_id, act.version + 1, "received")
    end(act, "handover_received", {"from": waiting.from_unit})


def send_back(act: Act, words: str) -> None:
    """Refuse what was handed over, with the reason, and commit: it goes back, the second time up.

    NotAllowed when it cannot be refused.
    """
    waiting = _waiting(act)
    if not waiting.may_be_refused:
        raise NotAllowed("Ärendet kan inte lämnas tillbaka. Ta emot det.")
    matter = db.session.get_one(Matter, act.matter_id)
    priority, needs = matter.priority, [need for need in matter.needs_person if need not in handovers.NEEDS]
    is_up = waiting.refusal == "up"
    change(act, {"needs_person": [*needs, handovers.TO_DECIDE if is_up else handovers.SENT_BACK]})
    stands = handovers.end(act.matter_id, act.version + 1, "refused")
    if priority == URGENT:
        raise_alarm(act.matter_id)
    end(
        act,
        "handover_raised" if is_up else "handover_refused",
        {"from": waiting.to_unit, "to": stands},
        words,
    )


def take_back(act: Act) -> None:
    """Take back what was handed over and is not received yet, and commit: it is as it was, if it can be."""
    waiting = _waiting(act)
    matter = db.session.get_one(Matter, act.matter_id)
    priority, was = matter.priority, _before(act.matter_id)
    needs = [need for need in matter.needs_person if need not in handovers.NEEDS]
    # First the unit has it again: until then it writes nothing in it.
    handovers.end(act.matter_id, act.version, "taken_back")
    values: dict[str, object] = {"needs_person": needs}
    handler_id = uuid.UUID(was["handler"]) if was["handler"] else None
    if handler_id and works_in(handler_id, waiting.from_unit):
        values |= {"handler_id": handler_id, "status": was["status"]}
    change(act, values)
    if priority == URGENT and "handler_id" not in values:
        raise_alarm(act.matter_id)
    end(act, "handover_undone", {"from": waiting.to_unit})


def citizen_reads(matter_id: uuid.UUID) -> str:
    """Return what the status page will say of it, in the person's language; nothing where it says nothing."""
    matter = db.session.get_one(Matter, matter_id)
    if is_quiet(matter.category) or not has_code(matter_id):
        return ""
    with force_locale(language_of(matter)):
        return handovers.told(is_received=False)


def mark_overdue() -> int:
    """Let both units see, once for each, what should have been received by now; commits.

    Return how many there were.
    """
    count = 0
    while marked := _mark_some():
        count += marked
    return count


def _mark_some() -> int:
    at = now()
    waits = (Handover.ended_at.is_(None), Handover.overdue_at.is_(None), Handover.due_at < at)
    late = select(Handover.id, Handover.matter_id, Handover.from_unit, Handover.to_unit, Handover.due_at)
    late = late.join(Matter, Matter.id == Handover.matter_id).where(*waits).order_by(Handover.due_at)
    # Whoever acts on one just now may be receiving it; the next round looks again.
    held = late.limit(MARKED_AT_ONCE).with_for_update(skip_locked=True)
    if not (found := db.session.execute(held).all()):
        db.session.rollback()
        return 0
    _write(update(Handover).where(Handover.id.in_([row.id for row in found])).values(overdue_at=at))
    others = func.array_remove(Matter.needs_person, handovers.OVERDUE)
    marked = {"needs_person": func.array_append(others, handovers.OVERDUE), "version": Matter.version + 1}
    _write(update(Matter).where(Matter.id.in_([row.matter_id for row in found])).values(**marked))
    for row in found:
        detail = {"from": row.from_unit, "to": row.to_unit, "due_at": row.due_at.isoformat()}
        note(row.matter_id, handovers.OVERDUE, detail)
    db.session.commit()
    return len(found)


def _write(statement: Any) -> None:
    db.session.execute(statement.execution_options(synchronize_session=False))


def _waiting(act: Act) -> handovers.Waiting:
    """Return the hand-over that waits in a matter, as the person saw it."""
    open_matter(act, is_received=False)
    waiting = handovers.find(act.matter_id)
    if waiting is None:
        raise NotAllowed("Ärendet är inte överlämnat, eller har redan tagits emot.")
    return waiting


def _before(matter_id: uuid.UUID) -> Mapping[str, str | None]:
    """Return who had a matter before it was handed over, and how it stood."""
    given = select(Event.detail).where(Event.matter_id == matter_id, Event.what == "handed_over")
    detail = db.session.scalars(given.order_by(Event.at.desc(), Event.id.desc()).limit(1)).one()
    return detail["was"]  # type: ignore[no-any-return]


def _text(handler_id: uuid.UUID | None) -> str | None:
    return str(handler_id) if handler_id else None
