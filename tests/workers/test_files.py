"""An attachment's way from received to seen: looked through, scanned, scanned again, drawn."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta

import pikepdf
import pytest
from PIL import Image
from sqlalchemy import delete, select

from intake import ledger, outbox, storage
from intake.errors import AnalysisFailed, ScannerAway
from intake.extensions import db
from intake.matters import checks, viewing
from intake.models import Attachment, Event, FileText, Job, Rendition, ScannerState
from intake.scanner import Scan
from tests.letters_home import deliver, letter, receive
from tests.scanners import CLEAN, Scanner
from tests.workers.working import the, work
from workers import process


@pytest.fixture
def scanner():
    return Scanner(CLEAN)


@pytest.fixture(autouse=True)
def app(make_app, scanner, monkeypatch):
    app = make_app("citizen", "worker", scanner=scanner)
    monkeypatch.setattr(process, "app", lambda: app)
    with app.app_context():
        yield app


def bring(name, data):
    """Let a file come in by mail and be checked."""
    deliver(letter(files=((name, data),)))
    work("check_file")
    return the(Attachment)


def codes():
    return {found["code"] for found in the(Attachment).findings}


def photo():
    stream = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(stream, "JPEG")
    return stream.getvalue()


def zipped(**entries):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name.replace("_", "."), data)
    return stream.getvalue()


def pdf_holding(name, data):
    stream = io.BytesIO()
    with pikepdf.new() as document:
        document.add_blank_page()
        document.attachments[name] = data
        document.save(stream)
    return stream.getvalue()


def test_what_lies_in_a_pdf_is_handed_to_the_scanner_by_itself(scanner):
    scanner.answers["ont uppsåt".encode()] = Scan(True, "Eicar-Test")
    file = bring("a.pdf", pdf_holding("brev.txt", "Här finns ont uppsåt.".encode()))
    assert file.verdict == "quarantine"
    assert "I brev.txt: Skadlig kod: Eicar-Test." in "".join(found["handler"] for found in file.findings)


def test_where_the_scanner_hit_a_limit_a_file_is_not_called_clean(scanner):
    scanner.answer = Scan(False, None, is_whole=False)
    assert bring("bild.jpg", photo()).verdict == "not_scanned"
    assert "scan_incomplete" in codes()


def test_a_limit_leaves_a_worse_verdict_as_it_is(scanner):
    scanner.answer = Scan(False, None, is_whole=False)
    assert bring("bild.jpg", b"MZ" + b"\0" * 300).verdict == "quarantine"


def test_what_is_locked_already_needs_no_scanner(scanner):
    scanner.answer = ScannerAway("no answer")
    assert bring("bild.jpg", b"MZ" + b"\0" * 300).verdict == "quarantine"
    assert the(Attachment).scanned_with is None


def test_what_lies_in_an_archive_is_listed_with_its_own_verdict():
    file = bring("allt.zip", zipped(bild_jpg=photo(), prog_exe=b"MZ" + b"\0" * 300))
    assert file.verdict == "quarantine"
    assert {each["name"]: each["verdict"] for each in file.contents} == {
        "bild.jpg": "accept",
        "prog.exe": "quarantine",
    }
    assert "I prog.exe:" in "".join(found["handler"] for found in file.findings)


def test_what_a_letter_laid_beside_is_not_listed_once_more():
    inner = letter("Inre", files=(("inre.txt", b"Hej"),))
    deliver(letter(files=(("brev.eml", inner),)))
    work("check_file")
    files = db.session.scalars(select(Attachment).order_by(Attachment.position)).all()
    assert [(file.name, file.contents) for file in files] == [("brev.eml", []), ("inre.txt", [])]


def test_a_checked_file_gets_pictures_beside_it_and_nothing_is_lost():
    bring("bild.jpg", photo())
    work("draw_file")
    view = the(Rendition)
    assert (view.inner, view.number, view.width, view.height) == ("", 1, 40, 30)
    assert storage.current().size(view.storage_key) == view.size_bytes
    assert the(Attachment).drawn_at
    assert ledger.reconcile().is_whole


def test_the_text_of_a_file_is_kept_for_reading():
    bring("lapp.txt", "Bilen var grön, det såg Åsa.".encode())
    work("draw_file")
    assert the(FileText).text.startswith("Bilen var grön, det såg Åsa.")


def test_what_lies_in_an_archive_is_drawn_by_itself():
    bring("allt.zip", zipped(ett_jpg=photo(), tva_txt=b"Hej"))
    work("draw_file")
    assert [view.inner for view in db.session.scalars(select(Rendition))] == ["1"]
    assert [text.inner for text in db.session.scalars(select(FileText))] == ["2"]


def test_drawing_again_replaces_what_was_drawn():
    file = bring("bild.jpg", photo())
    work("draw_file")
    outbox.add("draw_file", file.id, dedupe="again")
    db.session.commit()
    first = the(Rendition).storage_key
    work("draw_file")
    assert the(Rendition).storage_key != first


def test_a_file_in_quarantine_is_never_drawn():
    bring("bild.jpg", b"MZ" + b"\0" * 300)
    assert not db.session.scalars(select(Job).where(Job.kind == "draw_file")).all()


def test_a_file_that_cannot_be_drawn_says_why(monkeypatch):
    def fail(*_):
        raise AnalysisFailed("det tog för lång tid")

    monkeypatch.setattr(viewing.files, "draw", fail)
    bring("bild.jpg", photo())
    work("draw_file")
    assert the(Attachment).view_problem == "Filen gick inte att visa: det tog för lång tid."
    assert the(Attachment).drawn_at


def test_new_signatures_let_lately_received_files_be_scanned_again(scanner):
    bring("bild.jpg", photo())
    assert checks.scan_again(10) == 0
    scanner.version, scanner.answer = "2", Scan(True, "Ny-Fara")
    assert checks.scan_again(10) == 1
    assert checks.scan_again(10) == 0
    work("check_again")
    assert (the(Attachment).verdict, the(Attachment).scanned_with) == ("quarantine", "2")
    assert "file_quarantined" in db.session.scalars(select(Event.what)).all()
    assert the(ScannerState).signatures == "2"


def test_an_older_check_never_overwrites_a_newer_one(scanner, clock):
    file = bring("bild.jpg", photo())
    older = checks.look_at(file)
    clock.at += timedelta(seconds=5)
    scanner.answer = Scan(True, "Ny-Fara")
    newer = checks.look_at(file)
    for checked in (newer, older):
        outbox.add("check_again", file.id, dedupe=f"again:{checked.began_at}")
        db.session.commit()
        job = db.session.scalars(select(Job.id).where(Job.dedupe == f"again:{checked.began_at}")).one()
        checks.record_check(file.id, checked, outbox.claim(job, "test:1:0.00"))
    assert the(Attachment).verdict == "quarantine"


@pytest.mark.parametrize("answer", [Scan(False, None, is_whole=False), ScannerAway("no answer"), None])
def test_only_a_whole_scan_lets_a_found_file_go(scanner, answer):
    scanner.answer = Scan(True, "Ny-Fara")
    file = bring("bild.jpg", photo())
    scanner.version, scanner.answer = "2", answer
    outbox.add("check_again", file.id, dedupe="again")
    db.session.commit()
    work("check_again")
    assert (the(Attachment).verdict, "malware" in codes()) == ("quarantine", True)


def test_what_a_whole_scan_finds_no_more_is_let_go_and_drawn(scanner):
    scanner.answer = Scan(True, "Falskt-Larm")
    file = bring("bild.jpg", photo())
    scanner.answer = CLEAN
    outbox.add("check_again", file.id, dedupe="again")
    db.session.commit()
    work("check_again")
    work("draw_file")
    assert the(Attachment).verdict == "accept"
    assert the(Rendition).number == 1
    assert "file_released" in db.session.scalars(select(Event.what)).all()


def test_one_bad_file_in_an_archive_leaves_the_others_to_be_seen():
    bring("allt.zip", zipped(bild_jpg=photo(), prog_exe=b"MZ" + b"\0" * 300))
    work("draw_file")
    assert the(Attachment).verdict == "quarantine"
    assert [view.inner for view in db.session.scalars(select(Rendition))] == ["1"]


def test_a_file_without_views_is_missed_and_asked_for():
    bring("bild.jpg", photo())
    db.session.execute(delete(Job).where(Job.kind == "draw_file"))
    db.session.commit()
    assert ledger.reconcile().exceptions["checked_file_without_views"]
    assert viewing.ask_missing() == 1
    work("draw_file")
    assert ledger.reconcile().is_whole


def test_new_letters_go_before_what_is_checked_again(scanner, clock):
    bring("bild.jpg", photo())
    scanner.version = "2"
    checks.scan_again(10)
    clock.at += timedelta(seconds=1)
    receive(letter())
    assert [sending.kind.task.rpartition(".")[2] for sending in outbox.take_due(9, "heavy")] == [
        "parse_letter",
        "draw_file",
        "check_file",
    ]


def test_a_flood_of_bad_files_is_told_of_in_few_words():
    many = {f"p{number}_exe": b"MZ" + b"\0" * 300 for number in range(60)}
    file = bring("allt.zip", zipped(**many))
    assert len(file.findings) == checks.MOST_FINDINGS + 1
    assert file.findings[-1]["handler"] == "Och 10 iakttagelser till."


def test_scanning_again_goes_a_few_at_a_time_and_leaves_the_old_alone(scanner, clock):
    deliver(letter(files=(("ett.jpg", photo()), ("två.jpg", photo()))))
    work("check_file")
    scanner.version = "2"
    assert [checks.scan_again(1), checks.scan_again(1)] == [1, 0]
    work("check_again")
    assert [checks.scan_again(1), checks.scan_again(1)] == [1, 0]
    work("check_again")
    clock.at += timedelta(days=15)
    scanner.version = "3"
    assert checks.scan_again(10) == 0


def test_a_file_that_no_scanner_saw_is_scanned_when_one_comes(scanner):
    scanner.answer = None
    assert bring("bild.jpg", photo()).verdict == "not_scanned"
    scanner.answer = CLEAN
    assert checks.scan_again(10) == 1
    work("check_again")
    assert the(Attachment).verdict == "accept"
