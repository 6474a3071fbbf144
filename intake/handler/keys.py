"""Single keys: what they do, and whether the person wants them (WCAG 2.1.4)."""

from __future__ import annotations

from flask import flash, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import BooleanField

from intake import access
from intake.handler.forms import STALE, Form
from intake.handler.surface import bp

# What each key does; the elements of the pages that they press say so by ``data-key`` (static/keys.js).
MEANINGS = (
    ("j", "Nästa ärende i listan"),
    ("k", "Föregående ärende i listan"),
    ("o", "Öppna det markerade ärendet. Enter gör samma sak"),
    ("x", "Kryssa i det markerade ärendet, där det går"),
    ("n", "Nästa: det mest angelägna lediga ärendet"),
    ("t", "Ta ärendet, eller ta emot och ta det som har lämnats över"),
    ("r", "Svara"),
    ("f", "Lämna över ärendet till en annan enhet"),
    ("/", "Sök"),
    ("?", "Visa snabbtangenterna"),
)


class KeysForm(Form):
    """Whether single keys do things."""

    has_keys = BooleanField("På")


@bp.get("/tangenter")
def keys_page() -> Response:
    """Show what each key does."""
    return make_response(render_template("handler/keys.html", meanings=MEANINGS))


@bp.post("/konto/tangenter")
def choose_keys() -> Response:
    """Turn the keys on or off for the person, on every machine."""
    form = KeysForm()
    if form.validate():
        access.choose_keys(has_keys=form.has_keys.data)
        flash(f"Snabbtangenterna är {'på' if form.has_keys.data else 'av'}.")
    else:
        flash(STALE)
    return redirect(url_for(".account"), 303)
