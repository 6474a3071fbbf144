"""What the web does with files made to harm, before and after sending (cases 13-40).

Each is looked through, gets the verdict that it deserves, in words, and is kept bit-exact whatever that is.
"""

from __future__ import annotations

import io
import re
from html import escape
from urllib.parse import unquote

import pytest
import pyzipper
from PIL import Image
from sqlalchemy import func, select

from intake import storage, web
from intake.files.findings import KINDS
from intake.models import DraftFile, Matter
from intake.scanner import Scan
from tests.citizen.person import words
from tests.file_samples import SHORTCUT
from tests.hostile.samples import ACCEPTED, EICAR, INFECTED, QUARANTINED, REFUSED, WARNED
from tests.parts import Uploader, b64
from tests.workers.test_uploads import work
from workers import process


def states(listed):
    return {name: state for name, (_, state) in listed.items()}


def assert_is_download(answer, data):
    assert answer.status_code == 200
    assert answer.data == data
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert answer.headers["Content-Security-Policy"] == web.BYTES_POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def original(desk, address):
    """Fetch an original by the button on its file's page; press it also where there is none."""
    page = desk.get(address)
    verdict = re.search(r'name="verdict" value="(\w+)"', page.text)
    told = verdict[1] if verdict else "quarantine"
    return desk.post(address, page=page, verdict=told, reason="Ska analyseras.")


# What a handler is told of each, besides its verdict.
TOLD = {
    "16-sida.jpg": "content_disagrees",
    "17-program.pdf": "content_disagrees",
    "18-genvag.pdf": "content_disagrees",
    "19-med-zip.jpg": "hidden_content",
    "20-med-jar.gif": "hidden_content",
    "20-med-zip.pdf": "hidden_content",
    "21-svg.jpg": "content_disagrees",
    "22-stor.png": "image_too_large",
    "23-stor.jpg": "image_too_large",
    "24-bomb.zip": "archive_too_large",
    "25-overlapp.zip": "archive_too_large",
    "26-ljuger.zip": "archive_damaged",
    "27-uppat.zip": "archive_unsafe_path",
    "28-lank.zip": "archive_link",
    "29-tio.zip": "archive_nested",
    "32-kor.docx": "office_macros_run",
    "32-makron.docx": "office_macros",
    "33-entiteter.docx": "xml_doctype",
    "34-losen.docx": "file_encrypted",
    "34-losen.pdf": "file_encrypted",
    "34-losen.zip": "file_encrypted",
    "35-med-program.pdf": "pdf_attachment",
    "35-skript.pdf": "pdf_script_by_itself",
    "35-startar.pdf": "pdf_launches",
    "36-strom.pdf": "pdf_bomb",
    "37-avkortad.jpg": "image_truncated",
    "39-plats.jpg": "image_has_position",
}


def assert_is_told(desk, name, address):
    sentence = KINDS[TOLD[name]].handler.partition("{")[0]
    assert sentence in words(desk.get(address).text), name


def test_what_is_ordinary_is_accepted_and_kept_bit_exact(send, check, anna, files_of):
    send(ACCEPTED)
    check()
    listed = files_of(anna)
    assert states(listed) == dict.fromkeys(ACCEPTED, "kontrollerad")
    for name, data in ACCEPTED.items():
        assert_is_download(original(anna, listed[name][0]), data)
    assert_is_told(anna, "39-plats.jpg", listed["39-plats.jpg"][0])


def test_what_may_do_harm_or_cannot_be_read_is_passed_on_with_a_warning_that_says_why(
    send, check, anna, files_of
):
    send(WARNED)
    check()
    listed = files_of(anna)
    assert states(listed) == dict.fromkeys(WARNED, "med varning")
    for name, data in WARNED.items():
        assert_is_told(anna, name, listed[name][0])
        assert_is_download(original(anna, listed[name][0]), data)


def test_what_hides_bursts_or_runs_is_quarantined_with_its_reason_and_the_citizen_gets_a_number(
    send, check, anna, sit, files_of, seen
):
    (receipt,) = send(QUARANTINED)
    check()
    assert seen.scalars(select(Matter.reference)).one() in receipt
    listed = files_of(anna)
    assert states(listed) == dict.fromkeys(QUARANTINED, "i karantän")
    special = sit("filip@example.se", ("syd-kontaktcenter", "file_quarantine"), name="Filip Berg")
    for name, (address, _) in listed.items():
        assert_is_told(anna, name, address)
        assert original(anna, address).status_code == 403
        assert unlocked(original(special, address), name) == QUARANTINED[name]


