"""The gate: every page of the handlers' side needs a person who is signed in, but for the sign-in."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, cast

from flask import abort, flash, g, make_response, redirect, render_template, request, session, url_for
from flask.globals import request_ctx
from flask_login import current_user, login_user, logout_user
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response

from intake import access
from intake.access.roles import Capability
from intake.errors import NotAllowed, NotFound
from intake.extensions import login, settings
from intake.handler import browsers, queries
from intake.handler.forms import CodeForm, Form, SignInForm
from intake.handler.surface import bp
from intake.models import Matter
from intake.security_log import security

PUBLIC = frozenset(
    f"handler.{name}"
    for name in ("sign_in_page", "sign_in", "single_sign_on", "single_sign_on_answer", "leave")
)

# What a person may do at each stage of the sign-in before the last, the first of them being asked for.
STAGES = {
    "code": ("handler.code_page", "handler.give_code", "handler.sign_out"),
    "account": (
        "handler.account", "handler.change_password", "handler.factor_page", "handler.factor_picture",
        "handler.enrol_factor", "handler.sign_out",
    ),
}  # fmt: skip
# What a page asks by itself, by a script: it is no use of the session, and no red bar stands on it.
BY_ITSELF = frozenset({"handler.be_present", "handler.inbox_news"})
WRITTEN = (
    "text", "asked", "delay", "note", "reason", "closing", "why", "references", "secrecy_reason",
    "lift_reason", "happened", "persons", "decision_reason", "done", "talk_said", "talk_with", "talk_number",
    "words", "about", "outcome_words", "why_linked", "grounds",
)  # fmt: skip
ADDRESS_CHARACTERS = 1000

Given = ParamSpec("Given")

login.session_protection = None
login.user_loader(lambda token: access.find_person(token, is_use=request.endpoint not in BY_ITSELF))


def person() -> access.Person:
    """Return who is signed in; behind the gate there is always somebody."""
    return cast(access.Person, g.person)


def get_matter(reference: str, *, is_page: bool = False) -> Matter:
    """Return a matter that the person may see, with a look at it; raise NotFound, and tell the log."""
    found = access.find_matter(person(), reference, is_page=is_page)
    if found is None:
        access.log_refused(person(), reference)
        raise NotFound("no such matter here")
    return found


def require(capability: Capability, matter_id: uuid.UUID) -> None:
    """Raise Forbidden unless the person may do this with a matter that the person sees."""
    if not access.may(person(), capability, matter_id):
        security.warning("forbidden handler=%s capability=%s", person().handler_id, capability)
        raise Forbidden


def written() -> list[str]:
    """Return what was typed into the form that was posted, so that it can be given back."""
    return [words for name in WRITTEN if (words := request.form.get(name, "").strip())]


@bp.before_request
def gate() -> Response | None:
    """Let nobody through who is not signed in, and nobody past a stage of the sign-in that is not done."""
    if request.endpoint in PUBLIC:
        return None
    if not current_user.is_authenticated:
        return _turn_away()
    g.person = current_user._get_current_object()
    if person().stage != "open":
        return None if request.endpoint in STAGES[person().stage] else redirect(_owed(), 303)
    if request.endpoint not in BY_ITSELF:
        g.waiting = queries.waiting(person())
    return None


def sensitive(view: Callable[Given, Response]) -> Callable[Given, Response]:
    """Let a page or a post need a proof of who it is that is at most ten minutes old.

    Who has none is asked for it and comes back; what was posted is shown, so that it can be copied.
    """

    @wraps(view)
    def guarded(*args: Given.args, **kwargs: Given.kwargs) -> Response:
        is_known = person().stage != "open" or person().has_proven_lately()
        return view(*args, **kwargs) if is_known else _ask_who()

    return guarded


def _ask_who() -> Response:
    is_read = request.method in ("GET", "HEAD")
    if is_read or "GET" in request_ctx.url_adapter.allowed_methods():  # type: ignore[union-attr]
        session["asked"] = (request.full_path.rstrip("?") if is_read else request.path)[:ADDRESS_CHARACTERS]
    if is_read:
        return redirect(url_for(".prove_page"), 303)
    return make_response(render_template("handler/prove_first.html", kept=written()), 403)


def _owed() -> str:
    """Return the address of what the sign-in asks for next."""
    if person().stage == "code":
        return url_for(".code_page")
    return url_for(".account" if person().must_change_password else ".factor_page")


def enter(token: str) -> Response:
    """Let the browser have a session's secret, and go where the sign-in, or the person, is going next."""
    return redirect(let_in(token), 303)


