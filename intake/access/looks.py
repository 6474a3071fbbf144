"""Every look is accounted for: a row before anything is shown, and a log line for every refusal.

The database writes the rows itself, with its own time and in the name of who is signed in, and what is
in a matter it opens only to a session whose look it has written.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import text

from intake import shown
from intake.access.person import Person
from intake.errors import NotFound
from intake.extensions import db
from intake.security_log import security

LOOKS = 200
# How a whole matter is read that is to leave the screen: printed, as a PDF, or to be masked.
Printed = Literal["print", "paper", "release"]
_LOOK = text("SELECT look(:what, :matter_id, :attachment_id, :reason)")
_EACH = text("SELECT look_at_each(:what, CAST(:matter_ids AS uuid[]), :is_once)")
_LIST = text("SELECT look_at_list(:what, :words, :reason)")
_OPEN = text("SELECT open_matter(:reference, :is_page)")
_BY_COMMAND = text(
    "SELECT look_by_command(:user, :what, (SELECT id FROM matter WHERE reference = :reference), :words)"
)


@dataclass(frozen=True)
class Look:
    """One row of the record: who, when and at what, such as ``view`` or ``picture:/1``."""

    at: datetime
    actor: str
    what: str
    reason: str | None


def open_matter(reference: str, *, is_page: bool = False) -> uuid.UUID | None:
    """Find a matter where the person sees it, and commit.

    The first time in a session is a look, and each time that its page is shown.
    """
    if "\x00" in reference:
        # No text of the database can hold it.
        return None
    found: uuid.UUID | None = db.session.scalar(_OPEN, {"reference": reference, "is_page": is_page})
    db.session.commit()
    if found:
        shown.put_at_hand([found])
    return found


def look_at_view(matter_id: uuid.UUID, attachment_id: uuid.UUID) -> None:
    """Record that the person reads what is known of a file, and its text, and commit."""
    _look("view", matter_id, attachment_id)


def look_at_picture(matter_id: uuid.UUID, attachment_id: uuid.UUID, inner: str, number: int) -> None:
    """Record that the person sees one picture of a file's safe view, and commit."""
    _look(f"picture:{inner}/{number}", matter_id, attachment_id)


def look_at_file(matter_id: uuid.UUID, attachment_id: uuid.UUID, reason: str | None = None) -> None:
    """Record that the person downloads a file, with the reason where one was asked, and commit."""
    _look("file", matter_id, attachment_id, reason)


def look_at_export(matter_id: uuid.UUID, reason: str) -> None:
    """Record that the person takes out a whole matter, and why, and commit."""
    _look("export", matter_id, None, reason)


def look_at_print(matter_id: uuid.UUID, what: Printed) -> None:
    """Record that the person prints a whole matter, fetches it as a PDF or masks it, and commit."""
    _look(what, matter_id)


def look_at_protected(matter_id: uuid.UUID, reason: str) -> None:
    """Record that the person sees protected contact details, and why, and commit."""
    _look("protected", matter_id, None, reason)


def looks_at_file(attachment_id: uuid.UUID) -> tuple[Look, ...]:
    """Return who has looked at a file that the person may see, the last first.

    Of the readings of its page, and of its pictures, at most ``LOOKS`` each; whoever took out the
    original, the letter that it came in or the whole matter is always told.
    """
    asked = text("SELECT at, actor, what, reason FROM file_looks(:attachment_id, :most)")
    found = db.session.execute(asked, {"attachment_id": attachment_id, "most": LOOKS})
    return tuple(Look(*row) for row in found)


def look_at_letter(matter_id: uuid.UUID, letter_id: uuid.UUID, reason: str) -> None:
    """Record that the person downloads a raw letter, and commit."""
    _look(f"letter:{letter_id}", matter_id, None, reason)


def look_at_journal(matter_ids: Iterable[uuid.UUID]) -> None:
    """Record that the person reads who wrote to these matters and of what, in a list, and commit."""
    _look_at_each("journal", matter_ids)


def look_beside(matter_ids: Iterable[uuid.UUID]) -> None:
    """Record that the person is shown these matters beside another, once in a session, and commit."""
    _look_at_each("beside", matter_ids, is_once=True)


def look_at_list(what: str, words: str = "", reason: str | None = None) -> uuid.UUID:
    """Record that the person reads a list that opens no one matter, by which words and why, and commit.

    Return what the list is then read by; NotFound when the session ended meanwhile.
    """
    made: uuid.UUID | None = db.session.scalar(
        _LIST, {"what": what, "words": words or None, "reason": reason}
    )
    db.session.commit()
    if made is None:
        raise NotFound("the session ended meanwhile")
    return made


def look_by_command(user: str, what: str, reference: str | None, words: str) -> None:
    """Record what somebody is about to read by a command, in the name of the machine's user, and commit."""
    said = {"user": user, "what": what, "reference": reference, "words": words or None}
    db.session.execute(_BY_COMMAND, said)
    db.session.commit()


def log_refused(person: Person, reference: str) -> None:
    """Tell the security log that what was asked for is not there, or another unit's: nobody is told which."""
    security.warning("refused handler=%s reference=%s", person.handler_id, reference)


def _look_at_each(what: str, matter_ids: Iterable[uuid.UUID], *, is_once: bool = False) -> None:
    looked_at = sorted(set(matter_ids), key=str)
    db.session.execute(_EACH, {"what": what, "matter_ids": looked_at, "is_once": is_once})
    db.session.commit()
    shown.put_at_hand(looked_at)


def _look(
    what: str, matter_id: uuid.UUID, attachment_id: uuid.UUID | None = None, reason: str | None = None
) -> None:
    said = {"what": what, "matter_id": matter_id, "attachment_id": attachment_id, "reason": reason}
    is_written = db.session.scalar(_LOOK, said)
    db.session.commit()
    if not is_written:
        raise NotFound("nothing is shown without a look")
    shown.put_at_hand([matter_id])
