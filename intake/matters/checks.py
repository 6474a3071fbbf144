"""The check of an attachment: what was found is recorded beside the bytes, never in them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.exc import IntegrityError

from intake import files, outbox, scanner, scratch, storage
from intake.errors import ScannerAway
from intake.extensions import db, now, settings
from intake.files import Examination, Finding, finding
from intake.matters.records import note
from intake.matters.viewing import LOCKED, is_locked, lies_open
from intake.models import Attachment, Job, ScannerState

# What was received in these days is scanned again when the scanner has learned something new.
SCANNED_AGAIN_WITHIN = timedelta(days=14)
# What is not scanned by then counts as not scanned whole.
SCAN_SECONDS = 200
# So many are kept of what was found, and shown.
MOST_FINDINGS = 50
# The scanner opens these itself; what lies in others it must be given by itself.
_SCANNER_OPENS = ("application/zip", "message/rfc822")


@dataclass(frozen=True)
class Checked:
    """What a check found: the verdict to record, what was seen, and the signatures of the scan."""

    verdict: str
    seen: Examination
    began_at: datetime
    scanned_with: str | None = None
    is_scanned_whole: bool = False


def look_at(attachment: Attachment) -> Checked:
    """Look an attachment's bytes through and scan them.

    Raises ScannerAway when the scanner gives no answer and nothing else was found that locks the
    file: it then waits, nothing is said.
    """
    began_at, var = now(), settings().var
    with storage.current().local_path(attachment.storage_key) as file, scratch.folder(var) as folder:
        seen = files.examine(attachment.name, file, settings().tables.files, folder)
        try:
            return replace(scan(seen, scanner.current()), began_at=began_at)
        except ScannerAway:
            if seen.verdict(is_received=True) == "quarantine":
                return Checked("quarantine", seen, began_at)
            raise


def scan(seen: Examination, by: scanner.Scanner) -> Checked:
    """Scan a file that was looked through, and what lies in it out of the scanner's sight.

    Raises ScannerAway.
    """
    known, began_at = by.signatures(), datetime.now(UTC)
    is_whole, ends_at = known is not None, time.monotonic() + SCAN_SECONDS
    for each, file in _to_scan(seen) if known else ():
        found = by.scan(file) if time.monotonic() < ends_at else None
        if found is None or not found.is_whole:
            is_whole = False
        elif found.is_infected:
            signature = found.signature or "okänd signatur"
            seen = seen.with_finding(each.path, finding("malware", signature=signature))
        elif found.signature and seen.verdict(is_received=True) == "accept":
            # Where the file was seen to have a password or macros, the scanner says nothing new.
            seen = seen.with_finding(each.path, finding("scanner_remark", signature=found.signature))
    verdict: str = seen.verdict(is_received=True)
    if known and not is_whole:
        seen = seen.with_finding("", finding("scan_incomplete"))
    if verdict == "accept" and not is_whole:
        verdict = "not_scanned"
    return Checked(verdict, seen, began_at, known.version if known else None, is_whole)


def _to_scan(seen: Examination) -> Iterator[tuple[Examination, Path]]:
    if seen.file:
        yield seen, seen.file
    for around in seen.walk():
        yield from ((around, file) for file in around.to_scan)
        if around.detected_type not in _SCANNER_OPENS:
            yield from ((each, each.file) for each in around.inner if each.file)


def record_check(attachment_id: uuid.UUID, checked: Checked, claim: outbox.Claim) -> None:
    """Record what a check found, ask for the file's safe views if it may have some, and commit.

    A check that began before the one that is recorded changes nothing, and what a scanner has once
    found stays until a whole scan finds it no more.
    """
    attachment = db.session.get_one(Attachment, attachment_id, with_for_update=True)
    if attachment.check_began_at is None or attachment.check_began_at <= checked.began_at:
        _record(attachment, checked)
        if attachment.drawn_at is None and not is_locked(attachment):
            outbox.add("draw_file", attachment_id, dedupe=f"draw_file:{claim.job_id}")
    claim.finish()
    db.session.commit()


def _record(attachment: Attachment, checked: Checked) -> None:
    seen, verdict, was_locked = checked.seen, checked.verdict, attachment.verdict in LOCKED
    found = [asdict(each) for each in _most_telling(seen)]
    if not checked.is_scanned_whole:
        stays = [each for each in attachment.findings if each["code"] == "malware" and each not in found]
        found, verdict = [*stays, *found], "quarantine" if stays else verdict
    contents = [] if lies_open(attachment) else _contents(seen)
    if contents != attachment.contents:
        # Views are known by where they lie within.
        attachment.drawn_at = None
    attachment.verdict, attachment.detected_type = verdict, seen.detected_type
    attachment.findings, attachment.facts, attachment.contents = found, dict(seen.facts), contents
    attachment.scanned_with, attachment.check_began_at = checked.scanned_with, checked.began_at
    attachment.checked_at = now()
    if was_locked != (verdict in LOCKED):
        codes = sorted({each["code"] for each in found})
        what = "file_released" if was_locked else "file_quarantined"
        note(attachment.matter_id, what, {"attachment": str(attachment.id), "findings": codes})


def _most_telling(seen: Examination) -> list[Finding]:
    """Return what was found, what locks first, and no more than a page can show."""
    found = seen.all_findings()
    rest = len(found) - MOST_FINDINGS
    first = sorted(found, key=lambda each: (bool(each.path), not files.is_locking([each.code])))
    more = [finding("more_findings", count=rest)] if rest > 0 else []
    return [*first[:MOST_FINDINGS], *more]


def _contents(seen: Examination) -> list[dict[str, Any]]:
    return [
        {
            "path": each.path,
            "name": files.clean_name(each.name).shown,
            "size_bytes": each.size_bytes,
            "sha256": each.sha256,
            "detected_type": each.detected_type,
            "verdict": each.verdict(is_received=True),
            "findings": [asdict(found) for found in each.findings],
        }
        for each in islice(seen.walk(), 1, None)
    ]


def scan_again(at_most: int) -> int:
    """Ask for new checks of what was scanned with older signatures lately, so many at a time, and commit.

    Return how many were asked for. A scanner that is away is asked again later.
    """
    try:
        known = scanner.current().signatures()
    except ScannerAway:
        return 0
    if known is None:
        return 0
    _keep_state(known.version)
    is_open = select(func.count()).where(
        Job.kind == "check_again", Job.done_at.is_(None), Job.due_at <= now()
    )
    room = at_most - (db.session.scalar(is_open) or 0)
    dedupe = func.concat("check_again:", Attachment.id, ":", known.version)
    wanted = (
        select(Attachment.id, dedupe)
        .where(Attachment.created_at > now() - SCANNED_AGAIN_WITHIN, Attachment.verdict != "unchecked")
        .where(Attachment.scanned_with.is_distinct_from(known.version), ~exists().where(Job.dedupe == dedupe))
        .order_by(Attachment.created_at.desc())
        .limit(max(0, room))
    )
    asked = db.session.execute(wanted).all()
    for attachment_id, key in asked:
        outbox.add("check_again", attachment_id, dedupe=key)
    try:
        db.session.commit()
    except IntegrityError:
        # Another dispatcher asked at the same moment.
        db.session.rollback()
        return 0
    return len(asked)


def _keep_state(version: str) -> None:
    """Remember what the scanner knows, and since when."""
    at, name = now(), scanner.current().name
    state = db.session.get(ScannerState, name)
    if state is None:
        db.session.add(ScannerState(scanner=name, signatures=version, since=at, asked_at=at))
        return
    if state.signatures != version:
        state.signatures, state.since = version, at
    state.asked_at = at
