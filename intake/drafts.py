"""The citizen's unfinished form and its files: the person's own space (TF 2:13), until it is sent.

A draft opens by the browser's key alone. It is kept for 24 hours after its last change; whatever
changes it locks its row, so that sending, adding and erasing never cross.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Executable, Row, any_, bindparam, delete, or_, select, text, true, update

from config.files import FileLimits
from intake import codes, files, rows, shown
from intake.answers import Answers, category_of, questions
from intake.errors import Conflict, DraftIncomplete, NotFound
from intake.extensions import db, now, settings
from intake.matters import arrive
from intake.matters.incoming import Accepted, Address, Answer, IncomingFile, Submission, Wishes
from intake.models import (
    Draft,
    DraftFile,
    DraftKey,
    MailAddress,
    Upload,
    UploadPart,
    new_id,
    table_of,
)

KEPT = timedelta(hours=24)
ONLY_FILES = "Bara filer, ingen text"
# Stands among the stored answers and is none: how many times a page was sent.
TURN = "turn"
# Read as plain rows: a draft is asked for at every page, and never changed as an object.
_DRAFT, _FILE, _ADDRESS = table_of(Draft), table_of(DraftFile), table_of(MailAddress)
_UPLOAD = table_of(Upload)
_AT = bindparam("at", type_=_DRAFT.c.expires_at.type)
_KEY_HASH = bindparam("key_hash", type_=_DRAFT.c.browser_key_hash.type)
_OWN = (
    _DRAFT.c.id == bindparam("draft_id"),
    or_(_DRAFT.c.browser_key_hash == _KEY_HASH, any_(_DRAFT.c.more_key_hashes) == _KEY_HASH),
    _DRAFT.c.expires_at > _AT,
)
_LOOK = select(_DRAFT).where(*_OWN)
# Lets its 24 hours begin anew, and locks it until the transaction ends.
_HOLD = update(_DRAFT).where(*_OWN).values(changed_at=_AT, expires_at=_AT + KEPT).returning(_DRAFT)
_HOLD_WITH_ADDRESS = (
    select(
        _DRAFT,
        _ADDRESS.c.id.label("address_id"),
        _ADDRESS.c.matter_id.label("leads_to"),
        _ADDRESS.c.revoked_at,
    )
    .join(_ADDRESS, _ADDRESS.c.draft_id == _DRAFT.c.id)
    .where(*_OWN)
    .with_for_update()
)
_UPLOADS = (
    select(_UPLOAD)
    .where(_UPLOAD.c.draft_id == bindparam("draft_id"), _UPLOAD.c.composed_at.is_(None))
    .order_by(_UPLOAD.c.id)
)
_FILES = select(_FILE).where(_FILE.c.draft_id == bindparam("draft_id")).order_by(_FILE.c.id)
_RESUME = text("SELECT resume_draft(:code, :at)")
DraftRow = Row[Any]
FileRow = Row[Any]


@dataclass(frozen=True)
class KeptFile:
    """A file that is safely stored; ``name`` is as given."""

    id: uuid.UUID
    name: str
    size_bytes: int
    sha256: str

    @property
    def shown(self) -> str:
        return files.clean_name(self.name).shown


@dataclass(frozen=True)
class Uploading:
    """A file on its way up: ``offset_bytes`` of ``size_bytes`` are here. Whole, it is soon a kept file."""

    id: uuid.UUID
    name: str
    size_bytes: int
    offset_bytes: int
    fingerprint: str
    expires_at: datetime

    @property
    def shown(self) -> str:
        return files.clean_name(self.name).shown

    @property
    def is_whole(self) -> bool:
        return self.offset_bytes == self.size_bytes


@dataclass(frozen=True)
class Receipt:
    """What the person is told when the form has arrived."""

    matter_id: uuid.UUID
    reference: str
    status_code: str
    sent_at: datetime


@dataclass(frozen=True)
class OpenDraft:
    """A draft as its own person sees it. ``receipt`` is None until it is sent.

    ``supplements_id`` is the matter that it adds to, None when it begins one, and
    ``is_asked`` tells that we asked for it; ``turn`` is one higher
    each time that a page is sent.
    """

    id: uuid.UUID
    answers: Answers
    files: tuple[KeptFile, ...]
    uploads: tuple[Uploading, ...]
    address_token: str
    resume_code: str | None
    supplements_id: uuid.UUID | None
    is_asked: bool
    begun_at: datetime
    expires_at: datetime
    receipt: Receipt | None
    turn: int = 0

    @property
    def is_sendable(self) -> bool:
        """Say whether there is anything to send: a text or a file."""
        return bool(self.answers.text or self.files or self.uploads)

    @property
    def limits(self) -> FileLimits:
        """How large its files may be, and how many."""
        return settings().tables.files.of_draft(is_asked=self.is_asked)

    @property
    def address(self) -> str:
        """The mail address that leads into what this draft becomes."""
        authority = settings().tables.authority
        return f"{authority.matter_local}+{self.address_token}@{authority.mail_domain}"


def begin(
    browser_key: str,
    answers: Answers | None = None,
    *,
    supplements_id: uuid.UUID | None = None,
    is_asked: bool = False,
) -> uuid.UUID:
    """Make a draft with a mail address and a resume code of its own, and commit; return its id.

    ``supplements_id`` is a matter that the person has shown to be theirs, and wants to add to, and
    ``is_asked`` tells that we have asked for something there.
    """
    shown.show("browser", browser_key)
    at, draft_id, token = now(), new_id(), codes.new_token()
    rows.insert(
        Draft,
        id=draft_id,
        browser_key_hash=_hash(browser_key),
        answers=asdict(answers or Answers()),
        address_token=token,
        resume_code=codes.new_status_code(),
        supplements_id=supplements_id,
        is_asked=is_asked,
        more_key_hashes=[],
        created_at=at,
        changed_at=at,
        expires_at=at + KEPT,
    )
    rows.insert(MailAddress, token=token, draft_id=draft_id, matter_id=supplements_id, created_at=at)
    db.session.commit()
    return draft_id


def resume(resume_code: str, browser_key: str) -> uuid.UUID:
    """Let one more browser into the draft of a resume code, and commit; return the draft's id.

    The code may be typed with or without hyphens, in any case. Raises NotFound.
    """
    shown.show("browser", browser_key)
    wanted = codes.read_code(resume_code)
    draft_id: uuid.UUID | None = db.session.scalar(_RESUME, {"code": wanted, "at": now()}) if wanted else None
    if draft_id is None:
        db.session.rollback()
        raise NotFound("no draft with this resume code")
    db.session.commit()
    return draft_id


def get(draft_id: uuid.UUID, browser_key: str | None) -> OpenDraft:
    """Return a draft to its own browser; NotFound for any other, and when its time is over."""
    return _seen(_own(_LOOK, draft_id, browser_key), kept_files(draft_id), _uploads(draft_id))


def has_mailed(draft_id: uuid.UUID) -> bool:
    """Say whether a letter to a draft's address has already come in."""
    came = select(_ADDRESS.c.matter_id).where(_ADDRESS.c.draft_id == draft_id)
    return db.session.scalar(came) is not None


