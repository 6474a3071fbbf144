"""The rule that finds signs: what two matters may have in common, such as a telephone number or an IBAN.

Each sign is a kind and a digest, so that what is kept tells nobody a number or an address; what is written
in many ways (spaces, country codes, capital letters) is one sign.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Literal
from urllib.parse import urlsplit

Kind = Literal["iban", "phone", "email", "web", "word"]

# What is read of a text, and how much of each kind is kept: a list of a thousand numbers is not a sign.
TEXT_CHARACTERS = 100_000
MOST_OF_A_KIND = 20
# Of the words of a text the longest say most: in Swedish they are compounds.
MOST_WORDS, SHORTEST_WORD = 8, 6

_PHONE = re.compile(r"(?<![\w-])(?:\+|00?|\(0)\d(?:[\s().\-/]{0,2}\d){5,13}(?!\w)")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,6}[^\W\d_]{2,24}(?![\w-])")
_WEB = re.compile(
    r"(?<![\w@.-])(?:(?:https?://|www\.)[^\s<>\"'”]{4,300}|(?:[\w-]{1,63}\.){1,4}[a-z]{2,24}/[^\s<>\"'”]{0,300})",
    re.IGNORECASE,
)
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?:[ \xa0-]?[A-Z0-9]){11,30}")
# How people write an address so that nobody opens it by mistake.
_DISARMED = (("hxxp", "http"), ("[.]", "."), ("(.)", "."), ("[:]", ":"))
_IBAN_CHARACTERS = {
    "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20, "ES": 24,
    "FI": 18, "FR": 27, "GB": 22, "GE": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26, "IT": 27,
    "LT": 20, "LU": 20, "LV": 21, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "RS": 22,
    "SE": 24, "SI": 19, "SK": 24, "TR": 26, "UA": 29,
}  # fmt: skip
# On these anybody's page may lie: only a whole address says something.
_SHARED_HOSTS = frozenset((
    "1177.se", "apple.com", "bankid.com", "bit.ly", "blocket.se", "discord.com", "discord.gg",
    "drive.google.com", "dropbox.com", "facebook.com", "forms.gle", "github.com", "gmail.com",
    "goo.gl", "google.com", "google.se", "hemnet.se", "hotmail.com", "icloud.com", "instagram.com",
    "linkedin.com", "m.facebook.com", "maps.google.com", "microsoft.com", "outlook.com",
    "paypal.com", "polisen.se", "postnord.se", "reddit.com", "skatteverket.se", "snapchat.com",
    "t.co", "t.me", "telegram.me", "tiktok.com", "tinyurl.com", "tradera.com", "twitter.com",
    "vinted.se", "wa.me", "whatsapp.com", "wikipedia.org", "x.com", "youtu.be", "youtube.com",
))  # fmt: skip


def of_text(text: str, stems: Iterable[str], own_hosts: Collection[str]) -> frozenset[str]:
    """Return the signs in what somebody writes; ``stems`` are its words without their endings.

    What lies in ``own_hosts`` is ours, and stands in every answer.
    """
    said = text[:TEXT_CHARACTERS]
    for written, meant in _DISARMED:
        said = said.replace(written, meant)
    # What stands in an account is no telephone number.
    elsewhere = _IBAN.sub(lambda match: "" if match[0][:2] in _IBAN_CHARACTERS else match[0], said)
    found: dict[Kind, Iterator[str]] = {
        "iban": _ibans(said),
        "phone": (_phone(match[0]) for match in _PHONE.finditer(elsewhere)),
        "email": (_email(match[0], own_hosts) for match in _EMAIL.finditer(said)),
        "web": (_web(match[0], own_hosts) for match in _WEB.finditer(said)),
    }
    signs = {sign for kind, values in found.items() for sign in _signs(kind, values)}
    return frozenset(signs | {_sign("word", word) for word in _rare(stems)})


def of_contact(email: str | None, phone: str | None) -> frozenset[str]:
    """Return the signs in how somebody can be reached."""
    emails, phones = iter([_email(email or "", ())]), iter([_phone(phone or "")])
    return frozenset({*_signs("email", emails), *_signs("phone", phones)})


def _signs(kind: Kind, values: Iterator[str]) -> set[str]:
    first = dict.fromkeys(value for value in values if value)
    return {_sign(kind, value) for value in list(first)[:MOST_OF_A_KIND]}


def _sign(kind: Kind, value: str) -> str:
    return f"{kind}:{hashlib.sha256(f'{kind} {value}'.encode()).hexdigest()[:32]}"


def _phone(written: str) -> str:
    """Return a number with its country, "" for what is none; one without a country is Swedish."""
    digits = re.sub(r"\D", "", written)
    if written.lstrip("( ").startswith("+") or digits.startswith("00"):
        digits = digits.removeprefix("00")
        digits = "46" + digits.removeprefix("460") if digits.startswith("460") else digits
    elif digits.startswith("0"):
        digits = f"46{digits[1:]}"
    else:
        return ""
    return digits if 8 <= len(digits) <= 15 else ""


def _email(written: str, own_hosts: Collection[str]) -> str:
    address = written.strip().casefold()
    return "" if "@" not in address or _is_own(address.rpartition("@")[2], own_hosts) else address


def _web(written: str, own_hosts: Collection[str]) -> str:
    """Return an address's host, with the path where pages of all may lie on it; "" where it says nothing."""
    address = written.rstrip(".,:;!?)]}'*_")
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        host = (parts.hostname or "").removeprefix("www.").rstrip(".")
    except ValueError:
        return ""
    if "." not in host or _is_own(host, own_hosts):
        return ""
    if host not in _SHARED_HOSTS:
        return host
    path = parts.path.rstrip("/")
    return f"{host}{path}?{parts.query}" if path else ""


def _is_own(host: str, own_hosts: Collection[str]) -> bool:
    return any(host == own or host.endswith(f".{own}") for own in own_hosts)


def _ibans(said: str) -> Iterator[str]:
    for match in _IBAN.finditer(said):
        written = re.sub(r"[ \xa0-]", "", match[0])
        account = written[: _IBAN_CHARACTERS.get(written[:2], 0)]
        if account and len(account) == _IBAN_CHARACTERS[written[:2]] and _is_checked(account):
            yield account


def _is_checked(account: str) -> bool:
    """Say whether an IBAN's check digits are right (ISO 13616: the remainder by 97 is 1)."""
    return int("".join(str(int(character, 36)) for character in account[4:] + account[:4])) % 97 == 1


def _rare(stems: Iterable[str]) -> list[str]:
    words = {stem for stem in stems if len(stem) >= SHORTEST_WORD and stem.isalpha()}
    return sorted(words, key=lambda word: (-len(word), word))[:MOST_WORDS]
