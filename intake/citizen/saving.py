"""What is typed is kept while it is typed: asked for by the page's script, and nothing is refused.

It never sets the cookie. An answer that came late would bring back the key of a browser that has just
been told to forget it.
"""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, abort, request

from config.languages import SWEDISH
from intake import drafts
from intake.citizen import browser
from intake.citizen.fields import clean_line, clean_text, is_email
from intake.citizen.forms import ButtonForm
from intake.citizen.surface import bp
from intake.errors import Conflict, NotFound
from intake.extensions import STOCKHOLM, now
from intake.languages import chosen

# More than a page takes, so that what is too long is still there to be shortened.
MOST_BYTES = 450_000
MOST_CHARACTERS = 100_000
LINE_CHARACTERS = 1_000
TEXTS = ("text",)
LINES = ("heading", "place_words", "happened_words", "call_words")
# Kept as nothing at all when they are empty.
PERHAPS = ("name", "phone")
# What the fields of a matter's own questions begin with.
ANSWER = "svar_"


@bp.post("/skriv/<uuid:draft_id>/spara")
def save(draft_id: uuid.UUID) -> Response:
    """Keep the texts of a page as they are now; 204 and the time, and no page in any case."""
    if (request.content_length or 0) > MOST_BYTES:
        abort(Response(status=413))
    if not ButtonForm().validate():
        return Response(status=400)
    try:
        written = _written(draft_id)
        if written:
            drafts.write(draft_id, browser.key(), **written)
    except NotFound:
        return Response(status=404)
    except Conflict:
        return Response(status=409)
    return Response(status=204, headers={"Saved-At": _time()})


def _time() -> str:
    return now().astimezone(STOCKHOLM).strftime("%H.%M" if chosen().code == SWEDISH else "%H:%M")


def _written(draft_id: uuid.UUID) -> dict[str, Any]:
    """Return what the page's known texts say, cleaned as the page itself cleans them."""
    sent = request.form
    written: dict[str, Any] = {name: _text(name) for name in TEXTS if name in sent}
    written |= {name: _line(name) for name in LINES if name in sent}
    written |= {name: _line(name) or None for name in PERHAPS if name in sent}
    email = sent.get("email", "").strip(" ")
    # Half an address is none: sent by mistake, it would lead an answer astray.
    if is_email(email):
        written["email"] = email
    return written | _answered(draft_id)


def _answered(draft_id: uuid.UUID) -> dict[str, Any]:
    """Return the answers with those of this page that were written, not chosen."""
    if not any(name.startswith(ANSWER) for name in request.form):
        return {}
    answers = drafts.get(draft_id, browser.key()).answers
    written = {
        question.code: _text(ANSWER + question.code)
        for question in drafts.questions(answers)
        if not question.choices and ANSWER + question.code in request.form
    }
    return {"questions": {**answers.questions, **written}}


def _text(name: str) -> str:
    return clean_text(request.form[name])[:MOST_CHARACTERS]


def _line(name: str) -> str:
    return clean_line(request.form[name])[:LINE_CHARACTERS]
