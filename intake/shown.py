"""The secrets that a person has shown, told to the database in each transaction: it decides what they open.

They are set for the transaction alone, so that a connection that is lent to the next one tells nothing
of this one, also through a pool that lends it anew for each transaction.
"""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import Connection, event, text
from sqlalchemy.orm import Session

from intake.extensions import db

# ``session``: a handler's sign-in. ``browser``: the key of a citizen's browser. ``code``: a reference
# and the digest of a status code that opens it, with a blank between.
Secret = Literal["session", "browser", "code"]

_SHOWN = "secrets shown"
_SET = text("SELECT set_config(:name, :value, true)")


def show(secret: Secret, value: str) -> None:
    """Let this transaction, and those that follow in the same session of the ORM, show a secret."""
    session = db.session()
    shown: dict[str, str] = session.info.setdefault(_SHOWN, {})
    if shown.get(secret) == value:
        return
    shown[secret] = value
    if session.in_transaction():
        # Without its own connection yet, the transaction begins with what is shown by then.
        session.connection().execute(_SET, {"name": f"app.{secret}", "value": value})


@event.listens_for(db.session, "after_begin")
def _tell(session: Session, _transaction: Any, connection: Connection) -> None:
    for secret, value in session.info.get(_SHOWN, {}).items():
        connection.execute(_SET, {"name": f"app.{secret}", "value": value})
