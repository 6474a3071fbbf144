"""What happened to personal data and should not have: the authority's record of it (GDPR article 33.5)."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from intake.models.base import Base, Id, refers

KINDS = ("wrong_recipient", "wrong_reader", "lost_access")
DECISIONS = ("notify", "not_notify")


class Incident(Base):
    """An incident in a matter, perhaps with one message of it.

    ``happened`` says what and ``persons`` whom it concerns. It is to be told to the supervisory authority by
    ``due_at``; ``overdue_at`` is when it was seen that nobody had decided, or told it, by then.
    """

    __tablename__ = "incident"
    __table_args__ = (
        CheckConstraint(f"kind IN {KINDS!r}", name="kind"),
        CheckConstraint(f"decision IN {DECISIONS!r}", name="decision"),
        CheckConstraint("noticed_at <= reported_at AND due_at > noticed_at", name="times"),
        CheckConstraint("num_nonnulls(decision, decision_reason, decided_at, decided_by) IN (0, 4)",
                        name="decided_whole"),
        CheckConstraint("num_nonnulls(closing, closed_at, closed_by) IN (0, 3)", name="closed_whole"),
        CheckConstraint("closed_at IS NULL OR decision IS NOT NULL", name="decided_first"),
        Index("ix_incident_open", "due_at", postgresql_where=sql("closed_at IS NULL")),
        Index(None, "matter_id"),
    )  # fmt: skip

    id: Mapped[Id]
    matter_id: Mapped[uuid.UUID] = mapped_column(refers("matter.id"))
    message_id: Mapped[uuid.UUID | None] = mapped_column(refers("message.id"))
    kind: Mapped[str]
    happened: Mapped[str]
    persons: Mapped[str]
    noticed_at: Mapped[datetime]
    reported_at: Mapped[datetime]
    reported_by: Mapped[uuid.UUID] = mapped_column(refers("handler.id"))
    due_at: Mapped[datetime]
    overdue_at: Mapped[datetime | None]
    decision: Mapped[str | None]
    decision_reason: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[uuid.UUID | None] = mapped_column(refers("handler.id"))
    closing: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[uuid.UUID | None] = mapped_column(refers("handler.id"))
