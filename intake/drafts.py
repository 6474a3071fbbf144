"""The citizen's unfinished form and its files: the person's own space (TF 2:13), until it is sent.

A draft opens by the browser's key alone. It is kept for 24 hours after its last change; whatever
changes it locks its row, so that sending, adding and erasing never cross.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, BinaryIO

from sqlalchemy import Executable, Row, bindparam, delete, select, update

from intake import codes, files, rows, storage
from intake.errors import Conflict, DraftIncomplete, NotFound, TooManyFiles
from intake.extensions import db, now, settings
from intake.matters import arrive
from intake.models import Draft, DraftFile, DraftKey, MailAddress, new_id, table_of

KEPT = timedelta(hours=24)
NAME_CHARACTERS = 1000
ONLY_FILES = "Bara filer, ingen text"
# Read as plain rows: a draft is asked for at every page, and never changed as an object.
_DRAFT, _FILE, _ADDRESS = table_of(Draft), table_of(DraftFile), table_of(MailAddress)
_AT = bindparam("at", type_=_DRAFT.c.expires_at.type)
_OWN = (
    _DRAFT.c.id == bindparam("draft_id"),
    _DRAFT.c.browser_key_hash == bindparam("key_hash"),
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
_FILES = select(_FILE).where(_FILE.c.draft_id == bindparam("draft_id")).order_by(_FILE.c.id)
DraftRow = Row[Any]
FileRow = Row[Any]


@dataclass(frozen=True)
class Answers:
    """What a person has answered so far; None where nothing is answered yet."""

    group: str | None = None
    choice: str | None = None
    place: str | None = None
    municipality: str | None = None
    place_words: str = ""
    heading: str = ""
    text: str = ""
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    wants_receipt: bool = False

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Answers:
        """Read stored answers; what a newer or older version wrote besides is left alone."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})


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
class Receipt:
    """What the person is told when the form has arrived."""

    matter_id: uuid.UUID
    reference: str
    status_code: str
    sent_at: datetime


@dataclass(frozen=True)
class OpenDraft:
    """A draft as its own person sees it. ``receipt`` is None until it is sent."""

    id: uuid.UUID
    answers: Answers
    files: tuple[KeptFile, ...]
    address_token: str
    expires_at: datetime
    receipt: Receipt | None

    @property
    def is_sendable(self) -> bool:
        """Say whether there is anything to send: a text or a file."""
        return bool(self.answers.text or self.files)

    @property
    def address(self) -> str:
        """The mail address that leads into what this draft becomes."""
        authority = settings().tables.authority
        return f"{authority.matter_local}+{self.address_token}@{authority.mail_domain}"


@dataclass(frozen=True)
class Upload:
    """A file on its way in: the stream stands at its start."""

    name: str
    size_bytes: int
    declared_type: str
    stream: BinaryIO


def begin(browser_key: str, answers: Answers | None = None) -> uuid.UUID:
    """Make a draft with a mail address of its own, and commit; return its id."""
    at, draft_id, token = now(), new_id(), codes.new_token()
    rows.insert(
        Draft,
        id=draft_id,
        browser_key_hash=_hash(browser_key),
        answers=asdict(answers or Answers()),
        address_token=token,
        created_at=at,
        changed_at=at,
        expires_at=at + KEPT,
    )
    rows.insert(MailAddress, token=token, draft_id=draft_id, created_at=at)
    db.session.commit()
    return draft_id


def get(draft_id: uuid.UUID, browser_key: str | None) -> OpenDraft:
    """Return a draft to its own browser; NotFound for any other, and when its time is over."""
    return _seen(_own(_LOOK, draft_id, browser_key), _files(draft_id))


def write(draft_id: uuid.UUID, browser_key: str | None, **answers: Any) -> None:
    """Keep new answers, and commit. Raises NotFound, and Conflict when the draft is sent."""
    draft = _unsent(draft_id, browser_key)
    written = asdict(replace(Answers.read(draft.answers), **answers))
    db.session.execute(update(_DRAFT).where(_DRAFT.c.id == draft_id).values(answers=written))
    db.session.commit()


def add_file(draft_id: uuid.UUID, browser_key: str | None, upload: Upload) -> None:
    """Store a file and add it to a draft, and commit: bytes first, then the row.

    What is stored when the row fails is named by no row, and the sweep takes it. Raises
    FileRefused with words for the person, StorageFull, StorageError, NotFound and Conflict.
    """
    limits = settings().tables.files
    files.refuse_before_sending(upload.name, upload.size_bytes, limits)
    _require_room(upload.name, upload.size_bytes, _files(draft_id))
    # Large bytes take their time, and no connection should wait for them.
    db.session.rollback()
    stored = storage.current().put(storage.new_key("draft"), upload.stream, limit_bytes=limits.max_file_bytes)
    _unsent(draft_id, browser_key)
    _require_room(upload.name, stored.size_bytes, _files(draft_id))
    at = now()
    rows.insert(
        DraftFile,
        draft_id=draft_id,
        name=_storable(upload.name),
        storage_key=stored.key,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        declared_type=_storable(upload.declared_type),
        created_at=at,
    )
    rows.insert(
        DraftKey, storage_key=stored.key, draft_id=draft_id, size_bytes=stored.size_bytes, created_at=at
    )
    db.session.commit()


