"""The forms of what was said or came in other ways than by the citizens' side."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, time
from typing import Any

from wtforms import BooleanField, HiddenField, StringField, TextAreaField
from wtforms.validators import ValidationError

from intake.extensions import STOCKHOLM, now
from intake.handler.forms import (
    TEXT_CHARACTERS,
    ActForm,
    ChoiceField,
    DayField,
    Form,
    KeepsFiles,
    a_day,
    at_most,
    line_of,
    listed,
    needed,
    text_of,
)
from intake.letters.addresses import mailboxes
from intake.matters.by_hand import OUTGOING
from intake.matters.incoming import IncomingFile, Submission
from intake.matters.talks import WAYS, Talk
from intake.models import new_id

NAME_CHARACTERS = 200
PHONE_CHARACTERS = 50
EMAIL_CHARACTERS = 254
SUBJECT_CHARACTERS = 120
CAME = (("phone", "Telefonsamtal"), ("visit", "Besök"), ("paper", "Brev på papper"))


class ClockField(StringField):
    """A time of day, as browsers send it (14:05)."""

    @property
    def clock(self) -> time:
        """The time; only asked for once the field is valid."""
        return time.fromisoformat(self.data or "")


def a_clock() -> Any:
    """Refuse what is no time of day."""

    def check(_form: Any, field: Any) -> None:
        try:
            if field.data and field.clock.tzinfo is None:
                return
        except ValueError:
            pass
        if field.data:
            raise ValidationError("Skriv ett klockslag så här: 14.05.")

    return check


def clock_of(words: str | None) -> str:
    """Return a time of day as it is read, also where somebody wrote ``9.05``."""
    typed = line_of(words).replace(".", ":")
    return f"0{typed}" if typed.find(":") == 1 else typed


def moment(day: DayField, clock: ClockField) -> datetime:
    """Return the moment that two valid fields name, in Sweden's time: without a clock the day's midnight."""
    here = now().astimezone(STOCKHOLM)
    return datetime.combine(day.day or here.date(), clock.clock if clock.data else time.min, STOCKHOLM)


class TalkForm(ActForm):
    """What was said, by telephone or face to face."""

    talk_way = ChoiceField("Hur?", offered=list(WAYS.items()), validators=[listed("Välj hur det sades.")])
    talk_day = DayField("Dag", validators=[needed("Välj vilken dag det var."), a_day()])
    talk_time = ClockField(
        "Klockslag", filters=[clock_of], validators=[needed("Skriv när det var."), a_clock()]
    )
    talk_with = StringField("Med vem?", filters=[line_of], validators=[at_most(NAME_CHARACTERS)])
    talk_number = StringField("Telefonnummer", filters=[line_of], validators=[at_most(PHONE_CHARACTERS)])
    talk_said = TextAreaField(
        "Vad sades?",
        filters=[text_of],
        validators=[needed("Skriv vad som sades."), at_most(TEXT_CHARACTERS)],
    )

    def begin(self) -> None:
        """Let the time be now."""
        here = now().astimezone(STOCKHOLM)
        self.talk_day.data, self.talk_time.data = here.date().isoformat(), f"{here:%H:%M}"

    @property
    def talk(self) -> Talk:
        """What was said; only asked for once the form is valid."""
        return Talk(
            way=self.talk_way.data or "",
            at=moment(self.talk_day, self.talk_time),
            name=self.talk_with.data or "",
            phone=self.talk_number.data or "",
            text=self.talk_said.data or "",
        )


class BeginForm(Form):
    """What every matter that is begun by hand has; ``page`` makes one of a form that is sent twice."""

    page = HiddenField("Sida")
    who = StringField("Namn", filters=[line_of], validators=[at_most(NAME_CHARACTERS)])
    phone = StringField("Telefonnummer", filters=[line_of], validators=[at_most(PHONE_CHARACTERS)])
    email = StringField("E-postadress", filters=[line_of], validators=[at_most(EMAIL_CHARACTERS)])
    subject = StringField("Ärendemening", filters=[line_of], validators=[at_most(SUBJECT_CHARACTERS)])
    unit = ChoiceField("Inkorg", validators=[listed("Välj en inkorg i listan.")])
    category = ChoiceField("Ärendetyp", validators=[listed("Välj en ärendetyp i listan.")])

    def validate_page(self, field: Any) -> None:
        """Demand the id that the page was made with."""
        try:
            uuid.UUID(field.data or "")
        except ValueError:
            raise ValidationError("Sidan är ofullständig. Ladda om den och försök igen.") from None

    def validate_email(self, field: Any) -> None:
        """Refuse what is no address."""
        if field.data and (
            "." not in field.data.rpartition("@")[2] or mailboxes(field.data) != [("", field.data)]
        ):
            raise ValidationError("Skriv e-postadressen så här: namn@exempel.se.")

    def turn_page(self) -> None:
        """Let what is sent next be a matter of its own."""
        self.page.data = str(new_id())

    @property
    def page_id(self) -> uuid.UUID:
        """Which page this is; only asked for once the field is valid."""
        return uuid.UUID(self.page.data or "")


class RegisterByHandForm(KeepsFiles, BeginForm):
    """What came in by telephone, in a visit or on paper."""

    channel = ChoiceField("Hur kom det in?", offered=CAME, validators=[listed("Välj hur det kom in.")])
    day = DayField("Dag då det kom in", validators=[needed("Välj vilken dag det kom in."), a_day()])
    clock = ClockField("Klockslag", filters=[clock_of], validators=[a_clock()])
    text = TextAreaField(
        "Det som sades eller står i brevet", filters=[text_of], validators=[at_most(TEXT_CHARACTERS)]
    )
    wants_receipt = BooleanField("Mejla en kvittens")

    def validate_clock(self, field: Any) -> None:
        """Demand when it was said; of a letter often the day alone is known."""
        if self.channel.data != "paper" and not field.data:
            raise ValidationError("Skriv när samtalet eller besöket var.")

    def validate_wants_receipt(self, field: Any) -> None:
        """Demand somewhere to send it."""
        if field.data and not self.email.data:
            raise ValidationError("Skriv e-postadressen, annars går det inte att mejla en kvittens.")

    def begin(self) -> None:
        """Let it have come in today."""
        self.turn_page()
        self.day.data = now().astimezone(STOCKHOLM).date().isoformat()

    def came(self, files: Sequence[IncomingFile]) -> Submission:
        """Return what came in, with its stored files; only asked for once the form is valid."""
        return Submission(
            channel=self.channel.data or "",
            subject=self.subject.data or "",
            text=self.text.data or "",
            received_at=moment(self.day, self.clock),
            files=tuple(files),
            category=self.category.data or None,
            wants_receipt=self.wants_receipt.data,
            sender_name=self.who.data or None,
            sender_email=self.email.data or None,
            sender_phone=self.phone.data or None,
        )


class ContactForm(BeginForm):
    """Who is to be reached, and why: a note for handlers. What is sent is written in the matter."""

    email = StringField(
        "E-postadress",
        filters=[line_of],
        validators=[needed("Skriv en e-postadress."), at_most(EMAIL_CHARACTERS)],
    )
    subject = StringField(
        "Ärendemening",
        filters=[line_of],
        validators=[needed("Skriv i några ord vad det gäller."), at_most(SUBJECT_CHARACTERS)],
    )
    text = TextAreaField(
        "Varför tar vi kontakt?",
        filters=[text_of],
        validators=[needed("Skriv varför vi tar kontakt."), at_most(TEXT_CHARACTERS)],
    )

    def contact(self) -> Submission:
        """Return the beginning of a contact; only asked for once the form is valid."""
        return Submission(
            channel=OUTGOING,
            subject=self.subject.data or "",
            text=self.text.data or "",
            received_at=now(),
            category=self.category.data or None,
            sender_name=self.who.data or None,
            sender_email=self.email.data or None,
            sender_phone=self.phone.data or None,
        )
