"""A citizen's unfinished form: the person's own space, that nobody here reads (TF 2:13)."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from intake.models.base import Base, Id, refers


class Draft(Base):
    """Answers so far, kept 24 h after the last change and opened by the browser's key alone.

    The resume code lets another browser in, whose key is then added. ``supplements_id`` is the
    matter that this adds to, ``is_asked`` that we asked for it. Once sent, it holds what the receipt
    shows: reference, time and status code in plain.
    """

    __tablename__ = "draft"
    __table_args__ = (
        # Unique without an order: who may ask for a code must not learn where it would stand among others.
        Index("uq_draft_resume_code", text("md5(resume_code)"), unique=True),
        Index(None, "expires_at"),
        Index(None, "browser_key_hash"),
        Index("ix_draft_more_key_hashes", "more_key_hashes", postgresql_using="gin",
              postgresql_where=text("more_key_hashes <> '{}'")),
    )  # fmt: skip

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
    more_key_hashes: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    resume_code: Mapped[str | None]
    supplements_id: Mapped[uuid.UUID | None]
    is_asked: Mapped[bool] = mapped_column(default=False, server_default=false())


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


class Upload(Base):
    """A file on its way up in parts. ``received_at``: all its bytes are here, ``composed_at``: it is one
    file, ``given_up_at``: its time ran out after the form was sent.

    Sending gives it its matter and message; it may then go on until ``expires_at``. ``fingerprint``
    is how the browser knows the same file again.
    """

    __tablename__ = "upload"
    __table_args__ = (
        CheckConstraint("offset_bytes BETWEEN 0 AND size_bytes", name="offset"),
        Index(None, "draft_id"),
        Index(None, "matter_id"),
    )

    id: Mapped[Id]
    draft_id: Mapped[uuid.UUID]
    matter_id: Mapped[uuid.UUID | None]
    message_id: Mapped[uuid.UUID | None]
    name: Mapped[str]
    declared_type: Mapped[str]
    fingerprint: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    offset_bytes: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    received_at: Mapped[datetime | None]
    composed_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]


class UploadPart(Base):
    """The bytes of an upload from ``start_bytes`` on, stored under a key of their own."""

    __tablename__ = "upload_part"
    __table_args__ = (UniqueConstraint("storage_key"),)

    upload_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    start_bytes: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    storage_key: Mapped[str]


class DraftKey(Base):
    """A stored key that a draft uses, without content, so that the sweep can see it is named."""

    __tablename__ = "draft_key"

    storage_key: Mapped[str] = mapped_column(primary_key=True)
    draft_id: Mapped[uuid.UUID]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]


class LeftSecret(Base):
    """A secret of a browser, by its digest, that was left and opens nothing more."""

    __tablename__ = "left_secret"

    digest: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
