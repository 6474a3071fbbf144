"""Being away: said by oneself or by whoever says who works there, so that colleagues see to the matters."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms.validators import ValidationError

from intake.access import memberships
from intake.errors import NotFound
from intake.extensions import STOCKHOLM, now
from intake.handler.forms import DayField, Form, a_day
from intake.handler.gate import person
from intake.handler.surface import bp
from intake.matters import desk
from intake.security_log import security
from intake.words import in_day

LONGEST = timedelta(days=365)


class AwayForm(Form):
    """The last day that somebody is away; none says that the person is back."""

    until = DayField("Borta till och med", validators=[a_day()])

    def validate_until(self, field: Any) -> None:
        """Demand a day from today on, within a year."""
        today = now().astimezone(STOCKHOLM).date()
        if self.is_back == bool(field.data):
            raise ValidationError("Välj den sista dagen, eller säg att du är tillbaka.")
        if not field.errors and field.day and not today <= field.day <= today + LONGEST:
            raise ValidationError("Välj en dag från och med i dag, inom ett år.")

    @property
    def is_back(self) -> bool:
        """Whether the other button was pressed."""
        return "tillbaka" in request.form


@bp.post("/konto/borta")
def be_away() -> Response:
    """Say that one is away until a day, or back."""
    return _say(person().handler_id, "Du", url_for(".account", _anchor="borta"))


@bp.post("/enheter/<unit>/<uuid:handler_id>/borta")
def let_be_away(unit: str, handler_id: uuid.UUID) -> Response:
    """Say that somebody in a unit is away until a day, or back."""
    memberships.get_unit(unit)
    name = next((each.name for each in memberships.colleagues(unit) if each.handler_id == handler_id), None)
    if name is None:
        raise NotFound("nobody of that name works there")
    security.info("absence said of=%s by=%s", handler_id, person().handler_id)
    return _say(handler_id, name, url_for(".colleague", unit=unit, handler_id=handler_id, _anchor="borta"))


def _say(handler_id: uuid.UUID, name: str, back: str) -> Response:
    form = AwayForm()
    if not form.validate():
        for messages in form.errors.values():
            flash(" ".join(str(each) for each in messages))
    elif not desk.say_away(handler_id, form.until.day):
        raise NotFound("nobody whose days the person says")
    else:
        flash(_said(name, form.until.day))
    return redirect(back, 303)


def _said(name: str, until: date | None) -> str:
    if until is None:
        return f"{name} är tillbaka."
    return f"{name} är borta till och med {in_day(until)}. Kollegorna i enheten ser det i inkorgen."
