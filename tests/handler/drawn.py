"""Files as they are once their checks and their safe views are made, for tests of what is seen of them."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from PIL import Image
from sqlalchemy import update

from intake import storage
from intake.extensions import db
from intake.models import Attachment, FileText, Rendition

AT = datetime(2026, 11, 22, 15, 6, tzinfo=UTC)


def photo(width=640, height=480, colour=(90, 120, 140)):
    made = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(made, "JPEG")
    return made.getvalue()


def draw(app, attachment_id, *pictures, inner="", text="", media_type="image/jpeg", **columns):
    """Let the worker have drawn these pictures of a file, read this text in it, and found this of it."""
    with app.app_context():
        for number, data in enumerate(pictures, 1):
            kept = storage.current().put(storage.new_key("view"), io.BytesIO(data))
            # Not by ``rows``, which writes names unquoted: "inner" is a word of SQL.
            db.session.add(
                Rendition(attachment_id=attachment_id, inner=inner, number=number, storage_key=kept.key,
                          size_bytes=kept.size_bytes, sha256=kept.sha256, media_type=media_type,
                          width=640, height=480, created_at=AT)
            )  # fmt: skip
        if text:
            db.session.add(FileText(attachment_id=attachment_id, inner=inner, text=text))
        found = {"drawn_at": AT} | columns
        db.session.execute(update(Attachment).where(Attachment.id == attachment_id).values(**found))
        db.session.commit()


def inside(path, name, verdict="accept", *findings, size_bytes=1200, detected_type="image/jpeg", code="x"):
    """Return what is told of something that lies within a file."""
    return {
        "path": path, "name": name, "size_bytes": size_bytes, "sha256": f"{len(name):02x}" * 32,
        "detected_type": detected_type, "verdict": verdict,
        "findings": [{"code": code, "citizen": "", "handler": words} for words in findings],
    }  # fmt: skip
