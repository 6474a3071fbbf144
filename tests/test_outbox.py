"""Jobs: added with their cause, sent until done, claimed by one, stuck in sight."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select

from intake import ledger, outbox
from intake.errors import Conflict, NotFound
from intake.extensions import db
from intake.models import Job


@pytest.fixture
def app(worker_app):
    with worker_app.app_context():
        yield worker_app


def owed(subject=None):
    subject = subject or uuid.uuid4()
    outbox.add("check_file", subject)
    db.session.commit()
    return db.session.scalars(select(Job.id).where(Job.subject_id == subject)).one()


def test_a_job_rolled_back_with_its_cause_was_never_there(app):
    outbox.add("check_file", uuid.uuid4())
    db.session.rollback()
    assert outbox.take_due(10) == ()


def test_a_due_job_is_sent_once_and_again_only_after_a_while(app, clock):
    job = owed()
    assert [sending.job_id for sending in outbox.take_due(10)] == [job]
    assert outbox.take_due(10) == ()
    clock.at += outbox.RESEND_AFTER + timedelta(seconds=1)
    (again,) = outbox.take_due(10)
    assert (again.job_id, again.attempt) == (job, 2)


def test_a_job_for_later_is_sent_when_its_time_has_come_and_not_counted_before(app, clock):
    outbox.add("alarm", uuid.uuid4(), due_at=clock() + timedelta(minutes=5))
    db.session.commit()
    assert (outbox.take_due(10), ledger.reconcile().counts["open_job"]) == ((), 0)
    clock.at += timedelta(minutes=6)
    assert ledger.reconcile().counts["open_job"] == 1
    assert len(outbox.take_due(10)) == 1


def test_only_one_worker_holds_a_job(app):
    job = owed()
    first = outbox.claim(job, "host:1:0.00")
    assert first is not None
    assert outbox.claim(job, "host:2:0.00") is None


def test_a_job_under_lease_is_not_sent(app, clock):
    outbox.claim(owed(), "host:1:0.00")
    clock.at += timedelta(seconds=30)
    assert outbox.take_due(10) == ()


def test_a_finished_job_is_never_claimed_again(app):
    job = owed()
    claim = outbox.claim(job, "host:1:0.00")
    claim.finish()
    db.session.commit()
    assert outbox.claim(job, "host:2:0.00") is None


def test_a_worker_that_lost_its_lease_cannot_finish(app, clock):
    job = owed()
    slow = outbox.claim(job, "host:1:0.00")
    clock.at += timedelta(hours=1)
    outbox.claim(job, "host:2:0.00")
    with pytest.raises(Conflict):
        slow.finish()


def test_a_failing_job_is_stuck_after_the_last_attempt_and_seen(app, clock):
    job = owed()
    for _ in range(outbox.MAX_ATTEMPTS):
        clock.at += timedelta(hours=1)
        outbox.fail(outbox.claim(job, "host:1:0.00"), "ValueError")
    assert [(row.id, row.last_error) for row in outbox.stuck()] == [(job, "ValueError")]
    assert outbox.take_due(10) == ()


def test_a_job_whose_worker_dies_each_time_is_stuck_too(app, clock):
    job = owed()
    for _ in range(outbox.MAX_ATTEMPTS):
        outbox.claim(job, "host:1:0.00")
        clock.at += timedelta(hours=1)
    assert outbox.take_due(10) == ()
    assert [row.id for row in outbox.stuck()] == [job]


def test_waiting_for_something_outside_never_makes_a_job_stuck(app, clock):
    job = owed()
    for _ in range(outbox.MAX_ATTEMPTS * 2):
        outbox.wait(outbox.claim(job, "host:1:0.00"), "ScannerAway")
        clock.at += timedelta(hours=1)
    assert outbox.stuck() == []
    assert [sending.job_id for sending in outbox.take_due(10)] == [job]


def test_a_stuck_job_can_be_tried_again_and_a_done_one_cannot(app, clock):
    job = owed()
    for _ in range(outbox.MAX_ATTEMPTS):
        clock.at += timedelta(hours=1)
        outbox.fail(outbox.claim(job, "host:1:0.00"), "ValueError")
    outbox.retry(job)
    claim = outbox.claim(job, "host:1:0.00")
    claim.finish()
    db.session.commit()
    with pytest.raises(NotFound):
        outbox.retry(job)


def test_the_lease_of_a_dead_worker_is_freed_and_that_of_a_live_one_is_kept(app):
    dead, alive = owed(), owed()
    outbox.claim(dead, "host:1:0.00")
    outbox.claim(alive, "host:2:0.00")
    assert outbox.free_leases(lambda owner: owner == "host:1:0.00") == 1
    assert [sending.job_id for sending in outbox.take_due(10)] == [dead]


def test_jobs_long_done_are_forgotten_and_open_ones_never(app, clock):
    done, still_open = owed(), owed()
    outbox.claim(done, "host:1:0.00").finish()
    db.session.commit()
    assert outbox.forget_done(clock.at + timedelta(days=1)) == 1
    assert db.session.scalars(select(Job.id)).all() == [still_open]
