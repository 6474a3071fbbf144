"""The first wall: one condition on matters, and the finds that every page begins with.

What is in a matter is found only after a look at it; the database, which is the second wall, shows
nothing of it before.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from sqlalchemy import ColumnElement, exists, select, text

from intake.access.looks import open_matter
from intake.access.person import Person
from intake.access.roles import Capability
from intake.extensions import db
from intake.matters.handovers import HANDED
from intake.matters.viewing import LOCKED, is_locked
from intake.models import Attachment, Letter, Matter, MatterUnit, Message, Rendition

__all__ = ["LOCKED", "find_attachment", "find_letter", "find_matter", "find_rendition", "held", "is_locked",
           "may", "seen_matters", "visible"]  # fmt: skip

_SEEN = text("SELECT id, reference FROM seen_matters(:units, :references, CAST(:ids AS uuid[]))")


def visible(person: Person) -> ColumnElement[bool]:
    """Return the condition on Matter: it stands, now, in a unit whose matters the person sees."""
    return exists().where(MatterUnit.matter_id == Matter.id, *_stands(person)).correlate(Matter)


def may(person: Person, capability: Capability, matter_id: uuid.UUID) -> bool:
    """Say whether the person may do something with a matter; to ask for several at once, see ``held``."""
    return capability in held(person, matter_id)


def held(person: Person, matter_id: uuid.UUID) -> frozenset[Capability]:
    """Return all that the person may do in the units where the matter stands and the person sees it.

    A unit that has handed it over, and waits for it to be received, only sees it.
    """
    its = (MatterUnit.matter_id == matter_id, MatterUnit.why != HANDED)
    stands = select(MatterUnit.unit_id).where(*its, *_stands(person))
    return frozenset().union(*map(person.held, db.session.scalars(stands)))


def find_matter(person: Person, reference: str, *, is_page: bool = False) -> Matter | None:
    """Find a matter that the person may see, with a look at it if this is the first; commits."""
    matter_id = open_matter(reference, is_page=is_page)
    return db.session.scalar(select(Matter).where(Matter.id == matter_id, visible(person)))


def seen_matters(
    person: Person, *, references: Iterable[str] = (), ids: Iterable[uuid.UUID] = ()
) -> dict[str, uuid.UUID]:
    """Return which of these matters the person sees, by reference and id alone: that is no look."""
    given = {"units": list(person.units), "references": list(references), "ids": list(ids)}
    return {row.reference: row.id for row in db.session.execute(_SEEN, given)}


def _stands(person: Person) -> tuple[ColumnElement[bool], ...]:
    return MatterUnit.until.is_(None), MatterUnit.unit_id.in_(person.units)


def find_attachment(person: Person, reference: str, attachment_id: uuid.UUID) -> Attachment | None:
    """Find a file of a matter that the person may see."""
    matter_id = open_matter(reference)
    return db.session.scalar(
        select(Attachment)
        .join(Matter, Matter.id == Attachment.matter_id)
        .where(Attachment.id == attachment_id, Matter.id == matter_id, visible(person))
    )


def find_rendition(
    person: Person, reference: str, attachment_id: uuid.UUID, inner: str, number: int
) -> Rendition | None:
    """Find a picture of a file of a matter that the person may see; None of what is in quarantine."""
    file = find_attachment(person, reference, attachment_id)
    if file is None or is_locked(file, inner):
        return None
    return db.session.scalar(
        select(Rendition).where(
            Rendition.attachment_id == file.id, Rendition.inner == inner, Rendition.number == number
        )
    )


def find_letter(person: Person, reference: str, letter_id: uuid.UUID) -> Letter | None:
    """Find a raw letter that came into a matter that the person may see."""
    matter_id = open_matter(reference)
    return db.session.scalar(
        select(Letter)
        .join(Message, Message.letter_id == Letter.id)
        .join(Matter, Matter.id == Message.matter_id)
        .where(Letter.id == letter_id, Matter.id == matter_id, visible(person))
        .limit(1)
    )
