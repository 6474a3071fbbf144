"""What a handler has begun to write to a citizen."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from intake.models.base import Base, refers

DRAFT_KINDS = ("reply", "supplement", "delay")


class ReplyDraft(Base):
    """Words that a handler has not sent yet, for that handler alone; read and written by functions."""

    __tablename__ = "reply_draft"
    __table_args__ = (CheckConstraint(f"kind IN {DRAFT_KINDS!r}", name="kind"),)

    matter_id: Mapped[uuid.UUID] = mapped_column(refers("matter.id"), primary_key=True)
    handler_id: Mapped[uuid.UUID] = mapped_column(refers("handler.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str]
    updated_at: Mapped[datetime]
