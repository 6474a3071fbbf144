"""The watch over the mail: alarms when they are due and not before, numbers that add up, no word of whom."""

from __future__ import annotations

import io
import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import update

from config.settings import SettingsError
from intake import diagnosis, mailroom, outbox, rows
from intake.cli import mail, upkeep
from intake.extensions import db
from intake.mailroom import journal, metrics, watch
from intake.matters import sending
from intake.models import Fetched, Job, MailboxState, Matter, OutgoingLetter
from tests import desk
from tests.letters_home import deliver, letter, receive
from workers import process, tasks

AT = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
NOTHING = watch.Watch(AT, {}, 0, None, (), 0, (), (), (), ())
WAIT, SILENCE = timedelta(minutes=10), timedelta(minutes=60)


@pytest.fixture
def settings(settings):
    return replace(settings, mail_silence_minutes=60, mail_wait_minutes=10)


@pytest.fixture(autouse=True)
def app(worker_app, monkeypatch):
    monkeypatch.setattr(process, "app", lambda: worker_app)
    with worker_app.app_context():
        yield worker_app


def kinds(**seen):
    return [alarm.kind for alarm in watch.alarms_of(replace(NOTHING, **seen), silence=SILENCE, wait=WAIT)]


def ago(minutes):
    return AT - timedelta(minutes=minutes)


def test_silence_is_an_alarm_from_the_minute_that_was_set():
    assert kinds(last_in={"lmtp": ago(59)}) == []
    assert kinds(last_in={"lmtp": ago(60), "imap": ago(300)}) == ["silence"]


def test_no_silence_where_no_letter_ever_came_or_none_was_asked_for():
    assert kinds() == []
    quiet = replace(NOTHING, last_in={"lmtp": ago(9000)})
    assert list(watch.alarms_of(quiet, silence=timedelta(0), wait=WAIT)) == []


def test_what_a_handler_brings_does_not_break_the_silence():
    assert kinds(last_in={"lmtp": ago(90), "handler": ago(1)}) == ["silence"]


def test_a_letter_that_waits_too_long_is_an_alarm():
    assert kinds(waiting=1, oldest_waiting_at=ago(9)) == []
    assert kinds(waiting=1, oldest_waiting_at=ago(10)) == ["waiting"]


def test_a_mailbox_is_an_alarm_by_its_fault_or_when_nobody_looks_at_it():
    def box(**said):
        known = {"looked_at": ago(1), "fault": None, "fault_since": None} | said
        return (watch.MailboxView("lista", **known),)

    assert kinds(mailboxes=box()) == []
    assert kinds(mailboxes=box(fault="svarar inte", fault_since=ago(9))) == []
    assert kinds(mailboxes=box(fault="svarar inte", fault_since=ago(10))) == ["mailbox"]
    assert kinds(mailboxes=box(looked_at=ago(30))) == ["mailbox"]


def test_a_letter_that_nobody_reads_is_seen_to_wait(clock):
    receive(letter())
    clock.at += timedelta(minutes=11)
    seen = watch.look()
    assert (seen.waiting, [alarm.kind for alarm in seen.alarms]) == (1, ["waiting"])
    assert list(seen.last_in) == ["smtp"]


def test_a_letter_from_last_year_has_not_waited_since_then(clock, app):
    old = mailroom.Envelope(
        "", ("kontakt@example.se",), "", "imap", received_at=clock() - timedelta(days=400)
    )

    mailroom.receive(io.BytesIO(letter()), old)
    assert [alarm.kind for alarm in watch.look().alarms] == ["silence"]


def test_a_stuck_letter_is_an_alarm_until_it_is_tried_again(clock):
    receive(letter())
    job = db.session.query(Job).one()
    db.session.execute(update(Job).values(stuck_at=clock(), last_error="KeyError"))
    db.session.commit()
    seen = watch.look()
    assert [(alarm.kind, alarm.count) for alarm in seen.alarms] == [("stuck", 1)]
    assert seen.stuck[0].error == "KeyError"
    mailroom.ask_to_retry(job.id)
    mailroom.ask_to_retry(job.id)
    asked = db.session.query(Job).filter_by(kind="retry_job").all()
    assert len(asked) == 1
    tasks.retry_job(str(asked[0].id))
    db.session.expire_all()
    assert watch.look().alarms == ()
    assert outbox.stuck() == []


def test_a_uid_that_comes_again_and_again_is_an_alarm(clock):
    rows.insert(Fetched, mailbox="lista", uidvalidity=1, uid=7, times_seen=4,
                first_seen_at=clock(), last_seen_at=clock())  # fmt: skip
    db.session.commit()
    seen = watch.look()
    assert [alarm.kind for alarm in seen.alarms] == ["repeated"]
    assert (seen.repeated[0].uid, seen.repeated[0].times) == (7, 4)


def test_a_letter_refused_for_its_size_is_an_alarm_until_it_has_left_its_mailbox(app, clock, monkeypatch):
    rows.insert(MailboxState, mailbox="lista", uidvalidity=1, first_uid=1)
    rows.insert(Fetched, mailbox="lista", uidvalidity=1, uid=7, outcome="refused", size_bytes=60_000_000,
                first_seen_at=clock(), last_seen_at=clock())  # fmt: skip
    db.session.commit()
    assert [alarm.kind for alarm in watch.look().alarms] == ["too_large"]
    done = run(app, monkeypatch, mail.show_mailroom)
    assert (done.exit_code, "mailbox lista: UID 7 is too large (60000000 bytes)" in done.output) == (1, True)
    journal.note(journal.Place("lista", 1), [7], [])
    assert watch.look().alarms
    journal.note(journal.Place("lista", 1), [], [])
    assert watch.look().alarms == ()


