"""The listener is killed with -9 at each of its steps: what got its 250 is there, and there once."""

from __future__ import annotations

import hashlib
import smtplib
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from config.settings import Settings
from intake import storage
from intake.extensions import db
from intake.models import Letter, Message
from tests import engines
from tests.journeys.mortal_listener import STEPS
from tests.letters_home import arrivals, letter, unpack_all
from tests.listening import listening
from workers.mailbox import Listener

ROOT = Path(__file__).parents[2]
RAW = letter("Hela brevet, och en gång.", files=(("bild.pdf", b"%PDF-1.4 " + b"x" * 400_000),))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Let the listener that lives take any port."""
    return replace(settings, mail_port=0)


@pytest.fixture
def start(database: engines.Database, settings: Settings, worker_app: Flask) -> Callable[..., object]:
    """Start a listener that dies at a step; it shares the database and the files with the test."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "INTAKE_VAR": str(settings.var),
        "INTAKE_LOW_DISK_BYTES": "1000000",
        "ADDRESS_KEY": "a" * 32,
        **{f"DATABASE_URL_{role.upper()}": url for role, url in database.urls.items()},
    }

    @contextmanager
    def start(step: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
        command = [sys.executable, str(ROOT / "tests/journeys/mortal_listener.py"), step]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as listener:
            assert listener.stdout
            try:
                yield listener, int(listener.stdout.readline().rsplit(maxsplit=1)[-1])
            finally:
                listener.kill()

    return start


def send(kind: type[smtplib.SMTP], port: int) -> bool:
    """Send the letter, and say whether it was answered with 250."""
    try:
        with kind("127.0.0.1", port, "x", timeout=60) as client:
            client.sendmail("kim@example.com", ["syd@example.se"], RAW)
    except (smtplib.SMTPException, OSError):
        return False
    return True


@pytest.mark.parametrize(
    ("step", "kind"), [*((step, smtplib.SMTP) for step in STEPS), (STEPS[-1], smtplib.LMTP)]
)
def test_a_letter_is_there_once_though_the_listener_is_killed(
    step: str, kind: type[smtplib.SMTP], start: Callable[..., object], worker_app: Flask
) -> None:
    with start(step) as (mortal, port):
        assert not send(kind, port)
        assert mortal.wait(60) == -9
    with listening(Listener(worker_app)) as again:
        assert [send(kind, again.port), send(kind, again.port)] == [True, True]
    assert_there_once(worker_app)


def test_what_was_answered_is_there_when_the_listener_is_killed_at_once(
    start: Callable[..., object], worker_app: Flask
) -> None:
    with start("never") as (listener, port):
        assert send(smtplib.SMTP, port)
        listener.kill()
    assert_there_once(worker_app)


def assert_there_once(app: Flask) -> None:
    with app.app_context():
        unpack_all()
        (received,) = db.session.scalars(select(Letter)).all()
        with storage.current().open(received.storage_key) as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == hashlib.sha256(RAW).hexdigest()
        assert len(arrivals()) == 1
        (message,) = db.session.scalars(select(Message).where(Message.direction == "incoming")).all()
        assert message.text.strip() == "Hela brevet, och en gång."
