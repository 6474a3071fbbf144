"""Sign-in and its sessions: rows on the server that end for good when they end.

A session comes to its person by stages: the password, then the second factor, or first what a new
account needs. At each, and whenever the person proves once more who it is, it gets another secret; only
the last stage opens anything.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select, text, update
from sqlalchemy.orm import Session

from intake import limits
from intake.access import door, factors, passwords
from intake.access.person import IDLE_LIMIT, Person, Stage, hash_token
from intake.errors import NotAllowed
from intake.extensions import db, now, settings
from intake.models import Handler, HandlerSession, new_id
from intake.security_log import security, veiled

ABSOLUTE_LIMIT = timedelta(hours=10)
WINDOW = timedelta(minutes=15)
# A stranger who tries one address from one place is stopped early; the owner can still get in
# from elsewhere, until somebody tries from everywhere.
TRIES_BY_ADDRESS_AND_NETWORK = 10
TRIES_BY_NETWORK = 60
TRIES_BY_ADDRESS = 100
# Of an app's codes there are only a million, so that whoever has the password gets few tries, from
# anywhere, and few wrong ones in a day. A saved code is too long to guess, and does on such a day too.
TRIES_OF_CODES = 10
CODES_A_DAY = 60
DAY = timedelta(days=1)
AGENT_CHARACTERS = 200

WRONG = "E-postadressen eller lösenordet stämmer inte."
TOO_MANY = "Det har varit för många försök. Vänta en kvart och försök igen."
TOO_MANY_TODAY = (
    "Det har varit för många fel koder i dag. Skriv en av dina reservkoder, eller försök i morgon."
)
EXPIRED = "Ditt första lösenord har gått ut. Be den som lägger upp konton om ett nytt."
WRONG_NOW = "Lösenordet eller koden stämmer inte."
GONE_ON = "Inloggningen har avslutats eller gått vidare i en annan flik. Ladda om sidan."
HAS_FACTOR = "Kontot har redan en app för koder. Logga ut och logga in igen, så används den."

_LOOK = text("SELECT look_at_sign_in(:session_id)")
_SESSIONS = text("SELECT * FROM own_sessions() WHERE expires_at > :at AND seen_at > :since")
_FORGET = text("SELECT forget_sessions()")
_END = text("SELECT end_own_session(:session_id, :at)")


class SignInRefused(NotAllowed):
    """A sign-in that was refused, in words for the person."""


class TooManyTries(SignInRefused):
    """Too many tries were made lately, so that nothing was tried."""


@dataclass(frozen=True)
class OpenSession:
    """One of a person's own sign-ins that is still open; ``agent`` is what its browser calls itself.

    ``stage`` says how far it has come: whoever has only the password may be somebody else.
    """

    id: uuid.UUID
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    agent: str
    stage: Stage


@dataclass(frozen=True)
class Enrolled:
    """A second factor that was just made: the session's next secret, and recovery codes told only now."""

    token: str
    codes: tuple[str, ...]


def sign_in(email: str, password: str, remote_address: str | None, agent: str) -> str:
    """Check a password, make a session that is owed what is left of the sign-in, commit; return its secret.

    Raises SignInRefused, with the same words and after the same work whether the address is
    known or not; TooManyTries is one.
    """
    email, network = email.strip().lower(), limits.network_of(remote_address)
    seen = f"email={veiled(email)} network={veiled(network)}"
    if not _take_try(email, network):
        security.warning("sign_in outcome=throttled %s", seen)
        raise TooManyTries(TOO_MANY)
    with door.session() as session:
        handler = session.scalar(select(Handler).where(Handler.email == email, Handler.disabled_at.is_(None)))
        if not passwords.matches(handler.password_hash if handler else None, password) or handler is None:
            security.warning("sign_in outcome=wrong %s", seen)
            raise SignInRefused(WRONG)
        _give_back(_tries(email, network))
        if handler.password_expires_at and handler.password_expires_at <= now():
            security.warning("sign_in outcome=expired %s", seen)
            raise SignInRefused(EXPIRED)
        if passwords.is_outdated(handler.password_hash):
            handler.password_hash = passwords.make_hash(password)
        stage: Stage = "code" if handler.totp_secret else "account"
        token, session_id = _add(session, handler.id, stage, agent)
        session.commit()
    security.info("sign_in outcome=%s %s session=%s", stage, seen, session_id)
    return token


