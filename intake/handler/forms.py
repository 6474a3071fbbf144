"""The forms of the handlers' side: what is asked, what is cleaned and what is refused."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from operator import itemgetter
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    EmailField,
    FileField,
    HiddenField,
    MultipleFileField,
    PasswordField,
    StringField,
    TextAreaField,
)
from wtforms.validators import Optional, ValidationError

from config.tables import Tables
from intake.handler.journal import Sought
from intake.handler.words import OUTCOMES, PRIORITIES
from intake.letters.charsets import clean_label, clean_text
from intake.matters.incoming import IncomingFile

STALE = "Sidan hade blivit för gammal. Inget är ändrat. Tryck en gång till, så går det."
Choices = Sequence[tuple[str, ...]] | Mapping[str, Sequence[tuple[str, str]]]
TEXT_CHARACTERS = 20_000
REASON_CHARACTERS = 2_000
SOUGHT_CHARACTERS = 1_000
NATIONAL = "Nationellt"
# What a template leaves to the handler (replies.toml).
GAP = re.compile(r"\[fyll i\b[^\]]*\]")


def text_of(words: str | None) -> str:
    """Return a text with plain line ends and without control characters."""
    return clean_text(words or "").strip()


def line_of(words: str | None) -> str:
    """Return one line, cut at twice of what is allowed so that the check can still tell."""
    return clean_label(words or "", 2 * REASON_CHARACTERS)


def sought_of(words: str | None) -> str:
    """Return what is looked for; more than fits into a search is left out."""
    return clean_label(words or "", SOUGHT_CHARACTERS)


def needed(words: str) -> Any:
    """Demand that something is filled in, and say so in these words."""

    def check(_form: Any, field: Any) -> None:
        if not field.data:
            raise ValidationError(words)

    return check


def at_most(characters: int) -> Any:
    """Refuse a longer text; what was written stays in its field."""

    def check(_form: Any, field: Any) -> None:
        length = len(field.data or "")
        if length > characters:
            raise ValidationError(f"Högst {characters} tecken får plats. Nu är det {length}.")

    return check


def without_gaps() -> Any:
    """Refuse a text in which something of a template is still to be filled in."""

    def check(_form: Any, field: Any) -> None:
        if gap := GAP.search(field.data or ""):
            raise ValidationError(f"Byt ut ”{gap[0]}” mot dina egna ord, eller ta bort det.")

    return check


class ChoiceField(StringField):
    """One of ``offered``: (value, words), or groups of them by name; the template draws it."""

    def __init__(self, label: str, validators: list[Any], offered: Choices = (), **kwargs: Any) -> None:
        super().__init__(label, validators, **kwargs)
        self.offered = offered


class DayField(StringField):
    """A day, as browsers send it (2026-11-22)."""

    @property
    def day(self) -> date | None:
        """The day, None when there is none; only asked for once the field is valid."""
        return date.fromisoformat(self.data) if self.data else None


def a_day() -> Any:
    """Refuse what is no day of the calendar."""

    def check(_form: Any, field: Any) -> None:
        try:
            field.day  # noqa: B018 (reading it is the check)
        except ValueError:
            raise ValidationError("Skriv en dag så här: 2026-11-22.") from None

    return check


def listed(words: str) -> Any:
    """Refuse a choice that is not on the list, in these words."""

    def check(_form: Any, field: Any) -> None:
        groups = field.offered.values() if isinstance(field.offered, Mapping) else [field.offered]
        if field.data not in {choice[0] for group in groups for choice in group}:
            raise ValidationError(words)

    return check


class Form(FlaskForm):  # type: ignore[misc]
    """A form with a token of its own: a stale one is one more error, and what was written stays."""

    def validate(self, extra_validators: Any = None) -> bool:
        """Check all fields; say in plain words when the token is too old."""
        is_valid = bool(super().validate(extra_validators))
        if getattr(self, "csrf_token", None) is not None and self.csrf_token.errors:
            self.csrf_token.errors = [STALE]
        return is_valid


class SignInForm(Form):
    """E-mail and password."""

    email = EmailField("E-postadress", [needed("Skriv din e-postadress."), at_most(254)])
    password = PasswordField("Lösenord", [needed("Skriv ditt lösenord."), at_most(1000)])


class CodeForm(Form):
    """A code of the second factor, or one of the saved codes."""

    code = StringField("Kod", [needed("Skriv koden."), at_most(40)])


class DecideForm(Form):
    """Yes or no to what takes two persons."""

    decision = ChoiceField(
        "Beslut", offered=[("ja", "Godkänn"), ("nej", "Avslå")], validators=[listed("Välj ett beslut.")]
    )


class ActForm(Form):
    """An act on a matter, with the version that was on the screen."""

    version = HiddenField("Version")

    def validate_version(self, field: Any) -> None:
        """Demand the number that the page was made with."""
        if not (field.data or "").isdecimal() or len(field.data) > 9:
            raise ValidationError("Sidan är ofullständig. Ladda om den och försök igen.")

    @property
    def seen_version(self) -> int:
        """The version that was on the screen; only asked for once the form is valid."""
        return int(self.version.data or 0)


def reason_field(label: str, missing: str) -> StringField:
    """Make a field for why something is done, which must be said; ``missing`` asks for it."""
    return StringField(label, filters=[line_of], validators=[needed(missing), at_most(REASON_CHARACTERS)])


class AssignForm(ActForm):
    """Who the matter is given to."""

    to = ChoiceField("Ge ärendet till", validators=[listed("Välj en kollega i listan.")])

    @property
    def handler_id(self) -> uuid.UUID:
        """The chosen colleague; only asked for once the form is valid."""
        return uuid.UUID(self.to.data)


class KeepsFiles:
    """The fields of a form with files, of which those chosen before are carried on under a seal."""

    files = MultipleFileField("Filer", [Optional()])
    # ``kept_files`` is what the seal holds, for the page.
    kept = HiddenField("Valda filer")
    kept_files: tuple[IncomingFile, ...] = ()
    drop = BooleanField("Ta bort de filer som redan är valda")


class ReplyForm(KeepsFiles, ActForm):
    """What the citizen is answered."""

    text = TextAreaField(
        "Svar",
        filters=[text_of],
        validators=[needed("Skriv ett svar."), at_most(TEXT_CHARACTERS), without_gaps()],
    )
    template = ChoiceField("Färdig text", validators=[])
    is_told = BooleanField("Visa svaret på statussidan", default=True)


class NoteForm(ActForm):
    """What only handlers read."""

    note = TextAreaField(
        "Anteckning",
        filters=[text_of],
        validators=[needed("Skriv en anteckning."), at_most(TEXT_CHARACTERS)],
    )


class CloseForm(ActForm):
    """How a matter ends."""

    outcome = ChoiceField(
        "Hur avslutas ärendet?",
        offered=list(OUTCOMES.items()),
        validators=[listed("Välj hur ärendet avslutas.")],
    )
    closing = StringField(
        "Kommentar",
        filters=[line_of],
        validators=[at_most(REASON_CHARACTERS)],
    )


class SortForm(ActForm):
    """Category and priority by hand."""

    category = ChoiceField("Ärendetyp", validators=[listed("Välj en ärendetyp i listan.")])
    priority = ChoiceField(
        "Prioritet",
        offered=[(str(number), words) for number, words in PRIORITIES.items()],
        validators=[listed("Välj en prioritet i listan.")],
    )
    why = StringField(
        "Varför ändras det?",
        filters=[line_of],
        validators=[at_most(REASON_CHARACTERS)],
    )


class SupplementForm(ActForm):
    """What the citizen is asked to send, and by which day."""

    asked = TextAreaField(
        "Vad behöver kompletteras?",
        filters=[text_of],
        validators=[needed("Skriv vad som behöver kompletteras."), at_most(TEXT_CHARACTERS)],
    )
    deadline = DayField("Senast den", validators=[a_day()])


class DelayForm(ActForm):
    """Why the answer takes longer."""

    delay = TextAreaField(
        "Varför dröjer det, och hur länge?",
        filters=[text_of],
        validators=[needed("Skriv varför det dröjer."), at_most(TEXT_CHARACTERS)],
    )


class RegisterForm(Form):
    """A letter that came some other way, and the inbox it belongs in."""

    unit = ChoiceField("Enhet", validators=[listed("Välj en enhet i listan.")])
    letter = FileField("Brevet")

    def validate_letter(self, field: Any) -> None:
        """Demand a file."""
        if not field.data or not field.data.filename:
            raise ValidationError("Välj brevet, sparat som .eml eller .msg.")


class JournalForm(FlaskForm):  # type: ignore[misc]
    """What is looked for in the journal of letters; it changes nothing, so it needs no token."""

    class Meta:
        csrf = False

    adress = StringField("Vår adress", filters=[line_of])
    sha = StringField("SHA-256", filters=[line_of])
    id = StringField("Message-ID", filters=[line_of])
    fran = DayField("Från och med", validators=[a_day()])
    till = DayField("Till och med", validators=[a_day()])
    odda = BooleanField("Bara brev med anmärkning")

    def validate_sha(self, field: Any) -> None:
        """Demand a whole digest."""
        if field.data and not re.fullmatch(r"[0-9a-fA-F]{64}", field.data):
            raise ValidationError("SHA-256 ska vara 64 tecken, 0–9 och a–f.")

    def sought(self) -> Sought:
        """Return what is looked for; only asked for once the form is valid."""
        return Sought(
            address=self.adress.data or "",
            digest=self.sha.data or "",
            message_id=self.id.data or "",
            since=self.fran.day,
            until=self.till.day,
            only_problems=self.odda.data,
        )

    def asked(self) -> dict[str, str]:
        """Return what was filled in, for the address of the next page."""
        return {name: str(field.data) for name, field in self._fields.items() if field.data}


class OpenFileForm(Form):
    """The one act before an original; ``verdict`` is what the person was told of it."""

    verdict = HiddenField("Kontroll")
    reason = StringField(
        "Varför behöver du öppna filen?",
        filters=[line_of],
        validators=[at_most(REASON_CHARACTERS)],
    )


class ExportForm(Form):
    """Why a whole matter is taken out."""

    reason = reason_field("Varför exporteras ärendet?", "Skriv varför ärendet exporteras.")


class SearchForm(Form):
    """What is looked for, in one's own matters or in all, and why where it looks like a person."""

    q = StringField("Ord eller kvittensnummer", filters=[sought_of])
    mina = BooleanField("Bara ärenden som är mina")
    reason = StringField("Varför söker du?", filters=[line_of], validators=[at_most(REASON_CHARACTERS)])

    @property
    def was_asked(self) -> bool:
        """Whether the page that was sent had asked why."""
        return bool(self.reason.raw_data)


class ProtectedForm(Form):
    """Why protected contact details are opened."""

    reason = reason_field("Varför behöver du se uppgifterna?", "Skriv varför du behöver se uppgifterna.")


def unit_choices(tables: Tables, but: str) -> dict[str, list[tuple[str, str]]]:
    """Return every unit by region, except the one where the matter stands."""
    groups: dict[str, list[tuple[str, str]]] = {}
    names = {region.code: region.name for region in tables.authority.regions}
    for unit in tables.authority.units:
        if unit.code != but:
            groups.setdefault(names.get(unit.region or "", NATIONAL), []).append((unit.code, unit.name))
    return groups


def category_choices(tables: Tables) -> list[tuple[str, str]]:
    """Return every category by its name."""
    choices = [(category.code, category.name) for category in tables.categories.all]
    return sorted(choices, key=itemgetter(1))
