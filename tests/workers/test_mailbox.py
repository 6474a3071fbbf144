"""The mail listener over real sockets: what is answered, what is stored, and what never ends a letter."""

from __future__ import annotations

import asyncio
import itertools
import logging
import signal
import smtplib
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from config.settings import Settings
from intake.errors import FileTooLarge, StorageError, StorageFull
from intake.mailroom import Envelope
from intake.storage import FolderStorage
from workers.conversation import Limits
from workers.mailbox import Listener

LETTER = b"From: a@example.org\r\nSubject: Hej\r\n\r\nHej!\r\n"
SENDER, OURS = "a@example.org", "arende@example.se"


@dataclass
class Mailroom:
    """Stands where mailroom.receive does, and keeps what it is given."""

    letters: list[bytes] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    problem: Exception | None = None

    def __call__(self, raw: BinaryIO, envelope: Envelope) -> None:
        if self.problem:
            raise self.problem
        self.letters.append(raw.read())
        self.envelopes.append(envelope)


class Running:
    """A listener in a thread, on a port of its own."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.is_finished = await self._listener.run(self._stop, self._ready)

    def _ready(self, port: int) -> None:
        self.port = port
        self._is_ready.set()

    def start(self) -> Running:
        self._thread.start()
        assert self._is_ready.wait(10)
        return self

    def ask_to_stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)

    def stop(self) -> None:
        if self._thread.is_alive():
            self.ask_to_stop()
        self._thread.join()

    def raw(self, *commands: str) -> AbstractContextManager[Raw]:
        return raw(self.port, *commands)

    def smtp(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self.port, "sender.example.org", timeout=20)


@dataclass
class Raw:
    """A client that sends bytes as they are."""

    socket: socket.socket
    file: BinaryIO

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reply(self) -> str:
        line = self.file.readline().decode()
        while line[3:4] == "-":
            line = self.file.readline().decode()
        return line.rstrip("\r\n")

    def ask(self, command: str) -> str:
        self.send(command.encode() + b"\r\n")
        return self.reply()


@contextmanager
def raw(port: int, *commands: str) -> Iterator[Raw]:
    """Connect, read the greeting if there are commands, and give each once the last is answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client, client.makefile("rb") as file:
        talk = Raw(client, file)
        if commands:
            talk.reply()
        for command in commands:
            talk.ask(command)
        yield talk


