"""Incidents with personal data: something went to the wrong person, was read by the wrong one, or was lost.

Within 72 hours from when one was noticed it is to be told to the supervisory authority (GDPR article 33,
brottsdatalagen 3 kap.), or decided that it need not be. What happened and whom it concerns stands in the
incident alone; events hold no personal data.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import ColumnElement, CursorResult, or_, select, text, update

from intake.errors import NotAllowed
from intake.extensions import db, now
from intake.matters.records import ask_person, hold_surviving, note
from intake.matters.work import Act, as_seen, change, end
from intake.models import Incident
from intake.models.incident import DECISIONS, KINDS

__all__ = ["DECISIONS", "HOURS", "KINDS", "LATE", "Found", "IncidentView", "close", "decide", "mark_overdue",
           "open_in", "read", "report"]  # fmt: skip

HOURS = timedelta(hours=72)
# What asks for a person when the time has run out.
LATE = "incident_overdue"
MARKED_AT_ONCE = 200

_REPORT = text("SELECT report_incident(:matter, :message, :kind, :happened, :persons, :noticed_at, :at)")
_READ = text("SELECT * FROM matter_incidents(:matter)")
_DECIDE = text("SELECT decide_incident(:matter, :incident, :decision, :reason, :at)")
_CLOSE = text("SELECT close_incident(:matter, :incident, :closing, :at)")
_OPEN = text("SELECT * FROM open_incidents(:look, :units, :most)")


@dataclass(frozen=True)
class IncidentView:
    """An incident as those who have opened its matter are told of it."""

    id: uuid.UUID
    message_id: uuid.UUID | None
    kind: str
    happened: str
    persons: str
    noticed_at: datetime
    reported_at: datetime
    reporter: str
    due_at: datetime
    overdue_at: datetime | None
    decision: str | None
    decision_reason: str | None
    decided_at: datetime | None
    decider: str | None
    closing: str | None
    closed_at: datetime | None
    closer: str | None

    @property
    def counts(self) -> bool:
        """Say whether its time still runs: nobody has closed it, or decided that it need not be told."""
        return self.closed_at is None and self.decision != "not_notify"


@dataclass(frozen=True)
class Found:
    """An open incident as a list tells of it: where, of what kind, and how much time is left."""

    reference: str
    unit_id: str
    kind: str
    noticed_at: datetime
    due_at: datetime
    decision: str | None

    @property
    def counts(self) -> bool:
        """Say whether its time still runs."""
        return self.decision != "not_notify"


def report(
    act: Act,
    kind: str,
    happened: str,
    persons: str,
    noticed_at: datetime,
    message_id: uuid.UUID | None = None,
) -> uuid.UUID:
    """Report an incident in a matter, also a closed one, and commit; return its id.

    NotAllowed for a kind that is none of KINDS, and for a time that is still to come.
    """
    as_seen(act)
    if kind not in KINDS:
        raise NotAllowed("Välj vad som har hänt.")
    at = now()
    if noticed_at > at:
        raise NotAllowed("Tiden då det upptäcktes har inte varit än. Skriv när det upptäcktes.")
    change(act, {})
    said = {"kind": kind, "happened": happened, "persons": persons, "noticed_at": noticed_at, "at": at}
    values = {"matter": act.matter_id, "message": message_id, **said}
    incident_id: uuid.UUID = db.session.scalars(_REPORT, values).one()
    end(act, "incident_reported", {"incident": str(incident_id), "kind": kind})
    return incident_id


def decide(act: Act, incident_id: uuid.UUID, decision: str, reason: str) -> None:
    """Decide whether an open incident is told to the supervisory authority, and why, and commit.

    A decision can be made anew until the incident is closed. NotAllowed for one that is no open incident of
    the matter, and for who does not coordinate where it stands.
    """
    if decision not in DECISIONS:
        raise NotAllowed("Välj om incidenten ska anmälas.")
    left = _late_but(act, incident_id) if decision == "not_notify" else None
    change(act, {} if left is None else {"needs_person": left})
    _do(_DECIDE, act, incident_id, {"decision": decision, "reason": reason})
    end(act, "incident_decided", {"incident": str(incident_id), "decision": decision})


def close(act: Act, incident_id: uuid.UUID, closing: str) -> None:
    """Close an incident that was decided, with what was done, and commit; NotAllowed as in ``decide``."""
    change(act, {"needs_person": _late_but(act, incident_id)})
    _do(_CLOSE, act, incident_id, {"closing": closing})
    end(act, "incident_closed", {"incident": str(incident_id)})


def read(matter_id: uuid.UUID) -> tuple[IncidentView, ...]:
    """Return the incidents of a matter that the person has opened, oldest first."""
    return tuple(IncidentView(**row._mapping) for row in db.session.execute(_READ, {"matter": matter_id}))


def open_in(units: Sequence[str], look: uuid.UUID, most: int) -> tuple[Found, ...]:
    """Return open incidents in those of the units that the person coordinates, by a committed look."""
    rows = db.session.execute(_OPEN, {"look": look, "units": list(units), "most": most})
    return tuple(Found(**row._mapping) for row in rows)


def mark_overdue() -> int:
    """Let a person see, once for each, that its time has run out; commits each. Return how many it was."""
    count = 0
    while late := db.session.execute(
        select(Incident.id, Incident.matter_id)
        .where(*_late())
        .order_by(Incident.due_at)
        .limit(MARKED_AT_ONCE)
    ).all():
        db.session.rollback()
        count += sum(_mark(incident_id, matter_id) for incident_id, matter_id in late)
    db.session.rollback()
    return count


def _mark(incident_id: uuid.UUID, matter_id: uuid.UUID) -> bool:
    """Mark one, unless somebody decided, closed or marked it meanwhile.

    The matter comes first, as for those who decide: so no two wait for each other.
    """
    matter = hold_surviving(matter_id)
    marked = update(Incident).where(Incident.id == incident_id, *_late()).values(overdue_at=now())
    done = db.session.execute(marked.execution_options(synchronize_session=False))
    is_marked = cast("CursorResult[object]", done).rowcount == 1
    if is_marked:
        ask_person(matter.id, LATE)
        note(matter.id, LATE, {"incident": str(incident_id)})
    db.session.commit()
    return is_marked


def _late() -> tuple[ColumnElement[bool], ...]:
    is_owed = or_(Incident.decision.is_(None), Incident.decision != "not_notify")
    return Incident.due_at < now(), Incident.overdue_at.is_(None), Incident.closed_at.is_(None), is_owed


def _late_but(act: Act, incident_id: uuid.UUID) -> list[str]:
    """Return what still needs a person in a matter when this incident does no more."""
    matter = as_seen(act)
    if any(each.overdue_at and each.counts for each in read(act.matter_id) if each.id != incident_id):
        return list(matter.needs_person)
    return [need for need in matter.needs_person if need != LATE]


def _do(statement: object, act: Act, incident_id: uuid.UUID, values: dict[str, str]) -> None:
    given = {"matter": act.matter_id, "incident": incident_id, "at": now(), **values}
    if not db.session.scalar(statement, given):  # type: ignore[call-overload]
        db.session.rollback()
        raise NotAllowed("Det går inte nu. Se efter hur incidenten står.")
