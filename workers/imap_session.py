"""One signed-in connection to a mailbox by IMAP: what lies in it, its letters as bytes, and moving them.

No flag is read, and none is set but ``\\Deleted`` on a letter that a server without MOVE has copied.

    MailboxAway         the mailbox cannot be reached, opened or read now; the connection is of no more use
    ServerRefused       the server would not do one thing; the next may go well
    LetterGone          a letter is no longer there
"""

from __future__ import annotations

import logging
import select
import ssl
import subprocess
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from imapclient import DELETED, IMAPClient, SocketTimeout
from imapclient.exceptions import CapabilityError, IMAPClientAbortError, IMAPClientError, LoginError

from config.mailboxes import Mailbox
from intake.errors import FileTooLarge, StorageError
from intake.extensions import now
from intake.mailroom.journal import Listed, Start

log = logging.getLogger(__name__)

TIMEOUT = SocketTimeout(connect=20, read=120)
TOKEN_SECONDS = 30
# No more of a letter than this is held in memory.
PIECE_BYTES = 1 << 20
# What is found among so many UIDs fits into the longest line that the library reads.
SEARCHED_UIDS = 80_000
ASKED_AT_ONCE = 500
# What a server tells outside these is no time and no size of a letter, and could not be stored.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_AHEAD = timedelta(days=1)
LARGEST_BYTES = 1 << 53
# How soon a wait ends that somebody wants to end.
LOOK_UP_SECONDS = 0.25
# Letters come in company, and a server that has news without end must not keep us busy without end.
GATHER_SECONDS = 0.5


class MailboxAway(Exception):
    """A mailbox cannot be reached, opened or read now; the message is Swedish, for operators."""


class ServerRefused(Exception):
    """The server answered a command with NO or BAD, or in a way that cannot be read."""


class LetterGone(Exception):
    """A letter is no longer there."""


@dataclass(frozen=True)
class Folder:
    """A folder as it was opened: the numbering of its letters, and the UID that comes next."""

    uidvalidity: int
    next_uid: int