IN_DATA = ("LHLO x", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{OURS}>", "DATA")


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
    running: list[Running] = []

    def start(receive: Callable[[BinaryIO, Envelope], None] = mailroom, **limits: Any) -> Running:
        chosen = replace(Limits(letter_bytes=20_000_000), **limits)
        running.append(Running(Listener(app, receive=receive, limits=chosen)).start())
        return running[-1]

    yield start
    for listener in running:
        listener.stop()


@pytest.fixture
def listener(start: Callable[..., Running]) -> Running:
    return start()


def send(listener: Running, letter: bytes, sender: str = SENDER, to: str = OURS) -> tuple[int, bytes]:
    """Send by SMTP exactly these bytes, and return the reply to them."""
    with listener.smtp() as client:
        client.ehlo()
        client.mail(sender)
        client.rcpt(to)
        client.putcmd("data")
        client.getreply()
        client.send(stuffed(letter) + b".\r\n")
        return client.getreply()


def stuffed(letter: bytes) -> bytes:
    return (b"\r\n" + letter).replace(b"\r\n.", b"\r\n..")[2:]


def test_a_letter_by_smtp_gets_one_reply_for_all(listener: Running, mailroom: Mailroom) -> None:
    with listener.raw(
        "EHLO x", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{OURS}>", "RCPT TO:<syd@example.se>"
    ) as client:
        client.ask("DATA")
        client.send(LETTER + b".\r\n")
        assert client.reply().startswith("250 ")
        assert client.ask("NOOP") == "250 2.0.0 OK"
    assert mailroom.letters == [LETTER]
    assert mailroom.envelopes == [Envelope(SENDER, (OURS, "syd@example.se"), "127.0.0.1", "smtp")]


def test_a_letter_by_lmtp_gets_a_reply_for_each_recipient(listener: Running, mailroom: Mailroom) -> None:
    with listener.raw(
        "LHLO x", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{OURS}>", "RCPT TO:<b@example.org>"
    ) as client:
        client.ask("RCPT TO:<syd@example.se>")
        client.ask("DATA")
        client.send(LETTER + b".\r\n")
        assert [client.reply()[:3], client.reply()[:3]] == ["250", "250"]
        assert client.ask("NOOP") == "250 2.0.0 OK"
    assert mailroom.envelopes == [Envelope(SENDER, (OURS, "syd@example.se"), "127.0.0.1", "lmtp")]


def test_the_standard_library_speaks_lmtp_to_it(listener: Running, mailroom: Mailroom) -> None:
    with smtplib.LMTP("127.0.0.1", listener.port, "x", timeout=20) as client:
        assert client.sendmail(SENDER, [OURS, "b@example.org"], LETTER).keys() == {"b@example.org"}
    assert mailroom.letters == [LETTER]


def test_the_last_greeting_decides(listener: Running, mailroom: Mailroom) -> None:
    with listener.raw("LHLO x", "HELO x", *IN_DATA[1:]) as client:
        client.send(LETTER + b".\r\n")
        assert client.reply().startswith("250 ")
    assert mailroom.envelopes[0].protocol == "smtp"


def test_what_it_can_do_is_announced(listener: Running) -> None:
    with listener.smtp() as client:
        client.ehlo()
        expected = {"pipelining", "size", "8bitmime", "smtputf8", "enhancedstatuscodes", "help"}
        assert client.esmtp_features.keys() == expected
        assert client.esmtp_features["size"] == "20000000"


LETTERS = {
    "an empty letter": b"",
    "an empty line": b"\r\n",
    "empty lines": b"\r\n" * 100_000,
    "dots at line starts": b".\r\n..\r\n.a\r\n...\r\n.\r\n",
    "a line of 20 kB": b"Subject: x\r\n\r\n" + b"x" * 20_000 + b"\r\n",
    "a line of 2 MB": b"x" * 2_000_000 + b"\r\n",
    "8 bits and NUL": bytes(range(256)) * 500 + b"\r\n",
    "bare line ends": b"a\nb\rc\n\rd\n.\n\r.\r\n",
    "dotted lines of all lengths": b"".join(b"." * (n % 3) + b"x" * n + b"\r\n" for n in range(2000)),
    "nothing but dotted lines": b".\r\n" * 200_000,
    "dotted lines with bare CR": b".\r\r\n" * 100_000,
}


@pytest.mark.parametrize("letter", LETTERS.values(), ids=LETTERS.keys())
def test_a_letter_is_stored_byte_for_byte(letter: bytes, listener: Running, mailroom: Mailroom) -> None:
    assert send(listener, letter)[0] == 250
    assert mailroom.letters == [letter]


def test_a_letter_cut_at_any_place_is_the_same_letter(listener: Running, mailroom: Mailroom) -> None:
    sent = b"a\r\n..b\r\n\r\n...\r\n.\r\n"
    for cut in range(len(sent)):
        with listener.raw(*IN_DATA) as client:
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.send(sent[:cut])
            client.send(sent[cut:])
            assert client.reply().startswith("250 ")
    assert set(mailroom.letters) == {b"a\r\n.b\r\n\r\n..\r\n"}


SMUGGLED = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r.\r",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r.\r\n",
    b"\n.\r",
    b"\r\n\x00.\r\n",
    b"\r\r\n.\r",
]


@pytest.mark.parametrize("end", SMUGGLED, ids=repr)
def test_nothing_but_a_dot_between_line_ends_ends_a_letter(
    end: bytes, listener: Running, mailroom: Mailroom
) -> None:
    second = b"MAIL FROM:<b@example.org>\r\nRCPT TO:<arende@example.se>\r\nDATA\r\nSmuggled\r\n"
    with listener.raw(*IN_DATA) as client:
        client.send(b"First" + end + second + b".\r\n")
        assert client.reply().startswith("250 ")
        assert client.ask("NOOP") == "250 2.0.0 OK"
    assert mailroom.letters == [(b"First" + end + second).replace(b"\r\n.", b"\r\n")]
    assert [envelope.sender for envelope in mailroom.envelopes] == [SENDER]


def test_a_letter_as_large_as_is_taken_is_taken(start: Callable[..., Running], mailroom: Mailroom) -> None:
    listener = start(letter_bytes=300_000)
    letter = (b"." * 98 + b"\r\n") * 3000
    assert send(listener, letter)[0] == 250
    assert mailroom.letters == [letter]


def test_a_letter_over_the_limit_is_read_to_its_end_and_refused(
    start: Callable[..., Running], mailroom: Mailroom
) -> None:
    with start(letter_bytes=300_000).raw(*IN_DATA) as client:
        client.send(b"x" * 5_000_000 + b"\r\nRSET\r\n.\r\n")
        assert client.reply().startswith("552 5.3.4 ")
        assert client.ask("NOOP") == "250 2.0.0 OK"
    assert mailroom.letters == []


