"""When the scanner, the queue, the database or the disk is away while somebody sends (cases 41-44)."""

from __future__ import annotations

import errno
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from intake.errors import ScannerAway
from intake.models import DraftFile, DraftKey, Job, Matter, UploadPart
from intake.scanner import Scan
from intake.storage import FolderStorage, System
from tests.citizen.person import STORY, Person, words
from tests.citizen.test_away import let_in, lock_out
from tests.journeys.service import free_ports
from tests.parts import FILM, Uploader


def test_without_a_scanner_the_matter_is_there_its_file_waits_and_is_scanned_later(
    send, check, scanner, anna, files_of
):
    scanner.answer = ScannerAway("no answer")
    send({"a.txt": b"hej"})
    check()
    ((address, state),) = files_of(anna).values()
    assert state == "väntar på kontroll"
    page = anna.get(address).text
    assert "Filen väntar på kontroll. Vi vet inte än om den är farlig." in page
    assert "Hämta originalet" in page
    scanner.answer = Scan(is_infected=False, signature=None)
    check()
    assert files_of(anna) == {"a.txt": (address, "kontrollerad")}


class TestWithoutAQueue:
    @pytest.fixture
    def settings(self, settings):
        (port,) = free_ports(1)
        return replace(settings, redis_url=f"redis://127.0.0.1:{port}/0")

    def test_a_form_is_accepted_placed_and_shown_and_its_work_waits(self, send, anna, files_of, seen):
        (receipt,) = send({"a.txt": b"hej"})
        assert seen.scalars(select(Matter.reference)).one() in receipt
        assert set(files_of(anna)) == {"a.txt"}
        owed = select(Job.kind).where(Job.done_at.is_(None)).order_by(Job.kind)
        assert seen.scalars(owed).all() == ["check_file", "read_signs", "send_letter"]


def test_without_a_database_a_part_is_told_what_is_saved_and_can_be_sent_again(citizen, database):
    uploader = Uploader(citizen)
    place = uploader.begin()
    lock_out(database, database.urls["citizen"])
    try:
        answers = [uploader.patch(place, 0, FILM), uploader.create()]
    finally:
        let_in(database, database.urls["citizen"])
    for answer in answers:
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
        assert answer.json["message"] == (
            "Tjänsten svarar inte just nu. Det du har skrivit är sparat."
            " Det som redan har kommit fram av filen finns kvar. Vänta en stund och försök igen."
        )
    assert uploader.patch(place, 0, FILM).status_code == 204


def test_without_a_database_files_are_not_claimed_to_be_taken(person, database, seen):
    person.begin().tell()
    token = person.token("filer")
    lock_out(database, database.urls["citizen"])
    try:
        answer = person.client.post(
            person.at("filer"), data={"csrf_token": token}, content_type="multipart/form-data"
        )
    finally:
        let_in(database, database.urls["citizen"])
    assert answer.status_code == 503
    told = words(answer.text)
    assert "Inget är skickat. Felet ligger hos oss, inte hos dig." in told
    assert "Det du hade sparat före den här sidan finns kvar." in told
    assert "Vänta en stund och försök igen." in told


class FullDisk(System):
    """A disk on which some bytes more have room, and the others none."""

    room_bytes = 1000

    def write(self, descriptor, data):
        if not self.room_bytes:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = super().write(descriptor, data[: self.room_bytes])
        self.room_bytes -= written
        return written


@pytest.fixture
def on_full_disk(make_app, tmp_path):
    storage = FolderStorage(tmp_path / "files", 0, FullDisk())
    return make_app("citizen", storage=storage)


def assert_nothing_is_half_there(seen, tmp_path, caplog):
    for table in (DraftFile, DraftKey, UploadPart):
        assert seen.scalar(select(func.count()).select_from(table)) == 0
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []
    assert any(
        "StorageFull" in record.getMessage() for record in caplog.records if record.levelname == "ERROR"
    )


def test_a_disk_that_fills_in_a_form_keeps_no_half_file_and_takes_the_text(
    on_full_disk, tmp_path, seen, caplog
):
    person = Person(on_full_disk.test_client()).begin().tell()
    answer = person.add((FILM, "film.mp4"))
    assert answer.status_code == 503
    told = words(answer.text)
    assert "Just nu kan vi inte ta emot filer. Texten kan skickas. Försök med filerna om en stund," in told
    assert "eller mejla dem till adressen på kvittot när du har skickat texten." in told
    assert_nothing_is_half_there(seen, tmp_path, caplog)
    assert STORY in person.get("granska").text
    assert person.send().location == "/kvitto"


def test_a_disk_that_fills_in_a_part_keeps_no_half_part_and_says_so(on_full_disk, tmp_path, seen, caplog):
    uploader = Uploader(on_full_disk.test_client())
    place = uploader.begin()
    answer = uploader.patch(place, 0, FILM)
    assert answer.status_code == 507
    assert answer.json["message"] == (
        "Just nu har vi inte plats för filen. Det du har skrivit är sparat. Vänta en stund och försök igen."
    )
    assert_nothing_is_half_there(seen, tmp_path, caplog)
    assert uploader.head(place).headers["Upload-Offset"] == "0"
