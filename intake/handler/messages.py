"""The conversation of a matter: each message with its files, and what is known of the letters around it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import aliased

from intake import letters, mailroom
from intake.access import LOCKED
from intake.extensions import db
from intake.matters import sending
from intake.matters.work import NOT_ARRIVED, SENT_AGAIN
from intake.models import Arrival, Attachment, Event, Letter, Message, OutgoingLetter, Rendition

# What a handler wrote: an answer, a question, or word of a delay; "other" where nothing tells any more.
Telling = Literal["answer", "question", "delay", "other"]
_TELLINGS: Mapping[str, Telling] = {
    "supplement_asked": "question", "delay_told": "delay", "delay_told_by_itself": "delay",
}  # fmt: skip
_TIMED = ("letter_bounced", "sent_again", "talk_noted")
# A sender's clock may be this wrong before it is worth telling.
CLOCKS_DIFFER = timedelta(hours=1)


@dataclass(frozen=True)
class Thumbnail:
    """The first picture of a photo's safe view; its size in pixels."""

    number: int
    width: int
    height: int


@dataclass(frozen=True)
class FileView:
    """A file as the page shows it; ``findings`` are words for handlers.

    ``depth`` is how many letters or containers of the same message it lay within; ``thumbnail`` is there
    for photos that may be seen.
    """

    id: uuid.UUID
    name: str
    size_bytes: int
    sha256: str
    verdict: str
    detected_type: str | None
    findings: tuple[str, ...]
    depth: int
    is_inline: bool
    thumbnail: Thumbnail | None


@dataclass(frozen=True)
class LetterIn:
    """The letter that a message came in.

    ``sent_at`` is the sender's own time where it differs from when the letter came; ``authentication``
    what a relay that we trust found out, None when nobody checked. ``copies`` is when the same letter
    came again.
    """

    id: uuid.UUID
    way: str
    is_encrypted: bool
    sent_at: datetime | None
    authentication: Mapping[str, Any] | None
    automatic_reason: str | None
    report: Mapping[str, Any] | None
    handler: str | None
    copies: tuple[datetime, ...]


@dataclass(frozen=True)
class LetterOut:
    """A letter of ours: how far it came, why not further, and whether it can be sent once more.

    ``bounced_at`` is when it came back, ``again_at`` when somebody had another sent in its place.
    """

    id: uuid.UUID
    kind: str
    state: str
    why: str | None
    diagnosis: str | None
    recipient: str
    created_at: datetime
    sent_at: datetime | None
    bounced_at: datetime | None
    again_at: datetime | None
    is_replaced: bool
    may_go_again: bool


@dataclass(frozen=True)
class MessageView:
    """A message in the conversation; ``about`` is the letter of ours that it answers or reports on.

    ``noted_at`` is when what somebody said was noted: it stands at the time when it was said.
    """

    id: uuid.UUID
    direction: str
    telling: Telling
    channel: str
    subject: str
    text: str
    blocks: tuple[letters.Block, ...]
    answers: list[dict[str, str]]
    sender_name: str | None
    sender_email: str | None
    sender_phone: str | None
    handler: str | None
    handler_id: uuid.UUID | None
    held: str | None
    is_automatic: bool
    problems: list[str]
    created_at: datetime
    is_told: bool
    letter: LetterIn | None
    noted_at: datetime | None
    about: LetterOut | None
    letters_out: tuple[LetterOut, ...]
    files: tuple[FileView, ...]


@dataclass(frozen=True)
class Conversation:
    """All messages, oldest first; ``stray`` are letters that did not arrive and tell of no message."""

    messages: tuple[MessageView, ...]
    stray: tuple[LetterOut, ...]


