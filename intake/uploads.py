"""Files on their way into a draft: whole by a form, or in parts that any web host may take.

A part is stored under a key of its own before its row and the new offset are, in one commit. So
what was answered is durable, and what was not is asked for again.
"""

from __future__ import annotations

import hashlib
import io
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, BinaryIO, cast

from psycopg.errors import LockNotAvailable
from sqlalchemy import Row, Select, and_, delete, func, select, update
from sqlalchemy.exc import OperationalError

from intake import drafts, files, limits, outbox, rows, storage
from intake.errors import (
    Conflict,
    FileTooLarge,
    IntakeError,
    NotFound,
    StorageFull,
    TooManyFiles,
    to_translate,
)
from intake.extensions import db, now, settings
from intake.models import Draft, DraftFile, DraftKey, UploadPart, new_id, table_of
from intake.models import Upload as UploadRow

NAME_CHARACTERS = 1000
# An honest browser needs 800 of 256 KiB for the largest file; each is a file on our disk.
MAX_PARTS = 2000
# What one network may begin to send in an hour: some twenty full forms.
MEBIBYTES_PER_HOUR = 10_240
_UPLOAD, _FILE, _PART = table_of(UploadRow), table_of(DraftFile), table_of(UploadPart)
# What still takes up room in its form, though it is no whole file yet.
_IS_COMING = and_(_UPLOAD.c.composed_at.is_(None), _UPLOAD.c.given_up_at.is_(None))


class WrongOffset(Conflict):
    """A part begins elsewhere than at ``offset_bytes``, where the stored ones end."""

    def __init__(self, offset_bytes: int) -> None:
        super().__init__(f"the upload stands at {offset_bytes}")
        self.offset_bytes = offset_bytes


class UploadBusy(Conflict):
    """Another request is changing the same upload now."""


class UploadOver(Conflict):
    """The upload's time ran out."""


class PartRefused(IntakeError):
    """A part is more than the file has left, or one of far too many."""


class PartTooLarge(PartRefused):
    """A part is larger than is taken at once."""


class WrongChecksum(IntakeError):
    """A part's bytes are not those that its checksum was made of; none of them is stored."""


@dataclass(frozen=True)
class Upload:
    """A file on its way in: the stream stands at its start."""

    name: str
    size_bytes: int
    declared_type: str
    stream: BinaryIO


@dataclass(frozen=True)
class Announced:
    """A file that will come in parts, as the browser announces it."""

    name: str
    size_bytes: int
    declared_type: str
    fingerprint: str


@dataclass(frozen=True)
class Part:
    """Bytes of a file from ``offset_bytes`` on; ``size_bytes`` is None when nobody said how many.

    ``checksum`` is the name of a digest (sha1, sha256) and its value.
    """

    offset_bytes: int
    stream: BinaryIO
    size_bytes: int | None = None
    checksum: tuple[str, bytes] | None = None


@dataclass(frozen=True)
class Progress:
    """How far an upload has come, and until when it may go on."""

    id: uuid.UUID
    size_bytes: int
    offset_bytes: int
    expires_at: datetime


