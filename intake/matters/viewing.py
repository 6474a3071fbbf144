"""The safe views of an attachment: pictures and text made of it, kept beside it, replaced when made anew."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from sqlalchemy import delete, exists, select, text

from intake import files, ledger, outbox, rows, scratch, storage
from intake.errors import AnalysisFailed
from intake.extensions import db, now, settings
from intake.models import Attachment, FileText, Rendition, new_id
from intake.storage import Stored

LOCKED = ("quarantine", "refuse")
# So many of the files within one are drawn; the others are listed.
MOST_INNER = 100
# What is not drawn by then, or within so many bytes, is told of; the rest is kept.
DRAW_SECONDS = 360
MOST_PICTURE_BYTES = 200 * 1024 * 1024
_NOT_ALL = "Alla filer i den kunde inte visas: de är för många eller för stora."


@dataclass(frozen=True)
class View:
    """What can be shown of an attachment, or of what lies within it at the path ``inner``."""

    inner: str
    pictures: tuple[tuple[Stored, files.Picture], ...]
    text: str
    problem: str | None

    @property
    def size_bytes(self) -> int:
        return sum(stored.size_bytes for stored, _ in self.pictures)


def is_locked(attachment: Attachment, inner: str = "") -> bool:
    """Say whether nothing may be seen of an attachment, or of what lies at a path within it.

    What locks one file within another locks the whole as an original, and leaves the rest to be seen.
    """
    return locked_within(attachment)(inner)


def locked_within(attachment: Attachment) -> Callable[[str], bool]:
    """Return what ``is_locked`` says of each path within an attachment, for asking of many."""
    if attachment.verdict not in LOCKED:
        return lambda _: False
    if not attachment.contents:
        return lambda _: True
    own = [found["code"] for found in attachment.findings if not found.get("path")]
    locks = {
        each["path"]
        for each in attachment.contents
        if files.is_locking(found["code"] for found in each["findings"])
    }
    if files.is_locking(own):
        locks.add("")
    return lambda inner: not locks.isdisjoint(_around(inner))


def _around(inner: str) -> Iterator[str]:
    """Yield a path within, those that it lies in, and that of the attachment."""
    while inner:
        yield inner
        inner = inner.rpartition(".")[0]
    yield ""


def lies_open(attachment: Attachment) -> bool:
    """Say whether what lies within the file is laid beside it already, as a letter's parts are."""
    if attachment.part is None:
        return False
    is_beside = exists().where(
        Attachment.message_id == attachment.message_id,
        Attachment.part.startswith(f"{attachment.part}~", autoescape=True),
    )
    return bool(db.session.scalar(select(is_beside)))


def draw(attachment: Attachment) -> tuple[View, ...]:
    """Make the views of an attachment and of what lies within it; their bytes are stored, in no row yet."""
    views: list[View] = []
    ends_at = time.monotonic() + DRAW_SECONDS
    with storage.current().local_path(attachment.storage_key) as file, scratch.folder(settings().var) as room:
        for number, (inner, path, detected_type) in enumerate(_to_draw(attachment, file, room)):
            if time.monotonic() > ends_at or sum(view.size_bytes for view in views) > MOST_PICTURE_BYTES:
                views[0] = replace(views[0], problem=" ".join(filter(None, (views[0].problem, _NOT_ALL))))
                break
            folder = room / f"view-{number}"
            folder.mkdir()
            views.append(_view(inner, path, detected_type, folder))
    return tuple(views)


def _to_draw(attachment: Attachment, file: Path, room: Path) -> Iterator[tuple[str, Path, str]]:
    """Yield what is to be drawn: path within, file and type."""
    if is_locked(attachment):
        return
    yield "", file, attachment.detected_type or ""
    if attachment.contents:
        limits = settings().tables.files
        seen = files.examine(attachment.name, file, limits, room)
        inner, is_locked_at = islice(seen.walk(), 1, None), locked_within(attachment)
        fit = (each for each in inner if each.file and not is_locked_at(each.path))
        for each in islice(fit, MOST_INNER):
            if each.file:
                yield each.path, each.file, each.detected_type


def _view(inner: str, file: Path, detected_type: str, folder: Path) -> View:
    try:
        drawing = files.draw(file, detected_type, settings().tables.files, folder)
    except AnalysisFailed as failed:
        return View(inner, (), "", f"Filen gick inte att visa: {failed}.")
    pictures = tuple((_store(each), each) for each in drawing.pictures)
    return View(inner, pictures, drawing.text, drawing.problem)


def _store(picture: files.Picture) -> Stored:
    with picture.file.open("rb") as stream:
        return storage.current().put(storage.new_key("view"), stream)


def record_views(attachment_id: uuid.UUID, views: tuple[View, ...], claim: outbox.Claim) -> None:
    """Let these be the views of an attachment, and commit. The bytes of earlier ones are swept later."""
    attachment = db.session.get_one(Attachment, attachment_id)
    db.session.execute(delete(Rendition).where(Rendition.attachment_id == attachment_id))
    db.session.execute(delete(FileText).where(FileText.attachment_id == attachment_id))
    for view in views:
        for number, (stored, picture) in enumerate(view.pictures, 1):
            rows.insert(
                Rendition,
                attachment_id=attachment_id,
                inner=view.inner,
                number=number,
                storage_key=stored.key,
                size_bytes=stored.size_bytes,
                sha256=stored.sha256,
                media_type=picture.media_type,
                width=picture.width,
                height=picture.height,
                created_at=now(),
            )
        if view.text:
            rows.insert(FileText, attachment_id=attachment_id, inner=view.inner, text=view.text)
    # What a later check has locked meanwhile is drawn when one lets it go.
    attachment.drawn_at = now() if views else None
    attachment.view_problem = views[0].problem if views else None
    claim.finish()
    db.session.commit()


def ask_missing(at_most: int = 200) -> int:
    """Ask for the views of files that were checked and have none, and commit; return how many."""
    query = ledger.PROOFS["checked_file_without_views"] + " ORDER BY id DESC LIMIT :most"
    missing = db.session.scalars(text(query), {"most": at_most}).all()
    for attachment_id in missing:
        outbox.add("draw_file", attachment_id, dedupe=f"draw_file:{new_id()}")
    db.session.commit()
    return len(missing)
