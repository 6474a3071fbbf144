"""The gate: every page of the handlers' side needs a person who is signed in, but for the sign-in."""

from __future__ import annotations

from typing import cast

from flask import flash, g, make_response, redirect, render_template, request, session, url_for
from flask_login import current_user, login_user, logout_user
from werkzeug.wrappers import Response

from intake import access
from intake.errors import NotFound
from intake.extensions import login
from intake.handler import queries
from intake.handler.forms import Form, SignInForm
from intake.handler.surface import bp
from intake.models import Matter

PUBLIC = frozenset({"handler.sign_in_page", "handler.sign_in"})
# What a person may do before the first password is changed.
BEFORE_CHANGE = frozenset({"handler.account", "handler.change_password", "handler.sign_out"})
WRITTEN = ("text", "asked", "delay", "note", "reason", "closing", "why")

login.session_protection = None
login.user_loader(access.find_person)


def person() -> access.Person:
    """Return who is signed in; behind the gate there is always somebody."""
    return cast(access.Person, g.person)


def get_matter(reference: str) -> Matter:
    """Return a matter that the person may see; raise NotFound, and tell the security log."""
    found = access.find_matter(person(), reference)
    if found is None:
        access.log_refused(person(), reference)
        raise NotFound("no such matter here")
    return found


def written() -> list[str]:
    """Return what was typed into the form that was posted, so that it can be given back."""
    return [words for name in WRITTEN if (words := request.form.get(name, "").strip())]


@bp.before_request
def gate() -> Response | None:
    """Let nobody through who is not signed in, and nobody past a first password."""
    if request.endpoint in PUBLIC:
        return None
    if not current_user.is_authenticated:
        return _turn_away()
    g.person = current_user._get_current_object()
    if person().must_change_password and request.endpoint not in BEFORE_CHANGE:
        return redirect(url_for(".account"), 303)
    g.waiting = queries.waiting(person())
    return None


@bp.context_processor
def shown_to_person() -> dict[str, object]:
    """Give the templates who is signed in and what waits, without asking the database, which may be away."""
    known = g.get("person")
    form = Form(formdata=None) if known else None
    return {"person": known, "sign_out_form": form, "waiting": g.get("waiting")}


def _turn_away() -> Response:
    """Send a person to the sign-in; what was written is shown, so that it can be copied."""
    if request.method in ("GET", "HEAD"):
        session["asked"] = request.full_path.rstrip("?")[:1000]
        return redirect(url_for(".sign_in_page"), 303)
    return make_response(render_template("handler/signed_out.html", kept=written()), 403)


@bp.get("/logga-in")
def sign_in_page() -> Response:
    """Show the sign-in."""
    if current_user.is_authenticated:
        return redirect(url_for(".inbox"), 303)
    return make_response(render_template("handler/sign_in.html", form=SignInForm(formdata=None)))


@bp.post("/logga-in")
def sign_in() -> Response:
    """Sign in; whatever session there was before ends, and the new one has a new token."""
    form = SignInForm()
    if not form.validate():
        return _sign_in_again(form, 422)
    try:
        token = access.sign_in(form.email.data or "", form.password.data or "", request.remote_addr)
    except access.SignInRefused as refused:
        form.form_errors.append(str(refused))
        return _sign_in_again(form, 429 if refused.is_throttled else 422)
    asked = session.get("asked")
    if current_user.is_authenticated:
        access.sign_out(cast(access.Person, current_user._get_current_object()))
    session.clear()
    login_user(access.find_person(token))
    return redirect(asked or url_for(".inbox"), 303)


def _sign_in_again(form: SignInForm, status: int) -> Response:
    return make_response(render_template("handler/sign_in.html", form=form), status)


@bp.post("/logga-ut")
def sign_out() -> Response:
    """End the session on the server; a page that is too old to be believed ends nothing."""
    if not Form().validate():
        flash("Sidan hade blivit för gammal. Tryck på Logga ut en gång till.")
        return redirect(url_for(".inbox"), 303)
    access.sign_out(person())
    logout_user()
    session.clear()
    return redirect(url_for(".sign_in_page"), 303)
