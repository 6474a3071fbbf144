"""The pages of the second factor: an app gets its key, and saved codes are told once."""

from __future__ import annotations

import io

import segno
from flask import flash, make_response, redirect, render_template, session, url_for
from werkzeug.wrappers import Response

from intake import access, keys, web
from intake.access import factors
from intake.errors import CannotUnseal, NotAllowed, NotFound
from intake.handler.account_forms import FactorForm
from intake.handler.forms import STALE, Form
from intake.handler.gate import let_in, person, renew, sensitive
from intake.handler.surface import bp

# The key of an app waits in the browser's cookie, which is signed and can be read, so that it is sealed.
PURPOSE = "TOTP secret that no app has shown yet"
WAITING = "factor"
# Screens of phones draw each point of a page by two or more of their own.
POINTS = 8


@bp.get("/konto/app")
@sensitive
def factor_page() -> Response:
    """Show the key that an app is to have, and ask for the first code."""
    if person().must_change_password:
        return redirect(url_for(".account"), 303)
    secret = _waiting() or factors.new_secret()
    session[WAITING] = keys.seal(secret, PURPOSE)
    return _page(FactorForm(formdata=None), secret, 200)


@bp.get("/konto/app.png")
def factor_picture() -> Response:
    """Show the key as a QR code, to the browser alone that is being asked."""
    secret = _waiting()
    if secret is None:
        raise NotFound("no key waits for an app")
    drawn = io.BytesIO()
    segno.make(factors.link(secret, person().email), error="m").save(drawn, kind="png", scale=POINTS)
    size_bytes = drawn.tell()
    drawn.seek(0)
    return web.as_picture(drawn, "app.png", size_bytes, "image/png")


@bp.post("/konto/app")
@sensitive
def enrol_factor() -> Response:
    """Take the first code; the app is the second factor from then on, and the recovery codes are told."""
    secret = _waiting()
    if person().must_change_password or secret is None:
        return redirect(url_for(".factor_page"), 303)
    form = FactorForm()
    if not form.validate():
        return _page(form, secret, 422)
    try:
        enrolled = access.enrol_factor(person(), secret, form.code.data or "")
    except NotAllowed as problem:
        form.form_errors.append(str(problem))
        return _page(form, secret, 422)
    if person().stage == "open":
        session.pop(WAITING)
        renew(enrolled.token)
        return _codes(enrolled.codes, url_for(".account"))
    return _codes(enrolled.codes, let_in(enrolled.token))


@bp.get("/konto/koder")
@sensitive
def recovery_page() -> Response:
    """Ask before the codes that are saved already are made worthless."""
    return make_response(render_template("handler/renew_codes.html", form=Form(formdata=None)))


@bp.post("/konto/koder")
@sensitive
def renew_codes() -> Response:
    """Make new recovery codes and tell them once."""
    if not Form().validate():
        flash(STALE)
        return redirect(url_for(".recovery_page"), 303)
    return _codes(factors.renew_codes(person().handler_id), url_for(".account"))


def _waiting() -> str | None:
    """Find the key that no app has shown yet; one that was sealed by a key that is gone is none."""
    sealed = session.get(WAITING)
    try:
        return keys.unseal(sealed, PURPOSE) if sealed else None
    except CannotUnseal:
        return None


def _page(form: FactorForm, secret: str, status: int) -> Response:
    groups = [secret[start : start + 4] for start in range(0, len(secret), 4)]
    link = factors.link(secret, person().email)
    return make_response(render_template("handler/factor.html", form=form, groups=groups, link=link), status)


def _codes(codes: tuple[str, ...], onward: str) -> Response:
    return make_response(render_template("handler/recovery_codes.html", codes=codes, onward=onward))
