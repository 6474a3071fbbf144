"""The other authorities that a person can be referred to: what they answer for, and what is written of it.

Förvaltningslagen asks that a person is helped on (6 §) and that authorities work together (8 §): so the
right one is suggested, and the message says plainly who it is, why, and what becomes of what was written.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from config.languages import SWEDISH
from config.reading import TableError

# What stands in braces in the message, and is filled in.
PLACEHOLDERS = ("reference", "name", "answers_for", "contact", "handing_on")
_BRACES = re.compile(r"\{([^{}]*)\}")
_CODE = re.compile(r"[a-z0-9_]+")
_WEB = re.compile(r"https://[\w.-]+(/[\w./-]*)?")
_BETWEEN_WORDS = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class OtherAuthority:
    """An authority, by its names and what it answers for in each language of the message.

    It is suggested for ``categories`` and for ``phrases``, each the beginning of what may stand in a
    text. ``read_at`` is the day when its address and number were read at the source, None when nobody has.
    """

    code: str
    names: Mapping[str, str]
    answers_for: Mapping[str, str]
    web: str
    phone: str = ""
    categories: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    read_at: date | None = None

    @property
    def name(self) -> str:
        """The name that handlers read."""
        return self.names[SWEDISH]


@dataclass(frozen=True)
class Wording:
    """The message in one language, with what it says where the person's words stay here, and where not."""

    text: str
    withheld: str
    handed: str


@dataclass(frozen=True)
class Authorities:
    """All that a person can be referred to, and the message that tells of it, by language."""

    all: tuple[OtherAuthority, ...]
    wordings: Mapping[str, Wording]

    def find(self, code: str) -> OtherAuthority | None:
        """Return the authority with this code."""
        return next((each for each in self.all if each.code == code), None)

    def suggest(self, category: str, text: str) -> tuple[OtherAuthority, ...]:
        """Return those that a matter seems to be for, the likeliest first: by words, then by category."""
        folded = f" {fold(text)}"
        hits = {each.code: sum(f" {phrase}" in folded for phrase in each.phrases) for each in self.all}
        fitting = [each for each in self.all if hits[each.code] or category in each.categories]
        return tuple(sorted(fitting, key=lambda each: (-hits[each.code], category not in each.categories)))

    def write(self, code: str, language: str, reference: str, *, is_handed_on: bool) -> str:
        """Write the message to the person, in Swedish where it is not there in the language."""
        known = language if language in self.wordings else SWEDISH
        wording, chosen = self.wordings[known], next(each for each in self.all if each.code == code)
        name = chosen.names.get(known, chosen.name)
        filled = {
            "handing_on": wording.handed if is_handed_on else wording.withheld,
            "contact": "\n".join(line for line in (chosen.web, chosen.phone) if line),
            "answers_for": chosen.answers_for.get(known, chosen.answers_for[SWEDISH]),
            "reference": reference,
            "name": name,
        }
        text = wording.text
        for placeholder, words in filled.items():
            text = text.replace(f"{{{placeholder}}}", words)
        return text


def fold(text: str) -> str:
    """Return a text in small letters, with one blank between its words."""
    return _BETWEEN_WORDS.sub(" ", text.casefold()).strip()


def authorities_in(table: dict[str, Any], categories: Collection[str]) -> Authorities:
    """Return the authorities of a table, in its order; raises TableError with the cure."""
    try:
        found = tuple(_one(row) for row in table.get("authority", []))
        wordings = {code: _wording(row) for code, row in table["message"].items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise TableError(f"authorities.toml: {error} is missing or of the wrong kind.") from error
    if len({each.code for each in found}) != len(found):
        raise TableError("authorities.toml: two authorities have the same code; rename one.")
    if SWEDISH not in wordings:
        raise TableError("authorities.toml has no message in Swedish; write [message.sv].")
    for language, wording in wordings.items():
        _check_wording(language, wording)
    for each in found:
        _check(each, categories)
    return Authorities(found, wordings)


def _one(row: dict[str, Any]) -> OtherAuthority:
    return OtherAuthority(
        code=row["code"],
        names=dict(row["name"]),
        answers_for=dict(row["answers_for"]),
        web=row["web"],
        phone=row.get("phone", ""),
        categories=tuple(row.get("categories", ())),
        phrases=tuple(fold(phrase) for phrase in row.get("phrases", ())),
        read_at=row.get("read_at"),
    )


def _wording(row: dict[str, Any]) -> Wording:
    return Wording(row["text"].strip(), row["withheld"].strip(), row["handed"].strip())


def _check_wording(language: str, wording: Wording) -> None:
    where = f"authorities.toml: the message in {language}"
    for name in _BRACES.findall(f"{wording.text}{wording.withheld}{wording.handed}"):
        if name not in PLACEHOLDERS:
            raise TableError(f"{where} says {{{name}}}; what can stand there is {', '.join(PLACEHOLDERS)}.")
    for name in PLACEHOLDERS:
        if f"{{{name}}}" not in wording.text:
            raise TableError(f"{where} does not say {{{name}}}; put it in.")


def _check(authority: OtherAuthority, categories: Collection[str]) -> None:
    where = f"authorities.toml: {authority.code}"
    if not _CODE.fullmatch(authority.code):
        raise TableError(f"{where} must be of small letters, digits and _ alone.")
    if not authority.names.get(SWEDISH) or not authority.answers_for.get(SWEDISH):
        raise TableError(f"{where} needs name.sv and answers_for.sv.")
    if not _WEB.fullmatch(authority.web):
        raise TableError(f"{where}: web is an address that begins with https://.")
    if authority.read_at is not None and type(authority.read_at) is not date:
        raise TableError(f"{where}: read_at is the day when the source was read, as 2026-10-01.")
    if not all(authority.phrases):
        raise TableError(f"{where} has an empty phrase, which would fit everything; take it away.")
    for category in authority.categories:
        if category not in categories:
            raise TableError(f"{where} names the category {category}, which is not in categories.toml.")
