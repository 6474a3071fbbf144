"""One sender's conversation: commands by aiosmtpd, and a letter read in blocks onto the spool.

What aiosmtpd reads of a letter it reads line by line, into memory; one greeting alone it knows, and its
failures are permanent ones. So greetings, addresses, DATA and failures are our own.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, AnyStr, BinaryIO, Literal, Protocol, cast

from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import Envelope as Commanded

from intake import mailroom

log = logging.getLogger("workers.mailbox")
# aiosmtpd writes peers' commands into its log, and a command may hold an address or a piece of a letter.
logging.getLogger("mail.log").disabled = True

COMMAND_BYTES = 4096
BLOCK_BYTES = 64 * 1024
IN_MEMORY_BYTES = 256 * 1024
END_OF_LETTER = b"\r\n.\r\n"
NO_SENDER = "<>"

# Permanent answers reach the writer in a bounce, so they begin with Swedish that needs no more than ASCII.
TOO_LARGE = "552 5.3.4 Brevet ryms inte; dela upp det i flera. Larger than SIZE"
FOREIGN = "550 5.1.2 Adressen finns inte hos oss. Not a domain of ours, and nothing is relayed"
STORED = "250 2.0.0 Stored"
FAILED = "451 4.3.0 Could not be stored just now, please send it again later"
NO_ROOM = "451 4.3.1 No room to store it just now, please send it again later"
TOO_MANY_RECIPIENTS = "452 4.5.3 Too many recipients, please send to the rest in another letter"
TOO_MANY_CONNECTIONS = "421 4.3.2 Too many connections just now, please come again later"
STOPPING = "421 4.3.2 Stopping, please come again soon"
TOO_SLOW = "421 4.4.2 Waited too long, please come again later"

# LMTP must give enhanced codes (RFC 2033 section 4); these go where aiosmtpd gives none (RFC 3463).
ENHANCED_CODES = {
    "221": "2.0.0", "250": "2.0.0", "500": "5.5.2", "501": "5.5.4",
    "502": "5.5.1", "503": "5.5.1", "553": "5.1.3", "555": "5.5.4",
}  # fmt: skip

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
    64 KiB of a letter. ``stop_seconds`` stays under the half minute after which the supervisor kills.
    """

    letter_bytes: int
    connections: int = 200
    recipients: int = 1000
    stored_at_once: int = 8
    silence_seconds: float = 300
    letter_seconds: float = 1800
    store_seconds: float = 120
    stop_seconds: float = 25


class House(Protocol):
    """What a conversation needs around it: the listener."""

    limits: Limits
    domain: str
    spool: Path
    is_stopping: bool

    def left(self, connection: Connection) -> None:
        """Forget a connection that is gone."""

    async def store(self, letter: Spool, envelope: mailroom.Envelope) -> str:
        """Store a letter and return the reply."""


class Spool:
    """A letter as it comes in: on disk when it is long, without a name there, and never over its limit."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.size_bytes = 0
        self._limit_bytes = limit_bytes
        self._is_broken = False
        # It lives from DATA till a thread has stored it, so no block can close it.
        self._file = SpooledTemporaryFile(IN_MEMORY_BYTES, dir=str(folder))  # noqa: SIM115

    @property
    def refusal(self) -> str | None:
        """The reply to a letter that was not kept; it is read to its end before it is given."""
        if self.size_bytes > self._limit_bytes:
            return TOO_LARGE
        return FAILED if self._is_broken else None

    def add(self, text: bytes) -> None:
        self.size_bytes += len(text)
        if self.refusal:
            self.close()
            return
        try:
            self._file.write(text)
        except OSError:
            log.exception("the spool cannot be written")
            self._is_broken = True
            self.close()

    def rewound(self) -> BinaryIO:
        """Return the letter's bytes from their beginning."""
        self._file.seek(0)
        return cast(BinaryIO, self._file)

    def close(self) -> None:
        # Closing writes what is buffered, which a full disk refuses once more.
        with suppress(OSError):
            self._file.close()


