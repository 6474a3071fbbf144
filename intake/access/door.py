"""The door: the database role that signs people in, and has no right on any matter.

The pages' own role can neither read what a sign-in is checked against nor make a session, so that
whoever finds a way to ask it for anything is still nobody else than who is signed in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from intake.extensions import db

BIND = "door"


@contextmanager
def session() -> Iterator[Session]:
    """Give a session of the ORM under the door's role; what is not committed in it is undone.

    An app that serves no handlers (a command of the owner's) has no other role than its own.
    """
    with Session(db.engines.get(BIND, db.engine), expire_on_commit=False) as made:
        yield made
