"""The pages beside the form: first page, and the way out."""

from __future__ import annotations

from flask import make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from intake import drafts
from intake.answers import Answers
from intake.citizen import browser
from intake.citizen.forms import BeginForm
from intake.citizen.surface import bp
from intake.extensions import settings
from intake.languages import chosen
from intake.web import is_from_elsewhere

# What is shown to its own browser alone.
OWN = ("/skriv/", "/kvitto")


@bp.get("/")
def start() -> str:
    """Tell what this is, before any cookie and any row."""
    return render_template("citizen/start.html")


@bp.post("/borja")
def begin() -> AnyResponse:
    """Make a draft and go to its first question.

    Without a token, so that the first page needs no cookie: it takes nothing from anybody.
    """
    if is_from_elsewhere():
        return make_response(render_template("citizen/start.html"), 403)
    form = BeginForm()
    if not form.validate():
        return make_response(render_template("citizen/rescue.html", form=form), 422)
    is_new = browser.key() is None
    answers = Answers(heading=form.heading.data or "", text=form.text.data or "", language=chosen().code)
    draft_id = drafts.begin(browser.make_key(), answers)
    return redirect(url_for(".subject", draft_id=draft_id, ny=1 if is_new else None), 303)


@bp.get("/borja")
def back_to_start() -> AnyResponse:
    """Lead from the address that only a button goes to, as a change of language does, to its page."""
    return redirect(url_for(".start"), 303)


@bp.before_request
def turn_back() -> AnyResponse | None:
    """Lead a browser that has no key from what was somebody's own to the empty first page.

    So Back shows nothing after the quick exit. A browser that has just begun (``ny``) and yet has no
    key takes no cookies, and is told so; one that has its key drops the mark from its address.
    """
    if request.method != "GET" or not request.path.startswith(OWN):
        return None
    is_new = "ny" in request.args
    if browser.key() is None:
        return browser.no_cookie() if is_new else redirect(url_for(".start"), 303)
    return redirect(url_for(str(request.endpoint), **(request.view_args or {})), 303) if is_new else None


@bp.post("/lamna")
def leave() -> AnyResponse:
    """Forget this browser's key and show something else, whatever state the page was in."""
    if is_from_elsewhere():
        return redirect(url_for(".start"), 303)
    browser.forget_all()
    page = render_template("citizen/leave.html", target=settings().tables.authority.exit_url)
    return make_response(page, 200, {"Clear-Site-Data": '"cache"'})


@bp.get("/lamna")
def left() -> AnyResponse:
    """Go to the first page: there is nothing here to come back to."""
    return redirect(url_for(".start"), 303)
