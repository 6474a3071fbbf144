"""What a handler writes to a citizen waits a little before it leaves, and can be taken back until then.

While it waits nobody outside is told of it. One job lets it leave; taking it back is taking that job
away, so that exactly one of the two happens.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, func, select, text, update

from intake import outbox
from intake.errors import Conflict
from intake.extensions import db, now, settings
from intake.matters import deadlines, receipts, reply_drafts
from intake.matters.alarms import URGENT, raise_alarm
from intake.matters.answering import Way, has_code, way_of
from intake.matters.records import ask_person, hold_surviving, note, owe_letter, update_matter
from intake.matters.reply_drafts import Kind
from intake.matters.writing import answer_by
from intake.models import Event, Letter, Matter, Message

# By what wrote it: which letter tells of it, which form it came from, and what it made of the matter.
TELLINGS = {
    "replied": "notice",
    "referred": "notice",
    "supplement_asked": "supplement_request",
    "delay_told": "delay",
}
FORMS: Mapping[str, Kind] = {
    "replied": "reply",
    "referred": "reply",
    "supplement_asked": "supplement",
    "delay_told": "delay",
}
_STATUSES = {"replied": "answered", "referred": "answered", "supplement_asked": "awaiting_citizen"}
_WITHDRAW = text("SELECT withdraw_message(:event)")


class TooLate(Conflict):
    """What was to be taken back has left."""


def waits() -> str | None:
    """Return what a message that a handler writes now is held as: None when it leaves at once."""
    return "waiting" if settings().undo_seconds else None


def send_soon(matter: Matter, event_id: uuid.UUID, message_id: uuid.UUID, way: Way, what: str) -> None:
    """Let what was written leave when it has waited, or now; joins the caller's transaction.

    ``what`` is what the event says was done, one of TELLINGS.
    """
    if seconds := settings().undo_seconds:
        outbox.add("release_message", event_id, due_at=now() + timedelta(seconds=seconds))
    else:
        _owe(matter, message_id, "reply" if way == "mail" else TELLINGS[what], way)


def release(event_id: uuid.UUID, claim: outbox.Claim) -> None:
    """Let what was written leave, the way that is safe by now, and commit.

    It goes to whom it was written to, also when the matter has been merged meanwhile.
    """
    event = db.session.get_one(Event, event_id)
    here = (event.matter_id, hold_surviving(event.matter_id).id)
    message_id = uuid.UUID(event.detail["message"])
    # An event may name what it likes: only who wrote a message lets it go, and from where it stands.
    is_its_own = (Message.handler_id == event.handler_id, Message.matter_id.in_(here))
    statement = update(Message).where(Message.id == message_id, Message.held == "waiting", *is_its_own)
    done = db.session.execute(statement.values(held=None).execution_options(synchronize_session=False))
    if cast("CursorResult[object]", done).rowcount == 1:
        _let_go(event, message_id)
    claim.finish()
    db.session.commit()


def undo(matter_id: uuid.UUID, message_id: uuid.UUID, handler_id: uuid.UUID) -> Kind:
    """Take back what the handler wrote, keep its words as a draft of the form it came from, and commit.

    Return which form that is. Raises TooLate when it has left, or is not the handler's to take back here.
    """
    matter = hold_surviving(matter_id)
    event = _find_event(matter_id, message_id, handler_id)
    message = db.session.get(Message, message_id)
    if not (event and message and db.session.scalar(_WITHDRAW, {"event": event.id})):
        db.session.rollback()
        raise TooLate("Det hann gå iväg och kan inte ångras.")
    if matter.id == matter_id:
        _put_back(matter, event, handler_id)
    kind = FORMS[event.what]
    reply_drafts.add(matter_id, kind, _own_words(event, message))
    note(matter_id, "reply_undone", {"message": str(message_id), "what": event.what}, handler_id)
    db.session.commit()
    return kind


def _find_event(matter_id: uuid.UUID, message_id: uuid.UUID, handler_id: uuid.UUID) -> Event | None:
    its = (Event.matter_id == matter_id, Event.handler_id == handler_id, Event.what.in_(tuple(TELLINGS)))
    named = Event.detail["message"].astext == str(message_id)
    return db.session.scalar(select(Event).where(*its, named))


def _put_back(matter: Any, event: Event, handler_id: uuid.UUID) -> None:
    """Let a matter be as it was before, as far as nobody has made something else of it since."""
    values: dict[str, object] = {}
    was = event.detail["was"]
    if matter.closed_at is not None:
        # It was closed as answered, and nobody has been answered.
        values = {"status": "reopened", "closed_at": None, **deadlines.put_back(was)}
        note(matter.id, "reopened", {"why": "reply_undone"})
    elif matter.status == _STATUSES.get(event.what):
        values = {"status": was["status"], **deadlines.put_back(was)}
        if matter.handler_id == handler_id and was["handler"] is None:
            values["handler_id"] = None
            if matter.priority == URGENT:
                raise_alarm(matter.id)
    update_matter(matter.id, values)


def _own_words(event: Event, message: Message) -> str:
    """Return what the handler wrote, without the day that was put below it."""
    if not event.detail.get("deadline"):
        return message.text
    matter = db.session.get_one(Matter, event.matter_id)
    return message.text.removesuffix(answer_by(matter, date.fromisoformat(event.detail["deadline"]))).rstrip()


def _let_go(event: Event, message_id: uuid.UUID) -> None:
    """Owe the letter that is right by now; when nothing reaches the person any more, ask somebody to look."""
    matter = db.session.get_one(Matter, event.matter_id)
    said = db.session.get_one(Message, message_id)
    way = _way_by_now(matter)
    # One that is not told on the status page goes whole or, as its sending sees to, not at all.
    kind = "reply" if way == "mail" or not said.is_told else TELLINGS[event.what]
    if way == "nowhere" or (way == "page" and not said.is_told):
        ask_person(matter.id, f"{kind}_not_sent")
    else:
        _owe(matter, message_id, kind, way)


def _way_by_now(matter: Matter) -> Way:
    """Return which way is safe, as whoever mails may know: that role looks at no form that is not sent."""
    return way_of(
        email=matter.sender_email,
        may_email=matter.may_email,
        is_neutral=matter.is_neutral,
        category=matter.category,
        flags=matter.flags,
        has_code=has_code(matter.id),
        awaits_form=receipts.may_be_joined(matter.id),
    )


def _owe(matter: Matter, message_id: uuid.UUID, kind: str, way: Way) -> None:
    """Owe the letter that carries what was written whole, or one that only tells of it."""
    if way != "page" and matter.sender_email:
        header = _last_header(matter.id, matter.sender_email)
        owe_letter(kind, matter.id, matter.sender_email, at=now(), message_id=message_id, in_reply_to=header)


def _last_header(matter_id: uuid.UUID, sender: str) -> str | None:
    """Return the Message-ID of the last letter from this address, so that a reply to it joins its thread.

    One of somebody else's would tell whose mail comes into the matter.
    """
    is_theirs = func.lower(Message.sender_email) == func.lower(sender)
    return db.session.scalar(
        select(Letter.message_id_header)
        .join(Message, Message.letter_id == Letter.id)
        .where(Message.matter_id == matter_id, is_theirs, Letter.message_id_header.is_not(None))
        .order_by(Message.created_at.desc(), Message.id.desc())
        .limit(1)
    )
