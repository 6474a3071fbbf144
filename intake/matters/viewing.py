"""The safe views of an attachment: pictures and text made of it, kept beside it, replaced when made anew."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import delete

from intake import files, outbox, rows, storage
from intake.errors import AnalysisFailed
from intake.extensions import db, now, settings
from intake.models import Attachment, FileText, Rendition
from intake.storage import Stored

# Views are made of what nothing locks, whether or not a scanner was there to see it.
VIEWABLE = ("accept", "warn", "not_scanned")
# So many of the files within one are drawn; the others are listed.
MOST_INNER = 100


@dataclass(frozen=True)
class View:
    """What can be shown of an attachment, or of what lies within it at the path ``inner``."""

    inner: str
    pictures: tuple[tuple[Stored, files.Picture], ...]
    text: str
    problem: str | None


def draw(attachment: Attachment) -> tuple[View, ...]:
    """Make the views of an attachment and of what lies within it; their bytes are stored, in no row yet."""
    views = []
    with storage.current().local_path(attachment.storage_key) as file, TemporaryDirectory() as scratch:
        for number, (inner, path, detected_type) in enumerate(_to_draw(attachment, file, Path(scratch))):
            folder = Path(scratch) / f"view-{number}"
            folder.mkdir()
            views.append(_view(inner, path, detected_type, folder))
    return tuple(views)


def _to_draw(attachment: Attachment, file: Path, scratch: Path) -> Iterator[tuple[str, Path, str]]:
    """Yield what is to be drawn: path within, file and type."""
    yield "", file, attachment.detected_type or ""
    if attachment.contents:
        limits = settings().tables.files
        seen = files.examine(attachment.name, file, limits, scratch)
        inner = islice(seen.walk(), 1, None)
        fit = (each for each in inner if each.file and each.verdict(is_received=True) in VIEWABLE)
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
    attachment.drawn_at = now()
    attachment.view_problem = views[0].problem if views else None
    claim.finish()
    db.session.commit()
