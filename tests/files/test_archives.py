"""Archives: what lies within is judged, and no bomb, link or path in them reaches anything."""

from __future__ import annotations

import io
import stat
import struct
import zipfile

import pytest
import pyzipper

from intake.files import examine
from tests.files.looked import LIMITS, looked
from tests.files.making import picture
from tests.letters.outlook_files import compound, message

KIB, MIB = 1024, 1024 * 1024


def archive(*entries, method=zipfile.ZIP_DEFLATED):
    """Make a zip of names, or ZipInfos, with what they hold."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as made:
        for name, data in entries:
            made.writestr(name, data, None if isinstance(name, zipfile.ZipInfo) else method)
    return stream.getvalue()


def names(looking):
    return [each.name for each in looking.inner if each.is_child]


def with_entry(data, **changes):
    """Change fields of the first entry in a zip's directory, where they say what is not so."""
    places = {"flags": ("<H", 8), "method": ("<H", 10), "packed": ("<I", 20), "unpacked": ("<I", 24),
              "local": ("<I", 42)}  # fmt: skip
    changed, at = bytearray(data), data.index(b"PK\x01\x02")
    for field, value in changes.items():
        layout, offset = places[field]
        struct.pack_into(layout, changed, at + offset, value)
    return bytes(changed)


def test_what_lies_in_an_ordinary_archive_is_taken_out(tmp_path):
    seen = looked(tmp_path, "a.zip", archive(("foto.jpg", picture("JPEG")), ("text/läs mig.txt", "Hej")))
    assert seen.verdict == "accept"
    assert names(seen) == ["foto.jpg", "text/läs mig.txt"]
    assert seen.inner[1].file.read_bytes() == b"Hej"


def test_what_computers_add_by_themselves_is_passed_over(tmp_path):
    added = ("__MACOSX/._foto.txt", ".DS_Store", "bilder/Thumbs.db", "Desktop.ini", "bilder/._b.txt", "mapp/")
    entries = [(name, b"\0\5\x16\7\0\2") for name in added]
    assert names(looked(tmp_path, "a.zip", archive(*entries, ("b.txt", "Hej")))) == ["b.txt"]


def test_what_only_hides_among_them_is_judged(tmp_path):
    seen = looked(tmp_path, "a.zip", archive(("__MACOSX/._b.exe", "MZ"), ("__MACOSX/c.exe", "MZ")))
    assert names(seen) == ["__MACOSX/._b.exe", "__MACOSX/c.exe"]


def test_what_follows_an_archive_is_told(tmp_path):
    made = archive(("b.txt", "Hej"))
    assert looked(tmp_path, "a.zip", made + b"<html><script>alert(1)</script>").codes == ["hidden_content"]
    assert looked(tmp_path, "a.zip", made + b"\0" * 400).codes == []


@pytest.mark.parametrize("encoding", ["cp437", "cp850", "cp865", "utf-8", "cp1252"])
def test_swedish_names_are_shown_right_whatever_packed_them(tmp_path, encoding):
    made = archive(("xxxxxx.txt", "Hej")) if encoding != "utf-8" else archive(("xxxxxxxxxxxx.txt", "Hej"))
    wanted = "ÅÄÖåäö".encode(encoding)
    seen = looked(tmp_path, "a.zip", made.replace(b"x" * len(wanted), wanted))
    assert names(seen) == ["ÅÄÖåäö.txt"]


def test_windows_own_separator_is_a_folder(tmp_path):
    seen = looked(tmp_path, "a.zip", archive(("mapp/b.txt", "Hej")).replace(b"mapp/b", b"mapp\\b"))
    assert (seen.verdict, names(seen)) == ("accept", ["mapp/b.txt"])


def test_an_empty_archive_is_accepted(tmp_path):
    assert looked(tmp_path, "a.zip", archive()).verdict == "accept"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_read_too(tmp_path, method):
    seen = looked(tmp_path, "a.zip", archive(("b.txt", "Hej " * 99), method=method))
    assert (seen.verdict, seen.inner[0].file.read_bytes()) == ("accept", b"Hej " * 99)