def let_in(token: str) -> str:
    """Let the browser have a session's secret and nothing of the one before; return where it goes next."""
    asked = session.get("asked")
    session.clear()
    renew(token)
    if person().stage != "open":
        session["asked"] = asked
        return _owed()
    return asked or url_for(".inbox")


def renew(token: str) -> None:
    """Let the browser have the next secret of its session; pages that are open elsewhere stay good."""
    g.person = access.find_person(token)
    if g.person is None:
        # Somebody ended the session, or disabled the handler, in this very moment.
        abort(redirect(url_for(".sign_in_page"), 303))
    login_user(g.person)


def agent() -> str:
    """Return in plain words which browser it is."""
    return browsers.in_words(request.headers.get("User-Agent", ""))


@bp.context_processor
def shown_to_person() -> dict[str, object]:
    """Give the templates who is signed in and what waits, without asking the database, which may be away."""
    known = g.get("person")
    form = Form(formdata=None) if known else None
    has_keys = known is not None and known.stage == "open" and known.has_keys
    shown = {"person": known, "sign_out_form": form, "waiting": g.get("waiting"), "has_keys": has_keys}
    return {**shown, "written": written}


def _turn_away() -> Response:
    """Send a person to the sign-in; what was written is shown, so that it can be copied."""
    if request.method in ("GET", "HEAD"):
        # Of a page whose pictures are turned away too, it is the page that was asked for.
        if request.headers.get("Sec-Fetch-Dest", "document") == "document":
            session["asked"] = request.full_path.rstrip("?")[:ADDRESS_CHARACTERS]
            # Told once, to a browser that holds the secret of a session that is no more.
            if session.pop("_user_id", None):
                flash("Inloggningen har gått ut eller avslutats. Logga in igen.")
        return redirect(url_for(".sign_in_page"), 303)
    return make_response(render_template("handler/signed_out.html", kept=written()), 403)


@bp.get("/logga-in")
def sign_in_page() -> Response:
    """Show the sign-in."""
    if current_user.is_authenticated:
        return redirect(url_for(".inbox"), 303)
    return _sign_in_again(SignInForm(formdata=None), 200)


@bp.get("/logga-in/kod")
def code_page() -> Response:
    """Ask for the second factor of somebody whose password was right."""
    if person().stage != "code":
        return redirect(url_for(".inbox"), 303)
    return make_response(render_template("handler/code.html", form=CodeForm(formdata=None)))


@bp.post("/logga-in/kod")
def give_code() -> Response:
    """Check the second factor; the session gets a new secret."""
    form = CodeForm()
    if person().stage != "code":
        return redirect(url_for(".inbox"), 303)
    if not form.validate():
        return make_response(render_template("handler/code.html", form=form), 422)
    try:
        return enter(access.give_code(person(), form.code.data or ""))
    except NotAllowed as refused:
        form.form_errors.append(str(refused))
        form.code.data = ""
        status = 429 if isinstance(refused, access.TooManyTries) else 422
        return make_response(render_template("handler/code.html", form=form), status)


@bp.post("/logga-in")
def sign_in() -> Response:
    """Sign in; whatever session there was before ends, and the new one has a new token."""
    if settings().sign_in_provider:
        raise NotFound("nobody signs in by a password here")
    form = SignInForm()
    if not form.validate():
        return _sign_in_again(form, 422)
    try:
        token = access.sign_in(form.email.data or "", form.password.data or "", request.remote_addr, agent())
    except access.SignInRefused as refused:
        form.form_errors.append(str(refused))
        return _sign_in_again(form, 429 if isinstance(refused, access.TooManyTries) else 422)
    if current_user.is_authenticated:
        access.sign_out(cast(access.Person, current_user._get_current_object()))
    return enter(token)


def _sign_in_again(form: SignInForm, status: int) -> Response:
    page = render_template("handler/sign_in.html", form=form, provider=settings().sign_in_provider)
    return make_response(page, status)


@bp.post("/logga-ut")
def sign_out() -> Response:
    """End the session on the server; a page that is too old to be believed ends nothing."""
    if not Form().validate():
        flash("Sidan hade blivit för gammal. Tryck på Logga ut en gång till.")
        return redirect(url_for(".inbox"), 303)
    access.sign_out(person())
    logout_user()
    session.clear()
    flash("Du är utloggad.")
    return redirect(url_for(".leave" if settings().sign_in_provider else ".sign_in_page"), 303)
