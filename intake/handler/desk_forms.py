"""The forms of the desk: a rest, one act on several matters, a shared view."""

from __future__ import annotations

from typing import Any

from wtforms import StringField
from wtforms.validators import ValidationError

from intake.handler.forms import ActForm, ChoiceField, DayField, Form, a_day, at_most, line_of, listed, needed
from intake.handler.words import MARKED_ACTS


class PauseForm(ActForm):
    """Until when a matter rests."""

    until = DayField("Vila till", validators=[needed("Välj en dag."), a_day()])


class MarkedForm(Form):
    """What is done with the matters that are ticked in a list."""

    gor = ChoiceField(
        "Med de markerade", offered=list(MARKED_ACTS.items()), validators=[listed("Välj vad som ska göras.")]
    )
    till = ChoiceField("Ge till", validators=[at_most(60)])
    dag = DayField("Vila till", validators=[a_day()])

    def validate_till(self, field: Any) -> None:
        """Demand a colleague where the matters are given to one."""
        if self.gor.data == "assign" and field.data not in {value for value, _ in field.offered if value}:
            raise ValidationError("Välj vem ärendena ska ges till.")

    def validate_dag(self, field: Any) -> None:
        """Demand a day where the matters rest."""
        if self.gor.data == "pause" and not field.data:
            raise ValidationError("Välj hur länge ärendena ska vila.")


class ViewForm(Form):
    """What a shared view is called, and which unit shares it."""

    name = StringField("Vyns namn", filters=[line_of], validators=[needed("Ge vyn ett namn."), at_most(60)])
    unit = StringField("Enhet", validators=[needed("Välj en enhet."), at_most(60)])
