"""What a store promises, whatever keeps the bytes: whole, durable and never replaced under their key."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, cast

from flask import current_app
from uuid_utils.compat import uuid7

from intake.errors import FileTooLarge, StorageFull

BLOCK_BYTES = 256 * 1024
ROOM_ASKED_EVERY_BYTES = 8 * 1024 * 1024
STALE_AFTER = timedelta(days=1)

_KEY = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}(/[a-z0-9][a-z0-9._-]{0,99}){0,7}")


@dataclass(frozen=True)
class Stored:
    """What was put: its key, size in bytes and SHA-256 in hexadecimal."""

    key: str
    size_bytes: int
    sha256: str


class Storage(Protocol):
    """Keeps bytes under keys. Everything raises StorageError when the store is away."""

    def put(self, key: str, stream: BinaryIO, *, limit_bytes: int | None = None) -> Stored:
        """Store a stream; it is durable when this returns, and absent or whole when it does not.

        Putting the same bytes under a key again changes nothing; other bytes raise StorageError.
        Raises FileTooLarge past the limit and StorageFull under the low-disk mark.
        """
        ...

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """Open the bytes, or a range of them, for reading; raises BytesMissing."""
        ...

    def delete(self, key: str) -> None:
        """Remove a key for good; a key that holds nothing is left quietly."""
        ...

    def keys(self, older_than: datetime | None = None) -> Iterator[str]:
        """Yield each key, in no order, or those whose bytes were written before a time."""
        ...

    def size(self, key: str) -> int:
        """Return the size in bytes; raises BytesMissing."""
        ...

    def local_path(self, key: str) -> AbstractContextManager[Path]:
        """Lend a real file to read, for those who take only a path; raises BytesMissing."""
        ...

    def check(self) -> None:
        """Write and remove something, or raise StorageError."""
        ...

    def free_bytes(self) -> int:
        """Return the room left on the disk, in bytes."""
        ...

    def has_room(self, for_bytes: int = 0) -> bool:
        """Say whether this many bytes more would stay above the low-disk mark."""
        ...

    def sweep_temporary(self, now: datetime | None = None) -> int:
        """Remove half-written files more than a day old; return how many."""
        ...


def new_key(prefix: Literal["draft", "letter", "part", "out", "hand", "view"]) -> str:
    """Make a key that was never used."""
    return f"{prefix}/{uuid7()}"


def current() -> Storage:
    """Return the storage of this app."""
    return cast(Storage, current_app.extensions["storage"])


def chained(keys: Iterable[str]) -> BinaryIO:
    """Open the bytes under several keys as one stream, in their order; it may raise BytesMissing."""
    parts = (current().open(key) for key in keys)
    return cast(BinaryIO, io.BufferedReader(_Chain(parts), BLOCK_BYTES))


def is_key(key: str) -> bool:
    """Say whether something is a key of ours, which no store can take for a place elsewhere."""
    return bool(_KEY.fullmatch(key)) and ".." not in key


def require_key(key: str) -> None:
    """Raise ValueError unless it is a key of ours."""
    if not is_key(key):
        raise ValueError(f"not a storage key: {key!r}")


def require_range(start: int, length: int | None) -> None:
    """Raise ValueError unless the range may be one of a file."""
    if start < 0 or (length is not None and length < 0):
        raise ValueError("start and length must not be negative")


def copy(
    stream: BinaryIO,
    write: Callable[[memoryview], int],
    *,
    limit_bytes: int | None,
    has_room: Callable[[], bool],
) -> tuple[int, str]:
    """Write a stream onto a disk while there is room; return its size in bytes and its SHA-256.

    Raises FileTooLarge past the limit and StorageFull under the low-disk mark.
    """
    digest, size, asked_at = hashlib.sha256(), 0, -ROOM_ASKED_EVERY_BYTES
    while True:
        if size - asked_at >= ROOM_ASKED_EVERY_BYTES:
            asked_at = size
            if not has_room():
                raise StorageFull("the disk is under the low-disk mark")
        block = stream.read(BLOCK_BYTES)
        if not block:
            return size, digest.hexdigest()
        size += len(block)
        if limit_bytes is not None and size > limit_bytes:
            raise FileTooLarge("Filen är större än vad som tas emot på det här sättet.")
        digest.update(block)
        rest = memoryview(block)
        while rest:
            rest = rest[write(rest) :]


class _Chain(io.RawIOBase):
    """Several streams read as one; each is opened when the one before it has ended."""

    def __init__(self, streams: Iterator[BinaryIO]) -> None:
        self._following = streams
        self._stream = next(streams, None)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while self._stream:
            data = self._stream.read(len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)
            self._stream.close()
            self._stream = next(self._following, None)
        return 0

    def close(self) -> None:
        if self._stream:
            self._stream.close()
        super().close()
