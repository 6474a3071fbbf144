"""What a file is by its content: ordinary files are taken for what they are, and others found out."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from config.tables import read_tables
from intake.files import extension, weigh
from intake.files.agreeing import look
from intake.files.detect import by_libmagic, detect
from intake.files.looking import Looking, Room
from tests.file_samples import MISLEADING, ORDINARY, PNG, TABLE, boxed, office, ole, zipped
from tests.files.looked import looked
from tests.files.making import film, packed

ROOT = Path(__file__).parent.parent.parent
CORPUS = ROOT.parent / "shared" / "corpora" / "mail"
LIMITS = read_tables().files
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def typed(folder, name, data):
    path = Path(folder) / "bytes"
    path.write_bytes(data)
    return detect(path, name)


def compared(folder, name, data, limits=LIMITS):
    """Compare name, size and content, without a reader of that type."""
    path = Path(folder) / "bytes"
    path.write_bytes(data)
    room = Room.of(limits.inside)
    looking = Looking(name, path, len(data), "", detect(path, name), limits, Path(folder), room)
    look(looking)
    return looking


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_file_is_accepted(tmp_path, name):
    seen = looked(tmp_path, name, ORDINARY[name])
    assert seen.verdict == "accept", (seen.detected_type, seen.findings)


@pytest.mark.parametrize("name", MISLEADING)
def test_content_that_disagrees_with_its_name_is_quarantined(tmp_path, name):
    seen = compared(tmp_path, name, MISLEADING[name])
    assert weigh(seen.findings, is_received=True) == "quarantine", seen.detected_type
    assert {each.code for each in seen.findings} & {"content_disagrees", "active_text"}


def test_a_picture_under_the_name_of_another_is_passed_on_with_a_warning(tmp_path):
    assert [each.code for each in compared(tmp_path, "a.jpg", PNG).findings] == ["other_picture"]


def test_every_type_on_the_list_has_an_ordinary_sample():
    assert {extension(name) for name in ORDINARY} == set(LIMITS.types)


@pytest.mark.parametrize(
    ("name", "data", "found"),
    [
        ("a.docx", ORDINARY["omordnad.docx"], DOCX),
        ("a.zip", ORDINARY["omordnad.docx"], DOCX),
        ("a.docx", office("word", "word/vbaProject.bin"), "application/vnd.ms-word.document.macroEnabled.12"),
        ("a.xlsx", office("xl", "xl/vbaProject.bin"), "application/vnd.ms-excel.sheet.macroEnabled.12"),
        (
            "a.pptx",
            office("ppt", "ppt/vbaProject.bin"),
            "application/vnd.ms-powerpoint.presentation.macroEnabled.12",
        ),
        ("a.docx", zipped("word/document.xml"), "application/zip"),
        ("a.odt", ORDINARY["omzippad.odt"], "application/vnd.oasis.opendocument.text"),
        ("a.odt", packed({"mimetype": "image/jpeg", "a": ""}), "application/zip"),
        ("a.zip", packed({"mimetype": "application/epub+zip", "a": ""}), "application/epub+zip"),
        ("a.zip", zipped("1.jpg", "2.jpg"), "application/zip"),
        ("a.zip", zipped("META-INF/MANIFEST.MF", "A.class"), "application/java-archive"),
        ("a.zip", zipped("AndroidManifest.xml", "classes.dex"), "application/vnd.android.package-archive"),
        ("a.key", ORDINARY["a.key"], "application/vnd.apple.keynote"),
        ("a.doc", ole("EncryptionInfo", "EncryptedPackage"), "application/encrypted"),
        ("a.doc", ole("WordDocument", "ObjectPool/1/Workbook"), "application/msword"),
        ("a.msg", ole("__nameid_version1.0/a", "Book"), "application/vnd.ms-outlook"),
        ("a.doc", ole("Contents"), "application/x-ole-storage"),
    ],
)
def test_an_office_file_is_known_by_what_lies_in_it(tmp_path, name, data, found):
    assert typed(tmp_path, name, data) == found


@pytest.mark.parametrize(
    ("brand", "found"),
    [
        ("heic", "image/heic"), ("mif1", "image/heif"), ("avif", "image/avif"),
        ("XAVC", "video/mp4"), ("MSNV", "video/mp4"), ("qt  ", "video/quicktime"), ("3gp6", "video/3gpp"),
        ("3g2a", "video/3gpp2"), ("M4A ", "audio/x-m4a"),
    ],
)  # fmt: skip
def test_a_camera_s_file_is_known_by_its_brand(tmp_path, brand, found):
    assert typed(tmp_path, "a", boxed(brand)) == found


def test_film_from_before_there_were_brands_is_known_by_its_boxes(tmp_path):
    assert typed(tmp_path, "a.mov", b"\0\0\0\x08wide" + film()) == "video/quicktime"
    assert typed(tmp_path, "a.mov", b"\0\0\0\x08wide" + b"\0\0\0\x08text") != "video/quicktime"


@pytest.mark.parametrize("name", ["lista.mp4", "lista.txt", "lista.avi"])
def test_a_playlist_is_one_whatever_it_is_called(tmp_path, name):
    assert typed(tmp_path, name, MISLEADING[name]) == "application/vnd.apple.mpegurl"


@pytest.mark.parametrize("code", ["utf-8", "cp1252", "utf-16", "utf-16-le"])
def test_a_swedish_table_is_one_and_sentences_are_not(tmp_path, code):
    assert typed(tmp_path, "a.csv", TABLE.encode(code)) == "text/csv"
    sentences = "Jag gick hem, åt och sov.\nSedan ringde jag.\n".encode(code)
    assert typed(tmp_path, "a.csv", sentences) == "text/plain"
    assert typed(tmp_path, "a.txt", MISLEADING["prosa.txt"]) == "text/plain"


def test_a_letter_is_one_whatever_it_begins_with(tmp_path):
    for name in ("8bit.eml", "retur.eml", "med-rubriker.eml"):
        assert typed(tmp_path, name, ORDINARY[name]) == "message/rfc822"
    assert typed(tmp_path, "a.txt", b"Datum: i dag\nPlats: Lund\nTill: er\n\nHej\n") == "text/plain"


def test_a_text_about_pdf_is_text(tmp_path):
    told = "En PDF börjar med %PDF-1.4 och slutar med %%EOF.\n".encode()
    assert typed(tmp_path, "a.txt", told) == "text/plain"


def test_a_damaged_container_is_still_one(tmp_path):
    assert typed(tmp_path, "a.docx", ORDINARY["omordnad.docx"][:400]) == "application/zip"
    assert typed(tmp_path, "a.docx", b"PK\3\4") == "application/zip"
    assert typed(tmp_path, "a.doc", ORDINARY["a.doc"][:40]) == "application/x-ole-storage"
    assert typed(tmp_path, "a.pdf", b"") not in LIMITS.types["pdf"].mime_types


def test_a_directory_of_very_many_files_is_not_read_for_its_type(tmp_path):
    parts = {"mimetype": "application/epub+zip"} | {str(number): "" for number in range(10_001)}
    assert typed(tmp_path, "a.zip", packed(parts)) == "application/zip"


@pytest.mark.parametrize(
    "begins", [b"<!-- -->" * 20_000, b"<!--" * 50_000, b" " * 500_000, b"From:" * 100_000]
)
def test_text_made_to_be_slow_is_named_all_the_same(tmp_path, begins):
    assert typed(tmp_path, "a.txt", begins + b"x") in LIMITS.types["txt"].mime_types


def test_no_ordinary_sample_is_known_worse_than_by_libmagic_alone(tmp_path):
    for name, data in ORDINARY.items():
        found = typed(tmp_path, name, data)
        alone = by_libmagic(tmp_path / "bytes")
        allowed = LIMITS.types[extension(name)].mime_types
        assert found in allowed or alone not in allowed, name


WHEEL = """
import ctypes, ctypes.util, sys
ctypes.util.find_library = lambda name: None
plain = ctypes.CDLL.__init__
def init(self, name, *rest, **options):
    if name == "libmagic.so.1":
        raise OSError("this system has no libmagic")
    plain(self, name, *rest, **options)
