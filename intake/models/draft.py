"""A citizen's unfinished form: the person's own space, that nobody here reads (TF 2:13)."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from intake.models.base import Base, Id, refers


class Draft(Base):
    """Answers so far, kept 24 h after the last change and opened by the browser's key alone.

    Once sent, it holds what the receipt shows: reference, time and status code in plain.
    """

    __tablename__ = "draft"
    __table_args__ = (Index(None, "expires_at"),)

    id: Mapped[Id]
    browser_key_hash: Mapped[str]
    answers: Mapped[dict[str, Any]]
    address_token: Mapped[str]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    matter_id: Mapped[uuid.UUID | None]
    reference: Mapped[str | None]
    status_code: Mapped[str | None]


class DraftFile(Base):
    """A whole file in a draft; after sending, the matter's attachment names the same key."""

    __tablename__ = "draft_file"
    __table_args__ = (UniqueConstraint("storage_key"), Index(None, "draft_id"))

    id: Mapped[Id]
    draft_id: Mapped[uuid.UUID] = mapped_column(refers("draft.id", ondelete="CASCADE"))
    name: Mapped[str]
    storage_key: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    declared_type: Mapped[str]
    created_at: Mapped[datetime]


class DraftKey(Base):
    """A stored key that a draft uses, without content, so that the sweep can see it is named."""

    __tablename__ = "draft_key"

    storage_key: Mapped[str] = mapped_column(primary_key=True)
    draft_id: Mapped[uuid.UUID]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
