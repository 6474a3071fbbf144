"""Word of a delay by itself (FL 11 §): once for each clock that runs out, to whoever nobody has told.

It goes in the afternoon of the last day, so that who is answered that day is told nothing needless. A
handler who tells it first says why; this says it in general.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Text, cast, exists, func, select
from sqlalchemy.dialects.postgresql import insert

from intake import rows
from intake.extensions import db, now, settings
from intake.matters import receipts, writing
from intake.matters.answering import has_code, is_child, is_delicate, may_go_by_itself
from intake.matters.following import is_quiet
from intake.matters.records import hold_surviving, note, owe_letter, update_matter
from intake.models import DelayNotice, Event, Matter, Message, new_id, table_of

# So long before a deadline's last second: from three in the afternoon.
TOLD_BEFORE = timedelta(hours=9)
# What ran out longer ago than a weekend is left to people: after a long stop nobody gets a heap of letters.
TOLD_WITHIN = timedelta(days=3)
DECIDED_AT_ONCE = 200
NEVER_TOLD = frozenset({"spam"})
_CLOCK = func.coalesce(Matter.due_from, Matter.received_at)


def tell() -> int:
    """Tell whoever waits for an answer that is nearly late that it takes longer; commits.

    Return how many were told.
    """
    if not settings().tables.authority.asking.tells_delay:
        return 0
    decided = exists().where(DelayNotice.matter_id == Matter.id, DelayNotice.clock_at == _CLOCK)
    due = select(Matter.id).where(*_is_near(now()), ~decided).order_by(Matter.due_at)
    found = db.session.scalars(due.limit(DECIDED_AT_ONCE)).all()
    db.session.rollback()
    return sum(_tell(matter_id) for matter_id in found)


def is_told_of(category: str, flags: Collection[str]) -> bool:
    """Say whether a delay in a matter like this is told by itself: not where it is delicate, or spam."""
    is_open = not is_delicate(category, flags) and not is_quiet(category)
    return settings().tables.authority.asking.tells_delay and is_open and NEVER_TOLD.isdisjoint(flags)


def _is_near(at: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of a matter whose answer is nearly late and ours to give."""
    return (
        Matter.due_at.between(at - TOLD_WITHIN, at + TOLD_BEFORE),
        Matter.status != "awaiting_citizen",
    )


def _tell(matter_id: uuid.UUID) -> bool:
    hold_surviving(matter_id)
    near = select(Matter, _CLOCK).where(Matter.id == matter_id, *_is_near(now()))
    found = db.session.execute(near.execution_options(populate_existing=True)).one_or_none()
    if found is None or not _decide(matter_id, found[1]):
        db.session.rollback()
        return False
    matter, clock_at = found
    if is_told := _may_be_told(matter) and not _told_by_hand(matter_id, clock_at):
        _write(matter)
    db.session.commit()
    return is_told


def _decide(matter_id: uuid.UUID, clock_at: datetime) -> bool:
    """Take the one place that a clock has for this; say whether nobody else had."""
    notice = table_of(DelayNotice)
    made = insert(notice).values(matter_id=matter_id, clock_at=clock_at, at=now())
    return db.session.scalar(made.on_conflict_do_nothing().returning(notice.c.matter_id)) is not None


def _may_be_told(matter: Matter) -> bool:
    """Say whether it may be told by itself, and would reach somebody: a person, and nobody at risk."""
    if not is_told_of(matter.category, matter.flags) or "sender_forged" in matter.needs_person:
        return False
    if is_child(matter.id):
        return False
    by_person = exists().where(
        Message.matter_id == matter.id, Message.direction == "incoming", Message.is_automatic.is_(False)
    )
    return bool(db.session.scalar(select(by_person))) and (_may_mail(matter) or has_code(matter.id))


def _may_mail(matter: Matter) -> bool:
    return may_go_by_itself(matter, may_be_joined=receipts.may_be_joined(matter.id))


def _told_by_hand(matter_id: uuid.UUID, since: datetime) -> bool:
    """Say whether a handler has told it since the clock began, and has not taken it back."""
    told = exists().where(
        Event.matter_id == matter_id,
        Event.what == "delay_told",
        Event.at >= since,
        Event.detail["message"].astext == cast(Message.id, Text),
        Message.held.is_distinct_from("undone"),
    )
    return bool(db.session.scalar(select(told)))


def _write(matter: Matter) -> None:
    """Put the words on the status page, and owe the letter where one may go."""
    message_id, may_mail = new_id(), _may_mail(matter)
    rows.insert(
        Message,
        id=message_id,
        matter_id=matter.id,
        direction="outgoing",
        channel="email",
        subject=writing.delay_subject(matter),
        text=writing.delay_words(matter),
        is_automatic=True,
        problems=[],
        created_at=now(),
        is_told=True,
        is_answer=False,
    )
    if may_mail and matter.sender_email:
        owe_letter("late", matter.id, matter.sender_email, at=now(), message_id=message_id)
    note(
        matter.id, "delay_told_by_itself", {"message": str(message_id), "way": "mail" if may_mail else "page"}
    )
    # Who has the page open is told that something was said.
    update_matter(matter.id, {})
