"""A thought before it is saved: words that the authority asks its own people to look at once more.

It warns and never hinders: what was written stands in its form again, and is kept as it is by one more
press. What has been warned of once is not warned of again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import request

from config.style import Found, Where, find_words
from intake.extensions import settings
from intake.handler import forms

# By the act: the field in which something is written, and for whom.
WRITTEN: Mapping[str, tuple[str, Where]] = {
    "reply": ("text", "told"),
    "ask_supplement": ("asked", "told"),
    "tell_delay": ("delay", "told"),
    "write_note": ("note", "note"),
    "close": ("closing", "note"),
    "sort": ("why", "note"),
    "mark_secrecy": ("secrecy_reason", "note"),
    "lift_secrecy": ("lift_reason", "note"),
}
# What the page sends back with the words that it has warned of.
ANYWAY = "anyway"


@dataclass(frozen=True)
class Warned:
    """What is warned of in the form of an act; ``anyway`` says so when it is sent once more."""

    act: str
    field: str
    found: tuple[Found, ...]

    @property
    def anyway(self) -> str:
        """All of the words, as they are sent back."""
        return ",".join(each.word.casefold() for each in self.found)


def look(form: forms.ActForm, act: str, region: str | None) -> Warned | None:
    """Return what is worth a thought in what was written for an act; None when nothing is, or no more."""
    if act not in WRITTEN:
        return None
    name, where = WRITTEN[act]
    found = find_words(settings().tables.style, form[name].data or "", where, region)
    warned = Warned(act, name, found)
    known = request.form.get(ANYWAY, "").split(",")
    return None if set(warned.anyway.split(",")) <= {"", *known} else warned
