"""Sign-in by the organisation: out to its provider and back, and what is told when that does not work."""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import cast

from flask import make_response, redirect, render_template, request, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from intake import access, limits, web
from intake.access import linking, oidc, provider, sessions
from intake.errors import NotAllowed, ProviderAway
from intake.extensions import now, settings
from intake.handler.gate import agent, enter, renew
from intake.handler.surface import bp

log = logging.getLogger(__name__)

# A sign-in that is not finished by then is begun anew, and so is the oldest of more than these tabs.
STARTED_LASTS = timedelta(minutes=15)
TABS = 3

AWAY = web.Problem(
    503,
    "Organisationens inloggning svarar inte just nu",
    (
        "Det går inte att logga in så länge den inte svarar. Det du har sparat finns kvar.",
        "Vänta en stund och försök igen. Hjälper det inte, hör av dig till er it-support.",
    ),
)
STALE = web.Problem(
    400,
    "Inloggningen blev inte klar",
    ("Den hade väntat för länge eller hörde till en annan flik. Inget är ändrat.", "Börja om, så går det."),
)
TURNED_BACK = web.Problem(
    403,
    "Inloggningen avbröts",
    ("Du är inte inloggad. Du kan börja om när du vill.",),
)
REFUSED = web.Problem(
    403,
    "Det gick inte att logga in här",
    (
        "Din inloggning hos organisationen öppnar inget konto i den här tjänsten.",
        "Ska du arbeta här, be den som lägger upp konton att se över ditt.",
    ),
)
TOO_WEAK = web.Problem(
    403,
    "Du behöver logga in på ett säkrare sätt",
    (
        "Den här tjänsten kräver till exempel kort eller engångskod, och du loggade in utan.",
        "Börja om och välj ett sådant sätt.",
    ),
)
TOO_MANY = web.Problem(
    429,
    "Det har varit för många försök",
    ("Vänta en kvart och försök igen.",),
)
# What a provider says instead of a code; whatever else it says, the person turned back.
SAID = {
    "server_error": AWAY,
    "temporarily_unavailable": AWAY,
    "unmet_authentication_requirements": TOO_WEAK,
}


@bp.get("/logga-in/sso")
def single_sign_on() -> Response:
    """Send the browser to the organisation's sign-in.

    ``?igen=ja`` proves once more who is signed in here; ``?om=ja`` lets it be somebody else there.
    """
    is_proof = current_user.is_authenticated and request.args.get("igen") == "ja"
    if current_user.is_authenticated and not is_proof:
        return redirect(url_for(".inbox"), 303)
    client, here = provider.client(), _address(".single_sign_on_answer")
    started = oidc.start(now(), is_proof=is_proof)
    is_anew = request.args.get("om") == "ja"
    address = oidc.address_to_ask(provider.current(), client, started, here, is_anew=is_anew)
    _keep(started)
    return redirect(address, 303)


@bp.get("/logga-in/sso/svar")
def single_sign_on_answer() -> Response:
    """Take what the browser brings back; it opens one thing, once, and only what this browser began."""
    provider.client()
    network = limits.network_of(request.remote_addr)
    if limits.count("sign_in.network", network, window=sessions.WINDOW) >= sessions.TRIES_BY_NETWORK:
        return _show(TOO_MANY)
    started = _take(request.args.get("state"))
    if started is None:
        # Another tab may have been quicker.
        return redirect(url_for(".inbox"), 303) if current_user.is_authenticated else _show(STALE)
    try:
        return _prove(started) if started.is_proof else _let_in(started)
    except NotAllowed as refused:
        limits.hit("sign_in.network", network, window=sessions.WINDOW)
        return _show(_problem(refused))


@bp.get("/logga-in/sso/ut")
def leave() -> Response:
    """Sign out of the provider too, when the session here has ended.

    The page goes on by itself: a form of ours may lead nowhere else (CSP form-action), a page may.
    """
    try:
        address = oidc.address_to_leave(provider.current(), provider.client(), _address(".sign_in_page"))
    except ProviderAway as away:
        log.error("the provider of sign-ins is away: %s", away)
        address = None
    if address is None:
        return redirect(url_for(".sign_in_page"), 303)
    return make_response(render_template("handler/leaving.html", address=address))


@bp.errorhandler(ProviderAway)
def provider_away(error: ProviderAway) -> Response:
    """Tell that the organisation's sign-in is away, and what to do."""
    log.error("the provider of sign-ins is away: %s", error)
    response = _show(AWAY)
    response.headers["Retry-After"] = str(web.RETRY_SECONDS)
    return response


def _let_in(started: oidc.Started) -> Response:
    """Begin a session; whatever session there was before ends."""
    token = linking.sign_in(_answer(), started, _address(".single_sign_on_answer"), agent())
    if current_user.is_authenticated:
        access.sign_out(_person())
    return enter(token)


def _prove(started: oidc.Started) -> Response:
    if not current_user.is_authenticated:
        return _show(STALE)
    renew(linking.prove(_answer(), started, _address(".single_sign_on_answer"), _person()))
    return redirect(session.pop("asked", None) or url_for(".account"), 303)


def _answer() -> oidc.Answer:
    said = request.args
    return oidc.Answer(said.get("state"), said.get("code"), said.get("iss"), said.get("error"))


def _problem(refused: NotAllowed) -> web.Problem:
    if isinstance(refused, oidc.NotGiven):
        return SAID.get(str(refused), TURNED_BACK)
    if isinstance(refused, oidc.TooWeak):
        return TOO_WEAK
    # What is refused for another reason is a session that ended while its person proved who it is.
    return REFUSED if isinstance(refused, oidc.AnswerRefused) else STALE


def _show(problem: web.Problem) -> Response:
    page = render_template("handler/sign_in_problem.html", problem=problem)
    return make_response(page, problem.status)


def _keep(started: oidc.Started) -> None:
    """Let the browser keep what it began, signed by us; a tab that is opened later forgets no other."""
    kept = asdict(started) | {"at": started.at.isoformat()}
    session["started"] = [kept, *session.get("started", [])][:TABS]


def _take(state: str | None) -> oidc.Started | None:
    """Take what this browser began with this state; nobody gets it again, by an old cookie either."""
    kept = session.get("started", [])
    mine = [found for found in kept if found["state"] == state]
    session["started"] = [found for found in kept if found["state"] != state]
    if not mine or limits.hit("sign_in.state", mine[0]["state"], window=timedelta(days=1)) > 1:
        return None
    started = oidc.Started(**mine[0] | {"at": datetime.fromisoformat(mine[0]["at"])})
    return started if now() - started.at < STARTED_LASTS else None


def _address(endpoint: str) -> str:
    """Return the whole address of a page here, by the settings and not by what a browser says."""
    known = settings()
    return f"{known.handler_url if known.surface == 'handler' else known.public_url}{url_for(endpoint)}"


def _person() -> access.Person:
    return cast(access.Person, current_user._get_current_object())
