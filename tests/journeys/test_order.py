"""Bytes before rows before words: the order that makes an answer one that can be trusted."""

from __future__ import annotations

import asyncio
import smtplib
import threading
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from intake.extensions import db
from intake.storage import FolderStorage, System
from tests.journeys.citizen import Citizen, through
from tests.letters_home import letter
from workers.mailbox import Listener

DURABLE = ["write", "fsync", "rename", "fsync_folder", "COMMIT", "answer"]


class Recording(System):
    """The same calls, each written down."""

    def __init__(self, calls):
        self.calls = calls

    def write(self, descriptor, data):
        self.calls.append("write")
        return super().write(descriptor, data)

    def fsync(self, descriptor):
        self.calls.append("fsync")
        super().fsync(descriptor)

    def rename(self, source, target):
        self.calls.append("rename")
        super().rename(source, target)

    def fsync_folder(self, folder):
        self.calls.append("fsync_folder")
        super().fsync_folder(folder)


@pytest.fixture
def calls():
    return []


@pytest.fixture
def recorded(make_app, settings, calls):
    """Make an app whose storage and commits are written down."""

    def make(surface, role=None):
        storage = FolderStorage(settings.var / "files", 1_000_000, Recording(calls))
        app = make_app(surface, role, storage=storage)
        with app.app_context():
            event.listen(db.engine, "commit", lambda _connection: calls.append("COMMIT"))
        return app

    return make


def in_order(calls):
    """Return the last of each call, in the order in which they came."""
    return list(dict.fromkeys(reversed(calls)))[::-1]


def test_a_file_is_durable_before_its_row_and_its_row_before_the_answer(recorded, calls):
    citizen = Citizen(through(recorded("citizen").test_client()))
    citizen.begin()
    citizen.tell("Se bilden.")
    calls.clear()
    citizen.add_file("bild.txt", b"hej")
    calls.append("answer")
    assert in_order(calls) == DURABLE


def test_the_receipt_is_shown_only_after_the_commit(recorded, calls):
    citizen = Citizen(through(recorded("citizen").test_client()))
    citizen.begin()
    citizen.tell("Min cykel är borta.")
    citizen.finish()
    calls.clear()
    answer = citizen.send()
    calls.append("answer")
    assert answer.status == 303
    assert in_order(calls) == ["COMMIT", "answer"]


@contextmanager
def listening(app):
    """Run a real listener on a free port in a thread."""
    port, ready = [], threading.Event()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    def started(number):
        port.append(number)
        ready.set()

    def run():
        asyncio.set_event_loop(loop)
        loop.run_until_complete(Listener(app).run(stop, started))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(30)
    yield port[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(30)


def test_a_letter_is_durable_before_it_is_answered_with_250(recorded, calls):
    app = recorded("citizen", "worker")
    object.__setattr__(app.extensions["settings"], "mail_port", 0)
    with listening(app) as port, smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("kim@example.com", ["kontakt@example.se"], letter())
        calls.append("answer")
    assert in_order(calls) == DURABLE
