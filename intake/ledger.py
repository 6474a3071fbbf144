"""The ledger: proofs that nothing is missing, and the sweep of what no row names.

Each proof is one query over one consistent snapshot that returns the ids of its exceptions;
an empty answer is the proof. It runs beside traffic and locks nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, text

from intake import storage
from intake.errors import BytesMissing
from intake.extensions import db, now

KEPT_UNNAMED = timedelta(days=1)
# The sweep comes every half hour; what it has left after this is an exception.
SWEPT_BY = KEPT_UNNAMED + timedelta(hours=2)
JOB_LIMIT = timedelta(hours=1)
# Files that came too late are given up every half hour.
UPLOAD_LIMIT = timedelta(hours=2)
# A store far away answers one question in some milliseconds, and is asked about every file.
LOOKS_AT_A_TIME = 16

Item = TypeVar("Item")

NAMED_KEYS = """
    SELECT storage_key, size_bytes, sha256, 'letter' AS named_by, id FROM letter
    UNION ALL SELECT storage_key, size_bytes, sha256, 'attachment', id FROM attachment
    UNION ALL SELECT storage_key, size_bytes, sha256, 'rendition', id FROM rendition
    UNION ALL SELECT storage_key, size_bytes, NULL, 'draft', draft_id FROM draft_key