def unlocked(answer, name):
    """Return what lies in the locked archive in which a quarantined file is fetched."""
    assert answer.status_code == 200
    with pyzipper.AESZipFile(io.BytesIO(answer.data)) as locked:
        return locked.read(name, pwd=b"karantan")


SHOWN = {name: (ACCEPTED | WARNED)[name] for name in (
    "31-google.docx", "35-skript.pdf", "35-startar.pdf", "37-avkortad.jpg", "38.heic", "39-plats.jpg"
)}  # fmt: skip


def test_what_may_be_seen_is_shown_as_pictures_of_our_own(send, check, draw, anna, files_of):
    send(SHOWN)
    check()
    draw()
    for name, (address, _) in files_of(anna).items():
        page = anna.get(address).text
        picture = re.search(r'<img class="sheet" src="([^"]+)"', page)
        assert picture or "Jag såg bilen på Väg 55." in page, name
        if picture:
            shown = Image.open(io.BytesIO(anna.get(picture[1]).data))
            assert (shown.format in ("JPEG", "PNG"), dict(shown.getexif())) == (True, {})


def test_nothing_of_a_quarantined_file_is_drawn_or_shown(send, check, draw, anna, files_of):
    held = {name: QUARANTINED[name] for name in ("16-sida.jpg", "19-med-zip.jpg")}
    send(held)
    check()
    draw()
    for address, _ in files_of(anna).values():
        page = anna.get(address).text
        assert "Därför visas inget av den här." in page
        assert "<img" not in page
        assert anna.get(f"{address}/bild/1").status_code == 404


def test_of_a_document_that_holds_a_program_the_pages_are_shown_and_the_program_is_not(
    send, check, draw, anna, files_of
):
    send({"35-med-program.pdf": QUARANTINED["35-med-program.pdf"]})
    check()
    draw()
    ((address, state),) = files_of(anna).values()
    assert (state, original(anna, address).status_code) == ("i karantän", 403)
    assert "Originalet är i karantän eftersom en av filerna i den kan vara farlig." in anna.get(address).text
    assert anna.get(f"{address}/bild/1").status_code == 200
    assert "Därför visas inget av den här." in anna.get(f"{address}?del=1").text
    assert anna.get(f"{address}/bild/1?del=1").status_code == 404


@pytest.mark.parametrize(
    ("name", "signature"),
    [
        ("31-google.docx", "Heuristics.OLE2.ContainsMacros.VBA"),
        ("38.mov", "Heuristics.Encrypted.Zip"),
    ],
)
def test_what_the_scanner_could_not_see_into_is_passed_on_with_a_warning(
    send, check, scanner, anna, files_of, name, signature
):
    scanner.answer = Scan(is_infected=False, signature=signature)
    send({name: ACCEPTED[name]})
    check()
    ((address, state),) = files_of(anna).values()
    assert state == "med varning"
    assert f"Virusskannern anmärkte: {signature}." in anna.get(address).text


def test_what_the_scanner_finds_infected_also_far_within_opens_to_no_handler_and_is_kept(
    send, check, scanner, anna, sit, files_of, seen
):
    # As clamd does, it opens the archive by itself, and sees nothing of what is packed in the PDF.
    found = Scan(is_infected=True, signature="Eicar-Test")
    scanner.answers = {EICAR: found, INFECTED["40-packad.zip"]: found}
    (receipt,) = send(INFECTED)
    check()
    assert seen.scalars(select(Matter.reference)).one() in receipt
    listed = files_of(anna)
    assert states(listed) == dict.fromkeys(INFECTED, "i karantän")
    special = sit("filip@example.se", ("syd-kontaktcenter", "file_quarantine"), name="Filip Berg")
    for name, (address, _) in listed.items():
        assert "Skadlig kod: Eicar-Test" in anna.get(address).text
        assert original(anna, address).status_code == 403
        opened = original(special, address)
        assert INFECTED[name] not in opened.data
        assert unlocked(opened, name) == INFECTED[name]


