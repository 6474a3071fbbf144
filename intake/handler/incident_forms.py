"""What is asked of an incident with personal data, and how much of its time is left, in words."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import ValidationError

from intake.extensions import STOCKHOLM, now
from intake.handler.forms import TEXT_CHARACTERS, ActForm, ChoiceField, at_most, listed, needed, text_of
from intake.handler.surface import bp

KINDS = {
    "wrong_recipient": "Något gick till fel mottagare",
    "wrong_reader": "Någon obehörig har läst",
    "lost_access": "Uppgifter har förstörts, ändrats eller gått förlorade",
}
DECISIONS = {"notify": "Den ska anmälas till IMY", "not_notify": "Den behöver inte anmälas"}
# Which law asks for it, by the regime of the matter's category.
LAWS = {
    "brottsdata": "3 kap. brottsdatalagen",
    "forvaltning_gdpr": "artikel 33 i dataskyddsförordningen",
    "manual": "artikel 33 i dataskyddsförordningen eller 3 kap. brottsdatalagen",
}


class MomentField(StringField):
    """A time in Sweden, as browsers send it (2026-11-22T16:05)."""

    @property
    def at(self) -> datetime:
        """The time; only asked for once the field is valid."""
        return datetime.fromisoformat((self.data or "").strip()[:16]).replace(tzinfo=STOCKHOLM)


def a_moment() -> Any:
    """Refuse what is no time of the calendar."""

    def check(_form: Any, field: Any) -> None:
        try:
            field.at  # noqa: B018 (reading it is the check)
        except ValueError:
            raise ValidationError("Skriv när det upptäcktes så här: 2026-11-22 16:05.") from None

    return check


class ReportForm(ActForm):
    """What has happened, when it was noticed and whom it concerns."""

    kind = ChoiceField(
        "Vad har hänt?", offered=list(KINDS.items()), validators=[listed("Välj vad som har hänt.")]
    )
    message = ChoiceField("Vilket meddelande gäller det?", validators=[])
    noticed = MomentField("När upptäcktes det?", validators=[a_moment()])
    happened = TextAreaField(
        "Beskriv vad som har hänt",
        filters=[text_of],
        validators=[needed("Beskriv vad som har hänt."), at_most(TEXT_CHARACTERS)],
    )
    persons = TextAreaField(
        "Vilka personer gäller uppgifterna?",
        filters=[text_of],
        validators=[needed("Skriv vilka personer uppgifterna gäller."), at_most(TEXT_CHARACTERS)],
    )

    @property
    def message_id(self) -> uuid.UUID | None:
        """The message that was chosen, None for none; what is on no list is none."""
        offered = {choice[0] for choice in self.message.offered}
        return uuid.UUID(self.message.data) if self.message.data in offered else None


class OneForm(ActForm):
    """An act on one incident."""

    incident = HiddenField("Incident")

    def validate_incident(self, field: Any) -> None:
        """Demand an id."""
        try:
            uuid.UUID(field.data or "")
        except ValueError:
            raise ValidationError("Sidan är ofullständig. Ladda om den och försök igen.") from None

    @property
    def incident_id(self) -> uuid.UUID:
        """Which incident it is about; only asked for once the form is valid."""
        return uuid.UUID(self.incident.data)


class DecisionForm(OneForm):
    """Whether the supervisory authority is told, and why."""

    decision = ChoiceField(
        "Ska incidenten anmälas till Integritetsskyddsmyndigheten (IMY)?",
        offered=list(DECISIONS.items()),
        validators=[listed("Välj om incidenten ska anmälas.")],
    )
    decision_reason = TextAreaField(
        "Varför?",
        filters=[text_of],
        validators=[needed("Skriv varför."), at_most(TEXT_CHARACTERS)],
    )


class ClosingForm(OneForm):
    """What was done."""

    done = TextAreaField(
        "Vad har gjorts?",
        filters=[text_of],
        validators=[needed("Skriv vad som har gjorts."), at_most(TEXT_CHARACTERS)],
    )


def in_field(at: datetime) -> str:
    """Write a time as the field for it has it."""
    return f"{at.astimezone(STOCKHOLM):%Y-%m-%dT%H:%M}"


def time_left(due_at: datetime, at: datetime) -> str:
    """Say how much time is left: ``41 timmar kvar``, ``tiden gick ut för 35 minuter sedan``."""
    left = due_at - at
    if left >= timedelta(0):
        return f"{_span(left)} kvar"
    return f"tiden gick ut för {_span(-left)} sedan"


def _span(span: timedelta) -> str:
    minutes = span // timedelta(minutes=1)
    if minutes < 120:
        return "1 minut" if minutes == 1 else f"{minutes} minuter"
    hours = minutes // 60
    return f"{hours} timmar" if hours <= 96 else f"{hours // 24} dygn"


@bp.app_template_filter("tid_kvar")
def _left(due_at: datetime) -> str:
    return time_left(due_at, now())
