"""What a browser has left: its secrets open nothing from then on, also for whoever has a copy of them."""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime

from sqlalchemy import delete, text
from sqlalchemy.exc import SQLAlchemyError

from intake.extensions import db, now
from intake.models import LeftSecret

log = logging.getLogger(__name__)

_LEAVE = text("SELECT leave_secrets(:digests, :at)")
_IS_LEFT = text("SELECT is_left(:digest)")


def leave(*secrets: str) -> None:
    """Let these open nothing more, and commit; whoever leaves is not held up by a database that fails."""
    if not secrets:
        return
    try:
        db.session.execute(_LEAVE, {"digests": [_digest(secret) for secret in secrets], "at": now()})
        db.session.commit()
    except SQLAlchemyError as error:
        db.session.rollback()
        log.error("what a browser left could not be closed: %s", type(error).__name__)


def is_left(secret: str) -> bool:
    """Say whether a browser has left this."""
    return bool(db.session.scalar(_IS_LEFT, {"digest": _digest(secret)}))


def forget(before: datetime) -> None:
    """Delete what was left before a time, and commit; cookies do not live that long."""
    db.session.execute(delete(LeftSecret).where(LeftSecret.at < before))
    db.session.commit()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
