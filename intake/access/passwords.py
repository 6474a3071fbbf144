"""Passwords: argon2id, and what makes one too easy to guess."""

from __future__ import annotations

import re
import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

from config.tables import FOLDER
from intake.codes import TOKEN_ALPHABET

MIN_CHARACTERS = 12
MAX_CHARACTERS = 200
# Of five grades, 0 to 4: so that ten thousand million guesses are not enough.
LEAST_GRADE = 4
# What lies beyond is not weighed: 72 characters that are all signs for letters take seconds of a process.
WEIGHED_CHARACTERS = 32

_hasher = PasswordHasher()


def make_hash(password: str) -> str:
    """Return the argon2id hash of a password (RFC 9106, the second recommended option)."""
    return _hasher.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Say whether a password is the right one; without a stored hash the same work is done in vain."""
    try:
        return _hasher.verify(stored or _decoy(), password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    """Say whether a hash was made with weaker settings than today's."""
    return _hasher.check_needs_rehash(stored)


def new_password() -> str:
    """Make a first password: 20 characters of lower-case base32 in groups of five, 100 random bits."""
    code = "".join(secrets.choice(TOKEN_ALPHABET) for _ in range(20))
    return "-".join(code[start : start + 5] for start in range(0, 20, 5))


def problem_with(password: str, own_words: tuple[str, ...]) -> str | None:
    """Return in Swedish why a new password will not do, or None when it will.

    ``own_words`` are those that belong to the person or the service. No kinds of characters are
    demanded (ASVS 6.2.5): it must be long, and hard to guess for who knows the commonest passwords,
    names and words, keyboards, dates, and how people change them.
    """
    folded = password.casefold()
    if len(password) < MIN_CHARACTERS:
        return f"Lösenordet behöver vara minst {MIN_CHARACTERS} tecken."
    if len(password) > MAX_CHARACTERS:
        return f"Lösenordet får vara högst {MAX_CHARACTERS} tecken."
    own = next((word for word in own_words if _holds(folded, word.casefold())), None)
    if own:
        return f"Lösenordet får inte innehålla ”{own}”: det står i ditt namn eller din adress, eller är vårt."
    if _grade(folded, own_words) < LEAST_GRADE:
        return "Lösenordet är för lätt att gissa. Välj till exempel flera ord som inte hör ihop."
    return None


def _holds(folded: str, word: str) -> bool:
    """Say whether a password holds a word: a long one anywhere, a short one only by itself."""
    return word in folded if len(word) > 5 else len(word) > 3 and word in re.split(r"[\W\d_]+", folded)


def _grade(folded: str, own_words: tuple[str, ...]) -> int:
    known = [word.casefold() for word in own_words] + list(_swedish())
    return int(zxcvbn(folded[:WEIGHED_CHARACTERS], known, max_length=WEIGHED_CHARACTERS)["score"])


@cache
def _decoy() -> str:
    return make_hash(secrets.token_urlsafe())


@cache
def _swedish() -> tuple[str, ...]:
    lines = (FOLDER / "bad_passwords.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line.strip().casefold() for line in lines if line.strip() and not line.startswith("#"))