@pytest.mark.parametrize("method", [9, 93, 95, 98])
def test_a_way_of_packing_that_we_lack_is_told(tmp_path, method):
    seen = looked(tmp_path, "a.zip", with_entry(archive(("b.txt", "Hej")), method=method))
    assert (seen.codes, names(seen)) == (["not_analysable"], [])


def test_a_streamed_archive_and_a_large_format_are_read(tmp_path):
    class Streamed(io.RawIOBase):
        written = b""

        def writable(self):
            return True

        def write(self, data):
            self.written += bytes(data)
            return len(data)

    stream = Streamed()
    with zipfile.ZipFile(stream, "w") as made, made.open("b.txt", "w", force_zip64=True) as entry:
        entry.write(b"Hej")
    assert names(looked(tmp_path, "a.zip", stream.written)) == ["b.txt"]


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    seen = looked(tmp_path, "a.zip", archive(("b.txt", bytes(64 * MIB))))
    assert (seen.codes, seen.inner, seen.verdict) == (["archive_too_large"], [], "quarantine")


def test_many_small_bombs_are_one(tmp_path):
    seen = looked(tmp_path, "a.zip", archive(*((f"{number}.txt", bytes(MIB)) for number in range(30))))
    assert seen.codes == ["archive_too_large"]


def test_what_becomes_larger_than_the_limit_is_refused(tmp_path):
    seen = looked(tmp_path, "a.zip", with_entry(archive(("b.txt", "Hej")), unpacked=700 * MIB))
    assert seen.codes == ["archive_too_large"]


def test_too_many_files_are_refused(tmp_path):
    seen = looked(tmp_path, "a.zip", archive(*((f"{number}.txt", "") for number in range(2001))))
    assert seen.codes == ["archive_too_large"]


def test_a_directory_of_millions_is_refused_unread(tmp_path):
    made = bytearray(archive(("b.txt", "Hej")))
    struct.pack_into("<I", made, made.index(b"PK\x05\x06") + 12, 100 * MIB)
    assert looked(tmp_path, "a.zip", bytes(made)).codes == ["archive_too_large"]


def test_entries_that_share_their_bytes_are_refused(tmp_path):
    made = archive(("a.txt", "Hej"), ("b.txt", "Hej"))
    second = made.rindex(b"PK\x01\x02")
    shared = bytearray(made)
    struct.pack_into("<I", shared, second + 42, 0)
    assert looked(tmp_path, "a.zip", bytes(shared)).codes == ["archive_too_large"]


@pytest.mark.parametrize("said", [5, 40 * MIB])
def test_a_size_that_lies_is_found_out(tmp_path, said):
    made = archive(("b.txt", bytes(range(256)) * 16), ("c.txt", "x"))
    seen = looked(tmp_path, "a.zip", with_entry(made, unpacked=said))
    assert seen.verdict == "quarantine"
    assert "archive_damaged" in seen.codes or "archive_too_large" in seen.codes


@pytest.mark.parametrize(
    "name", ["../b.txt", "mapp/../../b.txt", "/etc/b.txt", "..\\b.txt", "C:/b.txt", "\\\\server\\b.txt"]
)
def test_a_path_out_of_the_folder_is_quarantined(tmp_path, name):
    made = archive(("x" * len(name), "Hej")).replace(b"x" * len(name), name.encode())
    assert "archive_unsafe_path" in looked(tmp_path, "a.zip", made).codes


