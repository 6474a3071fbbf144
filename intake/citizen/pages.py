"""The pages beside the form: first page, receipt, status, and the way out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Response, make_response, redirect, render_template, request, url_for
from sqlalchemy import text
from werkzeug.wrappers import Response as AnyResponse

from intake import codes, drafts, limits
from intake.citizen import browser
from intake.citizen.forms import BeginForm, ButtonForm, StatusForm
from intake.citizen.surface import bp
from intake.errors import NotFound
from intake.extensions import db, settings
from intake.web import PROBLEMS, is_from_elsewhere, show_problem

TRIES_PER_HOUR = 60
# Of these matters the law lets us tell that they have come and are registered, and no more here.
QUIET_REGIMES = ("brottsdata", "manual")
TAKEN = ("assigned", "in_progress", "awaiting_citizen", "handed_over", "answered", "closed", "archived")


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
    answers = drafts.Answers(heading=form.heading.data or "", text=form.text.data or "")
    draft_id = drafts.begin(browser.make_key(), answers)
    return redirect(url_for(".subject", draft_id=draft_id), 303)


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


@bp.get("/kvitto")
def receipt() -> str:
    """Show the receipt of what this browser sent last."""
    draft_id = browser.receipt()
    draft = drafts.get(draft_id, browser.key()) if draft_id else None
    if draft is None or draft.receipt is None:
        raise NotFound("no receipt in this browser")
    return render_template("citizen/receipt.html", draft=draft, receipt=draft.receipt, form=ButtonForm())


@dataclass(frozen=True)
class Step:
    """A step that a person may be told of; ``at`` is None where only the step itself is told."""

    name: str
    is_reached: bool
    at: datetime | None = None


@bp.route("/folj", methods=["GET", "POST"])
def status() -> Response:
    """Tell how far a matter has come, to whoever has its reference and status code."""
    form = StatusForm()
    if not form.is_submitted():
        return make_response(render_template("citizen/status.html", form=form))
    if not form.validate():
        return make_response(render_template("citizen/status.html", form=form), 422)
    network = limits.network_of(request.remote_addr)
    if limits.hit("status", network, window=timedelta(hours=1)) > TRIES_PER_HOUR:
        return show_problem(PROBLEMS[429])
    found = _find_status(form.reference.data or "", form.code.data or "")
    if found is None:
        form.code.errors = ["Numret och koden hör inte ihop. Kontrollera båda och försök igen."]
        return make_response(render_template("citizen/status.html", form=form), 422)
    regime = settings().tables.categories.get(found.category).regime
    page = render_template("citizen/steps.html", steps=steps(found, regime), is_quiet=regime in QUIET_REGIMES)
    return make_response(page)


def _find_status(reference: str, code: str) -> Any:
    query = text("SELECT * FROM matter_status(:reference, :code_hash)")
    # A reference that cannot be one is asked for all the same, so that both take equally long.
    values = {"reference": codes.read_reference(reference) or "", "code_hash": codes.hash_code(code)}
    return db.session.execute(query, values).one_or_none()


def steps(found: Any, regime: str) -> tuple[Step, ...]:
    """Return the steps that may be told of a matter, as ``matter_status`` returned it."""
    told = (Step("Mottaget", True, found.received_at), Step("Registrerat", True, found.registered_at))
    if regime in QUIET_REGIMES:
        return told
    is_answered, is_closed = found.status == "answered", found.closed_at is not None
    is_taken = found.is_taken or found.status in TAKEN
    return (
        *told,
        Step("Hos handläggare", is_taken),
        *(() if is_closed and not is_answered else (Step("Besvarat", is_answered),)),
        Step("Avslutat", is_closed, found.closed_at),
    )
