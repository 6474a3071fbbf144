"""The one cookie: a random browser key, the last receipt's draft, and the secret of the forms' tokens."""

from __future__ import annotations

import secrets
import uuid

from flask import Response, current_app, make_response, render_template, request, session

KEY_BYTES = 32


def key() -> str | None:
    """Return the key of this browser, None before its first form."""
    found = session.get("key")
    return found if isinstance(found, str) else None


def make_key() -> str:
    """Return the key of this browser, made now if it has none."""
    found = key()
    if found is None:
        found = session["key"] = secrets.token_urlsafe(KEY_BYTES)
    stay()
    return found


def stay() -> None:
    """Let the cookie live from now on as long as any draft of this browser may."""
    session.permanent = True
    session.modified = True


def remember_receipt(draft_id: uuid.UUID) -> None:
    """Keep which draft the receipt page shows."""
    session["receipt"] = str(draft_id)
    stay()


def receipt() -> uuid.UUID | None:
    """Return the draft whose receipt is to be shown, None when there is none."""
    found = session.get("receipt")
    return uuid.UUID(found) if isinstance(found, str) else None


def forget_receipt(draft_id: uuid.UUID) -> None:
    """Forget a draft's receipt."""
    if receipt() == draft_id:
        session.pop("receipt")


def forget_all() -> None:
    """Forget everything; what was begun waits out its 24 hours, and nobody can open it."""
    session.clear()


def sent_cookie() -> bool:
    """Say whether this browser sent our cookie at all."""
    return current_app.config["SESSION_COOKIE_NAME"] in request.cookies


def no_cookie() -> Response:
    """Tell a browser that takes no cookies why it needs one, and how to reach us without."""
    return make_response(render_template("citizen/no_cookie.html"))