def write(draft_id: uuid.UUID, browser_key: str | None, *, turn: int | None = None, **answers: Any) -> int:
    """Keep new answers, and commit; return the draft's turn. Raises NotFound, and Conflict when it is sent.

    A page that is sent begins a new turn. What is kept while it is typed names the ``turn`` that its page
    was shown in, and is left when that is over: it may have been long on its way, and the page itself says
    more. Answers to questions join the others, and an empty one takes away what was said before.
    """
    draft = hold(draft_id, browser_key)
    at = _turn_of(draft)
    if turn not in (None, at):
        db.session.rollback()
        return at
    before = Answers.read(draft.answers)
    said = {**before.questions, **answers.get("questions", {})}
    answers["questions"] = {code: words for code, words in said.items() if words}
    at += turn is None
    written = {**draft.answers, **asdict(replace(before, **answers)), TURN: at}
    db.session.execute(update(_DRAFT).where(_DRAFT.c.id == draft_id).values(answers=written))
    db.session.commit()
    return at


def _turn_of(draft: DraftRow) -> int:
    return int(draft.answers.get(TURN, 0))


def erase(draft_id: uuid.UUID, browser_key: str | None) -> None:
    """Delete a draft and all that is in it, and commit; what has been sent or mailed stays."""
    draft = _own(_HOLD, draft_id, browser_key)
    # The address of a supplement led to the matter from its beginning, whether anything came by it or not.
    is_unsent_supplement = draft.supplements_id is not None and draft.matter_id is None
    leads_nowhere = true() if is_unsent_supplement else MailAddress.matter_id.is_(None)
    its_own = (MailAddress.draft_id == draft_id, leads_nowhere)
    db.session.execute(update(MailAddress).where(*its_own).values(revoked_at=now()))
    is_done_with = or_(_UPLOAD.c.matter_id.is_(None), _UPLOAD.c.composed_at.is_not(None))
    unsent = select(_UPLOAD.c.id).where(_UPLOAD.c.draft_id == draft_id, is_done_with)
    still_needed = (
        select(UploadPart.storage_key)
        .join(Upload, Upload.id == UploadPart.upload_id)
        .where(Upload.matter_id.is_not(None))
    )
    db.session.execute(delete(UploadPart).where(UploadPart.upload_id.in_(unsent)))
    db.session.execute(delete(Upload).where(Upload.id.in_(unsent)))
    db.session.execute(
        delete(DraftKey).where(DraftKey.draft_id == draft_id, DraftKey.storage_key.not_in(still_needed))
    )
    db.session.execute(delete(Draft).where(Draft.id == draft_id))
    db.session.commit()


