"""What must still happen: a row, committed with its cause and carried to workers by a queue.

A job is added in its cause's transaction, sent by the dispatcher as often as it takes, claimed
by one worker under a lease, and finished in the same transaction as its effect. Only the row
says what is done; the queue may lose or double whatever it likes.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import CursorResult, and_, delete, or_, select, update

from intake import rows
from intake.errors import Conflict, NotFound
from intake.extensions import db, now
from intake.models import Job

MAX_ATTEMPTS = 10
RESEND_AFTER = timedelta(seconds=20)
LONGEST_WAIT = timedelta(minutes=30)
# RQ kills a job's child up to 60 s after its time-out; a lease must outlast that.
LEASE_MARGIN = timedelta(seconds=90)


@dataclass(frozen=True)
class Kind:
    """How a kind of job is carried: the task's dotted name, the queue and the time it may take.

    Of what is due on a queue that of the lowest ``turn`` goes first.
    """

    task: str
    queue: str
    timeout_seconds: int
    turn: int = 0


KINDS: Mapping[str, Kind] = {
    "parse_letter": Kind("workers.tasks.parse_letter", "heavy", 120),
    "parse_again": Kind("workers.tasks.parse_again", "heavy", 120),
    "check_file": Kind("workers.tasks.check_file", "heavy", 600, turn=1),
    "draw_file": Kind("workers.tasks.draw_file", "heavy", 600, turn=2),
    "check_again": Kind("workers.tasks.check_file", "heavy", 600, turn=3),
    "finish_upload": Kind("workers.tasks.finish_upload", "heavy", 300),
    "release_message": Kind("workers.tasks.release_message", "light", 30),
    "tell_parent": Kind("workers.tasks.tell_parent", "light", 30),
    "send_letter": Kind("workers.tasks.send_letter", "light", 60),
    "place_again": Kind("workers.tasks.place_again", "light", 30),
    "read_signs": Kind("workers.tasks.read_signs", "light", 30, turn=1),
    "alarm": Kind("workers.tasks.alarm", "light", 30),
    "retry_job": Kind("workers.tasks.retry_job", "light", 30),
}


@dataclass(frozen=True)
class Sending:
    """One job to be put on its queue now; ``attempt`` makes the queue's own id unique."""

    job_id: uuid.UUID
    kind: Kind
    attempt: int


@dataclass(frozen=True)
class Claim:
    """The right to do one job until the lease ends."""

    job_id: uuid.UUID
    owner: str
    subject_id: uuid.UUID
    attempts: int

    def finish(self) -> None:
        """Record the job as done in the caller's transaction; Conflict if the lease was lost."""
        done = _run(
            update(Job)
            .where(Job.id == self.job_id, Job.owner == self.owner, Job.done_at.is_(None))
            .values(done_at=now(), owner=None, lease_until=None, last_error=None)
        )
        if done.rowcount != 1:
            raise Conflict(f"job {self.job_id} is no longer held by {self.owner}")


def add(
    kind: str, subject_id: uuid.UUID, *, dedupe: str | None = None, due_at: datetime | None = None
) -> None:
    """Add a job to the caller's transaction, due at ``due_at`` or at once.

    ``dedupe`` is unique for ever; without it a subject gets one job of a kind.
    """
    if kind not in KINDS:
        raise KeyError(kind)
    at = now()
    rows.insert(
        Job,
        kind=kind,
        dedupe=dedupe or f"{kind}:{subject_id}",
        subject_id=subject_id,
        created_at=at,
        due_at=due_at or at,
    )


def take_due(limit: int, queue: str | None = None) -> tuple[Sending, ...]:
    """Take up to ``limit`` due jobs (of one queue) for sending, push each forward, and commit.

    Several dispatchers may call this at once. A job whose workers died too often is stuck.
    """
    at = now()
    sendings = []
    jobs: list[Job] = []
    for turn in sorted({kind.turn for kind in KINDS.values() if queue in (None, kind.queue)}):
        kinds = [name for name, kind in KINDS.items() if queue in (None, kind.queue) and kind.turn == turn]
        jobs += _due(kinds, at, limit - len(jobs))
    for job in jobs:
        if job.attempts >= MAX_ATTEMPTS:
            job.stuck_at = at
            continue
        job.sends += 1
        job.due_at = at + RESEND_AFTER * 2 ** min(job.sends - 1, 4)
        sendings.append(Sending(job.id, KINDS[job.kind], job.sends))
    db.session.commit()
    return tuple(sendings)


