"""The one cookie: a random browser key, the last receipt's draft, and the secret of the forms' tokens."""

from __future__ import annotations

import secrets
import uuid

from flask import Response, current_app, make_response, render_template, request, session

from intake import leaving

KEY_BYTES = 32


def key() -> str | None:
    """Return the key of this browser, None before its first form."""
    found = session.get("key")
    return found if isinstance(found, str) else None


def make_key() -> str:
    """Return the key of this browser, made now if it has none, or left the one that it has."""
    found = key()
    if found is None or leaving.is_left(found):
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
    """Forget everything, also for whoever has a copy of the cookie.

    What was begun waits out its 24 hours, and its resume code alone opens it.
    """
    leaving.leave(*(secret for secret in (key(), followed()) if secret))
    session.clear()


def follow(reference: str, code_hash: str, at: int) -> None:
    """Keep which matter this browser follows, since when, and a secret of its own by which that ends."""
    session["followed"] = [reference, code_hash, at, secrets.token_urlsafe(KEY_BYTES)]


def followed() -> str | None:
    """Return the secret of the matter that this browser follows, None when it follows none."""
    found = session.get("followed")
    return str(found[3]) if found else None


def close_followed() -> None:
    """Forget which matter this browser follows, also for whoever has a copy of the cookie."""
    secret = followed()
    if secret:
        leaving.leave(secret)
    session.pop("followed", None)


def sent_cookie() -> bool:
    """Say whether this browser sent our cookie at all."""
    return current_app.config["SESSION_COOKIE_NAME"] in request.cookies


def no_cookie() -> Response:
    """Tell a browser that takes no cookies why it needs one, and how to reach us without."""
    return make_response(render_template("citizen/no_cookie.html"))
