"""What a matter can be about, in the words of those who ask and of those who answer."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from config.reading import TableError

MOST_CHOICES = 7
MOST_QUESTIONS = 4
# A year has some 250 of them; more than half a year is no time for an answer (FL 12 §).
MOST_ANSWER_DAYS = 125
# What the page about the place asks: where and when something happened, where and when it goes on,
# which part of the country it is about, or nothing.
AsksWhere = Literal["event", "ongoing", "area", "nothing"]


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
    """What a matter can be about; ``unit_kind`` says which unit of the region takes it.

    ``answer_days`` is how many working days a first answer may take. ``asks_who`` says whether the form
    asks whom it concerns, ``asks_where`` what it asks of the place, and ``story`` is the one question that
    needs an answer, None for the general one.
    """

    code: str
    name: str
    unit_kind: str
    priority: int
    regime: str
    secrecy: str
    is_private: bool
    kind: str
    answer_days: int
    questions: tuple[Question, ...] = ()
    story: Question | None = None
    asks_who: bool = True
    asks_where: AsksWhere = "event"


@dataclass(frozen=True)
class Choice:
    """One choice on a page in a person's own words; ``note`` is shown with it, never blocking.

    ``link`` is where else it can be done, and ``link_words`` says what is there.
    """

    code: str
    words: str
    category: str
    note: str = ""
    link: str = ""
    link_words: str = ""


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
                answer_days=row["answer_days"],
                questions=tuple(_question(asked) for asked in row.get("questions", ())),
                story=_question({"code": "text", **row["story"]}) if "story" in row else None,
                asks_who=row.get("asks_who", True),
                asks_where=row.get("asks_where", "event"),
            )
            for row in table["categories"]
        )
        groups = tuple(
            ChoiceGroup(row["code"], row["words"], tuple(Choice(**choice) for choice in row["choices"]))
            for row in table["groups"]
        )
    except (KeyError, TypeError) as error:
        raise TableError(f"categories.toml: {error} is missing or of the wrong kind.") from error
    _check_categories(categories, set(unit_kinds))
    _check_groups(groups, {category.code for category in categories})
    return Categories(categories, groups)


def _check_categories(categories: Iterable[Category], unit_kinds: Container[str]) -> None:
    for category in categories:
        if category.unit_kind not in unit_kinds:
            raise TableError(f"categories.toml: {category.code} names no unit kind of authority.toml.")
        if category.priority not in range(1, 6):
            raise TableError(f"categories.toml: {category.code} must have a priority from 1 to 5.")
        if category.answer_days not in range(1, MOST_ANSWER_DAYS + 1):
            raise TableError(
                f"categories.toml: answer_days of {category.code} must be from 1 to {MOST_ANSWER_DAYS}."
            )
        if category.asks_where not in get_args(AsksWhere):
            raise TableError(
                f"categories.toml: asks_where of {category.code} must be {' or '.join(get_args(AsksWhere))}."
            )
        codes = [question.code for question in category.questions]
        if len(codes) > MOST_QUESTIONS or len(codes) != len(set(codes)):
            raise TableError(
                f"categories.toml: {category.code} must have at most {MOST_QUESTIONS} questions, each with"
                " a code of its own."
            )


def _check_groups(groups: Sequence[ChoiceGroup], categories: Container[str]) -> None:
    for group in groups:
        if max(len(groups), len(group.choices)) > MOST_CHOICES:
            raise TableError(f"categories.toml: at most seven choices a page ({group.code}).")
        for choice in group.choices:
            if choice.category not in categories:
                raise TableError(f"categories.toml: choice {choice.code} names no category.")
            if bool(choice.link) != bool(choice.link_words):
                raise TableError(f"categories.toml: choice {choice.code} needs both link and link_words.")
