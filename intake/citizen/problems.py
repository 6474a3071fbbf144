"""When something is wrong on the citizen's side: what happened, what is safe, and what to do now."""

from __future__ import annotations

import uuid

from flask import make_response, redirect, render_template, request, url_for
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response

from intake import drafts, web
from intake.citizen import browser
from intake.citizen.fields import clean_text
from intake.citizen.forms import BeginForm
from intake.citizen.surface import bp
from intake.errors import Conflict, IntakeError, NotFound, to_translate
from intake.extensions import settings
from intake.languages import _
from intake.words import in_digits

FORM_PAGES = ("subject", "concerns", "place", "story", "files", "contact")
TEXT_TOO_LONG = web.Problem(
    413,
    to_translate("Texten är för lång"),
    (
        to_translate("Det sista är inte sparat. Det du hade sparat förut finns kvar."),
        to_translate(
            "En text får ha högst 20 000 tecken. Gå tillbaka och korta den, eller lägg den i en fil."
        ),
    ),
)
TOO_MUCH_IN_IT = web.Problem(
    413,
    to_translate("Det var för många delar på en gång"),
    (
        to_translate("Inget av det är sparat. Det du hade sparat förut finns kvar."),
        to_translate("Gå tillbaka och lägg till några filer åt gången. En lång text kan du lägga i en fil."),
    ),
)
# The database may have gone with the matter safely in it, before it could say so.
UNSURE = web.Problem(
    503,
    to_translate("Tjänsten svarar inte just nu"),
    (
        to_translate(
            "Inget är skickat, så vitt vi vet. Felet ligger hos oss, inte hos dig. Det du har skrivit är"
            " sparat."
        ),
        to_translate(
            "Vänta en stund och tryck på Försök igen. Skulle det ändå ha kommit fram får du samma kvitto:"
            " det blir aldrig två ärenden."
        ),
    ),
)


@bp.errorhandler(NotFound)
def not_here(_error: NotFound) -> Response:
    """Show a kind 404; a text that was posted to a draft that is gone is given back."""
    if request.method == "POST" and request.mimetype != "multipart/form-data" and request.form.get("text"):
        form = BeginForm()
        form.validate()
        form.text.data = "\n\n".join([form.text.data or "", *_answered()])
        return make_response(render_template("citizen/rescue.html", form=form), 404)
    return web.show_problem(web.PROBLEMS[404], is_draft="draft_id" in (request.view_args or {}))


def _answered() -> list[str]:
    """Return the answers that were posted beside a text, each under its question."""
    categories = settings().tables.categories.all
    asked = {question.code: question.words for category in categories for question in category.questions}
    return [
        f"{asked[code]}\n{clean_text(words)}"
        for name, words in request.form.items()
        if (code := name.removeprefix("svar_")) in asked and clean_text(words)
    ]


@bp.errorhandler(Conflict)
def already_sent(_error: Conflict) -> Response:
    """Lead from a draft that is sent to its receipt."""
    draft_id: uuid.UUID = (request.view_args or {})["draft_id"]
    browser.remember_receipt(draft_id)
    return redirect(url_for(".receipt"), 303)


@bp.errorhandler(RequestEntityTooLarge)
def too_large(_error: RequestEntityTooLarge) -> Response:
    """Tell that the body was too large, with the way out that fits its size."""
    draft = _find_draft()
    back = _page_of(draft)
    if request.mimetype != "multipart/form-data":
        return web.show_problem(TEXT_TOO_LONG, back=back)
    limits = settings().tables.files
    size = request.content_length
    if size is not None and size <= limits.max_request_bytes:
        return web.show_problem(TOO_MUCH_IN_IT, back=back)
    is_small = size is not None and size <= limits.mail_way_out_bytes
    most = in_digits(limits.max_file_bytes)
    words = [
        _("Du skickade %(size)s på en gång. Högst %(most)s går åt gången.", size=in_digits(size), most=most)
        if size
        else _("Högst %(most)s går åt gången.", most=most),
        _("Inget av det är sparat. Det du hade sparat förut finns kvar."),
    ]
    if not is_small:
        words.append(
            _(
                "Var det flera filer? Lägg till dem en i taget. Är en enda fil så stor? Skicka din text nu,"
                " och skriv i den att du har filen. Då kan en handläggare säga hur du lämnar den."
            )
        )
    problem = web.Problem(413, _("Filerna är för stora för att skickas på en gång"), tuple(words))
    return web.show_problem(problem, back=back, address=draft.address if draft and is_small else None)


@bp.errorhandler(web.SendingBroken)
def broken(_error: web.SendingBroken) -> Response:
    """Tell that the sending was cut off."""
    return web.show_problem(web.BROKEN, back=_page_of(_find_draft()))


def database_away(error: Exception) -> Response:
    """Tell that nothing is sent, and keep what was written on the page."""
    return web.database_away(error, UNSURE if request.endpoint == "citizen.send" else web.AWAY)


for away in web.DATABASE_AWAY:
    bp.register_error_handler(away, database_away)


def _find_draft() -> drafts.OpenDraft | None:
    draft_id = (request.view_args or {}).get("draft_id")
    try:
        return drafts.get(draft_id, browser.key()) if draft_id else None
    except (IntakeError, SQLAlchemyError):
        return None


def _page_of(draft: drafts.OpenDraft | None) -> str | None:
    """Return the page to go back to, when the draft is this browser's own."""
    if draft is None or request.endpoint is None:
        return None
    name = request.endpoint.removeprefix("citizen.").replace("remove_file", "files")
    return url_for(f".{name if name in FORM_PAGES else 'check'}", draft_id=draft.id)
