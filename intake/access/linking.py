"""Whom of our handlers a sign-in by the organisation belongs to: linked once by address, known by subject."""

from __future__ import annotations

import uuid

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from intake.access import door, provider, sessions
from intake.access.oidc import Answer, AnswerRefused, Identity, Started
from intake.access.person import Person
from intake.models import Handler
from intake.security_log import security, veiled


class NobodyHere(AnswerRefused):
    """The provider knows the person, but nobody here may come in as that person."""


def sign_in(answer: Answer, started: Started, redirect_uri: str, agent: str) -> str:
    """Make a session for who the provider says that it is, and return its token.

    Whoever comes the first time is known by the verified address of an account that was made here; from
    then on by the subject alone, whatever the address becomes and whoever gets it next. Raises
    AnswerRefused (NobodyHere does not tell whether there is such an account) and ProviderAway.
    """
    identity = _redeem(answer, started, redirect_uri)
    handler_id = _find(identity) or _link(identity)
    token = sessions.begin(handler_id, stage="open", agent=agent)
    security.info("sign_in outcome=ok by=provider subject=%s handler=%s", veiled(identity.key), handler_id)
    return token


def prove(answer: Answer, started: Started, redirect_uri: str, person: Person) -> str:
    """Record that the person has just proven who it is, and return the session's next secret.

    Raises as ``sign_in`` does, and NotAllowed when the session is over.
    """
    identity = _redeem(answer, started, redirect_uri)
    if _find(identity) != person.handler_id:
        raise _nobody(identity, "another_person")
    return sessions.prove(person)


def _redeem(answer: Answer, started: Started, redirect_uri: str) -> Identity:
    try:
        return provider.redeem(answer, started, redirect_uri)
    except AnswerRefused as refused:
        security.warning("sign_in outcome=not_believed by=provider why=%r", str(refused))
        raise


def _find(identity: Identity) -> uuid.UUID | None:
    """Find whose subject it is; raise NobodyHere when that one is disabled."""
    asked = select(Handler.id, Handler.disabled_at).where(Handler.subject == identity.key)
    with door.session() as database:
        found = database.execute(asked).one_or_none()
    if found is not None and found.disabled_at is not None:
        raise _nobody(identity, "disabled")
    return found.id if found is not None else None


def _link(identity: Identity) -> uuid.UUID:
    """Link the account that has the verified address, unless it is another subject's or is disabled."""
    email = provider.find_email(identity)
    if email is None:
        raise _nobody(identity, "no_verified_address")
    linked = (
        update(Handler)
        .where(Handler.email == email, Handler.subject.is_(None), Handler.disabled_at.is_(None))
        .values(subject=identity.key)
        .returning(Handler.id)
    )
    try:
        with door.session() as database:
            handler_id = database.scalar(linked)
            database.commit()
    except IntegrityError:
        # The same person, in another tab, was a moment earlier.
        handler_id = None
    if handler_id is None:
        raise _nobody(identity, "unknown")
    security.info("subject_linked subject=%s handler=%s", veiled(identity.key), handler_id)
    return handler_id


def _nobody(identity: Identity, why: str) -> NobodyHere:
    security.warning("sign_in outcome=%s by=provider subject=%s", why, veiled(identity.key))
    return NobodyHere(why)
