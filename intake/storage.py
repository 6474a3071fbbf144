"""Bytes outside the database: whatever is put under a key is whole, durable and never replaced.

A key is ``prefix/uuid7`` with more parts after it where one thing has several (a letter's parts).
The only backend today is a folder; another one keeps the same promises and passes the same tests.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, cast

from flask import current_app
from uuid_utils.compat import uuid7

from intake.errors import BytesMissing, FileTooLarge, StorageError, StorageFull

BLOCK_BYTES = 256 * 1024
ROOM_ASKED_EVERY_BYTES = 8 * 1024 * 1024
REMEMBERED_FOLDERS = 10_000
LOW_DISK_BYTES = 2 * 1024**3
LOW_DISK_SHARE = 0.05
STALE_AFTER = timedelta(days=1)

_KEY = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}(/[a-z0-9][a-z0-9._-]{0,99}){0,7}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NOT_THERE = (FileNotFoundError, IsADirectoryError, NotADirectoryError)


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


class System:
    """The calls whose order makes a file durable, in one place so that it can be recorded."""

    def write(self, descriptor: int, data: memoryview) -> int:
        return os.write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        source.rename(target)

    def fsync_folder(self, folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def new_key(prefix: Literal["draft", "letter", "part", "out"]) -> str:
    """Make a key that was never used."""
    return f"{prefix}/{uuid7()}"


def current() -> Storage:
    """Return the storage of this app."""
    return cast(Storage, current_app.extensions["storage"])


def chained(keys: Iterable[str]) -> BinaryIO:
    """Open the bytes under several keys as one stream, in their order; it may raise BytesMissing."""
    parts = (current().open(key) for key in keys)
    return cast(BinaryIO, io.BufferedReader(_Chain(parts), BLOCK_BYTES))


class FolderStorage:
    """Keeps bytes as files (0600) in folders (0700) on one disk.

    ``low_disk_bytes`` is the room that uploads must leave for the database; None means the
    smaller of 2 GiB and 5 % of the disk.
    """

    def __init__(self, root: Path, low_disk_bytes: int | None = None, system: System | None = None) -> None:
        self.root = root
        self.system = system or System()
        self._temporary = root / ".tmp"
        self._durable: set[Path] = set()
        with _disk_errors():
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._temporary.mkdir(mode=0o700, exist_ok=True)
            self.system.fsync_folder(root)
            self.system.fsync_folder(root.parent)
            share = int(shutil.disk_usage(root).total * LOW_DISK_SHARE)
        self.low_disk_bytes = min(LOW_DISK_BYTES, share) if low_disk_bytes is None else low_disk_bytes

    def put(self, key: str, stream: BinaryIO, *, limit_bytes: int | None = None) -> Stored:
        target = self._path(key)
        temporary = self._temporary / str(uuid7())
        try:
            with _disk_errors():
                stored = self._write(key, stream, temporary, limit_bytes)
                self._name(temporary, target, stored)
        finally:
            # What cannot be removed now is taken by the sweep.
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        return stored

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        path = self._path(key)
        if start < 0 or (length is not None and length < 0):
            raise ValueError("start and length must not be negative")
        with _disk_errors(key):
            file = path.open("rb")
            file.seek(start)
        if length is None:
            return file
        return cast(BinaryIO, io.BufferedReader(_Range(file, length)))

    def delete(self, key: str) -> None:
        path = self._path(key)
        with _disk_errors(), suppress(*_NOT_THERE):
            path.unlink()
            self.system.fsync_folder(path.parent)

    def keys(self, older_than: datetime | None = None) -> Iterator[str]:
        before = older_than.timestamp() if older_than else None
        if not self.root.is_dir():
            raise StorageError("the storage is not there")
        with _disk_errors():
            yield from self._walk(self.root, (), before)

    def size(self, key: str) -> int:
        with self.local_path(key) as path, _disk_errors(key):
            return path.stat().st_size

    @contextmanager
    def local_path(self, key: str) -> Iterator[Path]:
        path = self._path(key)
        if not path.is_file():
            raise BytesMissing(f"{key} holds nothing")
        yield path

    def check(self) -> None:
        path = self._temporary / str(uuid7())
        with _disk_errors():
            try:
                with self._new_file(path) as file:
                    self.system.write(file.fileno(), memoryview(b"check"))
                    self.system.fsync(file.fileno())
            finally:
                path.unlink(missing_ok=True)

    def free_bytes(self) -> int:
        with _disk_errors():
            return shutil.disk_usage(self.root).free

    def has_room(self, for_bytes: int = 0) -> bool:
        return self.free_bytes() - for_bytes >= self.low_disk_bytes

    def sweep_temporary(self, now: datetime | None = None) -> int:
        before = ((now or datetime.now(UTC)) - STALE_AFTER).timestamp()
        swept = 0
        with _disk_errors(), os.scandir(self._temporary) as entries:
            for entry in entries:
                # Another sweep may have taken it, or its writer may have named it meanwhile.
                with suppress(FileNotFoundError):
                    if entry.stat(follow_symlinks=False).st_mtime < before:
                        Path(entry.path).unlink()
                        swept += 1
        return swept

    def _path(self, key: str) -> Path:
        """Place a key: under its uuid7's time, so that no folder holds more than 17 minutes' files.

        The first five digits are three days, the next two 17 minutes. Digits of chance would
        spread files as well, but make and sync new folders for nearly each of the first 65,000.
        These folders begin with "_", as no part of a key does.
        """
        if not _KEY.fullmatch(key) or ".." in key:
            raise ValueError(f"not a storage key: {key!r}")
        path = self.root
        for part in key.split("/"):
            if _UUID.fullmatch(part):
                digits = part.replace("-", "")
                path = path / f"_{digits[:5]}" / f"_{digits[5:7]}"
            path = path / part
        return path

    def _new_file(self, path: Path) -> BinaryIO:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        return os.fdopen(descriptor, "wb", buffering=0)

    def _write(self, key: str, stream: BinaryIO, temporary: Path, limit_bytes: int | None) -> Stored:
        digest, size, asked_at = hashlib.sha256(), 0, -ROOM_ASKED_EVERY_BYTES
        with self._new_file(temporary) as file:
            while True:
                if size - asked_at >= ROOM_ASKED_EVERY_BYTES:
                    asked_at = size
                    if not self.has_room():
                        raise StorageFull("the disk is under the low-disk mark")
                block = stream.read(BLOCK_BYTES)
                if not block:
                    break
                size += len(block)
                if limit_bytes is not None and size > limit_bytes:
                    raise FileTooLarge("Filen är större än vad som tas emot på det här sättet.")
                digest.update(block)
                rest = memoryview(block)
                while rest:
                    rest = rest[self.system.write(file.fileno(), rest) :]
            self.system.fsync(file.fileno())
        return Stored(key, size, digest.hexdigest())

    def _name(self, temporary: Path, target: Path, stored: Stored) -> None:
        """Give the whole file its own key, once, and make the name durable."""
        self._make_folders(target.parent)
        if target.exists():
            # The same bytes take their place, so that their age is that of the last put.
            self._require_same(target, stored)
        self.system.rename(temporary, target)
        self._make_durable(target.parent)

    def _require_same(self, target: Path, stored: Stored) -> None:
        with target.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != stored.sha256:
                raise StorageError(f"{stored.key} already holds other bytes")

    def _make_folders(self, folder: Path) -> None:
        # The root itself is never made again: a disk that is not mounted must be noticed.
        if folder not in self._durable:
            for part in reversed([folder, *folder.parents]):
                if part.is_relative_to(self.root) and part != self.root:
                    part.mkdir(mode=0o700, exist_ok=True)

    def _make_durable(self, folder: Path) -> None:
        """Sync a folder, and those above it up to one that this process has synced before.

        Whether this process made them does not matter: the one that did may have died before
        it synced them.
        """
        chain = [folder]
        while chain[-1] not in self._durable and chain[-1] != self.root:
            chain.append(chain[-1].parent)
        for part in chain:
            self.system.fsync_folder(part)
        if len(self._durable) > REMEMBERED_FOLDERS:
            self._durable.clear()
        self._durable.update(chain)

    def _walk(self, folder: Path, parts: tuple[str, ...], before: float | None) -> Iterator[str]:
        # A folder or file that vanishes beneath the walk holds nothing to tell of.
        with suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                inner = parts if entry.name.startswith("_") else (*parts, entry.name)
                if entry.is_dir(follow_symlinks=False):
                    yield from self._walk(Path(entry.path), inner, before)
                elif before is None or _written_at(entry) < before:
                    yield "/".join(inner)


def _written_at(entry: os.DirEntry[str]) -> float:
    with suppress(FileNotFoundError):
        return entry.stat(follow_symlinks=False).st_mtime
    return float("inf")


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


class _Range(io.RawIOBase):
    """At most so many bytes of an open file."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._left = length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._file.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


@contextmanager
def _disk_errors(key: str | None = None) -> Iterator[None]:
    """Say what the disk's error means; with a key, that a file which is not there is missing."""
    try:
        yield
    except _NOT_THERE as error:
        if key is None:
            raise StorageError(f"the storage is not there ({error.strerror})") from error
        raise BytesMissing(f"{key} holds nothing") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull("the disk is full") from error
        raise StorageError(f"the storage failed ({error.strerror})") from error
