"""What the desk and the red bar show: lists that the database tells, by the wall's own rule."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, text

from intake.access import Person, look_at_list
from intake.extensions import db, now
from intake.models import Unit

PAGE_ROWS = 50
# More than so many waiting at once are not counted: the bar stands on every page, and must stay cheap.
MOST_COUNTED = 100
SHOWN = ("mina", "lediga", "pausade", "forsenade")
ORDERS = ("behov", "aldst", "nyast", "frist")

# The first wall is what they are asked for: the units that the person sees.
_INBOX = text("SELECT * FROM inbox_rows(:look, :units, :at, :most)")
_WAITING = text("SELECT inbox_waiting(:units, :most)")
_COUNTS = text("SELECT * FROM inbox_counts(:units, :at)")
_NEWS = text("SELECT inbox_news(:units, :since)")
_LOAD = text("SELECT * FROM workload(:units, :at)")
_WORD = re.compile(r"[a-z0-9_-]{1,60}")
_PLACE = re.compile(r"-?\d{1,18}(\.-?\d{1,18}){0,2}\.[0-9a-f]{32}")


@dataclass(frozen=True)
class Asked:
    """What an inbox is asked for, by the words of its page's address; None is not asked for.

    ``efter`` is the place of the last row of the page before.
    """

    enhet: str | None = None
    visa: str | None = None
    typ: str | None = None
    flagga: str | None = None
    ort: str | None = None
    hos: str | None = None
    ordning: str | None = None
    efter: str | None = None

    @classmethod
    def read(cls, given: Mapping[str, str]) -> Asked:
        """Read what stands in an address; what makes no sense there is left out."""
        words = {name: given[name] for name in cls.__annotations__ if _WORD.fullmatch(given.get(name, ""))}
        if words.get("visa") not in SHOWN:
            words.pop("visa", None)
        if words.get("ordning") not in ORDERS:
            words.pop("ordning", None)
        if "hos" in words and not _is_id(words["hos"]):
            del words["hos"]
        words.pop("efter", None)
        if _PLACE.fullmatch(given.get("efter", "")):
            words["efter"] = given["efter"]
        return cls(**words)

    @property
    def words(self) -> dict[str, str]:
        """What stands in the page's address."""
        return {name: value for name in self.__annotations__ if (value := getattr(self, name))}

    @property
    def beginning(self) -> Asked:
        """The same from the beginning."""
        return replace(self, efter=None)


def _is_id(words: str) -> bool:
    """Say whether this is an id as PostgreSQL reads it too; Python reads more."""
    try:
        return str(uuid.UUID(words)) == words.lower()
    except ValueError:
        return False


@dataclass(frozen=True)
class InboxRow:
    """One matter in the inbox; ``said`` is how the person began, ``place`` where it stands in this order."""

    id: uuid.UUID
    reference: str
    subject: str
    said: str | None
    category: str
    priority: int
    flags: list[str]
    needs_person: list[str]
    status: str
    unit: str
    handler: str | None
    municipality: str | None
    received_at: datetime
    due_at: datetime | None
    paused_until: datetime | None
    files: int
    held_files: int
    is_unread: bool
    place: str


@dataclass(frozen=True)
class InboxPage:
    """A page of the inbox, told by a look; ``next`` asks for the next, None on the last."""

    rows: tuple[InboxRow, ...]
    next: Asked | None
    look: uuid.UUID


def inbox(person: Person, asked: Asked, *, rows: int = PAGE_ROWS) -> InboxPage:
    """Return open matters in the person's inboxes, in order of need if no other is asked for; commits.

    What is asked for is recorded as a look, and the database tells what is recorded.
    """
    words = " ".join(f"{name}={value}" for name, value in asked.words.items())
    look = look_at_list("inbox", words)
    shown = read_inbox(person, look, rows + 1)
    following = replace(asked, efter=shown[rows - 1].place) if len(shown) > rows else None
    return InboxPage(shown[:rows], following, look)


def read_inbox(person: Person, look: uuid.UUID, rows: int = PAGE_ROWS) -> tuple[InboxRow, ...]:
    """Return so many rows of the inbox that a look is at, once that is committed."""
    given = {"look": look, "units": list(person.units), "at": now(), "most": rows}
    return tuple(InboxRow(**row._mapping) for row in db.session.execute(_INBOX, given))


@dataclass(frozen=True)
class Counts:
    """How many open matters stand in the person's inboxes; ``newest_at`` is when the last of them came."""

    open: int
    free: int
    mine: int
    paused: int
    overdue: int
    newest_at: datetime | None


def counts(person: Person) -> Counts:
    """Count what stands in the person's inboxes."""
    return Counts(**db.session.execute(_COUNTS, _at(person)).one()._mapping)


def news(person: Person, since: datetime) -> int:
    """Count what has come to the person's inboxes since a time, up to a hundred."""
    return db.session.scalar(_NEWS, {"units": list(person.units), "since": since}) or 0


@dataclass(frozen=True)
class Load:
    """What somebody has in hand in a unit; ``handler_id`` is None for what nobody has."""

    unit_id: str
    handler_id: uuid.UUID | None
    name: str | None
    open: int
    overdue: int
    paused: int
    oldest_at: datetime


def workload(person: Person) -> tuple[Load, ...]:
    """Return who has how much in hand, in the units that the person coordinates."""
    return tuple(Load(**row._mapping) for row in db.session.execute(_LOAD, _at(person)))


def _at(person: Person) -> dict[str, Any]:
    return {"units": list(person.units), "at": now()}


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
    references = db.session.scalars(_WAITING, {"units": list(person.units), "most": MOST_COUNTED}).all()
    return Waiting(len(references), references[0]) if references else None


def units_of(person: Person) -> tuple[tuple[str, str], ...]:
    """Return code and name of each inbox that the person sees."""
    rows = db.session.execute(select(Unit.id, Unit.name).where(Unit.id.in_(person.units)).order_by(Unit.id))
    return tuple((row[0], row[1]) for row in rows)
