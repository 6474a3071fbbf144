"""What a search finds matters by: a row for each subject, message and file, which triggers keep.

No role has a right to it but the owner's: it is asked by functions alone, which keep to the session's units.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from intake.models.base import Base

KINDS = ("matter", "message", "file", "signs", "contact_signs")


class Findable(Base):
    """The words of a matter, a message or a file as they are compared, and the units that see it.

    ``id`` is that of what the words stand in, ``received_at`` the matter's. ``part`` and ``contact_part`` are
    searched by their pieces. ``signs`` are digests of what two matters may have in common, in a row of their
    own: of what a message says, or of who sent it.
    """

    __tablename__ = "findable"
    __table_args__ = (
        CheckConstraint(f"kind IN {KINDS!r}", name="kind"),
        Index("ix_findable_words", "said", "contact", "part", "contact_part", "units",
              postgresql_using="gin", postgresql_with={"gin_pending_list_limit": 512},
              postgresql_ops={"part": "trigrams.gin_trgm_ops", "contact_part": "trigrams.gin_trgm_ops"},
              postgresql_where=sql("kind IN ('matter', 'message', 'file')")),
        Index("ix_findable_signs", "signs", "units",
              postgresql_using="gin", postgresql_with={"gin_pending_list_limit": 512},
              postgresql_where=sql("signs IS NOT NULL")),
        Index(None, "received_at", "matter_id",
              postgresql_where=sql("kind IN ('matter', 'message', 'file')")),
        Index(None, "matter_id"),
    )  # fmt: skip

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    matter_id: Mapped[uuid.UUID]
    received_at: Mapped[datetime]
    units: Mapped[list[str]]
    said: Mapped[str | None] = mapped_column(TSVECTOR)
    contact: Mapped[str | None] = mapped_column(TSVECTOR)
    part: Mapped[str | None]
    contact_part: Mapped[str | None]
    signs: Mapped[list[str] | None]
