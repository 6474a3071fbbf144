"""A store in a folder: a file for each key, durable by write, fsync, rename and fsync of the folder."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, cast

from uuid_utils.compat import uuid7

from intake.errors import BytesMissing, StorageError
from intake.storage import disk
from intake.storage.disk import NOT_THERE, disk_errors, new_file
from intake.storage.port import Stored, copy, require_key, require_range

REMEMBERED_FOLDERS = 10_000

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


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
        with disk_errors():
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._temporary.mkdir(mode=0o700, exist_ok=True)
            self.system.fsync_folder(root)
            self.system.fsync_folder(root.parent)
        self.low_disk_bytes = disk.low_disk_mark(root, low_disk_bytes)

    def put(self, key: str, stream: BinaryIO, *, limit_bytes: int | None = None) -> Stored:
        target = self._path(key)
        temporary = self._temporary / str(uuid7())
        try:
            with disk_errors():
                stored = self._write(key, stream, temporary, limit_bytes)
                self._name(temporary, target, stored)
        finally:
            # What cannot be removed now is taken by the sweep.
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        return stored

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        path = self._path(key)
        require_range(start, length)
        with disk_errors(key):
            file = path.open("rb")
            file.seek(start)
        if length is None:
            return file
        return cast(BinaryIO, io.BufferedReader(_Range(file, length)))

    def delete(self, key: str) -> None:
        path = self._path(key)
        with disk_errors(), suppress(*NOT_THERE):
            path.unlink()
            self.system.fsync_folder(path.parent)

    def keys(self, older_than: datetime | None = None) -> Iterator[str]:
        before = older_than.timestamp() if older_than else None
        if not self.root.is_dir():
            raise StorageError("the storage is not there")
        with disk_errors():
            yield from self._walk(self.root, (), before)

    def size(self, key: str) -> int:
        with self.local_path(key) as path, disk_errors(key):
            return path.stat().st_size

    @contextmanager
    def local_path(self, key: str) -> Iterator[Path]:
        path = self._path(key)
        if not path.is_file():
            raise BytesMissing(f"{key} holds nothing")
        yield path

    def check(self) -> None:
        path = self._temporary / str(uuid7())
        with disk_errors():
            try:
                with new_file(path) as file:
                    self.system.write(file.fileno(), memoryview(b"check"))
                    self.system.fsync(file.fileno())
            finally:
                path.unlink(missing_ok=True)

    def free_bytes(self) -> int:
        return disk.free_bytes(self.root)

    def has_room(self, for_bytes: int = 0) -> bool:
        return self.free_bytes() - for_bytes >= self.low_disk_bytes

    def sweep_temporary(self, now: datetime | None = None) -> int:
        return disk.sweep(self._temporary, now)

    def _path(self, key: str) -> Path:
        """Place a key: under its uuid7's time, so that no folder holds more than 17 minutes' files.

        The first five digits are three days, the next two 17 minutes. Digits of chance would
        spread files as well, but make and sync new folders for nearly each of the first 65,000.
        These folders begin with "_", as no part of a key does.
        """
        require_key(key)
        path = self.root
        for part in key.split("/"):
            if _UUID.fullmatch(part):
                digits = part.replace("-", "")
                path = path / f"_{digits[:5]}" / f"_{digits[5:7]}"
            path = path / part
        return path

    def _write(self, key: str, stream: BinaryIO, temporary: Path, limit_bytes: int | None) -> Stored:
        with new_file(temporary) as file:
            size, sha256 = copy(
                stream,
                lambda data: self.system.write(file.fileno(), data),
                limit_bytes=limit_bytes,
                has_room=lambda: self.has_room(),
            )
            self.system.fsync(file.fileno())
        return Stored(key, size, sha256)

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
