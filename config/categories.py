"""What a matter can be about, in the words of those who ask and of those who answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from config.reading import TableError


@dataclass(frozen=True)
class Question:
    """Something that is asked about one kind of matter; an answer is never needed.

    ``choices`` are offered when there are any; else the answer is written, on ``rows`` lines.
    """

    code: str
    words: str
    hint: str = ""
    choices: tuple[str, ...] = ()
    rows: int = 1


@dataclass(frozen=True)
class Category:
    """What a matter can be about; ``unit_kind`` says which unit of the region takes it."""

    code: str
    name: str
    unit_kind: str
    priority: int
    regime: str
    secrecy: str
    is_private: bool
    kind: str
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True)
class Choice:
    """One choice on a page in a person's own words; ``note`` is shown with it, never blocking."""

    code: str
    words: str
    category: str
    note: str = ""


@dataclass(frozen=True)
class ChoiceGroup:
    """One of the first page's choices with the choices it leads to."""

    code: str
    words: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Categories:
    """All categories and the two pages of choices that lead to them."""

    all: tuple[Category, ...]
    groups: tuple[ChoiceGroup, ...]

    def get(self, code: str) -> Category:
        """Return the category with this code; KeyError when there is none."""
        for category in self.all:
            if category.code == code:
                return category
        raise KeyError(code)

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(category.code for category in self.all)


def _question(row: dict[str, Any]) -> Question:
    return Question(**{**row, "choices": tuple(row.get("choices", ()))})


def categories_in(table: dict[str, Any], unit_kinds: Iterable[str]) -> Categories:
    """Read categories.toml; raises TableError when a category or choice leads nowhere."""
    try:
        categories = tuple(
            Category(
                code=row["code"],
                name=row["name"],
                unit_kind=row["unit_kind"],
                priority=row["priority"],
                regime=row["regime"],
                secrecy=row["secrecy"],
                is_private=row.get("private", False),
                kind=row["kind"],
                questions=tuple(_question(asked) for asked in row.get("questions", ())),
            )
            for row in table["categories"]
        )
        groups = tuple(
            ChoiceGroup(row["code"], row["words"], tuple(Choice(**choice) for choice in row["choices"]))
            for row in table["groups"]
        )
    except (KeyError, TypeError) as error:
        raise TableError(f"categories.toml: {error} is missing or of the wrong kind.") from error
    kinds = set(unit_kinds)
    codes = {category.code for category in categories}
    for category in categories:
        if category.unit_kind not in kinds:
            raise TableError(f"categories.toml: {category.code} names no unit kind of authority.toml.")
        if category.priority not in range(1, 6):
            raise TableError(f"categories.toml: {category.code} must have a priority from 1 to 5.")
    for group in groups:
        if len(groups) > 7 or len(group.choices) > 7:
            raise TableError(f"categories.toml: at most seven choices a page ({group.code}).")
        for choice in group.choices:
            if choice.category not in codes:
                raise TableError(f"categories.toml: choice {choice.code} names no category.")
    return Categories(categories, groups)