@pytest.mark.parametrize("name", REFUSED)
def test_a_type_that_is_not_taken_is_refused_before_sending_in_both_ways(citizen, seen, name):
    uploader = Uploader(citizen)
    data = REFUSED[name]
    told = [uploader.add(data, name), uploader.create(size=len(data), name=name)]
    assert [answer.status_code for answer in told] == [422, 415]
    for text in (words(told[0].text), told[1].json["message"]):
        assert f"Filen ”{name}” är av en typ som inte kan tas emot här." in text
        assert "Din text är sparad." in text
    # A way out: in words, or as the address that the page's script tells of.
    assert "mejla sedan filen till adressen på kvittot, så hamnar den i samma ärende" in words(told[0].text)
    assert told[1].json["address"].startswith("arende+")
    assert seen.scalar(select(func.count()).select_from(DraftFile)) == 0
    assert list(citizen.application.extensions["storage"].keys()) == []


def test_what_a_person_adds_is_given_out_by_no_page_of_the_citizens(person, seen):
    person.begin().tell().add((b"HEMLIGT", "a.txt"))
    file_id = seen.scalars(select(DraftFile.id)).one()
    for address in (f"filer/{file_id}", f"filer/{file_id}/ta-bort", f"uppladdningar/{file_id}"):
        answer = person.get(address)
        assert answer.status_code in (303, 404, 405)
        assert b"HEMLIGT" not in answer.data


def test_where_a_photo_was_taken_is_told_before_it_is_sent(person):
    assert "var och när de gjordes" in words(person.begin().get("filer").text)


def test_a_file_found_out_after_it_was_shown_as_waiting_is_locked(send, check, anna, files_of):
    send({"a.pdf": SHORTCUT})
    ((address, state),) = files_of(anna).values()
    assert (state, original(anna, address).status_code) == ("väntar på kontroll", 200)
    check()
    assert original(anna, address).status_code == 403


NAMES = {
    "a\0b.txt": "a\ufffdb.txt",
    "foto\u202egpj.txt": "fotogpj.txt",
    "n" * 300 + ".txt": "n" * 251 + ".txt",
    "å😀.txt": "å😀.txt",
    "A\u030asa.txt": "Åsa.txt",
    "../../x.txt": "x.txt",
    "C:\\x\\y.txt": "y.txt",
    "CON.txt": "CON.txt",
    "<b>x.txt": "&lt;b&gt;x.txt",
    "a.txt\r\nX-Other: 1.txt": "a.txtX-Other: 1.txt",
}


class TestNames:
    """Sent in parts, since browsers and servers themselves change what a form calls a file."""

    @pytest.fixture
    def receipt(self, citizen, check, clock):
        uploader = Uploader(citizen)
        for name in NAMES:
            answer = uploader.create(3, name, Upload_Metadata=f"filename {b64(name)}")
            assert uploader.patch(answer.location, 0, b"hej").status_code == 204
        work(process.app(), clock)
        uploader.send()
        check()
        return citizen.get("/kvitto").text

    @pytest.mark.usefixtures("receipt")
    def test_a_name_is_shown_without_its_tricks_and_saved_under_itself(self, sit, files_of):
        anna = sit("anna@example.se", ("nationell-inkorg", "handler"))
        listed = files_of(anna)
        assert sorted(listed) == sorted(NAMES.values())
        for name, (address, _) in listed.items():
            value = original(anna, address).headers["Content-Disposition"]
            assert re.fullmatch(r"attachment; filename=\"[ -~]+\"(; filename\*=UTF-8''[!-~]+)?", value)
            carried = unquote(value.partition("filename*=UTF-8''")[2]) or value.split('"')[1]
            assert escape(carried) == name

    def test_the_receipt_shows_it_too(self, receipt):
        assert [shown for shown in NAMES.values() if shown not in receipt] == []
        assert "\u202e" not in receipt

    @pytest.mark.usefixtures("receipt")
    def test_the_bytes_lie_under_a_name_of_our_own(self):
        with process.app().app_context():
            keys = list(storage.current().keys())
        assert len(keys) >= len(NAMES)
        assert all(re.fullmatch(r"(draft|part)/[0-9a-f-]{36}", key) for key in keys)
