"""The virus scanner: a file is infected, not infected or not scanned, and never called clean by default."""

from __future__ import annotations

import re
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from flask import current_app

from config.settings import Settings
from intake.errors import ScannerAway

BLOCK_BYTES = 128 * 1024
REPLY_BYTES = 4096
# What takes clamd no work is answered at once, or it hangs.
WORD_SECONDS = 5.0

_REPLY = re.compile(rb"stream: (?:(OK)|([!-~]{1,300}) FOUND)\0")
_LIMIT = "Heuristics.Limits.Exceeded"
_TOO_LONG = b"INSTREAM size limit exceeded. ERROR\0"
_LIMIT_REPLIES = (_TOO_LONG, b"stream: Time limit reached ERROR\0", b"stream: CL_ETIMEOUT ERROR\0")
# "ClamAV 1.4.6/27812/Mon Nov 16 09:24:31 2026"; without an official database the first word is all.
_VERSION = re.compile(r"ClamAV [\w.-]+(?:/(\d+)/(\w{3} \w{3} [ \d]\d [\d:]{8} \d{4}))?")
_NOT_MALWARE = ("Heuristics.Encrypted.", "Heuristics.OLE2.ContainsMacros")


@dataclass(frozen=True)
class Scan:
    """What the scanner said.

    A ``signature`` without ``is_infected`` is a warning: the scanner could not look inside
    (a password) or saw macros. ``is_whole`` is False where a limit of the scanner's ended it. Only a
    whole scan without signature found nothing.
    """

    is_infected: bool
    signature: str | None
    is_whole: bool = True


@dataclass(frozen=True)
class Signatures:
    """What a scanner knows: its own words for it, and when it was made, where it says so."""

    version: str
    made_at: datetime | None


class Scanner(Protocol):
    """Looks for malware in one file."""

    name: str

    def scan(self, path: Path) -> Scan | None:
        """Scan a file; None where no scanner is set up.

        Raises ScannerAway when it is down, too slow or answered nonsense: the file then waits.
        """
        ...

    def signatures(self) -> Signatures | None:
        """Return what it knows now; None where no scanner is set up. Raises ScannerAway."""
        ...

    def ping(self) -> None:
        """Raise ScannerAway unless the scanner answers."""
        ...


def current() -> Scanner:
    """Return the scanner of this app."""
    return cast(Scanner, current_app.extensions["scanner"])


def from_settings(settings: Settings) -> Scanner:
    """Return the scanner that the settings name."""
    return ClamdScanner(settings.clamd_socket) if settings.scanner == "clamd" else NoScanner()


class NoScanner:
    """No scanner by choice: every file is "inte genomsökt"."""

    name = "none"

    def scan(self, path: Path) -> Scan | None:  # noqa: ARG002 - the port's shape
        return None

    def signatures(self) -> Signatures | None:
        return None

    def ping(self) -> None:
        return None


class ClamdScanner:
    """ClamAV's daemon over its Unix socket; ``timeout`` in seconds bounds a whole conversation."""

    name = "clamd"

    def __init__(self, socket_path: Path, timeout: float = 120.0) -> None:
        self.socket_path = socket_path
        self.timeout = timeout

    def scan(self, path: Path) -> Scan | None:
        with path.open("rb") as file:
            reply = self._ask(b"zINSTREAM\0", file)
        if reply in _LIMIT_REPLIES:
            return Scan(is_infected=False, signature=None, is_whole=False)
        found = _REPLY.fullmatch(reply)
        if not found:
            raise ScannerAway(f"clamd answered {reply[:100]!r}")
        if found[1]:
            return Scan(is_infected=False, signature=None)
        signature = found[2].decode("ascii")
        if signature.startswith(_LIMIT):
            return Scan(is_infected=False, signature=None, is_whole=False)
        return Scan(is_infected=not signature.startswith(_NOT_MALWARE), signature=signature)

    def signatures(self) -> Signatures | None:
        reply = self._ask(b"zVERSION\0", seconds=WORD_SECONDS).rstrip(b"\0").decode("ascii", "replace")
        found = _VERSION.fullmatch(reply)
        if not found:
            raise ScannerAway(f"clamd answered {reply[:100]!r}")
        made_at = datetime.strptime(f"{found[2]} +0000", "%a %b %d %H:%M:%S %Y %z") if found[2] else None
        return Signatures(reply, made_at)

    def ping(self) -> None:
        reply = self._ask(b"zPING\0", seconds=WORD_SECONDS)
        if reply != b"PONG\0":
            raise ScannerAway(f"clamd answered {reply[:100]!r}")

    def _ask(self, command: bytes, file: BinaryIO | None = None, seconds: float | None = None) -> bytes:
        """Send a command, and a file after it, and return the reply with its NUL."""
        ends_at = time.monotonic() + min(self.timeout, seconds or self.timeout)
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                _bound(connection, ends_at)
                connection.connect(str(self.socket_path))
                connection.sendall(command)
                if file:
                    # It hangs up midway on a file over its StreamMaxLength, and has said so by then.
                    with suppress(BrokenPipeError, ConnectionResetError):
                        _send(connection, file, ends_at)
                return _reply(connection, ends_at)
        except OSError as error:
            raise ScannerAway(f"clamd is away or broke off ({error})") from error


def _send(connection: socket.socket, file: BinaryIO, ends_at: float) -> None:
    """Send a file as chunks with their length, and the empty one that ends it."""
    while block := file.read(BLOCK_BYTES):
        _bound(connection, ends_at)
        connection.sendall(struct.pack("!L", len(block)) + block)
    connection.sendall(struct.pack("!L", 0))


def _reply(connection: socket.socket, ends_at: float) -> bytes:
    """Read up to the NUL that ends a reply, or as far as it goes."""
    reply = b""
    while not reply.endswith(b"\0") and len(reply) < REPLY_BYTES:
        _bound(connection, ends_at)
        block = connection.recv(REPLY_BYTES)
        if not block:
            break
        reply += block
    return reply


def _bound(connection: socket.socket, ends_at: float) -> None:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    connection.settimeout(left)
