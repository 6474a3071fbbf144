"""One sender's conversation: the grammar of commands by aiosmtpd, all else by rules of our own.

What aiosmtpd reads of a letter it reads line by line, into memory; one greeting alone it knows, its
failures are permanent ones, and it waits as long as a command comes now and then. So greetings,
addresses, DATA, STARTTLS, failures and patience are our own.
"""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, AnyStr, Literal, Protocol, cast

from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import Envelope as Commanded

from intake import mailroom
from workers import replies
from workers.certificate import Certificate
from workers.spool import Spool, letter_in

log = logging.getLogger("workers.mailbox")
# aiosmtpd writes peers' commands into its log, and a command may hold an address or a piece of a letter.
logging.getLogger("mail.log").disabled = True

COMMAND_BYTES = 4096
BLOCK_BYTES = 64 * 1024
NAME_CHARACTERS = 255
NO_SENDER = "<>"
# These bring a letter nearer; everything else between two letters is idle talk.
FOR_A_LETTER = ("MAIL", "RCPT", "DATA", "QUIT")
# After these come the bytes of a letter or of a form, which must not be read as commands.
NO_COMMANDS = ("BDAT", "GET", "POST", "PUT", "CONNECT")

# The path of RFC 5321 without its source route; brackets may be missing, and what follows is parameters.
_PATH = re.compile(
    r"""(?: <(?:@[^:<>"]*:)? (?P<path>(?:"(?:\\.|[^"\\])*"|[^\s<>"\\])*) > | (?P<bare>[^\s<>"\\]+) )
        (?:\s+(?P<parameters>[!-~]+(?:\s+[!-~]+)*))? \s*""",
    re.VERBOSE,
)
# Control characters, and bytes that were no UTF-8 (which arrive as lone surrogates).
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class Limits:
    """How much and how long: a letter in bytes, times in seconds.

    ``silence_seconds`` is the longest wait for a command (RFC 5321 4.5.3.2.7) or for the next
    64 KiB of a letter. ``connections_of_strangers`` leaves the rest to machines of ours.
    ``session_seconds`` ends a conversation between two letters, never in one.
    ``errors`` are counted in a row, ``idle_commands`` (NOOP and the like) since the last letter.
    ``stop_seconds`` stays under the half minute after which the supervisor kills.
    """

    letter_bytes: int
    connections: int = 200
    connections_of_strangers: int = 150
    connections_of_one: int = 20
    recipients: int = 1000
    errors: int = 20
    idle_commands: int = 100
    stored_at_once: int = 8
    silence_seconds: float = 300
    letter_seconds: float = 1800
    session_seconds: float = 3600
    handshake_seconds: float = 30
    store_seconds: float = 120
    stop_seconds: float = 25


class House(Protocol):
    """What a conversation needs around it: the listener."""

    limits: Limits
    domain: str
    spool: Path
    certificate: Certificate | None

    def enter(self, connection: Connection) -> str | None:
        """Return the reply that sends a new connection away, if it may not stay."""

    def left(self, connection: Connection) -> None:
        """Forget a connection that is gone."""

    def name(self, address: str) -> str:
        """Name a peer for the log."""

    def has_room(self, for_bytes: int = 0) -> bool:
        """Say whether so many bytes more may be written; raises StorageError."""

    async def store(self, letter: Spool, envelope: mailroom.Envelope) -> str:
        """Store a letter and return the reply."""


