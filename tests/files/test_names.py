"""What a file is called: shown without tricks, told of when it deceives, and saved under itself."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.tables import read_tables
from intake.errors import FileEmpty, FileTooLarge, FileTypeRefused
from intake.files import CleanName, clean_name, disposition, extension, refuse_before_sending
from intake.files.names import deception
from intake.letters import Part, part_name
from tests.files.looked import looked

LIMITS = read_tables().files


@pytest.mark.parametrize(
    ("name", "declared_type", "called"),
    [
        (None, "image/png", "bilaga 1.2.png"),
        (None, "image/webp", "bilaga 1.2.webp"),
        (None, "image/jpg", "bilaga 1.2.jpg"),
        (None, "audio/mp4", "bilaga 1.2.m4a"),
        (None, "application/octet-stream", "bilaga 1.2.bin"),
        (None, "x/okänd", "bilaga 1.2.bin"),
        (None, "application/pkcs7-signature", "signatur.p7s"),
        (None, "multipart/signed", "signerat brev.eml"),
        (None, "application/rtf", "bilaga 1.2.rtf"),
        ("IMG_0012", "image/jpeg", "IMG_0012.jpg"),
        ("Faktura nr. 12 mars", "application/pdf", "Faktura nr. 12 mars.pdf"),
        ("Skärmbild kl. 10.11", "image/png", "Skärmbild kl. 10.11.png"),
        ("film.3gp", "video/mp4", "film.3gp"),
        ("LICENSE", "application/octet-stream", "LICENSE"),
        ("a.exe", "image/png", "a.exe"),
    ],
)
def test_a_letters_attachment_without_an_ending_gets_that_of_its_type(name, declared_type, called):
    part = Part("1.2", name, declared_type, 1, "", is_inline=False, file=Path("x"))
    assert part_name(part) == called


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("foto.jpg", "foto.jpg"),
        ("Åsas räksmörgås, 2:a.pdf", "Åsas räksmörgås, 2:a.pdf"),
        ("報告.pdf", "報告.pdf"),
        ("😀.png", "😀.png"),
        ("CON", "CON"),
        ("A\u030asa.pdf", "Åsa.pdf"),
        ("../../etc/passwd\0.pdf", "passwd.pdf"),
        ("C:\\TEMP\\bild.png", "bild.png"),
        ("/u/nsb/bild.png", "bild.png"),
        ("faktura\u202egpj.exe", "fakturagpj.exe"),
        ("a\u200b\u200e\ufeffb.txt", "ab.txt"),
        ("rad ett\r\nSet-Cookie: x.txt", "rad ettSet-Cookie: x.txt"),
        ("rad\u2028tv\u00e5.txt", "radtvå.txt"),
        ("trasig\udce5.txt", "trasig.txt"),
        ("  mellanslag.pdf  ", "mellanslag.pdf"),
        ("", "namnlös fil"),
        ("..", "namnlös fil"),
        (" . ", "namnlös fil"),
        ("\u202e\0", "namnlös fil"),
        ("mapp/", "namnlös fil"),
    ],
)
def test_a_name_is_shown_as_it_is_without_tricks(raw, shown):
    assert clean_name(raw).shown == shown
    assert clean_name(raw).was_changed == (raw != shown)


def test_a_long_name_keeps_its_extension():
    assert clean_name("x" * 300 + ".jpg").shown == "x" * 251 + ".jpg"
    assert clean_name("å" * 100_000 + ".pdf").shown == "å" * 125 + ".pdf"
    assert len(clean_name("x." + "y" * 300).shown) == 255
    assert clean_name("a\u0301\u0316" * 50_000 + ".pdf").shown.endswith(".pdf")


@given(st.text())
def test_a_cleaned_name_is_always_safe_and_stays(raw):
    shown = clean_name(raw).shown
    assert shown
    assert len(shown.encode()) <= 255
    assert not set(shown) & set("/\\")
    assert {unicodedata.category(char) for char in shown}.isdisjoint({"Cc", "Cf", "Cs", "Zl", "Zp"})
    assert clean_name(shown) == CleanName(shown, was_changed=False)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.JPG", "jpg"),
        ("a.jpg ", "jpg"),
        ("foto.jpg.exe", "exe"),
        ("foto\u202egpj.exe", "exe"),
        ("a.p\u200bdf", "pdf"),
        ("README", ""),
        ("a.", ""),
        ("a.jpg/b", ""),
        (".pdf", "pdf"),
    ],
)
def test_the_extension_is_that_of_the_name_as_shown(name, found):
    assert extension(name) == found


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("faktura\u202egpj.exe", "skrivriktningen"),
        ("a.p\u200bdf", "osynliga"),
        ("foto.php\0.jpg", "osynliga"),
        ("faktura.pdf            .exe", "blanksteg"),
        ("faktura.pdf\u2800\u2800\u2800\u2800\u2800\u2800.exe", "blanksteg"),
        ("faktura.pdf.exe", "(.pdf.exe)"),
        ("FAKTURA.PDF.EXE", "(.pdf.exe)"),
        ("foto.jpg .scr", "(.jpg.scr)"),
        ("foto.php.jpg", "(.php.jpg)"),
        ("avtal.exe.pdf", "(.exe.pdf)"),
    ],
)
def test_a_name_that_leads_its_reader_astray_is_told_of(tmp_path, raw, why):
    assert why in deception(raw)
    seen = looked(tmp_path, raw, b"hej")
    assert "name_deceptive" in seen.codes
    assert why in next(each.handler for each in seen.findings if each.code == "name_deceptive")


@pytest.mark.parametrize(
    "raw",
    [
        "IMG_0001.HEIC", "Skärmavbild 2026-01-02 kl. 10.11.12.png", "A\u030asa.pdf", "polisen.se.pdf",
        "www.example.com.pdf", "foto.jpg.pdf", "rapport v. 1.2.docx", "arkiv.tar.zip", "main.js.txt",
        "Scan 2026.01.02.pdf", "دعوة\u200f.pdf", "Screenshot at 3.05.01\u202fPM.png", "  mellanslag.pdf  ",
        "long\r\n        name.pdf", "mapp.v2/namn", "C:\\a.b\\c", "rapport       2024.pdf", "a.pdf\u200e",
        "program.exe.zip", "namn", ".pdf", "",
    ],
)  # fmt: skip
def test_an_ordinary_name_is_not_taken_for_a_trick(raw):
    assert deception(raw) is None


def test_what_was_only_cleaned_is_told_and_changes_nothing(tmp_path):
    for raw in ("a\u200bb.txt", "../../etc/a.txt", "C:\\TEMP\\a.txt", "rad\r\ntvå.txt"):
        seen = looked(tmp_path, raw, b"hej")
        assert (seen.codes, seen.verdict) == (["name_cleaned"], "accept")
    for raw in ("A\u030asa.txt", " a.txt "):
        assert looked(tmp_path, raw, b"hej").codes == []


def test_an_ordinary_file_may_be_sent():
    for name in ("foto.HEIC", "Åsa.pdf", "film.mov"):
        refuse_before_sending(name, 1, LIMITS)
        refuse_before_sending(name, LIMITS.max_file_bytes, LIMITS)


@pytest.mark.parametrize(
    ("name", "size_bytes", "error", "words"),
    [
        ("tom.pdf", 0, FileEmpty, "är tom"),
        ("foto.jpg.exe", 10, FileTypeRefused, "mejla sedan filen"),
        ("anteckning", 10, FileTypeRefused, "bilder, filmer, ljud"),
        ("sida.html", 21_000_000, FileTypeRefused, "säga hur du lämnar den"),
        ("film.mp4", 62_914_561, FileTooLarge, "större än 60 MB"),
    ],
)
def test_a_refusal_says_what_is_safe_and_what_to_do(name, size_bytes, error, words):
    with pytest.raises(error) as refusal:
        refuse_before_sending(name, size_bytes, LIMITS)
    assert name in str(refusal.value)
    assert "Din text är sparad." in str(refusal.value)
    assert words in str(refusal.value)


def test_mail_is_never_suggested_for_what_mail_cannot_carry():
    for name in ("film.mp4", "film.exe"):
        with pytest.raises((FileTooLarge, FileTypeRefused)) as refusal:
            refuse_before_sending(name, 70_000_000, LIMITS)
        assert "mejla" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("foto.jpg", 'attachment; filename="foto.jpg"'),
        ("Åsa.pdf", "attachment; filename=\"Asa.pdf\"; filename*=UTF-8''%C3%85sa.pdf"),
        ('a"b\\c.pdf', 'attachment; filename="c.pdf"'),
        ('a"b.pdf', "attachment; filename=\"a_b.pdf\"; filename*=UTF-8''a%22b.pdf"),
        ("100 %.pdf", "attachment; filename=\"100 _.pdf\"; filename*=UTF-8''100%20%25.pdf"),
        ("報告.pdf", "attachment; filename=\"fil.pdf\"; filename*=UTF-8''%E5%A0%B1%E5%91%8A.pdf"),
        ("a\r\nX: y.txt", 'attachment; filename="aX: y.txt"'),
        ("x\u202egpj.exe", 'attachment; filename="xgpj.exe"'),
        ("報告", "attachment; filename=\"fil\"; filename*=UTF-8''%E5%A0%B1%E5%91%8A"),
    ],
)
def test_a_download_keeps_its_name(name, value):
    assert disposition(name) == value


@given(st.text())
def test_a_download_name_is_one_plain_header_line_that_carries_the_whole_name(raw):
    value = disposition(raw)
    assert value.isascii()
    assert value.isprintable()
    assert value.startswith('attachment; filename="')
    assert len(value) < 1200
    carried = value.partition("filename*=UTF-8''")[2]
    plain = value.removeprefix('attachment; filename="').partition('"')[0]
    assert plain
    assert (unquote(carried) if carried else plain) == clean_name(raw).shown
