"""The fields of the citizen's pages: what they are called, what is cleaned and what is refused."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    EmailField,
    MultipleFileField,
    StringField,
    TelField,
    TextAreaField,
)
from wtforms.validators import ValidationError

from config.categories import Choice, ChoiceGroup
from config.geography import Geography, Municipality
from intake.extensions import settings

STALE = "Sidan hade blivit för gammal. Det du skrev finns kvar här. Tryck en gång till, så går det."
STALE_FILES = "Sidan hade blivit för gammal, så filerna kom inte med. Välj dem igen, så går det."
TEXT_CHARACTERS = 20_000
HEADING_CHARACTERS = 200
PLACE_CHARACTERS = 500
NAME_CHARACTERS = 200
PHONE_CHARACTERS = 50
EMAIL_CHARACTERS = 254

PLACES = (
    ("municipality", "I en kommun i Sverige"),
    ("words", "Jag kan beskriva platsen, men vet inte kommunen"),
    ("online", "På nätet, i telefonen eller på posten"),
    ("abroad", "Utomlands"),
    ("unknown", "Vet inte, eller det gäller ingen plats"),
)
_EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[^\s@<>\[\]()\\,;:\"]+\.[^\s@<>\[\]()\\,;:\".]{2,}", re.I)
_CONTROL = dict.fromkeys(
    code for code in range(160) if unicodedata.category(chr(code)) == "Cc" and chr(code) not in "\n\t"
)
_POSTCODE = re.compile(r"\d{3} ?\d{2}")


def clean_text(words: str | None) -> str:
    """Return a text with plain line ends and without NUL and other control characters."""
    plain = (words or "").replace("\r\n", "\n").replace("\r", "\n")
    return plain.translate(_CONTROL).strip()


def clean_line(words: str | None) -> str:
    """Return one line: control characters and line ends are spaces, and spaces are single."""
    return " ".join(clean_text(words).split())


def at_most(characters: int) -> Any:
    """Refuse more characters than so; what was written stays in its field."""

    def check(_form: Any, field: Any) -> None:
        if len(field.data or "") > characters:
            limit, length = _grouped(characters), _grouped(len(field.data))
            raise ValidationError(f"Högst {limit} tecken får plats. Nu är det {length}. Korta texten lite.")

    return check


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", "\N{NO-BREAK SPACE}")


class OneOf(StringField):
    """One of a few choices, each a value and its words."""

    def __init__(self, label: str = "", offered: Sequence[tuple[str, str]] = (), **options: Any) -> None:
        super().__init__(label, **options)
        self.offered = offered

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take what was chosen, None when nothing was."""
        self.data = valuelist[0] if valuelist else None


class Form(FlaskForm):  # type: ignore[misc]
    """A form with a token; a stale token is one more error, and nothing that was filled in is lost."""

    stale = STALE

    def validate(self, extra_validators: Any = None) -> bool:
        """Check the fields and the token."""
        is_right = bool(super().validate(extra_validators))
        if "csrf_token" in self.errors:
            self.csrf_token.errors = [self.stale]
        return is_right


class OpenForm(FlaskForm):  # type: ignore[misc]
    """A form without a token: it changes nothing that anybody has."""

    class Meta:
        csrf = False


class BeginForm(OpenForm):
    """Begin a draft, perhaps with a text whose own draft is gone."""

    heading = StringField("Rubrik", filters=[clean_line])
    text = TextAreaField("Det du skrev", filters=[clean_text], validators=[at_most(TEXT_CHARACTERS)])


class GroupForm(Form):
    """What it is about, first page."""

    group = OneOf("Vad gäller det?")

    def offer(self, groups: Sequence[ChoiceGroup]) -> None:
        self.group.offered = [(group.code, group.words) for group in groups]

    def validate_group(self, field: Any) -> None:
        if field.data not in dict(field.offered):
            raise ValidationError("Välj det som passar bäst. Passar inget kan du välja det sista.")


class ChoiceForm(Form):
    """What it is about, second page."""

    choice = OneOf("Vad passar bäst?")

    def offer(self, group: ChoiceGroup) -> None:
        self.choice.offered = [(choice.code, _with_note(choice)) for choice in group.choices]

    def validate_choice(self, field: Any) -> None:
        if field.data not in dict(field.offered):
            raise ValidationError("Välj det som passar bäst. Passar inget kan du välja det sista.")


def _with_note(choice: Choice) -> str:
    return f"{choice.words}. {choice.note}" if choice.note else choice.words


