"""A whole matter leaves the house as one sealed zip: why stands in the record, the seal in the history."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile

import pytest
import pyzipper

from intake import storage
from intake.extensions import db
from intake.models import AccessLog, Attachment, Event, Letter, Matter
from intake.sealing import verify
from tests import desk
from tests.letters_home import address_of, deliver, letter, matters

PHOTO = b"\xff\xd8 a photo " * 1000


@pytest.fixture
def export(tmp_path):
    """Press the button on the page; returns the zip, opened, and its verification."""

    def pressed(person, reference, reason="Till åklagaren"):
        path = f"/arende/{reference}/exportera"
        answer = person.post(path, page=person.get(path), reason=reason)
        assert answer.status_code == 200, answer.text
        file = tmp_path / "export.zip"
        file.write_bytes(answer.data)
        return answer, zipfile.ZipFile(io.BytesIO(answer.data)), verify(file)

    return pressed


def manifest_of(opened):
    return json.loads(opened.read("manifest.json"))


def states(opened):
    return {each["name"]: each["state"] for each in manifest_of(opened)["originals"]}


def test_a_matter_leaves_with_all_that_came_and_was_done(anna, bring, export):
    reference = bring(files=(("cykel.jpg", PHOTO), ("avtal.pdf", b"%PDF-")), text="Min cykel är borta.")
    anna.act(reference, "ta")
    anna.act(reference, "anteckna", note="Ringde kl. 9.")
    answer, opened, found = export(anna, reference)
    assert found.faults == ()
    assert answer.headers["Content-Disposition"].endswith(f'{reference}-{found.seal.digest[:12]}.zip"')
    assert opened.read("filer/001-cykel.jpg") == PHOTO
    told = opened.read("meddelanden.txt").decode()
    assert "Min cykel är borta." in told
    assert "Ringde kl. 9." in told
    assert [each["what"] for each in json.loads(opened.read("handelser.json"))] == [
        "accepted",
        "taken",
        "noted",
    ]
    files = json.loads(opened.read("filer.json"))
    assert files[0]["sha256"] == hashlib.sha256(PHOTO).hexdigest()
    assert "storage_key" not in files[0]
    assert states(opened) == {"filer/001-cykel.jpg": "whole", "filer/002-avtal.pdf": "whole"}


def test_the_seal_stands_in_the_history_and_on_the_page_and_the_look_in_the_record(anna, bring, export, seen):
    reference = bring(files=(("cykel.jpg", PHOTO),))
    _, _, found = export(anna, reference)
    event = seen.query(Event).filter(Event.what == "exported").one()
    assert (event.detail["digest"], event.detail["key"]) == (found.seal.digest, found.seal.key)
    look = seen.query(AccessLog).filter(AccessLog.what == "export").one()
    assert (look.actor, look.reason) == ("Anna Lindgren", "Till åklagaren")
    page = desk.text_of(anna.get(f"/arende/{reference}/exportera")).replace(" ", "")
    assert found.seal.digest in page
    assert found.seal.key in page
    assert f"sigill {found.seal.digest[:12]}" in anna.page(reference).text


def test_who_worked_with_it_in_another_region_is_named_too(anna, sit, bring, export):
    nils = sit("nils.nord@example.se", *desk.seats("nord"), name="Nils Nord")
    reference = bring(municipality="2480")
    export(nils, reference)
    nils.act(reference, "lamna-over", receiver="syd-kontaktcenter", why="Bor i Malmö nu")
    _, opened, _ = export(anna, reference)
    told = json.loads(opened.read("handlaggare.json"))
    assert "Nils Nord" in [each["name"] for each in told]
    assert "Nils Nord" in desk.text_of(anna.get(f"/arende/{reference}/exportera"))


def test_without_a_reason_nothing_leaves(anna, bring, seen):
    path = f"/arende/{bring()}/exportera"
    answer = anna.post(path, page=anna.get(path))
    assert (answer.status_code, answer.mimetype) == (422, "text/html")
    assert seen.query(AccessLog).filter(AccessLog.what == "export").count() == 0


def test_another_units_matter_does_not_leave(anna, bring, caplog):
    path = f"/arende/{bring(municipality='2480')}/exportera"
    assert anna.get(path).status_code == 404
    assert anna.post(path, reason="x").status_code == 404
    assert caplog.text.count("refused handler=") == 2


def test_originals_in_quarantine_stay_but_are_named(anna, bring, worker_app, export):
    reference = bring(files=(("ond.exe", b"MZ ond"),))
    desk.check_as(worker_app, reference, "quarantine")
    _, opened, found = export(anna, reference)
    (original,) = manifest_of(opened)["originals"]
    assert (original["state"], original["sha256"]) == ("withheld", hashlib.sha256(b"MZ ond").hexdigest())
    assert not any(name.startswith("filer/") for name in opened.namelist())
    assert found.faults == ()
    assert "1 original i karantän följde inte med" in anna.get(f"/arende/{reference}/exportera").text


def test_for_their_role_they_leave_under_lock(sit, bring, worker_app, export):
    reference = bring(files=(("ond.exe", b"MZ ond"),))
    desk.check_as(worker_app, reference, "quarantine")
    seats = (("syd-kontaktcenter", "file_quarantine"), *desk.seats("syd"))
    filip = sit("filip@example.se", *seats, name="Filip Berg")
    _, opened, found = export(filip, reference)
    assert states(opened) == {"filer/001-ond.exe": "locked"}
    with pyzipper.AESZipFile(io.BytesIO(opened.read("filer/001-ond.exe.zip"))) as locked:
        assert locked.read("001-ond.exe", pwd=b"karantan") == b"MZ ond"
    assert found.faults == ()


def test_a_letter_leaves_as_it_came_once_for_each_time_it_came(sit, worker_app, export):
    raw = letter(Message_ID="<1@example.com>")
    with worker_app.app_context():
        deliver(raw, "syd@example.se")
        deliver(b"Received: by another way\r\n" + raw, "syd@example.se")
        reference = matters()[0].reference
    _, opened, _ = export(sit("anna@example.se", *desk.seats("syd")), reference)
    letters = [name for name in opened.namelist() if name.startswith("brev/")]
    assert letters == ["brev/001.eml", "brev/002.eml"]
    assert opened.read("brev/001.eml").endswith(raw)


def told_of(opened):
    """Return all that the register tells in an export, without the raw letters, in one text."""
    told = [name for name in opened.namelist() if not name.startswith(("brev/", "filer/"))]
    return "\n".join(opened.read(name).decode() for name in told)


def test_of_a_letter_to_several_sides_each_export_tells_of_its_own(sit, worker_app, export):
    with worker_app.app_context():
        deliver(letter("Min cykel stals."), "syd@example.se", "su@example.se", "nord@example.se")
        refs = {matter.unit_id.partition("-")[0]: matter.reference for matter in matters()}
        ids = {matter.unit_id.partition("-")[0]: str(matter.id) for matter in matters()}
    anna = sit("anna@example.se", *desk.seats("syd"), *desk.seats("nord"))
    _, opened, _ = export(anna, refs["syd"])
    (row,) = json.loads(opened.read("brev.json"))
    assert row["envelope_to"] == ["syd@example.se"]
    told = told_of(opened)
    for side in ("su", "nord"):
        others = (f"{side}@", f"side:{side}", ids[side], refs[side])
        assert [each for each in others if each in told] == []


def test_nor_of_another_matter_that_the_same_letter_was_sent_to(sit, worker_app, export):
    with worker_app.app_context():
        deliver(letter("Min cykel stals."), "syd@example.se")
        other = matters()[0]
        reference, address = other.reference, address_of(other)
        more = letter("Min cykel stals, och min bil.", Message_ID="<2@example.com>")
        deliver(more, "syd@example.se", address)
        (new,) = [matter.reference for matter in matters() if matter.reference != reference]
    _, opened, _ = export(sit("anna@example.se", *desk.seats("syd")), new)
    (row,) = json.loads(opened.read("brev.json"))
    assert row["envelope_to"] == ["syd@example.se"]
    assert [each for each in ("arende+", reference) if each in told_of(opened)] == []


def test_what_a_handler_decided_is_told_with_what_it_was_before(anna, bring, export):
    reference = bring()
    anna.act(reference, "sortera", category="bedrageri", priority="2", why="Det är ett bedrägeri.")
    _, opened, _ = export(anna, reference)
    event = json.loads(opened.read("handelser.json"))[-1]
    assert event["what"] == "sorted"
    assert {"was", "now", "rule", "note"} == set(event["detail"])


def test_a_letter_tells_its_way_but_not_the_mailbox_and_never_a_whole_token(sit, worker_app, export):
    with worker_app.app_context():
        deliver(letter(), "syd@example.se")
        (matter,) = matters()
        address = address_of(matter)
        deliver(letter("Mer.", Message_ID="<2@example.com>"), address)
        for row in db.session.query(Letter):
            row.trace = {**row.trace, "mailbox": "su", "tls": "TLSv1.3"}
        db.session.commit()
        reference = matter.reference
    _, opened, _ = export(sit("anna@example.se", *desk.seats("syd")), reference)
    first, second = json.loads(opened.read("brev.json"))
    assert (first["trace"]["tls"], "mailbox" in first["trace"]) == ("TLSv1.3", False)
    assert second["envelope_to"][0].startswith("arende+")
    assert address not in told_of(opened)


def test_another_matter_is_not_named_not_even_one_that_it_was_merged_with(anna, bring, export, seen):
    kept, gone, named = bring(), bring(text="Hör till den andra."), bring()
    anna.act(gone, "sammanfor", into=kept)
    matters = {row.reference: row for row in seen.query(Matter)}
    seen.query(Matter).filter(Matter.reference == kept).update({"possible_of_id": matters[named].id})
    seen.commit()
    anna.act(kept, "hor-inte-dit")
    for one, others in ((kept, (gone, named)), (gone, (kept, named))):
        _, opened, _ = export(anna, one)
        told = told_of(opened)
        for other in others:
            assert other not in told
            assert str(matters[other].id) not in told
    _, opened, _ = export(anna, kept)
    assert "Hör till den andra." in opened.read("meddelanden.txt").decode()
    assert "merged_from" in opened.read("handelser.json").decode()


def test_no_table_goes_out_with_more_than_the_columns_that_are_named(anna, bring, export):
    _, opened, _ = export(anna, bring(files=(("cykel.jpg", PHOTO),)))
    for inner in ("storage_key", "possible_of_id", "merged_into_id", "address_id", "body_digest"):
        assert f'"{inner}"' not in told_of(opened)


def test_a_locked_file_with_a_long_name_can_be_unpacked(sit, bring, worker_app, export):
    reference = bring(files=(("å" * 150 + ".exe", b"MZ ond"),))
    desk.check_as(worker_app, reference, "quarantine")
    seats = (("syd-kontaktcenter", "file_quarantine"), *desk.seats("syd"))
    filip = sit("filip@example.se", *seats, name="Filip Berg")
    _, opened, found = export(filip, reference)
    (name,) = states(opened)
    outer = f"{name}.zip".rpartition("/")[2]
    assert len(outer.encode()) <= 255
    assert outer.endswith(".exe.zip")
    with pyzipper.AESZipFile(io.BytesIO(opened.read(f"{name}.zip"))) as locked:
        assert locked.namelist() == [outer.removesuffix(".zip")]
    assert found.faults == ()


def test_bytes_that_are_gone_or_are_not_those_that_came_are_told_of(anna, bring, worker_app, export):
    reference = bring(files=(("a.jpg", b"a"), ("b.jpg", b"b")))
    with worker_app.app_context():
        gone, other = db.session.query(Attachment).order_by(Attachment.position)
        storage.current().delete(gone.storage_key)
        key = other.storage_key
        storage.current().delete(key)
        storage.current().put(key, io.BytesIO(b"c"))
    _, opened, found = export(anna, reference)
    assert states(opened) == {"filer/001-a.jpg": "missing", "filer/002-b.jpg": "changed"}
    assert found.faults == ()
