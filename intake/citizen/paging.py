"""What every page of a draft does: opens it, keeps what was answered, shows itself, and leads on."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from intake import drafts
from intake.answers import category_of, choice_of
from intake.citizen import browser
from intake.citizen.fields import Form, PageForm
from intake.citizen.flow import flow_of
from intake.citizen.surface import bp
from intake.errors import Conflict
from intake.extensions import settings
from intake.languages import chosen


def open_draft(draft_id: uuid.UUID, page: str = "") -> drafts.OpenDraft:
    """Return this browser's draft; NotFound for another's, Conflict when it is already sent.

    ``page`` is what is asked for: one that the draft does not have leads to the one after it.
    """
    draft = drafts.get(draft_id, browser.key())
    if draft.receipt:
        raise Conflict("the draft is already sent")
    if page:
        here = flow_of(draft, page).here
        if here != page and page != "choice":
            abort(redirect(url_for(f"citizen.{here}", draft_id=draft_id, till=target()), 303))
        if page == "choice" and here != "subject":
            abort(redirect(url_for(f"citizen.{here}", draft_id=draft_id), 303))
    return draft


def write(draft_id: uuid.UUID, **answers: Any) -> None:
    """Keep answers, and the language that they were given in."""
    drafts.write(draft_id, browser.key(), language=chosen().code, **answers)
    browser.stay()


def show(name: str, draft: drafts.OpenDraft, form: Form, **shown: Any) -> Response:
    """Answer with a page of a draft: 422 when something on it is wrong."""
    page = render_template(
        f"citizen/{name}.html",
        draft=draft,
        form=form,
        flow=flow_of(draft, name),
        chosen=choice_of(draft.answers),
        category=category_of(draft.answers),
        target=target(),
        is_kept=isinstance(form, PageForm),
        resume_at=settings().public_url + url_for("citizen.resume"),
        **shown,
    )
    return make_response(page, 422 if form.errors else 200)


def target() -> str | None:
    """Return where the person wants to be next, when they came from the check page."""
    return "granska" if request.args.get("till") == "granska" else None


def onward(draft: drafts.OpenDraft, page: str) -> AnyResponse:
    """Go on from a page: to the next one, or back to the check page when the person came from there."""
    following = "check" if target() else flow_of(draft, page).next
    return redirect(url_for(f"citizen.{following}", draft_id=draft.id), 303)


def again(page: str, draft_id: uuid.UUID, **values: Any) -> AnyResponse:
    """Go to a page, and remember whether the person came from the check page."""
    return redirect(url_for(f"citizen.{page}", draft_id=draft_id, till=target(), **values), 303)


@bp.get("/skriv/<uuid:draft_id>/skicka")
@bp.get("/skriv/<uuid:draft_id>/rensa")
def back_to_check(draft_id: uuid.UUID) -> AnyResponse:
    """Lead from an address that only a button goes to, as a change of language does, to its page."""
    return again("check", open_draft(draft_id).id)


@bp.get("/skriv/<uuid:draft_id>/filer/<uuid:file_id>/ta-bort")
def back_to_files(draft_id: uuid.UUID, file_id: uuid.UUID) -> AnyResponse:  # noqa: ARG001
    """Lead from the address that takes a file out to the page with the files."""
    return again("files", open_draft(draft_id).id)
