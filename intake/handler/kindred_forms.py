"""The forms by which a matter is split, its outcome told, and linked with another."""

from __future__ import annotations

import uuid
from contextlib import suppress

from wtforms import SelectMultipleField, StringField, TextAreaField

from intake.handler.forms import (
    TEXT_CHARACTERS,
    ActForm,
    ChoiceField,
    at_most,
    line_of,
    listed,
    needed,
    reason_field,
    text_of,
)
from intake.matters.arrive import SUBJECT_CHARACTERS

BY_RULE = [("", "Låt regeln bedöma")]
USUAL = [("", "Där ärendetypen brukar stå")]


class IdsField(SelectMultipleField):
    """Boxes that are ticked, each by an id; the template draws them."""

    @property
    def ids(self) -> tuple[uuid.UUID, ...]:
        """The ids that were sent; what is none is left out."""
        found = []
        for each in self.data or ():
            with suppress(ValueError):
                found.append(uuid.UUID(each))
        return tuple(found)


class SplitForm(ActForm):
    """What the new matter is about, what goes along, and where it is to stand."""

    about = StringField(
        "Vad gäller det nya ärendet?",
        filters=[line_of],
        validators=[needed("Skriv kort vad det nya ärendet gäller."), at_most(SUBJECT_CHARACTERS)],
    )
    messages = IdsField("Meddelanden som kopieras dit", validate_choice=False)
    attached = IdsField("Filer som kopieras dit", validate_choice=False)
    words = TextAreaField("Beskriv med egna ord", filters=[text_of], validators=[at_most(TEXT_CHARACTERS)])
    category = ChoiceField("Ärendetyp", filters=[line_of], validators=[listed("Välj en ärendetyp i listan.")])
    unit = ChoiceField("Enhet", filters=[line_of], validators=[listed("Välj en enhet i listan.")])


class OutcomeForm(ActForm):
    """What a part of a matter came to."""

    outcome_words = TextAreaField(
        "Besked till huvudärendet",
        filters=[text_of],
        validators=[needed("Skriv vad det blev av den här delen."), at_most(TEXT_CHARACTERS)],
    )


class LinkForm(ActForm):
    """The reference of a matter that belongs with this one, and why."""

    other = StringField(
        "Det andra ärendets kvittensnummer",
        filters=[line_of],
        validators=[needed("Skriv det andra ärendets nummer.")],
    )
    why_linked = reason_field("Varför hör de ihop?", "Skriv kort varför ärendena hör ihop.")
