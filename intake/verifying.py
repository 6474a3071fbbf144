"""Proofs of the bytes themselves: each stored file is read whole again and compared with its row.

What was looked at longest ago comes first and each answer is committed by itself, so that a run may be
killed at any point and the next one goes on from there.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Row, text

from intake import storage
from intake.errors import BytesMissing, StorageError
from intake.extensions import db, now
from intake.ledger import NAMED_KEYS

log = logging.getLogger(__name__)

Problem = Literal["missing", "wrong size", "wrong digest", "unreadable"]

AGAIN_AFTER = timedelta(days=30)
# The dispatcher proves this much each half hour: some 90 GB a day, never more than a disk has to spare.
SLICE_BYTES = 2 * 1024**3
SLICE_BYTES_PER_SECOND = 20_000_000
AT_A_TIME = 2000

# What unfinished forms hold has no digest where we may read it, and is gone within a day.
_PROVABLE = f"SELECT * FROM ({NAMED_KEYS}) AS named WHERE sha256 IS NOT NULL"  # noqa: S608 (of constants)
_DUE = text(f"""
    SELECT named.*, byte_check.is_whole FROM ({_PROVABLE}) AS named LEFT JOIN byte_check USING (storage_key)
    WHERE at IS NULL OR at < :before OR (NOT is_whole AND at < :begun)
    ORDER BY is_whole IS FALSE DESC, at NULLS FIRST, storage_key LIMIT :most""")  # noqa: S608 (of constants)
_IS_STILL_SO = text(f"""
    SELECT EXISTS (SELECT FROM ({_PROVABLE}) AS provable
    WHERE storage_key = :key AND size_bytes = :size AND sha256 = :sha256)""")  # noqa: S608 (of constants)
_RECORD = text("""
    INSERT INTO byte_check (storage_key, at, is_whole) VALUES (:key, :at, :is_whole)
    ON CONFLICT (storage_key) DO UPDATE SET at = excluded.at, is_whole = excluded.is_whole""")
_FORGET = text(f"""
    DELETE FROM byte_check WHERE NOT EXISTS (
        SELECT FROM ({_PROVABLE}) AS provable WHERE provable.storage_key = byte_check.storage_key)""")  # noqa: S608
_STANDING = text(f"""
    SELECT count(*) AS files, count(at) AS verified, count(*) FILTER (WHERE NOT is_whole) AS differ,
        CASE WHEN count(*) = count(at) THEN min(at) END AS oldest_at
    FROM ({_PROVABLE}) AS provable LEFT JOIN byte_check USING (storage_key)""")  # noqa: S608 (of constants)


@dataclass(frozen=True)
class Proven:
    """A file that was read: its key, the row that names it, and what is wrong with its bytes, if anything."""

    key: str
    row: str
    size_bytes: int
    problem: Problem | None


@dataclass
class Throttle:
    """Lets so many bytes through in a second, None for as many as can be read."""

    bytes_per_second: int | None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _free_at: float = field(default=0.0, init=False)

    def __call__(self, count: int) -> None:
        """Wait until this many bytes more may be read."""
        if not self.bytes_per_second:
            return
        at = self.clock()
        if self._free_at > at:
            self.sleep(self._free_at - at)
        self._free_at = max(self._free_at, at) + count / self.bytes_per_second


def verify(*, is_all: bool = False, throttle: Throttle | None = None) -> Iterator[Proven]:
    """Read every file that was not proven whole lately, or every file, and yield what each was like.

    What was found wrong before is read first and always. Raises StorageError when the store is away.
    """
    begun = now()
    before = begun if is_all else begun - AGAIN_AFTER
    db.session.execute(_FORGET)
    db.session.commit()
    while True:
        due = db.session.execute(_DUE, {"before": before, "begun": begun, "most": AT_A_TIME}).all()
        db.session.rollback()  # Reading takes its time, and no transaction stays open meanwhile.
        if not due:
            return
        for row in due:
            proven = _prove(row, throttle or Throttle(None))
            if proven is not None:
                yield proven


def verify_some(max_bytes: int = SLICE_BYTES, throttle: Throttle | None = None) -> int:
    """Prove a slice of the files, a little at a time, and return how many were not as their rows say.

    Where another host does the same just now, nothing is done.
    """
    read = differ = 0
    with _alone() as is_alone:
        for proven in verify(throttle=throttle or Throttle(SLICE_BYTES_PER_SECOND)) if is_alone else ():
            if proven.problem:
                differ += 1
                log.error(
                    "the bytes of %s are not as they came: %s, %s", proven.row, proven.problem, proven.key
                )
            read += proven.size_bytes
            if read >= max_bytes:
                break
    return differ


@dataclass(frozen=True)
class Standing:
    """How many files there are, were ever looked at, and are not whole.

    ``oldest_at`` is when the one was looked at that waits longest; None while some never were.
    """

    files: int
    verified: int
    differ: int
    oldest_at: datetime | None


def standing() -> Standing:
    """Tell how far the proofs have come."""
    found = db.session.execute(_STANDING).one()
    db.session.rollback()
    return Standing(found.files, found.verified, found.differ, found.oldest_at)


def _prove(row: Row[Any], throttle: Throttle) -> Proven | None:
    """Read a file and record what it was like; None when its row has gone meanwhile."""
    problem = _problem_of(row, throttle)
    expected = {"key": row.storage_key, "size": row.size_bytes, "sha256": row.sha256}
    if problem and not db.session.execute(_IS_STILL_SO, expected).scalar_one():
        db.session.rollback()
        return None
    db.session.execute(_RECORD, {"key": row.storage_key, "at": now(), "is_whole": problem is None})
    db.session.commit()
    return Proven(row.storage_key, f"{row.named_by} {row.id}", row.size_bytes, problem)


def _problem_of(row: Row[Any], throttle: Throttle) -> Problem | None:
    try:
        size, sha256 = _read(row.storage_key, throttle)
    except (StorageError, OSError) as error:
        # A store that is away raises here; one that works has lost the file, or cannot read it.
        storage.current().check()
        return "missing" if isinstance(error, BytesMissing) else "unreadable"
    if size != row.size_bytes:
        return "wrong size"
    return None if sha256 == row.sha256 else "wrong digest"


def _read(key: str, throttle: Throttle) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with storage.current().open(key) as file:
        while block := file.read(storage.BLOCK_BYTES):
            throttle(len(block))
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


@contextmanager
def _alone() -> Iterator[bool]:
    """Say whether nobody else proves a slice; the database forgets that we do when we die."""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        lock = "(hashtextextended('verify_some', 0))"
        is_alone = bool(connection.scalar(text(f"SELECT pg_try_advisory_lock{lock}")))
        try:
            yield is_alone
        finally:
            if is_alone:
                connection.execute(text(f"SELECT pg_advisory_unlock{lock}"))
