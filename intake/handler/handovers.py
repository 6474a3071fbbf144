"""What is handed over, as handlers see it: on a matter's page, in lists, and when somebody was first."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import make_response, render_template
from sqlalchemy import text
from werkzeug.wrappers import Response

from intake import access
from intake.access import Person
from intake.access.roles import Capability
from intake.extensions import db, now, settings
from intake.handler import words
from intake.handler.gate import person, written
from intake.handler.whole import MatterView
from intake.matters import handovers
from intake.matters.handovers import Waiting

_LISTED = text("SELECT * FROM handovers(:look, :units, :at)")
# By how a hand-over ended: what those are told who were a moment too late.
_ENDED = {
    "received": "{to} har tagit emot ärendet och har hand om det nu. Det går inte att ta tillbaka.",
    "taken_back": "{giver} har tagit tillbaka ärendet. Det står inte längre hos er.",
    "refused": "Ärendet har redan lämnats tillbaka till {giver}.",
    "raised": "Ärendet har lämnats tillbaka två gånger och har gått till den nationella inkorgen.",
}


@dataclass(frozen=True)
class Listed:
    """A hand-over from or to the person's units; without subject once it has ended."""

    matter_id: uuid.UUID
    reference: str
    subject: str | None
    version: int
    priority: int
    from_unit: str
    to_unit: str
    by: str
    at: datetime
    due_at: datetime
    ended_at: datetime | None
    outcome: str | None

    @property
    def is_late(self) -> bool:
        """Say whether it should have been received by now."""
        return self.ended_at is None and self.due_at < now()


@dataclass(frozen=True)
class HandoverView:
    """What a matter's page shows of the hand-over that waits in it, with the reason that was given."""

    waiting: Waiting
    reason: str
    may_answer: bool
    may_take_back: bool
    is_late: bool


def listed(its: Person, look: uuid.UUID) -> tuple[Listed, ...]:
    """Return what the person's units have given and were given, by a committed look at the inbox."""
    given = {"look": look, "units": list(its.units), "at": now()}
    return tuple(Listed(**row._mapping) for row in db.session.execute(_LISTED, given))


def given_by(its: Person, found: Sequence[Listed]) -> tuple[Listed, ...]:
    """Return those that the person's units have handed over."""
    return tuple(each for each in found if each.from_unit in its.units)


def waiting_in(its: Person, found: Sequence[Listed]) -> dict[uuid.UUID, Listed]:
    """Return those that the person's units are to receive, by the matter."""
    return {each.matter_id: each for each in found if each.ended_at is None and each.to_unit in its.units}


def look(its: Person, view: MatterView) -> HandoverView | None:
    """Return the hand-over that waits in a matter, as its page shows it."""
    waiting = handovers.find(view.id)
    if waiting is None:
        return None
    notes = [each.detail.get("note") for each in view.events if each.what == "handed_over"]
    reason = next((said.text for said in view.conversation.messages if str(said.id) in notes[-1:]), "")
    return HandoverView(
        waiting,
        reason,
        may_answer=works_in(its, "sort", waiting.to_unit),
        may_take_back=works_in(its, "sort", waiting.from_unit),
        is_late=waiting.due_at < now(),
    )


def works_in(its: Person, capability: Capability, unit: str) -> bool:
    """Say whether the person may do something in a unit, which may have gone from authority.toml."""
    known = {each.code for each in settings().tables.authority.units}
    return unit in known and its.may(capability, unit)


def may_take_back(matter_id: uuid.UUID) -> bool:
    """Say whether the person works in the unit that has handed a matter over and may have it back."""
    waiting = handovers.find(matter_id)
    return waiting is not None and works_in(person(), "sort", waiting.from_unit)


def handed_on(reference: str, matter_id: uuid.UUID, capability: Capability) -> Response | None:
    """Return what to tell a person whose unit has just handed the matter over; None for anybody else."""
    waiting = handovers.find(matter_id)
    if waiting is None or access.may(person(), capability, matter_id):
        return None
    if not works_in(person(), capability, waiting.from_unit):
        return None
    to = words.unit_name(settings().tables, waiting.to_unit)
    said = f"Ärendet är överlämnat till {to}. Ni kan läsa det och ta tillbaka det tills det tas emot där."
    return _tell(reference, said, is_seen=True)


def gone(reference: str) -> Response | None:
    """Return what to tell a person who sees a matter no more as its hand-over ended; None for others."""
    found = listed(person(), access.look_at_list("inbox", "visa=overlamnade"))
    last = next((each for each in found if each.reference == reference and each.outcome), None)
    if last is None:
        return None
    to, giver = (words.unit_name(settings().tables, unit) for unit in (last.to_unit, last.from_unit))
    return _tell(reference, _ENDED[str(last.outcome)].format(to=to, giver=giver), is_seen=False)


def left(reference: str) -> Response:
    """Return what to tell a person whose inboxes a matter left, elsewhere than by a hand-over, just now."""
    return _tell(reference, "Ärendet har just lämnat dina inkorgar.", is_seen=False)


def _tell(reference: str, said: str, *, is_seen: bool) -> Response:
    shown = render_template(
        "handler/handed_on.html", reference=reference, said=said, is_seen=is_seen, kept=written()
    )
    return make_response(shown, 409)
