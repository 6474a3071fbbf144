"""What Outlook saves and packs, .msg and winmail.dat, is read like any other letter."""

import base64
from datetime import UTC, datetime

import compressed_rtf
import pytest

from intake.errors import LetterUnreadable
from intake.letters import best_effort
from tests.letters.outlook_files import (
    attached,
    compound,
    mapi_block,
    message,
    tnef,
    tnef_file,
)

SAID = {
    0x0037: "Stulen cykel – Malmö", 0x0042: "Kåre Öberg", 0x5D02: "kare@example.com",
    0x1000: "Hej på er!\r\n",
    0x1035: "<1@example.com>", 0x1042: "<0@example.se>", 0x1039: "<a@example.se> <0@example.se>",
    0x0039: datetime(2026, 3, 3, 13, 5, tzinfo=UTC),
}  # fmt: skip
FILE = {
    0x3707: "En bild på cykeln.jpg",
    0x3704: "ENBILD~1.JPG",
    0x3701: bytes(range(256)) * 40,
    0x370E: "image/jpeg",
}
IMESSAGE = bytes.fromhex("0703020000000000c000000000000046")


def person(kind: int, name: str, address: str) -> dict:
    return attached({0x0C15: kind, 0x3001: name, 0x39FE: address})


def mail_with(data: bytes, name: str, kind: str = "application/octet-stream", text: bytes = b"Hej") -> bytes:
    head = f'Content-Type: {kind}; name="{name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n'.encode()
    return (
        b"From: a@b.se\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + text
        + b"\r\n--b\r\n" + head + base64.encodebytes(data) + b"--b--\r\n"
    )  # fmt: skip


def test_a_saved_msg_is_a_letter_like_any_other(read):
    people = [
        person(1, "Polisen", "syd@example.se"),
        person(2, "Bo", "bo@example.se"),
        person(3, "X", "x@y.se"),
    ]
    letter = read(compound(message(SAID, [attached(FILE)], people)))
    assert (letter.sender_name, letter.sender_email) == ("Kåre Öberg", "kare@example.com")
    assert (letter.subject, letter.text) == ("Stulen cykel – Malmö", "Hej på er!\n")
    assert (letter.to, letter.cc) == (("syd@example.se",), ("bo@example.se",))
    assert (letter.message_id, letter.in_reply_to) == ("<1@example.com>", "<0@example.se>")
    assert letter.references == ("<a@example.se>", "<0@example.se>")
    assert letter.date == datetime(2026, 3, 3, 13, 5, tzinfo=UTC)
    assert [(part.name, part.declared_type) for part in letter.parts] == [
        ("En bild på cykeln.jpg", "image/jpeg")
    ]
    assert letter.parts[0].file.read_bytes() == FILE[0x3701]
    assert letter.problems == ()


def test_the_headers_a_msg_was_sent_with_go_before_its_properties(read):
    headers = "From: Åsa <asa@example.com>\r\nDate: Mon, 2 Mar 2026 10:00:00 +0100\r\n"
    headers += "Auto-Submitted: auto-replied\r\n"
    letter = read(compound(message(SAID | {0x007D: headers + "Content-Type: text/html\r\n"})))
    assert (letter.sender_name, letter.sender_email) == ("Åsa", "asa@example.com")
    assert letter.date == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert letter.is_automatic
    assert letter.subject == "Stulen cykel – Malmö"


def test_a_msg_with_html_alone_becomes_text(read):
    page = "<p>Kostar 50 €</p>".encode("cp1252")
    letter = read(compound(message({0x0037: "Hej", 0x1013: page, 0x3FDE: 1252})))
    assert (letter.text, letter.has_html) == ("Kostar 50 €\n", True)
    assert [(part.name, part.is_body) for part in letter.parts] == [("brev.html", True)]


def test_a_msg_with_rich_text_alone_becomes_text(read):
    fonts = rb"{\fonttbl{\f0 Arial;}{\f1\fcharset204 Arial;}}"
    rtf = rb"{\rtf1\ansi\ansicpg1252" + fonts + rb"R\'e4v\par \f1\'e8\f0 \u8364?}"
    letter = read(compound(message({0x1009: compressed_rtf.compress(rtf)})))
    assert letter.text == "Räv\nи€\n"
    assert [(part.name, part.declared_type) for part in letter.parts] == [("brev.rtf", "text/rtf")]
    assert letter.parts[0].file.read_bytes() == rtf


def test_html_within_rich_text_is_read_as_html(read):
    rtf = rb"{\rtf1\ansi\fromhtml1 {\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 Hej & h\'e4{\*\htmltag72 </p>}"
    rtf += rb"\htmlrtf\par}"
    rtf += rb"\htmlrtf0 {\*\htmltag64 <a href='https://b.se'>}sidan{\*\htmltag72 </a>}{\*\mhtmltag84 <a>}}"
    letter = read(compound(message({0x1009: compressed_rtf.compress(rtf)})))
    assert letter.text == "Hej & hä\n\nsidan <https://b.se>\n"


def test_a_letter_within_a_msg_is_shown_as_text_with_its_files(read):
    inner = message({0x0037: "Det gamla", 0x1000: "Hej igen", 0x0042: "Bo"}, [attached(FILE)], head=24)
    letter = read(compound(message(SAID, [attached({0x3001: "Det gamla"}, inner)])))
    assert [(part.path, part.name) for part in letter.parts] == [
        ("1", "Det gamla.txt"),
        ("1~1", "En bild på cykeln.jpg"),
    ]
    assert 'Från: "Bo"\nÄmne: Det gamla\n\nHej igen' in letter.parts[0].file.read_text()


