"""The forms of the citizen's pages: what they ask, and what they refuse."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any

from wtforms import BooleanField, EmailField, MultipleFileField, StringField, TelField, TextAreaField
from wtforms.validators import ValidationError

from config.categories import AsksWhere, Category, ChoiceGroup, Question
from config.geography import Geography, Municipality
from config.languages import AnswerLanguage
from intake.citizen.fields import (
    EMAIL_CHARACTERS,
    Form,
    OneOf,
    OpenForm,
    PageForm,
    at_most,
    clean_line,
    clean_text,
    is_email,
    offered_or_none,
)
from intake.extensions import settings
from intake.languages import _, later

TEXT_CHARACTERS = 20_000
HEADING_CHARACTERS = 200
PLACE_CHARACTERS = 500
ANSWER_CHARACTERS = 2_000
NAME_CHARACTERS = 200
PHONE_CHARACTERS = 50
LANGUAGE_CHARACTERS = 100
OTHER_LANGUAGE = "other"

CONCERNS = (
    ("self", later("Mig själv")),
    ("other", later("Någon annan, till exempel ett barn, en anhörig eller en granne")),
    ("unsaid", later("Vet inte eller vill inte säga")),
)
PLACES = (
    ("municipality", later("I en kommun i Sverige")),
    ("words", later("Jag kan beskriva platsen, men vet inte kommunen")),
    ("online", later("På nätet, i telefonen eller på posten")),
    ("abroad", later("Utomlands")),
    ("unknown", later("Vet inte, eller det gäller ingen plats")),
)
AREAS = (
    ("municipality", later("En viss kommun")),
    ("unknown", later("Hela landet, eller vet inte")),
)
WHERE: dict[AsksWhere, tuple[Any, Any]] = {
    "event": (later("Var och när hände det?"), later("När hände det?")),
    "ongoing": (later("Var och när händer det?"), later("När händer det?")),
    "area": (later("Vilken del av landet gäller det?"), ""),
}
MAIL = (
    ("yes", later("Ja")),
    (
        "neutral",
        later("Ja, men skriv inget om ärendet i mejlet"),
        later("Du får bara veta att det finns ett svar, och läser det på statussidan."),
    ),
    ("no", later("Nej, mejla inte")),
)
INTERPRETERS = (
    ("", later("Behövs inte")),
    ("spoken", later("Tolk till språket ovan")),
    ("sign", later("Teckenspråkstolk")),
    ("other", later("Annan hjälp, till exempel skrivtolk eller dövblindtolk")),
)
CHOOSE = later("Välj det som passar bäst. Passar inget kan du välja det sista.")
_POSTCODE = re.compile(r"\d{3} ?\d{2}")


class BeginForm(OpenForm):
    """Begin a draft, perhaps with a text whose own draft is gone."""

    heading = StringField(later("Rubrik"), filters=[clean_line])
    text = TextAreaField(later("Det du skrev"), filters=[clean_text], validators=[at_most(TEXT_CHARACTERS)])


class GroupForm(Form):
    """What it is about, first page."""

    group = OneOf(later("Vad gäller det?"))

    def offer(self, groups: Sequence[ChoiceGroup]) -> None:
        self.group.offered = [(group.code, _(group.words)) for group in groups]

    def validate_group(self, field: Any) -> None:
        if field.data not in field.values:
            raise ValidationError(CHOOSE)


class ChoiceForm(Form):
    """What it is about, second page."""

    choice = OneOf(later("Vad passar bäst?"))

    def offer(self, group: ChoiceGroup) -> None:
        self.choice.offered = [
            (choice.code, _(choice.words), _(choice.note) if choice.note else "") for choice in group.choices
        ]

    def validate_choice(self, field: Any) -> None:
        if field.data not in field.values:
            raise ValidationError(CHOOSE)


class ConcernsForm(PageForm):
    """Whom it concerns; nobody needs to say."""

    concerns = OneOf(later("Gäller det dig själv eller någon annan?"), CONCERNS, validators=[offered_or_none])

    def said(self) -> dict[str, Any]:
        return {"concerns": self.concerns.data}


class PlaceForm(PageForm):
    """Where and when it happened."""

    exact = ("municipality",)

    place = OneOf(WHERE["event"][0], PLACES)
    municipality = StringField(later("Kommun eller postnummer"), filters=[clean_line])
    place_words = StringField(
        later("Platsen med egna ord"), filters=[clean_line], validators=[at_most(PLACE_CHARACTERS)]
    )
    happened_words = StringField(
        WHERE["event"][1], filters=[clean_line], validators=[at_most(PLACE_CHARACTERS)]
    )

    @property
    def found(self) -> Municipality | None:
        """The municipality that is meant, None when none is or it is not known."""
        if self.place.data != "municipality":
            return None
        return find_municipality(settings().tables.geography, self.municipality.data or "")

    def said(self) -> dict[str, Any]:
        return {
            "place": self.place.data,
            "municipality": self.found.code if self.found else None,
            "place_words": self.place_words.data,
            "happened_words": self.happened_words.data,
        }

    def ask(self, where: AsksWhere) -> None:
        """Ask what fits the kind of matter."""
        heading, when = WHERE[where]
        self.place.label.text = heading
        self.happened_words.label.text = when
        self.place.offered = AREAS if where == "area" else PLACES

    def validate_place(self, field: Any) -> None:
        if field.data is None and self.municipality.data:
            field.data = "municipality"
        if field.data not in field.values:
            raise ValidationError(_("Välj var det hände eller gäller. Det går bra att välja Vet inte."))

    def validate_municipality(self, field: Any) -> None:
        if self.place.data == "municipality" and self.found is None:
            raise ValidationError(_not_found(settings().tables.geography, field.data))

    def validate_place_words(self, field: Any) -> None:
        if self.place.data == "words" and not field.data:
            raise ValidationError(_("Beskriv platsen: en gata, en skylt eller något i närheten."))


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


def _not_found(geography: Geography, words: str) -> Any:
    if not words:
        return _("Skriv kommunens namn eller ett postnummer. Vet du inte kan du välja något annat ovan.")
    if _POSTCODE.fullmatch(words):
        return _("Vi känner inte igen postnumret. Skriv kommunens namn i stället.")
    names = {municipality.name.casefold(): municipality.name for municipality in geography.municipalities}
    near = [names[name] for name in difflib.get_close_matches(words.casefold(), names, n=3, cutoff=0.7)]
    if near:
        meant = _(" eller ").join(near)
        return _("Vi hittar ingen kommun med det namnet. Menade du %(names)s?", names=meant)
    return _(
        "Vi hittar ingen kommun med det namnet. Skriv kommunens namn eller ett postnummer med fem siffror."
    )


class StoryForm(PageForm):
    """What happened. ``has_files`` says that files alone would do, ``asked`` which fields are questions."""

    text = TextAreaField(
        later("Vad har hänt, eller vad vill du?"),
        filters=[clean_text],
        validators=[at_most(TEXT_CHARACTERS)],
    )
    heading = StringField(later("Rubrik"), filters=[clean_line], validators=[at_most(HEADING_CHARACTERS)])
    has_files = False
    asked: tuple[tuple[Question, str], ...] = ()

    def said(self) -> dict[str, Any]:
        """Return the story, and what is said to each question by its code."""
        heading = {"heading": self.heading.data} if self.heading else {}
        answers = {question.code: self[name].data or "" for question, name in self.asked}
        return {"text": self.text.data, "questions": answers, **heading}

    def validate_text(self, field: Any) -> None:
        if not field.data and not self.has_files:
            raise ValidationError(_("Skriv vad som har hänt eller vad du vill. Några ord räcker."))


def story_form(category: Category | None) -> type[StoryForm]:
    """Return the form for the story of a category, with its own questions."""
    questions = category.questions if category else ()
    asked = tuple((question, f"svar_{question.code}") for question in questions)
    fields: dict[str, Any] = {name: _field_of(question) for question, name in asked}
    return type("AskedStoryForm", (StoryForm,), {"asked": asked, **fields})


def _field_of(question: Question) -> Any:
    if question.choices:
        # The answer is kept in the words of the authority, whatever language it was chosen in.
        offered = [(words, _(words)) for words in question.choices]
        return OneOf(_(question.words), offered, validators=[offered_or_none])
    kind, clean = (StringField, clean_line) if question.rows == 1 else (TextAreaField, clean_text)
    return kind(_(question.words), filters=[clean], validators=[at_most(ANSWER_CHARACTERS)])


class FilesForm(Form):
    """Files to add; each is judged on its own."""

    files = MultipleFileField(later("Välj en eller flera filer"))

    def say_stale(self) -> str:
        """Say that the files did not come with the old page."""
        return str(_("Sidan hade blivit för gammal, så filerna kom inte med. Välj dem igen, så går det."))


class ContactForm(PageForm):
    """How we may reach the person; nothing of it is needed."""

    exact = ("email", "wants_receipt", "other_language")

    name = StringField(later("Namn"), filters=[clean_line], validators=[at_most(NAME_CHARACTERS)])
    email = EmailField(later("E-post"), filters=[lambda words: (words or "").strip(" ")])
    mail = OneOf(later("Får vi mejla dig?"), MAIL, validators=[offered_or_none])
    wants_receipt = BooleanField(
        later("Mejla mig en bekräftelse när det har kommit in"), false_values=(False, "false", "", "nej")
    )
    phone = TelField(later("Telefon"), filters=[clean_line], validators=[at_most(PHONE_CHARACTERS)])
    call_words = StringField(
        later("När och hur kan vi ringa?"), filters=[clean_line], validators=[at_most(PLACE_CHARACTERS)]
    )
    answer_language = OneOf(later("På vilket språk vill du ha svar?"), validators=[offered_or_none])
    other_language = StringField(
        later("Vilket språk?"), filters=[clean_line], validators=[at_most(LANGUAGE_CHARACTERS)]
    )
    interpreter = OneOf(later("Behöver du tolk när vi pratar?"), INTERPRETERS, validators=[offered_or_none])

    def offer(self, languages: Sequence[AnswerLanguage]) -> None:
        """Offer languages by the names that those who speak them know."""
        self.answer_language.offered = [
            ("", _("Välj ett språk")),
            *((language.code, _name_of(language)) for language in languages),
            (OTHER_LANGUAGE, _("Ett annat språk")),
        ]

    def said(self) -> dict[str, Any]:
        """Return the answers: nobody is mailed who does not want to be.

        A receipt goes to no address that is about to be another.
        """
        mail = self.mail.data or "yes"
        language = self.answer_language.data or None
        if language == OTHER_LANGUAGE or (self.other_language.data and not language):
            language = self.other_language.data or OTHER_LANGUAGE
        return {
            "name": self.name.data or None,
            "email": self.email.data or None,
            "phone": self.phone.data or None,
            "call_words": self.call_words.data,
            "may_email": mail != "no",
            "is_neutral": mail == "neutral",
            "wants_receipt": bool(self.wants_receipt.data) and mail != "no" and not self.email.errors,
            "answer_language": language,
            "interpreter": self.interpreter.data or None,
        }

    def validate_email(self, field: Any) -> None:
        if field.data and (len(field.data) > EMAIL_CHARACTERS or not is_email(field.data)):
            raise ValidationError(_("E-postadressen ser inte rätt ut. Skriv den som namn@exempel.se."))

    def validate_wants_receipt(self, field: Any) -> None:
        if field.data and not self.email.data:
            raise ValidationError(_("Skriv din e-postadress, så vet vi vart bekräftelsen ska."))


def _name_of(language: AnswerLanguage) -> str:
    known = str(_(language.words))
    return language.name if known.casefold() == language.name.casefold() else f"{language.name} ({known})"


class ButtonForm(Form):
    """A button alone."""
