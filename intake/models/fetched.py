"""Letters fetched by IMAP: how far each mailbox has come, and what became of every one of its letters."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from intake.models.base import Base, Id, refers

# ``seen``: told of, and not fetched yet. ``stored``: a letter of ours, its first or another copy.
# ``gone``: no longer there when it was to be fetched. ``refused``: over the size that we take.
OUTCOMES = ("seen", "stored", "gone", "refused")


class MailboxState(Base):
    """A mailbox as it was last seen; ``first_uid`` is where the first look began, in this UIDVALIDITY."""

    __tablename__ = "mailbox_state"

    mailbox: Mapped[str] = mapped_column(primary_key=True)
    uidvalidity: Mapped[int] = mapped_column(BigInteger)
    first_uid: Mapped[int] = mapped_column(BigInteger)
    looked_at: Mapped[datetime]
    fault: Mapped[str | None]
    fault_since: Mapped[datetime | None]


class Fetched(Base):
    """One letter of a mailbox, by UID: when it was seen, how often, and what it became.

    ``moved_at`` is when the server had moved it to the folder of those that are done.
    """

    __tablename__ = "fetched"
    __table_args__ = (
        UniqueConstraint("mailbox", "uidvalidity", "uid"),
        CheckConstraint(f"outcome IN {OUTCOMES!r}", name="outcome"),
        Index(None, "digest"),
        Index(None, "first_seen_at"),
    )

    id: Mapped[Id]
    mailbox: Mapped[str]
    uidvalidity: Mapped[int] = mapped_column(BigInteger)
    uid: Mapped[int] = mapped_column(BigInteger)
    outcome: Mapped[str] = mapped_column(default="seen")
    times_seen: Mapped[int] = mapped_column(default=1)
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    internal_at: Mapped[datetime | None]
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    digest: Mapped[str | None]
    letter_id: Mapped[uuid.UUID | None] = mapped_column(refers("letter.id"))
    moved_at: Mapped[datetime | None]