def test_a_letter_announced_over_the_limit_is_refused_at_once(listener: Running) -> None:
    with listener.raw("EHLO x") as client:
        assert client.ask(f"MAIL FROM:<{SENDER}> SIZE=20000001").startswith("552 5.3.4 ")
        assert client.ask(f"MAIL FROM:<{SENDER}> SIZE=20000000 BODY=8BITMIME SMTPUTF8").startswith("250 ")


PROBLEMS: dict[str, list[Exception]] = {
    "451 4.3.0": [StorageError("x"), OperationalError("x", {}, OSError()), ValueError("x"), MemoryError()],
    "451 4.3.1": [StorageFull("x")],
    "552 5.3.4": [FileTooLarge("x")],
}


@pytest.mark.parametrize(
    ("code", "problem"),
    [(code, problem) for code, problems in PROBLEMS.items() for problem in problems],
    ids=repr,
)
def test_what_is_wrong_with_us_is_temporary(
    code: str, problem: Exception, listener: Running, mailroom: Mailroom
) -> None:
    mailroom.problem = problem
    with listener.raw(
        "LHLO x", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{OURS}>", "RCPT TO:<b@example.se>", "DATA"
    ) as c:
        c.send(LETTER + b".\r\n")
        assert [c.reply()[:9], c.reply()[:9]] == [code, code]
        mailroom.problem = None
    assert send(listener, LETTER)[0] == 250


def test_storing_that_hangs_is_answered_all_the_same(start: Callable[..., Running]) -> None:
    is_free = threading.Event()
    listener = start(lambda _raw, _envelope: is_free.wait(30), store_seconds=0.05, stored_at_once=1)
    try:
        assert [send(listener, LETTER)[0], send(listener, LETTER)[0]] == [451, 451]
    finally:
        is_free.set()


def test_a_disk_under_its_mark_is_temporary(app: Flask, tmp_path: Path, listener: Running) -> None:
    app.extensions["storage"] = FolderStorage(tmp_path / "files", low_disk_bytes=2**60)
    with listener.raw("EHLO x") as client:
        assert client.ask(f"MAIL FROM:<{SENDER}>").startswith("451 4.3.1 ")


def test_a_spool_that_cannot_be_written_is_temporary(
    tmp_path: Path, listener: Running, mailroom: Mailroom
) -> None:
    (tmp_path / "spool").rmdir()
    with listener.raw(*IN_DATA) as client:
        client.send(b"x" * 1_000_000 + b"\r\n.\r\n")
        assert client.reply().startswith("451 4.3.0 ")
        assert client.ask("NOOP") == "250 2.0.0 OK"
    assert mailroom.letters == []


def test_the_spool_keeps_no_names(tmp_path: Path, start: Callable[..., Running]) -> None:
    seen: list[Path] = []
    listener = start(lambda _raw, _envelope: seen.extend(tmp_path.glob("spool/*")))
    assert send(listener, b"x" * 1_000_000 + b"\r\n")[0] == 250
    assert seen == []
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "address", ["a@example.org", "a@sub.example.se", "a@example.se@example.org", "a", "@x"]
)
def test_nothing_is_relayed(address: str, listener: Running) -> None:
    with listener.raw("EHLO x", f"MAIL FROM:<{SENDER}>") as client:
        assert client.ask(f"RCPT TO:<{address}>").startswith("550 5.1.2 ")
        assert client.ask("DATA").startswith("503 ")


ADDRESSES = {
    "<Vem.Som.Helst@EXAMPLE.SE>": "Vem.Som.Helst@EXAMPLE.SE",
    "<arende+7k2m@example.se>": "arende+7k2m@example.se",
    "<åsa@example.se>": "åsa@example.se",
    '<"a b>, @c"@example.se>': '"a b>, @c"@example.se',
    "<@example.org,@b.example.org:a@example.se>": "a@example.se",
    "<a..b.@example.se>": "a..b.@example.se",
    "arende@example.se": "arende@example.se",
    "<POSTMASTER>": "POSTMASTER@example.se",
    f"<{'x' * 3000}@example.se>": f"{'x' * 3000}@example.se",
}


