"""What is still owed: jobs to be done and letters to be sent."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from intake.models.base import Base, Id, refers

KINDS = (
    "receipt", "reply", "alarm", "notice", "status_link", "confirm_email", "supplement_request", "delay",
    "reminder", "late",
)  # fmt: skip
LETTER_STATES = ("owed", "sending", "sent", "refused", "bounced", "task")


class Job(Base):
    """Something that must still happen; the row is the truth, the queue only carries its id."""

    __tablename__ = "job"
    __table_args__ = (
        UniqueConstraint("dedupe"),
        Index("ix_job_due", "due_at", postgresql_where=text("done_at IS NULL AND stuck_at IS NULL")),
        Index("ix_job_done", "done_at", postgresql_where=text("done_at IS NOT NULL")),
        Index("ix_job_open", "created_at", postgresql_where=text("done_at IS NULL")),
    )

    id: Mapped[Id]
    kind: Mapped[str]
    dedupe: Mapped[str]
    subject_id: Mapped[uuid.UUID]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    sends: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    stuck_at: Mapped[datetime | None]
    last_error: Mapped[str | None]


class OutgoingLetter(Base):
    """A letter that we owe somebody; ``state`` says how far it came.

    One found in ``sending`` goes again with the same Message-ID, the secret in its link made anew;
    only a reply waits for a person. ``diagnosis`` is the answer by which it was refused or came back,
    in codes; ``again_id`` is the letter that goes in its place.
    """

    __tablename__ = "outgoing_letter"
    __table_args__ = (
        Index("uq_outgoing_letter_message_id_header", text("md5(message_id_header)"), unique=True),
        CheckConstraint(f"state IN {LETTER_STATES!r}", name="state"),
        CheckConstraint(f"kind IN {KINDS!r}", name="kind"),
        Index(None, "matter_id"),
        Index("uq_outgoing_letter_by_itself", "message_id", unique=True,
              postgresql_where=text("kind IN ('reminder', 'late')")),
        Index("ix_outgoing_letter_open", "created_at",
              postgresql_where=text("state IN ('owed', 'sending')")),
    )  # fmt: skip

    id: Mapped[Id]
    matter_id: Mapped[uuid.UUID] = mapped_column(refers("matter.id"))
    message_id: Mapped[uuid.UUID | None] = mapped_column(refers("message.id"))
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(default="owed")
    recipient: Mapped[str]
    message_id_header: Mapped[str]
    in_reply_to: Mapped[str | None]
    why: Mapped[str | None]
    diagnosis: Mapped[str | None]
    again_id: Mapped[uuid.UUID | None] = mapped_column(refers("outgoing_letter.id"))
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