def read_conversation(matter_id: uuid.UUID, names: Mapping[uuid.UUID, str]) -> Conversation:
    """Read the messages of a matter that the person may see; ``names`` are those of its handlers."""
    rows = db.session.execute(
        select(Message, Letter)
        .outerjoin(Letter, Letter.id == Message.letter_id)
        .where(Message.matter_id == matter_id)
        .order_by(Message.created_at, Message.id)
    ).all()
    files, copies = _files(matter_id), _copies(message.id for message, _ in rows)
    ours, events = _letters_out(matter_id, [message for message, _ in rows])
    by_id = {letter.id: letter for _, letter in ours}
    messages = []
    for message, letter in rows:
        came = _came_in(letter, names, copies.get(message.id, ())) if letter else None
        columns = [name for name in MessageView.__annotations__ if name in Message.__table__.columns]
        messages.append(
            MessageView(
                **{name: getattr(message, name) for name in columns},
                telling="answer" if message.is_answer else events.told.get(str(message.id), "other"),
                blocks=letters.fold(message.text, message.flow) if letter else (),  # type: ignore[arg-type]
                handler=names.get(message.handler_id) if message.handler_id else None,
                letter=came,
                noted_at=events.noted.get(str(message.id)),
                about=by_id.get(message.about_letter_id) if message.about_letter_id else None,
                letters_out=tuple(shown for told, shown in ours if told == message.id),
                files=tuple(files.get(message.id, ())),
            )
        )
    stray = tuple(shown for told, shown in ours if told is None and _is_astray(shown))
    return Conversation(tuple(messages), stray)


def _is_astray(letter: LetterOut) -> bool:
    """Say whether a letter did not arrive though somebody should have had it.

    A receipt that we held back ourselves is none: the history tells of it.
    """
    is_held_back = letter.state == "refused" and letter.why != sending.REFUSED
    is_waited_for = not is_held_back or (letter.kind == "alarm" and letter.why != sending.WAITS_NO_MORE)
    return letter.state in NOT_ARRIVED and not letter.is_replaced and is_waited_for


def _came_in(letter: Letter, names: Mapping[uuid.UUID, str], copies: Sequence[datetime]) -> LetterIn:
    registrar = letter.trace.get("handler")
    is_off = letter.sent_at and abs(letter.sent_at - letter.received_at) > CLOCKS_DIFFER
    return LetterIn(
        id=letter.id,
        way=str(letter.trace.get("protocol")),
        is_encrypted=bool(letter.trace.get("tls")),
        sent_at=letter.sent_at if is_off else None,
        authentication=letter.authentication,
        automatic_reason=letter.automatic_reason or _reason_in_envelope(letter),
        report=letter.report,
        handler=names.get(uuid.UUID(registrar)) if registrar else None,
        copies=tuple(copies),
    )


def _reason_in_envelope(letter: Letter) -> str | None:
    """Return why a letter that says nothing of it is taken for a machine's."""
    if mailroom.is_from_nobody(letter):
        return "avsändaren på kuvertet är tom, <>"
    sender = letter.sender_email or letter.envelope_from
    return "avsändaren är en av våra egna adresser" if sender and mailroom.is_ours(sender) else None


def _copies(message_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[datetime]]:
    """Return when each message's letter came once more."""
    first = aliased(Arrival)
    rows = db.session.execute(
        select(first.message_id, Arrival.at)
        .join(first, first.id == Arrival.duplicate_of_id)
        .where(first.message_id.in_(list(message_ids)))
        .order_by(Arrival.at)
    )
    found: dict[uuid.UUID, list[datetime]] = {}
    for message_id, at in rows:
        if message_id:
            found.setdefault(message_id, []).append(at)
    return found


@dataclass(frozen=True)
class _Events:
    """What events tell of letters of ours and of what handlers wrote, by their ids in words."""

    bounced: Mapping[str, datetime]
    again: Mapping[str, datetime]
    told: Mapping[str, Telling]
    noted: Mapping[str, datetime]


def _letters_out(
    matter_id: uuid.UUID, messages: Iterable[Message]
) -> tuple[list[tuple[uuid.UUID | None, LetterOut]], _Events]:
    """Return the matter's own letters and those that its messages speak of, each with its message's id."""
    messages = list(messages)
    about = [message.about_letter_id for message in messages if message.about_letter_id]
    is_told = OutgoingLetter.message_id.in_([message.id for message in messages])
    is_ours = or_(OutgoingLetter.matter_id == matter_id, OutgoingLetter.id.in_(about), is_told)
    order = (OutgoingLetter.created_at, OutgoingLetter.id)
    ours = db.session.scalars(select(OutgoingLetter).where(is_ours).order_by(*order)).all()
    events = _events({matter_id, *(letter.matter_id for letter in ours)})
    return [(letter.message_id, _went_out(letter, matter_id, events)) for letter in ours], events


