"""Serves a surface by waitress, which takes whole bodies before it takes a thread."""

from __future__ import annotations

import gc
import logging
import signal
import socket
import sys
from types import FrameType
from typing import Any, NoReturn

from flask import Flask, Response
from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import ErrorTask
from werkzeug.exceptions import RequestEntityTooLarge

from config.settings import Settings, from_environment
from intake import create_app, logs, web

log = logging.getLogger(__name__)

# More would only wait for each other: what they do is mostly Python.
THREADS = 4
CONNECTIONS = 1200
# Above Flask's own limit, so that a body a little too large meets our page, not the server's.
BODY_MARGIN_BYTES = 4 << 20


def error_task(app: Flask) -> type[ErrorTask]:
    """Return waitress's error task with the page and headers of the service, in Swedish."""

    class OurError(ErrorTask):  # type: ignore[misc]
        def execute(self) -> None:
            code = int(self.request.error.code)
            answer = _too_large(app, self.request) if code == 413 else _problem(app, code)
            self.status = f"{code} {self.request.error.reason}"
            self.response_headers += list(answer.headers.items())
            self.set_close_on_finish()
            self.content_length = len(answer.data)
            self.write(answer.data)

    return OurError


def _problem(app: Flask, code: int) -> Response:
    with app.test_request_context():
        return app.process_response(web.show_problem(web.problem_of(code)))


def _too_large(app: Flask, request: Any) -> Response:
    """Answer as the surface itself does when a body is too large: with a way back and a way out.

    The body was never read, so nothing but its path and headers is handed on.
    """
    sent = request.headers
    given = {"Cookie": sent.get("COOKIE", ""), "Content-Type": sent.get("CONTENT_TYPE", "")}
    size = {"CONTENT_LENGTH": sent.get("CONTENT_LENGTH", "")}
    try:
        with app.test_request_context(
            request.path, method=request.command, headers=given, environ_overrides=size
        ):
            return app.process_response(app.make_response(app.handle_user_exception(RequestEntityTooLarge())))
    except Exception:
        log.exception("the page about a body too large failed")
        return _problem(app, 413)


def serve(app: Flask, settings: Settings) -> None:
    """Serve until told to stop. ``settings.surface`` picks the port."""
    port = settings.handler_port if settings.surface == "handler" else settings.citizen_port
    limit = settings.tables.files.max_request_bytes + BODY_MARGIN_BYTES

    class Channel(HTTPChannel):  # type: ignore[misc]
        error_task_class = error_task(app)

    server: Any = create_server(
        app,
        sockets=[_listen(settings, port)],
        threads=THREADS,
        connection_limit=CONNECTIONS,
        asyncore_use_poll=True,
        max_request_body_size=limit,
        channel_timeout=120,
        cleanup_interval=15,
        ident=None,
        **_proxy(settings),
    )
    server.channel_class = Channel
    log.info("serving %s on port %d", settings.surface, port)
    # waitress lets the requests in hand finish when it is ended so.
    signal.signal(signal.SIGTERM, _leave)
    # What was made until now stays, tens of thousands of words and places: no need to look at it again.
    gc.collect()
    gc.freeze()
    server.run()


def _listen(settings: Settings, port: int) -> socket.socket:
    if settings.surface == "handler":
        return socket.create_server(("127.0.0.1", port))
    return listen(settings.bind, port)


def listen(host: str, port: int) -> socket.socket:
    """Open a port that several processes of ours may share; the system spreads what comes."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, reuse_port=True)


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


def _proxy(settings: Settings) -> dict[str, Any]:
    """Take the sender's address and scheme from the proxy that is named, and from nobody else."""
    if settings.trusted_proxy is None:
        return {"clear_untrusted_proxy_headers": True}
    return {
        "trusted_proxy": settings.trusted_proxy,
        "trusted_proxy_headers": "x-forwarded-for x-forwarded-proto",
        "clear_untrusted_proxy_headers": True,
    }


def main() -> int:
    """Run as a process of its own, with what the environment says and nothing else."""
    logs.to_stdout()
    settings = from_environment()
    serve(create_app(settings), settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
