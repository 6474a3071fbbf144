"""The house: its apps, its workers, its post office, and what the test says is to leave it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask, request, request_finished
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from config.settings import Settings
from intake import create_app, outbox
from intake.errors import PostRefused
from intake.extensions import db
from intake.models import DiaryEntry, Matter
from intake.post import Outgoing
from tests import engines
from tests.conftest import Clock
from tests.scanners import CLEAN, Scanner
from workers import process, tasks

UNDO_SECONDS = 20
# A Monday, long before anybody is at work.
NIGHT = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
MORNING = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)


class PostOffice:
    """Takes our letters; some addresses it refuses for good, and at some it breaks down."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.refuses: set[str] = set()
        self.breaks_at: set[str] = set()

    def send(self, outgoing: Outgoing) -> None:
        (recipient,) = outgoing.recipients
        if recipient in self.refuses:
            raise PostRefused("550 5.1.1")
        if recipient in self.breaks_at:
            raise KeyError(recipient)
        self.sent.append(outgoing)

    def words_to(self, recipient: str) -> str:
        """Return all that was written to somebody."""
        return "\n".join(words_of(each) for each in self.sent if each.recipients == (recipient,))


def words_of(letter: Outgoing) -> str:
    """Return what is written in a letter of ours."""
    body = letter.message.get_body(("plain",))
    return str(body.get_content()) if body else ""


class House:
    """The whole service in one process: both surfaces, a worker, and a clock that the day sets."""

    def __init__(self, database: engines.Database, settings: Settings) -> None:
        self.clock, self.post, self.database = Clock(), PostOffice(), database
        self.clock.at, self.folder = NIGHT, settings.var
        self._settings = replace(settings, database_urls=database.urls, undo_seconds=UNDO_SECONDS)
        self.citizen_app = self._make("citizen")
        self.handler_app = self._make("handler")
        self.owner_app = self._make("handler", "owner")
        self.worker_app = self._make("citizen", "worker", scanner=Scanner(CLEAN), post=self.post)
        # What has been asked for and was answered as asked, by the names of routes.
        self.done: set[tuple[str, str]] = set()
        # The letters that are meant to leave, by kind and recipient.
        self.owed: Counter[tuple[str, str]] = Counter()
        request_finished.connect(self._note, self.handler_app)

    def _make(self, surface: str, role: str | None = None, **ports: object) -> Flask:
        chosen = replace(self._settings, surface=surface)  # type: ignore[arg-type]
        app = create_app(chosen, role=role, clock=self.clock, **ports)  # type: ignore[arg-type]
        app.testing = True
        return app

    def _note(self, _app: Flask, response: object, **_: object) -> None:
        if request.endpoint and response.status_code < 400:  # type: ignore[attr-defined]
            self.done.add((request.endpoint.removeprefix("handler."), request.method))

    def owes(self, kind: str, recipient: str) -> None:
        """Say that a letter is meant to leave."""
        self.owed[kind, recipient] += 1

    def work(self) -> None:
        """Do every job that is due, and those that follow from it."""
        with self.worker_app.app_context():
            while sendings := outbox.take_due(200):
                for sending in sendings:
                    getattr(tasks, sending.kind.task.rpartition(".")[2])(str(sending.job_id))

    def let_go(self) -> None:
        """Let what handlers wrote wait its time, and leave."""
        # What is looked through before it leaves is looked through while it waits.
        self.work()
        self.clock.at += timedelta(seconds=UNDO_SECONDS + 1)
        self.work()

    def newest(self) -> str:
        """Return the reference of the matter that was numbered last."""
        with self.owner() as seen:
            last = select(Matter.reference).join(DiaryEntry, DiaryEntry.matter_id == Matter.id)
            return seen.scalars(last.order_by(DiaryEntry.number.desc()).limit(1)).one()

    @contextmanager
    def owner(self) -> Iterator[Session]:
        """Look into the database as its owner, who sees everything."""
        engine = create_engine(self.database.urls["owner"], poolclass=NullPool)
        with Session(engine) as session:
            yield session

    def close(self) -> None:
        for app in (self.citizen_app, self.handler_app, self.owner_app, self.worker_app):
            with app.app_context():
                db.session.remove()
                for engine in db.engines.values():
                    engine.dispose()


@contextmanager
def opened(database: engines.Database, settings: Settings, var: Path) -> Iterator[House]:
    """Open a house of one's own on an empty database."""
    engines.empty(database.urls["owner"])
    house = House(database, replace(settings, var=var))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "app", lambda: house.worker_app)
        try:
            yield house
        finally:
            house.close()
