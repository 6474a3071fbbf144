"""The second factor: a code that an app shows for half a minute (RFC 6238), or one of the saved codes."""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid

import pyotp
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from intake import codes, keys
from intake.access import door
from intake.errors import CannotUnseal, NotAllowed
from intake.extensions import now, settings
from intake.models import Handler, RecoveryCode
from intake.security_log import security

PURPOSE = "TOTP secret"
STEP_SECONDS = 30
# A clock may be half a minute off, either way.
STEPS_OFF = (0, -1, 1)
RECOVERY_CODES = 10

_DIGITS = re.compile(r"\d{6}")
WRONG = "Koden stämmer inte. Vänta tills appen visar en ny, och skriv den."


def new_secret() -> str:
    """Make the secret of a second factor: 160 random bits in base32 (RFC 4226, section 4)."""
    return pyotp.random_base32()


def link(secret: str, email: str) -> str:
    """Return what an app reads out of a QR code to begin showing codes."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=settings().tables.authority.name)


def enrol(session: Session, handler: Handler, secret: str, code: str) -> tuple[str, ...]:
    """Let a secret be a person's second factor, in the caller's transaction; return new recovery codes.

    Raises NotAllowed unless ``code`` shows that the app has the secret; it does not sign in once more.
    """
    step = _step_of(secret, code, None)
    if step is None:
        raise NotAllowed(WRONG)
    handler.totp_secret, handler.totp_step = keys.seal(secret, PURPOSE), step
    return _new_codes(session, handler.id)


def renew_codes(handler_id: uuid.UUID) -> tuple[str, ...]:
    """Make new recovery codes in place of all older ones, commit, and return them, told only now."""
    with door.session() as session:
        made = _new_codes(session, handler_id)
        session.commit()
    security.info("recovery_codes_renewed handler=%s", handler_id)
    return made


def is_from_app(code: str) -> bool:
    """Say whether a code looks like an app's, and not like a saved one."""
    return bool(_DIGITS.fullmatch("".join(code.split())))


def is_right(session: Session, handler: Handler, code: str) -> bool:
    """Say whether a code is the person's own, and use it up, in the door's transaction.

    The caller holds the handler's row, so that of two who show the same code one is refused.
    """
    if handler.totp_secret is None:
        return False
    if is_from_app(code):
        try:
            secret = keys.unseal(handler.totp_secret, PURPOSE)
        except CannotUnseal:
            security.error("factor_lost handler=%s", handler.id)
            return False
        step = _step_of(secret, code, handler.totp_step)
        handler.totp_step = step or handler.totp_step
        return step is not None
    return _is_saved_code(session, handler.id, code)


def count_codes(handler_id: uuid.UUID) -> int:
    """Return how many recovery codes a person has left."""
    left = select(RecoveryCode).where(RecoveryCode.handler_id == handler_id, RecoveryCode.used_at.is_(None))
    with door.session() as session:
        return len(session.scalars(left).all())


def forget(session: Session, handler_id: uuid.UUID) -> None:
    """Take a person's second factor away, in the caller's transaction; the next sign-in asks for one."""
    gone = update(Handler).where(Handler.id == handler_id).values(totp_secret=None, totp_step=None)
    session.execute(gone)
    session.execute(delete(RecoveryCode).where(RecoveryCode.handler_id == handler_id))


def seal_factors_anew() -> int:
    """Seal every second factor by the newest key, commit, and return how many there are."""
    with door.session() as session:
        enrolled = select(Handler).where(Handler.totp_secret.is_not(None)).with_for_update()
        handlers = session.scalars(enrolled).all()
        for handler in handlers:
            try:
                handler.totp_secret = keys.sealed_anew(str(handler.totp_secret), PURPOSE)
            except CannotUnseal:
                # It opens nothing as it is; its person needs `intake forget-factor`, and the others go on.
                security.error("factor_lost handler=%s", handler.id)
        session.commit()
    return len(handlers)


def _step_of(secret: str, code: str, last_step: int | None) -> int | None:
    """Return the step of time to which a code belongs; None for a wrong one, or one not after the last."""
    typed = "".join(code.split())
    here = int(now().timestamp()) // STEP_SECONDS
    for step in (here + off for off in STEPS_OFF):
        is_new = last_step is None or step > last_step
        if is_new and pyotp.utils.strings_equal(pyotp.TOTP(secret).generate_otp(step), typed):
            return step
    return None


def _new_codes(session: Session, handler_id: uuid.UUID) -> tuple[str, ...]:
    session.execute(delete(RecoveryCode).where(RecoveryCode.handler_id == handler_id))
    made = tuple(_new_code() for _ in range(RECOVERY_CODES))
    session.add_all(
        RecoveryCode(handler_id=handler_id, code_hash=_hash(code), created_at=now()) for code in made
    )
    return made


def _is_saved_code(session: Session, handler_id: uuid.UUID, code: str) -> bool:
    saved = select(RecoveryCode).where(
        RecoveryCode.handler_id == handler_id,
        RecoveryCode.code_hash == _hash(code),
        RecoveryCode.used_at.is_(None),
    )
    found = session.scalar(saved.with_for_update())
    if found is None:
        return False
    found.used_at = now()
    security.warning("recovery_code_used handler=%s", handler_id)
    return True


def _new_code() -> str:
    """Make a code of 25 characters in groups of five, some 120 random bits (ASVS 6.5.2)."""
    code = "".join(secrets.choice(codes.ALPHABET) for _ in range(25))
    return "-".join(code[start : start + 5] for start in range(0, 25, 5))


def _hash(code: str) -> str:
    """Return the digest of a code, however its letters and groups were typed."""
    typed = "".join(char for char in code.upper() if char.isalnum())
    return hashlib.sha256(typed.encode()).hexdigest()
