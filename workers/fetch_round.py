"""One round through a mailbox: each letter stored, then written into the journal, then moved.

The order is the promise. A letter leaves its folder only when the row that says where it went is
committed, and that row only follows on the letter's own.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from os import SEEK_END
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from config.mailboxes import Mailbox
from intake import mailroom
from intake.errors import FileTooLarge, StorageError
from intake.extensions import db, settings
from intake.mailroom import journal
from intake.mailroom.journal import Due, Listed, Place
from workers.imap_session import LetterGone, MailboxAway, ServerRefused, Session

log = logging.getLogger(__name__)

DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
# A long way is cut in two, so that the mailbox is seen to be looked at and what came meanwhile is in turn.
ROUND_SECONDS = 120
NO_ROOM = "Lagringen är full eller borta. Breven ligger kvar i brevlådan och hämtas när det går igen."
NOT_MOVED = "Breven är mottagna, men servern flyttar dem inte till mappen %s. De ligger kvar."


@dataclass
class Round:
    """A way through what lies in a mailbox now.

    ``fault`` is what is wrong with the mailbox, in Swedish; ``is_busy`` says that it is to be gone through
    again at once: letters left it, so that others may have come meanwhile, or are left for another round.
    ``has_begun`` says that a letter was taken up: what then goes wrong may be that letter's fault.
    """

    mailbox: Mailbox
    session: Session
    is_stopping: threading.Event
    fault: str | None = None
    is_busy: bool = False
    has_begun: bool = False

    def go(self) -> None:
        """Store and move what is there, oldest first; raises MailboxAway, and SQLAlchemy's errors."""
        folder = self.session.look()
        place = Place(self.mailbox.name, folder.uidvalidity)
        start = journal.begin(place, folder.next_uid, self.mailbox.since)
        present = self.session.uids(start, folder.next_uid)
        # What was seen once is followed to its end, wherever letters begin by now.
        present |= self.session.still_there(journal.unfinished(place))
        self._note(place, present)
        until = time.monotonic() + ROUND_SECONDS
        try:
            for letter in journal.due(place, present, self._limit_bytes):
                self._take(place, letter)
                if self.is_stopping.is_set() or time.monotonic() > until:
                    self.is_busy = True
                    break
        except StorageError as error:
            log.warning("mailbox %s: the storage is full or away: %s", self.mailbox.name, error)
            self.fault = NO_ROOM
        journal.complain(self.mailbox.name, self.fault)

    def _note(self, place: Place, present: set[int]) -> None:
        """Write down what is there, with what the server tells of the letters that are new."""
        new = journal.unknown(place, present)
        try:
            described = self.session.describe(new)
        except MailboxAway:
            # One of them may be what broke the connection; each is asked about when its turn comes.
            journal.note(place, present, [Listed(uid) for uid in new])
            raise
        journal.note(place, present, described)

    @property
    def _limit_bytes(self) -> int:
        return settings().tables.files.max_letter_bytes

    def _take(self, place: Place, letter: Due) -> None:
        """Bring a letter as far as it goes; what is wrong with this one stops no other."""
        if letter.is_stored and not self._can_move:
            self.fault = NOT_MOVED % self.mailbox.done_folder
            return
        journal.take_up(place, letter.uid)
        self.has_begun = True
        try:
            if letter.is_stored or self._store(place, letter):
                self._put_away(place, letter)
        except StorageError:
            db.session.rollback()
            journal.lay_down(place, letter.uid)
            raise
        except (MailboxAway, *DATABASE_AWAY):
            raise
        except LetterGone:
            journal.gone(place, letter.uid)
        except Exception:
            log.exception("mailbox %s: letter %d waits", self.mailbox.name, letter.uid)
            db.session.rollback()
            self.session.check()

    def _store(self, place: Place, letter: Due) -> bool:
        """Make a letter ours, and say whether it is; one that is too large stays where it is."""
        if letter.listed.internal_at is None:
            letter = self._described(place, letter)
        with _spooled() as raw:
            try:
                self.session.write_letter(letter.listed, self._limit_bytes, raw)
                raw.seek(0)
                received = mailroom.receive(raw, self._envelope(place, letter, raw))
            except FileTooLarge:
                db.session.rollback()
                journal.refused(place, letter.uid, raw.seek(0, SEEK_END))
                log.warning("mailbox %s: letter %d is too large", self.mailbox.name, letter.uid)
                return False
        journal.stored(place, letter.uid, received)
        log.info("mailbox %s: letter %d is letter %s", self.mailbox.name, letter.uid, received.letter_id)
        return True

    def _described(self, place: Place, letter: Due) -> Due:
        [listed] = self.session.describe([letter.uid])
        journal.described(place, listed)
        return replace(letter, listed=listed)

    def _envelope(self, place: Place, letter: Due, raw: BinaryIO) -> mailroom.Envelope:
        """Say how a letter came; who sent it is not known here, only what its headers say."""
        return mailroom.Envelope(
            sender="",
            recipients=mailroom.recipients_in(raw, self.mailbox.address),
            peer=self.mailbox.host,
            protocol="imap",
            trace={"mailbox": place.mailbox, "uid": letter.uid, "uidvalidity": place.uidvalidity},
            received_at=letter.listed.internal_at,
            is_trusted=self.mailbox.is_trusted,
            is_import=letter.is_import,
        )

    @cached_property
    def _can_move(self) -> bool:
        """Say whether the server can move one letter and no other, and has the folder to move it to."""
        if not (self.session.moves or self.session.removes_one):
            return False
        try:
            self.session.make_done_folder()
        except ServerRefused:
            return False
        return True

    def _put_away(self, place: Place, letter: Due) -> None:
        """Move a stored letter out of the way, or say that it cannot be moved; it is ours all the same."""
        if not self._can_move:
            self.fault = NOT_MOVED % self.mailbox.done_folder
            return
        try:
            if self.session.moves:
                self.session.move(letter.uid)
            else:
                self._copy_and_remove(place, letter)
        except ServerRefused:
            # Another fetcher, or a person, may have moved it in this very moment.
            if self.session.still_there([letter.uid]):
                log.warning("mailbox %s: letter %d could not be moved", self.mailbox.name, letter.uid)
                self.fault = NOT_MOVED % self.mailbox.done_folder
                return
        journal.moved(place, letter.uid)
        self.is_busy = True

    def _copy_and_remove(self, place: Place, letter: Due) -> None:
        # A letter that cannot be taken away must not be copied again at every round.
        if not letter.is_copied:
            self.session.copy(letter.uid)
            journal.copied(place, letter.uid)
        self.session.remove(letter.uid)


@contextmanager
def _spooled() -> Iterator[BinaryIO]:
    """Open a file without a name for a letter; a disk that refuses it is the storage's failure."""
    folder = settings().var / "spool"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = TemporaryFile(dir=folder)  # noqa: SIM115 (it is closed below, whatever the disk says)
    except OSError as error:
        raise StorageError(f"the spool cannot be opened ({error.strerror})") from error
    try:
        yield cast(BinaryIO, file)
    finally:
        # Closing writes what is buffered, which a full disk refuses once more.
        with suppress(OSError):
            file.close()
