"""The texts that a handler can begin an answer with: for which matters, and in which languages."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from config.languages import SWEDISH
from config.reading import TableError

# What stands in braces in a text, and is filled in from the matter.
PLACEHOLDERS = ("reference",)
_BRACES = re.compile(r"\{([^{}]*)\}")
_CODE = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True)
class ReplyTemplate:
    """A text to begin with, by language. ``categories`` are those that it is offered for; none: for all."""

    code: str
    name: str
    texts: Mapping[str, str]
    categories: tuple[str, ...] = ()

    def fits(self, category: str) -> bool:
        """Say whether it is offered for a matter of this category."""
        return not self.categories or category in self.categories


def replies_in(table: dict[str, Any], categories: Collection[str]) -> tuple[ReplyTemplate, ...]:
    """Return the templates of a table, in its order; raises TableError with the cure."""
    try:
        found = tuple(_one(row) for row in table.get("reply", []))
    except (AttributeError, KeyError, TypeError) as error:
        raise TableError(f"replies.toml: {error} is missing or of the wrong kind.") from error
    if len({each.code for each in found}) != len(found):
        raise TableError("replies.toml: two replies have the same code; rename one.")
    for each in found:
        _check(each, categories)
    return found


def fill(text: str, reference: str) -> str:
    """Put what a matter has in the place of what stands in braces."""
    return text.replace("{reference}", reference)


def _one(row: dict[str, Any]) -> ReplyTemplate:
    texts = {language: text.strip() for language, text in row["text"].items()}
    return ReplyTemplate(row["code"], row["name"], texts, tuple(row.get("categories", ())))


def _check(template: ReplyTemplate, categories: Collection[str]) -> None:
    where = f"replies.toml: {template.code}"
    if not _CODE.fullmatch(template.code):
        raise TableError(f"{where} must be of small letters, digits and _ alone.")
    if not template.texts.get(SWEDISH):
        raise TableError(f"{where} has no text in Swedish; give it text.sv.")
    for category in template.categories:
        if category not in categories:
            raise TableError(f"{where} names the category {category}, which is not in categories.toml.")
    for text in template.texts.values():
        for name in _BRACES.findall(text):
            if name not in PLACEHOLDERS:
                raise TableError(f"{where} says {{{name}}}; what can stand there is {{reference}}.")
