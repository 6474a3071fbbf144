"""Words that staff are asked to think about once more, and why: a warning, never a hindrance."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from config.reading import TableError

# ``note``: what handlers write to each other. ``told``: what is written to a citizen.
Where = Literal["note", "told"]
_PLACES: dict[str, tuple[Where, ...]] = {"note": ("note",), "told": ("told",), "both": ("note", "told")}
_CODE = re.compile(r"[a-z0-9_]+")
# A word with what holds it together within: ``bl.a``, ``cp-skadad``.
_WORD = re.compile(r"\w+(?:[.:/-]\w+)*")


@dataclass(frozen=True)
class Found:
    """A word as it was written, and why it is worth a thought."""

    word: str
    why: str


@dataclass(frozen=True)
class StyleRule:
    """Words, in which texts they are looked for, and why; ``regions`` are whose rule it is, none: all.

    A word that ends with ``*`` stands for all that begin so. One with a capital letter is found only where
    it is written so.
    """

    code: str
    why: str
    where: tuple[Where, ...]
    words: tuple[str, ...]
    regions: tuple[str, ...] = ()

    def fits(self, where: Where, region: str | None) -> bool:
        """Say whether it is about such a text in a matter of this region."""
        return where in self.where and (not self.regions or region in self.regions)


def style_in(table: dict[str, Any], regions: Collection[str]) -> tuple[StyleRule, ...]:
    """Return the rules of a table, in its order; raises TableError with the cure."""
    try:
        found = tuple(_one(row) for row in table.get("rule", []))
    except (AttributeError, KeyError, TypeError) as error:
        raise TableError(f"style.toml: {error} is missing or of the wrong kind.") from error
    if len({rule.code for rule in found}) != len(found):
        raise TableError("style.toml: two rules have the same code; rename one.")
    for rule in found:
        _check(rule, regions)
    return found


def find_words(
    rules: Iterable[StyleRule], text: str, where: Where, region: str | None = None
) -> tuple[Found, ...]:
    """Return what a text says that one of the rules is about, each word once."""
    said = f" {' '.join(_WORD.findall(text))} "
    found: dict[str, Found] = {}
    for rule in rules:
        for word in rule.words if rule.fits(where, region) else ():
            if written := _find(word, said):
                found.setdefault(written.casefold(), Found(written, rule.why))
    return tuple(found.values())


def _find(word: str, said: str) -> str:
    """Return a word as it stands in what is said, whose words have one space around each; or nothing."""
    # Casefold could change the length, and with it where the word stands.
    looked_in = said.lower() if word == word.lower() else said
    at = looked_in.find(f" {word.removesuffix('*')}" if word.endswith("*") else f" {word} ")
    return said[at + 1 : said.index(" ", at + len(word.removesuffix("*")) + 1)] if at >= 0 else ""


def _one(row: dict[str, Any]) -> StyleRule:
    if not isinstance(row["words"], list):
        raise TypeError("words")
    # As they are found in a text: "bl.a." without its last point.
    words = tuple(
        " ".join(_WORD.findall(word)) + ("*" if word.endswith("*") else "") for word in row["words"]
    )
    where, regions = _PLACES.get(row.get("where", "both"), ()), tuple(row.get("regions", ()))
    return StyleRule(row["code"], row["why"].strip(), where, words, regions)


def _check(rule: StyleRule, regions: Collection[str]) -> None:
    where = f"style.toml: {rule.code}"
    if not _CODE.fullmatch(rule.code):
        raise TableError(f"{where} must be of small letters, digits and _ alone.")
    if not rule.why:
        raise TableError(f"{where} does not say why; write it in why.")
    if not rule.where:
        raise TableError(f"{where} has a where that is none of note, told and both.")
    if not rule.words or not all(word.removesuffix("*") for word in rule.words):
        raise TableError(f"{where} has no words, or one that is empty.")
    for region in rule.regions:
        if region not in regions:
            raise TableError(f"{where} names the region {region}, which is not in authority.toml.")
