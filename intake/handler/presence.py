"""Who else is at a matter: asked by its page by itself while it is open, and shown on it."""

from __future__ import annotations

from flask import jsonify
from werkzeug.wrappers import Response
from wtforms import BooleanField

from intake import access
from intake.errors import NotFound
from intake.handler.forms import Form
from intake.handler.gate import person
from intake.handler.surface import bp

DOING = {"reading": "läser", "writing": "skriver svar"}


class PresenceForm(Form):
    """What a page says that its person does there: writes an answer, or reads."""

    is_writing = BooleanField("Skriver svar")


def say(others: tuple[access.Present, ...]) -> str:
    """Say who else is at a matter, and what they do."""
    return " ".join(f"{other.name} {DOING[other.doing]}." for other in others)


@bp.post("/arende/<reference>/narvaro")
def be_present(reference: str) -> Response:
    """Note that the person is at a matter whose page is open, and tell who else is.

    What the person does not see any more is no attempt to see it: nothing is written in the access log.
    """
    form = PresenceForm()
    seen = access.seen_matters(person(), references=(reference,))
    if reference not in seen:
        raise NotFound("no such matter here")
    if not form.validate():
        return Response(status=422)
    others = access.be_present(person(), seen[reference], "writing" if form.is_writing.data else "reading")
    if others is None:
        raise NotFound("the matter has left the person's inboxes just now, or its page was never shown")
    return jsonify(words=say(others))
