"""Letters of ours in tests: sent as a worker sends them, and what their links hold."""

from __future__ import annotations

import re
import uuid

from sqlalchemy import func, select

from intake import codes, drafts
from intake.answers import Answers
from intake.extensions import db
from intake.matters import answering, following, work
from intake.models import Handler, Job, Matter, StatusCode
from tests import desk
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


def begin_supplement(citizen_app, matter, browser, text="Mer."):
    """Begin a form that adds to a matter, as somebody who follows it, and return its id."""
    key = key_to(matter)
    with citizen_app.app_context():
        return drafts.begin(browser, Answers(text=text), supplements_id=following.hold(key))


def way_to_answer(make_app, matter):
    """Return which way an answer goes, as it is told to somebody who works where the matter stands."""
    matter_id, owner_app = matter.id, make_app("handler", "owner")
    desk.hire(owner_app, "vera@example.se", (matter.unit_id, "handler"))
    with owner_app.app_context():
        handler_id = db.session.scalars(select(Handler.id).where(Handler.email == "vera@example.se")).one()
    with desk.seated(make_app("handler"), handler_id, matter_id):
        return answering.find_way(matter_id)


def act(handler_app, matter, handler_id, do, *given, version=None, **options):
    """Let a handler do an act on a matter as it stands now, or as it stood with this version."""
    stands = select(Matter.version).where(Matter.id == matter.id)
    known = work.Act(matter.id, version or db.session.scalars(stands).one(), handler_id)
    survivor = db.session.scalars(select(func.surviving_matter(matter.id))).one()
    db.session.rollback()
    others = [each for each in (*given, *options.values()) if isinstance(each, uuid.UUID)]
    with desk.seated(handler_app, handler_id, matter.id, survivor, *others):
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
