"""What a person at a page may ask of the workers: to read a letter again, to try a job again.

A page does neither itself: a worker reads letters, in a child with limits, and may write where the
handlers' role may not.
"""

from __future__ import annotations

import uuid

from sqlalchemy import exists, select

from intake import outbox
from intake.extensions import db
from intake.matters.records import note
from intake.models import Job, Message, new_id


def ask_to_parse_again(letter_id: uuid.UUID, handler_id: uuid.UUID) -> None:
    """Ask for a letter to be read again, told in the history of each of its matters, and commit."""
    if not _is_asked("parse_again", letter_id):
        outbox.add("parse_again", letter_id, dedupe=f"parse_again:{new_id()}")
        matters = select(Message.matter_id).where(Message.letter_id == letter_id).distinct()
        for matter_id in db.session.scalars(matters).all():
            note(matter_id, "parsing_asked", {"letter": str(letter_id)}, handler_id)
    db.session.commit()


def ask_to_retry(job_id: uuid.UUID) -> None:
    """Ask for a job that gave up to be tried again, and commit; one that did not is left alone."""
    is_stuck = exists().where(Job.id == job_id, Job.stuck_at.is_not(None), Job.done_at.is_(None))
    if db.session.scalar(select(is_stuck)) and not _is_asked("retry_job", job_id):
        outbox.add("retry_job", job_id, dedupe=f"retry_job:{new_id()}")
    db.session.commit()


def _is_asked(kind: str, subject_id: uuid.UUID) -> bool:
    is_open = exists().where(Job.kind == kind, Job.subject_id == subject_id, Job.done_at.is_(None))
    return bool(db.session.scalar(select(is_open)))
