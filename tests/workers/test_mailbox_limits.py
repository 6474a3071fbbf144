"""How much, how long and how many: nobody holds the listener for ever."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from ipaddress import ip_network

import pytest
from flask import Flask

from tests.listening import IN_DATA, LETTER, SENDER, Mailroom, Running, send


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


def test_storing_that_hangs_is_answered_all_the_same(start: Callable[..., Running]) -> None:
    is_free = threading.Event()
    listener = start(lambda _raw, _envelope: is_free.wait(30), store_seconds=0.05, stored_at_once=1)
    try:
        assert [send(listener, LETTER)[0], send(listener, LETTER)[0]] == [451, 451]
    finally:
        is_free.set()


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


def test_no_network_holds_all_connections(start: Callable[..., Running]) -> None:
    listener = start(are_strangers=True, connections_of_one=2)
    with listener.raw("EHLO x"), listener.raw("EHLO x") as second:
        with listener.raw() as third:
            assert third.file.read().startswith(b"421 4.7.0 ")
        assert second.ask("NOOP") == "250 2.0.0 OK"


def test_strangers_hold_their_share_and_no_more(start: Callable[..., Running]) -> None:
    listener = start(are_strangers=True, connections_of_strangers=1)
    for _ in range(3):
        with listener.raw("EHLO x") as first:
            for _ in range(3):
                with listener.raw() as second:
                    assert second.file.read().startswith(b"421 4.3.2 ")
            assert first.ask("NOOP") == "250 2.0.0 OK"
            first.ask("QUIT")
            assert first.file.read() == b""


def test_a_connection_that_is_gone_makes_room_for_the_next(start: Callable[..., Running]) -> None:
    listener = start(are_strangers=True, connections_of_one=1)
    for _ in range(5):
        with listener.raw("EHLO x") as client:
            assert client.ask("QUIT").startswith("221 ")
            assert client.file.read() == b""


def test_relays_of_ours_have_as_many_connections_as_they_need(
    app: Flask, start: Callable[..., Running]
) -> None:
    relays = (ip_network("127.0.0.0/30"),)
    app.extensions["settings"] = replace(app.extensions["settings"], mail_trusted_relays=relays)
    listener = start(are_strangers=True, connections_of_one=1)
    with listener.raw("EHLO x"), listener.raw("EHLO x") as second:
        assert second.ask("NOOP") == "250 2.0.0 OK"


@pytest.mark.parametrize("commands", [(), IN_DATA[:2]], ids=["greeted", "before a letter"])
def test_a_session_that_lasts_too_long_is_ended(
    commands: tuple[str, ...], start: Callable[..., Running]
) -> None:
    with start(session_seconds=0.1).raw() as client:
        client.send("".join(f"{command}\r\n" for command in commands).encode())
        assert client.file.read().splitlines()[-1].startswith(b"421 4.3.2 ")


def test_the_end_of_a_session_waits_for_the_letter_in_hand(
    start: Callable[..., Running], mailroom: Mailroom
) -> None:
    is_over = threading.Event()
    listener = start(lambda raw, envelope: is_over.wait(30) and mailroom(raw, envelope), session_seconds=1)
    with listener.raw() as client, listener.raw() as later:
        client.send("".join(f"{command}\r\n" for command in IN_DATA).encode() + LETTER + b".\r\n")
        assert later.file.read().splitlines()[-1].startswith(b"421 4.3.2 ")
        is_over.set()
        assert [line[:3] for line in client.file.read().splitlines()][-3:] == [b"354", b"250", b"421"]
    assert mailroom.letters == [LETTER]


@pytest.mark.parametrize("command", ["SING", "MAIL", "DATA", "RCPT TO:<a@example.se>", "x" * 5000, ""])
def test_too_many_bad_commands_in_a_row_end_the_connection(
    command: str, start: Callable[..., Running]
) -> None:
    with start(errors=3).raw("EHLO x") as client:
        assert [client.ask(command)[:1] for _ in range(3)] == ["5", "5", "5"]
        assert client.reply().startswith("421 4.7.0 ")
        assert client.file.read() == b""


def test_errors_between_commands_that_are_right_are_forgiven(start: Callable[..., Running]) -> None:
    with start(errors=2).raw("EHLO x") as client:
        for _ in range(5):
            assert client.ask("SING").startswith("500 ")
            assert client.ask("NOOP") == "250 2.0.0 OK"


def test_refused_recipients_are_no_errors(start: Callable[..., Running]) -> None:
    with start(errors=2).raw(*IN_DATA[:2]) as client:
        assert [client.ask("RCPT TO:<a@example.org>")[:3] for _ in range(50)] == ["550"] * 50
        assert client.ask(IN_DATA[2]).startswith("250 ")


@pytest.mark.parametrize("command", ["NOOP", "RSET", "VRFY x", "HELP", "EHLO x", "LHLO x"])
def test_nobody_chats_for_ever_without_a_letter(command: str, start: Callable[..., Running]) -> None:
    with start(idle_commands=5).raw("EHLO x") as client:
        client.send(f"{command}\r\n".encode() * 100)
        assert [client.reply()[:3] for _ in range(5)][-1] == "421"
        assert client.file.read() == b""


def test_each_letter_gives_room_for_more_commands(start: Callable[..., Running], mailroom: Mailroom) -> None:
    with start(idle_commands=3).raw("LHLO x") as client:
        for _ in range(5):
            assert [client.ask("NOOP")[:3], client.ask("RSET")[:3]] == ["250", "250"]
            for command in IN_DATA[1:]:
                client.ask(command)
            client.send(LETTER + b".\r\n")
            assert client.reply().startswith("250 ")
    assert mailroom.letters == [LETTER] * 5


@pytest.mark.parametrize("command", ["BDAT 5 LAST", "GET / HTTP/1.1", "POST /skriv HTTP/1.1"])
def test_what_announces_bytes_that_are_no_commands_ends_the_connection(
    command: str, listener: Running, mailroom: Mailroom
) -> None:
    with listener.raw("EHLO x") as client:
        client.send(f"{command}\r\n".encode() + "\r\n".join(IN_DATA).encode() + b"\r\nx\r\n.\r\n")
        assert client.reply().startswith("421 4.7.0 ")
        assert client.file.read() == b""
    assert mailroom.letters == []


@pytest.mark.parametrize("commands", [IN_DATA[:1], IN_DATA], ids=["in a command", "in a letter"])
def test_bytes_that_trickle_in_are_no_sign_of_life(
    commands: tuple[str, ...], start: Callable[..., Running], mailroom: Mailroom
) -> None:
    begun = "".join(f"{command}\r\n" for command in commands).encode()
    with start(silence_seconds=0.1).raw() as client, pytest.raises(ConnectionError):
        deque(map(client.send, itertools.chain([begun], itertools.repeat(b"N"))), maxlen=0)
    assert mailroom.letters == []
