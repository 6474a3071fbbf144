"""Files on their way into a draft: whole by a form, or in parts that any web host may take."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from sqlalchemy import Row, delete

from intake import drafts, files, rows, storage
from intake.errors import TooManyFiles
from intake.extensions import db, now, settings
from intake.models import DraftFile, DraftKey

NAME_CHARACTERS = 1000


@dataclass(frozen=True)
class Upload:
    """A file on its way in: the stream stands at its start."""

    name: str
    size_bytes: int
    declared_type: str
    stream: BinaryIO


def add_file(draft_id: uuid.UUID, browser_key: str | None, upload: Upload) -> None:
    """Store a file and add it to a draft, and commit: bytes first, then the row.

    What is stored when the row fails is named by no row, and the sweep takes it. Raises
    FileRefused with words for the person, StorageFull, StorageError, NotFound and Conflict.
    """
    limits = settings().tables.files
    files.refuse_before_sending(upload.name, upload.size_bytes, limits)
    _require_room(upload.name, upload.size_bytes, drafts.kept_files(draft_id))
    # Large bytes take their time, and no connection should wait for them.
    db.session.rollback()
    stored = storage.current().put(storage.new_key("draft"), upload.stream, limit_bytes=limits.max_file_bytes)
    drafts.hold(draft_id, browser_key)
    _require_room(upload.name, stored.size_bytes, drafts.kept_files(draft_id))
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
    drafts.hold(draft_id, browser_key)
    gone = delete(DraftFile).where(DraftFile.id == file_id, DraftFile.draft_id == draft_id)
    key = db.session.scalar(gone.returning(DraftFile.storage_key))
    db.session.execute(delete(DraftKey).where(DraftKey.storage_key == key))
    db.session.commit()


def _require_room(name: str, size_bytes: int, kept: Sequence[Row[Any]]) -> None:
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
