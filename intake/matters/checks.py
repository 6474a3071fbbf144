"""The check of an attachment: what was found is recorded beside the bytes, never in them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import exists, func, select, update

from intake import files, outbox, scanner, storage
from intake.errors import ScannerAway
from intake.extensions import db, now, settings
from intake.files import Examination, finding
from intake.matters.records import note
from intake.matters.viewing import VIEWABLE
from intake.models import Attachment, Job, ScannerState

# What was received in these days is scanned again when the scanner has learned something new.
SCANNED_AGAIN_WITHIN = timedelta(days=14)
# The scanner opens these itself; what lies in others it must be given by itself.
_SCANNER_OPENS = ("application/zip", "message/rfc822")


@dataclass(frozen=True)
class Checked:
    """What a check found: the verdict to record, what was seen, and the signatures of the scan."""

    verdict: str
    seen: Examination
    scanned_with: str | None = None


def look_at(attachment: Attachment) -> Checked:
    """Look an attachment's bytes through and scan them.

    Raises ScannerAway when the scanner gives no answer and nothing else was found that locks the
    file: it then waits, nothing is said.
    """
    with storage.current().local_path(attachment.storage_key) as file, TemporaryDirectory() as scratch:
        seen = files.examine(attachment.name, file, settings().tables.files, Path(scratch))
        try:
            return scan(seen, scanner.current())
        except ScannerAway:
            if seen.verdict(is_received=True) == "quarantine":
                return Checked("quarantine", seen)
            raise


def scan(seen: Examination, by: scanner.Scanner) -> Checked:
    """Scan a file that was looked through, and what lies in it out of the scanner's sight.

    Raises ScannerAway.
    """
    known = by.signatures()
    is_whole = known is not None
    for each, file in _to_scan(seen) if known else ():
        found = by.scan(file)
        if found is None or not found.is_whole:
            is_whole = False
        elif found.is_infected:
            seen = _with(seen, "malware", each, found.signature or "okänd signatur")
        elif found.signature and seen.verdict(is_received=True) == "accept":
            # Where the file was seen to have a password or macros, the scanner says nothing new.
            seen = _with(seen, "scanner_remark", each, found.signature)
    verdict: str = seen.verdict(is_received=True)
    if known and not is_whole:
        seen = replace(seen, findings=(*seen.findings, finding("scan_incomplete")))
    if verdict == "accept" and not is_whole:
        verdict = "not_scanned"
    return Checked(verdict, seen, known.version if known else None)


def _to_scan(seen: Examination) -> Iterator[tuple[Examination, Path]]:
    if seen.file:
        yield seen, seen.file
    for around in seen.walk():
        yield from ((around, file) for file in around.to_scan)
        if around.detected_type not in _SCANNER_OPENS:
            yield from ((each, each.file) for each in around.inner if each.file)


def _with(seen: Examination, code: str, where: Examination, signature: str) -> Examination:
    named = signature if where is seen or not where.path else f"{signature} i {where.name}"
    return replace(seen, findings=(*seen.findings, finding(code, signature=named)))


def record_check(attachment_id: uuid.UUID, checked: Checked, claim: outbox.Claim) -> None:
    """Record what a check found, ask for the file's safe views if it may have some, and commit."""
    attachment = db.session.get_one(Attachment, attachment_id)
    was_locked = attachment.verdict == "quarantine"
    seen = checked.seen
    statement = update(Attachment).where(Attachment.id == attachment_id)
    db.session.execute(
        statement.values(
            verdict=checked.verdict,
            detected_type=seen.detected_type,
            findings=[asdict(found) for found in seen.all_findings()],
            facts=dict(seen.facts),
            contents=[] if _lies_open(attachment) else _contents(seen),
            scanned_with=checked.scanned_with,
            checked_at=now(),
        ).execution_options(synchronize_session=False)
    )
    if checked.verdict == "quarantine" and not was_locked:
        codes = [found.code for found in seen.all_findings()]
        note(attachment.matter_id, "file_quarantined", {"attachment": str(attachment_id), "findings": codes})
    if checked.verdict in VIEWABLE and attachment.drawn_at is None:
        outbox.add("draw_file", attachment_id, dedupe=f"draw_file:{claim.job_id}")
    claim.finish()
    db.session.commit()


def _lies_open(attachment: Attachment) -> bool:
    """Say whether what lies within the file is laid beside it already, as a letter's parts are."""
    if attachment.part is None:
        return False
    is_beside = exists().where(
        Attachment.message_id == attachment.message_id,
        Attachment.part.startswith(f"{attachment.part}~", autoescape=True),
    )
    return bool(db.session.scalar(select(is_beside)))


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
    dedupe = func.concat("check_file:", Attachment.id, ":", known.version)
    is_old = Attachment.scanned_with.is_distinct_from(known.version)
    is_asked = exists().where(Job.dedupe == dedupe)
    wanted = (
        select(Attachment.id, dedupe)
        .where(Attachment.created_at > now() - SCANNED_AGAIN_WITHIN, Attachment.verdict != "unchecked")
        .where(is_old, ~is_asked)
        .order_by(Attachment.created_at.desc())
        .limit(at_most)
    )
    asked = db.session.execute(wanted).all()
    for attachment_id, key in asked:
        outbox.add("check_file", attachment_id, dedupe=key)
    db.session.commit()
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