@pytest.mark.parametrize(("written", "address"), ADDRESSES.items(), ids=range(len(ADDRESSES)))
def test_every_local_part_is_ours(written: str, address: str, listener: Running, mailroom: Mailroom) -> None:
    with listener.raw("EHLO x", f"MAIL FROM:<{SENDER}> SMTPUTF8", f"RCPT TO:{written}", "DATA") as client:
        client.send(LETTER + b".\r\n")
        assert client.reply().startswith("250 ")
    assert mailroom.envelopes[0].recipients == (address,)


def test_the_null_sender_is_an_empty_name(listener: Running, mailroom: Mailroom) -> None:
    with listener.raw("LHLO x", "MAIL FROM:<>", *IN_DATA[2:]) as client:
        client.send(LETTER + b".\r\n")
        assert client.reply().startswith("250 ")
    assert mailroom.envelopes[0].sender == ""


BROKEN = [
    b"RCPT TO:<arende@example.se>", b"DATA", b"MAIL FROM:<a@b", b"MAIL TO:<a@b>", b"MAIL",
    b"MAIL FROM:<a b@c>", b"MAIL FROM:<a@b> SIZE=many", b"MAIL FROM:<a@b> SIZE=\xc2\xb2",
    b"MAIL FROM:<a@b> SMELL=bad", b"MAIL FROM:<\xff@b>", b"MAIL FROM:<a\x00@b>",
    b"MAIL FROM:<a\xc2\x85b@c>", b"EHLO", b"LHLO", b"SING", b"", b"\xff", b"AUTH PLAIN AGEAYg==",
    b"STARTTLS", b"NOOP " + b"x" * 5000, b"NOOP " + b"x" * 500_000,
]  # fmt: skip


@pytest.mark.parametrize("command", BROKEN, ids=range(len(BROKEN)))
def test_broken_grammar_is_permanent_and_ends_nothing(command: bytes, listener: Running) -> None:
    with listener.raw("EHLO x") as client:
        client.send(command + b"\r\n")
        assert client.reply().startswith("5")
        assert client.ask("NOOP") == "250 2.0.0 OK"


def test_commands_and_letters_may_come_in_one_piece(listener: Running, mailroom: Mailroom) -> None:
    one = b"MAIL FROM:<a@example.org>\r\nRCPT TO:<arende@example.se>\r\nDATA\r\n"
    with listener.raw("LHLO x") as client:
        client.send(one + b"One\r\n.\r\n" + one + b"..Two\r\n.\r\nRSET\r\n" + one + b".\r\nQUIT\r\n")
        codes = [client.reply()[:3] for _ in range(14)]
        assert client.file.read() == b""
    assert codes == ["250", "250", "354", "250"] * 2 + ["250"] + ["250", "250", "354", "250"] + ["221"]
    assert mailroom.letters == [b"One\r\n", b".Two\r\n", b""]


