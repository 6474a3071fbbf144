"""What a citizen sees of and does to a matter that its status code opens, and nothing more.

All that is read comes out of functions in the database that ask for the reference and the code's
digest each time, so that a revoked code opens nothing from then on. Each act is one commit, and
what is done for whoever has a code is done while the code is held.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from sqlalchemy import bindparam, text, types

from intake import codes, limits, rows, shown
from intake.errors import NotFound
from intake.extensions import STOCKHOLM, db, now, settings
from intake.files import UNREADABLE, clean_name
from intake.matters import handovers
from intake.matters.records import header_of, note, owe_letter, update_matter
from intake.models import EmailChange, Feedback, new_id

CONFIRMED_WITHIN = timedelta(hours=48)
DAY = timedelta(days=1)
CHANGES_A_DAY = 5
# Of these matters the law lets us tell that they have come and are registered, and no more.
QUIET_REGIMES = ("brottsdata", "manual")

_HOLD = text("SELECT hold_code(:reference, :code_hash)")
_STATUS = text("SELECT * FROM followed_status(:reference, :code_hash, :at)")
_ANSWERS = text("SELECT * FROM followed_answers(:reference, :code_hash)")
_ASKED = text("SELECT followed_supplement(:reference, :code_hash)")
_FINDINGS = text("SELECT words, files FROM followed_findings(:reference, :code_hash)")
_HANDOVER = text("SELECT is_received FROM followed_handover(:reference, :code_hash)")
_FILE = text("SELECT * FROM followed_file(:reference, :code_hash, :file_id)")
_FEEDBACK = text("SELECT give_feedback(:reference, :code_hash, :answer, :words, :at)")
_CONFIRM = text("SELECT confirm_email(:token_hash, :at)")
# Neither outcome waits for the disk, so that both take equally long.
_OWE_LINK = text(
    "SELECT set_config('synchronous_commit', 'off', true),"
    " owe_status_link(:reference, :letter, :header, :job, :private, :at)"
).bindparams(bindparam("private", type_=types.ARRAY(types.Text)))


class Ended(NotFound):
    """A code opens nothing, or no longer."""


@dataclass(frozen=True)
class Key:
    """What opens a matter to the person who follows it; never the code itself."""

    reference: str
    code_hash: str


@dataclass(frozen=True)
class Followed:
    """A matter as its own person may see it. Addresses are masked; ``new_email`` waits to be confirmed.

    ``awaited`` files are still on their way, ``lost`` ones never became whole.
    """

    matter_id: uuid.UUID
    received_at: datetime
    registered_at: datetime
    category: str
    status: str
    is_taken: bool
    closed_at: datetime | None
    answered_at: datetime | None
    email: str | None
    new_email: str | None
    phone: str | None
    may_email: bool
    is_neutral: bool
    awaited: int
    lost: int
    has_feedback: bool

    @property
    def is_quiet(self) -> bool:
        """Say whether no more than the first steps may be told."""
        return is_quiet(self.category)

    @property
    def is_asked(self) -> bool:
        """Say whether the person has been asked for something that has not come."""
        return self.status == "awaiting_citizen"

    @property
    def asks_feedback(self) -> bool:
        """Say whether the person is asked what the contact was like.

        In a quiet matter the question would give the closing away; there it follows an answer.
        """
        has_reason = self.answered_at if self.is_quiet else self.closed_at
        return has_reason is not None and not self.has_feedback


def is_quiet(category: str) -> bool:
    """Say whether no more than the first steps may be told of a matter of this category."""
    try:
        return settings().tables.categories.get(category).regime in QUIET_REGIMES
    except KeyError:
        return True


# ``ready`` may be given out, ``waiting`` is not checked yet, ``held`` is never given out here.
FileState = Literal["ready", "waiting", "held"]


@dataclass(frozen=True)
class AnswerFile:
    """A file of ours that went with an answer."""

    id: uuid.UUID
    shown: str
    size_bytes: int
    state: FileState


@dataclass(frozen=True)
class GivenFile:
    """A file of ours to be given out; ``storage_key`` is None unless it is ready."""

    name: str
    size_bytes: int
    state: FileState
    storage_key: str | None


@dataclass(frozen=True)
class Answer:
    """What a handler answered and chose to tell on the status page."""

    text: str
    at: datetime
    files: tuple[AnswerFile, ...]


@dataclass(frozen=True)
class Opinion:
    """What the person thought of the contact: 1 (very bad) to 5 (very good), and perhaps why."""

    answer: int
    words: str
    at: datetime


def key_of(reference: str, code: str) -> Key:
    """Return the key that a person typed. What cannot be a reference is asked for all the same."""
    return Key(codes.read_reference(reference) or "", codes.hash_code(code))


def find(key: Key) -> Followed | None:
    """Return the matter that a key opens, None when it opens none."""
    values = {"reference": key.reference, "code_hash": key.code_hash, "at": now()}
    row = db.session.execute(_STATUS, values).one_or_none()
    return Followed(**row._mapping) if row else None


def get(key: Key) -> Followed:
    """Return the matter that a key opens; raises Ended."""
    found = find(key)
    if found is None:
        raise Ended("no matter is opened by this code")
    return found


def hold(key: Key) -> uuid.UUID:
    """Return the id of the matter that a key opens; raises Ended.

    Until the caller's transaction ends nobody revokes the code, so that what is begun with it now is
    ended with it then.
    """
    shown.show("code", f"{key.reference} {key.code_hash}")
    values = {"reference": key.reference, "code_hash": key.code_hash}
    matter_id: uuid.UUID | None = db.session.scalar(_HOLD, values)
    if matter_id is None:
        raise Ended("no matter is opened by this code")
    return matter_id


def asked_until(key: Key) -> date | None:
    """Return the day by which a supplement is asked for and has not come; None when there is none."""
    values = {"reference": key.reference, "code_hash": key.code_hash}
    until: datetime | None = db.session.scalar(_ASKED, values)
    return until.astimezone(STOCKHOLM).date() if until else None


def answers(key: Key) -> tuple[Answer, ...]:
    """Return the answers that are told, oldest first."""
    values = {"reference": key.reference, "code_hash": key.code_hash}
    return tuple(
        Answer(
            row.text,
            row.at,
            tuple(
                AnswerFile(
                    uuid.UUID(file["id"]), clean_name(file["name"]).shown, file["size_bytes"], file["state"]
                )
                for file in row.files
            ),
        )
        for row in db.session.execute(_ANSWERS, values)
    )


def handover(key: Key) -> str:
    """Return what is told of the matter's having been handed over; nothing when it was not."""
    values = {"reference": key.reference, "code_hash": key.code_hash}
    is_received = db.session.scalar(_HANDOVER, values)
    return "" if is_received is None else handovers.told(is_received=is_received)


