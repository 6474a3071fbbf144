"""Inboxes and the people who work in them."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text, true
from sqlalchemy.orm import Mapped, mapped_column

from intake.models.base import Base, Id, refers

ROLES = (
    "reader", "handler", "coordinator", "registrar", "operator", "auditor", "national_coordinator",
    "file_quarantine",
)  # fmt: skip
# How far a sign-in has come: the second factor is owed; the account needs a password of its own or a
# second factor; everything that is asked for has been given.
STAGES = ("code", "account", "open")


class Unit(Base):
    """An inbox, as in authority.toml; ``id`` is its code, such as ``syd-utredning``.

    ``mail_local`` is the local part of the address at which it takes mail.
    """

    __tablename__ = "unit"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    region: Mapped[str | None]
    kind: Mapped[str]
    is_walled: Mapped[bool]
    is_open: Mapped[bool] = mapped_column(default=True)
    mail_local: Mapped[str | None]


class Handler(Base):
    """A person who handles matters; ``email`` is in lower case.

    ``totp_secret`` is the second factor, sealed, and ``totp_step`` the last one used (RFC 6238).
    ``subject`` is who the person is to the organisation's own sign-in: its issuer and that one's id.
    ``has_keys`` says whether single keys do things on the pages.
    """

    __tablename__ = "handler"
    __table_args__ = (
        Index("uq_handler_email", text("md5(email)"), unique=True),
        UniqueConstraint("subject"),
    )

    id: Mapped[Id]
    email: Mapped[str]
    name: Mapped[str]
    password_hash: Mapped[str]
    must_change_password: Mapped[bool] = mapped_column(default=True)
    password_expires_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    totp_secret: Mapped[str | None]
    totp_step: Mapped[int | None] = mapped_column(BigInteger)
    subject: Mapped[str | None]
    has_keys: Mapped[bool] = mapped_column(server_default=true())


class RecoveryCode(Base):
    """A code that does once for the second factor, stored hashed only."""

    __tablename__ = "recovery_code"
    __table_args__ = (UniqueConstraint("handler_id", "code_hash"),)

    id: Mapped[Id]
    handler_id: Mapped[uuid.UUID] = mapped_column(refers("handler.id"))
    code_hash: Mapped[str]
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Membership(Base):
    """A handler's role in a unit."""

    __tablename__ = "membership"
    __table_args__ = (
        Index(
            "uq_membership_handler_id_unit_id_role",
            "handler_id",
            text("md5(unit_id)"),
            text("md5(role)"),
            unique=True,
        ),
        CheckConstraint(f"role IN {ROLES!r}", name="role"),
    )

    id: Mapped[Id]
    handler_id: Mapped[uuid.UUID] = mapped_column(refers("handler.id"))
    unit_id: Mapped[str] = mapped_column(refers("unit.id"))
    role: Mapped[str]
    created_at: Mapped[datetime]


class MembershipProposal(Base):
    """A role behind a wall that one person wants to give, until another decides or the time is out."""

    __tablename__ = "membership_proposal"
    __table_args__ = (
        CheckConstraint("decision IN ('approved', 'refused', 'withdrawn', 'lapsed')", name="decision"),
        CheckConstraint(
            "decider_id NOT IN (proposer_id, handler_id) OR decision <> 'approved'", name="two_persons"
        ),
        Index("uq_membership_proposal_open", "handler_id", "unit_id", "role", unique=True,
              postgresql_where=text("decided_at IS NULL")),
    )  # fmt: skip

    id: Mapped[Id]
    at: Mapped[datetime]
    expires_at: Mapped[datetime]
    proposer_id: Mapped[uuid.UUID] = mapped_column(refers("handler.id"))
    handler_id: Mapped[uuid.UUID] = mapped_column(refers("handler.id"))
    unit_id: Mapped[str] = mapped_column(refers("unit.id"))
    role: Mapped[str]
    reason: Mapped[str]
    decided_at: Mapped[datetime | None]
    decider_id: Mapped[uuid.UUID | None] = mapped_column(refers("handler.id"))
    decision: Mapped[str | None]


class MembershipChange(Base):
    """What was changed of somebody's roles, by whom and why; append-only by grant.

    ``unit_id`` is None where an account was closed, since each unit is told only of its own.
    """

    __tablename__ = "membership_change"
    __table_args__ = (Index(None, "handler_id", "at"),)

    id: Mapped[Id]
    at: Mapped[datetime]
    actor: Mapped[str]
    actor_id: Mapped[uuid.UUID | None] = mapped_column(refers("handler.id"))
    what: Mapped[str]
    handler_id: Mapped[uuid.UUID] = mapped_column(refers("handler.id"))
    unit_id: Mapped[str | None] = mapped_column(refers("unit.id"))
    role: Mapped[str | None]
    reason: Mapped[str | None]
    proposal_id: Mapped[uuid.UUID | None] = mapped_column(refers("membership_proposal.id"))


