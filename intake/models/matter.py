"""A matter and all that belongs to it: arrivals, messages, attachments, placements, events.

What tells of a side (a unit, a sender, a digest) is indexed as its md5: such an index is not asked before
the wall is, and its count of rows tells nobody anything. Who queries by it says md5 too.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, false, true
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from intake.models.base import Base, Id, refers

CHANNELS = ("form", "email", "phone", "visit", "paper", "outgoing", "api")
STATUSES = (
    "received", "quarantined", "registered", "assigned", "in_progress", "awaiting_citizen",
    "handed_over", "answered", "closed", "reopened", "archived", "purged",
)  # fmt: skip
DIRECTIONS = ("incoming", "outgoing", "note")
VERDICTS = ("unchecked", "accept", "warn", "quarantine", "refuse", "not_scanned")


class Matter(Base):
    """What a citizen brought. ``unit_id`` is the inbox it stands in; ``version`` guards edits.

    ``language`` is the form's, ``answer_language`` and ``interpreter`` what was asked for;
    ``may_email`` and ``is_neutral`` say what a letter may do, ``call_words`` when and how to call.
    ``merged_into_id`` is the matter that all in it went into; ``codes_lead_on`` lets its codes open that.
    ``due_at`` is the last second of the last working day for a first answer, None when none is owed;
    its clock began at ``due_from`` (None: when the matter came), and ``overdue_at`` is when it was seen to
    have passed. ``paused_until`` is until when it rests.
    """

    __tablename__ = "matter"
    __table_args__ = (
        UniqueConstraint("reference"),
        CheckConstraint("priority BETWEEN 1 AND 5", name="priority"),
        CheckConstraint(f"status IN {STATUSES!r}", name="status"),
        CheckConstraint(f"channel IN {CHANNELS!r}", name="channel"),
        CheckConstraint("merged_into_id IS NULL OR closed_at IS NOT NULL", name="merged_is_closed"),
        CheckConstraint("merged_into_id IS NOT NULL OR NOT codes_lead_on", name="only_merged_leads_on"),
        CheckConstraint("due_at IS NOT NULL OR num_nonnulls(due_from, overdue_at) = 0", name="due"),
        Index("ix_matter_merged_into_id", "merged_into_id",
              postgresql_where=sql("merged_into_id IS NOT NULL")),
        Index("ix_matter_inbox", sql("md5(unit_id)"), sql("need_of(flags, priority)"), sql("due_of(due_at)"),
              "received_at", "id",
              postgresql_where=sql("closed_at IS NULL")),
        Index("ix_matter_due_unseen", "due_at",
              postgresql_where=sql("due_at IS NOT NULL AND overdue_at IS NULL")),
        Index("ix_matter_closed", sql("md5(unit_id)"), "closed_at", "id",
              postgresql_where=sql("closed_at IS NOT NULL")),
        Index(None, "received_at", "id"),
        Index("ix_matter_category_received_at", sql("md5(category)"), "received_at"),
    )  # fmt: skip

    id: Mapped[Id]
    reference: Mapped[str]
    channel: Mapped[str]
    category: Mapped[str]
    unit_id: Mapped[str] = mapped_column(refers("unit.id"))
    region: Mapped[str | None]
    priority: Mapped[int]
    flags: Mapped[list[str]]
    status: Mapped[str]
    subject: Mapped[str]
    sender_name: Mapped[str | None]
    sender_email: Mapped[str | None]
    sender_phone: Mapped[str | None]
    municipality: Mapped[str | None]
    place: Mapped[str | None]
    place_words: Mapped[str]
    chosen_category: Mapped[str | None]
    needs_person: Mapped[list[str]]
    possible_of_id: Mapped[uuid.UUID | None] = mapped_column(refers("matter.id"))
    handler_id: Mapped[uuid.UUID | None] = mapped_column(refers("handler.id"))
    received_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    language: Mapped[str] = mapped_column(default="sv", server_default="sv")
    answer_language: Mapped[str | None]
    interpreter: Mapped[str | None]
    may_email: Mapped[bool] = mapped_column(default=True, server_default=true())
    is_neutral: Mapped[bool] = mapped_column(default=False, server_default=false())
    call_words: Mapped[str] = mapped_column(default="", server_default="")
    concerns: Mapped[str | None]
    happened_words: Mapped[str] = mapped_column(default="", server_default="")
    merged_into_id: Mapped[uuid.UUID | None] = mapped_column(refers("matter.id"))
    codes_lead_on: Mapped[bool] = mapped_column(default=False, server_default=false())
    due_at: Mapped[datetime | None]
    due_from: Mapped[datetime | None]
    overdue_at: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]


class MatterUnit(Base):
    """Who sees a matter: the units, why, and until when (None: still)."""

    __tablename__ = "matter_unit"
    __table_args__ = (
        Index("uq_matter_unit_open", "matter_id", sql("md5(unit_id)"), unique=True,
              postgresql_where=sql("until IS NULL")),
        Index("ix_matter_unit_since", sql("md5(unit_id)"), "since", postgresql_where=sql("until IS NULL")),
        Index("ix_matter_unit_raised", sql("md5(unit_id)"), "matter_id",
              postgresql_where=sql("why = 'raised' AND until IS NULL")),
        Index("ix_matter_unit_stood", sql("md5(unit_id)"), "matter_id",
              postgresql_where=sql("until IS NOT NULL")),
        Index(None, "matter_id"),
    )  # fmt: skip

    id: Mapped[Id]
    matter_id: Mapped[uuid.UUID] = mapped_column(refers("matter.id"))
    unit_id: Mapped[str] = mapped_column(refers("unit.id"))
    why: Mapped[str]
    since: Mapped[datetime]
    until: Mapped[datetime | None]


class NumberSeries(Base):
    """The last number used in a series and year; locked by the last statement before commit."""

    __tablename__ = "number_series"

    series: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int] = mapped_column(BigInteger)


class DiaryEntry(Base):
    """The diary number of a matter (OSL 5:2): gapless within a series and year."""

    __tablename__ = "diary_entry"
    __table_args__ = (UniqueConstraint("series", "year", "number"),)

    matter_id: Mapped[uuid.UUID] = mapped_column(refers("matter.id"), primary_key=True)
    series: Mapped[str]
    year: Mapped[int]
    number: Mapped[int] = mapped_column(BigInteger)
    registered_at: Mapped[datetime]


class Letter(Base):
    """A raw letter as it came: its bytes under ``storage_key``, its envelope and trace beside it.

    ``sent_at`` is the sender's own claim. ``authentication`` is what a relay that we trust found out
    about the sender, None when none did. ``report`` is what it tells of a letter of ours.
    """

    __tablename__ = "letter"
    __table_args__ = (
        UniqueConstraint("storage_key"),
        Index("ix_letter_message_id_header", sql("md5(message_id_header)")),
        Index(None, "received_at", "id"),
        Index("ix_letter_sha256", sql("md5(sha256)")),
        Index("ix_letter_unparsed", "received_at", postgresql_where=sql("parsed_at IS NULL")),
    )

    id: Mapped[Id]
    storage_key: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    envelope_from: Mapped[str]
    # Handlers read it through a function alone: it may name sides that they must not hear of.
    envelope_to: Mapped[list[str]] = mapped_column(deferred=True)
    trace: Mapped[dict[str, Any]]
    received_at: Mapped[datetime]
    parsed_at: Mapped[datetime | None]
    message_id_header: Mapped[str | None]
    sender_email: Mapped[str | None]
    body_digest: Mapped[str | None]
    problems: Mapped[list[str]]
    sent_at: Mapped[datetime | None]
    automatic_reason: Mapped[str | None]
    authentication: Mapped[dict[str, Any] | None]
    report: Mapped[dict[str, Any] | None]


class Message(Base):
    """Something said in a matter: by the citizen, to the citizen, or a note among handlers.

    ``answers`` are to the form's own questions, each a question and an answer in words;
    ``is_told`` lets the citizen read it on the status page; ``is_answer`` is False of what a handler asks
    or tells before there is an answer. ``held`` is "waiting" until it leaves, and "undone" of what never
    will: neither is told to anybody outside. ``flow`` says how its lines are joined
    (RFC 3676); ``about_letter_id`` is the letter of ours that it answers or reports on.
    """

    __tablename__ = "message"
    __table_args__ = (
        CheckConstraint(f"direction IN {DIRECTIONS!r}", name="direction"),
        CheckConstraint("held IN ('waiting', 'undone')", name="held"),
        Index(None, "matter_id", "created_at"),
        Index(None, "letter_id", postgresql_where=sql("letter_id IS NOT NULL")),
    )  # fmt: skip

    id: Mapped[Id]
    matter_id: Mapped[uuid.UUID] = mapped_column(refers("matter.id"))
    direction: Mapped[str]
    channel: Mapped[str]
    subject: Mapped[str]
    text: Mapped[str]
    sender_name: Mapped[str | None]
    sender_email: Mapped[str | None]
    sender_phone: Mapped[str | None]
    handler_id: Mapped[uuid.UUID | None] = mapped_column(refers("handler.id"))
    letter_id: Mapped[uuid.UUID | None] = mapped_column(refers("letter.id"))
    is_automatic: Mapped[bool] = mapped_column(default=False)
    problems: Mapped[list[str]]
    created_at: Mapped[datetime]
    answers: Mapped[list[dict[str, Any]]] = mapped_column(default=list, server_default=sql("'[]'"))
    is_told: Mapped[bool] = mapped_column(default=False, server_default=false())
    is_answer: Mapped[bool] = mapped_column(default=True, server_default=true())
    held: Mapped[str | None]
    flow: Mapped[str | None]
    about_letter_id: Mapped[uuid.UUID | None] = mapped_column(refers("outgoing_letter.id", is_mutual=True))


class Arrival(Base):
    """One thing that came in at one destination; the same digest there is the same arrival.

    It has an incoming message, or the arrival it repeats, or (a letter) a parse job still owed.
    """

    __tablename__ = "arrival"
    __table_args__ = (
        Index("uq_arrival_destination_digest", sql("md5(digest)"), sql("md5(destination)"), unique=True),
        UniqueConstraint("message_id"),
        CheckConstraint(f"channel IN {CHANNELS!r}", name="channel"),
        CheckConstraint("message_id IS NULL OR duplicate_of_id IS NULL", name="one_outcome"),
        Index(None, "letter_id"),
        Index(None, "duplicate_of_id", postgresql_where=sql("duplicate_of_id IS NOT NULL")),
    )

    id: Mapped[Id]
    channel: Mapped[str]
    destination: Mapped[str]
    digest: Mapped[str]
    at: Mapped[datetime]
    unit_id: Mapped[str | None] = mapped_column(refers("unit.id"))
    address_id: Mapped[uuid.UUID | None] = mapped_column(refers("mail_address.id"))
    letter_id: Mapped[uuid.UUID | None] = mapped_column(refers("letter.id"))
    message_id: Mapped[uuid.UUID | None] = mapped_column(refers("message.id"))
    duplicate_of_id: Mapped[uuid.UUID | None] = mapped_column(refers("arrival.id"))
    marks: Mapped[list[str]]


class Attachment(Base):
    """A file in a matter: its bytes under ``storage_key`` exactly as they came, and what was found.

    ``part`` is its place in the letter that it came with ("2~1": the first of what lay within part 2).
    ``facts`` are what the file tells of itself, ``contents`` what lies within it, each with its own
    verdict. ``scanned_with`` names the signatures of the last scan, ``check_began_at`` is when the check
    began that is recorded; ``drawn_at`` is when its safe views
    were made, and ``view_problem`` why there are none.
    """

    __tablename__ = "attachment"
    __table_args__ = (
        UniqueConstraint("storage_key"),
        CheckConstraint(f"verdict IN {VERDICTS!r}", name="verdict"),
        Index(None, "matter_id"),
        Index(None, "message_id"),
        Index(None, "created_at"),
    )

    id: Mapped[Id]
    matter_id: Mapped[uuid.UUID] = mapped_column(refers("matter.id"))
    message_id: Mapped[uuid.UUID] = mapped_column(refers("message.id"))
    position: Mapped[int]
    name: Mapped[str]
    storage_key: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    declared_type: Mapped[str]
    detected_type: Mapped[str | None]
    verdict: Mapped[str] = mapped_column(default="unchecked")
    findings: Mapped[list[dict[str, Any]]]
    created_at: Mapped[datetime]
    checked_at: Mapped[datetime | None]
    part: Mapped[str | None]
    is_inline: Mapped[bool] = mapped_column(default=False, server_default=false())
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=sql("'{}'"))
    contents: Mapped[list[dict[str, Any]]] = mapped_column(default=list, server_default=sql("'[]'"))
    scanned_with: Mapped[str | None]
    check_began_at: Mapped[datetime | None]
    drawn_at: Mapped[datetime | None]
    view_problem: Mapped[str | None]


class PlacementRecord(Base):
    """One decision of the routing rule for a matter, with its reasons and the rules' version."""

    __tablename__ = "placement"
    __table_args__ = (Index(None, "matter_id", "at"),)

    id: Mapped[Id]
    matter_id: Mapped[uuid.UUID] = mapped_column(refers("matter.id"))
    at: Mapped[datetime]
    category: Mapped[str]
    guess: Mapped[str]
    confidence: Mapped[float]
    is_undecided: Mapped[bool]
    next: Mapped[list[str]] = mapped_column(server_default=sql("'{}'"))
    unit_id: Mapped[str] = mapped_column(refers("unit.id"))
    region: Mapped[str | None]
    priority: Mapped[int]
    flags: Mapped[list[str]]
    reasons: Mapped[list[dict[str, Any]]]
    rules_version: Mapped[str]