def send(draft_id: uuid.UUID, browser_key: str | None, needs_person: tuple[str, ...] = ()) -> Accepted:
    """Send a draft: it is accepted as a matter, in one commit; once sent, it gives the same matter.

    Raises NotFound, and DraftIncomplete when there is neither text nor file.
    """
    draft = _own(_HOLD_WITH_ADDRESS, draft_id, browser_key)
    kept = kept_files(draft_id)
    seen = _seen(draft, kept, _uploads(draft_id))
    if seen.receipt:
        db.session.rollback()
        return Accepted(seen.receipt.matter_id, seen.receipt.reference, seen.receipt.status_code)
    if not seen.is_sendable:
        db.session.rollback()
        raise DraftIncomplete("neither text nor file")
    address = Address(draft.address_id, draft.leads_to, None, draft.revoked_at is not None)
    submission = _submission(seen, kept, needs_person)
    return arrive.accept(draft_id, address, submission, _digest(seen))


def _submission(draft: OpenDraft, kept: Sequence[FileRow], needs_person: tuple[str, ...]) -> Submission:
    answers, category = draft.answers, category_of(draft.answers)
    return Submission(
        channel="form",
        subject=answers.heading or ("" if answers.text else ONLY_FILES),
        text=answers.text,
        received_at=now(),
        sender_name=answers.name,
        sender_email=answers.email,
        sender_phone=answers.phone,
        files=tuple(
            IncomingFile(file.name, file.storage_key, file.size_bytes, file.sha256, file.declared_type)
            for file in kept
        ),
        category=category.code if category else None,
        place=answers.place,
        municipality=answers.municipality,
        place_words=answers.place_words,
        wants_receipt=bool(answers.email and answers.wants_receipt and answers.may_email),
        needs_person=needs_person,
        answers=_answered(answers),
        wishes=Wishes(
            language=answers.language,
            answer_language=answers.answer_language,
            interpreter=answers.interpreter,
            may_email=answers.may_email,
            is_neutral=answers.is_neutral,
            call_words=answers.call_words,
        ),
        concerns=answers.concerns,
        happened_words=answers.happened_words,
        is_supplement=draft.supplements_id is not None,
        is_uploading=bool(draft.uploads),
    )


def _answered(answers: Answers) -> tuple[Answer, ...]:
    """Return the answers to the questions of what was chosen last; others were for another choice."""
    return tuple(
        Answer(question.words, said)
        for question in questions(answers)
        if (said := answers.questions.get(question.code))
    )


def _digest(draft: OpenDraft) -> str:
    """Return the SHA-256 of what is sent: the answers as canonical JSON, and the files' own digests."""
    whole = {
        "answers": asdict(draft.answers),
        "files": [[file.name, file.sha256] for file in draft.files],
        "uploads": [[upload.name, str(upload.id)] for upload in draft.uploads],
    }
    canonical = json.dumps(whole, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _own(statement: Executable, draft_id: uuid.UUID, browser_key: str | None) -> DraftRow:
    """Return the row of a browser's own draft; NotFound for any other, and when its time is over."""
    shown.show("browser", browser_key or "")
    values = {"draft_id": draft_id, "key_hash": _hash(browser_key), "at": now()}
    row = db.session.execute(statement, values).one_or_none()
    if row is None:
        db.session.rollback()
        raise NotFound("no such draft in this browser")
    return row


def hold(draft_id: uuid.UUID, browser_key: str | None) -> DraftRow:
    """Lock a browser's own draft until the transaction ends, and let its 24 hours begin anew.

    Raises NotFound, and Conflict when it is already sent.
    """
    draft = _own(_HOLD, draft_id, browser_key)
    if draft.matter_id is not None:
        db.session.rollback()
        raise Conflict("the draft is already sent")
    return draft


def kept_files(draft_id: uuid.UUID) -> Sequence[FileRow]:
    """Return the rows of the whole files in a draft, oldest first."""
    return db.session.execute(_FILES, {"draft_id": draft_id}).all()


def _uploads(draft_id: uuid.UUID) -> tuple[Uploading, ...]:
    found = db.session.execute(_UPLOADS, {"draft_id": draft_id})
    return tuple(
        Uploading(row.id, row.name, row.size_bytes, row.offset_bytes, row.fingerprint, row.expires_at)
        for row in found
    )


def _seen(draft: DraftRow, stored: Sequence[FileRow], uploads: tuple[Uploading, ...]) -> OpenDraft:
    receipt = None
    if draft.matter_id and draft.reference and draft.status_code and draft.sent_at:
        receipt = Receipt(draft.matter_id, draft.reference, draft.status_code, draft.sent_at)
    kept = tuple(KeptFile(file.id, file.name, file.size_bytes, file.sha256) for file in stored)
    return OpenDraft(
        id=draft.id,
        answers=Answers.read(draft.answers),
        files=kept,
        uploads=uploads,
        address_token=draft.address_token,
        resume_code=draft.resume_code,
        supplements_id=draft.supplements_id,
        is_asked=draft.is_asked,
        begun_at=draft.created_at,
        expires_at=draft.expires_at,
        receipt=receipt,
        turn=_turn_of(draft),
    )


def _hash(browser_key: str | None) -> str:
    return hashlib.sha256((browser_key or "").encode()).hexdigest()