def unreadable(key: Key) -> tuple[tuple[str, int], ...]:
    """Return what keeps files that the person sent from being read, in words, with how many it is about."""
    values = {"reference": key.reference, "code_hash": key.code_hash}
    found = db.session.execute(_FINDINGS, values)
    return tuple((row.words, row.files) for row in found if row.words in UNREADABLE)


def get_file(key: Key, file_id: uuid.UUID) -> GivenFile:
    """Return a file of an answer that is told to this key; raises NotFound."""
    values = {"reference": key.reference, "code_hash": key.code_hash, "file_id": file_id}
    row = db.session.execute(_FILE, values).one_or_none()
    if row is None:
        raise NotFound("no such file is opened by this code")
    return GivenFile(**row._mapping)


def change_contact(key: Key, values: Mapping[str, object]) -> None:
    """Change how the person may be reached, at once, and commit; raises Ended.

    ``values`` are columns among sender_phone, may_email, is_neutral and call_words.
    """
    matter_id = hold(key)
    if values:
        update_matter(matter_id, dict(values))
        note(matter_id, "contact_changed", {"what": sorted(values)})
    db.session.commit()


def ask_email_change(key: Key, email: str) -> bool:
    """Owe a letter to a new address, which counts when it is confirmed from there, and commit.

    Say no, and change nothing, when it was asked too often today. The old address counts meanwhile.
    Raises Ended.
    """
    matter_id = hold(key)
    if limits.is_over("email_change", str(matter_id), CHANGES_A_DAY, window=DAY):
        db.session.rollback()
        return False
    at = now()
    rows.insert(
        EmailChange, matter_id=matter_id, email=email, created_at=at, expires_at=at + CONFIRMED_WITHIN
    )
    owe_letter("confirm_email", matter_id, email, at=at)
    note(matter_id, "email_change_asked", {})
    db.session.commit()
    return True


def confirm_email(token: str) -> bool:
    """Let a new address count, and commit; say whether the token was one that still could."""
    matter_id = db.session.scalar(_CONFIRM, {"token_hash": codes.hash_code(token), "at": now()})
    if matter_id is not None:
        note(matter_id, "email_changed", {})
    db.session.commit()
    return matter_id is not None


def give_feedback(key: Key, answer: int, words: str) -> bool:
    """Keep what the person thought of the contact, once for a matter, and commit; say whether it was.

    Raises Ended.
    """
    followed = get(key)
    if not followed.asks_feedback:
        return False
    values = {"reference": key.reference, "code_hash": key.code_hash, "answer": answer, "words": words}
    is_kept = bool(db.session.scalar(_FEEDBACK, {**values, "at": now()}))
    if is_kept:
        note(followed.matter_id, "feedback_given", {})
    db.session.commit()
    return is_kept


def ask_for_link(reference: str) -> None:
    """Owe a letter with a new link if the matter is there and may have one, and commit.

    Nobody is told which: the same values are made and the same statement is run either way.
    """
    tables, letter_id = settings().tables, new_id()
    values = {
        "reference": codes.read_reference(reference) or "",
        "letter": letter_id,
        "header": header_of("status_link", letter_id),
        "job": new_id(),
        "private": [category.code for category in tables.categories.all if category.is_private],
        "at": now(),
    }
    db.session.execute(_OWE_LINK, values)
    db.session.commit()


def find_opinion(matter_id: uuid.UUID) -> Opinion | None:
    """Return what a person thought of the contact in a matter, for those who handle it."""
    row = db.session.get(Feedback, matter_id)
    return Opinion(row.answer, row.words, row.at) if row else None
