"""``intake parse-mail`` tells what a letter holds, one object a line, whatever the letter is."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

INTAKE = Path(sys.executable).with_name("intake")
KEYS = [
    "from", "from_name", "to", "cc", "date", "subject", "text", "html_present", "message_id", "in_reply_to",
    "references", "automatic", "attachments", "problems",
]  # fmt: skip
PDF = b"Content-Type: application/pdf; name=a.pdf\r\n\r\n%PDF\r\n"
RAW = (
    "From: Åsa <asa@example.com>\r\nTo: syd@example.se, b@c.se\r\nCc: d@e.se\r\nSubject: Hjälp\r\n"
    "Date: Tue, 3 Mar 2026 14:05:00 +0100\r\nMessage-ID: <1@b.se>\r\nReferences: <a@b> <c@d>\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHej på dig\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n"
).encode() + PDF + b"--c--\r\n--b--\r\n"  # fmt: skip


@pytest.fixture
def parse_mail(tmp_path):
    """Run the command where nothing is set and nothing runs."""

    def _parse_mail(*files) -> tuple[int, list[dict], str]:
        words = [INTAKE, "parse-mail", *map(str, files)]
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        done = subprocess.run(words, capture_output=True, cwd=tmp_path, env=environment, check=False)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()

    return _parse_mail


def test_a_letter_is_one_object_with_exactly_these_keys(parse_mail, tmp_path):
    file = tmp_path / "brev.eml"
    file.write_bytes(RAW)
    code, [found], words = parse_mail(file)
    assert (code, words, list(found)) == (0, "", KEYS)
    assert (found["from"], found["from_name"], found["subject"]) == ("asa@example.com", "Åsa", "Hjälp")
    assert (found["to"], found["cc"]) == (["syd@example.se", "b@c.se"], ["d@e.se"])
    assert (found["date"], found["text"]) == ("2026-03-03T13:05:00+00:00", "Hej på dig")
    assert (found["message_id"], found["references"]) == ("<1@b.se>", ["<a@b>", "<c@d>"])
    assert (found["automatic"], found["html_present"], found["in_reply_to"]) == (False, False, None)
    pdf = {"name": "a.pdf", "type": "application/pdf", "size": 4, "inline": False}
    assert found["attachments"][0]["type"] == "message/rfc822"
    assert found["attachments"][1:] == [pdf | {"sha256": hashlib.sha256(b"%PDF").hexdigest()}]


def test_letters_come_in_the_order_of_their_files(parse_mail, tmp_path):
    files = [tmp_path / f"{number}.eml" for number in range(5)]
    for number, file in enumerate(files):
        file.write_bytes(b"Subject: %d\r\n\r\nHej" % number)
    assert [found["subject"] for found in parse_mail(*files)[1]] == ["0", "1", "2", "3", "4"]


def test_a_letter_that_cannot_be_parsed_is_an_object_with_itself_as_file(parse_mail, tmp_path):
    file = tmp_path / "brev.eml"
    raw = b"From: a@b.se\r\nSubject: Hej\r\nX: " + b"y" * 40_000 + b"\r\n\r\nHej"
    file.write_bytes(raw)
    code, [found], words = parse_mail(file)
    assert (code, words, found["from"], found["subject"]) == (0, "", "a@b.se", "Hej")
    assert found["problems"][0] == "kunde inte tolkas helt"
    digests = [(part["size"], part["sha256"]) for part in found["attachments"]]
    assert digests == [(len(raw), hashlib.sha256(raw).hexdigest())]


def test_a_file_that_is_missing_is_told_and_the_others_are_read(parse_mail, tmp_path):
    file = tmp_path / "brev.eml"
    file.write_bytes(b"Subject: A\r\n\r\nHej")
    code, found, words = parse_mail(tmp_path / "borta.eml", file, tmp_path)
    assert (code, [letter["subject"] for letter in found]) == (1, ["A"])
    assert words.count("cannot be read") == 2
    assert "Traceback" not in words


def test_an_empty_file_is_a_letter_without_anything(parse_mail, tmp_path):
    file = tmp_path / "brev.eml"
    file.touch()
    code, [found], _ = parse_mail(file)
    assert (code, found["text"], found["attachments"]) == (0, "", [])
