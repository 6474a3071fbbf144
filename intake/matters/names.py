"""The names of the handlers who have to do with a matter, wherever they work now."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from sqlalchemy import text

from intake.extensions import db

_NAMES = text("SELECT id, name FROM handler_names(:ids)")


def handler_names(handler_ids: Iterable[uuid.UUID | None]) -> dict[uuid.UUID, str]:
    """Return the names of those who have to do with what the person sees, also of other units' people."""
    ids = sorted({handler_id for handler_id in handler_ids if handler_id}, key=str)
    if not ids:
        return {}
    return {row.id: row.name for row in db.session.execute(_NAMES, {"ids": ids})}