class Session:
    """A connection that is signed in; one thread's own."""

    def __init__(self, mailbox: Mailbox) -> None:
        """Connect and sign in, or raise MailboxAway."""
        self._mailbox = mailbox
        self._folder: Folder | None = None
        self._client = _connected(mailbox)
        try:
            _sign_in(self._client, mailbox)
        except BaseException:
            self.close()
            raise
        # Else times come without their zone.
        self._client.normalise_times = False

    def close(self) -> None:
        """Hang up, without the farewell that a server which hangs itself would not answer."""
        _hang_up(self._client)

    def look(self) -> Folder:
        """Open the folder, or open it again to learn what is new; raises MailboxAway."""
        try:
            with _speaking():
                told = self._client.select_folder(self._mailbox.folder)
        except ServerRefused as error:
            raise MailboxAway(f"Mappen {self._mailbox.folder} finns inte eller kan inte öppnas.") from error
        if b"UIDVALIDITY" not in told or b"UIDNEXT" not in told:
            raise MailboxAway(f"Servern numrerar inte breven i mappen {self._mailbox.folder}.")
        self._folder = Folder(told[b"UIDVALIDITY"], told[b"UIDNEXT"])
        return self._folder

    def uids(self, start: Start, next_uid: int) -> set[int]:
        """List the UIDs below ``next_uid`` that are fetched."""
        found = self._found(start.first_uid, next_uid)
        return found | self._found(1, start.first_uid, start.since) if start.since else found

    def _found(self, first: int, after: int, since: date | None = None) -> set[int]:
        found: set[int] = set()
        for low in range(first, after, SEARCHED_UIDS):
            # A range that ends with "*" would hold the last letter, whatever its UID is.
            among = ["UID", f"{low}:{min(low + SEARCHED_UIDS, after) - 1}"]
            with _speaking():
                found.update(self._client.search([*among, "SINCE", since] if since else among))
        return found

    def still_there(self, uids: Collection[int]) -> set[int]:
        """Return which of the UIDs the folder still holds."""
        found: set[int] = set()
        for some in _portions(uids):
            with _speaking():
                found.update(self._client.search(["UID", ",".join(map(str, some))]))
        return found

    def describe(self, uids: Collection[int]) -> list[Listed]:
        """Return when each letter came to the server, and its size, as far as the server tells sense."""
        found: list[Listed] = []
        for some in _portions(uids):
            try:
                with _speaking():
                    told = self._client.fetch(some, ["INTERNALDATE", "RFC822.SIZE"])
            except (ServerRefused, OverflowError):
                # One letter that it cannot read lets a server refuse the whole question, and one year
                # or hour beyond all numbers lets the library give up on the whole answer.
                log.warning("mailbox %s: its server will not describe all letters", self._mailbox.name)
                told = {}
            found += [_listed(uid, told.get(uid, {})) for uid in some]
        return found

    def write_letter(self, letter: Listed, limit_bytes: int, file: BinaryIO) -> None:
        """Write a letter's bytes to a file, a piece at a time.

        A piece that is not whole is the last, unless the server has told that there is more. What it
        tells is an estimate with some, so it is never the measure of a letter. Raises FileTooLarge when
        the file holds more than the limit, LetterGone, StorageError when the file cannot be written,
        ServerRefused and MailboxAway.
        """
        written_bytes, is_whole = 0, False
        while not is_whole:
            piece = self._piece(letter.uid, written_bytes)
            _write(file, piece)
            written_bytes += len(piece)
            if written_bytes > limit_bytes:
                raise FileTooLarge("Brevet är större än vad som tas emot.")
            is_whole = len(piece) != PIECE_BYTES and written_bytes >= max(letter.size_bytes or 0, 1)
            if not piece and not is_whole:
                self._require(letter.uid, written_bytes)
                is_whole = True

    def _piece(self, uid: int, offset: int) -> bytes:
        with _speaking():
            told = self._client.fetch([uid], [f"BODY.PEEK[]<{offset}.{PIECE_BYTES}>"])
        found = [value for name, value in told.get(uid, {}).items() if name.startswith(b"BODY[]")]
        return found[0] or b"" if found else b""

    def _require(self, uid: int, written_bytes: int) -> None:
        """Make sure that a letter ends where nothing more comes, and was not taken away meanwhile.

        A server tells of such a letter that it has no bytes, rather than that it has gone.
        """
        with _speaking():
            self._client.noop()
        if not self.still_there([uid]):
            raise LetterGone(str(uid))
        if not written_bytes:
            raise ServerRefused(f"letter {uid} is there, and its server gives no bytes of it")

    @property
    def moves(self) -> bool:
        """Say whether the server moves a letter by itself (RFC 6851)."""
        return bool(self._client.has_capability("MOVE"))

    @property
    def removes_one(self) -> bool:
        """Say whether the server can take away one letter and no other (UIDPLUS, RFC 4315)."""
        return bool(self._client.has_capability("UIDPLUS"))

    def make_done_folder(self) -> None:
        """Make the folder of those that are done, unless it stands; people see it in their programs."""
        with _speaking():
            if not self._client.folder_exists(self._mailbox.done_folder):
                self._client.create_folder(self._mailbox.done_folder)
                self._client.subscribe_folder(self._mailbox.done_folder)

    def move(self, uid: int) -> None:
        """Move a letter to the folder of those that are done; one that is gone is left quietly."""
        with _speaking():
            self._client.move([uid], self._mailbox.done_folder)

    def copy(self, uid: int) -> None:
        """Copy a letter to the folder of those that are done."""
        with _speaking():
            self._client.copy([uid], self._mailbox.done_folder)

    def remove(self, uid: int) -> None:
        """Take away this one letter, and no other that somebody has marked as deleted."""
        with _speaking():
            self._client.add_flags([uid], DELETED, silent=True)
            self._client.uid_expunge([uid])

    def check(self) -> None:
        """Make sure that question and answer still follow each other; raises MailboxAway."""
        try:
            with _speaking():
                self._client.noop()
        except ServerRefused as error:
            raise MailboxAway("Servern svarar på ett sätt som inte går att läsa.") from error

    def wait(self, seconds: float, is_stopping: threading.Event) -> None:
        """Wait for news, by IDLE where the server has it (RFC 2177), for so long or until told to stop.

        It ends long before the 29 minutes after which IDLE must be renewed. Any word of the server's
        counts as news, and the end of the connection too, which the next question then finds. What came
        since the last look is news already: a server tells of it before IDLE begins, where nobody listens.
        """
        seen = self._folder
        if self.look() != seen:
            return
        if not self._client.has_capability("IDLE"):
            is_stopping.wait(seconds)
            return
        with _speaking():
            self._client.idle()
        poller = select.poll()
        poller.register(self._client.socket().fileno(), select.POLLIN)
        until = time.monotonic() + seconds
        while not is_stopping.is_set() and time.monotonic() < until:
            if poller.poll(LOOK_UP_SECONDS * 1000):
                is_stopping.wait(GATHER_SECONDS)
                break
        if not is_stopping.is_set():
            with _speaking():
                self._client.idle_done()


