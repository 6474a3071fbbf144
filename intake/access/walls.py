"""The first wall: one condition on matters, and the finds that every page begins with."""

from __future__ import annotations

import uuid

from sqlalchemy import ColumnElement, exists, select

from intake.access.person import Person
from intake.extensions import db
from intake.matters.viewing import LOCKED, is_locked
from intake.models import Attachment, Letter, Matter, MatterUnit, Message, Rendition

__all__ = ["LOCKED", "find_attachment", "find_letter", "find_matter", "find_rendition", "is_locked",
           "may_open_quarantine", "visible"]  # fmt: skip


def visible(person: Person) -> ColumnElement[bool]:
    """Return the condition on Matter: it stands, now, in a unit whose matters the person sees."""
    return (
        exists()
        .where(
            MatterUnit.matter_id == Matter.id,
            MatterUnit.until.is_(None),
            MatterUnit.unit_id.in_(person.units),
        )
        .correlate(Matter)
    )


def find_matter(person: Person, reference: str) -> Matter | None:
    """Find a matter that the person may see."""
    return db.session.scalar(select(Matter).where(Matter.reference == reference, visible(person)))


def find_attachment(person: Person, reference: str, attachment_id: uuid.UUID) -> Attachment | None:
    """Find a file of a matter that the person may see."""
    return db.session.scalar(
        select(Attachment)
        .join(Matter, Matter.id == Attachment.matter_id)
        .where(Attachment.id == attachment_id, Matter.reference == reference, visible(person))
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
    return db.session.scalar(
        select(Letter)
        .join(Message, Message.letter_id == Letter.id)
        .join(Matter, Matter.id == Message.matter_id)
        .where(Letter.id == letter_id, Matter.reference == reference, visible(person))
        .limit(1)
    )


def may_open_quarantine(person: Person, matter_id: uuid.UUID) -> bool:
    """Say whether the person has the role for quarantined files in a unit where the matter stands."""
    units = [seat.unit for seat in person.seats if seat.role == "file_quarantine"]
    is_standing = exists().where(
        MatterUnit.matter_id == matter_id, MatterUnit.until.is_(None), MatterUnit.unit_id.in_(units)
    )
    return bool(db.session.scalar(select(is_standing)))
