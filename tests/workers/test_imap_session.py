"""How one signs in: who the server is is checked first, and no secret leaves by an open line or a log."""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
import threading

import pytest

from tests import dovecot as server
from workers import imap_session
from workers.imap_session import MailboxAway, Session


@pytest.fixture(scope="module")
def dovecot():
    with server.running() as running:
        yield running


def sign_in(mailbox):
    with contextlib.closing(Session(mailbox)) as session:
        return session.look()


def test_tls_with_an_authority_of_ones_own(dovecot):
    mailbox = dovecot.new_mailbox(port=dovecot.tls_port, security="tls", certificate=dovecot.authority)
    assert sign_in(mailbox).next_uid == 1


def test_starttls_with_an_authority_of_ones_own(dovecot):
    mailbox = dovecot.new_mailbox(security="starttls", certificate=dovecot.authority)
    assert sign_in(mailbox).next_uid == 1


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_server_that_nobody_vouches_for_gets_no_password(dovecot, security):
    port = dovecot.tls_port if security == "tls" else dovecot.port
    mailbox = dovecot.new_mailbox(port=port, security=security)
    with pytest.raises(MailboxAway, match="certifikat"):
        sign_in(mailbox)


def test_a_server_without_starttls_gets_no_password():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        heard = []
        thread = threading.Thread(target=talk_without_tls, args=(listening, heard))
        thread.start()
        with server.running() as dovecot, pytest.raises(MailboxAway, match="STARTTLS"):
            sign_in(dovecot.new_mailbox(port=listening.getsockname()[1], security="starttls"))
        thread.join()
    assert not any(b"LOGIN" in line or b"AUTH" in line for line in heard)


def talk_without_tls(listening, heard):
    client, _ = listening.accept()
    with client, client.makefile("rwb", buffering=0) as lines:
        lines.write(b"* OK ready\r\n")
        for line in lines:
            heard.append(line)
            tag = line.split()[0]
            lines.write(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n" + tag + b" OK done\r\n")


@pytest.fixture
def token_command(tmp_path):
    """Write a program that prints a token and notes that it was asked."""

    def token_command(token, ending=""):
        notes = tmp_path / "asked"
        program = f"open({str(notes)!r}, 'a').write('.'); print({token!r}); {ending}"
        return (sys.executable, "-c", program), notes

    return token_command


def test_a_token_is_asked_for_anew_at_each_connection(dovecot, token_command):
    command, notes = token_command(server.TOKEN)
    mailbox = dovecot.new_mailbox(password_file=None, token_command=command)
    sign_in(mailbox)
    sign_in(mailbox)
    assert notes.read_text() == ".."


def test_a_token_that_the_server_refuses_is_a_fault_and_stands_in_no_log(dovecot, token_command, caplog):
    command, _ = token_command("an-old-token")
    with caplog.at_level(logging.DEBUG), pytest.raises(MailboxAway, match="nekades") as refused:
        sign_in(dovecot.new_mailbox(password_file=None, token_command=command))
    assert "an-old-token" not in caplog.text
    assert "an-old-token" not in str(refused.value)


@pytest.mark.parametrize("ending", ["raise SystemExit(1)", "input()", "while True: pass"])
def test_a_token_command_that_fails_or_hangs_is_a_fault(dovecot, token_command, monkeypatch, ending):
    monkeypatch.setattr(imap_session, "TOKEN_SECONDS", 1)
    command, _ = token_command(server.TOKEN, f"\n{ending}")
    with pytest.raises(MailboxAway, match="token_command"):
        sign_in(dovecot.new_mailbox(password_file=None, token_command=command))


def test_words_of_a_shell_in_a_token_command_are_plain_words(dovecot):
    mailbox = dovecot.new_mailbox(password_file=None, token_command=("/bin/echo", f"{server.TOKEN}; true"))
    with pytest.raises(MailboxAway, match="nekades"):
        sign_in(mailbox)


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"folder": "Finns inte"}, "Mappen Finns inte finns inte"),
        ({"password_file": server.ROOT / "none"}, "Filen med lösenordet"),
        ({"certificate": server.ROOT / "none"}, "Filen certificate"),
    ],
)
def test_what_is_wrong_is_said_in_words(dovecot, values, fault):
    with pytest.raises(MailboxAway, match=fault):
        sign_in(dovecot.new_mailbox(**values))