def _listed(uid: int, facts: Mapping[bytes, Any]) -> Listed:
    """Keep of a description what can be true."""
    size_bytes = facts.get(b"RFC822.SIZE")
    is_size = size_bytes is not None and 0 <= size_bytes <= LARGEST_BYTES
    return Listed(uid, _internal_at(facts.get(b"INTERNALDATE")), size_bytes if is_size else None)


def _internal_at(told: datetime | None) -> datetime | None:
    if told is None:
        return None
    try:
        # The library gives "-0000" as no zone, and takes any four digits for one.
        at = told.astimezone(UTC) if told.tzinfo else told.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return at if EARLIEST <= at <= now() + LATEST_AHEAD else None


def _write(file: BinaryIO, piece: bytes) -> None:
    try:
        file.write(piece)
        file.flush()
    except OSError as error:
        raise StorageError(f"the spool failed ({error.strerror})") from error


def _portions(uids: Collection[int]) -> Iterator[list[int]]:
    ordered = sorted(uids)
    for first in range(0, len(ordered), ASKED_AT_ONCE):
        yield ordered[first : first + ASKED_AT_ONCE]


@contextmanager
def _speaking() -> Iterator[None]:
    """Tell a broken connection from a command that was refused; what the server said is not passed on."""
    try:
        yield
    except (IMAPClientAbortError, OSError) as error:
        raise MailboxAway("Förbindelsen till servern bröts.") from error
    except IMAPClientError as error:
        raise ServerRefused(type(error).__name__) from error


def _connected(mailbox: Mailbox) -> IMAPClient:
    """Connect, with the server's certificate checked wherever the connection leaves this machine."""
    is_tls = mailbox.security == "tls"
    try:
        context = ssl.create_default_context(cafile=mailbox.certificate)
    except OSError as error:
        raise MailboxAway("Filen certificate kan inte läsas.") from error
    try:
        client = IMAPClient(
            mailbox.host, mailbox.port, ssl=is_tls, ssl_context=context if is_tls else None, timeout=TIMEOUT
        )
    except ssl.SSLError as error:
        raise MailboxAway("Serverns certifikat godkänns inte.") from error
    except (OSError, IMAPClientError) as error:
        raise MailboxAway("Servern svarar inte.") from error
    if mailbox.security == "starttls":
        _secure(client, context)
    return client


def _secure(client: IMAPClient, context: ssl.SSLContext) -> None:
    try:
        client.starttls(context)
    except BaseException as error:
        _hang_up(client)
        if isinstance(error, ssl.SSLError):
            raise MailboxAway("Serverns certifikat godkänns inte.") from error
        if isinstance(error, (OSError, IMAPClientError)):
            raise MailboxAway("Servern går inte över till TLS (STARTTLS).") from error
        raise


def _hang_up(client: IMAPClient) -> None:
    # A connection that is gone already cannot be closed in the right order.
    with suppress(OSError):
        client.shutdown()


def _sign_in(client: IMAPClient, mailbox: Mailbox) -> None:
    """Sign in by a token that is made anew each time, or by the password that the file holds now."""
    secret = _password(mailbox.password_file) if mailbox.password_file else _token(mailbox)
    try:
        if not mailbox.password_file:
            client.oauth2_login(mailbox.user, secret)
        elif client.has_capability("AUTH=PLAIN"):
            # LOGIN has no room for letters beyond ASCII.
            client.plain_login(mailbox.user, secret)
        else:
            client.login(mailbox.user, secret)
    except (LoginError, CapabilityError, UnicodeEncodeError) as error:
        raise MailboxAway("Inloggningen nekades.") from error
    except (OSError, IMAPClientError) as error:
        raise MailboxAway("Förbindelsen bröts under inloggningen.") from error


def _password(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise MailboxAway("Filen med lösenordet kan inte läsas.") from error


def _token(mailbox: Mailbox) -> str:
    """Run the command that prints a token, without a shell; what it says is told to nobody."""
    try:
        ran = subprocess.run(
            mailbox.token_command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TOKEN_SECONDS,
            check=True,
        )
        token = ran.stdout.decode("ascii").strip()
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as error:
        raise MailboxAway("Kommandot token_command gav ingen inloggningsnyckel.") from error
    if not token:
        raise MailboxAway("Kommandot token_command gav ingen inloggningsnyckel.")
    return token
