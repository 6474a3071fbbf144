"""The provisions by which something may be secret: for marks (OSL 5 kap. 5 §), and for masking copies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from config.reading import TableError

_CODE = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True)
class Provision:
    """Where a provision stands in the law, and what it protects; ``short`` stands in place of the masked."""

    code: str
    short: str
    name: str
    words: str
    # Whether a matter can be marked by it.
    marks: bool


def provisions_in(table: dict[str, Any]) -> tuple[Provision, ...]:
    """Return the provisions of a table, in its order; raises TableError with the cure."""
    try:
        found = tuple(
            Provision(
                code=row["code"],
                short=row["short"].strip(),
                name=row["name"].strip(),
                words=row["words"].strip(),
                marks=row.get("marks", True),
            )
            for row in table["provision"]
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise TableError(f"secrecy.toml: {error} is missing or of the wrong kind.") from error
    if not found:
        raise TableError("secrecy.toml names no provision; a mark must name one.")
    if len({each.code for each in found}) != len(found):
        raise TableError("secrecy.toml: two provisions have the same code; rename one.")
    for each in found:
        if not isinstance(each.code, str) or not _CODE.fullmatch(each.code):
            raise TableError(f"secrecy.toml: {each.code} must be of small letters, digits and _ alone.")
        if not (each.short and each.name and each.words):
            raise TableError(f"secrecy.toml: {each.code} has no short form, no name or no words.")
    return found
