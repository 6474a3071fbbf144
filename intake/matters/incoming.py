"""What came in, by whatever way: values that carry it to where it is accepted."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from config.languages import SWEDISH
from intake import letters


@dataclass(frozen=True)
class IncomingFile:
    """A file whose bytes are already safe under ``storage_key``; the name is kept as given.

    ``part`` is its place in the letter that it came with.
    """

    name: str
    storage_key: str
    size_bytes: int
    sha256: str
    declared_type: str
    part: str | None = None
    is_inline: bool = False


@dataclass(frozen=True)
class Answer:
    """A question of the form, in Swedish, and what the person answered."""

    question: str
    answer: str


@dataclass(frozen=True)
class Wishes:
    """How a person wants to be answered. ``call_words`` says when and how we may call.

    ``language`` is the language that the form was in.
    """

    language: str = SWEDISH
    answer_language: str | None = None
    interpreter: str | None = None
    may_email: bool = True
    is_neutral: bool = False
    call_words: str = ""


@dataclass(frozen=True)
class Submission:
    """What came in, by whatever way. ``wants_receipt`` and ``wishes`` are None where nobody was asked.

    A supplement says no more of its matter than its own words. ``is_uploading`` tells that files
    of it are still on their way. ``may_answer`` is False where no automatic letter may go back, though
    a person wrote; ``about_letter_id`` is the letter of ours that it answers or reports on.
    ``is_mere_notice`` is a machine's word that asks nothing of anybody: it wakes no matter.
    """

    channel: str
    subject: str
    text: str
    received_at: datetime
    sender_name: str | None = None
    sender_email: str | None = None
    sender_phone: str | None = None
    files: tuple[IncomingFile, ...] = ()
    category: str | None = None
    place: str | None = None
    municipality: str | None = None
    place_words: str = ""
    addressed_unit: str | None = None
    letter_id: uuid.UUID | None = None
    message_id_header: str | None = None
    is_automatic: bool = False
    may_answer: bool = True
    is_mere_notice: bool = False
    about_letter_id: uuid.UUID | None = None
    flow: letters.Flow | None = None
    wants_receipt: bool | None = None
    needs_person: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()
    wishes: Wishes | None = None
    concerns: str | None = None
    happened_words: str = ""
    is_supplement: bool = False
    is_uploading: bool = False


@dataclass(frozen=True)
class Accepted:
    """What the citizen is told: the matter, its reference and the status code in plain."""

    matter_id: uuid.UUID
    reference: str
    status_code: str


@dataclass(frozen=True)
class Address:
    """A mail address of ours whose row is held: what it leads to, and whether it still opens."""

    id: uuid.UUID
    matter_id: uuid.UUID | None
    outgoing_id: uuid.UUID | None
    is_revoked: bool


@dataclass(frozen=True)
class Written:
    """What an arrival became: a message of a matter. ``reference`` is told for a new matter."""

    matter_id: uuid.UUID
    message_id: uuid.UUID
    reference: str | None = None