ctypes.CDLL.__init__ = init
from tests.files import test_types
assert "pylibmagic" in sys.modules
test_types.compare_all()
"""


def compare_all():
    """Compare every sample with its name, in a process of its own with the other libmagic."""
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        for samples, expected in ((ORDINARY, "accept"), (MISLEADING, "quarantine")):
            for name, data in samples.items():
                seen = compared(folder, name, data)
                if weigh(seen.findings, is_received=True) != expected:
                    wrong.append(f"{name}: {seen.detected_type}")
    sys.exit("\n".join(wrong) or 0)


def test_without_a_libmagic_of_the_system_that_of_the_wheel_judges_the_same():
    child = subprocess.run([sys.executable, "-c", WHEEL], cwd=ROOT, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr


@pytest.mark.parametrize(
    ("name", "data", "codes"),
    [
        ("foto.png", PNG, ["file_too_large"]),
        ("foto.exe", PNG, ["file_type_not_listed", "file_too_large"]),
        ("foto", PNG, ["file_type_not_listed", "file_too_large"]),
        ("foto.pdf", PNG, ["content_disagrees", "file_too_large"]),
        ("foto.png", b"", ["file_empty"]),
    ],
)
def test_what_was_received_is_never_refused(tmp_path, name, data, codes):
    seen = compared(tmp_path, name, data, replace(LIMITS, max_upload_bytes=10))
    assert [each.code for each in seen.findings] == codes
    assert weigh(seen.findings, is_received=True) == "quarantine"
    assert all(each.citizen and each.handler for each in seen.findings)


def test_every_citizens_words_in_any_encoding_are_a_text_file(tmp_path):
    with (ROOT / "tests" / "data" / "matters-dev.jsonl").open(encoding="utf-8") as lines:
        texts = [json.loads(line)["body"] for line in lines]
    for text in texts:
        for code in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
            seen = compared(tmp_path, "text.txt", text.encode(code, "replace"))
            assert seen.findings == [], text


def test_every_letter_of_the_corpora_is_a_letter():
    if not CORPUS.is_dir():
        pytest.skip("the test corpora are not here")
    for path in sorted(CORPUS.rglob("*.eml")):
        if path.stat().st_size:
            assert detect(path, path.name) == "message/rfc822", path


def test_many_threads_judge_at_once(tmp_path):
    wrong = []

    def work(number):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, data in list(ORDINARY.items())[number::4]:
            if compared(folder, name, data).findings:
                wrong.append(name)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
