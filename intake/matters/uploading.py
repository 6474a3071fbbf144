"""When a file has come in parts: it becomes one file, of its draft or of its matter, or is given up."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, text

from intake import files, ledger, outbox, storage
from intake.errors import BytesMissing
from intake.extensions import db, now
from intake.matters import deadlines
from intake.matters.arrive import attach
from intake.matters.incoming import IncomingFile
from intake.matters.records import ask_person, note, update_matter
from intake.models import Attachment, Matter, Message, Upload, table_of

_PARTS = text("SELECT storage_key, size_bytes FROM upload_parts(:upload)")
_FINISH = text("SELECT * FROM finish_upload(:upload, :key, :size, :sha256, :at)")
_GIVE_UP = text("SELECT upload_id, matter_id FROM give_up_uploads(:at)")


@dataclass(frozen=True)
class Awaited:
    """A file that a sent form still waits for, or waited for in vain."""

    name: str
    size_bytes: int
    offset_bytes: int
    received_at: datetime | None
    expires_at: datetime
    given_up_at: datetime | None

    @property
    def shown(self) -> str:
        return files.clean_name(self.name).shown


def awaited(matter_id: uuid.UUID) -> tuple[Awaited, ...]:
    """Return the files that a matter still waits for, or waited for in vain, oldest first."""
    columns = table_of(Upload).c[tuple(Awaited.__annotations__)]
    function = func.awaited_files(matter_id).table_valued(*columns)
    return tuple(Awaited(*row) for row in db.session.execute(select(function)))


def compose(upload_id: uuid.UUID, claim: outbox.Claim) -> None:
    """Make one file of an upload whose parts are all here, and commit.

    Its draft may be sent meanwhile, or before: then the file is attached to the matter. Killed
    anywhere, this leaves nothing but bytes that no row names, which the sweep takes.
    """
    parts = db.session.execute(_PARTS, {"upload": upload_id}).all()
    db.session.rollback()  # Large bytes take their time, and no transaction stays open meanwhile.
    if parts:
        with storage.chained(part.storage_key for part in parts) as whole:
            stored = storage.current().put(storage.new_key("draft"), whole)
        if stored.size_bytes != sum(part.size_bytes for part in parts):
            raise BytesMissing("the parts are not as long as their rows say")
        _finish(upload_id, stored)
    claim.finish()
    db.session.commit()
    for part in parts:
        # No row names them any more; without this the file would take its room twice until the sweep.
        storage.current().delete(part.storage_key)


def give_up() -> int:
    """Give up the files of sent forms whose time is out, tell of each, and commit; return how many."""
    late = db.session.execute(_GIVE_UP, {"at": now()}).all()
    for upload in late:
        note(upload.matter_id, "file_given_up", {"upload": str(upload.upload_id)})
        ask_person(upload.matter_id, "file_missing")
    db.session.commit()
    return len(late)


def _finish(upload_id: uuid.UUID, stored: storage.Stored) -> None:
    ledger.hold_key(stored.key)
    values = {"upload": upload_id, "key": stored.key, "size": stored.size_bytes, "sha256": stored.sha256}
    finished = db.session.execute(_FINISH, {**values, "at": now()}).one_or_none()
    # None: it was taken out of its draft meanwhile, or another worker was first.
    if finished is not None and finished.matter_id is not None:
        _attach(finished, stored)


def _attach(finished: Row[tuple[object, ...]], stored: storage.Stored) -> None:
    """Attach a file to the message that it was sent with; a matter that was done with opens again."""
    matter = _hold_matter_of(finished.message_id)
    last = select(func.max(Attachment.position)).where(Attachment.message_id == finished.message_id)
    position = int(db.session.scalar(last) or 0) + 1
    file = IncomingFile(finished.name, stored.key, stored.size_bytes, stored.sha256, finished.declared_type)
    attach(matter.id, finished.message_id, (file,), at=now(), first_position=position)
    note(matter.id, "file_arrived", {"files": 1})
    if matter.closed_at is not None or matter.status == "answered":
        anew = deadlines.begin(matter.category, now())
        update_matter(matter.id, {"status": "reopened", "closed_at": None, **anew})
        note(matter.id, "reopened", {"why": "new_file"})
    elif matter.status == "awaiting_citizen":
        anew = deadlines.begin(matter.category, now())
        needs = [need for need in matter.needs_person if need != deadlines.NO_SUPPLEMENT]
        values = {"status": "in_progress", "paused_until": None, "needs_person": needs}
        update_matter(matter.id, {**values, **anew})


def _hold_matter_of(message_id: uuid.UUID) -> Row[Any]:
    """Lock the matter that a message stands in until the transaction ends; it may be merged just now."""
    its_matter = select(Message.matter_id).where(Message.id == message_id)
    while True:
        matter_id = db.session.scalars(its_matter).one()
        state = select(*table_of(Matter).c["id", "status", "closed_at", "category", "needs_person"]).where(
            Matter.id == matter_id
        )
        matter = db.session.execute(state.with_for_update()).one()
        if db.session.scalars(its_matter).one() == matter.id:
            return matter
