"""Postfix without a port to us: each letter goes by a pipe to ``intake receive-mail``, or waits."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from config.settings import Settings
from intake.extensions import db
from intake.models import Letter, Message
from tests import engines
from tests.letters_home import letter, unpack_all
from tests.postfix import Postfix, postfix

ROOT = Path(__file__).parents[2]
EX_TEMPFAIL = 75
# Postfix lets no pipe run as root, and another user may not reach a test's own folders. So the pipe's end
# hands arguments and letter over to the test, and ends with the exit code that it gets back.
PIPE_END = """#!/bin/sh
cd {home}/pipe
cat > letter
printf '%s\\n' "$@" > asked
read code < answered
exit "$code"
"""
IN_MASTER = """intake unix - n n - 1 pipe
  user=nobody null_sender= argv={home}/pipe/end --sender ${{sender}} -- ${{recipient}}"""


@dataclass
class Pipe:
    """Runs our command with what came through the pipe, as the service's own user would."""

    home: Path
    environment: dict[str, str]

    def prepare(self) -> None:
        folder = self.home / "pipe"
        folder.mkdir()
        folder.chmod(0o777)
        (folder / "end").write_text(PIPE_END.format(home=self.home))
        (folder / "end").chmod(0o755)
        for name in ("asked", "answered"):
            os.mkfifo(folder / name)
            (folder / name).chmod(stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IWGRP | 0o006)

    def serve_one(self) -> int:
        """Wait for one letter, and return how our command ended with it."""
        folder = self.home / "pipe"
        arguments = (folder / "asked").read_text().splitlines()
        command = [sys.executable, "-m", "intake.cli", "receive-mail", *arguments]
        with (folder / "letter").open("rb") as stdin:
            done = subprocess.run(
                command, cwd=ROOT, env=self.environment, stdin=stdin,
                capture_output=True, timeout=60, check=False,
            )  # fmt: skip
        (folder / "answered").write_text(f"{done.returncode}\n")
        return done.returncode


@pytest.fixture
def environment(database: engines.Database, settings: Settings, worker_app: Flask) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "INTAKE_VAR": str(settings.var),
        "INTAKE_LOW_DISK_BYTES": "1000000",
        "ADDRESS_KEY": "a" * 32,
        **{f"DATABASE_URL_{role.upper()}": url for role, url in database.urls.items()},
    }


@pytest.fixture
def front() -> Iterator[Postfix]:
    with postfix("intake:", services=IN_MASTER) as server:
        yield server


@pytest.fixture
def pipe(front: Postfix, environment: dict[str, str]) -> Pipe:
    pipe = Pipe(front.home, environment)
    pipe.prepare()
    return pipe


def test_a_letter_through_a_pipe_waits_while_it_cannot_be_stored(
    front: Postfix, pipe: Pipe, worker_app: Flask
) -> None:
    nowhere = {"DATABASE_URL_WORKER": "postgresql+psycopg://nobody@127.0.0.1:9/nothing"}
    with front.smtp() as client:
        client.sendmail("kim@example.org", ["syd@example.se"], letter("Genom ett rör."))
    assert Pipe(pipe.home, pipe.environment | nowhere).serve_one() == EX_TEMPFAIL
    assert "temporary failure" in front.wait_until(front.deferred)[0]
    front.flush()
    assert pipe.serve_one() == 0
    front.wait_until(front.is_empty)
    with worker_app.app_context():
        unpack_all()
        (message,) = db.session.scalars(select(Message).where(Message.direction == "incoming")).all()
        assert message.text.strip() == "Genom ett rör."


def test_a_letter_without_a_sender_comes_through_a_pipe(
    front: Postfix, pipe: Pipe, worker_app: Flask
) -> None:
    with front.smtp() as client:
        client.sendmail("", ["syd@example.se", "kontakt@example.se"], letter("Retur."))
    # One at a time, and each recipient at once: two sides, one letter.
    assert pipe.serve_one() == 0
    front.wait_until(front.is_empty)
    with worker_app.app_context():
        received = db.session.scalars(select(Letter)).one()
        assert received.envelope_from == ""
        assert sorted(received.envelope_to) == ["kontakt@example.se", "syd@example.se"]
