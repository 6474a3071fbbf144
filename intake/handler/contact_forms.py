"""The forms of what was said or came in other ways than by the citizens' side."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from wtforms import StringField, TextAreaField
from wtforms.validators import ValidationError

from intake.extensions import STOCKHOLM, now
from intake.handler.forms import (
    TEXT_CHARACTERS,
    ActForm,
    ChoiceField,
    DayField,
    a_day,
    at_most,
    line_of,
    listed,
    needed,
    text_of,
)
from intake.matters.talks import WAYS, Talk

NAME_CHARACTERS = 200
PHONE_CHARACTERS = 50


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
    """Return the moment that two valid fields name, in Sweden's time."""
    return datetime.combine(day.day or now().astimezone(STOCKHOLM).date(), clock.clock, STOCKHOLM)


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
