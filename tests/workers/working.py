"""A worker's hands for tests: open jobs done by their tasks, and the one row of a table."""

from __future__ import annotations

from sqlalchemy import select

from intake import outbox
from intake.extensions import db
from intake.models import Job
from workers import tasks


def work(kind):
    """Run every open job of a kind, as a worker would."""
    jobs = db.session.scalars(select(Job.id).where(Job.kind == kind, Job.done_at.is_(None))).all()
    db.session.rollback()
    for job in jobs:
        getattr(tasks, outbox.KINDS[kind].task.rpartition(".")[2])(str(job))
    db.session.expire_all()


def the(table):
    return db.session.scalars(select(table)).one()
