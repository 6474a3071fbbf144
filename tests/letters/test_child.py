"""A letter that breaks its reader takes only a child process along."""

import os
import signal
from pathlib import Path

import pytest

from intake.errors import LetterUnreadable, StorageError
from intake.letters import child, parse, parse_in_child

MEGABYTE = 1024 * 1024
RAW = (
    "From: Åsa <asa@example.com>\r\nSubject: Hjälp\r\nDate: Tue, 3 Mar 2026 14:05:00 +0100\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHej på dig\r\n"
    "--b\r\nContent-Type: image/png; name=å.png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    "iVBORw0KGgo=\r\n--b--\r\n"
).encode()


@pytest.fixture
def raw(tmp_path):
    file = tmp_path / "raw"
    file.write_bytes(RAW)
    return file


def test_a_letter_comes_back_from_the_child_unchanged(raw, tmp_path):
    letter = parse_in_child(raw, tmp_path / "parts", seconds=20, memory_bytes=256 * MEGABYTE)
    assert letter == parse(raw, tmp_path / "parts")
    assert letter.parts[0].file.read_bytes() == b"\x89PNG\r\n\x1a\n"


def test_a_letter_nested_two_thousand_deep_is_unreadable(raw, tmp_path):
    level = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n"
    raw.write_bytes(b"".join(level % (number, number) for number in range(2000)))
    with pytest.raises(LetterUnreadable, match="nivåer"):
        parse_in_child(raw, tmp_path / "parts", seconds=20, memory_bytes=256 * MEGABYTE)


def test_a_letter_that_takes_too_long_is_unreadable(raw, tmp_path):
    with pytest.raises(LetterUnreadable, match="lång tid"):
        parse_in_child(raw, tmp_path / "parts", seconds=0, memory_bytes=256 * MEGABYTE)


def test_a_letter_that_takes_too_much_memory_is_unreadable(raw, tmp_path):
    raw.write_bytes(b"Content-Type: text/html\r\n\r\n" + "<p>å€😀".encode() * 400_000)
    with pytest.raises(LetterUnreadable, match="minne"):
        parse_in_child(raw, tmp_path / "parts", seconds=20, memory_bytes=8 * MEGABYTE)


def parse_until_killed(argument):
    """Parse as the reader does, in a child which dies of what lies in the attachments."""
    if argument["opens"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return child.parse_alone(argument)


def test_an_attachment_that_kills_its_reader_does_not_take_the_letter_along(raw, tmp_path, monkeypatch):
    monkeypatch.setattr(child, "_ACT", f"{__name__}:parse_until_killed")
    letter = parse_in_child(raw, tmp_path / "parts", seconds=20, memory_bytes=256 * MEGABYTE)
    assert (letter.subject, letter.text, len(letter.parts)) == ("Hjälp", "Hej på dig", 1)
    assert "inte uppackat" in letter.problems[-1]


def test_a_disk_that_fails_is_not_the_letters_fault(raw, tmp_path):
    (tmp_path / "in the way").write_text("a file where the folder should be")
    with pytest.raises(StorageError):
        parse_in_child(raw, tmp_path / "in the way", seconds=20, memory_bytes=256 * MEGABYTE)


def test_no_child_and_no_pipe_is_left_behind(raw, tmp_path, capfd):
    before = set(Path("/proc/self/fd").iterdir())
    for _ in range(3):
        parse_in_child(raw, tmp_path / "parts", seconds=20, memory_bytes=256 * MEGABYTE)
    assert len(set(Path("/proc/self/fd").iterdir())) == len(before)
    assert capfd.readouterr() == ("", "")
