"""The tasks: each loads by id, leaves quietly if done, does one outside thing, calls one service."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from sqlalchemy.exc import OperationalError

from intake import mailroom, outbox, post
from intake.errors import (
    BytesMissing,
    Conflict,
    NotFound,
    PostAway,
    PostRefused,
    SandboxAway,
    ScannerAway,
    StorageError,
)
from intake.extensions import db
from intake.matters import alarms, checks, likeness, placing, sending, splitting, undoing, uploading, viewing
from intake.models import Attachment
from workers import process

log = logging.getLogger(__name__)

# Out of memory or of locks, a limit of a program, a statement that was cancelled for its time.
TOO_MUCH = ("53200", "54000", "54001", "54011", "57014")


def parse_letter(job_id: str) -> None:
    """Make a stored letter a message in each of its matters."""
    _do(job_id, lambda claim: mailroom.unpack(claim.subject_id, claim))


def parse_again(job_id: str) -> None:
    """Read a letter again, as somebody asked."""
    _do(job_id, lambda claim: mailroom.parse_again(claim.subject_id, claim))


def check_file(job_id: str) -> None:
    """Check an attachment and record what was found."""
    _do(job_id, _check_file)


def draw_file(job_id: str) -> None:
    """Make the safe views of an attachment that was checked."""
    _do(job_id, _draw_file)


def finish_upload(job_id: str) -> None:
    """Make one file of what came in parts."""
    _do(job_id, lambda claim: uploading.compose(claim.subject_id, claim))


def send_letter(job_id: str) -> None:
    """Send a letter that we owe."""
    _do(job_id, _send_letter)


def release_message(job_id: str) -> None:
    """Let what a handler wrote leave, once it has waited."""
    _do(job_id, lambda claim: undoing.release(claim.subject_id, claim))


def tell_parent(job_id: str) -> None:
    """Carry what a part of a matter came to over to the matter that speaks with the citizen."""
    _do(job_id, lambda claim: splitting.carry(claim.subject_id, claim))


def place_again(job_id: str) -> None:
    """Place a matter whose rule failed when it arrived."""
    _do(job_id, lambda claim: placing.place_again(claim.subject_id, claim))


def read_signs(job_id: str) -> None:
    """Read what a message has in common with others."""
    _do(job_id, lambda claim: likeness.read_signs(claim.subject_id, claim))


def alarm(job_id: str) -> None:
    """Tell those on duty that something urgent still waits."""
    _do(job_id, lambda claim: alarms.sound(claim.subject_id, claim))


def retry_job(job_id: str) -> None:
    """Let another job be tried again, as somebody asked."""
    _do(job_id, _retry_job)


def _retry_job(claim: outbox.Claim) -> None:
    # Done meanwhile, it needs nobody's help.
    with suppress(NotFound):
        outbox.retry(claim.subject_id)
    claim.finish()
    db.session.commit()


def _check_file(claim: outbox.Claim) -> None:
    checks.record_check(claim.subject_id, checks.look_at(_lent(claim.subject_id)), claim)


def _draw_file(claim: outbox.Claim) -> None:
    viewing.record_views(claim.subject_id, viewing.draw(_lent(claim.subject_id)), claim)


def _lent(attachment_id: uuid.UUID) -> Attachment:
    """Return an attachment for reading alone: looking a file through may take long, without a transaction."""
    attachment = db.session.get_one(Attachment, attachment_id)
    db.session.expunge(attachment)
    db.session.rollback()
    return attachment


def _send_letter(claim: outbox.Claim) -> None:
    try:
        outgoing = sending.begin_sending(claim.subject_id, claim)
        if outgoing is None:
            return
        post.current().send(outgoing)
    except PostRefused as refusal:
        _surely(partial(sending.record_refused, claim.subject_id, refusal, claim))
    except PostAway as away:
        if not away.may_have_gone:
            _surely(partial(sending.give_back, claim.subject_id))
        raise
    else:
        _surely(partial(sending.record_sent, claim.subject_id, claim))


def _surely(record: Callable[[], None]) -> None:
    """Record what became of a letter, once more if the database gave way: nobody else knows it."""
    try:
        record()
    except OperationalError:
        db.session.rollback()
        record()


def _do(job_id: str, act: Callable[[outbox.Claim], None]) -> None:
    """Claim a job and act on it; whatever goes wrong, the job's row says when it is tried again."""
    with process.app().app_context():
        claim = outbox.claim(uuid.UUID(job_id), process.owner())
        if claim is None:
            return
        try:
            act(claim)
        except Conflict:
            db.session.rollback()
            log.warning("job %s was taken over by another worker", job_id)
        except (ScannerAway, SandboxAway, PostAway, StorageError, OperationalError) as error:
            db.session.rollback()
            if not _is_away(error):
                _fail(claim, error)
                return
            log.warning("job %s waits: %s", job_id, type(error).__name__)
            outbox.wait(claim, type(error).__name__)
        except Exception as error:
            db.session.rollback()
            _fail(claim, error)


def _fail(claim: outbox.Claim, error: Exception) -> None:
    log.error("job %s failed at attempt %d", claim.job_id, claim.attempts, exc_info=error)
    outbox.fail(claim, type(error).__name__)


def _is_away(error: Exception) -> bool:
    """Say whether something outside is away or busy with others, and this job is not what is wrong.

    What one job takes too much of (memory, locks, time) it takes again at the next attempt, and bytes
    that are missing do not come back by themselves.
    """
    if isinstance(error, OperationalError):
        return getattr(error.orig, "sqlstate", None) not in TOO_MUCH
    return not isinstance(error, BytesMissing)
