"""What a handler chooses to withhold from a copy, as the form sends it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wtforms import HiddenField, TextAreaField

from config.release import Release
from intake.handler.forms import ChoiceField, Form, at_most, text_of
from intake.matters.masking import Choices, Part
from intake.paper import printable

SAME = ("", "Samma som överst")
WORDS_CHARACTERS = 5_000
_AT = re.compile(r"(\d{1,5})\.(\d{1,5})\.(\d{1,5})", re.ASCII)
# Each is looked for in the whole matter.
MOST_WORDS, MOST_PASSAGES = 100, 500
_TOO_MANY = f"Högst {MOST_WORDS} egna ord och {MOST_PASSAGES} kryss får plats. Utelämna hela delar i stället."
_NO_PROVISION = "Välj en bestämmelse: något ska maskeras eller utelämnas."


class ReleaseForm(Form):
    """The provisions and the words; what is ticked is read beside it (``Ticked``)."""

    seen = HiddenField("Granskad")
    by = ChoiceField("Bestämmelse, där inget annat väljs", validators=[])
    found_by = ChoiceField("Bestämmelse för förslagen", validators=[])
    words = TextAreaField(
        "Egna ord och namn, ett på varje rad", filters=[text_of], validators=[at_most(WORDS_CHARACTERS)]
    )
    words_by = ChoiceField("Bestämmelse för de egna orden", validators=[])

    def offer(self, table: Release) -> None:
        """Offer the table's provisions in every list."""
        listed = [(each.code, f"{each.short}: {each.words}") for each in table.provisions]
        self.by.offered = [("", "Välj en bestämmelse"), *listed]
        self.found_by.offered = self.words_by.offered = [SAME, *listed]


@dataclass(frozen=True)
class Ticked:
    """What is ticked: suggested words, parts to leave out, passages, and provisions by part."""

    found: frozenset[str]
    out: frozenset[int]
    passages: frozenset[tuple[int, int, int]]
    by: Mapping[int, str]


def suggested(parts: Sequence[Part], found: Sequence[str], table: Release) -> Ticked:
    """Return what is ticked to begin with: all words that were found, and what is inner."""
    inner = frozenset(at for at, part in enumerate(parts) if part.is_inner)
    return Ticked(frozenset(found), inner, frozenset(), dict.fromkeys(inner, table.inner_by))


def read(posted: Mapping[str, Sequence[str]], parts: Sequence[Part]) -> Ticked:
    """Read what was ticked; what stands in none of these parts is no choice."""
    at = (_AT.fullmatch(value) for value in _of("mask-", posted))
    passages = {(int(each[1]), int(each[2]), int(each[3])) for each in at if each}
    left_out = frozenset(_of("out-", posted))
    out = {number for number in range(len(parts)) if str(number) in left_out}
    by = {number: posted[f"by-{number}"][0] for number in range(len(parts)) if f"by-{number}" in posted}
    return Ticked(
        frozenset(_of("found-", posted)),
        frozenset(out),
        frozenset(each for each in passages if _is_there(parts, *each)),
        {number: code for number, code in by.items() if code},
    )


def _of(beginning: str, posted: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the values of all boxes whose names begin so."""
    return [value for name, values in posted.items() if name.startswith(beginning) for value in values]


def _is_there(parts: Sequence[Part], part: int, piece: int, passage: int) -> bool:
    if part >= len(parts) or piece >= len(parts[part].pieces):
        return False
    return passage < len(parts[part].pieces[piece].passages)


def choices(
    form: ReleaseForm, ticked: Ticked, found: Sequence[str], table: Release, always: Sequence[str]
) -> Choices | None:
    """Return what is withheld, ``always`` masked too; None, with a complaint, where it cannot be."""
    codes = {each.code for each in table.provisions}
    own = [printable(line).strip() for line in (form.words.data or "").splitlines() if line.strip()]
    if len(own) > MOST_WORDS or len(ticked.passages) > MOST_PASSAGES:
        form.form_errors.append(_TOO_MANY)
        return None
    words = [(each, form.found_by.data or form.by.data or "") for each in found if each in ticked.found]
    words += [(each, form.words_by.data or form.by.data or "") for each in own if each]
    of_part = {
        at: ticked.by.get(at) or form.by.data or "" for at in ticked.out | {at for at, *_ in ticked.passages}
    }
    if {*of_part.values(), *(code for _, code in words)} - codes:
        form.by.errors = [_NO_PROVISION]
        return None
    return Choices(
        left_out={at: of_part[at] for at in ticked.out},
        passages={each: of_part[each[0]] for each in ticked.passages},
        words=(*words, *((each, table.protected_by) for each in always)),
    )
