"""References, status codes and address tokens: how they are made, written and recognised.

The reference opens nothing. The status code may read, the address token may only write; both
are random, so none of the three can be derived from another.
"""

from __future__ import annotations

import hashlib
import re
import secrets

# GOV.UK Forms' alphabet: no 0 1 I O Q U Z. Its length is prime, so that the weighted check
# character finds every single wrong character and every swap of two neighbours.
ALPHABET = "23456789ABCDEFGHJKLMNPRSTVWXY"
TOKEN_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"  # noqa: S105 (an alphabet, no token)
TOKEN_LENGTH = 20
# The local part of the envelope address to which a letter of ours comes back: studs+<token>.
BOUNCE_LOCAL = "studs"
_REFERENCE = re.compile(rf"\b([{ALPHABET}]{{4}})-?([{ALPHABET}]{{4}})\b", re.IGNORECASE)
_DIARY_NUMBER = re.compile(r"(?:dnr:?\s*)?([A-Z])\s?(\d[\d.\s]{0,14})/\s?(\d{4})", re.IGNORECASE)


def new_reference() -> str:
    """Make a reference: seven random characters and a check character, as ``K7RX-3M9P``."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(7))
    whole = body + _check_character(body)
    return f"{whole[:4]}-{whole[4:]}"


def compact(words: str) -> str:
    """Return what a person typed as it is compared: spaces, hyphens and case are free."""
    return "".join(words.split()).replace("-", "").upper()


def read_reference(words: str) -> str | None:
    """Return the reference that a person typed, in its written form, or None if it is not one."""
    typed = compact(words)
    if len(typed) != 8 or any(character not in ALPHABET for character in typed):
        return None
    if _check_character(typed[:7]) != typed[7]:
        return None
    return f"{typed[:4]}-{typed[4:]}"


def references_in(text: str) -> tuple[str, ...]:
    """Return the valid references that stand in a short text such as a subject, in order."""
    found = (read_reference("".join(match.groups())) for match in _REFERENCE.finditer(text[:1000]))
    return tuple(dict.fromkeys(reference for reference in found if reference))


def _check_character(body: str) -> str:
    total = sum((index + 2) * ALPHABET.index(character) for index, character in enumerate(body))
    return ALPHABET[total % len(ALPHABET)]


def new_status_code() -> str:
    """Make a status code: 16 random characters in groups of four."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(16))
    return "-".join(code[start : start + 4] for start in range(0, 16, 4))


def read_code(words: str) -> str | None:
    """Return a status or resume code that a person typed, in its written form, or None if it is not one."""
    typed = compact(words)
    if len(typed) != 16 or any(character not in ALPHABET for character in typed):
        return None
    return "-".join(typed[start : start + 4] for start in range(0, 16, 4))


def hash_code(code: str) -> str:
    """Return the SHA-256 under which a status code is stored, however it was typed.

    The code holds 77 random bits, so a plain digest is as good as a slow one.
    """
    return hashlib.sha256(compact(code).encode()).hexdigest()


def new_token() -> str:
    """Make an address token: 20 characters of lower-case base32, 100 random bits."""
    return "".join(secrets.choice(TOKEN_ALPHABET) for _ in range(TOKEN_LENGTH))


def is_token(words: str) -> bool:
    """Say whether something has the shape of an address token."""
    return len(words) == TOKEN_LENGTH and all(character in TOKEN_ALPHABET for character in words)


def read_diary_number(words: str) -> tuple[str, int, int] | None:
    """Return the series, year and number of a diary number as a person typed it, or None if it is not one."""
    match = _DIARY_NUMBER.fullmatch(words.strip())
    number = int(re.sub(r"\D", "", match[2])) if match else 0
    return (match[1].upper(), int(match[3]), number) if match and number else None


def diary_number(series: str, year: int, number: int) -> str:
    """Write a diary number: ``M004.200/2026``, and ``M1.000.000/2026`` past a million."""
    grouped = f"{number:,}".replace(",", ".") if number > 999_999 else f"{number:06d}"
    if number <= 999_999:
        grouped = f"{grouped[:3]}.{grouped[3:]}"
    return f"{series}{grouped}/{year}"
