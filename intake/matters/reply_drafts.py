"""What a handler has begun to write to a citizen: kept for that handler alone, until it is sent.

A colleague is told who is writing and never what. The database erases all drafts of a matter that is
closed.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import text

from intake.extensions import db, now

# Which form of the matter's page the words belong to.
Kind = Literal["reply", "supplement", "delay"]
_READ = text("SELECT is_own, name, kind, text, updated_at FROM reply_drafts(:matter_id)")
_KEEP = text("SELECT keep_reply_draft(:matter_id, :kind, :words, :at)")


@dataclass(frozen=True)
class Draft:
    """A draft: ``text`` is None of somebody else's."""

    is_own: bool
    name: str
    kind: Kind
    text: str | None
    updated_at: datetime


def read(matter_id: uuid.UUID) -> tuple[Draft, ...]:
    """Return the drafts in a matter that the person has looked at, oldest first."""
    return tuple(Draft(*row) for row in db.session.execute(_READ, {"matter_id": matter_id}))


def save(matter_id: uuid.UUID, kind: Kind, words: str) -> bool:
    """Keep these words as the person's draft, in place of what was kept, and commit.

    Say no, and keep nothing, where the matter is closed.
    """
    is_kept = keep(matter_id, kind, words)
    db.session.commit()
    return is_kept


def keep(matter_id: uuid.UUID, kind: Kind, words: str) -> bool:
    """Do as ``save`` in the caller's transaction; no words are no draft."""
    values = {"matter_id": matter_id, "kind": kind, "words": words.strip(), "at": now()}
    return bool(db.session.scalar(_KEEP, values))


def add(matter_id: uuid.UUID, kind: Kind, words: str) -> None:
    """Put words below those of the person's draft, if there are any; joins the caller's transaction."""
    own = [draft.text for draft in read(matter_id) if draft.is_own and draft.kind == kind]
    keep(matter_id, kind, "\n\n".join([*(text for text in own if text), words]))