class Connection(SMTP):
    """One sender: commands by aiosmtpd, letters by blocks. The last greeting says which protocol it is."""

    line_length_limit = BLOCK_BYTES

    def __init__(self, listener: House, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            listener,
            data_size_limit=None,
            enable_SMTPUTF8=True,
            hostname=listener.domain,
            timeout=listener.limits.silence_seconds,
            loop=loop,
        )
        for name in ("AUTH", "EXPN"):
            del self._smtp_methods[name]
        self._listener = listener
        self._protocol: Literal["smtp", "lmtp"] = "smtp"
        self._tls_version: str | None = None
        self._is_in_letter = False
        self._last_word: str | None = None
        self._errors = self._idle_commands = 0

    @property
    def peer(self) -> str:
        """The address that the sender connects from; empty when it was gone before it could be asked."""
        return str((cast(Any, self.session).peer or ("",))[0])

    # From its first to its last moment

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # A sender who hangs up is no error of ours; its task's exception is taken, not reported.
        task = cast(asyncio.Task[None], self._handler_coroutine)
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        self._session_end = self.loop.call_later(
            self._listener.limits.session_seconds, self.part_between_letters, replies.TOO_LONG
        )
        if refusal := self._listener.enter(self):
            self._dismiss(refusal)

    def connection_lost(self, error: Exception | None) -> None:
        # A handshake that is broken off tells of it twice, or not at all.
        if self.transport is None:
            return
        self._session_end.cancel()
        super().connection_lost(error)
        self._listener.left(self)

    def hang_up(self) -> None:
        """Close at once, whatever is unsaid."""
        if self.transport is not None:
            cast(asyncio.Transport, self.transport).abort()

    def part_between_letters(self, last_word: str) -> None:
        """Take leave now, or when the letter that is coming in is done."""
        self._last_word = last_word
        # What was accepted but not made yet is sent away when it is made.
        if self.transport is not None and not self._is_in_letter:
            self._dismiss(last_word)

    def _dismiss(self, reply: str) -> None:
        """Say a last word and hang up; nothing that was sent after it is read."""
        if not self._writer.is_closing():
            self._writer.write(f"{reply}\r\n".encode())
            self._writer.close()
        cast(asyncio.Task[None], self._handler_coroutine).cancel()

    async def _part(self, reply: str) -> None:
        """Dismiss the sender from within the conversation, which ends here."""
        self._dismiss(reply)
        await asyncio.sleep(0)

    def _timeout_cb(self) -> None:
        self._dismiss(replies.TOO_SLOW)
        # A sender who reads nothing either would otherwise keep the connection.
        self.loop.call_later(1, self.hang_up)

    # Commands

    async def _handle_client(self) -> None:
        try:
            await super().push(f"220 {self.hostname} ESMTP")
            while not self._writer.is_closing():
                verb, _, argument = (await self._read_line()).partition(b" ")
                name = verb.decode("ascii", "replace").upper()
                await self._count(name)
                await self._obey(name, argument.strip().decode("utf-8", "surrogateescape") or None)
        finally:
            # Closed twice, a transport under TLS forgets that it can still be aborted.
            if not self._writer.is_closing():
                self._writer.close()

    async def _read_line(self) -> bytes:
        """Return a command without its line end; nothing, which is an error, for one that is too long."""
        is_whole = True
        while True:
            try:
                line = await self._reader.readuntil()
                return line.rstrip(b"\r\n") if is_whole and len(line) <= COMMAND_BYTES else b""
            except asyncio.LimitOverrunError as overrun:
                is_whole = False
                await self._reader.read(overrun.consumed)

    async def _count(self, name: str) -> None:
        """Send those away who talk without ever coming to a letter, or who talk something else."""
        if name in NO_COMMANDS:
            await self._part(replies.NOT_A_COMMAND)
        if name not in FOR_A_LETTER:
            self._idle_commands += 1
            if self._idle_commands > self._listener.limits.idle_commands:
                await self._part(replies.TOO_MANY_IDLE)

    async def _obey(self, name: str, argument: str | None) -> None:
        method = self._smtp_methods.get(name)
        if method is None:
            await self.push("500 Not a command, or too long a line")
            return
        self._reset_timeout()
        try:
            await method(argument)
        except ConnectionError:
            raise
        except Exception:
            log.exception("a command failed")
            await self.push(replies.FAILED)

    async def push(self, status: AnyStr) -> None:
        """Reply to a command, and hang up after too many wrong ones."""
        reply = replies.with_enhanced_code(str(status))
        await super().push(reply)
        self._errors = self._errors + 1 if reply.startswith(replies.BAD_COMMAND) else 0
        if self._errors >= self._listener.limits.errors:
            await self._part(replies.TOO_MANY_ERRORS)

    async def smtp_HELO(self, hostname: str | None) -> None:  # noqa: N802 (aiosmtpd names commands so)
        await self._greeted("smtp", hostname, extensions=())

    async def smtp_EHLO(self, hostname: str | None) -> None:  # noqa: N802 (aiosmtpd names commands so)
        await self._greeted("smtp", hostname, self._extensions())

    async def smtp_LHLO(self, hostname: str | None) -> None:  # noqa: N802 (aiosmtpd names commands so)
        await self._greeted("lmtp", hostname, self._extensions())

    def _extensions(self) -> tuple[str, ...]:
        size = f"SIZE {self._listener.limits.letter_bytes}"
        starttls = ("STARTTLS",) if self._listener.certificate and not self._tls_version else ()
        return ("PIPELINING", size, "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", *starttls, "HELP")

    async def _greeted(
        self, protocol: Literal["smtp", "lmtp"], hostname: str | None, extensions: tuple[str, ...]
    ) -> None:
        if not hostname:
            await self.push("501 The greeting needs a name")
            return
        self.envelope = self._create_envelope()
        session = cast(Any, self.session)
        session.host_name, session.extended_smtp = hostname, bool(extensions)
        self._protocol = protocol
        lines = (self.hostname, *extensions)
        reply = "\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"])
        # The reply to a greeting is the one that has no enhanced code (RFC 2034 section 3).
        await super().push(reply)

    async def smtp_STARTTLS(self, arg: str | None) -> None:  # noqa: N802 (aiosmtpd names commands so)
        """Go on under TLS, as if the sender had just connected (RFC 3207 4.2)."""
        certificate = self._listener.certificate
        if certificate is None or self._tls_version:
            await self.push("502 There is no TLS to start" if certificate is None else "503 TLS has begun")
            return
        if arg:
            await self.push("501 STARTTLS stands alone")
            return
        if self._reader._buffer:  # type: ignore[attr-defined]
            # Anybody on the way may have put it there (CVE-2021-38371).
            await self._part(replies.TLS_TOO_EARLY)
        # Nothing is awaited from the look at the buffer until the transport is paused.
        self._writer.write(b"220 2.0.0 Go ahead\r\n")
        transport = await self._shake_hands(certificate)
        self.transport = transport
        self._reader._transport = self._writer._transport = transport  # type: ignore[attr-defined]
        self._tls_version = str(transport.get_extra_info("ssl_object").version())
        session = cast(Any, self.session)
        session.host_name, session.extended_smtp, session.ssl = None, False, transport
        self.envelope = self._create_envelope()

    async def _shake_hands(self, certificate: Certificate) -> asyncio.Transport:
        """Return the transport under TLS; raises ConnectionError, which ends this connection alone."""
        plain = cast(asyncio.Transport, self.transport)
        seconds = self._listener.limits.handshake_seconds
        try:
            # The peer is given a second for its farewell, as everybody who is dismissed.
            transport = await self.loop.start_tls(
                plain, self, certificate.context(),
                server_side=True, ssl_handshake_timeout=seconds, ssl_shutdown_timeout=1,
            )  # fmt: skip
            if transport is None or transport.is_closing():
                raise ConnectionResetError
        except BaseException as error:
            plain.abort()
            self.connection_lost(None)
            if isinstance(error, OSError):
                log.info("no TLS with %s: %s", self._listener.name(self.peer), type(error).__name__)
                raise ConnectionResetError from error
            raise
        return transport

    async def smtp_VRFY(self, _arg: str | None) -> None:  # noqa: N802 (aiosmtpd names commands so)
        await self.push("252 2.5.0 Send it and see")

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """Split a path from its parameters: (None, None) when it is none, "<>" for the null sender."""
        found = _PATH.fullmatch(arg)
        if found is None or _NO_TEXT.search(arg):
            return None, None
        return found["bare"] or found["path"] or NO_SENDER, found["parameters"] or ""

    # The letter

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 (aiosmtpd names commands so)
        commanded = cast(Commanded, self.envelope)
        if await self.check_helo_needed():
            return
        if not commanded.rcpt_tos:
            await self.push("503 There is no recipient yet")
            return
        if arg:
            await self.push("501 DATA stands alone")
            return
        self._is_in_letter = True
        try:
            await self._take_letter(commanded)
        except ConnectionError:
            raise
        except Exception:
            log.exception("a letter was cut off")
            # What may be left of the letter must not be read as commands.
            await self._part(replies.FAILED)
        finally:
            self._is_in_letter = False
        self.envelope = self._create_envelope()
        self._idle_commands = 0
        if self._last_word:
            await self._part(self._last_word)

    async def _take_letter(self, commanded: Commanded) -> None:
        await self.push("354 End with a line that holds only a dot")
        letter = await self._read_letter()
        limits, envelope = self._listener.limits, self._envelope(commanded)
        self._reset_timeout(limits.store_seconds + limits.silence_seconds)
        if letter.refusal:
            reply = letter.refusal
            letter.close()
        else:
            reply = await self._listener.store(letter, envelope)
        self._reset_timeout()
        log.info(
            "%s from %s: %d bytes, %d recipients, %s",
            self._protocol, self._listener.name(envelope.peer),
            letter.size_bytes, len(commanded.rcpt_tos), reply[:9],
        )  # fmt: skip
        # LMTP wants a reply for each recipient (RFC 2033 4.2); one commit stores for all: all get the same.
        repeated = len(commanded.rcpt_tos) if self._protocol == "lmtp" else 1
        await self.push("\r\n".join([reply] * repeated))

    def _envelope(self, commanded: Commanded) -> mailroom.Envelope:
        helo = _NO_TEXT.sub("?", cast(Any, self.session).host_name)[:NAME_CHARACTERS]
        trace: dict[str, str | int | bool] = {"helo": helo}
        if self._tls_version:
            trace["tls"] = self._tls_version
        if commanded.smtp_utf8:
            trace["smtputf8"] = True
        return mailroom.Envelope(
            sender="" if commanded.mail_from == NO_SENDER else str(commanded.mail_from),
            recipients=tuple(dict.fromkeys(commanded.rcpt_tos)),
            peer=self.peer,
            protocol=self._protocol,
            trace=trace,
        )

    async def _read_letter(self) -> Spool:
        """Read a letter to its end, though not for ever."""
        listener = self._listener
        letter = Spool(listener.spool, listener.limits.letter_bytes, listener.has_room)
        until = self.loop.time() + listener.limits.letter_seconds
        try:
            async with aclosing(letter_in(self._reader)) as blocks:
                async for text in blocks:
                    letter.add(text)
                    self._reset_timeout()
                    if self.loop.time() > until:
                        await self._part(replies.TOO_SLOW)
        except BaseException:
            letter.close()
            raise
        return letter
