"""The files rule: names that mislead, files that are what they say, and files that are not."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import unicodedata
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.tables import read_tables
from intake import files
from intake.errors import FileEmpty, FileTooLarge, FileTypeRefused
from intake.files import clean_name, disposition, extension, judge, refuse_before_sending
from tests.file_samples import MISLEADING, ORDINARY, PNG, ole

ROOT = Path(__file__).parent.parent
CORPUS = ROOT.parent / "shared" / "corpora" / "mail"
LIMITS = read_tables().files


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
    assert clean_name(shown) == files.CleanName(shown, was_changed=False)


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


def judged(folder, name, data):
    path = Path(folder) / "bytes"
    path.write_bytes(data)
    return judge(name, path, LIMITS)


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_file_is_accepted(tmp_path, name):
    verdict = judged(tmp_path, name, ORDINARY[name])
    assert (verdict.verdict, verdict.findings) == ("accept", ()), verdict


@pytest.mark.parametrize("name", MISLEADING)
def test_content_that_disagrees_with_its_name_is_quarantined(tmp_path, name):
    verdict = judged(tmp_path, name, MISLEADING[name])
    assert verdict.verdict == "quarantine", verdict
    assert [finding.code for finding in verdict.findings] == ["content_disagrees"]


def test_every_type_on_the_list_has_an_ordinary_sample():
    assert {extension(name) for name in ORDINARY} == set(LIMITS.types)


WHEEL = """
import ctypes, ctypes.util, sys
ctypes.util.find_library = lambda name: None
plain = ctypes.CDLL.__init__
def init(self, name, *rest, **options):
    if name == "libmagic.so.1":
        raise OSError("this system has no libmagic")
    plain(self, name, *rest, **options)
ctypes.CDLL.__init__ = init
from tests import test_files
assert "pylibmagic" in sys.modules
test_files.judge_all()
"""


def judge_all():
    """Judge every sample, in a process of its own with the other libmagic."""
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        for samples, expected in ((ORDINARY, "accept"), (MISLEADING, "quarantine")):
            for name, data in samples.items():
                verdict = judged(folder, name, data)
                if verdict.verdict != expected:
                    wrong.append(f"{name}: {verdict}")
    sys.exit("\n".join(wrong) or 0)


def test_without_a_libmagic_of_the_system_that_of_the_wheel_judges_the_same():
    child = subprocess.run([sys.executable, "-c", WHEEL], cwd=ROOT, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr


def test_what_was_received_is_never_refused(tmp_path):
    small = files.FileLimits(LIMITS.types, 10, 10, 1, 10, 10, 10, 10, 10)
    (tmp_path / "bytes").write_bytes(PNG)
    (tmp_path / "empty").write_bytes(b"")
    for name, path, codes in [
        ("foto.png", "bytes", ["file_too_large"]),
        ("foto.exe", "bytes", ["file_type_not_listed", "file_too_large"]),
        ("foto", "bytes", ["file_type_not_listed", "file_too_large"]),
        ("foto.pdf", "bytes", ["content_disagrees", "file_too_large"]),
        ("foto.png", "empty", ["file_empty"]),
    ]:
        verdict = judge(name, tmp_path / path, small)
        assert verdict.verdict == "quarantine"
        assert [finding.code for finding in verdict.findings] == codes
        assert all(finding.citizen and finding.handler for finding in verdict.findings)


def test_a_document_with_a_password_is_passed_on_with_a_warning(tmp_path):
    for name in ("a.docx", "a.xlsx", "a.pptx"):
        verdict = judged(tmp_path, name, ole("EncryptedPackage"))
        assert (verdict.verdict, verdict.detected_type) == ("warn", "application/encrypted")


def test_every_citizens_words_in_any_encoding_are_a_text_file(tmp_path):
    with (ROOT / "tests" / "data" / "matters-dev.jsonl").open(encoding="utf-8") as lines:
        texts = [json.loads(line)["body"] for line in lines]
    for text in texts:
        for code in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
            verdict = judged(tmp_path, "text.txt", text.encode(code, "replace"))
            assert verdict.verdict == "accept", (text, verdict)


def test_every_letter_of_the_corpora_is_a_letter(tmp_path):
    if not CORPUS.is_dir():
        pytest.skip("the test corpora are not here")
    for path in sorted(CORPUS.rglob("*.eml")):
        if path.stat().st_size:
            assert judge(path.name, path, LIMITS).verdict == "accept", path


def test_many_threads_judge_at_once(tmp_path):
    wrong = []

    def work(number):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, data in list(ORDINARY.items())[number::4]:
            if judged(folder, name, data).verdict != "accept":
                wrong.append(name)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


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
