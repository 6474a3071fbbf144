"""A worker of one queue: ``light`` in one process, ``heavy`` with a child for each job.

RQ is the carrier only: its retries, callbacks and results are unused, since the job's row
knows better. One queue a process, or a job may vanish between pop and start.
"""

from __future__ import annotations

import gc
import logging
import sys
from datetime import UTC, datetime

import redis
from rq import Queue, SimpleWorker, Worker
from rq.job import Job
from rq.serializers import JSONSerializer

from config.settings import Settings, SettingsError
from intake import logs, sandbox, scratch
from intake.errors import SandboxAway
from intake.extensions import db
from workers import process

log = logging.getLogger(__name__)

NAMES = ("light", "heavy")


def connection(settings: Settings) -> redis.Redis:
    """Return the connection that queues use; short limits, so that a hung server is noticed."""
    if settings.redis_url is None:
        raise SettingsError("REDIS_URL", "is not set; `intake run` starts an engine of its own.")
    return redis.Redis.from_url(settings.redis_url, socket_connect_timeout=2, health_check_interval=30)


def queue(name: str, carrier: redis.Redis) -> Queue:
    """Return a queue that carries JSON: hostile bytes in the carrier must never run as code."""
    return Queue(name, connection=carrier, serializer=JSONSerializer)


class ForkingWorker(Worker):
    """A worker whose child opens connections of its own instead of sharing its parent's.

    The sandbox's template is shared: it stands before the child is forked, also when it died meanwhile.
    """

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """Fork the child for one job."""
        _warm_sandbox()
        super().fork_work_horse(job, queue)

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Run one job in the child that was forked for it."""
        with process.app().app_context():
            db.engine.dispose(close=False)
        super().main_work_horse(job, queue)


def _warm_sandbox() -> None:
    try:
        sandbox.start()
    except SandboxAway as error:
        # The job that needs it tries once more, and waits by itself.
        log.error("no sandbox: %s", error)


def main(name: str) -> int:
    """Work off one queue until told to stop."""
    if name not in NAMES:
        raise SystemExit(f"no queue {name!r}; take one of {', '.join(NAMES)}")
    logs.to_stdout(logging.INFO)
    settings = process.app().extensions["settings"]
    carrier = connection(settings)
    kind = ForkingWorker if name == "heavy" else SimpleWorker
    if name == "heavy":
        # What this host's killed workers left behind; the dispatcher may be on another one.
        scratch.sweep(settings.var, datetime.now(UTC))
        _warm_sandbox()
    # What stands in memory now is never collected, so that a forked child copies less of it.
    gc.collect()
    gc.freeze()
    worker = kind(
        [queue(name, carrier)], connection=carrier, serializer=JSONSerializer, maintenance_interval=60
    )
    worker.work(with_scheduler=False, logging_level="WARNING")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
