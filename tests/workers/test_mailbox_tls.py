"""STARTTLS: what was said before it is forgotten, and a broken handshake is one sender's own trouble."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from tests.certificates import trusting_nobody, write_certificate
from tests.listening import IN_DATA, LETTER, OURS, SENDER, Mailroom, Running
from workers.mailbox import Listener


@pytest.fixture
def files(tmp_path: Path, app: Flask) -> tuple[Path, Path]:
    """Write a certificate, and set it for the listener."""
    files = write_certificate(tmp_path)
    settings = replace(app.extensions["settings"], mail_tls_certificate=files[0], mail_tls_key=files[1])
    app.extensions["settings"] = settings
    return files


@pytest.fixture
def listener(files: tuple[Path, Path], start: Callable[..., Running]) -> Running:
    return start()


@pytest.fixture
def context() -> ssl.SSLContext:
    return trusting_nobody()


def test_a_letter_comes_under_tls(listener: Running, mailroom: Mailroom, context: ssl.SSLContext) -> None:
    letter = LETTER + b"x" * 500_000 + b"\r\n"
    with listener.smtp() as client:
        client.starttls(context=context)
        client.ehlo("sender.example.org")
        assert "starttls" not in client.esmtp_features
        assert client.sendmail(SENDER, [OURS], letter) == {}
    assert mailroom.letters == [letter]
    assert mailroom.envelopes[0].trace == {"helo": "sender.example.org", "tls": "TLSv1.3"}


def test_a_letter_by_lmtp_comes_under_tls(
    listener: Running, mailroom: Mailroom, context: ssl.SSLContext
) -> None:
    with listener.raw("LHLO x", "STARTTLS") as plain, plain.under(context) as client:
        for command in IN_DATA:
            client.ask(command)
        client.send(LETTER + b".\r\n")
        assert client.reply().startswith("250 ")
    assert (mailroom.letters, mailroom.envelopes[0].protocol) == ([LETTER], "lmtp")


def test_the_certificate_can_be_checked(listener: Running, files: tuple[Path, Path]) -> None:
    with listener.smtp() as client:
        client.starttls(context=ssl.create_default_context(cafile=str(files[0])))
        assert client.noop()[0] == 250


def test_tls_is_offered_only_with_a_certificate(start: Callable[..., Running], app: Flask) -> None:
    app.extensions["settings"] = replace(
        app.extensions["settings"], mail_tls_certificate=None, mail_tls_key=None
    )
    with start().raw("EHLO x") as client:
        assert client.ask("STARTTLS").startswith("502 ")


def test_what_was_said_before_tls_is_forgotten(listener: Running, context: ssl.SSLContext) -> None:
    with (
        listener.raw("EHLO x", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{OURS}>", "STARTTLS") as plain,
        plain.under(context) as client,
    ):
        assert client.ask(f"RCPT TO:<{OURS}>").startswith("503 ")
        client.ask("EHLO x")
        assert client.ask("DATA").startswith("503 ")
        assert client.ask("STARTTLS").startswith("503 ")


INJECTED = b"EHLO y\r\nMAIL FROM:<evil@example.org>\r\nRCPT TO:<arende@example.se>\r\nDATA\r\n"


@pytest.mark.parametrize("injected", [INJECTED, b"NOOP\r\n", b"N", b"\n"], ids=repr)
def test_nothing_sent_along_with_starttls_is_obeyed(injected: bytes, listener: Running) -> None:
    with listener.raw("EHLO x") as client:
        client.send(b"STARTTLS\r\n" + injected)
        assert client.reply().startswith("421 4.7.0 ")
        assert client.file.read() == b""


def test_what_is_sent_in_the_clear_after_the_answer_breaks_the_handshake(
    listener: Running, mailroom: Mailroom
) -> None:
    with listener.raw("EHLO x", "STARTTLS") as client:
        client.send(INJECTED)
        assert b"250" not in client.file.read()
    listener.stop()
    assert mailroom.envelopes == []


def test_a_broken_handshake_ends_that_connection_alone(listener: Running, context: ssl.SSLContext) -> None:
    with listener.raw("EHLO x") as calm:
        with listener.raw("EHLO x", "STARTTLS") as gone:
            gone.socket.close()
        with listener.raw("EHLO x", "STARTTLS") as broken:
            broken.send(b"no hello at all\r\n" * 10)
            broken.file.read()
        assert calm.ask("STARTTLS").startswith("220 ")
        with calm.under(context) as client:
            assert client.ask("EHLO x").startswith("250 ")
    listener.stop()
    assert listener.is_finished


def test_a_handshake_that_never_comes_is_left(
    files: tuple[Path, Path], start: Callable[..., Running]
) -> None:
    listener = start(handshake_seconds=0.1, connections=1)
    with listener.raw("EHLO x", "STARTTLS") as client:
        assert client.file.read() == b""
    with listener.raw() as next_one:
        assert next_one.reply().startswith("220 ")


def test_stopping_waits_for_no_handshake(listener: Running) -> None:
    with listener.raw("EHLO x", "STARTTLS") as client:
        listener.ask_to_stop()
        client.file.read()
        listener.stop()
    assert listener.is_finished


def test_stopping_finishes_the_letter_that_comes_under_tls(
    listener: Running, mailroom: Mailroom, context: ssl.SSLContext
) -> None:
    with listener.raw("LHLO x", "STARTTLS") as plain, plain.under(context) as client:
        for command in IN_DATA:
            client.ask(command)
        listener.ask_to_stop()
        client.send(LETTER + b".\r\n")
        assert [client.reply()[:3], client.reply()[:3]] == ["250", "421"]
    assert mailroom.letters == [LETTER]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_tls_older_than_1_2_is_refused(listener: Running, context: ssl.SSLContext) -> None:
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with listener.raw("EHLO x", "STARTTLS") as client, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(client.socket)


def shown(listener: Running, context: ssl.SSLContext) -> bytes:
    """Return the certificate that a new connection is shown."""
    with listener.raw("EHLO x", "STARTTLS") as client, context.wrap_socket(client.socket) as under:
        return under.getpeercert(binary_form=True) or b""


def test_a_renewed_certificate_serves_the_next_connection(
    listener: Running, files: tuple[Path, Path], context: ssl.SSLContext
) -> None:
    first = shown(listener, context)
    write_certificate(files[0].parent)
    assert shown(listener, context) != first


@pytest.mark.parametrize("file", [0, 1], ids=["certificate", "key"])
def test_half_a_renewal_leaves_the_certificate_of_before(
    file: int, listener: Running, files: tuple[Path, Path], context: ssl.SSLContext
) -> None:
    first = shown(listener, context)
    files[file].write_text("half")
    assert shown(listener, context) == first
    files[file].unlink()
    assert shown(listener, context) == first


def test_a_certificate_without_its_key_stops_the_start(files: tuple[Path, Path], app: Flask) -> None:
    files[1].write_text("nothing")
    with pytest.raises(ssl.SSLError):
        Listener(app)


def test_smtplib_goes_on_in_the_clear_when_it_must(listener: Running, mailroom: Mailroom) -> None:
    with smtplib.SMTP("127.0.0.1", listener.port, timeout=20) as client:
        client.sendmail(SENDER, [OURS], LETTER)
    assert "tls" not in mailroom.envelopes[0].trace