class ExportRequest(Base):
    """Several matters that somebody wants to take out at once; another person decides.

    ``units`` are those where the matters stood when they were asked for, ``open_until`` how long an
    approved one can be fetched, ``fetched_at`` the last time that it was.
    """

    __tablename__ = "export_request"
    __table_args__ = (
        CheckConstraint("decision IN ('approved', 'refused', 'withdrawn')", name="decision"),
        CheckConstraint("decider_id <> handler_id OR decision <> 'approved'", name="two_persons"),
        Index(None, "handler_id", "at"),
    )

    id: Mapped[Id]
    at: Mapped[datetime]
    expires_at: Mapped[datetime]
    handler_id: Mapped[uuid.UUID] = mapped_column(refers("handler.id"))
    reason: Mapped[str]
    units: Mapped[list[str]]
    decided_at: Mapped[datetime | None]
    decider_id: Mapped[uuid.UUID | None] = mapped_column(refers("handler.id"))
    decision: Mapped[str | None]
    open_until: Mapped[datetime | None]
    fetched_at: Mapped[datetime | None]


class ExportRequestMatter(Base):
    """A matter that somebody wants to take out with others."""

    __tablename__ = "export_request_matter"

    request_id: Mapped[uuid.UUID] = mapped_column(refers("export_request.id"), primary_key=True)
    matter_id: Mapped[uuid.UUID] = mapped_column(refers("matter.id"), primary_key=True)


class HandlerSession(Base):
    """A sign-in, kept on the server; ``token_hash`` is SHA-256 of what the cookie carries.

    ``stage`` is how far it has come, ``proven_at`` when the person last showed who it is, ``agent`` the
    browser in words. Only one that is open opens anything.
    """

    __tablename__ = "handler_session"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        CheckConstraint(f"stage IN {STAGES!r}", name="stage"),
        Index(None, "handler_id"),
    )

    id: Mapped[Id]
    token_hash: Mapped[str]
    handler_id: Mapped[uuid.UUID] = mapped_column(refers("handler.id"))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    stage: Mapped[str]
    proven_at: Mapped[datetime | None]
    agent: Mapped[str]


class SessionLook(Base):
    """A matter that a session has looked at, and so may read while it stands where the person sees it."""

    __tablename__ = "session_look"

    session_id: Mapped[uuid.UUID] = mapped_column(
        refers("handler_session.id", ondelete="CASCADE"), primary_key=True
    )
    matter_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)


class Presence(Base):
    """Somebody who is at a matter just now, and the units where it stood then; a crash may empty it."""

    __tablename__ = "presence"
    __table_args__ = (
        CheckConstraint("doing IN ('reading', 'writing')", name="doing"),
        {"prefixes": ["UNLOGGED"]},
    )

    matter_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    handler_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    doing: Mapped[str]
    at: Mapped[datetime]
    units: Mapped[list[str]]


class AccessLog(Base):
    """Who saw what, and when; written by functions of the database alone, a partition a month.

    ``chain`` is the person whose looks are one chain of hashes, ``seq`` the place in it and ``hash``
    what it and all before it come to. ``words`` are those of a search, or what a sign-in opened.
    """

    __tablename__ = "access_log"
    __table_args__ = (
        UniqueConstraint("chain", "seq", "at"),
        Index(None, "matter_id", "at"),
        Index(None, "handler_id", "at"),
        Index(None, "attachment_id", "at", postgresql_where=text("attachment_id IS NOT NULL")),
        Index(None, "session_id", "at", postgresql_where=text("session_id IS NOT NULL")),
        Index("ix_access_log_sign_in", "at", postgresql_where=text("what = 'sign_in'")),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    id: Mapped[Id]
    at: Mapped[datetime] = mapped_column(primary_key=True)
    chain: Mapped[str]
    seq: Mapped[int] = mapped_column(BigInteger)
    session_id: Mapped[uuid.UUID | None]
    handler_id: Mapped[uuid.UUID | None] = mapped_column(refers("handler.id"))
    actor: Mapped[str]
    what: Mapped[str]
    matter_id: Mapped[uuid.UUID | None]
    attachment_id: Mapped[uuid.UUID | None]
    reason: Mapped[str | None]
    words: Mapped[str | None]
    hash: Mapped[bytes]


class AccessChain(Base):
    """The last link of each chain of looks, and how far seals have it (``sealed``, the ``seq`` of a row)."""

    __tablename__ = "access_chain"

    chain: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes]
    sealed: Mapped[int] = mapped_column(BigInteger, server_default="0")


class LimitCount(Base):
    """How often something was done by one key (hashed) within one window."""

    __tablename__ = "limit_count"

    what: Mapped[str] = mapped_column(primary_key=True)
    key_hash: Mapped[str] = mapped_column(primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int]
