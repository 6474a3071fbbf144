"""The provisions by which a copy is masked when it is given out, and how a refusal is appealed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from config.reading import TableError

_CODE = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True)
class Provision:
    """A provision: ``short`` stands where something is masked, ``name`` and ``words`` in the list of it."""

    code: str
    short: str
    name: str
    words: str


@dataclass(frozen=True)
class Appeal:
    """How whoever was not given everything has that tried."""

    heading: str
    paragraphs: tuple[str, ...]
    items: tuple[str, ...]


@dataclass(frozen=True)
class Release:
    """What the table says; ``protected_by`` and ``inner_by`` are codes of its provisions."""

    provisions: tuple[Provision, ...]
    protected_by: str
    inner_by: str
    appeal: Appeal

    def get(self, code: str) -> Provision:
        """Return the provision with this code; KeyError when there is none."""
        return {each.code: each for each in self.provisions}[code]


def release_in(table: dict[str, Any]) -> Release:
    """Return what a table says; raises TableError with the cure."""
    try:
        rows = [
            tuple(row[name].strip() for name in ("code", "short", "name", "words"))
            for row in table["provision"]
        ]
        told = table["appeal"]
        appeal = Appeal(told["heading"].strip(), tuple(told["paragraphs"]), tuple(told["items"]))
        found = Release(
            tuple(Provision(*row) for row in rows), table["protected_by"], table["inner_by"], appeal
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise TableError(f"release.toml: {error} is missing or of the wrong kind.") from error
    codes = [each.code for each in found.provisions]
    if len(set(codes)) != len(codes):
        raise TableError("release.toml: two provisions have the same code; rename one.")
    for row in rows:
        if not all(row) or not _CODE.fullmatch(row[0]):
            raise TableError(f"release.toml: {row[0]} lacks words, or is not of small letters, digits and _.")
    for code in (found.protected_by, found.inner_by):
        if code not in codes:
            raise TableError(f"release.toml: {code} is the code of no provision; name one that is.")
    if not appeal.heading or not appeal.paragraphs:
        raise TableError("release.toml: appeal needs a heading and paragraphs.")
    return found
