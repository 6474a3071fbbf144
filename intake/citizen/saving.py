"""What is filled in is kept while it is: asked for by the page's script, and nothing is refused.

It never sets the cookie. An answer that came late would bring back the key of a browser that has just
been told to forget it.
"""

from __future__ import annotations

import uuid

from flask import Response, abort, request

from config.languages import SWEDISH
from intake import drafts
from intake.citizen import browser
from intake.citizen.flow import flow_of
from intake.citizen.forms import ButtonForm
from intake.citizen.surface import bp
from intake.citizen.views import FORMS
from intake.errors import Conflict, NotFound
from intake.extensions import STOCKHOLM, now
from intake.languages import chosen

# More than a page takes, so that what is too long is still there to be shortened.
MOST_BYTES = 450_000


@bp.post("/skriv/<uuid:draft_id>/spara")
def save(draft_id: uuid.UUID) -> Response:
    """Keep a page as it is now; 204 and the time, and no page in any case.

    The address tells which page it is (``sida``) and in which turn of the draft it was shown (``varv``). 409
    when a page has been sent since then: what comes so late is older than that.
    """
    if (request.content_length or 0) > MOST_BYTES:
        abort(Response(status=413))
    if not ButtonForm().validate():
        return Response(status=400)
    try:
        is_kept = _keep(draft_id, request.args.get("sida", ""), request.args.get("varv", -1, type=int))
    except NotFound:
        return Response(status=404)
    except Conflict:
        return Response(status=409)
    return Response(status=204, headers={"Saved-At": _time()}) if is_kept else Response(status=409)


def _keep(draft_id: uuid.UUID, page: str, turn: int) -> bool:
    """Keep what a page of the draft says so far; False when its turn is over."""
    draft = drafts.get(draft_id, browser.key())
    if page not in FORMS or flow_of(draft, page).here != page:
        raise NotFound("no such page in this draft")
    said = FORMS[page](draft).said_so_far()
    return drafts.write(draft_id, browser.key(), turn=turn, **said) == turn


def _time() -> str:
    return now().astimezone(STOCKHOLM).strftime("%H.%M" if chosen().code == SWEDISH else "%H:%M")
