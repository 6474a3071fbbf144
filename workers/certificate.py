"""The certificate for STARTTLS, read again when its files change."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

log = logging.getLogger("workers.mailbox")

_Stamp = tuple[tuple[int, int, int], ...]


class Certificate:
    """A certificate with its chain, and its key. Raises OSError when they cannot be used at the start."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        self._stamp = self._look()
        self._context = self._read()

    def context(self) -> ssl.SSLContext:
        """Return what a new connection needs; the files of before serve while the new ones do not fit."""
        try:
            stamp = self._look()
            if stamp != self._stamp:
                # Remembered first: what cannot be used is told of once, not at each connection.
                self._stamp = stamp
                self._context = self._read()
        except OSError as problem:
            log.error("the new certificate cannot be used (%s)", type(problem).__name__)
        return self._context

    def _look(self) -> _Stamp:
        found = (file.stat() for file in self._files)
        return tuple((status.st_mtime_ns, status.st_ino, status.st_size) for status in found)

    def _read(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # An empty password: a locked key is an error, never a question to whoever started the service.
        context.load_cert_chain(*self._files, password="")
        return context
