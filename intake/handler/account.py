"""A person's own account: the password and the sign-ins that are open."""

from __future__ import annotations

import uuid

from flask import flash, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response

from intake import access
from intake.access import factors
from intake.errors import NotAllowed
from intake.extensions import settings
from intake.handler.account_forms import PasswordForm
from intake.handler.forms import STALE, Form
from intake.handler.gate import enter, person
from intake.handler.surface import bp
from intake.matters import desk


@bp.get("/konto")
def account() -> Response:
    """Show the account, or ask for what a new one still needs."""
    if person().stage == "account" and not person().must_change_password:
        return redirect(url_for(".factor_page"), 303)
    return _page(PasswordForm(formdata=None), 200)


@bp.post("/konto/losenord")
def change_password() -> Response:
    """Change the password and end the other sign-ins; a new account goes on to what it needs next."""
    form = PasswordForm()
    if not form.validate():
        return _page(form, 422)
    try:
        access.change_password(person(), form.old_password.data or "", form.new_password.data or "")
        flash("Lösenordet är ändrat. Dina andra inloggningar är avslutade.")
        return _go_on()
    except NotAllowed as problem:
        form.form_errors.append(str(problem))
        return _page(form, 429 if isinstance(problem, access.TooManyTries) else 422)


@bp.post("/konto/inloggningar/<uuid:session_id>/avsluta")
def end_session(session_id: uuid.UUID) -> Response:
    """End one of one's own sign-ins."""
    if Form().validate():
        access.end_session(person(), session_id)
        flash("Inloggningen är avslutad.")
    else:
        flash(STALE)
    return redirect(url_for(".account"), 303)


@bp.post("/konto/inloggningar/avsluta-andra")
def end_others() -> Response:
    """End all of one's own sign-ins but this one."""
    if Form().validate():
        access.end_others(person())
        flash("Dina andra inloggningar är avslutade.")
    else:
        flash(STALE)
    return redirect(url_for(".account"), 303)


def _go_on() -> Response:
    if person().stage == "open":
        return redirect(url_for(".account"), 303)
    if person().has_factor:
        return enter(access.advance(person(), "open"))
    return redirect(url_for(".factor_page"), 303)


def _page(form: PasswordForm, status: int) -> Response:
    page = render_template(
        "handler/account.html",
        form=form,
        sessions=access.open_sessions(),
        codes_left=factors.count_codes(person().handler_id),
        away_until=next((each.until for each in desk.who_is_away([])), None),
        provider=settings().sign_in_provider,
    )
    return make_response(page, status)
