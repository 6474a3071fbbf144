"""What was said in other ways than in writing: noted in the matter for handlers alone (FL 27 §)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from intake import rows
from intake.errors import NotAllowed
from intake.extensions import db, now
from intake.matters.records import hold_seen, note
from intake.matters.work import Act
from intake.models import Message, new_id

# How it was said: stands as the channel of a note.
WAYS: Mapping[str, str] = {
    "phone_in": "Inkommande samtal",
    "phone_out": "Utgående samtal",
    "visit": "Besök eller möte",
}
# What somebody says is older than this has the wrong year.
OLDEST = timedelta(days=3653)


@dataclass(frozen=True)
class Talk:
    """Something that was said, in one of WAYS, when it was said, and with whom as far as that is known."""

    way: str
    at: datetime
    name: str
    phone: str
    text: str


def note_talk(act: Act, talk: Talk) -> None:
    """Note what was said, at the time when it was said, and commit; it collides with nobody's work.

    One about a merged matter is noted in the one that it went into, where it is seen. NotAllowed for a
    time that is still to come, or longer ago than anybody notes anything.
    """
    if talk.way not in WAYS:
        raise NotAllowed("Välj hur det sades.")
    require_been(talk.at)
    act = replace(act, matter_id=hold_seen(act.matter_id))
    message_id = new_id()
    rows.insert(
        Message,
        id=message_id,
        matter_id=act.matter_id,
        direction="note",
        channel=talk.way,
        subject="",
        text=talk.text,
        sender_name=talk.name or None,
        sender_phone=talk.phone or None,
        handler_id=act.handler_id,
        problems=[],
        created_at=talk.at,
    )
    note(act.matter_id, "talk_noted", {"message": str(message_id), "way": talk.way}, act.handler_id)
    db.session.commit()


def require_been(at: datetime) -> None:
    """Raise NotAllowed for a time that is still to come, or so long ago that the year must be wrong."""
    here = now()
    if at > here:
        raise NotAllowed("Tiden har inte varit än. Kontrollera dag och klockslag.")
    if at < here - OLDEST:
        raise NotAllowed("Det är mer än tio år sedan. Kontrollera årtalet.")