class Connection(SMTP):
    """One sender: commands by aiosmtpd, letters by blocks. The last greeting says which protocol it is."""

    command_size_limit = COMMAND_BYTES
    line_length_limit = BLOCK_BYTES

    def __init__(self, listener: House, loop: asyncio.AbstractEventLoop) -> None:
        # Without a table of its own a connection shares one that every new connection empties.
        self.command_size_limits = defaultdict(lambda: COMMAND_BYTES)
        super().__init__(
            listener,
            data_size_limit=None,
            enable_SMTPUTF8=True,
            hostname=listener.domain,
            ident="ESMTP",
            timeout=listener.limits.silence_seconds,
            loop=loop,
        )
        for name in ("AUTH", "EXPN", "STARTTLS"):
            del self._smtp_methods[name]
        self._listener = listener
        self._protocol: Literal["smtp", "lmtp"] = "smtp"
        self._is_in_letter = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # A sender who hangs up is no error of ours; its task's exception is taken, not reported.
        task = cast(asyncio.Task[None], self._handler_coroutine)
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        if self._listener.is_stopping:
            self._take_leave(STOPPING)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._listener.left(self)

    def hang_up(self) -> None:
        """Close at once, whatever is unsaid."""
        if self.transport is not None:
            cast(asyncio.Transport, self.transport).abort()

    def part_between_letters(self) -> None:
        """Take leave unless a letter is coming in; after that letter it is done by itself."""
        # What was accepted but not made yet takes leave when it is made.
        if self.transport is not None and not self._is_in_letter:
            self._take_leave(STOPPING)

    def _take_leave(self, reply: str) -> None:
        self._writer.write(f"{reply}\r\n".encode())
        self._writer.close()

    def _timeout_cb(self) -> None:
        self._take_leave(TOO_SLOW)
        # A sender who reads nothing either would otherwise keep the connection.
        self.loop.call_later(1, self.hang_up)

    async def _part(self, reply: str) -> None:
        """Say a last word and hang up; nothing that was sent after it is read."""
        self._take_leave(reply)
        cast(asyncio.Task[None], self._handler_coroutine).cancel()
        await asyncio.sleep(0)

    async def push(self, status: AnyStr) -> None:
        await super().push(_with_enhanced_code(status) if isinstance(status, str) else status)

    async def handle_exception(self, error: Exception) -> str:
        log.error("a command failed", exc_info=error)
        return FAILED

    async def smtp_HELO(self, hostname: str | None) -> None:  # noqa: N802 (aiosmtpd names commands so)
        await self._greeted("smtp", hostname, extensions=())

    async def smtp_EHLO(self, hostname: str | None) -> None:  # noqa: N802 (aiosmtpd names commands so)
        await self._greeted("smtp", hostname, self._extensions())

    async def smtp_LHLO(self, hostname: str | None) -> None:  # noqa: N802 (aiosmtpd names commands so)
        await self._greeted("lmtp", hostname, self._extensions())

    def _extensions(self) -> tuple[str, ...]:
        size = f"SIZE {self._listener.limits.letter_bytes}"
        return ("PIPELINING", size, "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "HELP")

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

    async def smtp_VRFY(self, _arg: str | None) -> None:  # noqa: N802 (aiosmtpd names commands so)
        await self.push("252 2.5.0 Send it and see")

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """Split a path from its parameters: (None, None) when it is none, "<>" for the null sender."""
        found = _PATH.fullmatch(arg)
        if found is None or _NO_TEXT.search(arg):
            return None, None
        return found["bare"] or found["path"] or NO_SENDER, found["parameters"] or ""

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
            await self._part(FAILED)
        finally:
            self._is_in_letter = False
        self.envelope = self._create_envelope()
        if self._listener.is_stopping:
            await self._part(STOPPING)

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
            *(self._protocol, envelope.peer, letter.size_bytes, len(commanded.rcpt_tos), reply[:9]),
        )
        # LMTP wants a reply for each recipient (RFC 2033 4.2); one commit stores for all: all get the same.
        replies = len(commanded.rcpt_tos) if self._protocol == "lmtp" else 1
        await self.push("\r\n".join([reply] * replies))

    def _envelope(self, commanded: Commanded) -> mailroom.Envelope:
        return mailroom.Envelope(
            sender="" if commanded.mail_from == NO_SENDER else str(commanded.mail_from),
            recipients=tuple(dict.fromkeys(commanded.rcpt_tos)),
            peer=str(cast(Any, self.session).peer[0]),
            protocol=self._protocol,
        )

    async def _read_letter(self) -> Spool:
        """Read up to CRLF.CRLF and nothing else that looks like an end (CVE-2024-27305)."""
        letter = Spool(self._listener.spool, self._listener.limits.letter_bytes)
        try:
            # The dot of an empty letter follows on the command's line end, which is no part of the letter.
            self._reader._buffer[:0] = b"\r\n"  # type: ignore[attr-defined]
            text, held, is_last = await self._read_block(b"")
            letter.add(text[2:])
            until = self.loop.time() + self._listener.limits.letter_seconds
            while not is_last:
                if self.loop.time() > until:
                    await self._part(TOO_SLOW)
                text, held, is_last = await self._read_block(held)
                letter.add(text)
        except BaseException:
            letter.close()
            raise
        return letter

    async def _read_block(self, held: bytes) -> tuple[bytes, bytes, bool]:
        """Return the next piece of the letter, the bytes still undecided, and whether it was the last."""
        self._reset_timeout()
        try:
            block = held + await self._reader.readuntil(END_OF_LETTER)
            return unstuffed(block[:-3]), b"", True
        except asyncio.LimitOverrunError as overrun:
            block = held + await self._reader.read(overrun.consumed)
        # A stuffing dot is known by the line end before it, which may be cut from it here.
        undecided = 2 if block.endswith(b"\r\n") else 1 if block.endswith(b"\r") else 0
        decided = len(block) - undecided
        return unstuffed(block[:decided]), block[decided:], False


def _with_enhanced_code(reply: str) -> str:
    code, _, words = reply.partition(" ")
    enhanced = ENHANCED_CODES.get(code)
    if enhanced is None or words.startswith(f"{code[0]}."):
        return reply
    return f"{code} {enhanced} {words}"


def unstuffed(text: bytes) -> bytes:
    """Take away the dot that was put before each line that began with one (RFC 5321 4.5.2)."""
    return text.replace(b"\r\n.", b"\r\n")


class Refusal(asyncio.Protocol):
    """Says one line and closes."""

    def __init__(self, reply: str) -> None:
        self._reply = reply

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        sender = cast(asyncio.Transport, transport)
        sender.write(f"{self._reply}\r\n".encode())
        sender.close()
