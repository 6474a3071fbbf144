"""Showing once more who it is, before what is sensitive."""

from __future__ import annotations

from flask import make_response, redirect, render_template, session, url_for
from werkzeug.wrappers import Response

from intake import access
from intake.errors import NotAllowed, NotFound
from intake.extensions import settings
from intake.handler.account_forms import ProveForm
from intake.handler.gate import person, renew
from intake.handler.surface import bp


@bp.get("/bekrafta")
def prove_page() -> Response:
    """Ask who it is."""
    return _page(ProveForm(formdata=None), 200)


@bp.post("/bekrafta")
def prove() -> Response:
    """Check password and code, and go back to what asked for them; the session gets a new secret."""
    if settings().sign_in_provider:
        raise NotFound("nobody is known by a password here")
    form = ProveForm()
    if not form.validate():
        return _page(form, 422)
    try:
        renew(access.prove_by_password(person(), form.password.data or "", form.code.data or ""))
    except NotAllowed as problem:
        form.form_errors.append(str(problem))
        form.code.data = ""
        return _page(form, 429 if isinstance(problem, access.TooManyTries) else 422)
    return redirect(session.pop("asked", None) or url_for(".account"), 303)


def _page(form: ProveForm, status: int) -> Response:
    page = render_template("handler/confirm.html", form=form, provider=settings().sign_in_provider)
    return make_response(page, status)
