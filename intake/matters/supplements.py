"""A supplement that is awaited: one reminder before its day, which can be called off, and a task after it.

The rows are asked every few minutes, as for deadlines. Whoever decides holds the matter and changes the
request only if nobody has: so each is decided once, however often this is begun or killed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date, datetime
from typing import cast

from sqlalchemy import ColumnElement, CursorResult, func, select, text, update

from intake.errors import NotAllowed
from intake.extensions import STOCKHOLM, db, now
from intake.matters import deadlines, receipts
from intake.matters.answering import may_go_by_itself
from intake.matters.records import hold_surviving, note, owe_letter, update_matter
from intake.matters.work import Act, change, end, open_matter
from intake.models import Matter, Message, SupplementRequest, table_of

DECIDED_AT_ONCE = 200
_REQUEST = table_of(SupplementRequest)
_CANCEL = text("SELECT cancel_reminder(:matter_id)")


def cancel_reminder(act: Act) -> None:
    """Call off the reminder of what a matter waits for, and commit; NotAllowed when none is to come."""
    open_matter(act)
    # The matter first, as for whoever reminds: so neither waits for the other.
    change(act, {})
    if not db.session.scalar(_CANCEL, {"matter_id": act.matter_id}):
        db.session.rollback()
        raise NotAllowed("Det finns ingen påminnelse att ställa in. Den kan redan ha gått iväg.")
    end(act, "reminder_cancelled", {})


def remind() -> int:
    """Remind, once for each request, whoever has not answered as its day comes near; commits.

    Return how many letters are owed.
    """
    is_due = (_REQUEST.c.reminder.is_(None), _REQUEST.c.remind_at <= now())
    return _each(_REQUEST.c.remind_at, is_due, _remind)


def mark_missed() -> int:
    """Wake, once for each request, a matter whose supplement did not come by its day; commits.

    Its clock begins anew: what happens now is ours to say. Return how many there were.
    """
    is_over = (_REQUEST.c.missed_at.is_(None), _REQUEST.c.until_at < now())
    return _each(_REQUEST.c.until_at, is_over, _miss)


def is_awaited(message_id: uuid.UUID | None) -> bool:
    """Say whether a matter still waits for what a message asked for."""
    asked = select(_REQUEST.c.id, _REQUEST.c.matter_id).where(_REQUEST.c.message_id == message_id)
    found = db.session.execute(asked).one_or_none()
    return found is not None and _newest(found.matter_id) == found.id


def day_of(message_id: uuid.UUID | None) -> date | None:
    """Return by which day a message asked for a supplement."""
    until = db.session.scalar(select(_REQUEST.c.until_at).where(_REQUEST.c.message_id == message_id))
    return until.astimezone(STOCKHOLM).date() if until else None


def _each(
    first: ColumnElement[datetime | None],
    those: tuple[ColumnElement[bool], ...],
    decide: Callable[[uuid.UUID, uuid.UUID, uuid.UUID], bool],
) -> int:
    columns = (_REQUEST.c.id, _REQUEST.c.matter_id, _REQUEST.c.message_id)
    found = db.session.execute(select(*columns).where(*those).order_by(first).limit(DECIDED_AT_ONCE)).all()
    db.session.rollback()
    return sum(decide(*row) for row in found)


def _remind(request_id: uuid.UUID, matter_id: uuid.UUID, message_id: uuid.UUID) -> bool:
    hold_surviving(matter_id)
    matter, asked = db.session.get_one(Matter, matter_id), db.session.get_one(Message, message_id)
    until = db.session.scalars(select(_REQUEST.c.until_at).where(_REQUEST.c.id == request_id)).one()
    may_go = may_go_by_itself(matter, may_be_joined=receipts.may_be_joined(matter_id))
    if asked.held == "waiting" or _newest(matter_id) != request_id or until < now():
        became = "needless"
    else:
        became = "sent" if may_go else "withheld"
    if not _change(request_id, _REQUEST.c.reminder, became):
        return False
    if became == "sent" and matter.sender_email:
        owe_letter("reminder", matter_id, matter.sender_email, at=now(), message_id=message_id)
    if became != "needless":
        note(matter_id, "reminded" if became == "sent" else "reminder_withheld", {"message": str(message_id)})
    db.session.commit()
    return became == "sent"


def _miss(request_id: uuid.UUID, matter_id: uuid.UUID, _message_id: uuid.UUID) -> bool:
    matter = hold_surviving(matter_id)
    is_missed = _newest(matter_id) == request_id
    if not _change(request_id, _REQUEST.c.missed_at, now()):
        return False
    if is_missed:
        others = [need for need in matter.needs_person if need != deadlines.NO_SUPPLEMENT]
        anew = deadlines.begin(matter.category, now())
        needs = [*others, deadlines.NO_SUPPLEMENT]
        update_matter(matter_id, {**anew, "needs_person": needs, "paused_until": None})
        note(matter_id, deadlines.NO_SUPPLEMENT, {})
    db.session.commit()
    return is_missed


def _newest(matter_id: uuid.UUID) -> uuid.UUID | None:
    """Return which request a matter waits for, None when for none."""
    awaited = func.awaited_supplement(matter_id).table_valued(*_REQUEST.c)
    return cast("uuid.UUID | None", db.session.scalar(select(awaited.c.id)))


def _change(request_id: uuid.UUID, column: ColumnElement[object], value: object) -> bool:
    """Decide about a request if nobody has; say whether that was so."""
    statement = update(SupplementRequest).where(_REQUEST.c.id == request_id, column.is_(None))
    done = db.session.execute(statement.values({column: value}).execution_options(synchronize_session=False))
    if cast("CursorResult[object]", done).rowcount == 1:
        return True
    db.session.rollback()
    return False
