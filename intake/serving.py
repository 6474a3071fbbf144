"""Serves a surface by waitress, which takes whole bodies before it takes a thread."""

from __future__ import annotations

import gc
import logging
import signal
import socket
import sys
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn

from flask import Flask, Response
from flask.ctx import RequestContext
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import create_server
from waitress.task import ErrorTask
from werkzeug.exceptions import RequestEntityTooLarge

from config.settings import Settings, from_environment
from intake import create_app, languages, logs, web

log = logging.getLogger(__name__)

# More would only wait for each other: what they do is mostly Python.
THREADS = 4
CONNECTIONS = 1200
# Above Flask's own limit, so that a body a little too large meets our page, not the server's.
BODY_MARGIN_BYTES = 4 << 20
# Who sends more than this after our answer is cut off.
THROWN_AWAY_BYTES = 1 << 30


def error_task(app: Flask) -> type[ErrorTask]:
    """Return waitress's error task with the page and headers of the service, in Swedish."""

    class OurError(ErrorTask):  # type: ignore[misc]
        def execute(self) -> None:
            code = int(self.request.error.code)
            answer = _too_large(app, self.request) if code == 413 else _problem(app, code, self.request)
            self.status = f"{code} {self.request.error.reason}"
            self.response_headers += list(answer.headers.items())
            self.set_close_on_finish()
            self.channel.has_turned_away = True
            self.content_length = len(answer.data)
            self.write(answer.data)

    return OurError


class StrictParser(HTTPRequestParser):  # type: ignore[misc]
    """A parser that takes no request whose length two headers tell differently (RFC 9112, 6.1 and 6.3).

    ``command`` and ``path`` stand for what could not be understood.
    """

    # Without them such a request gets no answer at all, since waitress sets them only when it understood.
    command, path = "GET", "/"

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            # An address such as http://[ is caught by nobody there, and ends the connection without a word.
            raise ParsingError("the address cannot be read") from error
        # waitress takes this header away once it has understood it; HTTP/1.0 does not have it.
        is_misplaced = "TRANSFER_ENCODING" in self.headers
        if is_misplaced or (self.chunked and "CONTENT_LENGTH" in self.headers):
            raise ParsingError("the length is told twice")


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that lets a person read why they were turned away, and keeps nothing of what was cut off.

    Closed while a browser still sends, a connection is reset, and most browsers then show their own
    page instead of ours. So what still comes is read and thrown away, until the browser is done.
    """

    parser_class = StrictParser
    has_turned_away = False
    _is_emptying = False
    _thrown_away_bytes = 0

    def received(self, data: bytes) -> bool:
        """Take what came, or throw it away when the answer to it is already given."""
        if not self._is_emptying:
            return bool(super().received(data))
        self._thrown_away_bytes += len(data)
        self.will_close = self._thrown_away_bytes > THROWN_AWAY_BYTES
        return False

    def handle_close(self) -> None:
        """Close, or first say that no more will be said, and empty the line."""
        if self.has_turned_away and not self._is_emptying:
            self._is_emptying, self.will_close = True, False
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
                return
        if self.request is not None:
            # What was cut off may be large, and lies in a file.
            self.request.close()
        super().handle_close()


def _problem(app: Flask, code: int, request: Any) -> Response:
    with _asked(app, request):
        return app.process_response(web.show_problem(web.problem_of(code)))


def _too_large(app: Flask, request: Any) -> Response:
    """Answer as the surface itself does when a body is too large: with a way back and a way out.

    The body was never read, so nothing but its path and headers is handed on.
    """
    try:
        with _asked(app, request):
            return app.process_response(app.make_response(app.handle_user_exception(RequestEntityTooLarge())))
    except Exception:
        log.exception("the page about a body too large failed")
        return _problem(app, 413, request)


def _asked(app: Flask, request: Any) -> RequestContext:
    """Return the context of a request that the server turned away, in its own language."""
    with app.app_context():
        prefix, path = languages.split(request.path)
    sent = request.headers
    headers = {"Cookie": sent.get("COOKIE", ""), "Content-Type": sent.get("CONTENT_TYPE", "")}
    known = {
        "SCRIPT_NAME": prefix,
        "PATH_INFO": path,
        "CONTENT_LENGTH": sent.get("CONTENT_LENGTH", ""),
        "REQUEST_METHOD": request.command,
    }
    if request.chunked:
        # waitress takes it away; without it an unknown length would be none.
        known["HTTP_TRANSFER_ENCODING"] = "chunked"
    return app.test_request_context(headers=headers, environ_overrides=known)


def serve(app: Flask, settings: Settings) -> None:
    """Serve until told to stop. ``settings.surface`` picks the port."""
    port = settings.handler_port if settings.surface == "handler" else settings.citizen_port
    server = make_server(app, settings, _listen(settings, port))
    log.info("serving %s on port %d", settings.surface, port)
    # waitress lets the requests in hand finish when it is ended so.
    signal.signal(signal.SIGTERM, _leave)
    # What was made until now stays, tens of thousands of words and places: no need to look at it again.
    gc.collect()
    gc.freeze()
    server.run()


def make_server(app: Flask, settings: Settings, listening: socket.socket) -> Any:
    """Return the server of a surface, not yet running."""
    server: Any = create_server(
        app,
        sockets=[listening],
        threads=THREADS,
        connection_limit=CONNECTIONS,
        asyncore_use_poll=True,
        max_request_body_size=settings.tables.files.max_request_bytes + BODY_MARGIN_BYTES,
        channel_timeout=120,
        cleanup_interval=15,
        ident=None,
        # The app does that itself, and knows more than one proxy.
        clear_untrusted_proxy_headers=False,
    )
    server.channel_class = type("OurChannel", (Channel,), {"error_task_class": error_task(app)})
    return server


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


def main() -> int:
    """Run as a process of its own, with what the environment says and nothing else."""
    logs.to_stdout()
    settings = from_environment()
    serve(create_app(settings), settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