def test_an_alarm_is_told_when_it_begins_each_hour_and_when_it_ends(caplog):
    told = watch.AlarmLog()
    stuck = watch.Alarm("stuck", AT)
    for minutes, alarms in ((0, ()), (1, (stuck,)), (2, (stuck,)), (61, (stuck,)), (62, ()), (63, ())):
        told.tell(replace(NOTHING, at=AT + timedelta(minutes=minutes), alarms=alarms))
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "mail alarm", "mail alarm", "mail alarm over",
    ]  # fmt: skip
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_a_look_costs_the_same_however_much_there_is(app):
    def cost():
        return desk.count_statements(app, watch.look)

    empty = cost()
    for number in range(5):
        receive(letter(subject=f"Brev {number}"))
    assert cost() == empty == 6


def run(app, monkeypatch, command, *words):
    monkeypatch.setattr(mail, "app", lambda _role: app)
    return CliRunner().invoke(command, words)


def test_the_command_tells_it_in_words_and_exits_1_on_an_alarm(app, clock, monkeypatch):
    assert run(app, monkeypatch, mail.show_mailroom).exit_code == 0
    receive(letter(sender="Hemlig <hemlig@example.com>", subject="Hemligt"), sender="hemlig@example.com")
    clock.at += timedelta(minutes=11)
    done = run(app, monkeypatch, mail.show_mailroom)
    assert done.exit_code == 1
    assert done.output.startswith("ALARM  letters wait to be read: 1, the oldest since 2026-11-22 15:05")
    assert "emlig" not in done.output


def test_the_command_tells_it_as_json(app, monkeypatch):
    receive(letter())
    found = json.loads(run(app, monkeypatch, mail.show_mailroom, "--json").output)
    assert (found["waiting"], found["alarms"], found["letters_out"]["owed"]) == (1, [], 0)


def test_the_numbers_are_what_prometheus_reads(app, clock, monkeypatch):
    receive(letter())
    receive(letter(subject="Ett till"))
    rows.insert(MailboxState, mailbox='li"sta', looked_at=clock(), fault="svarar inte", fault_since=clock())
    db.session.commit()
    lines = run(app, monkeypatch, mail.show_metrics).output.splitlines()
    for line in (
        "# TYPE intake_letters_received_total counter", 'intake_letters_received_total{way="smtp"} 2',
        "intake_letters_waiting 2", 'intake_mail_alarm{kind="silence"} 0',
        'intake_jobs_open{kind="parse_letter"} 2', 'intake_jobs_stuck{kind="parse_letter"} 0',
        'intake_letters_out{state="owed"} 0', r'intake_mailbox_fault{mailbox="li\"sta"} 1',
    ):  # fmt: skip
        assert line in lines
    assert len(lines) == len(set(lines))


def test_what_nobody_knows_yet_is_no_number():
    names = {metric.name for metric in metrics.metrics(metrics.count())}
    assert "intake_last_letter_seconds" not in names


def test_the_doctor_tells_the_alarms_as_faults():
    quiet = replace(NOTHING, alarms=(watch.Alarm("silence", ago(90)),))
    (alarm, last) = diagnosis.of_mail(quiet)
    assert (alarm.is_fault, last.words) == (True, "no letter has ever come in; 0 wait to be read")


def test_the_command_doctor_tells_them_and_exits_1(app, clock, monkeypatch):
    monkeypatch.setattr(diagnosis, "examine", lambda _settings: [])
    monkeypatch.setattr(upkeep, "read_settings", lambda: None)
    monkeypatch.setattr(upkeep, "app", lambda _role: app)
    receive(letter())
    assert CliRunner().invoke(upkeep.doctor).exit_code == 0
    clock.at += timedelta(minutes=11)
    done = CliRunner().invoke(upkeep.doctor)
    assert (done.exit_code, done.output[:36]) == (1, "FAULT  mail: letters wait to be read")


def test_the_doctor_goes_on_where_the_database_cannot_be_asked(monkeypatch):
    def away(_role):
        raise SettingsError("DATABASE_URL", "is not set")

    monkeypatch.setattr(diagnosis, "examine", lambda _settings: [])
    monkeypatch.setattr(upkeep, "read_settings", lambda: None)
    monkeypatch.setattr(upkeep, "app", away)
    assert CliRunner().invoke(upkeep.doctor).exit_code == 0


def test_only_letters_of_ours_that_somebody_waits_for_are_counted(clock):
    deliver(letter())
    assert watch.letters_out()["owed"] == 1
    held_back = (sending.WAITS_NO_MORE, sending.WANTED_NO_MORE, sending.FORM_MAY_COME, "daily cap")
    for why, counted in ((sending.REFUSED, 1), *((why, 0) for why in held_back)):
        db.session.execute(update(OutgoingLetter).values(state="refused", why=why))
        assert watch.letters_out()["refused"] == counted
    db.session.execute(update(OutgoingLetter).values(why=sending.REFUSED))
    db.session.execute(update(Matter).values(closed_at=clock()))
    assert watch.letters_out()["refused"] == 0