def give_code(person: Person, code: str) -> str:
    """Check the second factor of somebody whose password was right, commit, and return the next secret.

    A session whose account still needs something goes on to that, the others open. Raises SignInRefused,
    and NotAllowed when the session was over meanwhile.
    """
    whose = str(person.handler_id)
    by_app = factors.is_from_app(code)
    if limits.hit("sign_in.code", whose, window=WINDOW) > TRIES_OF_CODES:
        security.warning("sign_in outcome=throttled handler=%s", person.handler_id)
        raise TooManyTries(TOO_MANY)
    if by_app and limits.hit("sign_in.codes", whose, window=DAY) > CODES_A_DAY:
        security.warning("sign_in outcome=throttled_today handler=%s", person.handler_id)
        raise TooManyTries(TOO_MANY_TODAY)
    with door.session() as session:
        handler = session.get_one(Handler, person.handler_id, with_for_update=True)
        if handler.disabled_at is not None or not factors.is_right(session, handler, code):
            security.warning("sign_in outcome=wrong_code handler=%s", person.handler_id)
            raise SignInRefused(factors.WRONG)
        token = _renew(session, person, "account" if handler.must_change_password else "open")
        session.commit()
    if by_app:
        # Only wrong ones count towards the day; each is counted before it is tried, for many at once.
        limits.hit("sign_in.codes", whose, window=DAY, by=-1)
    return token


def begin(handler_id: uuid.UUID, *, stage: Stage, agent: str) -> str:
    """Make a session for somebody who has shown who it is, commit, and return its secret."""
    with door.session() as session:
        token, session_id = _add(session, handler_id, stage, agent)
        session.commit()
    security.info("session_began handler=%s stage=%s session=%s", handler_id, stage, session_id)
    return token


def advance(person: Person, stage: Stage) -> str:
    """Bring a session to its next stage, commit, and return its next secret; NotAllowed when it is over."""
    with door.session() as session:
        token = _renew(session, person, stage)
        session.commit()
    return token


def prove(person: Person) -> str:
    """Note that the person has shown who it is once more, commit, and return the session's next secret.

    The session is the same, and ends when it would have ended. Raises NotAllowed when it is over.
    """
    return advance(person, person.stage)


def prove_by_password(person: Person, password: str, code: str) -> str:
    """Check password and second factor once more, commit, and return the next secret; NotAllowed."""
    if limits.hit("prove", str(person.handler_id), window=WINDOW) > TRIES_OF_CODES:
        security.warning("prove outcome=throttled handler=%s", person.handler_id)
        raise TooManyTries(TOO_MANY)
    with door.session() as session:
        handler = session.get_one(Handler, person.handler_id, with_for_update=True)
        is_right = passwords.matches(handler.password_hash, password)
        if not is_right or not factors.is_right(session, handler, code):
            security.warning("prove outcome=wrong handler=%s", handler.id)
            raise NotAllowed(WRONG_NOW)
        token = _renew(session, person, person.stage)
        session.commit()
    return token


def enrol_factor(person: Person, secret: str, code: str) -> Enrolled:
    """Let a secret be the person's second factor, end the other sessions, open this one, and commit.

    Raises NotAllowed unless ``code`` shows that the app has the secret, or when the account has another
    factor that this session has not shown.
    """
    with door.session() as session:
        handler = session.get_one(Handler, person.handler_id, with_for_update=True)
        if person.stage != "open" and handler.totp_secret is not None:
            raise NotAllowed(HAS_FACTOR)
        codes = factors.enrol(session, handler, secret, code)
        _end_others(session, person)
        token = _renew(session, person, "open")
        session.commit()
    security.info("factor_enrolled handler=%s", person.handler_id)
    return Enrolled(token, codes)


def sign_out(person: Person) -> None:
    """End the person's session and commit; its secret opens nothing any more."""
    end_session(person, person.session_id)


def open_sessions() -> tuple[OpenSession, ...]:
    """Return the sessions of whoever is signed in that are still open, the latest first."""
    at = now()
    rows = db.session.execute(_SESSIONS, {"at": at, "since": at - IDLE_LIMIT})
    return tuple(OpenSession(**row._mapping) for row in rows)


def end_session(person: Person, session_id: uuid.UUID) -> None:
    """End one of the person's own sessions and commit; another's, or none, changes nothing."""
    db.session.execute(_END, {"session_id": session_id, "at": now()})
    db.session.commit()
    security.info("session_ended handler=%s session=%s", person.handler_id, session_id)