def _due(kinds: Sequence[str], at: datetime, limit: int) -> Sequence[Job]:
    """Hold and return up to so many jobs of these kinds that are due and free, the longest due first."""
    if limit < 1:
        return ()
    is_free = or_(Job.lease_until.is_(None), Job.lease_until < at)
    is_open = and_(Job.done_at.is_(None), Job.stuck_at.is_(None), Job.due_at <= at, is_free)
    asked = select(Job).where(is_open, Job.kind.in_(kinds)).order_by(Job.due_at).limit(limit)
    return db.session.scalars(asked.with_for_update(skip_locked=True)).all()


def claim(job_id: uuid.UUID, owner: str) -> Claim | None:
    """Claim a job for ``owner`` and commit; None when it is done, stuck, gone or held by another."""
    at = now()
    job = db.session.scalar(select(Job).where(Job.id == job_id).with_for_update(skip_locked=True))
    if job is None or job.done_at or job.stuck_at or (job.lease_until and job.lease_until > at):
        db.session.rollback()
        return None
    job.owner = owner
    job.lease_until = at + timedelta(seconds=KINDS[job.kind].timeout_seconds) + LEASE_MARGIN
    job.attempts += 1
    claimed = Claim(job.id, owner, job.subject_id, job.attempts)
    db.session.commit()
    return claimed


def fail(claim: Claim, why: str) -> None:
    """Give a job back after a failure and commit: later each time, stuck after the last attempt.

    ``why`` is the error's class name; a message could hold personal data.
    """
    at = now()
    is_last = claim.attempts >= MAX_ATTEMPTS
    wait = min(timedelta(seconds=2**claim.attempts), LONGEST_WAIT)
    values = {"owner": None, "lease_until": None, "last_error": why, "due_at": at + wait}
    _run(_held(claim).values(**values, stuck_at=at if is_last else None))
    db.session.commit()


def wait(claim: Claim, why: str) -> None:
    """Give a job back because something outside is away, and commit; this never makes it stuck."""
    sends = db.session.scalars(select(Job.sends).where(Job.id == claim.job_id)).one()
    values = {"owner": None, "lease_until": None, "last_error": why, "attempts": Job.attempts - 1}
    _run(_held(claim).values(**values, due_at=now() + timedelta(seconds=min(60, 5 * sends))))
    db.session.commit()


def free_leases(is_dead: Callable[[str], bool]) -> int:
    """Free the leases whose owner is dead, and commit; return how many.

    Leases end by themselves. This only spares the wait when the owner is known to be gone.
    """
    held = db.session.execute(
        select(Job.id, Job.owner).where(Job.done_at.is_(None), Job.lease_until > now())
    ).all()
    dead = [(job_id, owner) for job_id, owner in held if owner and is_dead(owner)]
    for job_id, owner in dead:
        _run(
            update(Job)
            .where(Job.id == job_id, Job.owner == owner, Job.done_at.is_(None))
            .values(owner=None, lease_until=None, due_at=now())
        )
    db.session.commit()
    return len(dead)


def stuck() -> Sequence[Job]:
    """Return the jobs that gave up, oldest first: they wait for a person."""
    return db.session.scalars(
        select(Job).where(Job.stuck_at.is_not(None), Job.done_at.is_(None)).order_by(Job.stuck_at)
    ).all()


def retry(job_id: uuid.UUID) -> None:
    """Let a job be tried again from the start, and commit; NotFound when it is done or unknown."""
    again = _run(
        update(Job)
        .where(Job.id == job_id, Job.done_at.is_(None))
        .values(stuck_at=None, attempts=0, sends=0, due_at=now(), lease_until=None, owner=None)
    )
    if again.rowcount != 1:
        db.session.rollback()
        raise NotFound(f"no open job {job_id}")
    db.session.commit()


def forget_done(before: datetime, limit: int = 5000) -> int:
    """Delete jobs done before a time, and commit: the effect is the record, not the job."""
    old = select(Job.id).where(Job.done_at < before).limit(limit)
    gone = _run(delete(Job).where(Job.id.in_(old)))
    db.session.commit()
    return gone.rowcount


def _held(claim: Claim):  # type: ignore[no-untyped-def]
    return update(Job).where(Job.id == claim.job_id, Job.owner == claim.owner, Job.done_at.is_(None))


def _run(statement) -> CursorResult[object]:  # type: ignore[no-untyped-def]
    result = db.session.execute(statement, execution_options={"synchronize_session": False})
    return cast("CursorResult[object]", result)
