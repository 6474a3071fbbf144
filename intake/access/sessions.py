"""Sign-in and its sessions: rows on the server that end for good when they end."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, select, update

from intake import limits, rows
from intake.access import passwords
from intake.access.looks import security, veiled
from intake.access.person import IDLE_LIMIT, Person, hash_token
from intake.errors import NotAllowed
from intake.extensions import db, now, settings
from intake.models import Handler, HandlerSession, new_id

ABSOLUTE_LIMIT = timedelta(hours=10)
WINDOW = timedelta(minutes=15)
# A stranger who tries one address from one place is stopped early; the owner can still get in
# from elsewhere, until somebody tries from everywhere.
TRIES_BY_ADDRESS_AND_NETWORK = 10
TRIES_BY_NETWORK = 60
TRIES_BY_ADDRESS = 100

WRONG = "E-postadressen eller lösenordet stämmer inte."
TOO_MANY = "Det har varit för många försök. Vänta en kvart och försök igen."
EXPIRED = "Ditt första lösenord har gått ut. Be den som lägger upp konton om ett nytt."


class SignInRefused(NotAllowed):
    """A sign-in that was refused; ``is_throttled`` tells that no password was tried."""

    def __init__(self, words: str, *, is_throttled: bool = False) -> None:
        super().__init__(words)
        self.is_throttled = is_throttled


@dataclass(frozen=True)
class OpenSession:
    """One of a person's own sign-ins that is still open."""

    id: uuid.UUID
    created_at: datetime
    seen_at: datetime


def sign_in(email: str, password: str, remote_address: str | None) -> str:
    """Check a password, make a session, commit, and return the new session's token.

    Raises SignInRefused, with the same words and after the same work whether the address is
    known or not.
    """
    email, network = email.strip().lower(), limits.network_of(remote_address)
    seen = f"email={veiled(email)} network={veiled(network)}"
    if _is_throttled(email, network):
        security.warning("sign_in outcome=throttled %s", seen)
        raise SignInRefused(TOO_MANY, is_throttled=True)
    handler = db.session.scalar(select(Handler).where(Handler.email == email, Handler.disabled_at.is_(None)))
    if not passwords.matches(handler.password_hash if handler else None, password) or handler is None:
        _count_try(email, network)
        security.warning("sign_in outcome=wrong %s", seen)
        raise SignInRefused(WRONG)
    if handler.password_expires_at and handler.password_expires_at <= now():
        security.warning("sign_in outcome=expired %s", seen)
        raise SignInRefused(EXPIRED)
    if passwords.is_outdated(handler.password_hash):
        handler.password_hash = passwords.make_hash(password)
    token = secrets.token_urlsafe(32)
    at = now()
    session_id = new_id()
    rows.insert(
        HandlerSession,
        id=session_id,
        token_hash=hash_token(token),
        handler_id=handler.id,
        created_at=at,
        seen_at=at,
        expires_at=at + ABSOLUTE_LIMIT,
    )
    db.session.commit()
    security.info("sign_in outcome=ok %s session=%s", seen, session_id)
    return token


def _tries(email: str, network: str) -> tuple[tuple[str, str, int], ...]:
    return (
        ("sign_in.both", f"{email} {network}", TRIES_BY_ADDRESS_AND_NETWORK),
        ("sign_in.network", network, TRIES_BY_NETWORK),
        ("sign_in.address", email, TRIES_BY_ADDRESS),
    )


def _is_throttled(email: str, network: str) -> bool:
    counts = [limits.count(what, key, window=WINDOW) >= most for what, key, most in _tries(email, network)]
    return any(counts)


def _count_try(email: str, network: str) -> None:
    """Count a failed try; those who get in count for nothing, however many share an office."""
    for what, key, _most in _tries(email, network):
        limits.hit(what, key, window=WINDOW)


def sign_out(person: Person) -> None:
    """End the person's session and commit; its token opens nothing any more."""
    _end(HandlerSession.id == person.session_id)
    security.info("sign_out handler=%s session=%s", person.handler_id, person.session_id)


def open_sessions(person: Person) -> tuple[OpenSession, ...]:
    """Return the person's own sessions that are still open, the latest first."""
    rows = db.session.execute(
        select(HandlerSession.id, HandlerSession.created_at, HandlerSession.seen_at)
        .where(
            HandlerSession.handler_id == person.handler_id,
            HandlerSession.ended_at.is_(None),
            HandlerSession.expires_at > now(),
            HandlerSession.seen_at > now() - IDLE_LIMIT,
        )
        .order_by(HandlerSession.seen_at.desc(), HandlerSession.id)
    )
    return tuple(OpenSession(*row) for row in rows)


def end_session(person: Person, session_id: uuid.UUID) -> None:
    """End one of the person's own sessions and commit; another's, or none, changes nothing."""
    _end(and_(HandlerSession.id == session_id, HandlerSession.handler_id == person.handler_id))
    security.info("session_ended handler=%s session=%s", person.handler_id, session_id)


def change_password(person: Person, old: str, new: str) -> None:
    """Set a new password, end the person's other sessions, and commit.

    Raises NotAllowed with Swedish words when the old one is wrong or the new one will not do.
    """
    handler = db.session.get_one(Handler, person.handler_id)
    if limits.hit("change_password", str(handler.id), window=WINDOW) > TRIES_BY_ADDRESS_AND_NETWORK:
        raise NotAllowed(TOO_MANY)
    if not passwords.matches(handler.password_hash, old):
        security.warning("password_change outcome=wrong handler=%s", handler.id)
        raise NotAllowed("Det nuvarande lösenordet stämmer inte.")
    if new == old:
        raise NotAllowed("Det nya lösenordet är samma som det gamla. Välj ett annat.")
    own_words = (*handler.name.split(), handler.email, *handler.email.split("@")[0].split("."))
    authority = settings().tables.authority.name
    if problem := passwords.problem_with(new, (*own_words, authority)):
        raise NotAllowed(problem)
    handler.password_hash = passwords.make_hash(new)
    handler.must_change_password = False
    handler.password_expires_at = None
    others = and_(HandlerSession.handler_id == handler.id, HandlerSession.id != person.session_id)
    _end(others)
    security.info("password_change outcome=ok handler=%s", person.handler_id)


def _end(which: ColumnElement[bool]) -> None:
    db.session.execute(
        update(HandlerSession)
        .where(which, HandlerSession.ended_at.is_(None))
        .values(ended_at=now())
        .execution_options(synchronize_session=False)
    )
    db.session.commit()
