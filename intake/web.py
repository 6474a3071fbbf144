"""What both surfaces share: a strict request, headers on every answer, kind error pages, health."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import IO, Any, BinaryIO

from flask import Flask, Request, Response, current_app, render_template, request
from sqlalchemy import text
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from werkzeug.exceptions import BadRequest, ClientDisconnected, HTTPException
from werkzeug.wsgi import wrap_file

from config.settings import Settings
from intake import hosts, storage
from intake.errors import StorageError, to_translate
from intake.extensions import db, now, settings
from intake.files import disposition
from intake.proxies import BehindProxies
from intake.words import in_day, in_digits, in_groups, in_words

log = logging.getLogger(__name__)

FORM_BYTES = 4 * 1024 * 1024
DATABASE_AWAY = (OperationalError, InterfaceError, NoConnectionFree)
RETRY_SECONDS = 30
# What the safe views of files are made as (intake/files/drawing); no other type is ever shown.
PICTURES = ("image/jpeg", "image/png")

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self';"
        " form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# What is saved or drawn can do nothing in our origin, whatever it turns out to be.
BYTES_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
STRICT_TRANSPORT = "max-age=63072000; includeSubDomains"


@dataclass(frozen=True)
class Problem:
    """An error page: its heading, what happened and what is safe, and what to do now."""

    status: int
    heading: str
    paragraphs: tuple[str, ...]


PROBLEMS = {
    400: Problem(
        400,
        to_translate("Vi kunde inte läsa det som skickades"),
        (
            to_translate("Inget är skickat till oss. Det du hade sparat förut finns kvar."),
            to_translate("Gå tillbaka, ladda om sidan och försök igen."),
        ),
    ),
    403: Problem(
        403,
        to_translate("Du kan inte göra det här"),
        (to_translate("Inget är ändrat. Gå tillbaka, eller börja om från första sidan."),),
    ),
    404: Problem(
        404,
        to_translate("Sidan finns inte"),
        (
            to_translate("Adressen kan vara fel, eller så finns sidan inte kvar."),
            to_translate(
                "Ett formulär som inte är skickat finns kvar i 24 timmar, och bara i den webbläsare där det"
                " började."
            ),
        ),
    ),
    405: Problem(
        405,
        to_translate("Sidan går inte att öppna så"),
        (to_translate("Inget är ändrat. Gå tillbaka, eller börja om från första sidan."),),
    ),
    413: Problem(
        413,
        to_translate("Det du skickade är för stort"),
        (
            to_translate("Inget av det sista är sparat. Det du hade sparat förut finns kvar."),
            to_translate("Gå tillbaka och försök med mindre åt gången."),
        ),
    ),
    429: Problem(
        429,
        to_translate("För många försök"),
        (
            to_translate("Det har kommit många försök på kort tid. Det du hade sparat förut finns kvar."),
            to_translate("Vänta en stund och försök sedan igen."),
        ),
    ),
    500: Problem(
        500,
        to_translate("Något gick fel hos oss"),
        (
            to_translate(
                "Räkna med att det sista du gjorde inte är sparat. Det du hade sparat förut finns kvar."
                " Gå tillbaka och försök igen."
            ),
            to_translate("Hjälper det inte kan du vänta en stund, eller ringa oss."),
        ),
    ),
}
BROKEN = Problem(
    400,
    to_translate("Sändningen avbröts"),
    (
        to_translate(
            "Allt kom inte fram, så vi har inte sparat något av det sista. Det du redan hade sparat finns"
            " kvar."
        ),
        to_translate("Gå tillbaka och försök igen. Är filen stor kan en bättre uppkoppling hjälpa."),
    ),
)
AWAY = Problem(
    503,
    to_translate("Tjänsten svarar inte just nu"),
    (
        to_translate("Inget är skickat. Felet ligger hos oss, inte hos dig."),
        to_translate("Vänta en stund och försök igen. Det du hade sparat före den här sidan finns kvar."),
    ),
)


MISDIRECTED = replace(PROBLEMS[404], status=421)


class SendingBroken(BadRequest):
    """The body ended too early or cannot be parsed: the sending was cut off."""


class StrictRequest(Request):
    """A request whose form is whole or refused: a dropped upload never looks like an empty form."""

    def _get_file_stream(self, *args: Any, **options: Any) -> IO[bytes]:
        stream = super()._get_file_stream(*args, **options)
        self._streams.append(stream)
        return stream

    def _load_form_data(self) -> None:
        if self.mimetype != "multipart/form-data":
            # Such a body is read into memory at once, so it may not be as large as files may.
            self.max_content_length = FORM_BYTES
        try:
            super()._load_form_data()
        except (ValueError, ClientDisconnected) as error:
            raise SendingBroken from error

    @cached_property
    def _streams(self) -> list[IO[bytes]]:
        return []

    def close(self) -> None:
        """Close what was received, also when it was cut off before it became a form."""
        for stream in self._streams:
            stream.close()
        super().close()

    def make_form_data_parser(self):  # type: ignore[no-untyped-def]
        """Return werkzeug's parser, told not to swallow errors."""
        parser = super().make_form_data_parser()
        parser.silent = False
        return parser


