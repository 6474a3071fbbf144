"""Words sealed at rest by keys that are made of the handlers' secrets: the newest seals, all of them open."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from intake.errors import CannotUnseal
from intake.extensions import settings


def derived(secret: str, purpose: str) -> bytes:
    """Make 32 bytes of a secret for one purpose (HKDF-SHA256, RFC 5869); they tell nothing of another's."""
    return HKDF(SHA256(), 32, salt=None, info=purpose.encode()).derive(secret.encode())


def seal(words: str, purpose: str) -> str:
    """Seal words by the newest key, so that a copy of the database alone does not tell them."""
    return _ring(purpose).encrypt(words.encode()).decode("ascii")


def unseal(sealed: str, purpose: str) -> str:
    """Return the words that were sealed for this purpose by any of the keys; raise CannotUnseal."""
    try:
        return _ring(purpose).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise CannotUnseal(purpose) from None


def sealed_anew(sealed: str, purpose: str) -> str:
    """Return the same words sealed by the newest key, so that older ones can go; raise CannotUnseal."""
    try:
        return _ring(purpose).rotate(sealed.encode()).decode("ascii")
    except InvalidToken:
        raise CannotUnseal(purpose) from None


def _ring(purpose: str) -> MultiFernet:
    secrets = settings().secret_keys["handler"]
    if not secrets:
        raise CannotUnseal(purpose)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(derived(secret, purpose))) for secret in secrets])
