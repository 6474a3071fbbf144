"""The listener as a process: it finishes what it has in hand, and stays small."""

from __future__ import annotations

import re
import signal
import smtplib
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from intake.mailroom import Envelope
from tests.listening import IN_DATA, LETTER, OURS, SENDER, Mailroom, Running, raw
from tests.needs import need


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


STORING = PROGRAM.replace(
    "lambda raw, envelope: None",
    "lambda raw, envelope: settings and app.extensions['storage'].put('letter/' + str(uuid.uuid4()), raw)",
).replace("import asyncio,", "import uuid, asyncio,")


def peak_bytes(process: int) -> int:
    """Return the most memory that a process has held."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def test_memory_does_not_grow_with_the_letter(tmp_path: Path) -> None:
    need(Path("/proc/self/status").exists(), "only Linux tells a process's peak of memory")
    letter = b"Subject: en film\r\n\r\n" + (b"x" * 998 + b"\r\n") * (40 * 1024)
    (tmp_path / "files").mkdir()
    command = [sys.executable, "-c", STORING, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listener:
        port = int(listener.stdout.readline().rsplit(maxsplit=1)[-1])
        with smtplib.SMTP("127.0.0.1", port, "x", timeout=60) as client:
            client.sendmail(SENDER, [OURS], LETTER)
            # From here on the peak is counted anew, from what is held now.
            Path(f"/proc/{listener.pid}/clear_refs").write_text("5")
            before = peak_bytes(listener.pid)
            client.sendmail(SENDER, [OURS], letter)
            grown = peak_bytes(listener.pid) - before
        listener.terminate()
        assert listener.wait(30) == 0
    print(f"a letter of {len(letter)} bytes: {grown} bytes more")
    assert max(path.stat().st_size for path in tmp_path.glob("files/letter/**/*")) == len(letter)
    assert grown < 4_000_000
