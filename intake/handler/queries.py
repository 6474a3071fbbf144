"""What the inbox and a matter's page show, read behind the first wall into plain values."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    Select,
    Text,
    bindparam,
    cast,
    exists,
    func,
    literal,
    select,
    true,
    tuple_,
    union_all,
)

from intake import codes
from intake.access import Person, visible
from intake.extensions import db
from intake.matters.alarms import RAISED, WAITS
from intake.matters.uploading import Awaited, awaited
from intake.matters.work import ASSIGNABLE
from intake.models import (
    Attachment,
    DiaryEntry,
    Event,
    Handler,
    Matter,
    MatterUnit,
    Membership,
    Message,
    OutgoingLetter,
    PlacementRecord,
    Unit,
)

PAGE_ROWS = 50
# More than so many waiting at once are not counted: the bar stands on every page, and must stay cheap.
MOST_COUNTED = 100
_CURSOR = re.compile(r"([1-5])\.(\d{1,17})\.([0-9a-f]{32})")
Colleagues = tuple[tuple[uuid.UUID, str], ...]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Cursor:
    """The last row of a page, after which the next one begins."""

    priority: int
    received_at: datetime
    id: uuid.UUID

    def __str__(self) -> str:
        micros = (self.received_at - _EPOCH) // timedelta(microseconds=1)
        return f"{self.priority}.{micros}.{self.id.hex}"

    @classmethod
    def read(cls, words: str) -> Cursor | None:
        """Read a cursor out of an address; None when it is none of ours."""
        match = _CURSOR.fullmatch(words)
        if match is None:
            return None
        try:
            at = _EPOCH + timedelta(microseconds=int(match[2]))
        except OverflowError:
            return None
        return cls(int(match[1]), at, uuid.UUID(match[3]))


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
    return InboxPage(shown, Cursor(last.priority, last.received_at, last.id) if last else None)


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


@dataclass(frozen=True)
class FileView:
    """A file as the page shows it; ``findings`` are words for handlers."""

    id: uuid.UUID
    name: str
    size_bytes: int
    sha256: str
    verdict: str
    detected_type: str | None
    findings: tuple[str, ...]


@dataclass(frozen=True)
class MessageView:
    """A message in the conversation, with the state of its letter when it is a reply."""

    id: uuid.UUID
    direction: str
    channel: str
    subject: str
    text: str
    answers: list[dict[str, str]]
    sender_name: str | None
    sender_email: str | None
    sender_phone: str | None
    handler: str | None
    letter_id: uuid.UUID | None
    is_automatic: bool
    problems: list[str]
    created_at: datetime
    letter_state: str | None
    letter_kind: str | None
    is_told: bool
    sent_at: datetime | None
    files: tuple[FileView, ...]


@dataclass(frozen=True)
class EventView:
    """Something that was done, when and by whom (None: the service itself)."""

    at: datetime
    handler: str | None
    what: str
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class MatterView:
    """Everything that a matter's page shows."""

    id: uuid.UUID
    reference: str
    diary_number: str | None
    channel: str
    category: str
    chosen_category: str | None
    unit_id: str
    region: str | None
    priority: int
    flags: list[str]
    needs_person: list[str]
    status: str
    subject: str
    sender_name: str | None
    sender_email: str | None
    sender_phone: str | None
    municipality: str | None
    place: str | None
    place_words: str
    happened_words: str
    concerns: str | None
    language: str
    answer_language: str | None
    interpreter: str | None
    may_email: bool
    is_neutral: bool
    call_words: str
    handler_id: uuid.UUID | None
    received_at: datetime
    closed_at: datetime | None
    version: int
    messages: tuple[MessageView, ...]
    events: tuple[EventView, ...]
    placement: PlacementView | None
    earlier: str | None
    awaited: tuple[Awaited, ...]
    awaits_form: bool
    colleagues: Colleagues
    names: Mapping[uuid.UUID, str]


@dataclass(frozen=True)
class PlacementView:
    """Why the matter stands where it does: the rule's last decision."""

    category: str
    guess: str
    confidence: float
    is_undecided: bool
    next: list[str]
    reasons: list[dict[str, Any]]
    rules_version: str


def matter_view(person: Person, reference: str) -> MatterView | None:
    """Read all of a matter that the person may see; None when there is no such matter."""
    matter = db.session.scalar(select(Matter).where(Matter.reference == reference, visible(person)))
    if matter is None:
        return None
    names = _names(matter)
    same = [name for name in MatterView.__annotations__ if name in Matter.__table__.columns]
    return MatterView(
        **{name: getattr(matter, name) for name in same},
        diary_number=_diary_number(matter.id),
        messages=_messages(matter.id, names),
        events=_events(matter.id, names),
        placement=_placement(matter.id),
        earlier=_earlier(person, matter.possible_of_id),
        awaited=awaited(matter.id),
        awaits_form=bool(db.session.scalar(select(func.awaits_form(matter.id)))),
        colleagues=colleagues(matter.unit_id),
        names=names,
    )


