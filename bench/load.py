"""Load: clients that send as fast as they are answered, and what they saw."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import BinaryIO
from uuid import uuid4

from tests.journeys.citizen import Ask, Citizen, over_http
from tests.letters_home import letter

MEBIBYTE = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4096
TEXT = "Min röda cykel stals utanför stationen i Malmö i natt. Låset låg avklippt på marken. " * 8
ENVELOPE = b"MAIL FROM:<kim@example.com>\r\nRCPT TO:<syd@example.se>\r\nDATA\r\n"


@dataclass(frozen=True)
class Seen:
    """How many were taken in how many seconds, and how long each took (seconds)."""

    seconds: float
    each: Sequence[float]

    @property
    def rate(self) -> float:
        return len(self.each) / self.seconds

    def percentile(self, share: float) -> float:
        ordered = sorted(self.each) or [float("nan")]
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def at_once(acts: Sequence[Callable[[], object]], clients: int) -> Seen:
    """Run acts with so many clients, each beginning its next when the last is answered."""

    def timed(act: Callable[[], object]) -> float:
        began = time.perf_counter()
        act()
        return time.perf_counter() - began

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        each = list(pool.map(timed, acts))
    return Seen(time.perf_counter() - began, each)


def ready_citizens(port: int, count: int) -> list[Citizen]:
    """Take citizens through the form to the page before sending."""

    def make(number: int) -> Citizen:
        person = Citizen(over_http(port))
        person.begin()
        person.tell(TEXT)
        person.finish(f"kim{number}-{count}@example.com")
        return person

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(make, range(count)))


def send(person: Citizen) -> None:
    """Send a form that is ready."""
    answer = person.send()
    assert answer.status == 303, answer.status


def upload_and_send(person: Citizen) -> None:
    """Upload one file of 1 MiB and send."""
    answer = person.upload("bild.jpg", MEBIBYTE)
    assert answer.status in (200, 303), answer.status
    send(person)


def look(port: int, path: str, ask: Ask | None = None) -> None:
    """Open a page; ``ask`` is the browser that may."""
    answer = (ask or over_http(port))("GET", path, b"", {})
    assert answer.status == 200, answer.status


def post_bare(port: int, data: bytes) -> None:
    """Send the same to the bare server, in one request."""
    boundary = uuid4().hex
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="text"\r\n\r\n{TEXT}\r\n'.encode()]
    if data:
        head = 'Content-Disposition: form-data; name="files"; filename="bild.jpg"'
        kind = "Content-Type: image/jpeg"
        parts += [f"--{boundary}\r\n{head}\r\n{kind}\r\n\r\n".encode(), data, b"\r\n"]
    body = b"".join([*parts, f"--{boundary}--\r\n".encode()])
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status == 303, answer.status


def post_bare_twice(port: int) -> None:
    """Send a file in a request of its own and then the form, as the service's form does."""
    post_bare(port, MEBIBYTE)
    post_bare(port, b"")


def letters(words: str, count: int, size: int) -> list[bytes]:
    """Write letters that differ, with an attachment of a size where one is asked for."""
    files = (("bild.pdf", b"%PDF-1.4 " + b"x" * size),) if size else ()
    return [letter(f"Brev {words} {number}. {TEXT}", files=files) for number in range(count)]


def mail(port: int, raws: Sequence[bytes], feeders: int) -> Seen:
    """Feed letters by LMTP over so many connections, each kept open, pipelined as by Postfix (RFC 2920)."""
    ready = [raw.replace(b"\r\n.", b"\r\n..") + b".\r\n" for raw in raws]
    each: list[float] = []

    def feed(batch: Sequence[bytes]) -> None:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=60) as line,
            line.makefile("rb") as answers,
        ):
            _expect(answers, b"220")
            line.sendall(b"LHLO bench.example\r\n")
            _expect(answers, b"250")
            for letter in batch:
                began = time.perf_counter()
                line.sendall(ENVELOPE)
                for code in (b"250", b"250", b"354"):
                    _expect(answers, code)
                line.sendall(letter)
                _expect(answers, b"250")
                each.append(time.perf_counter() - began)

    began = time.perf_counter()
    with ThreadPoolExecutor(feeders) as pool:
        list(pool.map(feed, [ready[number::feeders] for number in range(feeders)]))
    return Seen(time.perf_counter() - began, each)


def _expect(answers: BinaryIO, code: bytes) -> None:
    """Read one reply, of one line or several."""
    line = answers.readline()
    while line[3:4] == b"-":
        line = answers.readline()
    assert line.startswith(code), line
