"""The languages that citizens' pages can be shown in, and those that an answer can be asked for in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from config.reading import TableError

SWEDISH = "sv"


@dataclass(frozen=True)
class Language:
    """A language: its code (BCP 47), what it calls itself, and how it is written.

    A language that is not ``is_full`` is a draft until somebody has reviewed it.
    """

    code: str
    name: str
    direction: str = "ltr"
    is_full: bool = False
    reviewed_by: str = ""
    reviewed_at: str = ""

    @property
    def is_draft(self) -> bool:
        return not (self.is_full or self.reviewed_by)


@dataclass(frozen=True)
class AnswerLanguage:
    """A language that a person may ask for an answer in; ``words`` is its name in Swedish.

    ``has_right`` where a national minority has a right to use it with authorities (lag 2009:724 8 §).
    """

    code: str
    name: str
    words: str
    has_right: bool = False


def answer_languages_in(table: dict[str, Any]) -> tuple[AnswerLanguage, ...]:
    """Read which languages an answer may be asked for in, of languages.toml."""
    try:
        return tuple(AnswerLanguage(**row) for row in table["answer_languages"])
    except (KeyError, TypeError) as error:
        raise TableError(f"languages.toml: {error} is missing or of the wrong kind.") from error


def languages_in(table: dict[str, Any]) -> tuple[Language, ...]:
    """Read languages.toml; raises TableError when Swedish is not the first."""
    try:
        languages = tuple(
            Language(
                code=row["code"],
                name=row["name"],
                direction=row.get("direction", "ltr"),
                is_full=row.get("full", False),
                reviewed_by=row.get("reviewed_by", ""),
                reviewed_at=row.get("reviewed_at", ""),
            )
            for row in table["languages"]
        )
    except (KeyError, TypeError) as error:
        raise TableError(f"languages.toml: {error} is missing or of the wrong kind.") from error
    if not languages or languages[0].code != SWEDISH:
        raise TableError("languages.toml: the first language must be sv, in which the texts are written.")
    return languages
