"""The ways in which people write a number: so that a search finds it in a letter however it stands there."""

from __future__ import annotations

import re
from collections.abc import Iterator

_NUMBER = re.compile(r"[-+(). /0-9]{6,30}")
_COUNTRY = re.compile(r"^(?:0046|46(?=\d{8,9}$))0?")
_NATIONAL_ID = re.compile(r"(18|19|20)?(\d\d(?:0[1-9]|1[0-2])(?:[06][1-9]|[1278]\d|[39][01]))(\d{4})")
# Area codes of two and three digits; all others have four. Mobile numbers begin with 07.
_AREA = re.compile(
    r"08|07\d|010|011|013|016|018|019|02[0136]|031|033|035|036|04[0246]|054|06[03]|077|090|0\d{3}"
)
# How what follows the area code is parted, by how many digits it has.
_PARTS = {5: (3, 2), 6: (2, 2, 2), 7: (3, 2, 2), 8: (3, 3, 2)}


def widened(sought: str) -> str:
    """Return a search for a phone number or personnummer in its usual spellings; others as they are."""
    words = sought.strip()
    if not _NUMBER.fullmatch(words):
        return sought
    digits = re.sub(r"\D", "", words)
    found = [*_national_ids(digits), *_phones(_COUNTRY.sub("0", digits))]
    return " or ".join(dict.fromkeys(f'"{each}"' for each in (words, *found))) if found else sought


def _national_ids(digits: str) -> Iterator[str]:
    match = _NATIONAL_ID.fullmatch(digits)
    if not match:
        return
    century, day, last = match.groups()
    for first in ("", century) if century else ("", "19", "20"):
        for between in ("-", "", " ", "+"):
            yield f"{first}{day}{between}{last}"


def _phones(digits: str) -> Iterator[str]:
    area = _AREA.match(digits)
    if not area or not 8 <= len(digits) <= 10:
        return
    code, own = area.group(), digits[area.end() :]
    yield from (digits, digits[1:], f"{code}-{own}", f"{code} {own}")
    yield from (f"+46{digits[1:]}", f"0046{digits[1:]}", f"+46 {digits[1:]}", f"+46{code[1:]}-{own}")
    parted = " ".join(_part(own))
    for start in (f"{code}-", f"{code} ", f"+46 {code[1:]}-", f"+46 {code[1:]} ", f"+46{code[1:]} "):
        yield f"{start}{parted}"
    for start in (f"+46 (0){code[1:]}-", f"+46 (0){code[1:]} ", f"+46 {code[1:]}-", f"+46 {code[1:]} "):
        yield f"{start}{own}"


def _part(own: str) -> Iterator[str]:
    at = 0
    for size in _PARTS.get(len(own), (len(own),)):
        yield own[at : at + size]
        at += size
