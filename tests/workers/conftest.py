"""A listener with a stand-in mailroom, for the tests of its own rules; and a real Dovecot to fetch from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from flask import Flask

from config.settings import Settings
from intake.mailroom import Envelope
from intake.storage import FolderStorage
from tests.dovecot import Dovecot
from tests.dovecot import running as running_dovecot
from tests.listening import Mailroom, Running
from workers.conversation import Limits
from workers.mailbox import Listener
from workers.peers import LOOPBACK


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with running_dovecot() as server:
        yield server


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    app = Flask("mailbox")
    settings = Settings.from_mapping({"INTAKE_VAR": str(tmp_path)})
    app.extensions["settings"] = replace(settings, mail_port=0)
    app.extensions["storage"] = FolderStorage(tmp_path / "files", low_disk_bytes=0)
    return app


@pytest.fixture
def mailroom() -> Mailroom:
    return Mailroom()


@pytest.fixture
def start(app: Flask, mailroom: Mailroom) -> Iterator[Callable[..., Running]]:
    """Start listeners: keywords are limits; ``are_strangers`` takes this machine for somebody else's."""
    running: list[Running] = []

    def start(
        receive: Callable[[BinaryIO, Envelope], object] = mailroom,
        *,
        are_strangers: bool = False,
        **limits: Any,
    ) -> Running:
        chosen = replace(Limits(letter_bytes=20_000_000), **limits)
        own = () if are_strangers else LOOPBACK
        running.append(Running(Listener(app, receive=receive, limits=chosen, own=own)).start())
        return running[-1]

    yield start
    for listener in running:
        listener.stop()


@pytest.fixture
def listener(start: Callable[..., Running]) -> Running:
    return start()
