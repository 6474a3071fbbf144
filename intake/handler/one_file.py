"""One file, whole: what its page shows, read behind the first wall into plain values."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import func, select

from intake import access
from intake.extensions import db
from intake.files import clean_name
from intake.files.drawing.ways import INSTEAD
from intake.matters.viewing import lies_open, locked_within
from intake.models import Attachment, FileText, Rendition

# A page with more than this takes a browser seconds to lay out; the rest is in the original.
TEXT_CHARACTERS = 200_000
# How far it is with what can be seen of a file: it waits for its check, is locked away, is being drawn,
# or was drawn, whether anything came of it or not.
Stage = Literal["waiting", "locked", "drawing", "drawn"]


@dataclass(frozen=True)
class Part:
    """What lies within a file: ``path`` numbers it ("2.1"), ``depth`` is how far in.

    ``verdict`` is its own, and quarantine wherever nothing of it may be seen.
    """

    path: str
    name: str
    size_bytes: int
    sha256: str
    detected_type: str | None
    verdict: str
    findings: tuple[str, ...]
    depth: int


@dataclass(frozen=True)
class Image:
    """One picture of the safe view; its size in pixels."""

    number: int
    width: int
    height: int


@dataclass(frozen=True)
class OneFile:
    """A file, or at ``inner`` something within it, with what can be seen of it without opening it.

    ``around`` is the file that it lies within, ``parts`` what lies within it; ``is_laid_open`` says that
    this lies beside it instead, as files of the same message. ``is_locked_around`` says that it is
    what it lies in that is locked. ``text_characters`` is how long the whole text is.
    """

    id: uuid.UUID
    matter_id: uuid.UUID
    inner: str
    name: str
    was_renamed: bool
    size_bytes: int
    sha256: str
    detected_type: str | None
    verdict: str
    findings: tuple[str, ...]
    facts: Mapping[str, str]
    around: tuple[Part, ...]
    parts: tuple[Part, ...]
    is_laid_open: bool
    is_locked_around: bool
    stage: Stage
    view_problem: str | None
    images: tuple[Image, ...]
    text: str
    text_characters: int


def read_file(found: Attachment, inner: str) -> OneFile | None:
    """Read a file that the person may see; None when nothing lies at ``inner`` within it."""
    is_locked = locked_within(found)
    parts = [_part(each, is_locked) for each in found.contents]
    here = next((part for part in parts if part.path == inner), None)
    if inner and here is None:
        return None
    own = here or found
    within = tuple(part for part in parts if not inner or part.path.startswith(f"{inner}."))
    stage = _stage(found, inner)
    images, text, characters = _seen(found.id, inner) if stage == "drawn" else ((), "", 0)
    return OneFile(
        id=found.id,
        matter_id=found.matter_id,
        inner=inner,
        name=own.name,
        was_renamed=clean_name(own.name).was_changed,
        size_bytes=own.size_bytes,
        sha256=own.sha256,
        detected_type=own.detected_type,
        verdict=own.verdict,
        findings=here.findings if here else _words(found.findings),
        facts={} if inner else found.facts,
        around=tuple(part for part in parts if inner.startswith(f"{part.path}.")),
        parts=within,
        is_laid_open=not inner and lies_open(found),
        is_locked_around=bool(inner) and is_locked(inner.rpartition(".")[0]),
        stage=stage,
        view_problem=None if inner else _view_problem(found),
        images=images,
        text=text,
        text_characters=characters,
    )


def _part(each: Mapping[str, Any], is_locked: Callable[[str], bool]) -> Part:
    path = str(each["path"])
    return Part(
        path=path,
        name=each["name"],
        size_bytes=each["size_bytes"],
        sha256=each["sha256"],
        detected_type=each["detected_type"],
        verdict="quarantine" if is_locked(path) else each["verdict"],
        findings=_words(each["findings"]),
        depth=path.count("."),
    )


def _words(findings: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    return tuple(finding["handler"] for finding in findings)


def _view_problem(found: Attachment) -> str | None:
    """Return why there is no view; of an archive with a password that nothing in it is shown either."""
    is_closed = not found.contents and any(each["code"] == "file_encrypted" for each in found.findings)
    if is_closed and found.view_problem == INSTEAD["archive"]:
        return INSTEAD["locked"]
    return found.view_problem


def _stage(found: Attachment, inner: str) -> Stage:
    if access.is_locked(found, inner):
        return "locked"
    if found.verdict == "unchecked":
        return "waiting"
    return "drawn" if found.drawn_at else "drawing"


def _seen(attachment_id: uuid.UUID, inner: str) -> tuple[tuple[Image, ...], str, int]:
    rows = db.session.execute(
        select(Rendition.number, Rendition.width, Rendition.height)
        .where(Rendition.attachment_id == attachment_id, Rendition.inner == inner)
        .order_by(Rendition.number)
    )
    images = tuple(Image(*row) for row in rows)
    text = db.session.execute(
        select(func.left(FileText.text, TEXT_CHARACTERS), func.length(FileText.text)).where(
            FileText.attachment_id == attachment_id, FileText.inner == inner
        )
    ).one_or_none()
    return (images, text[0], text[1]) if text else (images, "", 0)