def test_a_link_is_quarantined(tmp_path):
    link = zipfile.ZipInfo("b.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert looked(tmp_path, "a.zip", archive((link, "/etc/passwd"))).codes == ["archive_link"]


def test_a_kind_that_is_none_is_an_ordinary_file(tmp_path):
    careless = zipfile.ZipInfo("b.txt")
    careless.external_attr = 0xFFFF0010
    assert looked(tmp_path, "a.zip", archive((careless, "Hej"))).codes == []


def test_a_directory_that_points_before_the_file_is_damaged(tmp_path):
    made = archive(("b.txt", "Hej"))
    assert looked(tmp_path, "a.zip", b"PK\3\4" + made[5:]).codes == ["archive_damaged"]


def locked(name):
    stream = io.BytesIO()
    with pyzipper.AESZipFile(stream, "w", encryption=pyzipper.WZ_AES) as made:
        made.setpassword(b"hemligt")
        made.writestr(name, "Hej")
    return stream.getvalue()


def test_an_archive_with_a_password_is_passed_on_with_a_warning(tmp_path):
    seen = looked(tmp_path, "a.zip", locked("b.txt"))
    assert (seen.codes, seen.verdict) == (["file_encrypted"], "warn")


def test_a_locked_program_is_known_by_its_name(tmp_path):
    assert "archive_locked_unlisted" in looked(tmp_path, "a.zip", locked("faktura.pdf.exe")).codes


def test_an_archive_in_an_archive_is_a_child_and_one_deeper_is_quarantined(tmp_path):
    inmost = archive(("b.txt", "Hej"))
    middle = archive(("c.zip", inmost))
    outer = archive(("d.zip", middle))
    assert looked(tmp_path, "a.zip", outer).verdict == "accept"
    assert looked(tmp_path, "d.zip", middle, depth=1).verdict == "accept"
    seen = looked(tmp_path, "c.zip", inmost, depth=2)
    assert (seen.codes, seen.inner) == (["archive_nested"], [])


def test_ten_archives_in_each_other_are_opened_no_deeper(tmp_path):
    made = archive(("b.txt", "Hej"))
    for number in range(9):
        made = archive((f"{number}.zip", made))
    file, scratch = tmp_path / "a.zip", tmp_path / "scratch"
    file.write_bytes(made)
    scratch.mkdir()
    seen = examine("a.zip", file, LIMITS, scratch)
    assert [each.path for each in seen.walk()] == ["", "1", "1.1"]
    assert seen.verdict(is_received=True) == "quarantine"


@pytest.mark.parametrize("keep", [30, 100, -10, -22])
def test_a_cut_archive_is_damaged(tmp_path, keep):
    made = archive(("b.txt", bytes(range(256))), ("c.txt", "Hej"))
    assert looked(tmp_path, "a.zip", made[:keep]).codes == ["archive_damaged"]


def test_a_damaged_entry_does_not_hide_the_others(tmp_path):
    made = bytearray(archive(("b.txt", "Hej" * 9), ("c.txt", "Hej"), method=zipfile.ZIP_STORED))
    made[40] ^= 0xFF
    seen = looked(tmp_path, "a.zip", bytes(made))
    assert (seen.codes, names(seen)) == (["archive_damaged"], ["c.txt"])


def test_what_the_directory_does_not_know_of_is_told(tmp_path):
    hidden, shown = archive(("a.txt", "gömd")), archive(("b.txt", "Hej"))
    assert looked(tmp_path, "a.zip", hidden + shown).codes == ["archive_hides"]


def test_the_page_that_outlooks_letter_is_itself_is_no_attachment(tmp_path):
    page = b"<p>Kostar 50 kr</p>"
    letter = compound(message({0x0037: "Hej", 0x1000: "Se <http://x.example>", 0x1013: page, 0x3FDE: 1252}))
    seen = looked(tmp_path, "hej.msg", letter)
    assert [(each.name, each.is_child) for each in seen.inner] == [("brev.html", False)]


def test_an_empty_file_in_an_archive_locks_nothing(tmp_path):
    file = tmp_path / "a.zip"
    file.write_bytes(archive(("tom.txt", b""), ("lapp.txt", b"Hej")))
    (tmp_path / "scratch").mkdir()
    seen = examine("a.zip", file, LIMITS, tmp_path / "scratch")
    assert seen.verdict(is_received=True) == "accept"
    assert [each.code for each in seen.inner[0].findings] == ["inner_empty"]
