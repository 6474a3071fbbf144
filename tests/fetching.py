"""Letters fetched for tests: laid into a mailbox, fetched once, and what came of them."""

from __future__ import annotations

import contextlib
import threading

from sqlalchemy import func, select

from intake.extensions import db
from intake.models import Fetched, Matter, Message
from tests.letters_home import letter, unpack_all
from workers.fetch_round import Round
from workers.imap_session import Session


def numbered(number, **headers):
    return letter(f"Brev nummer {number}.", Message_ID=f"<{number}@example.com>", **headers)


def go(mailbox):
    """Go through a mailbox once, on a connection of its own; return what is wrong with it."""
    with contextlib.closing(Session(mailbox)) as session:
        round_ = Round(mailbox, session, threading.Event())
        round_.go()
    return round_.fault


def rows():
    return {row.uid: row for row in db.session.scalars(select(Fetched).order_by(Fetched.uid))}


def outcomes():
    return [row.outcome for row in rows().values()]


def told():
    """Return what each matter tells, oldest first."""
    unpack_all()
    texts = select(Message.text).join(Matter).where(Message.direction == "incoming")
    return [text.strip() for text in db.session.scalars(texts.order_by(Matter.received_at, Matter.id))]


def count(model):
    return db.session.scalar(select(func.count()).select_from(model))