def test_an_attached_msg_is_kept_and_its_files_are_listed(read):
    raw = compound(message(SAID, [attached(FILE)]))
    letter = read(mail_with(raw, "brev.msg"))
    assert letter.text == "Hej"
    assert [(part.path, part.name) for part in letter.parts] == [
        ("2", "brev.msg"),
        ("2~0-text", "Stulen cykel – Malmö.txt"),
        ("2~1", "En bild på cykeln.jpg"),
    ]
    assert letter.parts[0].file.read_bytes() == raw


def test_a_report_that_was_saved_is_automatic(read):
    assert read(compound(message(SAID | {0x001A: "REPORT.IPM.Note.NDR"}))).is_automatic


@pytest.mark.parametrize("cut", [8, 511, 512, 600, 2000, 5000])
def test_a_msg_that_breaks_off_is_kept_and_the_letter_read(read, cut):
    raw = compound(message(SAID, [attached(FILE)]))[:cut]
    letter = read(mail_with(raw, "brev.msg"))
    assert (letter.text, letter.parts[0].file.read_bytes()) == ("Hej", raw)
    assert any("del 2 är skadad" in problem for problem in letter.problems)


def test_another_document_of_offices_is_no_letter(read, tmp_path):
    with pytest.raises(LetterUnreadable):
        read(compound({"WordDocument": b"text"}))
    assert best_effort(tmp_path / "raw.eml").subject == ""


def test_a_document_of_offices_that_is_attached_is_a_file(read):
    letter = read(mail_with(compound({"WordDocument": b"text"}), "brev.doc"))
    assert ([part.name for part in letter.parts], letter.problems) == (["brev.doc"], ())


def test_winmail_dat_is_kept_and_unpacked_to_the_last_byte(read):
    data = b"\x89PNG" + bytes(1000)
    letter = read(mail_with(tnef(*tnef_file("sjö.png", data)), "winmail.dat", "application/ms-tnef"))
    assert [(part.path, part.name) for part in letter.parts] == [("2", "winmail.dat"), ("2~1", "sjö.png")]
    assert letter.parts[1].file.read_bytes() == data
    assert letter.problems == ("del 2 är winmail.dat från Outlook; filerna är uppackade här under",)


def test_winmail_dat_is_known_by_its_first_bytes_under_another_name(read):
    letter = read(mail_with(tnef(*tnef_file("a.txt", b"hej")), "ATT0001.bin"))
    assert [part.name for part in letter.parts] == ["ATT0001.bin", "a.txt"]


def test_a_long_file_name_goes_before_the_short_one(read):
    name = mapi_block((0x1F, 0x3707, "Räv & björn.txt\0".encode("utf-16-le")))
    letter = read(mail_with(tnef(*tnef_file("RV&BJ~1.TXT", b"hej"), (2, 0x9005, name)), "winmail.dat"))
    assert letter.parts[1].name == "Räv & björn.txt"


def test_the_words_of_a_winmail_dat_are_the_letters_when_it_has_no_others(read):
    block = mapi_block((0x1E, 0x1000, "Hej från Malmö\0".encode("cp1252")))
    raw = tnef((1, 0x9007, (1252).to_bytes(8, "little")), (1, 0x9003, block))
    assert read(mail_with(raw, "winmail.dat", text=b"")).text == "Hej från Malmö"
    letter = read(mail_with(raw, "winmail.dat", text=b"Se bilagan"))
    assert (letter.text, [part.name for part in letter.parts]) == ("Se bilagan", ["winmail.dat", "brev.txt"])


def test_rich_text_in_a_winmail_dat_is_a_file_beside_the_text(read):
    packed = compressed_rtf.compress(rb"{\rtf1\ansi Hej \b du\b0 !}")
    raw = tnef((1, 0x9003, mapi_block((0x102, 0x1009, packed))))
    letter = read(mail_with(raw, "winmail.dat", text=b""))
    assert (letter.text, letter.parts[1].name) == ("Hej du!\n", "brev.rtf")
    assert not letter.parts[1].is_body


def test_a_letter_within_a_winmail_dat_is_kept_and_unpacked(read):
    inner = tnef((1, 0x8004, b"Det gamla\0"), *tnef_file("b.txt", b"hej"))
    block = mapi_block((0x0D, 0x3701, IMESSAGE + inner))
    raw = tnef((2, 0x9002, bytes(14)), (2, 0x8010, b"Det gamla\0"), (2, 0x800F, b"icon"), (2, 0x9005, block))
    letter = read(mail_with(raw, "winmail.dat"))
    assert [(part.path, part.name) for part in letter.parts[1:]] == [
        ("2~1", "Det gamla"),
        ("2~1~0-text", "Det gamla.txt"),
        ("2~1~1", "b.txt"),
    ]
    assert letter.parts[1].file.read_bytes() == inner


@pytest.mark.parametrize("length", range(0, 200, 7))
def test_a_winmail_dat_that_breaks_off_gives_what_it_can(read, length):
    raw = tnef(*tnef_file("a.txt", b"hej" * 30), *tnef_file("b.txt", b"du" * 30))[:length]
    letter = read(mail_with(raw, "winmail.dat"))
    assert (letter.text, letter.parts[0].file.read_bytes()) == ("Hej", raw)
    assert any("winmail.dat" in problem for problem in letter.problems)


def test_numbers_that_lie_cost_a_winmail_dat_nothing(read):
    many = (1).to_bytes(4, "little") + b"\x02\x10\x01\x30" + b"\xff" * 4
    raw = tnef((1, 0x9003, many), (1, 0x9003, b"\xff" * 4 + bytes(400)), *tnef_file("a.txt", b"hej"))
    letter = read(mail_with(raw, "winmail.dat"))
    assert letter.parts[1].name == "a.txt"
    assert "skadad" in letter.problems[0]
