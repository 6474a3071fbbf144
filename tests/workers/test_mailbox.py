"""The mail listener over real sockets: what is answered to whom, and what is temporary."""

from __future__ import annotations

import logging
import re
import smtplib
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from intake.errors import FileTooLarge, StorageError, StorageFull
from intake.mailroom import Envelope
from intake.storage import FolderStorage
from tests.listening import IN_DATA, LETTER, OURS, SENDER, Mailroom, Running, send


def test_a_letter_by_smtp_gets_one_reply_for_all(listener: Running, mailroom: Mailroom) -> None:
    with listener.raw(
        "EHLO x", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{OURS}>", "RCPT TO:<syd@example.se>"
    ) as client:
        client.ask("DATA")
        client.send(LETTER + b".\r\n")
        assert client.reply().startswith("250 ")
        assert client.ask("NOOP") == "250 2.0.0 OK"
    assert mailroom.letters == [LETTER]
    assert mailroom.envelopes == [
        Envelope(SENDER, (OURS, "syd@example.se"), "127.0.0.1", "smtp", {"helo": "x"})
    ]


def test_a_letter_by_lmtp_gets_a_reply_for_each_recipient(listener: Running, mailroom: Mailroom) -> None:
    with listener.raw(
        "LHLO x", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{OURS}>", "RCPT TO:<b@example.org>"
    ) as client:
        client.ask("RCPT TO:<syd@example.se>")
        client.ask("DATA")
        client.send(LETTER + b".\r\n")
        assert [client.reply()[:3], client.reply()[:3]] == ["250", "250"]
        assert client.ask("NOOP") == "250 2.0.0 OK"
    assert mailroom.envelopes == [
        Envelope(SENDER, (OURS, "syd@example.se"), "127.0.0.1", "lmtp", {"helo": "x"})
    ]


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


def test_a_disk_under_its_mark_is_temporary(app: Flask, tmp_path: Path, listener: Running) -> None:
    app.extensions["storage"] = FolderStorage(tmp_path / "files", low_disk_bytes=2**60)
    with listener.raw("EHLO x") as client:
        assert client.ask(f"MAIL FROM:<{SENDER}>").startswith("451 4.3.1 ")


def test_a_disk_that_comes_under_its_mark_meanwhile_is_temporary(
    app: Flask, listener: Running, mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [True, True]
    monkeypatch.setattr(app.extensions["storage"], "has_room", lambda *_: bool(answers) and answers.pop())
    with listener.raw(*IN_DATA) as client:
        client.send(b"x" * 5_000_000 + b"\r\nRSET\r\n.\r\n")
        assert client.reply().startswith("451 4.3.1 ")
        assert client.ask("NOOP") == "250 2.0.0 OK"
    assert (mailroom.letters, answers) == ([], [])


def test_a_letter_of_many_pieces_is_stored_whole_while_there_is_room(
    listener: Running, mailroom: Mailroom
) -> None:
    letter = b"x" * 5_000_000 + b"\r\n"
    assert send(listener, letter)[0] == 250
    assert mailroom.letters == [letter]


def test_a_spool_that_cannot_be_written_is_temporary(
    tmp_path: Path, listener: Running, mailroom: Mailroom
) -> None:
    (tmp_path / "spool").rmdir()
    with listener.raw(*IN_DATA) as client:
        client.send(b"x" * 1_000_000 + b"\r\n.\r\n")
        assert client.reply().startswith("451 4.3.0 ")
        assert client.ask("NOOP") == "250 2.0.0 OK"
    assert mailroom.letters == []


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


def test_rset_forgets_sender_and_recipients(listener: Running, mailroom: Mailroom) -> None:
    with listener.raw("EHLO x", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{OURS}>", "RSET") as client:
        assert client.ask("DATA").startswith("503 ")
        assert client.ask("MAIL FROM:<b@example.org>").startswith("250 ")
        client.ask("RCPT TO:<syd@example.se>")
        client.ask("DATA")
        client.send(LETTER + b".\r\n")
        client.reply()
    assert mailroom.envelopes == [
        Envelope("b@example.org", ("syd@example.se",), "127.0.0.1", "smtp", {"helo": "x"})
    ]


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


def test_a_strangers_address_is_not_logged(
    start: Callable[..., Running], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    full = start(are_strangers=True, connections_of_one=1)
    with full.raw("EHLO x"), full.raw() as too_many:
        too_many.file.read()
    send(start(are_strangers=True), LETTER)
    assert "127.0.0.1" not in caplog.text
    named = re.findall(r"stranger [0-9a-f]{8}", caplog.text)
    assert (len(named), len(set(named))) == (2, 1)


def test_a_machine_of_ours_is_logged_by_its_address(
    listener: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    send(listener, LETTER)
    assert "smtp from 127.0.0.1: " in caplog.text


GREETINGS = {
    "mx.example.org": "mx.example.org",
    "a\x00b\x1bc": "a?b?c",
    "ö" * 300: "ö" * 255,
    "[::1]": "[::1]",
}


@pytest.mark.parametrize(("said", "kept"), GREETINGS.items(), ids=range(len(GREETINGS)))
def test_what_the_sender_calls_itself_is_kept_clean(
    said: str, kept: str, listener: Running, mailroom: Mailroom
) -> None:
    with listener.raw(f"EHLO {said}", *IN_DATA[1:]) as client:
        client.send(LETTER + b".\r\n")
        assert client.reply().startswith("250 ")
    assert mailroom.envelopes[0].trace == {"helo": kept}


def test_a_sender_in_other_letters_is_kept_as_written(listener: Running, mailroom: Mailroom) -> None:
    with listener.raw("LHLO x", "MAIL FROM:<åsa@räksmörgås.example> SMTPUTF8", *IN_DATA[2:]) as client:
        client.send(LETTER + b".\r\n")
        assert client.reply().startswith("250 ")
    assert mailroom.envelopes[0].sender == "åsa@räksmörgås.example"
    assert mailroom.envelopes[0].trace == {"helo": "x", "smtputf8": True}
