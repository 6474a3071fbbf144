"""The virus scanner: a file is infected, not infected, or not scanned, and never called clean by default."""

from __future__ import annotations

import re
import socket
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from flask import current_app

from intake.errors import ScannerAway

BLOCK_BYTES = 128 * 1024
REPLY_BYTES = 4096

_REPLY = re.compile(rb"stream: (?:(OK)|([!-~]{1,300}) FOUND)\0")
_LIMIT = "Heuristics.Limits.Exceeded"
_NOT_MALWARE = ("Heuristics.Encrypted.", "Heuristics.OLE2.ContainsMacros")


@dataclass(frozen=True)
class Scan:
    """What the scanner said.

    A ``signature`` without ``is_infected`` is a warning: the scanner could not look inside
    (a password) or saw macros. Only a scan without signature found nothing.
    """

    is_infected: bool
    signature: str | None

    @property
    def is_clean(self) -> bool:
        return not self.is_infected and self.signature is None


class Scanner(Protocol):
    """Looks for malware in one file."""

    name: str

    def scan(self, path: Path) -> Scan | None:
        """Scan a file; None where no scanner is set up.

        Raises ScannerAway when it is down, too slow, hit a limit or answered nonsense: the
        file then waits.
        """
        ...

    def ping(self) -> None:
        """Raise ScannerAway unless the scanner answers."""
        ...


def current() -> Scanner:
    """Return the scanner of this app."""
    return cast(Scanner, current_app.extensions["scanner"])


class NoScanner:
    """No scanner by choice: every file is "inte genomsökt"."""

    name = "none"

    def scan(self, path: Path) -> Scan | None:  # noqa: ARG002 - the port's shape
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
        found = _REPLY.fullmatch(reply)
        if not found:
            raise ScannerAway(f"clamd answered {reply[:100]!r}")
        if found[1]:
            return Scan(is_infected=False, signature=None)
        signature = found[2].decode("ascii")
        if signature.startswith(_LIMIT):
            raise ScannerAway(f"clamd hit a limit ({signature})")
        return Scan(is_infected=not signature.startswith(_NOT_MALWARE), signature=signature)

    def ping(self) -> None:
        reply = self._ask(b"zPING\0")
        if reply != b"PONG\0":
            raise ScannerAway(f"clamd answered {reply[:100]!r}")

    def _ask(self, command: bytes, file: BinaryIO | None = None) -> bytes:
        """Send a command, and a file as chunks with their length, and return the reply with its NUL."""
        ends_at = time.monotonic() + self.timeout
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                _bound(connection, ends_at)
                connection.connect(str(self.socket_path))
                connection.sendall(command)
                if file:
                    while block := file.read(BLOCK_BYTES):
                        _bound(connection, ends_at)
                        connection.sendall(struct.pack("!L", len(block)) + block)
                    connection.sendall(struct.pack("!L", 0))
                reply = b""
                while not reply.endswith(b"\0") and len(reply) < REPLY_BYTES:
                    _bound(connection, ends_at)
                    block = connection.recv(REPLY_BYTES)
                    if not block:
                        break
                    reply += block
                return reply
        except OSError as error:
            # clamd also breaks off like this when a file is over its StreamMaxLength.
            raise ScannerAway(f"clamd is away or broke off ({error})") from error


def _bound(connection: socket.socket, ends_at: float) -> None:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    connection.settimeout(left)
