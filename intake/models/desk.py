"""What belongs to the handlers' desk: what each has read, who is away, shared views, what is handed over."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from intake.models.base import Base, Id, refers

# What becomes of a matter that the receiving unit sends back, and how a hand-over ends.
REFUSALS = ("back", "up", "end", "decided")
HANDOVER_OUTCOMES = ("received", "refused", "raised", "taken_back")


class MatterRead(Base):
    """Up to which incoming message somebody has read a matter; written with the look at it."""

    __tablename__ = "matter_read"

    handler_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    matter_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    up_to: Mapped[datetime]


class Absence(Base):
    """Until which day, and with it, somebody is away from work. Handlers read and write it by functions."""

    __tablename__ = "absence"

    handler_id: Mapped[uuid.UUID] = mapped_column(refers("handler.id"), primary_key=True)
    until: Mapped[date]


class SavedView(Base):
    """A view of inboxes that a unit shares: ``words`` are those of the page's address."""

    __tablename__ = "saved_view"

    id: Mapped[Id]
    unit_id: Mapped[str]
    name: Mapped[str]
    words: Mapped[str]
    handler_id: Mapped[uuid.UUID]
    created_at: Mapped[datetime]


class Handover(Base):
    """A matter on its way from one unit to another, until it is received, refused or taken back.

    ``refusal`` says where it goes when it is refused, if it can be; ``overdue_at`` is when it was seen that
    ``due_at`` had passed. Handlers read and write it by functions.
    """

    __tablename__ = "handover"
    __table_args__ = (
        CheckConstraint(f"refusal IN {REFUSALS!r}", name="refusal"),
        CheckConstraint(f"outcome IN {HANDOVER_OUTCOMES!r}", name="outcome"),
        CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name="ended"),
        Index("uq_handover_open", "matter_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index(None, "matter_id", "at"),
        Index("ix_handover_from_unit", text("md5(from_unit)"), "ended_at"),
        Index("ix_handover_to_unit", text("md5(to_unit)"), "ended_at"),
        Index("ix_handover_due_unseen", "due_at",
              postgresql_where=text("ended_at IS NULL AND overdue_at IS NULL")),
    )  # fmt: skip

    id: Mapped[Id]
    matter_id: Mapped[uuid.UUID] = mapped_column(refers("matter.id"))
    from_unit: Mapped[str] = mapped_column(refers("unit.id"))
    to_unit: Mapped[str] = mapped_column(refers("unit.id"))
    handler_id: Mapped[uuid.UUID] = mapped_column(refers("handler.id"))
    refusal: Mapped[str]
    at: Mapped[datetime]
    due_at: Mapped[datetime]
    overdue_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
