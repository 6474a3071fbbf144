"""The dispatcher: due job rows to the queues, again and again until each row says done.

It is the only place with a retry policy, and the sweep that nothing escapes: whatever the
queue loses, the row is still due. Any number of dispatchers may run.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import redis
from rq import Queue
from sqlalchemy.exc import SQLAlchemyError

from intake import access, chains, leaving, ledger, limits, logs, outbox, scratch, verifying
from intake.extensions import db, now, settings
from intake.mailroom import watch
from intake.matters import checks, deadlines, delays, handing_over, incidents, supplements, uploading, viewing
from workers import process, queues

log = logging.getLogger(__name__)

# A queue is kept short, so that a job waits in its row and is not sent again while it still stands
# in the queue. It is deep enough for many workers between two rounds.
QUEUE_DEPTH = 60
IDLE_SECONDS = 0.1
AWAY_SECONDS = 2.0
UPKEEP_EVERY = timedelta(minutes=30)
LEASES_EVERY = timedelta(seconds=5)
WATCH_EVERY = timedelta(minutes=1)
# So long at the most could a look be taken away with all of its person's later ones, and no seal tell.
SEAL_EVERY = timedelta(minutes=10)
# A new signature must not drown the new matters' files: some 1,200 an hour are scanned again.
SCAN_AGAIN_EVERY = timedelta(seconds=30)
SCANNED_AGAIN_AT_ONCE = 10
REMIND_EVERY = timedelta(minutes=5)
DONE_KEPT = timedelta(days=7)
COUNTS_KEPT = timedelta(days=2)
# Cookies live for seven days from when they were last written.
LEFT_KEPT = timedelta(days=30)


@dataclass
class Dispatcher:
    """Sends due jobs to their queues; ``step`` is one round and says how many were sent."""

    carrier: redis.Redis
    queues: dict[str, Queue] = field(init=False)
    alarms: watch.AlarmLog = field(default_factory=watch.AlarmLog)

    def __post_init__(self) -> None:
        self.queues = {name: queues.queue(name, self.carrier) for name in queues.NAMES}

    def step(self) -> int:
        """Fill each queue with what is due, up to its depth."""
        return sum(self._fill(name, queue) for name, queue in self.queues.items())

    def _fill(self, name: str, queue: Queue) -> int:
        room = QUEUE_DEPTH - queue.count
        sendings = outbox.take_due(room, name) if room > 0 else ()
        for sending in sendings:
            queue.enqueue_call(
                sending.kind.task,
                args=(str(sending.job_id),),
                job_id=f"job-{sending.job_id}-{sending.attempt}",
                timeout=sending.kind.timeout_seconds,
                result_ttl=0,
                failure_ttl=60,
            )
        return len(sendings)


def upkeep() -> None:
    """Give up and expire what is late, sweep what no row names, forget what nobody needs, prove some bytes.

    And see that the access log has its months.

    One fault stops no other.
    """
    acts: tuple[Callable[[], object], ...] = (
        uploading.give_up,
        ledger.expire_drafts,
        lambda: outbox.forget_done(now() - DONE_KEPT),
        lambda: limits.forget(now() - COUNTS_KEPT),
        lambda: leaving.forget(now() - LEFT_KEPT),
        access.forget_ended,
        ledger.sweep,
        lambda: scratch.sweep(settings().var, now()),
        viewing.ask_missing,
        chains.make_months,
        verifying.verify_some,
    )
    for act in acts:
        try:
            act()
        except Exception:
            log.exception("upkeep goes on without one of its acts")
            db.session.rollback()


def each_minute(alarms: watch.AlarmLog) -> None:
    """End the sign-ins that have run out, forget who was at a matter, and watch over the mail."""
    access.end_run_out()
    access.forget_absent()
    alarms.tell(watch.look())


def by_their_days() -> None:
    """Do what is due by its day, and is asked of the rows; what fails keeps nothing from the rest."""
    for act in (
        deadlines.mark_overdue,
        handing_over.mark_overdue,
        incidents.mark_overdue,
        supplements.mark_missed,
        supplements.remind,
        delays.tell,
    ):
        try:
            act()
        except Exception:
            log.exception("what is due by its day goes on without one of its acts")
            db.session.rollback()


def _scan_again() -> None:
    checks.scan_again(SCANNED_AGAIN_AT_ONCE)


def _beside(act: Callable[[], object]) -> None:
    """Do something in a thread of its own: a large store or a scanner may take long to answer."""

    def run_in_app() -> None:
        with process.app().app_context():
            try:
                act()
            except Exception:
                log.exception("what is done beside goes on at its next time")
                db.session.rollback()

    threading.Thread(target=run_in_app, name="beside", daemon=True).start()


def run(is_stopping: threading.Event) -> None:
    """Dispatch until told to stop; a queue or database that is away is waited for."""
    dispatcher = Dispatcher(queues.connection(process.app().extensions["settings"]))
    every = Every()
    with process.app().app_context():
        while not is_stopping.is_set():
            pause = _round(dispatcher, every)
            db.session.remove()
            is_stopping.wait(pause)


def _round(dispatcher: Dispatcher, every: Every) -> float:
    try:
        # First: none of it needs the queue, and sign-ins must run out also while that is away.
        every(LEASES_EVERY, lambda: outbox.free_leases(process.is_dead))
        every(UPKEEP_EVERY, lambda: _beside(upkeep))
        every(SCAN_AGAIN_EVERY, lambda: _beside(_scan_again))
        every(SEAL_EVERY, lambda: _beside(chains.seal))
        every(REMIND_EVERY, lambda: _beside(by_their_days))
        every(WATCH_EVERY, lambda: each_minute(dispatcher.alarms))
        return 0 if dispatcher.step() else IDLE_SECONDS
    except redis.RedisError as error:
        log.warning("the queue is away: %s", type(error).__name__)
    except SQLAlchemyError as error:
        log.warning("the database is away: %s", type(error).__name__)
    db.session.rollback()
    return AWAY_SECONDS


class Every:
    """Runs something when its time has come, at most once in each span."""

    def __init__(self) -> None:
        self._last: dict[timedelta, object] = {}

    def __call__(self, span: timedelta, act: Callable[[], object]) -> None:
        slot = int(now().timestamp() // span.total_seconds())
        if self._last.get(span) != slot:
            # Set first: what fails now is tried again in its next slot, not at every round.
            self._last[span] = slot
            act()


def main() -> int:
    """Run as a process of its own."""
    logs.to_stdout()
    is_stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: is_stopping.set())
    run(is_stopping)
    return 0


if __name__ == "__main__":
    sys.exit(main())
