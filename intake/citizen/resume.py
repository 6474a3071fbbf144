"""Going on with a form that was begun, on any device, by the code that it was given."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import ValidationError

from intake import drafts, limits
from intake.citizen import browser
from intake.citizen.fields import Form, clean_line
from intake.citizen.flow import pages_of
from intake.citizen.surface import bp
from intake.errors import NotFound
from intake.languages import _, later

WINDOW = timedelta(hours=1)
TRIES_PER_HOUR = 60
CODE_CHARACTERS = 100


class ResumeForm(Form):
    """The code that opens a form once more.

    It has a token, so that no other site can make a browser write in a form that somebody else can open.
    """

    code = StringField(later("Kod för att fortsätta"), filters=[clean_line])

    def validate_code(self, field: Any) -> None:
        if not field.data:
            raise ValidationError(_("Skriv koden: sexton tecken i fyra grupper."))
        if len(field.data) > CODE_CHARACTERS:
            raise ValidationError(_unknown())


def _unknown() -> str:
    # The same for a code that never was and for one whose form is gone, which says nothing of either.
    return str(
        _("Vi hittar inget formulär med den koden. Kontrollera den. Ett formulär finns kvar i 24 timmar.")
    )


@bp.route("/fortsatt", methods=["GET", "POST"])
def resume() -> Response:
    """Open a form by its code, which is never in an address."""
    form = ResumeForm()
    if not form.is_submitted():
        return _page(form)
    if not browser.sent_cookie():
        return browser.no_cookie()
    if not form.validate():
        return _page(form, 422)
    if limits.is_over("resume", limits.network_of(request.remote_addr), TRIES_PER_HOUR, window=WINDOW):
        form.code.errors = [_("Det har varit för många försök härifrån. Vänta en stund och försök igen.")]
        return _page(form, 429)
    try:
        draft_id = drafts.resume(form.code.data or "", browser.make_key())
    except NotFound:
        form.code.errors = [_unknown()]
        return _page(form, 422)
    return _go_on(drafts.get(draft_id, browser.key()))


def _page(form: ResumeForm, status: int = 200) -> Response:
    page = make_response(render_template("citizen/resume.html", form=form), status)
    if status == 429:
        page.headers["Retry-After"] = str(int(WINDOW.total_seconds()))
    return page


def _go_on(draft: drafts.OpenDraft) -> Response:
    """Lead to the receipt of what is sent, to what is not answered yet, or to the last look."""
    if draft.receipt:
        browser.remember_receipt(draft.id)
        return redirect(url_for(".receipt"), 303)
    return redirect(url_for(f".{_first_open(draft)}", draft_id=draft.id), 303)


def _first_open(draft: drafts.OpenDraft) -> str:
    """Return the first page of the draft that wants an answer and has none, else the last look."""
    answers = draft.answers
    is_placed = answers.municipality if answers.place == "municipality" else answers.place
    is_answered = {"subject": answers.choice, "place": is_placed, "story": draft.is_sendable}
    return next((page for page in pages_of(draft) if not is_answered.get(page, True)), "check")