def _names(matter: Matter) -> dict[uuid.UUID, str]:
    """Return the names of everybody who has acted on a matter or been given it."""
    acted = select(Event.handler_id).where(Event.matter_id == matter.id)
    given = select(Event.detail["to"].astext).where(Event.matter_id == matter.id, Event.what == "assigned")
    is_named = Handler.id.in_(acted) | (Handler.id == matter.handler_id)
    is_named |= cast(Handler.id, Text).in_(given)
    return {row[0]: row[1] for row in db.session.execute(select(Handler.id, Handler.name).where(is_named))}


def _diary_number(matter_id: uuid.UUID) -> str | None:
    entry = db.session.get(DiaryEntry, matter_id)
    return codes.diary_number(entry.series, entry.year, entry.number) if entry else None


def _messages(matter_id: uuid.UUID, names: Mapping[uuid.UUID, str]) -> tuple[MessageView, ...]:
    files = _files(matter_id)
    rows = db.session.execute(
        select(Message, OutgoingLetter.state, OutgoingLetter.kind, OutgoingLetter.sent_at)
        .outerjoin(OutgoingLetter, OutgoingLetter.message_id == Message.id)
        .where(Message.matter_id == matter_id)
        .order_by(Message.created_at, Message.id)
    )
    return tuple(
        MessageView(
            id=message.id,
            direction=message.direction,
            channel=message.channel,
            subject=message.subject,
            text=message.text,
            answers=message.answers,
            sender_name=message.sender_name,
            sender_email=message.sender_email,
            sender_phone=message.sender_phone,
            handler=names.get(message.handler_id) if message.handler_id else None,
            letter_id=message.letter_id,
            is_automatic=message.is_automatic,
            problems=message.problems,
            created_at=message.created_at,
            letter_state=state,
            letter_kind=kind,
            is_told=message.is_told,
            sent_at=sent_at,
            files=tuple(files.get(message.id, ())),
        )
        for message, state, kind, sent_at in rows
    )


def _files(matter_id: uuid.UUID) -> dict[uuid.UUID, list[FileView]]:
    rows = db.session.scalars(
        select(Attachment)
        .where(Attachment.matter_id == matter_id)
        .order_by(Attachment.message_id, Attachment.position)
    )
    found: dict[uuid.UUID, list[FileView]] = {}
    for row in rows:
        view = FileView(
            id=row.id,
            name=row.name,
            size_bytes=row.size_bytes,
            sha256=row.sha256,
            verdict=row.verdict,
            detected_type=row.detected_type,
            findings=tuple(finding["handler"] for finding in row.findings),
        )
        found.setdefault(row.message_id, []).append(view)
    return found


def _events(matter_id: uuid.UUID, names: Mapping[uuid.UUID, str]) -> tuple[EventView, ...]:
    rows = db.session.scalars(select(Event).where(Event.matter_id == matter_id).order_by(Event.at, Event.id))
    return tuple(
        EventView(row.at, names.get(row.handler_id) if row.handler_id else None, row.what, row.detail)
        for row in rows
    )


def _placement(matter_id: uuid.UUID) -> PlacementView | None:
    row = db.session.scalar(
        select(PlacementRecord)
        .where(PlacementRecord.matter_id == matter_id)
        .order_by(PlacementRecord.at.desc(), PlacementRecord.id.desc())
        .limit(1)
    )
    if row is None:
        return None
    columns = ("category", "guess", "confidence", "is_undecided", "next", "reasons", "rules_version")
    return PlacementView(**{column: getattr(row, column) for column in columns})


def _earlier(person: Person, earlier_id: uuid.UUID | None) -> str | None:
    """Return the reference of the matter that this may belong to, if the person may know of it."""
    if earlier_id is None:
        return None
    return db.session.scalar(select(Matter.reference).where(Matter.id == earlier_id, visible(person)))


def colleagues(unit: str) -> Colleagues:
    """Return those who can be given a matter that stands in this unit."""
    rows = db.session.execute(
        select(Handler.id, Handler.name)
        .where(Handler.disabled_at.is_(None))
        .where(
            Handler.id.in_(
                select(Membership.handler_id).where(
                    Membership.unit_id == unit, Membership.role.in_(ASSIGNABLE)
                )
            )
        )
        .order_by(Handler.name, Handler.id)
    )
    return tuple((row[0], row[1]) for row in rows)


def holds_quarantined(matter_id: uuid.UUID, letter_id: uuid.UUID) -> bool:
    """Say whether a raw letter holds a file that is in quarantine in this matter."""
    is_held = (
        exists()
        .where(Attachment.message_id == Message.id, Attachment.verdict.in_(("quarantine", "refuse")))
        .where(Message.letter_id == letter_id, Message.matter_id == matter_id)
    )
    return bool(db.session.scalar(select(is_held)))
