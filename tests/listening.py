"""A listener in a thread on a port of its own, clients that send bytes as they are, a stand-in mailroom."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from intake.mailroom import Envelope
from workers.mailbox import Listener

LETTER = b"From: a@example.org\r\nSubject: Hej\r\n\r\nHej!\r\n"
SENDER, OURS = "a@example.org", "arende@example.se"
IN_DATA = ("LHLO x", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{OURS}>", "DATA")


@dataclass
class Mailroom:
    """Stands where mailroom.receive does, and keeps what it is given."""

    letters: list[bytes] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    problem: Exception | None = None

    def __call__(self, raw: BinaryIO, envelope: Envelope) -> None:
        if self.problem:
            raise self.problem
        self.letters.append(raw.read())
        self.envelopes.append(envelope)


class Running:
    """A listener in a thread, on a port of its own."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.is_finished = await self._listener.run(self._stop, self._ready)

    def _ready(self, port: int) -> None:
        self.port = port
        self._is_ready.set()

    def start(self) -> Running:
        self._thread.start()
        assert self._is_ready.wait(10)
        return self

    def ask_to_stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)

    def stop(self) -> None:
        if self._thread.is_alive():
            self.ask_to_stop()
        self._thread.join()

    def raw(self, *commands: str) -> AbstractContextManager[Raw]:
        return raw(self.port, *commands)

    def smtp(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self.port, "sender.example.org", timeout=20)


@contextmanager
def listening(listener: Listener) -> Iterator[Running]:
    """Run a listener as long as the block lasts."""
    running = Running(listener).start()
    try:
        yield running
    finally:
        running.stop()


@dataclass
class Raw:
    """A client that sends bytes as they are."""

    socket: socket.socket
    file: BinaryIO

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reply(self) -> str:
        line = self.file.readline().decode()
        while line[3:4] == "-":
            line = self.file.readline().decode()
        return line.rstrip("\r\n")

    def ask(self, command: str) -> str:
        self.send(command.encode() + b"\r\n")
        return self.reply()

    @contextmanager
    def under(self, context: ssl.SSLContext) -> Iterator[Raw]:
        """Shake hands on the open connection, and talk on within TLS."""
        with context.wrap_socket(self.socket) as client, client.makefile("rb") as file:
            yield Raw(client, file)


@contextmanager
def raw(port: int, *commands: str) -> Iterator[Raw]:
    """Connect, read the greeting if there are commands, and give each once the last is answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client, client.makefile("rb") as file:
        talk = Raw(client, file)
        if commands:
            talk.reply()
        for command in commands:
            talk.ask(command)
        yield talk


def send(listener: Running, letter: bytes, sender: str = SENDER, to: str = OURS) -> tuple[int, bytes]:
    """Send by SMTP exactly these bytes, and return the reply to them."""
    with listener.smtp() as client:
        client.ehlo()
        client.mail(sender)
        client.rcpt(to)
        client.putcmd("data")
        client.getreply()
        client.send(stuffed(letter) + b".\r\n")
        return client.getreply()


def stuffed(letter: bytes) -> bytes:
    """Put a dot before each line that begins with one."""
    return (b"\r\n" + letter).replace(b"\r\n.", b"\r\n..")[2:]
