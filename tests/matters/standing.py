"""How a matter stands now, in tests: its own row, what was said in it, what happened to it, what opens it."""

from __future__ import annotations

from sqlalchemy import select

from intake import ledger
from intake.extensions import db
from intake.matters import following
from intake.models import Event, Matter, Message

BROWSER = "b" * 43


def fresh(matter):
    db.session.expire_all()
    return db.session.get_one(Matter, matter.id)


def texts(matter):
    found = select(Message.text).where(Message.matter_id == matter.id, Message.direction == "incoming")
    return [" ".join(words.split()) for words in db.session.scalars(found.order_by(Message.created_at))]


def events(matter):
    found = select(Event.what).where(Event.matter_id == matter.id)
    return db.session.scalars(found.order_by(Event.at, Event.id)).all()


def opened(citizen_app, key):
    """Return the matter that a key opens for a citizen."""
    with citizen_app.app_context():
        found = following.find(key)
    return found and found.matter_id


def is_whole():
    return ledger.reconcile().is_whole
