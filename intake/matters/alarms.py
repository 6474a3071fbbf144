"""An alarm: those on duty are told of an urgent matter again and again, until somebody takes it.

It begins with an event, in the transaction that leaves an urgent matter to nobody. Its job comes
every few minutes: first to the duty address of the matter's unit; then the alarm is raised, so that
the national inbox sees the matter too and its duty address is told as well; then it ends, in sight.
A newer alarm of the same matter takes the place of an older one. The handlers' pages show what
waits by themselves, whatever becomes of queue and mail.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sqlalchemy import and_, exists, func, select, update

from intake import limits, outbox
from intake.extensions import db, now, settings
from intake.matters.handovers import HANDED
from intake.matters.records import ask_person, note, owe_letter, stand_in
from intake.models import Event, Matter, MatterUnit

URGENT = 1
EVERY = timedelta(minutes=5)
TIMES_TO_UNIT = 3
TIMES_IN_ALL = 6
# Within EVERY. So many wake anybody; a flood of urgent matters must not bury the duty address.
LETTERS_TO_AN_ADDRESS = 20
# Why a unit sees a matter that it was told of by an alarm.
RAISED = "raised"

WAITS = and_(
    Matter.priority == URGENT,
    Matter.handler_id.is_(None),
    Matter.closed_at.is_(None),
)


def raise_alarm(matter_id: uuid.UUID) -> None:
    """Begin an alarm in the caller's transaction, for an urgent matter that nobody has taken."""
    _come_back(note(matter_id, "alarm_began", {}), 1, now())


def sound(alarm_id: uuid.UUID, claim: outbox.Claim) -> None:
    """Tell those on duty, if the matter still waits, and come back later; commits.

    What was taken, closed or given another priority meanwhile is left in peace.
    """
    claim.finish()
    its_matter = select(Event.matter_id).where(Event.id == alarm_id).scalar_subquery()
    waiting = select(Matter).where(Matter.id == its_matter, WAITS).with_for_update()
    matter = db.session.scalar(waiting)
    if matter is not None and _newest(matter.id) == alarm_id:
        step = _times_told(matter.id, alarm_id) + 1
        if step <= TIMES_IN_ALL:
            _tell(matter, alarm_id, step)
            _come_back(alarm_id, step + 1, now() + EVERY)
        else:
            ask_person(matter.id, "alarm_unanswered")
            note(matter.id, "alarm_unanswered", {"alarm": str(alarm_id)})
    db.session.commit()


def _come_back(alarm_id: uuid.UUID, step: int, due_at: datetime) -> None:
    outbox.add("alarm", alarm_id, dedupe=f"alarm:{alarm_id}:{step}", due_at=due_at)


def _newest(matter_id: uuid.UUID) -> uuid.UUID | None:
    began = select(Event.id).where(Event.matter_id == matter_id, Event.what == "alarm_began")
    return db.session.scalar(began.order_by(Event.at.desc(), Event.id.desc()).limit(1))


def _times_told(matter_id: uuid.UUID, alarm_id: uuid.UUID) -> int:
    told = select(func.count()).where(Event.matter_id == matter_id, Event.what == "alarmed")
    return db.session.scalar(told.where(Event.detail["alarm"].astext == str(alarm_id))) or 0


def _tell(matter: Matter, alarm_id: uuid.UUID, step: int) -> None:
    """Owe a letter to each duty address; what stands behind a wall is never told of outside it."""
    authority = settings().tables.authority
    unit, national = authority.unit(matter.unit_id), authority.unit_of_kind("inkorg", None)
    told = [unit]
    if step > TIMES_TO_UNIT and not unit.is_walled and unit != national:
        told.append(national)
        _let_see(matter.id, national.code)
    for address in dict.fromkeys(unit.duty for unit in told):
        if limits.hit("alarm", address, window=EVERY) <= LETTERS_TO_AN_ADDRESS:
            owe_letter("alarm", matter.id, address, at=now())
    note(matter.id, "alarmed", {"alarm": str(alarm_id), "step": step, "units": [unit.code for unit in told]})


def _let_see(matter_id: uuid.UUID, unit: str) -> None:
    its = (MatterUnit.matter_id == matter_id, MatterUnit.unit_id == unit, MatterUnit.until.is_(None))
    # What it has handed over itself it sees, but does not act on.
    handed = update(MatterUnit).where(*its, MatterUnit.why == HANDED).values(until=now())
    db.session.execute(handed.execution_options(synchronize_session=False))
    if not db.session.scalar(select(exists().where(*its))):
        stand_in(matter_id, unit, RAISED)
        note(matter_id, "alarm_raised", {"to": unit})
