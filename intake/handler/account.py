"""A person's own account: the password and the sign-ins that are open."""

from __future__ import annotations

import uuid

from flask import flash, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response

from intake import access
from intake.errors import NotAllowed
from intake.handler.forms import STALE, Form, PasswordForm
from intake.handler.gate import person
from intake.handler.surface import bp


@bp.get("/konto")
def account() -> Response:
    """Show the account."""
    return _page(PasswordForm(formdata=None), 200)


@bp.post("/konto/losenord")
def change_password() -> Response:
    """Change the password; the person's other sign-ins end."""
    form = PasswordForm()
    if not form.validate():
        return _page(form, 422)
    try:
        access.change_password(person(), form.old.data or "", form.new.data or "")
    except NotAllowed as problem:
        form.form_errors.append(str(problem))
        return _page(form, 422)
    flash("Lösenordet är ändrat. Dina andra inloggningar är avslutade.")
    return redirect(url_for(".inbox" if person().must_change_password else ".account"), 303)


@bp.post("/konto/inloggningar/<uuid:session_id>/avsluta")
def end_session(session_id: uuid.UUID) -> Response:
    """End one of one's own sign-ins."""
    if Form().validate():
        access.end_session(person(), session_id)
        flash("Inloggningen är avslutad.")
    else:
        flash(STALE)
    return redirect(url_for(".account"), 303)


def _page(form: PasswordForm, status: int) -> Response:
    sessions = access.open_sessions(person())
    return make_response(render_template("handler/account.html", form=form, sessions=sessions), status)