"""

PROOFS: Mapping[str, str] = {
    "arrival_without_outcome": """
        SELECT arrival.id FROM arrival
        WHERE message_id IS NULL AND duplicate_of_id IS NULL AND NOT EXISTS (
            SELECT FROM job WHERE job.kind = 'parse_letter' AND job.done_at IS NULL
            AND job.subject_id = arrival.letter_id)""",
    "incoming_message_without_arrival": """
        SELECT message.id FROM message WHERE direction = 'incoming'
        AND (SELECT count(*) FROM arrival WHERE arrival.message_id = message.id) <> 1""",
    "message_without_matter": """
        SELECT message.id FROM message
        WHERE NOT EXISTS (SELECT FROM matter WHERE matter.id = message.matter_id)""",
    "matter_without_message": """
        SELECT matter.id FROM matter WHERE merged_into_id IS NULL
        AND NOT EXISTS (SELECT FROM message WHERE message.matter_id = matter.id)""",
    "merged_matter_astray": """
        SELECT matter.id FROM matter WHERE merged_into_id IS NOT NULL AND (
            surviving_matter(matter.id) IS NULL
            OR EXISTS (SELECT FROM message WHERE message.matter_id = matter.id)
            OR EXISTS (SELECT FROM attachment WHERE attachment.matter_id = matter.id))""",
    "file_away_from_its_message": """
        SELECT attachment.id FROM attachment JOIN message ON message.id = attachment.message_id
        WHERE attachment.matter_id <> message.matter_id""",
    "matter_without_number": """
        SELECT matter.id FROM matter
        WHERE NOT EXISTS (SELECT FROM diary_entry WHERE diary_entry.matter_id = matter.id)""",
    "matter_without_inbox": """
        SELECT matter.id FROM matter WHERE NOT EXISTS (
            SELECT FROM matter_unit WHERE matter_unit.matter_id = matter.id AND until IS NULL)""",
    "gap_in_numbers": """
        SELECT series || number || '/' || year FROM number_series AS counter
        CROSS JOIN LATERAL generate_series(1, last) AS number
        WHERE NOT EXISTS (SELECT FROM diary_entry AS entry
            WHERE (entry.series, entry.year, entry.number) = (counter.series, counter.year, number))""",
    "letter_without_arrival": """
        SELECT letter.id FROM letter
        WHERE NOT EXISTS (SELECT FROM arrival WHERE arrival.letter_id = letter.id)""",
    "unchecked_file_without_job": """
        SELECT attachment.id FROM attachment WHERE verdict = 'unchecked' AND NOT EXISTS (
            SELECT FROM job WHERE job.kind = 'check_file' AND job.done_at IS NULL
            AND job.subject_id = attachment.id)""",
    "checked_file_without_views": """
        SELECT attachment.id FROM attachment
        WHERE verdict IN ('accept', 'warn', 'not_scanned') AND drawn_at IS NULL AND NOT EXISTS (
            SELECT FROM job WHERE job.kind IN ('draw_file', 'check_file', 'check_again')
            AND job.done_at IS NULL AND job.subject_id = attachment.id)""",
    "received_upload_without_job": """
        SELECT upload.id FROM upload
        WHERE received_at IS NOT NULL AND composed_at IS NULL AND NOT EXISTS (
            SELECT FROM job WHERE job.kind = 'finish_upload' AND job.done_at IS NULL
            AND job.subject_id = upload.id)""",
    "late_upload_untold": """
        SELECT upload.id FROM upload
        WHERE matter_id IS NOT NULL AND received_at IS NULL AND given_up_at IS NULL
        AND expires_at < :upload_limit""",
    "owed_letter_without_job": """
        SELECT outgoing_letter.id FROM outgoing_letter
        WHERE state IN ('owed', 'sending') AND NOT EXISTS (
            SELECT FROM job WHERE job.kind = 'send_letter' AND job.done_at IS NULL
            AND job.subject_id = outgoing_letter.id)""",
    "job_stuck": "SELECT id FROM job WHERE done_at IS NULL AND stuck_at IS NOT NULL",
    "job_too_old": """
        SELECT id FROM job WHERE done_at IS NULL AND stuck_at IS NULL AND created_at < :job_limit
        AND kind <> 'check_again'""",
    "bytes_differ": f"""
        SELECT storage_key FROM byte_check WHERE NOT is_whole
        AND storage_key IN (SELECT storage_key FROM ({NAMED_KEYS}) AS named)""",  # noqa: S608 (of constants)
}  # fmt: skip

IS_NAMED = text(f"SELECT EXISTS (SELECT FROM ({NAMED_KEYS}) AS named WHERE storage_key = :key)")  # noqa: S608
# What is set for later and has not come due is not owed yet.
OPEN_JOBS = text("SELECT count(*) FROM job WHERE done_at IS NULL AND (sends > 0 OR due_at <= :now)")
# What was ever proven, and the days since the oldest of these proofs, by `verify-files`.
VERIFIED = text(
    "SELECT count(*), coalesce(extract(days FROM :now - min(at)), 0) FROM byte_check WHERE is_whole"
)
COUNTS = ("arrival", "matter", "message", "attachment", "letter", "job", "outgoing_letter")


@dataclass(frozen=True)
class Reconciliation:
    """What was counted and every exception, as ids by the proof they break."""

    at: datetime
    counts: Mapping[str, int]
    exceptions: Mapping[str, tuple[str, ...]]

    @property
    def is_whole(self) -> bool:
        """Say whether nothing is missing."""
        return not any(self.exceptions.values())


def reconcile() -> Reconciliation:
    """Prove, from one snapshot, that everything that came in is here, once, with its bytes."""
    at = now()
    with db.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        connection.execute(text("SET TRANSACTION READ ONLY"))
        connection.execute(text("SET LOCAL statement_timeout = '30min'"))
        counts = {name: _count(connection, name) for name in COUNTS}
        counts["open_job"] = int(connection.scalar(OPEN_JOBS, {"now": at}) or 0)
        counts["verified"], counts["verified_days_ago"] = map(
            int, connection.execute(VERIFIED, {"now": at}).one()
        )
        limits = {"job_limit": at - JOB_LIMIT, "upload_limit": at - UPLOAD_LIMIT}
        exceptions = {
            name: tuple(str(found) for found in connection.scalars(text(query), limits))
            for name, query in PROOFS.items()
        }
        exceptions["bytes_missing"] = tuple(_missing(connection))
    exceptions["bytes_unnamed"] = tuple(_unnamed(at - SWEPT_BY))
    return Reconciliation(at, counts, exceptions)


def expire_drafts() -> int:
    """Erase the drafts whose time is out, and commit; return how many. Their bytes are swept later."""
    gone = db.session.execute(text("SELECT expire_drafts(:now)"), {"now": now()}).scalar_one()
    db.session.commit()
    return int(gone)


def sweep() -> int:
    """Delete stored bytes that are older than a day and that no row names; return how many.

    What killed processes left half written goes too.
    """
    storage.current().sweep_temporary()
    swept = 0
    for key in _unnamed(now() - KEPT_UNNAMED):
        hold_key(key)
        if not db.session.execute(IS_NAMED, {"key": key}).scalar_one():
            storage.current().delete(key)
            swept += 1
        db.session.commit()
    return swept


def hold_key(key: str) -> None:
    """Hold a stored key, and all of its family, so that the sweep and a new row never cross.

    The family is what its first two words name, such as all parts that came by one arrival: a lock for
    each of a thousand parts would fill the table that all sessions share.
    """
    hold("/".join(key.split("/", 2)[:2]))


def hold(name: str) -> None:
    """Hold a name for the caller's transaction: another who holds it waits until then."""
    db.session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


def _count(connection: Connection, table: str) -> int:
    return int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608 (from COUNTS)


def _missing(connection: Connection) -> Iterator[str]:
    rows = connection.execution_options(yield_per=1000).execute(text(NAMED_KEYS))
    store = storage.current()

    def is_there(row: Row[Any]) -> bool:
        try:
            return store.size(row.storage_key) == int(row.size_bytes)
        except BytesMissing:
            return False

    with ThreadPoolExecutor(LOOKS_AT_A_TIME) as looks:
        for batch in _batches(rows, 1000):
            found = looks.map(is_there, batch)
            yield from (row.storage_key for row, is_whole in zip(batch, found, strict=True) if not is_whole)


def _unnamed(older_than: datetime) -> Iterator[str]:
    with db.engine.connect() as connection:
        for keys in _batches(storage.current().keys(older_than), 500):
            query = text(f"SELECT storage_key FROM ({NAMED_KEYS}) AS named WHERE storage_key = ANY(:keys)")  # noqa: S608
            named = set(connection.scalars(query, {"keys": keys}))
            connection.rollback()
            yield from (key for key in keys if key not in named)


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    batch: list[Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
