"""When something is wrong on the handlers' side: what happened, what is safe, and what to do now."""

from __future__ import annotations

import logging

from flask import make_response, render_template, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from intake import web
from intake.errors import NotFound, StorageError
from intake.handler.gate import written
from intake.handler.surface import bp

log = logging.getLogger(__name__)

HERE = {
    403: web.Problem(
        403,
        "Din roll räcker inte till det",
        (
            "Du får läsa ärendet, men din roll i enheten låter dig inte göra det här. Inget är ändrat.",
            "Be en kollega som handlägger, eller enhetens samordnare om en annan roll.",
        ),
    ),
    404: web.Problem(
        404,
        "Sidan finns inte",
        ("Adressen kan vara fel, eller så står ärendet i en enhet där du inte arbetar.",),
    ),
    413: web.Problem(
        413,
        "Det du skickade är för stort",
        ("Inget är ändrat. Gå tillbaka och välj färre eller mindre filer.",),
    ),
}
AWAY = web.Problem(
    503,
    "Databasen svarar inte just nu",
    ("Räkna med att det sista du gjorde inte är sparat.", "Vänta en stund och försök igen."),
)
STORAGE_AWAY = web.Problem(
    503,
    "Filerna går inte att nå just nu",
    ("Inget är ändrat.", "Vänta en stund och försök igen."),
)


def show(problem: web.Problem) -> Response:
    """Answer with an error page and whatever was written; touches neither database nor storage."""
    page = render_template("handler/problem.html", problem=problem, kept=written())
    return make_response(page, problem.status)


def http_problem(error: HTTPException) -> Response:
    """Show an HTTP error in the handlers' own words."""
    if error.response is not None or error.code is None or error.code < 400:
        return error.get_response()
    if isinstance(error, web.SendingBroken):
        return make_response(render_template("handler/problem.html", problem=web.BROKEN, kept=[]), 400)
    problem = HERE.get(error.code) or web.PROBLEMS.get(error.code) or web.PROBLEMS[400]
    # A body that is too large, or cut off, cannot be read for what was written.
    kept = [] if error.code in (400, 413) else written()
    response = make_response(render_template("handler/problem.html", problem=problem, kept=kept), error.code)
    response.headers.extend([pair for pair in error.get_headers() if pair[0] in ("Allow", "Retry-After")])
    return response


def not_found(_error: NotFound) -> Response:
    """Show the same 404 whether there is nothing or it is another unit's."""
    return show(HERE[404])


def database_away(error: Exception) -> Response:
    """Tell that PostgreSQL is away, and give back what was written."""
    log.error("the database is away: %s", type(getattr(error, "orig", error)).__name__)
    response = show(AWAY)
    response.headers["Retry-After"] = str(web.RETRY_SECONDS)
    return response


def storage_away(error: StorageError) -> Response:
    """Tell that the files cannot be reached, and give back what was written."""
    log.exception("the storage failed at %s", request.endpoint, exc_info=error)
    return show(STORAGE_AWAY)


bp.register_error_handler(HTTPException, http_problem)
bp.register_error_handler(NotFound, not_found)
bp.register_error_handler(StorageError, storage_away)
for away in web.DATABASE_AWAY:
    bp.register_error_handler(away, database_away)


@bp.record_once
def own_the_surface(state: BlueprintSetupState) -> None:
    """Where there is no citizens' side, an unknown address gets the handlers' page as well."""
    if state.app.extensions["settings"].surface == "handler":
        state.app.register_error_handler(HTTPException, http_problem)