def is_too_much(network: str, size_bytes: int) -> bool:
    """Count the bytes of a file that a network wants to send, and say if they are far too many in an hour."""
    mebibytes = -(-size_bytes // 2**20)
    hour = timedelta(hours=1)
    return limits.is_over("upload_mib", network, MEBIBYTES_PER_HOUR, window=hour, by=mebibytes)


def add_file(draft_id: uuid.UUID, browser_key: str | None, upload: Upload) -> None:
    """Store a file and add it to a draft, and commit: bytes first, then the row.

    What is stored when the row fails is named by no row, and the sweep takes it. Raises
    FileRefused with words for the person, StorageFull, StorageError, NotFound and Conflict.
    """
    allowed = settings().tables.files
    files.refuse_before_sending(upload.name, upload.size_bytes, allowed)
    _require_room(draft_id, upload.name, upload.size_bytes)
    # Large bytes take their time, and no connection should wait for them.
    db.session.rollback()
    stored = storage.current().put(
        storage.new_key("draft"), upload.stream, limit_bytes=allowed.max_file_bytes
    )
    drafts.hold(draft_id, browser_key)
    _require_room(draft_id, upload.name, stored.size_bytes)
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
    _name_key(draft_id, stored, at)
    db.session.commit()


def remove_file(draft_id: uuid.UUID, browser_key: str | None, file_id: uuid.UUID) -> None:
    """Take a file out of a draft, whole or not, and commit; its bytes are left to the sweep."""
    drafts.hold(draft_id, browser_key)
    _remove(draft_id, file_id)
    db.session.commit()


def create(draft_id: uuid.UUID, browser_key: str | None, announced: Announced) -> Progress:
    """Make room in a draft for a file that comes in parts, and commit; its whole size is reserved.

    Raises FileRefused with words for the person, StorageFull, StorageError, NotFound and Conflict.
    """
    allowed = settings().tables.files
    most = replace(allowed, max_file_bytes=allowed.max_upload_bytes)
    files.refuse_before_sending(announced.name, announced.size_bytes, most)
    if not storage.current().has_room(announced.size_bytes):
        raise StorageFull("the file would not stay above the low-disk mark")
    drafts.hold(draft_id, browser_key)
    _require_room(draft_id, announced.name, announced.size_bytes)
    upload_id, at = new_id(), now()
    rows.insert(
        UploadRow,
        id=upload_id,
        draft_id=draft_id,
        name=_storable(announced.name),
        declared_type=_storable(announced.declared_type),
        fingerprint=_storable(announced.fingerprint),
        size_bytes=announced.size_bytes,
        offset_bytes=0,
        created_at=at,
        changed_at=at,
        expires_at=at + drafts.KEPT,
    )
    db.session.commit()
    return Progress(upload_id, announced.size_bytes, 0, at + drafts.KEPT)


def progress(draft_id: uuid.UUID, browser_key: str | None, upload_id: uuid.UUID) -> Progress:
    """Return how far an upload of this browser's draft has come. Raises NotFound and UploadOver."""
    draft = drafts.get(draft_id, browser_key)
    found = _standing(_find(draft_id, upload_id))
    # As long as the form is not sent, an upload lasts as long as its draft does.
    expires_at = found.expires_at if found.matter_id else draft.expires_at
    return Progress(found.id, found.size_bytes, found.offset_bytes, expires_at)


def append(draft_id: uuid.UUID, browser_key: str | None, upload_id: uuid.UUID, part: Part) -> Progress:
    """Store the next part of an upload, and commit; the last one adds the job that makes it a file.

    The bytes come first, and no row is locked meanwhile: of two that bring the same part, the later
    is told by WrongOffset, and its bytes are swept. Raises also NotFound, UploadBusy, UploadOver,
    PartRefused, WrongChecksum, StorageFull and StorageError.
    """
    drafts.get(draft_id, browser_key)
    found = _standing(_find(draft_id, upload_id))
    left_bytes = _require_fit(found, part)
    db.session.rollback()
    stored = _store(part, min(left_bytes, settings().tables.files.max_part_bytes))
    if not stored.size_bytes:
        return progress(draft_id, browser_key, upload_id)
    try:
        is_sent = _hold(draft_id, browser_key)
        found = _standing(_lock(draft_id, upload_id))
        _require_fit(found, part)
        after = _add_part(found, stored, is_sent=is_sent)
    except IntakeError:
        # No row will ever name these bytes, and many such parts would fill the disk before the sweep.
        storage.current().delete(stored.key)
        raise
    db.session.commit()
    return after


def cancel(draft_id: uuid.UUID, browser_key: str | None, upload_id: uuid.UUID) -> None:
    """Take an upload out of a draft that is not sent, and commit. Raises NotFound and Conflict."""
    drafts.hold(draft_id, browser_key)
    _lock(draft_id, upload_id)
    _remove(draft_id, upload_id)
    db.session.commit()


def _require_room(draft_id: uuid.UUID, name: str, size_bytes: int) -> None:
    """Refuse a file that has no room beside the whole ones and what unfinished ones have reserved."""
    asked = select(table_of(Draft).c.is_asked).where(table_of(Draft).c.id == draft_id)
    allowed = settings().tables.files.of_draft(is_asked=bool(db.session.scalar(asked)))
    coming = select(_UPLOAD.c.size_bytes).where(_UPLOAD.c.draft_id == draft_id, _IS_COMING)
    sizes = [file.size_bytes for file in drafts.kept_files(draft_id)] + list(db.session.scalars(coming))
    if len(sizes) < allowed.max_files and sum(sizes) + size_bytes <= allowed.max_matter_bytes:
        return
    db.session.rollback()
    raise TooManyFiles(
        to_translate(
            "Filen ”%(name)s” får inte plats. Vi tar emot högst %(files)s filer och %(megabytes)s MB i ett"
            " formulär."
        ),
        files.TEXT_IS_SAVED,
        to_translate("De filer som redan syns på sidan finns kvar."),
        name=files.clean_name(name).shown,
        files=allowed.max_files,
        megabytes=allowed.max_matter_bytes // 1024**2,
    )


def _find(draft_id: uuid.UUID, upload_id: uuid.UUID) -> Row[Any]:
    return _found(db.session.execute(_one(draft_id, upload_id)).one_or_none())


def _lock(draft_id: uuid.UUID, upload_id: uuid.UUID) -> Row[Any]:
    """Lock an upload whose draft is held; nothing waits, so that no two locks wait for each other."""
    query = _one(draft_id, upload_id).with_for_update(nowait=True)
    try:
        return _found(db.session.execute(query).one_or_none())
    except OperationalError as error:
        db.session.rollback()
        if isinstance(error.orig, LockNotAvailable):
            raise UploadBusy("another request holds the upload") from error
        raise


def _one(draft_id: uuid.UUID, upload_id: uuid.UUID) -> Select[Any]:
    return select(_UPLOAD).where(_UPLOAD.c.id == upload_id, _UPLOAD.c.draft_id == draft_id)


def _found(row: Row[Any] | None) -> Row[Any]:
    if row is None:
        db.session.rollback()
        raise NotFound("no such upload in this draft")
    return row


def _standing(upload: Row[Any]) -> Row[Any]:
    """Return an upload that may still be asked for; UploadOver when its time ran out after sending."""
    is_late = upload.matter_id and upload.received_at is None and upload.expires_at <= now()
    if upload.given_up_at or is_late:
        db.session.rollback()
        raise UploadOver("the upload's time ran out")
    return upload


def _hold(draft_id: uuid.UUID, browser_key: str | None) -> bool:
    """Lock a browser's own draft, and say whether it is sent; only an unsent one gets 24 hours more."""
    try:
        drafts.hold(draft_id, browser_key)
    except Conflict:
        drafts.get(draft_id, browser_key)
        sent = select(table_of(Draft).c.id).where(table_of(Draft).c.id == draft_id)
        _found(db.session.execute(sent.with_for_update()).one_or_none())
        return True
    return False


def _require_fit(upload: Row[Any], part: Part) -> int:
    """Return how many bytes the file has left, from where the part begins."""
    left_bytes, size_bytes = upload.size_bytes - part.offset_bytes, part.size_bytes or 0
    if part.offset_bytes != upload.offset_bytes:
        db.session.rollback()
        raise WrongOffset(upload.offset_bytes)
    if size_bytes > settings().tables.files.max_part_bytes:
        raise PartTooLarge("the part is too large")
    if size_bytes > left_bytes:
        raise PartRefused("the part goes on beyond the file's length")
    parts = select(func.count()).where(_PART.c.upload_id == upload.id)
    if int(db.session.scalar(parts) or 0) >= MAX_PARTS:
        raise PartRefused("the file comes in far too many parts")
    return int(left_bytes)


def _store(part: Part, most_bytes: int) -> storage.Stored:
    stream = cast(BinaryIO, _Checked(part.stream, *part.checksum)) if part.checksum else part.stream
    try:
        return storage.current().put(storage.new_key("part"), stream, limit_bytes=most_bytes)
    except FileTooLarge as error:
        raise PartTooLarge("the part is longer than may come at once") from error


def _add_part(upload: Row[Any], stored: storage.Stored, *, is_sent: bool) -> Progress:
    at, offset_bytes = now(), upload.offset_bytes + stored.size_bytes
    rows.insert(
        UploadPart,
        upload_id=upload.id,
        start_bytes=upload.offset_bytes,
        size_bytes=stored.size_bytes,
        storage_key=stored.key,
    )
    _name_key(upload.draft_id, stored, at)
    expires_at = upload.expires_at if is_sent else at + drafts.KEPT
    values: dict[str, object] = {"offset_bytes": offset_bytes, "changed_at": at, "expires_at": expires_at}
    if offset_bytes == upload.size_bytes:
        values["received_at"] = at
        outbox.add("finish_upload", upload.id)
    db.session.execute(update(_UPLOAD).where(_UPLOAD.c.id == upload.id).values(**values))
    return Progress(upload.id, upload.size_bytes, offset_bytes, expires_at)


def _name_key(draft_id: uuid.UUID, stored: storage.Stored, at: datetime) -> None:
    rows.insert(
        DraftKey, storage_key=stored.key, draft_id=draft_id, size_bytes=stored.size_bytes, created_at=at
    )


def _remove(draft_id: uuid.UUID, file_id: uuid.UUID) -> None:
    """Delete a file, its upload, its parts and the names of their keys, of a draft that is held."""
    own = (_UPLOAD.c.id == file_id, _UPLOAD.c.draft_id == draft_id)
    of_it = _PART.c.upload_id.in_(select(_UPLOAD.c.id).where(*own))
    keys = list(db.session.scalars(delete(_PART).where(of_it).returning(_PART.c.storage_key)))
    gone = delete(_FILE).where(_FILE.c.id == file_id, _FILE.c.draft_id == draft_id)
    keys += db.session.scalars(gone.returning(_FILE.c.storage_key))
    db.session.execute(delete(_UPLOAD).where(*own))
    db.session.execute(delete(DraftKey).where(DraftKey.storage_key.in_(keys)))


def _storable(words: str) -> str:
    """Keep what somebody else named as it was given, but for what no row can hold: NUL and excess."""
    plain = words.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    half = NAME_CHARACTERS // 2
    return plain if len(plain) <= NAME_CHARACTERS else plain[:half] + plain[-half:]


class _Checked(io.RawIOBase):
    """A stream that raises WrongChecksum at its end, unless it held what the digest was made of."""

    def __init__(self, stream: BinaryIO, name: str, value: bytes) -> None:
        self._stream, self._value = stream, value
        self._digest = hashlib.new(name, usedforsecurity=False)

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        self._digest.update(data)
        if not data and self._digest.digest() != self._value:
            raise WrongChecksum("the part is not what its checksum says")
        return data
