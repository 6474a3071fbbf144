"""Bytes outside the database: whatever is put under a key is whole, durable and never replaced.

A key is ``prefix/uuid7`` with more parts after it where one thing has several (a letter's parts).
A folder or a bucket in S3 keeps the bytes; both keep the same promises and pass the same tests.
"""

from __future__ import annotations

from config.settings import Settings
from intake.storage.disk import LOW_DISK_BYTES, LOW_DISK_SHARE
from intake.storage.folder import FolderStorage, System
from intake.storage.port import BLOCK_BYTES, STALE_AFTER, Storage, Stored, chained, current, new_key

__all__ = [
    "BLOCK_BYTES",
    "LOW_DISK_BYTES",
    "LOW_DISK_SHARE",
    "STALE_AFTER",
    "FolderStorage",
    "Storage",
    "Stored",
    "System",
    "chained",
    "current",
    "from_settings",
    "new_key",
]


def from_settings(settings: Settings) -> Storage:
    """Return the store that ``STORAGE_URL`` names: a bucket, a folder, or the folder under ``INTAKE_VAR``."""
    if settings.bucket is None:
        return FolderStorage(settings.storage_folder or settings.var / "files", settings.low_disk_bytes)
    # Its client takes 0.2 s and 25 MiB to load, which a service with a folder does without.
    from intake.storage.s3 import S3Storage

    return S3Storage(settings.bucket, settings.var / "spool", settings.low_disk_bytes)