def init_app(app: Flask) -> None:
    """Give an app the strict request, the headers, the error pages, the filters and /healthz."""
    app.request_class = StrictRequest
    app.config.update(
        # Longer than a draft: what is saved while somebody types, or sent in parts, gives the draft
        # new time without setting the cookie, and the draft's row alone says when it is over.
        PERMANENT_SESSION_LIFETIME=timedelta(days=7),
        SESSION_REFRESH_EACH_REQUEST=False,
        # We send no Referer and many browsers hide it, so its absence must refuse nobody; the
        # token is bound to the session, and SameSite keeps the session at home.
        WTF_CSRF_SSL_STRICT=False,
    )
    given: Settings = app.extensions["settings"]
    app.wsgi_app = BehindProxies(app.wsgi_app, given.trusted_proxies)  # type: ignore[method-assign]
    app.extensions["hosts"] = hosts.names_of(given)
    _answer_only_what_is_asked(app)
    app.before_request(_turn_away_strangers)
    app.after_request(_guard)
    app.add_url_rule("/healthz", "healthz", _healthz)
    app.jinja_env.filters.update(tid=in_words, dag=in_day, storlek=in_digits, grupper=in_groups)
    app.jinja_env.globals.update(asset=_asset)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(_shown_everywhere)
    app.register_error_handler(HTTPException, _http_problem)
    app.register_error_handler(Exception, _own_fault)
    for away in DATABASE_AWAY:
        app.register_error_handler(away, database_away)
    app.extensions["assets"] = _digests(Path(str(app.static_folder)))


def _answer_only_what_is_asked(app: Flask) -> None:
    """Have no methods and no addresses but those that a view names."""
    # Flask would answer OPTIONS everywhere, and send /a//b on to a whole address made from the Host header.
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False
    for rule in app.url_map.iter_rules("static"):
        rule.methods = {"GET", "HEAD"}


def problem_of(status: int) -> Problem:
    """Return the page for a status: its own, or the general one of its hundred."""
    if status in PROBLEMS:
        return PROBLEMS[status]
    # 501 speaks of what was asked for, not of a fault here.
    return replace(PROBLEMS[400 if status in (*range(400, 500), 501) else 500], status=status)


def show_problem(problem: Problem, *, headers: Mapping[str, str] | None = None, **shown: object) -> Response:
    """Answer with an error page.

    It touches neither the database nor the storage, since they may be what is away.
    """
    page = render_template("problem.html", problem=problem, **shown)
    return Response(page, problem.status, headers, mimetype="text/html")


def database_away(error: Exception, problem: Problem = AWAY) -> Response:
    """Answer 503 when PostgreSQL is away, with what was posted, so that no text is lost."""
    log.error("the database is away: %s", type(getattr(error, "orig", error)).__name__)
    return show_problem(problem, again=posted(), headers={"Retry-After": str(RETRY_SECONDS)})


def is_from_elsewhere() -> bool:
    """Say whether another site made the browser send this, for forms that must work without a token."""
    return request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")


def _turn_away_strangers() -> Response | None:
    """Answer under our own host name alone, and let no other site load what is here into its pages."""
    if request.endpoint == "healthz":
        # A load balancer asks by address.
        return None
    if hosts.name_in(request.host) not in current_app.extensions["hosts"]:
        log.warning("refused a host name that is not in PUBLIC_URL or HANDLER_URL")
        page = render_template("misdirected.html", problem=MISDIRECTED, home=hosts.home_of(settings()))
        return Response(page, MISDIRECTED.status, mimetype="text/html")
    if is_from_elsewhere() and not _is_opened():
        return show_problem(PROBLEMS[403])
    return None