def remove_file(draft_id: uuid.UUID, browser_key: str | None, file_id: uuid.UUID) -> None:
    """Take a file out of a draft, and commit; its bytes are left to the sweep."""
    _unsent(draft_id, browser_key)
    gone = delete(DraftFile).where(DraftFile.id == file_id, DraftFile.draft_id == draft_id)
    key = db.session.scalar(gone.returning(DraftFile.storage_key))
    db.session.execute(delete(DraftKey).where(DraftKey.storage_key == key))
    db.session.commit()


def erase(draft_id: uuid.UUID, browser_key: str | None) -> None:
    """Delete a draft and all that is in it, and commit; what has been sent or mailed stays."""
    _own(_HOLD, draft_id, browser_key)
    is_unused = (MailAddress.draft_id == draft_id, MailAddress.matter_id.is_(None))
    db.session.execute(update(MailAddress).where(*is_unused).values(revoked_at=now()))
    db.session.execute(delete(DraftKey).where(DraftKey.draft_id == draft_id))
    db.session.execute(delete(Draft).where(Draft.id == draft_id))
    db.session.commit()


def send(draft_id: uuid.UUID, browser_key: str | None, needs_person: tuple[str, ...] = ()) -> arrive.Accepted:
    """Send a draft: it is accepted as a matter, in one commit; once sent, it gives the same matter.

    Raises NotFound, and DraftIncomplete when there is neither text nor file.
    """
    draft = _own(_HOLD_WITH_ADDRESS, draft_id, browser_key)
    kept = _files(draft_id)
    seen = _seen(draft, kept)
    if seen.receipt:
        db.session.rollback()
        return arrive.Accepted(seen.receipt.matter_id, seen.receipt.reference, seen.receipt.status_code)
    if not seen.is_sendable:
        db.session.rollback()
        raise DraftIncomplete("neither text nor file")
    address = arrive.Address(draft.address_id, draft.leads_to, None, draft.revoked_at is not None)
    submission = _submission(seen.answers, kept, needs_person)
    return arrive.accept(draft_id, address, submission, _digest(seen))


def _submission(
    answers: Answers, kept: Sequence[FileRow], needs_person: tuple[str, ...]
) -> arrive.Submission:
    return arrive.Submission(
        channel="form",
        subject=answers.heading or ("" if answers.text else ONLY_FILES),
        text=answers.text,
        received_at=now(),
        sender_name=answers.name,
        sender_email=answers.email,
        sender_phone=answers.phone,
        files=tuple(
            arrive.IncomingFile(file.name, file.storage_key, file.size_bytes, file.sha256, file.declared_type)
            for file in kept
        ),
        category=_category(answers),
        place=answers.place,
        municipality=answers.municipality,
        place_words=answers.place_words,
        wants_receipt=bool(answers.email and answers.wants_receipt),
        needs_person=needs_person,
    )


def _category(answers: Answers) -> str | None:
    for group in settings().tables.categories.groups:
        for choice in group.choices:
            if (group.code, choice.code) == (answers.group, answers.choice):
                return choice.category
    return None


def _digest(draft: OpenDraft) -> str:
    """Return the SHA-256 of what is sent: the answers as canonical JSON, and the files' own digests."""
    whole = {
        "answers": asdict(draft.answers),
        "files": [[file.name, file.sha256] for file in draft.files],
    }
    canonical = json.dumps(whole, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _own(statement: Executable, draft_id: uuid.UUID, browser_key: str | None) -> DraftRow:
    """Return the row of a browser's own draft; NotFound for any other, and when its time is over."""
    values = {"draft_id": draft_id, "key_hash": _hash(browser_key), "at": now()}
    row = db.session.execute(statement, values).one_or_none()
    if row is None:
        db.session.rollback()
        raise NotFound("no such draft in this browser")
    return row


def _unsent(draft_id: uuid.UUID, browser_key: str | None) -> DraftRow:
    draft = _own(_HOLD, draft_id, browser_key)
    if draft.matter_id is not None:
        db.session.rollback()
        raise Conflict("the draft is already sent")
    return draft


def _files(draft_id: uuid.UUID) -> Sequence[FileRow]:
    return db.session.execute(_FILES, {"draft_id": draft_id}).all()


def _seen(draft: DraftRow, stored: Sequence[FileRow]) -> OpenDraft:
    receipt = None
    if draft.matter_id and draft.reference and draft.status_code and draft.sent_at:
        receipt = Receipt(draft.matter_id, draft.reference, draft.status_code, draft.sent_at)
    kept = tuple(KeptFile(file.id, file.name, file.size_bytes, file.sha256) for file in stored)
    return OpenDraft(
        draft.id, Answers.read(draft.answers), kept, draft.address_token, draft.expires_at, receipt
    )


def _require_room(name: str, size_bytes: int, kept: Sequence[FileRow]) -> None:
    limits = settings().tables.files
    total_bytes = size_bytes + sum(file.size_bytes for file in kept)
    if len(kept) < limits.max_files and total_bytes <= limits.max_matter_bytes:
        return
    db.session.rollback()
    megabytes = limits.max_matter_bytes // 1024**2
    raise TooManyFiles(
        f"Filen ”{files.clean_name(name).shown}” får inte plats. Vi tar emot högst {limits.max_files} filer"
        f" och {megabytes} MB i ett formulär. De filer som syns nedan är sparade."
    )


def _storable(words: str) -> str:
    """Keep what somebody else named as it was given, but for what no row can hold: NUL and excess."""
    plain = words.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    half = NAME_CHARACTERS // 2
    return plain if len(plain) <= NAME_CHARACTERS else plain[:half] + plain[-half:]


def _hash(browser_key: str | None) -> str:
    return hashlib.sha256((browser_key or "").encode()).hexdigest()
