"""Two matters that belong together without being one: a link, with a few words why.

It is told only at whichever of them whoever reads sees the other too, and never crosses a wall.
"""

from __future__ import annotations

import uuid

from sqlalchemy import select, text

from intake.errors import NotAllowed
from intake.extensions import db, now, settings
from intake.matters.work import Act, change, end
from intake.models import Matter, table_of

_LINK = text("SELECT link_matters(:matter, :other, :why, :at)")
_UNLINK = text("SELECT unlink_matters(:matter, :link, :at)")
_SEEN_LINKS = text("SELECT seen_links(:matter)")


def link(act: Act, other_id: uuid.UUID, why: str) -> None:
    """Link a matter with another one, and commit; of two who do it at once one wins.

    The caller has seen to it that the person may change both. NotAllowed with itself, across a wall, and
    where they are linked already.
    """
    if act.matter_id == other_id:
        raise NotAllowed("Det är samma ärende. Skriv numret på det andra.")
    _require_no_wall(act.matter_id, other_id)
    change(act, {})
    asked = {"matter": act.matter_id, "other": other_id, "why": why, "at": now()}
    made = db.session.scalar(_LINK, asked)
    if made is None:
        db.session.rollback()
        raise NotAllowed("Ärendena är redan kopplade.")
    end(act, "linked", {"link": str(made)})


def unlink(act: Act, link_id: uuid.UUID) -> None:
    """Take a link away, and commit; NotAllowed when it is gone already, or the other matter is not seen."""
    change(act, {})
    if not db.session.scalar(_UNLINK, {"matter": act.matter_id, "link": link_id, "at": now()}):
        db.session.rollback()
        raise NotAllowed("Kopplingen är redan borttagen.")
    end(act, "unlinked", {"link": str(link_id)})


def seen_links(matter_id: uuid.UUID) -> frozenset[str]:
    """Return the ids of a matter's links, those taken away too, whose other matter the session sees."""
    return frozenset(str(each) for each in db.session.scalars(_SEEN_LINKS, {"matter": matter_id}))


def _require_no_wall(matter_id: uuid.UUID, other_id: uuid.UUID) -> None:
    columns = table_of(Matter).c
    units = select(columns.unit_id).where(columns.id.in_((matter_id, other_id)))
    here = [settings().tables.authority.unit(unit) for unit in db.session.scalars(units)]
    if len({unit.side for unit in here}) > 1 and any(unit.is_walled for unit in here):
        raise NotAllowed(
            "Ärendena står på var sin sida av en sekretessgräns och kan inte kopplas. Flytta först det ena,"
            " om det får göras."
        )