def _is_opened() -> bool:
    """Say whether the browser opens this as a page, and not as part of one; true where it does not tell."""
    sent = request.headers
    return (sent.get("Sec-Fetch-Mode", "navigate"), sent.get("Sec-Fetch-Dest", "document")) == (
        "navigate",
        "document",
    )


def as_download(stream: BinaryIO, name: str, size_bytes: int) -> Response:
    """Answer with bytes that are saved under a name and never shown; the stream goes out in parts."""
    return _as_bytes(stream, size_bytes, "application/octet-stream", disposition(name))


def as_picture(stream: BinaryIO, name: str, size_bytes: int, media_type: str) -> Response:
    """Answer with a picture that we made ourselves; ValueError for any type but those that we make."""
    if media_type not in PICTURES:
        raise ValueError(f"{media_type} is no type of our pictures")
    return _as_bytes(stream, size_bytes, media_type, disposition(name, "inline"))


def _as_bytes(stream: BinaryIO, size_bytes: int, media_type: str, how: str) -> Response:
    response = Response(wrap_file(request.environ, stream), direct_passthrough=True)
    response.call_on_close(stream.close)
    response.content_length = size_bytes
    response.headers["Content-Type"] = media_type
    response.headers["Content-Disposition"] = how
    response.headers["Content-Security-Policy"] = BYTES_POLICY
    response.headers["Cache-Control"] = "no-store"
    return response


def posted() -> dict[str, str]:
    """Return the posted fields, to be sent once more from an error page; never a password or file."""
    if request.method != "POST" or request.mimetype == "multipart/form-data":
        return {}
    if any("password" in name for name in request.form):
        return {}
    return dict(request.form.items())


def _http_problem(error: HTTPException) -> Response:
    if error.response is not None or error.code is None or error.code < 400:
        return error.get_response()  # type: ignore[return-value]
    problem = BROKEN if isinstance(error, SendingBroken) else PROBLEMS.get(error.code)
    if problem is None:
        problem = Problem(error.code, PROBLEMS[400].heading, PROBLEMS[400].paragraphs)
    kept = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    return show_problem(problem, headers=kept)


def _own_fault(error: Exception) -> Response:
    if current_app.testing:
        raise error
    log.exception("an error that nobody foresaw, at %s", request.endpoint)
    return show_problem(PROBLEMS[500], again=posted())


def _guard(response: Response) -> Response:
    """Set the headers that a view has not set itself (a file for download has a stricter policy)."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if current_app.config["SESSION_COOKIE_SECURE"]:
        response.headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
    if request.endpoint == "static" and response.status_code in (200, 206, 304):
        age = "public, max-age=31536000, immutable" if "v" in request.args else "no-cache"
        response.headers["Cache-Control"] = age
    else:
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _shown_everywhere() -> dict[str, object]:
    authority = settings().tables.authority
    return {
        "authority": authority,
        "is_demonstration": not authority.is_confirmed,
        "is_public": "citizen" in current_app.blueprints,
    }


def _asset(name: str) -> str:
    """Return the address of a static file, with its digest so that it may be cached for good."""
    # Without the language's prefix: one address for all languages is fetched once.
    return f"/static/{name}?v={current_app.extensions['assets'].get(name)}"


def _digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        for path in files
    }


def _healthz() -> Response:
    """Say whether a matter can be accepted; asked anew once a second, and no more is told."""
    second = int(now().timestamp())
    known: tuple[int, bool] | None = current_app.extensions.get("health")
    if known is None or known[0] != second:
        known = current_app.extensions["health"] = (second, _can_accept())
    words, status = ("ok", 200) if known[1] else ("not ok", 503)
    return Response(words, status, mimetype="text/plain")


def _can_accept() -> bool:
    write = text(
        "INSERT INTO limit_count (what, key_hash, window_start, count) VALUES ('healthz', :key, now(), 0)"
    )
    try:
        with db.engine.connect() as connection:
            connection.execute(write, {"key": hashlib.sha256(str(id(connection)).encode()).hexdigest()})
            connection.rollback()
        storage.current().check()
    except (SQLAlchemyError, StorageError) as error:
        log.error("healthz: %s", type(error).__name__)
        return False
    return True
