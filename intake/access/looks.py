"""Every look is accounted for: a row before anything is shown, and a log line for every refusal."""

from __future__ import annotations

import hashlib
import hmac
import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select, text

from intake import rows
from intake.access.person import Person
from intake.extensions import db, now, settings
from intake.models import AccessLog, Matter

security = logging.getLogger("intake.security")

LOOKS = 200


@dataclass(frozen=True)
class Look:
    """One row of the record: who, when and at what, such as ``view`` or ``picture:/1``."""

    at: datetime
    actor: str
    what: str
    reason: str | None


def look_at_matter(person: Person, matter_id: uuid.UUID) -> None:
    """Record that the person opens a matter, and commit."""
    _look(person, "matter", matter_id)


def look_at_view(person: Person, matter_id: uuid.UUID, attachment_id: uuid.UUID) -> None:
    """Record that the person reads what is known of a file, and its text, and commit."""
    _look(person, "view", matter_id, attachment_id)


def look_at_picture(
    person: Person, matter_id: uuid.UUID, attachment_id: uuid.UUID, inner: str, number: int
) -> None:
    """Record that the person sees one picture of a file's safe view, and commit."""
    _look(person, f"picture:{inner}/{number}", matter_id, attachment_id)


def look_at_file(
    person: Person, matter_id: uuid.UUID, attachment_id: uuid.UUID, reason: str | None = None
) -> None:
    """Record that the person downloads a file, with the reason where one was asked, and commit."""
    _look(person, "file", matter_id, attachment_id, reason)


def look_at_export(person: Person, matter_id: uuid.UUID, reason: str) -> None:
    """Record that the person takes out a whole matter, and why, and commit."""
    _look(person, "export", matter_id, None, reason)


def looks_at_file(attachment_id: uuid.UUID) -> tuple[Look, ...]:
    """Return who has looked at a file that the person may see, the last first.

    Of the readings of its page, and of its pictures, at most ``LOOKS`` each; whoever took out the
    original, the letter that it came in or the whole matter is always told.
    """
    asked = text("SELECT at, actor, what, reason FROM file_looks(:attachment_id, :most)")
    found = db.session.execute(asked, {"attachment_id": attachment_id, "most": LOOKS})
    return tuple(Look(*row) for row in found)


def look_at_letter(person: Person, matter_id: uuid.UUID, letter_id: uuid.UUID, reason: str) -> None:
    """Record that the person downloads a raw letter, and commit."""
    _look(person, f"letter:{letter_id}", matter_id, None, reason)


def look_at_journal(person: Person, matter_ids: Iterable[uuid.UUID]) -> None:
    """Record that the person reads who wrote to these matters and of what, in a list, and commit."""
    for matter_id in matter_ids:
        _write(person, "journal", matter_id)
    db.session.commit()


def log_refused(person: Person, reference: str) -> None:
    """Tell the security log when what was asked for is another unit's, and not just a wrong reference."""
    if db.session.scalar(select(exists().where(Matter.reference == reference))):
        security.warning("refused handler=%s reference=%s", person.handler_id, reference)


def veiled(words: str) -> str:
    """Return a keyed digest by which one address can be followed in the log but not read."""
    digest = hmac.new(settings().address_key, b"security " + words.encode(), hashlib.sha256)
    return digest.hexdigest()[:16]


def _look(
    person: Person,
    what: str,
    matter_id: uuid.UUID,
    attachment_id: uuid.UUID | None = None,
    reason: str | None = None,
) -> None:
    _write(person, what, matter_id, attachment_id, reason)
    db.session.commit()


def _write(
    person: Person,
    what: str,
    matter_id: uuid.UUID,
    attachment_id: uuid.UUID | None = None,
    reason: str | None = None,
) -> None:
    rows.insert(
        AccessLog,
        at=now(),
        handler_id=person.handler_id,
        actor=person.name,
        what=what,
        matter_id=matter_id,
        attachment_id=attachment_id,
        reason=reason,
    )
