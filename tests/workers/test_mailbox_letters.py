"""The bytes of a letter: stored as they came, and what never ends one."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.listening import IN_DATA, SENDER, Mailroom, Running, send
from workers.spool import letter_in

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


# All that some server takes for an end of a letter (CVE-2023-51764, -51765, -51766, CVE-2024-27305).
SMUGGLED = [
    b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n", b"\n.\r", b"\r.\n", b"\n\n.\r\n",
    b"\r\r\n.\r", b"\n\r.\r\n", b"\r\n\x00.\r\n", b"\r\n.\x00\r\n", b"\r\x00\n.\r\n", b"\r\n.\r\x00\n",
    b"\n\x00.\n", b"\r\n.\r\r\n", b"\r\n. \r\n", b"\x85.\x85", b"\x0b.\x0b", b"\x0c.\x0c",
]  # fmt: skip


@pytest.mark.parametrize("end", SMUGGLED, ids=repr)
def test_nothing_but_a_dot_between_line_ends_ends_a_letter(
    end: bytes, listener: Running, mailroom: Mailroom
) -> None:
    second = b"MAIL FROM:<b@example.org>\r\nRCPT TO:<arende@example.se>\r\nDATA\r\nSmuggled\r\n"
    for cut in range(len(end) + 1):
        with listener.raw(*IN_DATA) as client:
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.send(b"First" + end[:cut])
            client.send(end[cut:] + second + b".\r\n")
            assert client.reply().startswith("250 ")
            assert client.ask("NOOP") == "250 2.0.0 OK"
    assert set(mailroom.letters) == {(b"First" + end + second).replace(b"\r\n.", b"\r\n")}
    assert {envelope.sender for envelope in mailroom.envelopes} == {SENDER}


async def read(wire: bytes, *, limit: int, in_bytes: bool) -> tuple[bytes, bytes]:
    """Read one letter off a wire; return it and what is left there."""
    reader = asyncio.StreamReader(limit=limit)

    async def feed() -> None:
        for piece in wire if in_bytes else [wire]:
            reader.feed_data(bytes([piece]) if isinstance(piece, int) else piece)
            await asyncio.sleep(0)
        reader.feed_eof()

    feeding = asyncio.create_task(feed())
    letter = b"".join([text async for text in letter_in(reader)])
    await feeding
    return letter, await reader.read()


@pytest.mark.parametrize("in_bytes", [False, True], ids=["in one piece", "in single bytes"])
@pytest.mark.parametrize("limit", [1, 6, 64 * 1024])
def test_every_mixture_of_line_ends_and_dots_is_read_alike(limit: int, in_bytes: bool) -> None:
    async def read_all() -> None:
        for tokens in itertools.product((b"\r", b"\n", b"."), repeat=6):
            wire = b"".join(tokens) + b"\r\n.\r\nNOOP\r\n"
            body, rest = (b"\r\n" + wire).split(b"\r\n.\r\n", 1)
            letter = (body + b"\r\n").replace(b"\r\n.", b"\r\n")[2:]
            assert await read(wire, limit=limit, in_bytes=in_bytes) == (letter, rest), wire

    asyncio.run(read_all())


def test_the_spool_keeps_no_names(tmp_path: Path, start: Callable[..., Running]) -> None:
    seen: list[Path] = []
    listener = start(lambda _raw, _envelope: seen.extend(tmp_path.glob("spool/*")))
    assert send(listener, b"x" * 1_000_000 + b"\r\n")[0] == 250
    assert seen == []
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700


def test_commands_and_letters_may_come_in_one_piece(listener: Running, mailroom: Mailroom) -> None:
    one = b"MAIL FROM:<a@example.org>\r\nRCPT TO:<arende@example.se>\r\nDATA\r\n"
    with listener.raw("LHLO x") as client:
        client.send(one + b"One\r\n.\r\n" + one + b"..Two\r\n.\r\nRSET\r\n" + one + b".\r\nQUIT\r\n")
        codes = [client.reply()[:3] for _ in range(14)]
        assert client.file.read() == b""
    assert codes == ["250", "250", "354", "250"] * 2 + ["250"] + ["250", "250", "354", "250"] + ["221"]
    assert mailroom.letters == [b"One\r\n", b".Two\r\n", b""]


def test_half_a_letter_is_no_letter(listener: Running, mailroom: Mailroom) -> None:
    with listener.raw(*IN_DATA) as client:
        client.send(b"Half\r\n" + b"x" * 500_000)
        client.socket.shutdown(socket.SHUT_WR)
        assert client.file.read() == b""
    listener.stop()
    assert mailroom.letters == []