def _events(matter_ids: Iterable[uuid.UUID]) -> _Events:
    told = select(Event.what, Event.detail, Event.at).where(Event.matter_id.in_(list(matter_ids)))
    rows = db.session.execute(told.where(Event.what.in_((*_TIMED, *_TELLINGS))).order_by(Event.at)).all()
    # Events of earlier versions tell that a letter came back and not which.
    bounced = [row for row in rows if row.what == "letter_bounced" and "letter" in row.detail]
    return _Events(
        bounced={row.detail["letter"]: row.at for row in bounced},
        again={row.detail["letter"]: row.at for row in rows if row.what == "sent_again"},
        told={row.detail["message"]: _TELLINGS[row.what] for row in rows if row.what in _TELLINGS},
        noted={row.detail["message"]: row.at for row in rows if row.what == "talk_noted"},
    )


def _went_out(letter: OutgoingLetter, matter_id: uuid.UUID, events: _Events) -> LetterOut:
    is_replaced = letter.again_id is not None
    may_go = letter.state in NOT_ARRIVED and letter.kind in SENT_AGAIN and letter.matter_id == matter_id
    return LetterOut(
        id=letter.id,
        kind=letter.kind,
        state=letter.state,
        why=letter.why,
        diagnosis=letter.diagnosis,
        recipient=letter.recipient,
        created_at=letter.created_at,
        sent_at=letter.sent_at,
        bounced_at=events.bounced.get(str(letter.id)),
        again_at=events.again.get(str(letter.id)),
        is_replaced=is_replaced,
        may_go_again=may_go and not is_replaced,
    )


def _files(matter_id: uuid.UUID) -> dict[uuid.UUID, list[FileView]]:
    rows = db.session.execute(
        select(Attachment, Rendition.number, Rendition.width, Rendition.height)
        .outerjoin(Rendition, _is_thumbnail())
        .where(Attachment.matter_id == matter_id)
        .order_by(Attachment.message_id, Attachment.position)
    )
    found: dict[uuid.UUID, list[Attachment]] = {}
    thumbnails: dict[uuid.UUID, Thumbnail] = {}
    for file, number, width, height in rows:
        found.setdefault(file.message_id, []).append(file)
        if number:
            thumbnails[file.id] = Thumbnail(number, width, height)
    return {message_id: list(_nested(files, thumbnails)) for message_id, files in found.items()}


def _is_thumbnail() -> ColumnElement[bool]:
    """Return the condition on Rendition: it is the picture of a photo that is not in quarantine."""
    return and_(
        Rendition.attachment_id == Attachment.id,
        Rendition.inner == "",
        Rendition.number == 1,
        Attachment.detected_type.startswith("image/"),
        Attachment.verdict.not_in(LOCKED),
    )


def _nested(files: Sequence[Attachment], thumbnails: Mapping[uuid.UUID, Thumbnail]) -> Iterator[FileView]:
    """Yield the files with what lay within one of them right after it, in their own order."""
    known = {file.part for file in files}
    within: dict[str | None, list[Attachment]] = {}
    for file in files:
        around = (file.part or "").rpartition("~")[0]
        within.setdefault(around if around in known else None, []).append(file)

    def walk(around: str | None, depth: int) -> Iterator[FileView]:
        for file in within.pop(around, ()):
            yield _shown(file, depth, thumbnails.get(file.id))
            if file.part:
                yield from walk(file.part, depth + 1)

    yield from walk(None, 0)


def _shown(file: Attachment, depth: int, thumbnail: Thumbnail | None) -> FileView:
    return FileView(
        id=file.id,
        name=file.name,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        verdict=file.verdict,
        detected_type=file.detected_type,
        findings=tuple(finding["handler"] for finding in file.findings),
        depth=depth,
        is_inline=file.is_inline,
        thumbnail=thumbnail,
    )
