"""One file and all that lies within it: bounded together, and a child is believed only as far as it must."""

from __future__ import annotations

import copy
import errno
import io
import zipfile

import pytest

from config.files import files_in
from intake import sandbox
from intake.errors import AnalysisFailed, StorageError
from intake.files import drawing, examine
from intake.files.answers import written_in
from intake.files.looking import Looking
from tests.files.looked import LIMITS
from tests.files.making import picture

SEEN = {"sha256": "0" * 64, "detected_type": "text/plain", "facts": {}, "findings": [], "inner": []}
STRANGE = "Gick inte att analysera: läsaren svarade med något annat än det som den skulle."


def zipped(**entries):
    """Make a zip of these entries; the first "_" of each name stands for a dot."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, data in entries.items():
            archive.writestr(name.replace("_", ".", 1), data)
    return stream.getvalue()


def within(**limits):
    """Return the limits with others for what lies within a file."""
    table = copy.deepcopy(dict(LIMITS.table))
    table["inside"] |= limits
    return files_in(table)


@pytest.fixture
def examined(tmp_path):
    def examine_these(data, limits=LIMITS, name="a.zip"):
        file, scratch = tmp_path / name, tmp_path / "scratch"
        file.write_bytes(data)
        scratch.mkdir()
        return examine(name, file, limits, scratch)

    return examine_these


@pytest.fixture
def acts(monkeypatch):
    """List which function every child runs, and on how many files."""
    run, listed = sandbox.run, []

    def noting(act, argument, **bounds):
        listed.append((act.rpartition(":")[2], len(argument["files"])))
        return run(act, argument, **bounds)

    monkeypatch.setattr(sandbox, "run", noting)
    return listed


@pytest.fixture
def answer(monkeypatch):
    """Let the first child say something else than it saw."""
    run = sandbox.run

    def let(words):
        answers = iter([words])
        monkeypatch.setattr(
            sandbox, "run", lambda *asked, **bounds: next(answers, None) or run(*asked, **bounds)
        )

    return let


def by_path(seen):
    return {each.path: [found.code for found in each.findings] for each in seen.walk()}


def scratch_bytes(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_archives_in_an_archive_share_its_room(examined, tmp_path):
    one = zipped(a_txt="a" * 3000, b_txt="b" * 3000)
    seen = examined(
        zipped(a_zip=one, b_zip=one, c_zip=one), within(max_taken_out_bytes=len(one) * 3 + 10_000)
    )
    assert by_path(seen)["2"] == by_path(seen)["3"] == ["archive_too_large"]
    assert [path for path in by_path(seen) if "." in path] == ["1.1", "1.2", "2.1"]
    assert scratch_bytes(tmp_path / "scratch") <= len(one) * 3 + 10_000
    assert seen.verdict(is_received=True) == "quarantine"


def test_what_has_no_room_is_told_in_words(examined):
    seen = examined(zipped(a_txt="a" * 3000), within(max_taken_out_bytes=2 << 10))
    assert seen.findings[0].handler == (
        "Filen packas inte upp: det som ligger i den blir i allt större än 0 MB."
    )
    assert seen.inner == ()


def test_archives_in_an_archive_share_the_number_of_files(examined):
    one = zipped(a_txt="a", b_txt="b")
    seen = examined(zipped(a_zip=one, b_zip=one), within(max_entries=5))
    assert by_path(seen)["2"] == ["archive_too_large"]
    assert len(list(seen.walk())) == 6


def test_what_lies_in_one_container_is_looked_through_together(examined, acts):
    seen = examined(zipped(**{f"{number}_txt": f"Hej {number}" for number in range(60)}))
    assert acts == [("look_alone", 1), ("look_together", 25), ("look_together", 25), ("look_together", 10)]
    assert [each.name for each in seen.inner] == [f"{number}.txt" for number in range(60)]
    assert seen.verdict(is_received=True) == "accept"


def test_when_a_shared_child_dies_each_file_is_read_by_itself(examined, monkeypatch):
    run = sandbox.run

    def dying(act, argument, **bounds):
        return run(act.replace("intake.files.examine", "tests.files.dying"), argument, **bounds)

    monkeypatch.setattr(sandbox, "run", dying)
    seen = examined(zipped(a_txt="Hej", b_jpg=picture("JPEG"), c_jpg=picture("JPEG")))
    assert by_path(seen) == {"": [], "1": [], "2": ["not_analysable"], "3": []}
    assert seen.inner[1].findings[0].handler == "Gick inte att analysera: läsaren avbröts (signal 6)."


def test_a_shared_child_that_has_no_more_time_leaves_the_rest_to_the_next(examined, monkeypatch):
    run = sandbox.run

    def slow(act, argument, **bounds):
        answers = run(act, argument, **bounds)
        return answers[:2] if act.endswith("look_together") else answers

    monkeypatch.setattr(sandbox, "run", slow)
    seen = examined(zipped(**{f"{number}_txt": f"Hej {number}" for number in range(5)}))
    assert [(each.name, each.findings) for each in seen.inner] == [
        (f"{number}.txt", ()) for number in range(5)
    ]


def test_an_answer_that_is_none_for_its_file_counts_for_that_file_alone(examined, monkeypatch):
    run = sandbox.run

    def odd(act, argument, **bounds):
        answers = run(act, argument, **bounds)
        return [None, "x", *answers[2:]] if act.endswith("look_together") else answers

    monkeypatch.setattr(sandbox, "run", odd)
    seen = examined(zipped(a_txt="a", b_txt="b", c_txt="c"))
    assert by_path(seen) == {"": [], "1": [], "2": [], "3": []}


@pytest.mark.parametrize("place", ["{secret}", "../secret.txt", "link", "folder", "missing", "a\0b", "", "."])
def test_a_child_that_names_what_it_did_not_write_is_not_believed(tmp_path, place):
    home, secret = tmp_path / "home", tmp_path / "secret.txt"
    (home / "folder").mkdir(parents=True)
    secret.write_text("hemligt")
    (home / "link").symlink_to(secret)
    with pytest.raises(AnalysisFailed):
        written_in(home, place.format(secret=secret))


def test_a_child_that_hands_over_a_file_of_ours_is_not_analysable(examined, answer, tmp_path):
    (tmp_path / "secret.txt").write_text("hemligt")
    answer(SEEN | {"inner": [["bild.txt", str(tmp_path / "secret.txt"), True]]})
    seen = examined(b"PK")
    assert ([each.handler for each in seen.findings], seen.inner) == ([STRANGE], ())


def test_a_page_that_libreoffice_did_not_make_is_not_drawn(tmp_path, monkeypatch):
    secret, scratch, asked = tmp_path / "secret.pdf", tmp_path / "scratch", []
    secret.write_bytes(b"%PDF-1.4")
    scratch.mkdir()

    def run(act, argument, **bounds):
        asked.append(act.rpartition(":")[2])
        made = {"pictures": [], "text": "", "problem": "", "is_whole": True}
        return str(secret) if act.endswith("convert_alone") else made

    monkeypatch.setattr(sandbox, "run", run)
    monkeypatch.setattr(drawing, "find_office", lambda: "soffice")
    drawing.draw(secret, "application/msword", LIMITS, scratch)
    assert asked == ["convert_alone", "read_words_alone"]


@pytest.mark.parametrize(
    "strange",
    [
        {"findings": [["no_such_code", "x"]]}, {"findings": [["pdf_script", 1]]}, {"findings": [["x"]]},
        {"facts": {f"{number}": "x" for number in range(101)}}, {"facts": {"camera": ["x"]}}, {"facts": []},
        {"sha256": "x"}, {"sha256": None}, {"detected_type": 1}, {"inner": [[1, "a", True]]}, {"inner": 1},
    ],
)  # fmt: skip
def test_a_strange_answer_is_none(examined, answer, strange):
    answer(SEEN | strange)
    assert [each.handler for each in examined(b"Hej", name="a.txt").findings] == [STRANGE]


def test_words_of_a_child_are_such_as_the_database_takes(examined, answer):
    found = [["pdf_script", "Filen\0 är \ud800\u202eond" + "x" * 9000]]
    answer(SEEN | {"facts": {"came\0ra": "a\0b\nc"}, "findings": found, "detected_type": "text/\0plain"})
    seen = examined(b"Hej", name="a.txt")
    assert (dict(seen.facts), seen.detected_type) == ({"came ra": "a b c"}, "text/ plain")
    assert seen.findings[0].handler.startswith("Filen  är   ondxxx")
    assert len(seen.findings[0].handler) == 2000


def test_the_words_for_the_citizen_are_ours(examined, answer):
    answer(SEEN | {"findings": [["pdf_script", "Innehåller skript."]]})
    assert examined(b"Hej", name="a.txt").findings[0].citizen.startswith("Filen har kommit fram. Vi öppnar")


def test_of_too_many_findings_the_worst_are_kept(examined, answer):
    many = [["image_has_position", f"Filen berättar {number}"] for number in range(900)]
    answer(SEEN | {"findings": [*many, ["malware", "Skadlig kod: x."]]})
    seen = examined(b"Hej", name="a.txt")
    assert (len(seen.findings), seen.verdict(is_received=True)) == (500, "quarantine")


def test_a_child_that_took_out_more_than_there_is_room_for_is_not_believed(examined, answer):
    answer(SEEN | {"inner": [["a.txt", "a", True]] * 3})
    assert [each.handler for each in examined(b"Hej", within(max_entries=2), "a.txt").findings] == [STRANGE]


def test_a_container_that_fills_the_disk_is_not_analysable(examined, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    def here(act, argument, **bounds):
        from intake.files.examine import look_alone

        return look_alone(argument)

    monkeypatch.setattr(Looking, "take_out", full)
    monkeypatch.setattr(sandbox, "run", here)
    (found,) = examined(zipped(a_txt="Hej")).findings
    assert found.handler == "Gick inte att analysera: det finns inte plats att packa upp den."


def test_where_no_folder_can_be_made_the_work_waits(tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes(b"Hej")
    with pytest.raises(StorageError):
        examine("a.txt", file, LIMITS, tmp_path / "missing")


def test_limits_of_the_house_leave_room_for_an_archive_in_an_archive():
    inside = LIMITS.inside
    assert inside.max_taken_out_bytes >= inside.max_unpacked_bytes + LIMITS.max_upload_bytes