def change_password(person: Person, old: str, new: str) -> None:
    """Set a new password, end the person's other sessions, and commit.

    Raises NotAllowed with Swedish words when the old one is wrong or the new one will not do.
    """
    if limits.hit("change_password", str(person.handler_id), window=WINDOW) > TRIES_BY_ADDRESS_AND_NETWORK:
        raise TooManyTries(TOO_MANY)
    with door.session() as session:
        handler = session.get_one(Handler, person.handler_id, with_for_update=True)
        if not passwords.matches(handler.password_hash, old):
            security.warning("password_change outcome=wrong handler=%s", handler.id)
            raise NotAllowed("Det nuvarande lösenordet stämmer inte.")
        if new == old:
            raise NotAllowed("Det nya lösenordet är samma som det gamla. Välj ett annat.")
        own_words = (*handler.name.split(), handler.email, *handler.email.split("@")[0].split("."))
        if problem := passwords.problem_with(new, (*own_words, settings().tables.authority.name)):
            raise NotAllowed(problem)
        handler.password_hash = passwords.make_hash(new)
        handler.must_change_password = False
        handler.password_expires_at = None
        _end_others(session, person)
        session.commit()
    security.info("password_change outcome=ok handler=%s", person.handler_id)


def end_others(person: Person) -> None:
    """End the person's other sessions, and commit."""
    with door.session() as session:
        _end_others(session, person)
        session.commit()


def end_run_out() -> int:
    """End the sessions that nobody has used for too long, or that are too old, commit, and count them.

    The database knows a session that is over by its row alone, so that a worker does this every minute.
    """
    at = now()
    has_run_out = or_(HandlerSession.expires_at <= at, HandlerSession.seen_at <= at - IDLE_LIMIT)
    ended = _end(db.session(), has_run_out)
    db.session.commit()
    return ended


def forget_ended() -> None:
    """Delete the sessions that ended more than 90 days ago, with what they had looked at, and commit."""
    db.session.execute(_FORGET)
    db.session.commit()


def _end_others(session: Session, person: Person) -> None:
    is_other = HandlerSession.id != person.session_id
    _end(session, and_(HandlerSession.handler_id == person.handler_id, is_other))


def _add(session: Session, handler_id: uuid.UUID, stage: Stage, agent: str) -> tuple[str, uuid.UUID]:
    """Write a session into the caller's transaction; return its secret, of 256 random bits, and its id."""
    token, at, session_id = secrets.token_urlsafe(32), now(), new_id()
    session.add(
        HandlerSession(
            id=session_id,
            token_hash=hash_token(token),
            handler_id=handler_id,
            created_at=at,
            seen_at=at,
            expires_at=at + ABSOLUTE_LIMIT,
            stage=stage,
            proven_at=at,
            agent=agent[:AGENT_CHARACTERS],
        )
    )
    session.flush()
    session.execute(_LOOK, {"session_id": session_id})
    return token, session_id


def _renew(session: Session, person: Person, stage: Stage) -> str:
    """Give a session its next secret, in the caller's transaction; the one before opens nothing any more."""
    token, at = secrets.token_urlsafe(32), now()
    its = update(HandlerSession).where(
        HandlerSession.id == person.session_id,
        # Of two that show the same secret at once, one goes on.
        HandlerSession.token_hash == hash_token(person.token),
        HandlerSession.ended_at.is_(None),
    )
    renewed = its.values(token_hash=hash_token(token), stage=stage, seen_at=at, proven_at=at)
    if session.scalar(renewed.returning(HandlerSession.id)) is None:
        raise NotAllowed(GONE_ON)
    if stage == "open" and person.stage != "open":
        session.execute(_LOOK, {"session_id": person.session_id})
        security.info("sign_in outcome=ok handler=%s session=%s", person.handler_id, person.session_id)
    return token


def _end(session: Session, which: ColumnElement[bool]) -> int:
    over = update(HandlerSession).where(which, HandlerSession.ended_at.is_(None)).values(ended_at=now())
    return len(session.scalars(over.returning(HandlerSession.id)).all())


def end_all(session: Session, handler_id: uuid.UUID) -> None:
    """End every session of a person, in the caller's transaction."""
    _end(session, HandlerSession.handler_id == handler_id)


def _tries(email: str, network: str) -> tuple[tuple[str, str, int], ...]:
    return (
        ("sign_in.both", f"{email} {network}", TRIES_BY_ADDRESS_AND_NETWORK),
        ("sign_in.network", network, TRIES_BY_NETWORK),
        ("sign_in.address", email, TRIES_BY_ADDRESS),
    )


def _take_try(email: str, network: str) -> bool:
    """Count a try before it is made, so that of many at once no more than the limit are; False when over.

    A try that is not made counts for nothing: one network alone cannot use up an address for all others.
    """
    tries = _tries(email, network)
    for taken, (what, key, most) in enumerate(tries, start=1):
        if limits.hit(what, key, window=WINDOW) > most:
            _give_back(tries[:taken])
            return False
    return True


def _give_back(tries: Sequence[tuple[str, str, int]]) -> None:
    """Take tries off the count; those who get in count for nothing, however many share an office."""
    for what, key, _most in tries:
        limits.hit(what, key, window=WINDOW, by=-1)
