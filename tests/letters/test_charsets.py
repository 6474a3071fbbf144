"""Bytes become the letters that were meant, whatever charset they say that they are in."""

import pytest

from intake.letters.charsets import decode

WORDS = {"cp1252": "Räksmörgås – 50 €", "cp850": "Räksmörgås", "mac_latin2": "Zażółć", "cp874": "สวัสดี"}
WORDS |= {"cp1251": "Привет", "iso-8859-8": "שלום", "cp949": "한국", "big5hkscs": "你好", "euc-jp": "日本"}


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("ISO-8859-1", "cp1252"),
        ("ISO_8859-1", "cp1252"),
        ("Windows1252", "cp1252"),
        ("x-cp1252", "cp1252"),
        ("iso-8859-1 (svenska)", "cp1252"),
        ("iso-8859-1 format=flowed", "cp1252"),
        ("cp-850", "cp850"),
        ("x-mac-ce", "mac_latin2"),
        ("windows-874", "cp874"),
        ("cp-1251", "cp1251"),
        ("iso-8859-8-i", "iso-8859-8"),
        ("x-windows-949", "cp949"),
        ("Big5", "big5hkscs"),
        ("x-euc-jp", "euc-jp"),
    ],
)
def test_a_charset_is_known_by_all_of_its_names(declared, codec):
    assert decode(WORDS[codec].encode(codec), declared) == (WORDS[codec], None)


@pytest.mark.parametrize("words", ["Räksmörgås – på “bordet”", "på", "Привет всем", "🚔 🚔 🚔 🚔"])
def test_utf_8_that_is_called_western_is_read_as_what_it_is(words):
    assert decode(words.encode(), "iso-8859-1") == (words, "utf-8")


def test_utf_8_that_is_called_cyrillic_is_read_as_what_it_is():
    assert decode("Привет, Иван".encode(), "windows-1251") == ("Привет, Иван", "utf-8")


@pytest.mark.parametrize("words", ["Å… ja", "KÖ”", "CAFÉ» nu", "SÅ\xa0JA", "50 €"])
def test_western_text_that_could_be_utf_8_is_read_as_it_says(words):
    assert decode(words.encode("cp1252"), "windows-1252") == (words, None)


def test_a_footer_in_another_charset_spoils_no_other_letters():
    data = "Räksmörgås på svenska\n".encode() + "för alla".encode("latin-1")
    assert decode(data, "utf-8")[0] == "Räksmörgås på svenska\nför alla"


def test_a_text_cut_in_the_middle_of_a_letter_keeps_the_others():
    text, used = decode("Räksmörgås å".encode()[:-1], "utf-8")
    assert text == "Räksmörgås \N{REPLACEMENT CHARACTER}"
    assert used is not None


@pytest.mark.parametrize(
    ("words", "codec"),
    [("你好世界你好世界", "gb2312"), ("Привет всем", "cp1251"), ("Hej på dig", "utf-16")],
)
def test_one_damaged_letter_does_not_spoil_the_rest(words, codec):
    text, used = decode(words.encode(codec) + (b"x" if codec == "utf-16" else b" \x98\xff"), codec)
    assert text.startswith(words)
    assert used is not None


def test_a_byte_order_mark_is_no_letter():
    assert decode(b"\xef\xbb\xbfHej", None)[0] == decode(b"\xef\xbb\xbfHej", "utf-8")[0] == "Hej"


def test_japanese_that_does_not_say_so_is_read():
    assert decode("こんにちは".encode("iso-2022-jp"), None)[0] == "こんにちは"


def test_letters_beyond_the_first_plane_are_whole_when_written_as_two_halves():
    assert decode(b"p\xc3\xa5 \xed\xa0\xbd\xed\xba\x94", "utf-8")[0] == "på 🚔"
