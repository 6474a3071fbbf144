"""The fetcher: letters from mailboxes by IMAP, each stored first and only then moved out of the way.

Every mailbox has a thread, so that one that is down or slow stops no other. Whatever ends this process
between two steps, the next one goes on: a letter that lies in its folder is stored, or known by its
bytes, and moved.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import threading
import time
from dataclasses import dataclass
from typing import cast

from flask import Flask
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from config.mailboxes import Mailbox
from config.settings import Settings
from intake import logs
from intake.extensions import db
from intake.mailroom import journal
from workers import process
from workers.fetch_round import DATABASE_AWAY, Round
from workers.imap_session import MailboxAway, Session

log = logging.getLogger("workers.fetching")

UNEXPECTED = "Ett fel som ingen väntat sig: se loggen för mail-fetch. Breven ligger kvar i brevlådan."
# A letter in hand is finished in this time, or fetched again by the next run.
STOP_SECONDS = 20


@dataclass(frozen=True)
class Pauses:
    """How long is waited, in seconds: for news, for one's turn, and after a failure (doubled each time)."""

    news: float = 60
    turn: float = 5
    first: float = 1
    longest: float = 300


class Turn:
    """A mailbox is one process's at a time, by a lock of a connection that dies with its process.

    It spares two fetchers each other's work. Nothing would be lost or doubled without it.
    """

    def __init__(self, mailbox: str) -> None:
        self._key = f"mailbox {mailbox}"
        self._connection: Connection | None = None

    def is_ours(self) -> bool:
        """Take the turn, or make sure that we still have it; raises SQLAlchemy's errors."""
        if self._connection is not None:
            try:
                self._connection.execute(text("SELECT 1"))
            except DBAPIError:
                self.give_up()
            else:
                return True
        connection = db.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        # It is held as long as this process runs, and the pool is for what comes and goes.
        connection.detach()
        lock = text("SELECT pg_try_advisory_lock(hashtextextended(:key, 0))")
        try:
            is_ours = bool(connection.scalar(lock, {"key": self._key}))
        except BaseException:
            connection.close()
            raise
        if is_ours:
            self._connection = connection
        else:
            connection.close()
        return is_ours

    def give_up(self) -> None:
        """Let another have it."""
        if self._connection is not None:
            with contextlib.suppress(DBAPIError):
                self._connection.close()
            self._connection = None


class Fetcher:
    """Fetches one mailbox."""

    def __init__(
        self, app: Flask, mailbox: Mailbox, is_stopping: threading.Event, pauses: Pauses | None = None
    ) -> None:
        self.mailbox = mailbox
        self._app = app
        self._is_stopping = is_stopping
        self._pauses = pauses or Pauses()
        self._failures = 0

    def run(self) -> None:
        """Fetch until told to stop; whatever is away is waited for."""
        with self._app.app_context():
            turn = Turn(self.mailbox.name)
            while not self._is_stopping.is_set():
                try:
                    if turn.is_ours():
                        self._stay(turn)
                    else:
                        self._is_stopping.wait(self._pauses.turn)
                except Exception as error:
                    self._fail(error)
                finally:
                    db.session.remove()
            turn.give_up()

    def _fail(self, error: Exception) -> None:
        """Say what went wrong and wait, longer each time."""
        db.session.rollback()
        seconds = min(self._pauses.first * 2.0**self._failures, self._pauses.longest)
        self._failures = min(self._failures + 1, 20)
        if isinstance(error, MailboxAway):
            cause = type(error.__cause__ or error).__name__
            log.warning("mailbox %s: %s (%s)", self.mailbox.name, error, cause)
            self._complain(str(error))
        elif isinstance(error, DATABASE_AWAY):
            log.warning("mailbox %s: the database is away: %s", self.mailbox.name, type(error).__name__)
        else:
            log.error("mailbox %s: fetching failed", self.mailbox.name, exc_info=error)
            self._complain(UNEXPECTED)
        self._is_stopping.wait(seconds)

    def _complain(self, fault: str | None) -> None:
        try:
            journal.complain(self.mailbox.name, fault)
        except DATABASE_AWAY as error:
            log.warning("mailbox %s: the database is away: %s", self.mailbox.name, type(error).__name__)
            db.session.rollback()

    def _stay(self, turn: Turn) -> None:
        """Keep one connection and go through the mailbox whenever there is news."""
        with contextlib.closing(Session(self.mailbox)) as session:
            while not self._is_stopping.is_set() and turn.is_ours():
                if not self._go(session):
                    session.wait(self._pauses.news, self._is_stopping)

    def _go(self, session: Session) -> bool:
        """Go through the mailbox once, and say whether to do so again at once."""
        way = Round(self.mailbox, session, self._is_stopping)
        try:
            way.go()
        except MailboxAway:
            # A letter is taken up a few times only, so that its faults need no longer pauses.
            if way.has_begun:
                self._failures = 0
            raise
        self._failures = 0
        return way.is_busy


def run(app: Flask, is_stopping: threading.Event) -> None:
    """Fetch every mailbox until told to stop, and give each a while to finish the letter in hand."""
    mailboxes = cast(Settings, app.extensions["settings"]).mailboxes
    # A thread that hangs in a server's silence ends with the process, at a place where it may end.
    threads = [
        threading.Thread(target=Fetcher(app, mailbox, is_stopping).run, name=mailbox.name, daemon=True)
        for mailbox in mailboxes
    ]
    for thread in threads:
        thread.start()
    is_stopping.wait()
    until = time.monotonic() + STOP_SECONDS
    for thread in threads:
        thread.join(max(0, until - time.monotonic()))


def main() -> int:
    """Run as a process of its own."""
    logs.to_stdout()
    is_stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: is_stopping.set())
    run(process.app(), is_stopping)
    return 0


if __name__ == "__main__":
    sys.exit(main())
