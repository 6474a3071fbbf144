"""The real server before an app, and a browser that may send it anything, byte by byte."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from intake import serving
from tests.citizen.person import hidden

PATIENCE_SECONDS = 60
BOUNDARY = "grans"
PARTS = f"multipart/form-data; boundary={BOUNDARY}"


@contextmanager
def served(app, settings) -> Iterator[Any]:
    """Serve an app as the service does; gives waitress's server."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = serving.make_server(app, settings, listening)
    thread = threading.Thread(target=server.run)
    thread.start()

    def end() -> None:
        for channel in list(server.active_channels.values()):
            channel.has_turned_away = False
            channel.handle_close()
        server.close()

    try:
        yield server
    finally:
        server.trigger.pull_trigger(end)
        thread.join()
        server.task_dispatcher.shutdown()


@dataclass(frozen=True)
class Answer:
    """Everything that came until the server closed the connection."""

    raw: bytes

    @property
    def count(self) -> int:
        """How many answers there are."""
        return len(re.findall(rb"HTTP/1\.[01] \d{3} ", self.raw))

    @property
    def status(self) -> int:
        assert self.count == 1, self.raw
        return int(self.raw.split(b" ", 2)[1])

    @property
    def text(self) -> str:
        return self.raw.partition(b"\r\n\r\n")[2].decode()

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The headers, each its name and its value."""
        lines = self.raw.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        return [(name, value) for name, _, value in (line.partition(": ") for line in lines)]

    def headers(self, name: str) -> list[str]:
        return [value for sent, value in self.pairs if sent.lower() == name]


class Browser:
    """A browser with one form, which says each byte itself."""

    def __init__(self, port: int) -> None:
        self.port, self.cookie, self.draft = port, "", ""

    def begin(self) -> Browser:
        """Press Börja."""
        answer = self.post("/borja", {})
        self.draft = answer.headers("location")[0].partition("/amne")[0]
        return self

    def get(self, page: str) -> Answer:
        return self.ask(self.head("GET", page, Connection="close"))

    def token(self, page: str) -> str:
        return hidden(self.get(page).text, "csrf_token")

    def post(self, page: str, fields: dict[str, str]) -> Answer:
        body = urlencode(fields).encode()
        kind = "application/x-www-form-urlencoded"
        return self.ask(self.head("POST", page, **said(kind, len(body)), Connection="close") + body)

    def add(self, *files: tuple[str, bytes]) -> Answer:
        """Add files by the plain form."""
        return self.send(self.files(*files))

    def send(self, body: bytes) -> Answer:
        """Send a body in parts to the page with files."""
        return self.ask(self.head("POST", "filer", **said(PARTS, len(body)), Connection="close") + body)

    def files(self, *files: tuple[str, bytes]) -> bytes:
        """Return the body of the form with files."""
        return form({"csrf_token": self.token("filer")}, *files)

    def head(self, method: str, page: str, /, version: str = "1.1", **headers: str) -> bytes:
        path = page if page.startswith("/") else f"{self.draft}/{page}"
        lines = [f"{method} {path} HTTP/{version}", "Host: 127.0.0.1"]
        lines += [f"Cookie: {self.cookie}"] if self.cookie else []
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode()

    def open(self, raw: bytes) -> socket.socket:
        """Open a connection and say something on it."""
        line = socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS)
        line.sendall(raw)
        return line

    def ask(self, raw: bytes) -> Answer:
        """Say something and listen until the server closes."""
        with self.open(raw) as line:
            answer = Answer(heard(line))
        for cookie in answer.headers("set-cookie"):
            self.cookie = cookie.partition(";")[0]
        return answer


def heard(line: socket.socket) -> bytes:
    """Return what comes until the server closes; a reset is an error."""
    came = []
    while block := line.recv(1 << 16):
        came.append(block)
    return b"".join(came)


def said(kind: str, length: int) -> dict[str, str]:
    return {"Content_Type": kind, "Content_Length": str(length)}


def form(fields: dict[str, str], *files: tuple[str, bytes], is_closed: bool = True) -> bytes:
    """Return a body in parts."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    parts += [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
        + data
        + b"\r\n"
        for name, data in files
    ]
    return b"".join(parts) + (f"--{BOUNDARY}--\r\n".encode() if is_closed else b"")


def chunked(data: bytes, size: int = 1 << 20) -> bytes:
    """Return a body in chunks, which says its length only as it goes."""
    blocks = (data[start : start + size] for start in range(0, len(data), size))
    return b"".join(f"{len(block):x}\r\n".encode() + block + b"\r\n" for block in blocks) + b"0\r\n\r\n"
