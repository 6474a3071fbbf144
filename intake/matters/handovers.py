"""The rows of a hand-over, which functions in the database write; all join the caller's transaction."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import text

from intake.errors import Conflict
from intake.extensions import db, now
from intake.languages import _

# Where a matter goes that is sent back: to the giver, ``up`` to the national inbox; or nowhere, since it
# is the national inbox that has it (``end``), or since its coordinator has ``decided``.
Refusal = Literal["back", "up", "end", "decided"]
Outcome = Literal["received", "refused", "taken_back"]
# Why a unit still sees what it has handed over, which it writes in no more.
HANDED = "handed"
# What asks for a person in a matter that was handed over.
OVERDUE = "handover_overdue"
SENT_BACK = "handover_refused"
TO_DECIDE = "handover_to_decide"
NEEDS = (OVERDUE, SENT_BACK, TO_DECIDE)

_FIND = text("SELECT * FROM handover_of(:matter_id)")
_REFUSAL = text("SELECT refusal_of(:matter_id, :unit)")
_GIVE = text("SELECT hand_over(:matter_id, :version, :unit, :at, :due_at)")
_END = text("SELECT end_handover(:matter_id, :version, :outcome, :at)")


@dataclass(frozen=True)
class Waiting:
    """A hand-over that is not received yet."""

    from_unit: str
    to_unit: str
    refusal: Refusal
    at: datetime
    due_at: datetime

    @property
    def may_be_refused(self) -> bool:
        """Say whether the receiver can send it back."""
        return self.refusal in ("back", "up")


def find(matter_id: uuid.UUID) -> Waiting | None:
    """Return the hand-over that waits in a matter which the session has opened, if there is one."""
    row = db.session.execute(_FIND, {"matter_id": matter_id}).one_or_none()
    return Waiting(**row._mapping) if row else None


def refusal_by(matter_id: uuid.UUID, unit: str) -> Refusal:
    """Return where a matter would go if this unit were given it now and sent it back."""
    return db.session.scalars(_REFUSAL, {"matter_id": matter_id, "unit": unit}).one()  # type: ignore[no-any-return]


def give(matter_id: uuid.UUID, version: int, unit: str, due_at: datetime) -> Refusal | None:
    """Let another unit have a matter, to be received by a time; return where it goes when it is refused.

    None where only a national coordinator may decide. Raises Conflict when somebody was first.
    """
    values = {"matter_id": matter_id, "version": version, "unit": unit, "at": now(), "due_at": due_at}
    leads = _won(db.session.scalar(_GIVE, values))
    return None if leads == "coordinator" else leads  # type: ignore[return-value]


def end(matter_id: uuid.UUID, version: int, outcome: Outcome) -> str:
    """End the hand-over that waits, and return the unit in which the matter stands now.

    Raises Conflict when somebody was first.
    """
    values = {"matter_id": matter_id, "version": version, "outcome": outcome, "at": now()}
    return _won(db.session.scalar(_END, values))


def _won(found: str | None) -> str:
    if found is None:
        db.session.rollback()
        raise Conflict("En kollega hann före.")
    return found


def told(*, is_received: bool) -> str:
    """Return what the citizen reads of a hand-over: never where it went."""
    if is_received:
        return str(
            _("Ditt ärende har lämnats över till en annan del av myndigheten, som nu har hand om det.")
        )
    return str(
        _(
            "Ditt ärende har lämnats över till en annan del av myndigheten. Det väntar på att tas emot där."
            " Du behöver inte göra något."
        )
    )
