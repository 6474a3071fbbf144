"""Letters fetched by IMAP: how far each mailbox has come, and what became of every one of its letters."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from intake.models.base import Base, Id, refers

# ``seen``: told of, and not fetched yet. ``stored``: a letter of ours, its first or another copy.
# ``gone``: no longer there when it was to be fetched. ``refused``: over the size that we take.
OUTCOMES = ("seen", "stored", "gone", "refused")


class MailboxState(Base):
    """A mailbox as it was last seen, or could not be seen: then ``fault`` says why, in Swedish.

    ``first_uid`` is the UID that came next at the first look in this UIDVALIDITY, and ``began_at`` when
    the mailbox was looked at first of all. ``since`` is set when its letters were numbered anew: what came
    on that day or later may be unknown to us, whatever its UID. Nothing is known before the first look.
    ``address`` is the inbox of ours whose mailbox it is, if it is one's.
    """

    __tablename__ = "mailbox_state"

    mailbox: Mapped[str] = mapped_column(primary_key=True)
    uidvalidity: Mapped[int | None] = mapped_column(BigInteger)
    first_uid: Mapped[int | None] = mapped_column(BigInteger)
    since: Mapped[date | None]
    began_at: Mapped[datetime | None]
    looked_at: Mapped[datetime | None]
    fault: Mapped[str | None]
    fault_since: Mapped[datetime | None]
    address: Mapped[str | None]


class Fetched(Base):
    """One letter of a mailbox, by UID: when it was seen first and last, and what it became.

    ``times_seen`` counts how often it was taken up, to be stored or moved, ``taken_up_at`` is the last
    time. ``prior_look_at`` is the last time that its mailbox was looked at before it was seen, None if
    there was none. ``copied_at`` is when a server that cannot move had copied it, and ``moved_at`` when
    it was found to have left its folder.
    """

    __tablename__ = "fetched"
    __table_args__ = (
        UniqueConstraint("mailbox", "uidvalidity", "uid"),
        CheckConstraint(f"outcome IN {OUTCOMES!r}", name="outcome"),
        Index(None, "digest"),
        # The few of many that are not both ours and out of the way.
        Index(
            "ix_fetched_left",
            "first_seen_at",
            postgresql_where=text("outcome <> 'stored' OR moved_at IS NULL"),
        ),
    )

    id: Mapped[Id]
    mailbox: Mapped[str]
    uidvalidity: Mapped[int] = mapped_column(BigInteger)
    uid: Mapped[int] = mapped_column(BigInteger)
    outcome: Mapped[str] = mapped_column(default="seen")
    times_seen: Mapped[int] = mapped_column(default=0)
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    prior_look_at: Mapped[datetime | None]
    taken_up_at: Mapped[datetime | None]
    internal_at: Mapped[datetime | None]
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    digest: Mapped[str | None]
    letter_id: Mapped[uuid.UUID | None] = mapped_column(refers("letter.id"))
    copied_at: Mapped[datetime | None]
    moved_at: Mapped[datetime | None]
