"""The mail listener: takes letters by LMTP and SMTP on one port and says 250 when they are stored."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import signal
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO, cast

from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import Envelope as Commanded
from flask import Flask

from config.settings import Network, Settings
from intake import logs, mailroom, storage
from intake.errors import FileTooLarge, ForeignDomain, StorageFull
from workers import process, replies
from workers.certificate import Certificate
from workers.conversation import Connection, Limits
from workers.peers import LOOPBACK, Peers
from workers.spool import Spool

log = logging.getLogger("workers.mailbox")

Receive = Callable[[BinaryIO, mailroom.Envelope], object]


class Listener:
    """Answers on one port, and lets ``receive`` store each letter in a thread of its own.

    ``own`` are the networks of machines that may hold as many connections as there are, as the trusted
    relays may. Raises OSError when the certificate cannot be used.
    """

    def __init__(
        self,
        app: Flask,
        *,
        receive: Receive = mailroom.receive,
        limits: Limits | None = None,
        own: tuple[Network, ...] = LOOPBACK,
    ) -> None:
        self.settings = cast(Settings, app.extensions["settings"])
        self.limits = limits or Limits(self.settings.tables.files.max_letter_bytes)
        self.domain = self.settings.tables.authority.mail_domain
        self.spool = self.settings.var / "spool"
        self.certificate = _certificate(self.settings)
        self.is_stopping = False
        trusted = (*own, *self.settings.mail_trusted_relays)
        self._peers = Peers(trusted, self.settings.address_key, self.limits)
        self._app = app
        self._receive = receive
        self._threads = concurrent.futures.ThreadPoolExecutor(self.limits.stored_at_once, "store")
        # All that are there, and those of them that may stay.
        self._open: set[Connection] = set()
        self._staying: set[Connection] = set()
        self._storing: set[asyncio.Future[str]] = set()
        self._left = asyncio.Event()

    async def run(self, stop: asyncio.Event, on_ready: Callable[[int], object]) -> bool:
        """Serve until ``stop`` is set, finish the letters in hand, and say whether all could be finished.

        ``on_ready`` is told the port. Raises OSError when it cannot be had.
        """
        loop = asyncio.get_running_loop()
        self.spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        server = await loop.create_server(
            lambda: self._answer(loop), self.settings.mail_bind, self.settings.mail_port
        )
        on_ready(server.sockets[0].getsockname()[1])
        await stop.wait()
        self.is_stopping = True
        server.close()
        for connection in tuple(self._open):
            connection.part_between_letters(replies.STOPPING)
        with suppress(TimeoutError):
            async with asyncio.timeout(self.limits.stop_seconds):
                await self._wait_till_empty()
        for connection in tuple(self._open):
            connection.hang_up()
        self._threads.shutdown(wait=False, cancel_futures=True)
        return not self._storing

    async def _wait_till_empty(self) -> None:
        while self._open or self._storing:
            self._left.clear()
            await self._left.wait()

    def _answer(self, loop: asyncio.AbstractEventLoop) -> asyncio.BaseProtocol:
        connection = Connection(self, loop)
        self._open.add(connection)
        return connection

    def enter(self, connection: Connection) -> str | None:
        """Count a new connection, or return the reply that sends it away."""
        if self.is_stopping:
            return replies.STOPPING
        refusal = self._peers.enter(connection.peer)
        if refusal:
            log.warning("%s was sent away: %s", self.name(connection.peer), refusal)
        else:
            self._staying.add(connection)
        return refusal

    def left(self, connection: Connection) -> None:
        """Forget a connection that is gone."""
        if connection in self._staying:
            self._staying.remove(connection)
            self._peers.leave(connection.peer)
        self._open.discard(connection)
        self._left.set()

    def name(self, address: str) -> str:
        """Name a peer for the log."""
        return self._peers.name(address)

    def has_room(self, for_bytes: int = 0) -> bool:
        """Say whether the disk has room for so many bytes more; raises StorageError."""
        with self._app.app_context():
            return storage.current().has_room(for_bytes)

    async def handle_MAIL(  # noqa: N802 (aiosmtpd names its hooks so)
        self, _connection: SMTP, _session: object, commanded: Commanded, address: str, options: list[str]
    ) -> str:
        sizes = [option.removeprefix("SIZE=") for option in options if option.startswith("SIZE=")]
        declared_bytes = int(sizes[-1]) if sizes else 0
        if declared_bytes > self.limits.letter_bytes:
            return replies.TOO_LARGE
        if not self.has_room(declared_bytes):
            return replies.NO_ROOM
        commanded.mail_from = address
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802 (aiosmtpd names its hooks so)
        self, _connection: SMTP, _session: object, commanded: Commanded, address: str, _options: list[str]
    ) -> str:
        if address.lower() == "postmaster":
            # The one address that needs no domain (RFC 5321 4.5.1).
            address = f"{address}@{self.domain}"
        with self._app.app_context():
            if not mailroom.is_ours(address):
                return replies.FOREIGN
        if len(commanded.rcpt_tos) >= self.limits.recipients:
            return replies.TOO_MANY_RECIPIENTS
        commanded.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def store(self, letter: Spool, envelope: mailroom.Envelope) -> str:
        """Store a letter in a thread and return the reply; a thread that hangs is not waited for.

        A letter that is stored after all, too late for its reply, comes again as the same bytes
        and adds nothing then.
        """
        submitted = self._threads.submit(self._store, letter, envelope)
        storing = asyncio.wrap_future(submitted)
        self._storing.add(storing)
        storing.add_done_callback(self._stored)
        await asyncio.wait({storing}, timeout=self.limits.store_seconds)
        if storing.done():
            return storing.result()
        if submitted.cancel():
            letter.close()
        log.error("a letter was not stored within %s s", self.limits.store_seconds)
        return replies.FAILED

    def _stored(self, storing: asyncio.Future[str]) -> None:
        self._storing.discard(storing)
        self._left.set()

    def _store(self, letter: Spool, envelope: mailroom.Envelope) -> str:
        try:
            with self._app.app_context():
                self._receive(letter.rewound(), envelope)
        except FileTooLarge:
            return replies.TOO_LARGE
        except ForeignDomain:
            return replies.FOREIGN
        except StorageFull:
            return replies.NO_ROOM
        except Exception:
            # Whatever it is, it is wrong on our side: the sender keeps the letter and tries again.
            log.exception("a letter could not be stored")
            return replies.FAILED
        finally:
            letter.close()
        return replies.STORED


def _certificate(settings: Settings) -> Certificate | None:
    certificate, key = settings.mail_tls_certificate, settings.mail_tls_key
    return Certificate(certificate, key) if certificate and key else None


async def serve(listener: Listener) -> bool:
    """Run until SIGTERM or SIGINT; say whether every letter in hand was finished."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await listener.run(stop, lambda port: log.info("listening on port %d", port))


def main() -> int:
    """Run as a process of its own."""
    logs.to_stdout()
    app = process.app()
    try:
        is_finished = asyncio.run(serve(Listener(app)))
    except ssl.SSLError as problem:
        log.error("no certificate (%s); see MAIL_TLS_CERTIFICATE and MAIL_TLS_KEY", problem.reason)
        return 1
    except OSError as problem:
        log.error("cannot listen (%s); see INTAKE_MAIL_BIND, INTAKE_MAIL_PORT and INTAKE_VAR", problem)
        return 1
    if not is_finished:
        # A thread that hangs would keep the process for ever; its letter was answered by no 250.
        logging.shutdown()
        os._exit(0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
