"""What a person answers in the form, and which of the answers belong to what was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from config.categories import Category, Choice, ChoiceGroup, Question
from config.languages import SWEDISH
from intake.extensions import settings


@dataclass(frozen=True)
class Answers:
    """What a person has answered so far; None where nothing is answered yet."""

    group: str | None = None
    choice: str | None = None
    place: str | None = None
    municipality: str | None = None
    place_words: str = ""
    heading: str = ""
    text: str = ""
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    wants_receipt: bool = False
    language: str = SWEDISH
    concerns: str | None = None
    happened_words: str = ""
    questions: Mapping[str, str] = field(default_factory=dict)
    may_email: bool = True
    is_neutral: bool = False
    call_words: str = ""
    answer_language: str | None = None
    interpreter: str | None = None

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Answers:
        """Read stored answers; what a newer or older version wrote besides is left alone."""
        known = {known.name for known in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})


def group_of(answers: Answers) -> ChoiceGroup | None:
    """Return what was chosen on the first page."""
    return next((g for g in settings().tables.categories.groups if g.code == answers.group), None)


def choice_of(answers: Answers) -> Choice | None:
    """Return what was chosen on the second page."""
    group = group_of(answers)
    return next((c for c in group.choices if c.code == answers.choice), None) if group else None


def category_of(answers: Answers) -> Category | None:
    """Return the category of what was chosen."""
    choice = choice_of(answers)
    return settings().tables.categories.get(choice.category) if choice else None


def questions(answers: Answers) -> tuple[Question, ...]:
    """Return the questions that belong to what was chosen, in their order."""
    category = category_of(answers)
    return category.questions if category else ()
