"""The check of an attachment: what was found is recorded beside the bytes, never in them."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Literal

from sqlalchemy import update

from intake import outbox, scanner, storage
from intake.extensions import db, now, settings
from intake.files import Finding, Verdict, judge
from intake.matters.records import note
from intake.models import Attachment


def look_at(attachment: Attachment) -> tuple[str, Verdict]:
    """Judge an attachment's bytes and scan them; return the verdict to record and what was found.

    Raises ScannerAway when the scanner gives no answer: the file then waits, nothing is said.
    """
    limits = settings().tables.files
    with storage.current().local_path(attachment.storage_key) as path:
        verdict = judge(attachment.name, path, limits)
        if verdict.verdict == "quarantine":
            return "quarantine", verdict
        scan = scanner.current().scan(path)
    if scan is None:
        return ("not_scanned" if verdict.verdict == "accept" else verdict.verdict), verdict
    if scan.is_clean:
        return verdict.verdict, verdict
    if not scan.is_infected:
        return "warn", _with(verdict, "warn", _remark(scan.signature))
    return "quarantine", _with(verdict, "quarantine", _infection(scan.signature))


def _with(verdict: Verdict, worse: Literal["warn", "quarantine"], finding: Finding) -> Verdict:
    return Verdict(worse, verdict.detected_type, (*verdict.findings, finding))


def _infection(signature: str | None) -> Finding:
    citizen = (
        "Filen kan innehålla skadlig kod. Den är sparad men öppnas bara av den som har särskild behörighet."
    )
    return Finding("skadlig_kod", citizen, f"Skadlig kod: {signature or 'okänd signatur'}.")


def _remark(signature: str | None) -> Finding:
    citizen = "Filen går inte att kontrollera helt. Den är sparad som den är."
    handler = f"Gick inte att genomsöka helt, eller har makron ({signature}). Öppna den med försiktighet."
    return Finding("inte_helt_genomsokt", citizen, handler)


def record_check(attachment_id: uuid.UUID, recorded: str, verdict: Verdict, claim: outbox.Claim) -> None:
    """Record what a check found, and commit."""
    attachment = db.session.get_one(Attachment, attachment_id)
    statement = update(Attachment).where(Attachment.id == attachment_id)
    db.session.execute(
        statement.values(
            verdict=recorded,
            detected_type=verdict.detected_type,
            findings=[asdict(finding) for finding in verdict.findings],
            checked_at=now(),
        ).execution_options(synchronize_session=False)
    )
    if recorded == "quarantine":
        codes = [finding.code for finding in verdict.findings]
        note(attachment.matter_id, "file_quarantined", {"attachment": str(attachment_id), "findings": codes})
    claim.finish()
    db.session.commit()