class Event(Base):
    """What was done to a matter, by whom; append-only by grant. ``detail`` holds no personal data."""

    __tablename__ = "event"
    __table_args__ = (Index(None, "matter_id", "at"),)

    id: Mapped[Id]
    matter_id: Mapped[uuid.UUID] = mapped_column(refers("matter.id"))
    at: Mapped[datetime]
    actor: Mapped[str]
    handler_id: Mapped[uuid.UUID | None] = mapped_column(refers("handler.id"))
    what: Mapped[str]
    detail: Mapped[dict[str, Any]]


class MailAddress(Base):
    """A token that may only write: into a matter, into what a draft becomes, or as a bounce."""

    __tablename__ = "mail_address"
    __table_args__ = (UniqueConstraint("token"), Index(None, "matter_id"), Index(None, "draft_id"))

    id: Mapped[Id]
    token: Mapped[str]
    matter_id: Mapped[uuid.UUID | None] = mapped_column(refers("matter.id"))
    draft_id: Mapped[uuid.UUID | None]
    outgoing_id: Mapped[uuid.UUID | None] = mapped_column(refers("outgoing_letter.id"))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class StatusCode(Base):
    """A code that may read a matter's status, stored hashed only."""

    __tablename__ = "status_code"
    __table_args__ = (UniqueConstraint("code_hash"), Index(None, "matter_id"))

    id: Mapped[Id]
    matter_id: Mapped[uuid.UUID] = mapped_column(refers("matter.id"))
    code_hash: Mapped[str]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Feedback(Base):
    """What a person answered when the matter was closed; one answer for a matter."""

    __tablename__ = "feedback"
    __table_args__ = (CheckConstraint("answer BETWEEN 1 AND 5", name="answer"),)

    matter_id: Mapped[uuid.UUID] = mapped_column(refers("matter.id"), primary_key=True)
    answer: Mapped[int]
    words: Mapped[str]
    at: Mapped[datetime]


class EmailChange(Base):
    """A new address for a matter, which counts when its owner has followed the link mailed to it."""

    __tablename__ = "email_change"
    __table_args__ = (UniqueConstraint("token_hash"), Index(None, "matter_id"))

    id: Mapped[Id]
    matter_id: Mapped[uuid.UUID] = mapped_column(refers("matter.id"))
    email: Mapped[str]
    token_hash: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
