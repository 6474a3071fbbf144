"""Several matters out of the house at once: one person asks, another approves, and then the first fetches."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from sqlalchemy import Row, Select, func, select, text

from intake.access.looks import log_refused, look_at_list, look_beside, open_matter
from intake.access.memberships import OWN_DECISION, WORDS
from intake.access.person import Person
from intake.access.walls import seen_matters
from intake.errors import NotAllowed, NotFound
from intake.extensions import STOCKHOLM, db
from intake.matters.names import handler_names
from intake.models import ExportRequest, ExportRequestMatter, Matter
from intake.security_log import security

MOST_MATTERS = 200
SHOWN = 50
State = Literal["waiting", "lapsed", "approved", "over", "refused", "withdrawn"]

_CLOSED = text("SELECT closed_matters(:look, :most)")
_ASK = text("SELECT ask_export(:matters, :reason)")
_DECIDE = text("SELECT decide_export(:request_id, :is_approved)")
_TAKE = text("SELECT * FROM take_export(:request_id)")


@dataclass(frozen=True)
class Asked:
    """An export that was asked for; ``is_own`` by the person, who then may fetch it while it is approved."""

    id: uuid.UUID
    at: datetime
    asker: str
    is_own: bool
    reason: str
    units: Sequence[str]
    state: State
    expires_at: datetime
    decider: str | None
    open_until: datetime | None
    fetched_at: datetime | None


@dataclass(frozen=True)
class Listed:
    """A matter of an export, as it is shown to whoever sees it."""

    reference: str
    subject: str


@dataclass(frozen=True)
class Taken:
    """A matter of an approved export; one that is not open any more to who asked stays."""

    matter_id: uuid.UUID
    reference: str
    is_open: bool


def find_by_references(person: Person, references: Iterable[str]) -> dict[str, uuid.UUID]:
    """Return the matters that the person sees; that one asked for others is recorded, and commits."""
    wanted = list(dict.fromkeys(references))
    found = seen_matters(person, references=wanted)
    for reference in wanted:
        if reference not in found:
            open_matter(reference)
            log_refused(person, reference)
    return found


def find_closed(person: Person, unit: str, first: date, last: date) -> tuple[uuid.UUID, ...]:
    """Return what was closed in a unit from one day to another, with a look at that list; commits.

    Never more than one above the limit.
    """
    begin = datetime.combine(first, time(), STOCKHOLM)
    end = datetime.combine(last + timedelta(days=1), time(), STOCKHOLM)
    if unit not in person.units:
        return ()
    look = look_at_list("closed", f"{unit} {begin.isoformat()} {end.isoformat()}")
    return tuple(db.session.scalars(_CLOSED, {"look": look, "most": MOST_MATTERS + 1}))


def ask(matter_ids: Sequence[uuid.UUID], reason: str) -> uuid.UUID:
    """Ask to take these matters out, and commit; NotAllowed when one is not the person's to export."""
    made: uuid.UUID | None = db.session.scalar(_ASK, {"matters": list(matter_ids), "reason": reason})
    db.session.commit()
    if made is None:
        raise NotAllowed("Du får inte exportera alla de här ärendena. Inget är begärt.")
    security.info("export_asked request=%s matters=%d", made, len(matter_ids))
    return made


def requests(person: Person) -> tuple[Asked, ...]:
    """Return the exports that the person asked for or may decide on, the last first."""
    found = db.session.execute(_select().order_by(ExportRequest.at.desc()).limit(SHOWN)).all()
    names = _names(found)
    return tuple(_asked(person, row, names) for row in found)


def get_request(person: Person, request_id: uuid.UUID) -> Asked:
    """Return an export that the person asked for or may decide on; raises NotFound."""
    found = db.session.execute(_select().where(ExportRequest.id == request_id)).all()
    if not found:
        raise NotFound("no such export here")
    return _asked(person, found[0], _names(found))


def matters_of(person: Person, request_id: uuid.UUID) -> tuple[tuple[Listed, ...], int]:
    """Return an export's matters that the person sees, with a look at each, and how many it is in all."""
    its = select(ExportRequestMatter.matter_id).where(ExportRequestMatter.request_id == request_id)
    ids = db.session.scalars(its).all()
    seen = seen_matters(person, ids=ids).values()
    look_beside(seen)
    listed = select(Matter.reference, Matter.subject).where(Matter.id.in_(seen)).order_by(Matter.reference)
    return tuple(Listed(*row) for row in db.session.execute(listed)), len(ids)


def decide(request_id: uuid.UUID, *, is_approved: bool) -> str:
    """Approve or refuse an export, commit, and return what was decided; one's own can only be withdrawn."""
    given = {"request_id": request_id, "is_approved": is_approved}
    outcome = str(db.session.scalar(_DECIDE, given))
    db.session.commit()
    security.info("decide_export outcome=%s request=%s", outcome, request_id)
    if outcome == "no":
        raise NotFound("not the person's to decide")
    if outcome == "own":
        raise NotAllowed(OWN_DECISION)
    if outcome in WORDS:
        raise NotAllowed(WORDS[outcome])
    return outcome


def take(request_id: uuid.UUID) -> tuple[Taken, ...]:
    """Record a look at each matter of an approved export, commit, and return them; none when it is over."""
    found = tuple(Taken(**row._mapping) for row in db.session.execute(_TAKE, {"request_id": request_id}))
    db.session.commit()
    security.info("take_export request=%s matters=%d", request_id, len(found))
    return found


def _select() -> Select[ExportRequest, datetime]:
    return select(ExportRequest, func.now().label("here"))


def _asked(person: Person, row: Row[ExportRequest, datetime], names: Mapping[uuid.UUID, str]) -> Asked:
    asked, here = row
    return Asked(
        id=asked.id,
        at=asked.at,
        asker=names[asked.handler_id],
        is_own=asked.handler_id == person.handler_id,
        reason=asked.reason,
        units=asked.units,
        state=_state(asked, here),
        expires_at=asked.expires_at,
        decider=names[asked.decider_id] if asked.decider_id else None,
        open_until=asked.open_until,
        fetched_at=asked.fetched_at,
    )


def _state(asked: ExportRequest, here: datetime) -> State:
    if asked.decision == "approved":
        return "approved" if asked.open_until and asked.open_until > here else "over"
    if asked.decision is None:
        return "waiting" if asked.expires_at > here else "lapsed"
    return "refused" if asked.decision == "refused" else "withdrawn"


def _names(found: Iterable[Row[ExportRequest, datetime]]) -> dict[uuid.UUID, str]:
    return handler_names(each for row in found for each in (row[0].handler_id, row[0].decider_id))
