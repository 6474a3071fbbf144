"""Parts as sloppy programs write them are read as they were meant."""

import base64
import json

from intake.letters import as_json
from tests.letters.test_parse import HEAD, PLAIN, multipart


def test_a_plain_text_of_nothing_but_space_gives_way_to_the_html(read):
    html = b"Content-Type: text/html\r\n\r\n<p>H&auml;r st&aring;r det</p>"
    for blank in (b"quoted-printable\r\n\r\n=20=C2=A0", b"base64\r\n\r\nDQo=\r\n"):
        plain = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: " + blank
        assert read(multipart(b"alternative", plain, html)).text == "Här står det\n"


def test_a_page_that_declares_its_own_charset_is_read_by_it(read):
    for meta in ('<meta charset="koi8-r">', '<meta http-equiv=x content="text/html; charset=koi8-r">'):
        page = f"<html><head>{meta}</head><p>Привет".encode("koi8-r")
        assert read(HEAD + b"Content-Type: text/html\r\n\r\n" + page).text == "Привет\n"
    page = '<meta charset="koi8-r">på'.encode()
    assert read(HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n" + page).text == "på\n"


def test_a_footer_after_base64_without_padding_is_no_part_of_it(read):
    footer = b"SGVq\r\n\r\n-- \r\nEn lista med brev\r\n"
    letter = read(HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + footer)
    assert letter.text == "Hej"
    assert "annan text" in letter.problems[0]


def test_one_damaged_letter_after_a_blank_line_cuts_nothing_off(read):
    data = bytes(range(150))
    body = base64.encodebytes(data).replace(b"\n", b"\n\n").replace(b"VldY", b"Vl\xffdY")
    letter = read(HEAD + b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n" + body)
    assert letter.parts[0].file.read_bytes() == data


def test_words_outside_all_parts_are_kept_and_named_but_are_no_attachment(read):
    letter = read(multipart(b"mixed", PLAIN) + b"\r\n-- \r\nEn lista med brev\r\n")
    assert letter.parts[0].file.read_bytes().strip() == b"-- \r\nEn lista med brev"
    listed = json.loads(as_json(letter))
    assert listed["attachments"] == []
    assert letter.parts[0].name in listed["problems"][0]


def test_words_before_the_parts_are_told_unless_they_are_the_usual_ones(read):
    def problems(words: bytes) -> tuple[str, ...]:
        head = HEAD + b"Content-Type: multipart/mixed; boundary=gr\r\n\r\n" + words
        return read(head + b"\r\n--gr\r\n\r\nHej\r\n--gr--\r\n").problems

    assert problems(b"This is a multi-part message in MIME format.") == ()
    assert problems("Jag såg honom igår.".encode()) == ("text före delarna: Jag såg honom igår.",)


def test_parts_that_are_encoded_all_together_can_be_read(read):
    head = HEAD + b"Content-Type: multipart/mixed; boundary=gr\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    letter = read(head + base64.encodebytes(b"--gr\r\n\r\nHej\r\n--gr--\r\n"))
    assert "\nHej\n" in letter.text
    assert "gränsen" in letter.problems[0]


def test_an_encoding_is_known_by_its_misspelt_names(read):
    for name, body in ((b"Quoted Printable", b"Hej p=E5 dig"), (b"base-64", b"SGVqIHDlIGRpZw==")):
        letter = read(HEAD + b"Content-Transfer-Encoding: " + name + b"\r\n\r\n" + body)
        assert (letter.text, letter.problems) == ("Hej på dig", ())
