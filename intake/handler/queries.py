"""What the inbox and the red bar show, read behind the first wall into plain values."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    Select,
    Text,
    bindparam,
    func,
    literal,
    select,
    true,
    tuple_,
    union_all,
)

from intake.access import Person, visible
from intake.extensions import db
from intake.handler.cursors import Cursor
from intake.matters.alarms import RAISED, WAITS
from intake.models import (
    Attachment,
    Handler,
    Matter,
    MatterUnit,
    Message,
    Unit,
)

PAGE_ROWS = 50
# More than so many waiting at once are not counted: the bar stands on every page, and must stay cheap.
MOST_COUNTED = 100


@dataclass(frozen=True)
class InboxRow:
    """One matter in the inbox."""

    id: uuid.UUID
    reference: str
    subject: str
    category: str
    priority: int
    flags: list[str]
    needs_person: list[str]
    status: str
    unit: str
    handler: str | None
    received_at: datetime
    files: int


@dataclass(frozen=True)
class InboxPage:
    """A page of the inbox and the cursor of the next, None on the last."""

    rows: tuple[InboxRow, ...]
    next: Cursor | None


def inbox(
    person: Person,
    *,
    unit: str | None = None,
    only_mine: bool = False,
    after: Cursor | None = None,
    rows: int = PAGE_ROWS,
) -> InboxPage:
    """Return open matters in the person's inboxes in order of need: priority, then age.

    ``unit`` limits it to one inbox, ``only_mine`` to what the person has taken.
    """
    units = [code for code in person.units if unit in (None, code)]
    found = db.session.execute(_inbox_query(person, units, only_mine, after, rows + 1)).all()
    shown = tuple(InboxRow(*row) for row in found[:rows])
    last = shown[-1] if len(found) > rows else None
    return InboxPage(shown, Cursor(last.received_at, last.id, last.priority) if last else None)


def _inbox_query(
    person: Person, units: Iterable[str], only_mine: bool, after: Cursor | None, rows: int
) -> Select[Any]:
    """Merge the first rows of each inbox, so that each is an index's beginning whatever its size.

    An inbox shows what stands in it, and what an alarm was raised to it from units not shown here.
    """
    codes_of = func.unnest(bindparam("units", list(units), type_=ARRAY(Text)))
    one = select(codes_of.label("code")).subquery("one")
    order = (Matter.priority, Matter.received_at, Matter.id)
    first = select(Matter).where(Matter.closed_at.is_(None), visible(person)).correlate(one)
    if only_mine:
        first = first.where(Matter.handler_id == person.handler_id)
    if after:
        place = tuple_(literal(after.priority), literal(after.received_at), literal(after.id))
        first = first.where(tuple_(*order) > place)
    is_raised = (
        MatterUnit.unit_id == one.c.code,
        MatterUnit.why == literal(RAISED, literal_execute=True),
        MatterUnit.until.is_(None),
    )
    elsewhere = Matter.unit_id.not_in(units)
    raised = first.join(MatterUnit, MatterUnit.matter_id == Matter.id).where(*is_raised, elsewhere)
    parts = (first.where(Matter.unit_id == one.c.code), raised)
    found = union_all(*(part.order_by(*order).limit(rows) for part in parts)).lateral("found")
    came_in = (Attachment.matter_id == found.c.id, Message.direction == "incoming")
    files = (
        select(func.count())
        .select_from(Attachment)
        .join(Message, Message.id == Attachment.message_id)
        .where(*came_in)
        .correlate(found)
        .scalar_subquery()
    )
    columns = [found.c[name] for name in ("id", "reference", "subject", "category", "priority", "flags")]
    return (
        select(*columns, found.c.needs_person, found.c.status, Unit.name, Handler.name)
        .add_columns(found.c.received_at, files)
        .select_from(one)
        .join(found, true())
        .join(Unit, Unit.id == found.c.unit_id)
        .outerjoin(Handler, Handler.id == found.c.handler_id)
        .order_by(found.c.priority, found.c.received_at, found.c.id)
        .limit(rows)
    )


@dataclass(frozen=True)
class Waiting:
    """How many urgent matters nobody has taken, up to MOST_COUNTED, and the reference of the oldest."""

    count: int
    reference: str

    @property
    def is_more(self) -> bool:
        """Say whether there may be more than were counted."""
        return self.count == MOST_COUNTED


def waiting(person: Person) -> Waiting | None:
    """Return what is urgent and waits in the person's inboxes; None when nothing does."""
    oldest = select(Matter.reference).where(WAITS, visible(person)).order_by(Matter.received_at, Matter.id)
    references = db.session.scalars(oldest.limit(MOST_COUNTED)).all()
    return Waiting(len(references), references[0]) if references else None


def units_of(person: Person) -> tuple[tuple[str, str], ...]:
    """Return code and name of each inbox that the person sees."""
    rows = db.session.execute(select(Unit.id, Unit.name).where(Unit.id.in_(person.units)).order_by(Unit.id))
    return tuple((row[0], row[1]) for row in rows)