def test_rset_forgets_sender_and_recipients(listener: Running, mailroom: Mailroom) -> None:
    with listener.raw("EHLO x", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{OURS}>", "RSET") as client:
        assert client.ask("DATA").startswith("503 ")
        assert client.ask("MAIL FROM:<b@example.org>").startswith("250 ")
        client.ask("RCPT TO:<syd@example.se>")
        client.ask("DATA")
        client.send(LETTER + b".\r\n")
        client.reply()
    assert mailroom.envelopes == [Envelope("b@example.org", ("syd@example.se",), "127.0.0.1", "smtp")]


def test_twenty_senders_at_once_are_all_heard(listener: Running, mailroom: Mailroom) -> None:
    letters = [b"%d\r\n" % number + b"x" * 300_000 + b"\r\n" for number in range(20)]
    with ThreadPoolExecutor(20) as senders:
        replies = list(senders.map(lambda letter: send(listener, letter)[0], letters))
    assert replies == [250] * 20
    assert sorted(mailroom.letters) == sorted(letters)


def test_one_connection_too_many_is_sent_away_for_now(start: Callable[..., Running]) -> None:
    listener = start(connections=1)
    with listener.raw("EHLO x") as first:
        with listener.raw() as second:
            assert second.reply().startswith("421 4.3.2 ")
        assert first.ask("NOOP") == "250 2.0.0 OK"


def test_one_recipient_too_many_is_for_the_next_letter(start: Callable[..., Running]) -> None:
    with start(recipients=1).raw(*IN_DATA[:3]) as client:
        assert client.ask("RCPT TO:<syd@example.se>").startswith("452 4.5.3 ")


@pytest.mark.parametrize("commands", [(), IN_DATA[:1], IN_DATA], ids=["silent", "greeted", "in a letter"])
def test_a_silent_sender_is_told_and_left(
    commands: tuple[str, ...], start: Callable[..., Running], mailroom: Mailroom
) -> None:
    with start(silence_seconds=0.2).raw() as client:
        client.send("".join(f"{command}\r\n" for command in commands).encode())
        assert client.file.read().splitlines()[-1].startswith(b"421 4.4.2 ")
    assert mailroom.letters == []


def test_a_letter_that_never_ends_is_left(start: Callable[..., Running], mailroom: Mailroom) -> None:
    endless = itertools.repeat(b"x" * 100_000)
    with start(letter_seconds=0.01).raw(*IN_DATA) as client, pytest.raises(ConnectionError):
        deque(map(client.send, endless), maxlen=0)
    assert mailroom.letters == []


def test_half_a_letter_is_no_letter(listener: Running, mailroom: Mailroom) -> None:
    with listener.raw(*IN_DATA) as client:
        client.send(b"Half\r\n" + b"x" * 500_000)
        client.socket.shutdown(socket.SHUT_WR)
        assert client.file.read() == b""
    listener.stop()
    assert mailroom.letters == []


def test_stopping_finishes_the_letter_in_hand(listener: Running, mailroom: Mailroom) -> None:
    with listener.raw("EHLO x") as idle, listener.raw(*IN_DATA) as busy:
        busy.send(b"First half, ")
        listener.ask_to_stop()
        assert idle.reply().startswith("421 4.3.2 ")
        busy.send(b"second half\r\n.\r\n")
        assert [busy.reply()[:3], busy.reply()[:3]] == ["250", "421"]
    listener.stop()
    assert listener.is_finished
    assert mailroom.letters == [b"First half, second half\r\n"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", listener.port))


def test_stopping_waits_for_a_letter_whose_sender_is_gone(start: Callable[..., Running]) -> None:
    has_begun, is_free = threading.Event(), threading.Event()
    stored: list[bytes] = []

    def receive(raw: BinaryIO, _envelope: Envelope) -> None:
        has_begun.set()
        is_free.wait(30)
        stored.append(raw.read())

    listener = start(receive)
    with listener.raw(*IN_DATA) as client:
        client.send(LETTER + b".\r\n")
        assert has_begun.wait(30)
    listener.ask_to_stop()
    is_free.set()
    listener.stop()
    assert listener.is_finished
    assert stored == [LETTER]


def test_stopping_waits_for_nobody_for_ever(start: Callable[..., Running]) -> None:
    has_begun, is_free = threading.Event(), threading.Event()

    def hang(_raw: BinaryIO, _envelope: Envelope) -> None:
        has_begun.set()
        is_free.wait(30)

    listener = start(hang, stop_seconds=0.01)
    with listener.raw(*IN_DATA) as client:
        client.send(LETTER + b".\r\n")
        assert has_begun.wait(30)
        listener.stop()
    assert not listener.is_finished
    is_free.set()


PROGRAM = """
import asyncio, dataclasses, sys
from flask import Flask
from config.settings import Settings
from intake.storage import FolderStorage
from workers.mailbox import Listener, serve
import logging; logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
app = Flask("mailbox")
settings = Settings.from_mapping({"INTAKE_VAR": sys.argv[1]})
app.extensions["settings"] = dataclasses.replace(settings, mail_port=0)
app.extensions["storage"] = FolderStorage(settings.var / "files", low_disk_bytes=0)
is_finished = asyncio.run(serve(Listener(app, receive=lambda raw, envelope: None)))
sys.exit(0 if is_finished else 3)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_stops_the_process_when_the_letter_is_done(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listener:
        assert listener.stdout
        port = int(listener.stdout.readline().rsplit(maxsplit=1)[-1])
        with raw(port, "EHLO x", *IN_DATA[1:]) as client:
            listener.send_signal(number)
            client.send(LETTER + b".\r\n")
            assert [client.reply()[:3], client.reply()[:3]] == ["250", "421"]
        assert listener.wait(30) == 0


def test_the_log_knows_sizes_but_no_people(
    listener: Running, mailroom: Mailroom, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    send(
        listener,
        b"Subject: kanariefagel\r\n\r\n" + LETTER,
        "kanariefagel@example.org",
        "kanariefagel@example.se",
    )
    with listener.raw("EHLO kanariefagel", "KANARIEFAGEL", "VRFY kanariefagel", "MAIL FROM:<kanariefagel"):
        pass
    assert "bytes, 1 recipients, 250 2.0.0" in caplog.text
    assert "kanariefagel" not in caplog.text.lower()
