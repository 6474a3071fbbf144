"""Wherever the fetcher is killed, each letter is one matter in the end, standing with the done ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from intake import ledger
from intake.extensions import db
from intake.models import Fetched, Matter, Message
from tests import dovecot as server
from tests.journeys.fetching_killed import STEPS
from tests.letters_home import letter, unpack_all

ROOT = Path(__file__).parents[2]
OF_MOVING = ("before the move", "after the move")
OF_COPYING = ("before the copy", "before the copy is noted", "after the copy is noted", "after the removal")


@pytest.fixture(scope="module")
def moving():
    with server.running() as running:
        yield running


@pytest.fixture(scope="module")
def copying():
    with server.running(server.WITHOUT_MOVE) as running:
        yield running


@pytest.fixture
def app(worker_app):
    with worker_app.app_context():
        yield worker_app


@pytest.fixture
def environment(app, database, tmp_path):
    """Return the environment of a process that fetches one mailbox."""

    def environment(mailbox):
        table = tmp_path / "mailboxes.toml"
        table.write_text(server.table_of(mailbox))
        return {
            "PATH": os.environ["PATH"],
            "INTAKE_VAR": str(app.extensions["settings"].var),
            "INTAKE_LOW_DISK_BYTES": "1000000",
            "DATABASE_URL_WORKER": database.urls["worker"],
            "ADDRESS_KEY": "a" * 32,
            "INTAKE_MAILBOXES": str(table),
        }

    return environment


@pytest.fixture
def fetch(environment):
    """Run the fetcher of one mailbox in a process till it dies at a step, or has nothing left to do."""

    def fetch(mailbox, step="none"):
        command = [sys.executable, "-m", "tests.journeys.fetching_killed", step]
        ran = subprocess.run(command, cwd=ROOT, env=environment(mailbox), check=False, timeout=120)
        return ran.returncode

    return fetch


def raws(clock):
    return {
        letter(f"Brev nummer {number}."): clock.at - timedelta(hours=5 - number) for number in range(1, 4)
    }


def assert_all_are_ours_once(mailbox, dovecot, letters):
    unpack_all()
    texts = select(Message.text).join(Matter).where(Message.direction == "incoming")
    told = sorted(text.strip() for text in db.session.scalars(texts))
    assert told == [f"Brev nummer {number}." for number in range(1, 4)]
    assert dovecot.letters(mailbox) == []
    done = dovecot.letters(mailbox, "Intake")
    assert sorted(set(done)) == sorted(letters)
    finished = select(func.count()).where(Fetched.outcome == "stored", Fetched.moved_at.is_not(None))
    assert db.session.scalar(finished) == 3
    assert ledger.reconcile().is_whole
    return done


def test_the_service_fetches_and_ends_when_it_is_told_to(moving, app, environment, clock):
    mailbox = moving.new_mailbox()
    moving.put(mailbox, letter("Ett brev."), clock.at)
    command = [sys.executable, "-m", "workers.fetching"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(mailbox), stdout=subprocess.PIPE, text=True
    ) as process:
        assert any(" is letter " in line for line in process.stdout)
        process.terminate()
        assert process.wait(60) == 0
    unpack_all()
    assert db.session.scalar(select(func.count()).select_from(Matter)) == 1


@pytest.mark.parametrize("step", [step for step in STEPS if step not in OF_COPYING])
def test_a_fetcher_that_is_killed_loses_and_doubles_nothing(step, moving, app, fetch, clock):
    mailbox, letters = moving.new_mailbox(), raws(clock)
    for raw, came_at in letters.items():
        moving.put(mailbox, raw, came_at)
    assert fetch(mailbox, step) == -signal.SIGKILL
    assert fetch(mailbox) == 0
    assert len(assert_all_are_ours_once(mailbox, moving, letters)) == 3


@pytest.mark.parametrize("step", OF_COPYING)
def test_a_server_without_move_loses_and_doubles_nothing_either(step, copying, app, fetch, clock):
    mailbox, letters = copying.new_mailbox(), raws(clock)
    for raw, came_at in letters.items():
        copying.put(mailbox, raw, came_at)
    assert fetch(mailbox, step) == -signal.SIGKILL
    assert fetch(mailbox) == 0
    done = assert_all_are_ours_once(mailbox, copying, letters)
    # Between a copy and its note there is nothing that could tell; the copy is one of a done letter.
    assert len(done) == (4 if step == "before the copy is noted" else 3)
