"""Letters of ours in tests: sent as a worker sends them, and what their links hold."""

from __future__ import annotations

import re

from sqlalchemy import select

from intake import codes
from intake.extensions import db
from intake.matters import following, work
from intake.models import Job, Matter, StatusCode
from workers import tasks

LINK = re.compile(r"http://127\.0\.0\.1:\d+(/\w+)?/(folj|bekrafta)#([A-Z0-9.-]+)")


def key_to(matter):
    """Return a key to a matter, as if its receipt had been read."""
    code = codes.new_status_code()
    db.session.add(
        StatusCode(matter_id=matter.id, code_hash=codes.hash_code(code), created_at=matter.received_at)
    )
    db.session.commit()
    return following.key_of(matter.reference, code)


def act(handler_app, matter, handler_id, do, *given, version=None, **options):
    """Let a handler do an act on a matter as it stands now, or as it stood with this version."""
    stands = select(Matter.version).where(Matter.id == matter.id)
    known = work.Act(matter.id, version or db.session.scalars(stands).one(), handler_id)
    db.session.rollback()
    with handler_app.app_context():
        do(known, *given, **options)
    db.session.expire_all()


def send_all():
    jobs = db.session.scalars(select(Job.id).where(Job.kind == "send_letter", Job.done_at.is_(None))).all()
    db.session.rollback()
    for job in jobs:
        tasks.send_letter(str(job))
    db.session.expire_all()


def secret_in(sent):
    return LINK.search(sent.message.get_content())[3]
