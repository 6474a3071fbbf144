"""What is told by itself, once: by when a supplement is awaited, and that an answer takes longer."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from intake.models.base import Base, Id, refers

REMINDERS = ("sent", "withheld", "cancelled", "needless")


class SupplementRequest(Base):
    """A supplement that is asked for by a message.

    ``until_at`` is the last second of the day by which, None without one. ``reminder`` is what became of
    the one that is due at ``remind_at``, None while nothing has. ``missed_at`` is when it was seen that
    the day had passed.
    """

    __tablename__ = "supplement_request"
    __table_args__ = (
        CheckConstraint(f"reminder IN {REMINDERS!r}", name="reminder"),
        Index(None, "matter_id"),
        Index("ix_supplement_request_remind", "remind_at",
              postgresql_where=text("reminder IS NULL AND remind_at IS NOT NULL")),
        Index("ix_supplement_request_unmissed", "until_at", postgresql_where=text("missed_at IS NULL")),
    )  # fmt: skip

    id: Mapped[Id]
    matter_id: Mapped[uuid.UUID] = mapped_column(refers("matter.id"))
    message_id: Mapped[uuid.UUID] = mapped_column(refers("message.id"))
    asked_at: Mapped[datetime]
    until_at: Mapped[datetime | None]
    remind_at: Mapped[datetime | None]
    reminder: Mapped[str | None]
    missed_at: Mapped[datetime | None]


class DelayNotice(Base):
    """That it was decided, ``at`` a time, whether a delay is told by itself, for a clock that began then."""

    __tablename__ = "delay_notice"

    matter_id: Mapped[uuid.UUID] = mapped_column(refers("matter.id"), primary_key=True)
    clock_at: Mapped[datetime] = mapped_column(primary_key=True)
    at: Mapped[datetime]
