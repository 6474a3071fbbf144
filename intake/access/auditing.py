"""The auditor's questions to the access log, each of which is a row of it, and their answers.

The database answers: only whoever is an auditor, only a question that was written down before, and
nothing of what was done behind a wall but to those who audit the unit there.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from sqlalchemy import text

from intake.extensions import STOCKHOLM, db

# Who saw a matter; what a person saw; what stands out; what the person whose data it is may be told, without
# the names of those who read, or with them.
Kind = Literal["matter", "person", "unusual", "extract", "extract_names"]

PAGE_ROWS = 100
# So many the database hands out at once.
MOST_ROWS = 1000
_ASK = text("SELECT ask_audit(:kind, :subject, :since, :until, :reason)")
_ASKED = text("SELECT * FROM audit_asked(:question)")
_LOOKS = text("SELECT * FROM audit_looks(:question, :at, :id, :most)")
_LISTS = text("SELECT * FROM audit_lists(:question, :day, :key, :most)")
_UNUSUAL = text("SELECT * FROM audit_unusual(:question, :many, :times, :late, :others, :refused, :searches)")


@dataclass(frozen=True)
class Limits:
    """From how many a day something stands out.

    Matters opened, which are also so many ``times`` what is usual for the person and for all; those opened
    at late hours; those that are a colleague's; refused tries; searches.
    """

    many: int = 20
    times: int = 3
    late: int = 5
    others: int = 10
    refused: int = 3
    searches: int = 20


@dataclass(frozen=True)
class Question:
    """What was asked. ``matter_id`` and ``handler_id`` are None where nothing may be told."""

    id: uuid.UUID
    kind: Kind
    subject: str
    reason: str
    asked_at: datetime
    since: datetime
    until: datetime
    matter_id: uuid.UUID | None
    handler_id: uuid.UUID | None
    name: str | None

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day that were asked about; ``until`` is where the next one begins."""
        last = self.until.astimezone(STOCKHOLM).date() - timedelta(days=1)
        return self.since.astimezone(STOCKHOLM).date(), last


@dataclass(frozen=True)
class AuditedLook:
    """One look. ``file`` is the end of a file's id, ``seats`` as role:unit those by which it was made."""

    id: uuid.UUID
    at: datetime
    actor: str
    email: str | None
    what: str
    reference: str | None
    file: str | None
    reason: str | None
    words: str | None
    seats: list[str]


@dataclass(frozen=True)
class Listed:
    """Somebody who, on a day, may have had a matter in a list, and how often the inbox was shown then."""

    day: date
    key: str
    actor: str
    email: str | None
    seats: list[str]
    lists: int


@dataclass(frozen=True)
class Unusual:
    """What stands out of a person's day: the count, what is usual for the person on other days and for all.

    ``reasons`` is how many of the searches gave a reason.
    """

    rule: str
    day: date
    actor: str
    email: str
    counted: int
    usual: float | None
    colleagues: float
    reasons: int | None


def ask(kind: Kind, subject: str, since: date, until: date, reason: str) -> uuid.UUID | None:
    """Write down a question and why it is asked, and commit; return its id, None for who is no auditor."""
    asked = {"kind": kind, "subject": subject, "since": since, "until": until, "reason": reason}
    found: uuid.UUID | None = db.session.scalar(_ASK, asked)
    db.session.commit()
    return found


def find_question(question_id: uuid.UUID) -> Question | None:
    """Find a question that was asked in this sign-in, within the hour."""
    row = db.session.execute(_ASKED, {"question": question_id}).one_or_none()
    return Question(question_id, *row) if row else None


def looks(
    question: Question, after: tuple[datetime, uuid.UUID] | None = None, most: int = PAGE_ROWS
) -> list[AuditedLook]:
    """Return the looks that a question is about, the last first, from after a time and id in the log."""
    at, look_id = after or (None, None)
    asked = {"question": question.id, "at": at, "id": look_id, "most": most}
    return [AuditedLook(*row) for row in db.session.execute(_LOOKS, asked)]


def lists(question: Question, after: tuple[date, str] | None = None, most: int = PAGE_ROWS) -> list[Listed]:
    """Return who may have had a matter in a list, the last day first, from after a day and key."""
    day, key = after or (None, None)
    asked = {"question": question.id, "day": day, "key": key, "most": most}
    return [Listed(*row) for row in db.session.execute(_LISTS, asked)]


def unusual(question: Question, limits: Limits) -> list[Unusual]:
    """Return what stands out, the last day first, at most 500."""
    asked = {"question": question.id, **asdict(limits)}
    return [Unusual(*row) for row in db.session.execute(_UNUSUAL, asked)]


def every_look(question: Question) -> Iterator[AuditedLook]:
    """Yield all looks that a question is about, the last first, read a thousand at a time."""
    after = None
    while found := looks(question, after, MOST_ROWS):
        yield from found
        after = (found[-1].at, found[-1].id)


def every_list(question: Question) -> Iterator[Listed]:
    """Yield all who may have had a matter in a list, read a thousand at a time."""
    after = None
    while found := lists(question, after, MOST_ROWS):
        yield from found
        after = (found[-1].day, found[-1].key)
