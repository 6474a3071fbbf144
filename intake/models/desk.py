"""What belongs to the handlers' desk: how far each has read, and views of inboxes that a unit shares."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from intake.models.base import Base, Id


class MatterRead(Base):
    """Up to which incoming message somebody has read a matter; written with the look at it."""

    __tablename__ = "matter_read"

    handler_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    matter_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    up_to: Mapped[datetime]


class SavedView(Base):
    """A view of inboxes that a unit shares: ``words`` are those of the page's address."""

    __tablename__ = "saved_view"

    id: Mapped[Id]
    unit_id: Mapped[str]
    name: Mapped[str]
    words: Mapped[str]
    handler_id: Mapped[uuid.UUID]
    created_at: Mapped[datetime]
