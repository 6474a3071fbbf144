"""What a person at a page may ask of the workers: to read a letter again, to try a job again.

A page does neither itself: a worker reads letters, in a child with limits, and may write where the
handlers' role may not. The database writes down what is asked by whoever may be told of the letter.
"""

from __future__ import annotations

import uuid

from sqlalchemy import text

from intake.extensions import db, now
from intake.models import new_id

_PARSE = text("SELECT ask_to_parse_again(:letter_id, :job_id, :handler_id, :at)")
_RETRY = text("SELECT ask_to_retry(:stuck_id, :job_id, :at)")


def ask_to_parse_again(letter_id: uuid.UUID, handler_id: uuid.UUID) -> None:
    """Ask for a letter to be read again, told in the history of each of its matters, and commit."""
    asked = {"letter_id": letter_id, "job_id": new_id(), "handler_id": handler_id, "at": now()}
    db.session.execute(_PARSE, asked)
    db.session.commit()


def ask_to_retry(job_id: uuid.UUID) -> None:
    """Ask for a job that gave up to be tried again, and commit; one that did not is left alone."""
    db.session.execute(_RETRY, {"stuck_id": job_id, "job_id": new_id(), "at": now()})
    db.session.commit()
