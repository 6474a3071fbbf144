"""Who is at a matter just now: told by whoever has it open, and only to those who have it open too."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import text

from intake.access.person import Person
from intake.extensions import db

Doing = Literal["reading", "writing"]
_BE_PRESENT = text("SELECT handler_id, name, doing FROM be_present(:matter_id, :doing)")
_FORGET = text("SELECT forget_absent()")


@dataclass(frozen=True)
class Present:
    """Somebody who is at a matter, and what the person does there."""

    name: str
    doing: Doing


def be_present(person: Person, matter_id: uuid.UUID, doing: Doing) -> tuple[Present, ...] | None:
    """Tell that the person is at a matter, for 15 seconds, and commit; return who else is there.

    None when the person does not see the matter, or has not looked at it: then nothing is told.
    """
    told = db.session.execute(_BE_PRESENT, {"matter_id": matter_id, "doing": doing}).all()
    db.session.commit()
    others = (Present(row.name, row.doing) for row in told if row.handler_id != person.handler_id)
    return tuple(others) if told else None


def forget_absent() -> None:
    """Delete what no longer counts, and commit."""
    db.session.execute(_FORGET)
    db.session.commit()
