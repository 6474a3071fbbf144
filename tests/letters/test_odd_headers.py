"""Headers as sloppy programs write them are read as they were meant."""

from email.message import EmailMessage

import pytest

from intake.letters.dates import date_of

TEXT = b"\r\n\r\nHej"


@pytest.mark.parametrize(
    "written",
    [
        "Tue, 3 Mar 2026 14:05:00 +0100",
        "Tue, 3 Mar 2026 14:05:00 +01:00",
        "Tue, 3 Mar 2026 14:05:00 GMT+01:00",
        "Tue, 3 Mar 2026 14(om en kvart)  :  05 : 00 +0100 (CET)",
        "Tue, 3 Mar 126 14:05:00 +0100",
        "2026-03-03T14:05:00+01:00",
        "2026-03-03 13:05:00",
        "=?utf-8?Q?Tue,_3_Mar_2026_14:05:00_+0100?=",
        "3 Mar 26 08:05 EST",
    ],
)
def test_a_date_is_read_however_it_is_written(written):
    found = date_of(written.encode())
    assert found is not None
    assert found.isoformat() == "2026-03-03T13:05:00+00:00"


@pytest.mark.parametrize(
    "written", ["", "i går", "Tue, 31 Feb 2026 14:05:00 +0100", "2026", "\xff", "9" * 200]
)
def test_what_is_no_date_is_none(written):
    assert date_of(written.encode("latin-1")) is None


def test_raw_headers_are_read_by_the_charset_of_the_text(read):
    head = "From: Иван <i@r.example>\r\nSubject: Привет\r\n".encode("koi8-r")
    plain = b"Content-Type: text/plain; charset=koi8-r\r\n\r\n" + "Привет".encode("koi8-r")
    within = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + plain + b"\r\n--b--\r\n"
    for rest in (plain, within):
        letter = read(head + rest)
        assert (letter.sender_name, letter.subject, letter.text) == ("Иван", "Привет", "Привет")
    assert read("Subject: på\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\n".encode()).subject == "på"


def test_raw_headers_are_never_read_as_utf_16(read):
    head = "Subject: Räksmörgås\r\nContent-Type: text/plain; charset=utf-16".encode("latin-1")
    assert read(head + TEXT).subject == "Räksmörgås"


def test_raw_japanese_headers_are_read(read):
    head = "From: 日本 <a@b.example>\r\nSubject: 日本\r\n\r\n日本".encode("iso-2022-jp")
    letter = read(head)
    assert (letter.sender_name, letter.subject, letter.text) == ("日本", "日本", "日本")


def test_raw_letters_in_an_encoded_word_are_in_its_charset(read):
    head = (
        b"Subject: =?koi8-r?Q?" + "Привет".encode("koi8-r") + b"?=\r\nContent-Type: text/plain; charset=big5"
    )
    assert read(head + TEXT).subject == "Привет"


def test_a_subject_too_long_to_show_is_cut_and_that_is_said(read):
    letter = read(b"Subject: " + b"mycket " * 1000 + TEXT)
    assert (len(letter.subject), letter.problems[0][:20]) == (1000, "ämnet är längre än 1")


def test_message_ids_are_whole_where_they_were_folded_and_known_without_brackets(read):
    letter = read(
        b"Message-ID: <ett\r\n tv\x61@b.se>\r\nIn-Reply-To: noll@b.se\r\nReferences: a@b.se, c@d.se" + TEXT
    )
    assert (letter.message_id, letter.in_reply_to) == ("<etttva@b.se>", "<noll@b.se>")
    assert letter.references == ("<a@b.se>", "<c@d.se>")
    assert read(b"Message-ID: <>\r\nIn-Reply-To: Ditt brev av i dag" + TEXT).in_reply_to is None


def test_a_sender_without_an_address_keeps_the_name(read):
    letter = read(b"From: MAILER DAEMON <>" + TEXT)
    assert (letter.sender_name, letter.sender_email) == ("MAILER DAEMON", None)


@pytest.mark.parametrize(
    ("content_type", "wanted"),
    [
        ("text/plain; charset=koi8-r (ryska)", "Привет"),
        ("text/plain charset=koi8-r", "Привет"),
        ("text/plain; charset=koi8-r format=flowed", "Привет"),
        ("text/plain; charset*=us-ascii'ru'koi8-r", "Привет"),
    ],
)
def test_a_charset_is_found_however_its_header_is_written(read, content_type, wanted):
    head = b"Content-Type: " + content_type.encode() + b"\r\n\r\n"
    assert read(head + "Привет".encode("koi8-r")).text == wanted


@pytest.mark.parametrize(
    "parameter", ["; boundary=b (gr\xe4ns)", " boundary=b", "; BOUNDARY = b", ';boundary="b" ;']
)
def test_a_boundary_is_found_however_its_header_is_written(read, parameter):
    head = b"Content-Type: multipart/mixed" + parameter.encode("latin-1")
    letter = read(head + b"\r\n\r\n--b\r\n\r\nHej\r\n--b--\r\n")
    assert (letter.text, letter.problems) == ("Hej", ())


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Disposition: attachment filename=karta.png",
        b"Content-Disposition: filename=karta.png",
        b"Content-Disposition: attachment; name=karta.png",
        b"Content-Type: image/png; filename=karta.png",
        b'Content-Disposition: =?utf-8?Q?attachment;_filename=3D"karta.png"?=',
        b"Content-Description: karta.png",
        b"Content-Location: https://example.com/x/karta.png?a=b",
        b"Content-ID: <karta.png@01DC0000.ABCD>",
    ],
)
def test_a_file_has_the_name_that_stands_somewhere(read, headers):
    kind = b"" if headers.startswith(b"Content-Type") else b"Content-Type: image/png\r\n"
    assert [part.name for part in read(kind + headers + TEXT).parts] == ["karta.png"]


@pytest.mark.parametrize("header", [b"Content-Description: Min bild nr. 2", b"Content-ID: <123.456@b.se>"])
def test_words_that_are_no_name_of_a_file_name_none(read, header):
    assert read(b"Content-Type: image/png\r\n" + header + TEXT).parts[0].name is None


@pytest.mark.parametrize(
    "header", [b"X-Auto-Reply-From: a@b.se", b"X-FC-MachineGenerated: true", b"X-Cron-Env: <SHELL=/bin/sh>"]
)
def test_machines_are_known_by_their_own_headers(read, header):
    assert read(b"From: a@b.se\r\n" + header + TEXT).is_automatic
    assert not read(b"From: a@b.se\r\nX-FC-MachineGenerated: false" + TEXT).is_automatic


def test_a_year_in_which_no_letter_is_sent_is_no_date(read):
    assert read(b"Date: Fri, 31 Dec 9999 23:59:59 +0000\r\n\r\nHej").date is None


def test_an_identifier_in_encoded_words_is_read(read):
    answer = EmailMessage()
    ours = f"<reply.{'0' * 36}.{'a' * 26}@example.se>"
    answer["In-Reply-To"] = answer["References"] = ours
    answer.set_content("Ja.")
    assert b"=?utf-8?q?" in answer.as_bytes()
    letter = read(answer.as_bytes())
    assert (letter.in_reply_to, letter.references) == (ours, (ours,))
