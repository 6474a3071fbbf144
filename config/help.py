"""What is answered at once when a person has told what happened: when, and with what words."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from config.reading import TableError


@dataclass(frozen=True)
class Help:
    """An answer in a line or two, and how to reach those who can help.

    It fits when every condition that it names does: ``flag`` of the routing rule, ``categories`` that
    were chosen or found, ``phrases`` in the text, written as in routing.toml. ``page`` is one of ours.
    """

    code: str
    words: str
    source: str
    read_at: date
    flag: str | None = None
    categories: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    is_urgent: bool = False
    phones: tuple[str, ...] = ()
    page: str = ""
    link_words: str = ""


def help_in(table: dict[str, Any], categories: Collection[str]) -> tuple[Help, ...]:
    """Return the answers of a table, the urgent first; raises TableError with the cure."""
    try:
        found = [_one(row) for row in table.get("help", [])]
    except (KeyError, TypeError) as error:
        raise TableError(f"help.toml: {error} is missing or of the wrong kind.") from error
    codes = [each.code for each in found]
    if len(codes) != len(set(codes)):
        raise TableError("help.toml: two answers have the same code; rename one.")
    for each in found:
        _check(each, categories)
    return tuple(sorted(found, key=lambda each: not each.is_urgent))


def _one(row: dict[str, Any]) -> Help:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in row.items()
    }
    return Help(is_urgent=values.pop("urgent", False), **values)


def _check(answer: Help, categories: Collection[str]) -> None:
    where = f"help.toml: {answer.code}"
    if not answer.code.isalnum():
        raise TableError(f"{where} must be of letters and digits alone.")
    if not (answer.flag or answer.categories or answer.phrases):
        raise TableError(f"{where} fits everything; give it a flag, categories or phrases.")
    for category in answer.categories:
        if category not in categories:
            raise TableError(f"{where} names the category {category}, which is not in categories.toml.")
    if (answer.page[:1] == "/") != bool(answer.link_words):
        raise TableError(f"{where}: page is a path of ours (/folj), and link_words say where it leads.")
    if answer.is_urgent and not answer.phones:
        raise TableError(f"{where} is urgent, so it needs phones.")
    if type(answer.read_at) is not date:
        raise TableError(f"{where}: read_at is the day when the source was read, as 2026-10-01.")
