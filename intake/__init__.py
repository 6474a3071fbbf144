"""Intake: citizen contact and case intake. Here it is wired together, and nothing else."""

from __future__ import annotations

import hashlib
import select
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError

from config.settings import DatabaseRole, Settings, SettingsError

ENGINE: Mapping[str, Any] = {
    "pool_size": 8,
    "max_overflow": 8,
    "pool_timeout": 10,
    # Values of rows are personal data; an error must not carry them into a log.
    "hide_parameters": True,
    "connect_args": {"connect_timeout": 5, "options": "-c lock_timeout=10s"},
}


class Cookies(SecureCookieSessionInterface):
    """Signed cookies as Flask's, by HMAC with SHA-256 instead of SHA-1."""

    digest_method = staticmethod(hashlib.sha256)


def create_app(
    settings: Settings,
    *,
    role: DatabaseRole | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    scanner: Any = None,
    post: Any = None,
    storage: Any = None,
) -> Flask:
    """Make the app of a surface, a worker or a command.

    Without ``role`` it serves the settings' surface under that surface's own database role;
    with one it serves no pages. ``clock``, ``scanner``, ``post`` and ``storage`` replace the
    ports in tests. Raises SettingsError.
    """
    from intake import languages, web

    _check_keys(settings, role)
    app = Flask("intake")
    app.session_interface = Cookies()
    app.config.update(_flask_settings(settings, role or _role_of(settings)))
    app.extensions["settings"] = settings
    app.extensions["clock"] = clock
    _fit_ports(app, settings, scanner, post, storage)
    _fit_extensions(app, settings)
    languages.init_app(app)
    web.init_app(app)
    if role is None:
        _fit_surfaces(app, settings)
    return app


def _check_keys(settings: Settings, role: DatabaseRole | None) -> None:
    """Refuse to start without the keys that seal addresses and sign cookies."""
    surfaces: tuple[Literal["citizen", "handler"], ...] = ("citizen", "handler")
    needed: dict[str, tuple[str | bytes, ...]] = {"ADDRESS_KEY": settings.address_keys}
    for surface in surfaces:
        if role is None and settings.surface in (surface, "all"):
            needed[f"SECRET_KEY_{surface.upper()}"] = settings.secret_keys[surface]
    for name, keys in needed.items():
        if not keys:
            raise SettingsError(name, "is not set; make one with `openssl rand -hex 32`.")


def _role_of(settings: Settings) -> DatabaseRole:
    # With both surfaces in one process (for trying only) one role must do for both.
    return "owner" if settings.surface == "all" else settings.surface


def _database_url(settings: Settings, role: DatabaseRole) -> str:
    url = settings.database_urls.get(role)
    if url is None:
        cure = "is not set; run `intake migrate`, which makes the roles and writes their URLs under var/."
        raise SettingsError(f"DATABASE_URL_{role.upper()}", cure)
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url


def _flask_settings(settings: Settings, role: DatabaseRole) -> dict[str, Any]:
    surface: Literal["citizen", "handler"] = "handler" if settings.surface == "handler" else "citizen"
    is_https = (settings.handler_url if surface == "handler" else settings.public_url).startswith("https://")
    limits = settings.tables.files
    newest, *older = settings.secret_keys[surface] or (None,)
    return {
        "SECRET_KEY": newest,
        "SECRET_KEY_FALLBACKS": older,
        # The signer wants the newest last. Pages that were open when a key was changed are believed too.
        "WTF_CSRF_SECRET_KEY": [*reversed(older), newest] if newest else None,
        "SESSION_COOKIE_NAME": ("__Host-" if is_https else "") + f"intake_{surface}",
        "SESSION_COOKIE_SECURE": is_https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "MAX_CONTENT_LENGTH": limits.max_request_bytes,
        # Texts of 20,000 characters may be four bytes each, and percent-encoding triples that.
        "MAX_FORM_MEMORY_SIZE": 1_000_000,
        # A slow writer must not lose the send: the token lives as long as the session.
        "WTF_CSRF_TIME_LIMIT": None,
        "DATABASE_ROLE": role,
        "SQLALCHEMY_DATABASE_URI": _database_url(settings, role),
        "SQLALCHEMY_ENGINE_OPTIONS": ENGINE,
        "SQLALCHEMY_BINDS": _binds(settings, role),
    }


def _binds(settings: Settings, role: DatabaseRole) -> dict[str, dict[str, Any]]:
    """Return the other roles that a surface needs: the handlers' one signs people in under one of its own."""
    if role != "handler":
        return {}
    return {"door": {**ENGINE, "pool_size": 2, "url": _database_url(settings, "door")}}


def _fit_ports(app: Flask, settings: Settings, scanner: Any, post: Any, storage: Any) -> None:
    from intake import post as post_port
    from intake import routing
    from intake import scanner as scanner_port
    from intake import storage as storage_port

    app.extensions["storage"] = storage or storage_port.from_settings(settings)
    app.extensions["scanner"] = scanner or scanner_port.from_settings(settings)
    app.extensions["post"] = post or post_port.from_settings(settings)
    app.extensions["rules"] = routing.compile_rules(settings.tables)


def _fit_extensions(app: Flask, settings: Settings) -> None:
    from intake.extensions import csrf, db, login

    db.init_app(app)
    with app.app_context():
        for engine in db.engines.values():
            event.listen(engine, "checkout", _refuse_dead)
    csrf.init_app(app)
    if settings.surface != "citizen":
        # It asks for a user at every page, and the citizen's side has none.
        login.init_app(app, add_context_processor=False)


def _refuse_dead(connection: Any, _record: Any, _borrowed: Any) -> None:
    """Let the pool replace a connection whose server went away, told at once and without a question.

    Nothing is sent to an idle connection but a farewell or the end of the stream.
    """
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if waiting.poll(0):
        raise InvalidatePoolError


def _fit_surfaces(app: Flask, settings: Settings) -> None:
    if settings.surface in ("citizen", "all"):
        from intake import citizen

        app.register_blueprint(citizen.bp)
    if settings.surface in ("handler", "all"):
        from intake import handler

        app.register_blueprint(handler.bp, url_prefix="/handlaggare" if settings.surface == "all" else None)
