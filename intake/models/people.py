"""Inboxes and the people who work in them."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from intake.models.base import Base, Id, refers

ROLES = ("handler", "coordinator", "operator", "file_quarantine")


class Unit(Base):
    """An inbox, as in authority.toml; ``id`` is its code, such as ``syd-utredning``."""

    __tablename__ = "unit"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    region: Mapped[str | None]
    kind: Mapped[str]
    is_walled: Mapped[bool]
    is_open: Mapped[bool] = mapped_column(default=True)


class Handler(Base):
    """A person who handles matters; ``email`` is in lower case."""

    __tablename__ = "handler"
    __table_args__ = (UniqueConstraint("email"),)

    id: Mapped[Id]
    email: Mapped[str]
    name: Mapped[str]
    password_hash: Mapped[str]
    must_change_password: Mapped[bool] = mapped_column(default=True)
    password_expires_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Membership(Base):
    """A handler's role in a unit."""

    __tablename__ = "membership"
    __table_args__ = (
        UniqueConstraint("handler_id", "unit_id", "role"),
        CheckConstraint(f"role IN {ROLES!r}", name="role"),
    )

    id: Mapped[Id]
    handler_id: Mapped[uuid.UUID] = mapped_column(refers("handler.id"))
    unit_id: Mapped[str] = mapped_column(refers("unit.id"))
    role: Mapped[str]
    created_at: Mapped[datetime]


class HandlerSession(Base):
    """A sign-in, kept on the server; ``token_hash`` is SHA-256 of what the cookie carries."""

    __tablename__ = "handler_session"
    __table_args__ = (UniqueConstraint("token_hash"), Index(None, "handler_id"))

    id: Mapped[Id]
    token_hash: Mapped[str]
    handler_id: Mapped[uuid.UUID] = mapped_column(refers("handler.id"))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class AccessLog(Base):
    """Who saw what, and when; append-only by grant."""

    __tablename__ = "access_log"
    __table_args__ = (
        Index(None, "matter_id", "at"),
        Index(None, "handler_id", "at"),
        Index(None, "attachment_id", "at", postgresql_where=text("attachment_id IS NOT NULL")),
    )

    id: Mapped[Id]
    at: Mapped[datetime]
    handler_id: Mapped[uuid.UUID | None] = mapped_column(refers("handler.id"))
    actor: Mapped[str]
    what: Mapped[str]
    matter_id: Mapped[uuid.UUID | None]
    attachment_id: Mapped[uuid.UUID | None]
    reason: Mapped[str | None]


class LimitCount(Base):
    """How often something was done by one key (hashed) within one window."""

    __tablename__ = "limit_count"

    what: Mapped[str] = mapped_column(primary_key=True)
    key_hash: Mapped[str] = mapped_column(primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int]
