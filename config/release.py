"""The provisions by which a copy is masked when it is given out, and how a refusal is appealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from config.reading import TableError
from config.secrecy import Provision


@dataclass(frozen=True)
class Appeal:
    """How whoever was not given everything has that tried."""

    heading: str
    paragraphs: tuple[str, ...]
    items: tuple[str, ...]


@dataclass(frozen=True)
class Release:
    """What the table says; ``protected_by`` and ``inner_by`` are codes of provisions."""

    provisions: tuple[Provision, ...]
    protected_by: str
    inner_by: str
    appeal: Appeal

    def get(self, code: str) -> Provision:
        """Return the provision with this code; KeyError when there is none."""
        return {each.code: each for each in self.provisions}[code]


def release_in(table: dict[str, Any], provisions: Sequence[Provision]) -> Release:
    """Return what a table says, with the provisions that there are; raises TableError with the cure."""
    try:
        told = table["appeal"]
        appeal = Appeal(told["heading"].strip(), tuple(told["paragraphs"]), tuple(told["items"]))
        found = Release(tuple(provisions), table["protected_by"], table["inner_by"], appeal)
    except (AttributeError, KeyError, TypeError) as error:
        raise TableError(f"release.toml: {error} is missing or of the wrong kind.") from error
    for code in (found.protected_by, found.inner_by):
        if code not in [each.code for each in provisions]:
            raise TableError(
                f"release.toml: {code} is the code of no provision in secrecy.toml; name one that is."
            )
    if not appeal.heading or not appeal.paragraphs:
        raise TableError("release.toml: appeal needs a heading and paragraphs.")
    return found
