"""The forms of the status page: what opens it, and what a person may say and change there."""

from __future__ import annotations

from typing import Any

from wtforms import BooleanField, EmailField, StringField, TelField, TextAreaField
from wtforms.validators import ValidationError

from intake import codes
from intake.citizen.fields import (
    EMAIL_CHARACTERS,
    Form,
    OneOf,
    OpenForm,
    at_most,
    clean_line,
    clean_text,
    is_email,
    offered_or_none,
)
from intake.citizen.forms import MAIL, PHONE_CHARACTERS, PLACE_CHARACTERS
from intake.languages import _, later

WORDS_CHARACTERS = 2_000
OPINIONS = (
    ("5", later("Mycket bra")),
    ("4", later("Bra")),
    ("3", later("Varken bra eller dåligt")),
    ("2", later("Dåligt")),
    ("1", later("Mycket dåligt")),
)


class StatusForm(OpenForm):
    """A reference and its status code; looking changes nothing."""

    reference = StringField(later("Kvittensnummer"), filters=[clean_line])
    code = StringField(later("Statuskod"), filters=[clean_line])

    def validate_reference(self, field: Any) -> None:
        if not field.data:
            raise ValidationError(_("Skriv numret från kvittot, till exempel K7RX-3M9P."))

    def validate_code(self, field: Any) -> None:
        if not field.data:
            raise ValidationError(_("Skriv statuskoden från kvittot: sexton tecken i fyra grupper."))


class LostCodeForm(OpenForm):
    """A reference whose code is lost."""

    reference = StringField(later("Kvittensnummer"), filters=[clean_line])

    def validate_reference(self, field: Any) -> None:
        if codes.read_reference(field.data or "") is None:
            raise ValidationError(
                _("Numret ser inte rätt ut. Skriv det från kvittot, till exempel K7RX-3M9P.")
            )


class ConfirmForm(OpenForm):
    """The code that was mailed to a new address."""

    code = StringField(later("Koden i mejlet"), filters=[clean_line])

    def validate_code(self, field: Any) -> None:
        if codes.read_code(field.data or "") is None:
            raise ValidationError(_("Skriv koden som står sist i länken: sexton tecken i fyra grupper."))


class ReachForm(Form):
    """How we may reach the person from now on; what is left empty stays as it was."""

    email = EmailField(later("Ny e-postadress"), filters=[lambda words: (words or "").strip(" ")])
    mail = OneOf(later("Får vi mejla dig?"), MAIL, validators=[offered_or_none])
    phone = TelField(
        later("Nytt telefonnummer"), filters=[clean_line], validators=[at_most(PHONE_CHARACTERS)]
    )
    no_phone = BooleanField(later("Ta bort mitt telefonnummer"), false_values=(False, "false", "", "nej"))
    call_words = StringField(
        later("När och hur kan vi ringa?"), filters=[clean_line], validators=[at_most(PLACE_CHARACTERS)]
    )

    def validate_email(self, field: Any) -> None:
        if field.data and (len(field.data) > EMAIL_CHARACTERS or not is_email(field.data)):
            raise ValidationError(_("E-postadressen ser inte rätt ut. Skriv den som namn@exempel.se."))
        if field.data and self.mail.data == "no":
            raise ValidationError(
                _("Du har valt att vi inte får mejla. Ta bort adressen, eller välj att vi får mejla.")
            )

    def validate_no_phone(self, field: Any) -> None:
        if field.data and self.phone.data:
            raise ValidationError(_("Skriv ett nytt nummer eller ta bort det gamla, inte både och."))


class OpinionForm(Form):
    """What the contact was like."""

    answer = OneOf(later("Hur tycker du att kontakten med oss har fungerat?"), OPINIONS)
    words = TextAreaField(
        later("Vill du säga något mer?"), filters=[clean_text], validators=[at_most(WORDS_CHARACTERS)]
    )

    def validate_answer(self, field: Any) -> None:
        if field.data not in field.values:
            raise ValidationError(_("Välj ett av svaren."))
