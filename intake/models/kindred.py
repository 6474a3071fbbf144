"""Which matters belong with which, read and written by functions that tell of none on another side."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from intake.models.base import Base, Id, refers


class MatterChild(Base):
    """A matter that is a part of another, which alone speaks with the citizen.

    ``ended_at`` is when it was found to be made by mistake.
    """

    __tablename__ = "matter_child"
    __table_args__ = (CheckConstraint("child_id <> parent_id", name="two"), Index(None, "parent_id"))

    child_id: Mapped[uuid.UUID] = mapped_column(refers("matter.id"), primary_key=True)
    parent_id: Mapped[uuid.UUID] = mapped_column(refers("matter.id"))
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class MatterLink(Base):
    """Two matters that belong together, and why; ``ended_at`` is when the link was taken away."""

    __tablename__ = "matter_link"
    __table_args__ = (
        CheckConstraint("one_id < other_id", name="two"),
        Index("uq_matter_link_open", "one_id", "other_id", unique=True,
              postgresql_where=sql("ended_at IS NULL")),
        Index(None, "one_id"),
        Index(None, "other_id"),
    )  # fmt: skip

    id: Mapped[Id]
    one_id: Mapped[uuid.UUID] = mapped_column(refers("matter.id"))
    other_id: Mapped[uuid.UUID] = mapped_column(refers("matter.id"))
    why: Mapped[str]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
