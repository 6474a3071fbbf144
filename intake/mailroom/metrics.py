"""The mail in numbers, as Prometheus reads them (text exposition format 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import func, select

from intake import outbox
from intake.extensions import db
from intake.mailroom import watch
from intake.models import Job, Letter

_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(frozen=True)
class Metric:
    """One number or several; ``values`` are by the value of ``label``, or by "" without one."""

    name: str
    words: str
    values: Mapping[str, float]
    label: str = ""
    kind: str = "gauge"


@dataclass(frozen=True)
class Numbers:
    """All that is counted at one moment. Jobs are by kind, open and stuck."""

    seen: watch.Watch
    received: Mapping[str, int]
    out: Mapping[str, int]
    jobs_open: Mapping[str, int] = field(default_factory=dict)
    jobs_stuck: Mapping[str, int] = field(default_factory=dict)


def exposition() -> str:
    """Count, and return the numbers as lines."""
    return "".join(f"{line}\n" for metric in metrics(count()) for line in _lines(metric))


def count() -> Numbers:
    """Read the numbers; counting every letter ever received takes longest."""
    way = Letter.trace["protocol"].astext
    received = db.session.execute(select(way, func.count()).group_by(way).order_by(way))
    is_open = select(Job.kind, func.count(), func.count(Job.stuck_at)).where(Job.done_at.is_(None))
    jobs = {row[0]: (row[1], row[2]) for row in db.session.execute(is_open.group_by(Job.kind))}
    return Numbers(
        seen=watch.look(),
        received={row[0]: row[1] for row in received},
        out=watch.letters_out(),
        jobs_open={kind: jobs.get(kind, (0, 0))[0] for kind in outbox.KINDS},
        jobs_stuck={kind: jobs.get(kind, (0, 0))[1] for kind in outbox.KINDS},
    )


def metrics(numbers: Numbers) -> Iterator[Metric]:
    """Name the numbers; what nobody can know yet is left out."""
    seen = numbers.seen
    last, oldest = seen.last_letter_at, seen.oldest_waiting_at
    alarming = {alarm.kind for alarm in seen.alarms}
    alarms: dict[str, float] = {kind: kind in alarming for kind in watch.ALARM_KINDS}
    faults = {mailbox.name: mailbox.fault is not None for mailbox in seen.mailboxes}
    yield Metric(
        "intake_letters_received_total", "Letters received.", numbers.received, label="way", kind="counter"
    )
    yield Metric("intake_letters_waiting", "Letters that wait to be read.", {"": seen.waiting})
    waited = (seen.at - oldest).total_seconds() if oldest else 0
    yield Metric("intake_oldest_waiting_seconds", "How long the oldest of them has waited.", {"": waited})
    if last:
        ago = (seen.at - last).total_seconds()
        yield Metric("intake_last_letter_seconds", "How long ago a letter last came in.", {"": ago})
    yield Metric("intake_mail_alarm", "1 while there is an alarm of the kind.", alarms, label="kind")
    yield Metric("intake_jobs_open", "Jobs that are not done.", numbers.jobs_open, label="kind")
    yield Metric("intake_jobs_stuck", "Jobs that gave up.", numbers.jobs_stuck, label="kind")
    yield Metric("intake_letters_out", "Letters of ours not sent or not taken.", numbers.out, label="state")
    yield Metric("intake_mailbox_fault", "1 while a mailbox is out of reach.", faults, label="mailbox")


def _lines(metric: Metric) -> Iterator[str]:
    yield f"# HELP {metric.name} {metric.words}"
    yield f"# TYPE {metric.name} {metric.kind}"
    for value, number in metric.values.items():
        labels = f'{{{metric.label}="{value.translate(_ESCAPED)}"}}' if metric.label else ""
        yield f"{metric.name}{labels} {number:.15g}"
