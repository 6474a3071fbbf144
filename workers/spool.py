"""A letter as it comes in: off the wire in blocks, onto a spool that is on disk when the letter is long."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from intake.errors import StorageError
from workers import replies

log = logging.getLogger("workers.mailbox")

IN_MEMORY_BYTES = 256 * 1024
ROOM_ASKED_EVERY_BYTES = 1024 * 1024
END_OF_LETTER = b"\r\n.\r\n"


class Spool:
    """A letter as it comes in: on disk when it is long, without a name there, and never over its limit.

    ``has_room`` says whether the disk has room for more; it may raise StorageError.
    """

    def __init__(self, folder: Path, limit_bytes: int, has_room: Callable[[], bool]) -> None:
        self.size_bytes = 0
        self._limit_bytes = limit_bytes
        self._has_room = has_room
        self._asked_at_bytes = 0
        self._fault: str | None = None
        # It lives from DATA till a thread has stored it, so no block can close it.
        self._file = SpooledTemporaryFile(IN_MEMORY_BYTES, dir=str(folder))  # noqa: SIM115

    @property
    def refusal(self) -> str | None:
        """The reply to a letter that was not kept; it is read to its end before it is given."""
        if self.size_bytes > self._limit_bytes:
            return replies.TOO_LARGE
        return self._fault

    def add(self, text: bytes) -> None:
        """Write one more piece; of a letter that is refused by now nothing is kept."""
        self.size_bytes += len(text)
        if not self.refusal:
            self._write(text)
        if self.refusal:
            self.close()

    def _write(self, text: bytes) -> None:
        try:
            # Many letters at once may take the room that there was when each of them was announced.
            if self.size_bytes - self._asked_at_bytes >= ROOM_ASKED_EVERY_BYTES:
                self._asked_at_bytes = self.size_bytes
                if not self._has_room():
                    self._fault = replies.NO_ROOM
                    return
            self._file.write(text)
        except (OSError, StorageError):
            log.exception("the spool cannot be written")
            self._fault = replies.FAILED

    def rewound(self) -> BinaryIO:
        """Return the letter's bytes from their beginning."""
        self._file.seek(0)
        return cast(BinaryIO, self._file)

    def close(self) -> None:
        # Closing writes what is buffered, which a full disk refuses once more.
        with suppress(OSError):
            self._file.close()


async def letter_in(reader: asyncio.StreamReader) -> AsyncGenerator[bytes, None]:
    """Give a letter in blocks, unstuffed, up to CRLF.CRLF and nothing else that looks like an end.

    A bare CR or LF ends no line and no letter (CVE-2024-27305); it is a byte of the letter.
    """
    # The dot of an empty letter follows on the command's line end, which is no part of the letter.
    reader._buffer[:0] = b"\r\n"  # type: ignore[attr-defined]
    held, extra, is_last = b"", 2, False
    while not is_last:
        try:
            block = held + await reader.readuntil(END_OF_LETTER)
            text, held, is_last = block[:-3], b"", True
        except asyncio.LimitOverrunError as overrun:
            block = held + await reader.read(overrun.consumed)
            # A stuffing dot is known by the line end before it, which may be cut from it here.
            undecided = 2 if block.endswith(b"\r\n") else 1 if block.endswith(b"\r") else 0
            decided = len(block) - undecided
            text, held = block[:decided], block[decided:]
        if text:
            yield unstuffed(text)[extra:]
            extra = 0


def unstuffed(text: bytes) -> bytes:
    """Take away the dot that was put before each line that began with one (RFC 5321 4.5.2)."""
    # Most pieces hold no dot at all, and to look for one is a hundred times cheaper than for three bytes.
    return text.replace(b"\r\n.", b"\r\n") if b"." in text else text