class PlaceForm(Form):
    """Where it happened; ``found`` is the municipality that was meant."""

    place = OneOf("Var hände det, eller var gäller det?", PLACES)
    municipality = StringField("Kommun eller postnummer", filters=[clean_line])
    place_words = StringField(
        "Platsen med egna ord", filters=[clean_line], validators=[at_most(PLACE_CHARACTERS)]
    )
    found: Municipality | None = None

    def validate_place(self, field: Any) -> None:
        if field.data is None and self.municipality.data:
            field.data = "municipality"
        if field.data not in dict(PLACES):
            raise ValidationError("Välj var det hände eller gäller. Det går bra att välja Vet inte.")

    def validate_municipality(self, field: Any) -> None:
        if self.place.data != "municipality" and (self.place.data or not field.data):
            return
        geography = settings().tables.geography
        self.found = find_municipality(geography, field.data)
        if self.found is None:
            raise ValidationError(_not_found(geography, field.data))

    def validate_place_words(self, field: Any) -> None:
        if self.place.data == "words" and not field.data:
            raise ValidationError("Beskriv platsen: en gata, en skylt eller något i närheten.")


def find_municipality(geography: Geography, words: str) -> Municipality | None:
    """Find the one municipality that a name, a postcode or a place in just one municipality means."""
    found = geography.find_by_name(words) or geography.find_by_postcode(words)
    if found or not words:
        return found
    meant = {
        code
        for name in geography.names
        if name.name.casefold() == words.casefold()
        for code in name.municipalities
    }
    return geography.municipality(meant.pop()) if len(meant) == 1 else None


def _not_found(geography: Geography, words: str) -> str:
    if not words:
        return "Skriv kommunens namn eller ett postnummer. Vet du inte kan du välja något annat ovan."
    if _POSTCODE.fullmatch(words):
        return "Vi känner inte igen postnumret. Skriv kommunens namn i stället."
    names = {municipality.name.casefold(): municipality.name for municipality in geography.municipalities}
    near = [names[name] for name in difflib.get_close_matches(words.casefold(), names, n=3, cutoff=0.7)]
    if near:
        return f"Vi hittar ingen kommun med det namnet. Menade du {' eller '.join(near)}?"
    return "Vi hittar ingen kommun med det namnet. Skriv kommunens namn eller ett postnummer med fem siffror."


class StoryForm(Form):
    """What happened. ``has_files`` says that files alone would do."""

    heading = StringField("Rubrik", filters=[clean_line], validators=[at_most(HEADING_CHARACTERS)])
    text = TextAreaField(
        "Vad har hänt, eller vad vill du?", filters=[clean_text], validators=[at_most(TEXT_CHARACTERS)]
    )
    has_files = False

    def validate_text(self, field: Any) -> None:
        if not field.data and not self.has_files:
            raise ValidationError("Skriv vad som har hänt eller vad du vill. Några ord räcker.")


class FilesForm(Form):
    """Files to add; each is judged on its own."""

    stale = STALE_FILES
    files = MultipleFileField("Välj en eller flera filer")


class ContactForm(Form):
    """How we may reach the person; nothing of it is needed."""

    name = StringField("Namn", filters=[clean_line], validators=[at_most(NAME_CHARACTERS)])
    email = EmailField("E-post", filters=[lambda words: (words or "").strip(" ")])
    wants_receipt = BooleanField("Ja, mejla mig en bekräftelse", false_values=(False, "false", "", "nej"))
    phone = TelField("Telefon", filters=[clean_line], validators=[at_most(PHONE_CHARACTERS)])

    def validate_email(self, field: Any) -> None:
        if field.data and (len(field.data) > EMAIL_CHARACTERS or not is_email(field.data)):
            raise ValidationError("E-postadressen ser inte rätt ut. Skriv den som namn@exempel.se.")

    def validate_wants_receipt(self, field: Any) -> None:
        if field.data and not self.email.data:
            raise ValidationError("Skriv din e-postadress, så vet vi vart bekräftelsen ska.")


def is_email(words: str) -> bool:
    """Say whether something has the shape of one address: no line ends, spaces or second address."""
    return words.isprintable() and _EMAIL.fullmatch(words) is not None and ".." not in words


class ButtonForm(Form):
    """A button alone."""


class StatusForm(OpenForm):
    """A reference and its status code; looking changes nothing."""

    reference = StringField("Kvittensnummer", filters=[clean_line])
    code = StringField("Statuskod", filters=[clean_line])

    def validate_reference(self, field: Any) -> None:
        if not field.data:
            raise ValidationError("Skriv numret från kvittot, till exempel K7RX-3M9P.")

    def validate_code(self, field: Any) -> None:
        if not field.data:
            raise ValidationError("Skriv statuskoden från kvittot: sexton tecken i fyra grupper.")
