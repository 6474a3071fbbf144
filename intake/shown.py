"""What a person has shown, told to the database in each transaction: it decides what that opens.

It is set for the transaction alone, so that a connection that is lent to the next one tells nothing
of this one, also through a pool that lends it anew for each transaction.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any, Literal

from flask import current_app
from sqlalchemy import Connection, event, text
from sqlalchemy.orm import Session

from intake.extensions import db

# ``session``: a handler's sign-in. ``browser``: the key of a citizen's browser. ``code``: a reference
# and the digest of a status code that opens it, with a blank between.
Secret = Literal["session", "browser", "code"]

_SHOWN = "settings shown"
_AT_HAND = "app.matters"
_SET = text(
    "SELECT set_config(name, value, true)"
    " FROM unnest(CAST(:names AS text[]), CAST(:values AS text[])) AS shown (name, value)"
)
# The handlers' role reads views of what its session has opened; they are called as the tables are.
_VIEWS_FIRST = {"search_path": "desk, public"}


def show(secret: Secret, value: str) -> None:
    """Let this transaction, and those that follow in the same session of the ORM, show a secret."""
    _tell({f"app.{secret}": value})


def put_at_hand(matter_ids: Iterable[uuid.UUID]) -> None:
    """Say which of the matters that were looked at are read from now on, beside those said before.

    It opens nothing: of what else the session has looked at, nothing is then gone through.
    """
    known = _shown(db.session()).get(_AT_HAND, "{}").strip("{}").split(",")
    _tell({_AT_HAND: _array({*filter(None, known), *map(str, matter_ids)})})


def put_alone_at_hand(matter_id: uuid.UUID) -> None:
    """Say that of the matters that were looked at, this one alone is read from now on."""
    _tell({_AT_HAND: _array({str(matter_id)})})


def _array(ids: set[str]) -> str:
    return f"{{{','.join(sorted(ids))}}}"


def _shown(session: Session) -> dict[str, str]:
    shown: dict[str, str] = session.info.setdefault(_SHOWN, {})
    return shown


def _tell(settings: dict[str, str]) -> None:
    session = db.session()
    shown = _shown(session)
    if settings.items() <= shown.items():
        return
    shown.update(settings)
    if session.in_transaction():
        # Without its own connection yet, the transaction begins with what is shown by then.
        _set(session.connection(), settings)


def _set(connection: Connection, settings: dict[str, str]) -> None:
    connection.execute(_SET, {"names": list(settings), "values": list(settings.values())})


@event.listens_for(db.session, "after_begin")
def _tell_again(session: Session, _transaction: Any, connection: Connection) -> None:
    settings = dict(_shown(session))
    if current_app.config["DATABASE_ROLE"] == "handler":
        settings |= _VIEWS_FIRST
    if settings:
        _set(connection, settings)
