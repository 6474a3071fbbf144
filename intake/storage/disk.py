"""A disk as the stores see it: how much room it has, what its errors mean, and files for us alone."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from intake.errors import BytesMissing, StorageError, StorageFull
from intake.storage.port import STALE_AFTER

LOW_DISK_BYTES = 2 * 1024**3
LOW_DISK_SHARE = 0.05

NOT_THERE = (FileNotFoundError, IsADirectoryError, NotADirectoryError)


@contextmanager
def disk_errors(key: str | None = None) -> Iterator[None]:
    """Say what the disk's error means; with a key, that a file which is not there is missing."""
    try:
        yield
    except NOT_THERE as error:
        if key is None:
            raise StorageError(f"the storage is not there ({error.strerror})") from error
        raise BytesMissing(f"{key} holds nothing") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull("the disk is full") from error
        raise StorageError(f"the storage failed ({error.strerror})") from error


def low_disk_mark(folder: Path, setting: int | None) -> int:
    """Return the bytes that uploads must leave: the setting, or the smaller of 2 GiB and 5 % of the disk."""
    if setting is not None:
        return setting
    with disk_errors():
        return min(LOW_DISK_BYTES, int(shutil.disk_usage(folder).total * LOW_DISK_SHARE))


def free_bytes(folder: Path) -> int:
    """Return the room left on a folder's disk, in bytes."""
    with disk_errors():
        return shutil.disk_usage(folder).free


def new_file(path: Path) -> BinaryIO:
    """Make a file that nobody else may read, to be written without a buffer."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(descriptor, "wb", buffering=0)


def sweep(folder: Path, now: datetime | None) -> int:
    """Remove a folder's files that are more than a day old; return how many."""
    before = ((now or datetime.now(UTC)) - STALE_AFTER).timestamp()
    swept = 0
    with disk_errors(), os.scandir(folder) as entries:
        for entry in entries:
            # Another sweep may have taken it, or its writer may have named it meanwhile.
            with suppress(FileNotFoundError):
                if entry.stat(follow_symlinks=False).st_mtime < before:
                    Path(entry.path).unlink()
                    swept += 1
    return swept
