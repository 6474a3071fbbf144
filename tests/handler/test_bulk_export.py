"""Several matters out of the house at once: two persons, one sealed zip, a look for each matter."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text

from intake.access.person import PROOF_LASTS
from intake.models import AccessLog, Event, ExportRequest, Handler, Matter, MatterUnit
from intake.sealing import verify
from tests import desk
from tests.project import pages

PHOTO = b"\xff\xd8 a photo " * 100


@pytest.fixture
def karin(sit):
    """Somebody who coordinates the south, and so may approve."""
    return sit("karin@example.se", ("syd-inkorg", "coordinator"), name="Karin Holm")


@pytest.fixture
def kurt(sit):
    return sit("kurt@example.se", ("syd-utredning", "coordinator"), name="Kurt Ek")


@pytest.fixture
def knut(sit):
    return sit("knut@example.se", ("nord-inkorg", "coordinator"), name="Knut Nord")


def ask(person, *references, reason="Till åklagaren", **more):
    """Ask for an export; return the address of its page, or the answer that refuses."""
    page = person.get("/exporter/ny")
    said = {"references": "\n".join(references), "unit": "", "reason": reason} | more
    answer = person.post("/exporter/ny", page=page, **said)
    return answer.location if answer.status_code == 303 else answer


def decide(person, path, decision="ja"):
    return person.post(path, page=person.get(path), decision=decision)


def fetch(person, path):
    return person.post(f"{path}/hamta", page=person.get(path))


def is_fetched(answer):
    return answer.mimetype == "application/octet-stream"


def test_a_colleague_of_ones_own_making_does_not_approve_it(karin, anna, kurt, bring, seen):
    give = "/enheter/syd-inkorg/lagg-till"
    said = {"email": "anna.syd@example.se", "role": "coordinator", "reason": "x"}
    assert karin.post(give, page=karin.get(give), **said).status_code == 303
    path = ask(karin, bring())
    anna.sign_in()
    answer = decide(anna, path)
    assert (answer.status_code, "behöver någon annan godkänna" in answer.text) == (422, True)
    assert decide(kurt, path).status_code == 303


@pytest.fixture
def approved(anna, karin, bring):
    """Two matters that Anna may fetch; their references, and the address."""
    references = (bring(files=(("cykel.jpg", PHOTO),)), bring())
    path = ask(anna, *references)
    assert decide(karin, path).status_code == 303
    return references, path


def test_what_another_person_approved_leaves_as_one_sealed_zip_of_sealed_zips(anna, approved, tmp_path):
    references, path = approved
    answer = fetch(anna, path)
    assert is_fetched(answer), answer.text
    (tmp_path / "all.zip").write_bytes(answer.data)
    assert verify(tmp_path / "all.zip").faults == ()
    opened = zipfile.ZipFile(io.BytesIO(answer.data))
    manifest = json.loads(opened.read("manifest.json"))
    assert (manifest["exported_by"], manifest["approved_by"]) == ("Anna Lindgren", "Karin Holm")
    assert {each["reference"] for each in manifest["matters"]} == set(references)
    for each in manifest["matters"]:
        (tmp_path / "one.zip").write_bytes(opened.read(f"{each['reference']}.zip"))
        assert verify(tmp_path / "one.zip", digest=each["manifest_sha256"]).faults == ()
    inner = zipfile.ZipFile(io.BytesIO(opened.read(f"{references[0]}.zip")))
    assert inner.read("filer/001-cykel.jpg") == PHOTO


def test_each_matter_has_its_own_look_with_the_reason_and_who_approved(anna, approved, seen):
    fetch(anna, approved[1])
    looks = seen.query(AccessLog).filter(AccessLog.what == "export").all()
    assert {(look.actor, look.reason) for look in looks} == {
        ("Anna Lindgren", "Till åklagaren (godkänt av Karin Holm)")
    }
    assert {look.matter_id for look in looks} == {row.id for row in seen.query(Matter)}
    assert seen.query(Event).filter(Event.what == "exported").count() == 2


def test_without_room_nothing_leaves_and_nothing_was_looked_at(anna, approved, seen, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))
    answer = fetch(anna, approved[1])
    assert (answer.status_code, "inte plats" in answer.text) == (503, True)
    assert seen.query(AccessLog).filter(AccessLog.what == "export").count() == 0
    assert seen.query(ExportRequest.fetched_at).scalar() is None


def test_before_it_is_approved_and_after_it_was_refused_nothing_leaves(anna, karin, bring, seen):
    path = ask(anna, bring())
    assert fetch(anna, path).status_code == 422
    decide(karin, path, "nej")
    assert fetch(anna, path).status_code == 422
    assert seen.query(AccessLog).filter(AccessLog.what == "export").count() == 0


def test_nobody_approves_ones_own(karin, bring, seen):
    path = ask(karin, bring())
    answer = decide(karin, path)
    assert (answer.status_code, "Två personer behövs" in answer.text) == (422, True)
    assert decide(karin, path, "nej").status_code == 303
    assert seen.query(ExportRequest.decision).scalar() == "withdrawn"


def test_nor_somebody_who_handles_or_who_coordinates_elsewhere(anna, sit, knut, bring):
    path = ask(anna, bring())
    bo = sit("bo@example.se", *desk.seats("syd"), name="Bo Syd")
    for other in (bo, knut):
        assert other.get(path).status_code == 404
        assert decide(other, path).status_code == 404
        assert path not in other.get("/exporter").text


def test_who_approves_coordinates_every_unit_of_it(sit, karin, knut, bring):
    both = sit("both@example.se", *desk.seats("syd"), *desk.seats("nord"), name="Båda")
    nina = sit("nina@example.se", ("nationell-inkorg", "national_coordinator"), name="Nina Rik")
    path = ask(both, bring(), bring(municipality="2480"))
    for one in (karin, knut):
        assert decide(one, path).status_code == 404
    assert decide(nina, path).status_code == 303


def test_of_what_stands_behind_a_wall_only_its_coordinator_decides(sit, bring, seen):
    sara = sit("sara@example.se", ("su", "handler"), name="Sara Ek")
    siv = sit("siv@example.se", ("su", "coordinator"), name="Siv Dahl")
    nina = sit("nina@example.se", ("nationell-inkorg", "national_coordinator"), name="Nina Rik")
    reference = bring()
    seen.query(Matter).update({"unit_id": "su", "region": None})
    seen.query(MatterUnit).update({"unit_id": "su"})
    seen.commit()
    path = ask(sara, reference)
    assert nina.get(path).status_code == 404
    assert "väntar på ditt beslut" not in nina.get("/exporter").text
    assert decide(siv, path).status_code == 303
    assert is_fetched(fetch(sara, path))


def test_of_two_who_decide_at_once_one_wins(anna, karin, kurt, bring, seen):
    path = ask(anna, bring())
    asked = [(who, who.get(path), decision) for who, decision in ((karin, "ja"), (kurt, "nej"))]

    def press(who, page, decision):
        return who.post(path, page=page, decision=decision).status_code

    with ThreadPoolExecutor(2) as both:
        statuses = sorted(both.map(lambda each: press(*each), asked))
    assert statuses == [303, 422]
    assert seen.query(ExportRequest).one().decider_id is not None


def test_nobody_but_the_asker_fetches_it(karin, approved):
    assert fetch(karin, approved[1]).status_code == 422


@pytest.mark.parametrize("over", ["open_until", "expires_at"])
def test_neither_decision_nor_fetching_waits_for_ever(anna, karin, bring, seen, over):
    path = ask(anna, bring())
    if over == "open_until":
        decide(karin, path)
    seen.execute(text(f"UPDATE export_request SET {over} = now()"))
    seen.commit()
    assert decide(karin, path).status_code == 422
    assert fetch(anna, path).status_code == 422


def test_what_has_moved_away_stays_and_is_said(anna, approved, karin, seen):
    references, path = approved
    karin.act(references[1], "flytta", unit="su", reason="Hör dit")
    opened = zipfile.ZipFile(io.BytesIO(fetch(anna, path).data))
    assert f"{references[1]}.zip" not in opened.namelist()
    assert references[1] in opened.read("las-mig.txt").decode()
    assert json.loads(opened.read("manifest.json"))["left_out"] == [references[1]]
    assert seen.query(AccessLog).filter(AccessLog.what == "export").count() == 1


def test_nor_does_what_moved_to_where_nobody_approved(sit, karin, bring):
    both = sit("both@example.se", *desk.seats("syd"), *desk.seats("nord"), name="Båda")
    reference = bring()
    path = ask(both, reference)
    decide(karin, path)
    karin.act(reference, "lamna-over", receiver="nord-inkorg", why="Hör dit")
    both.act(reference, "ta-emot")
    opened = zipfile.ZipFile(io.BytesIO(fetch(both, path).data))
    assert opened.namelist() == ["las-mig.txt", "manifest.json", "seal.json"]


def test_another_units_matter_cannot_be_asked_for(anna, bring, seen):
    mine, other = bring(), bring(municipality="2480")
    answer = ask(anna, mine, other)
    assert answer.status_code == 422
    assert f"inte i dina inkorgar: {other}." in answer.text
    assert seen.query(AccessLog).filter(AccessLog.what == "refused").count() == 1
    assert seen.query(ExportRequest).count() == 0


def test_all_that_was_closed_in_a_unit_between_two_days_can_be_asked_for(anna, bring, seen):
    closed, _open = bring(), bring()
    anna.act(closed, "avsluta", outcome="no_action")
    unit = seen.query(Matter.unit_id).filter(Matter.reference == closed).scalar()
    path = ask(anna, unit=unit, first="2026-11-20", last="2026-11-30")
    page = desk.text_of(anna.get(path))
    assert (closed in page, _open in page) == (True, False)
    answer = ask(anna, unit=unit, first="2026-11-01", last="2026-11-02")
    assert "Inga ärenden avslutades" in answer.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": ""},
        {"references": ""},
        {"references": "abc"},
        {"unit": "syd-utredning"},
        {"references": "", "unit": "nord-inkorg", "first": "2026-11-01", "last": "2026-11-02"},
        {"references": "", "unit": "syd-utredning"},
        {"references": "", "unit": "syd-utredning", "first": "2026-11-03", "last": "2026-11-02"},
        {"references": "", "unit": "syd-utredning", "first": "igår", "last": "2026-11-02"},
        {"references": "\n".join(["K7RX-3M9P"] * 201)},
    ],
)
def test_what_will_not_do_is_not_asked_for(anna, bring, seen, wrong):
    answer = ask(anna, bring(), **wrong)
    assert answer.status_code == 422
    assert seen.query(ExportRequest).count() == 0


def test_who_takes_nothing_out_is_told_of_nothing(sit):
    lars = sit("lars@example.se", ("syd-inkorg", "reader"), name="Lars Läsare")
    assert {lars.get(path).status_code for path in ("/exporter", "/exporter/ny")} == {404}


def test_it_asks_who_it_is_when_that_was_long_ago(anna, approved, clock):
    page = anna.get(approved[1])
    clock.at += PROOF_LASTS
    assert anna.get("/exporter/ny").location == "/bekrafta"
    answer = anna.post(f"{approved[1]}/hamta", page=page)
    assert (answer.status_code, is_fetched(answer)) == (403, False)


def test_a_coordinator_sees_that_one_waits(anna, karin, bring):
    ask(anna, bring())
    assert "1 export väntar" in karin.get("/enheter").text


def test_every_page_of_it_keeps_to_the_rules(anna, karin, bring):
    reference = bring()
    shown = {"tom": anna.get("/exporter"), "ny": anna.get("/exporter/ny"), "ny med fel": ask(anna)}
    path = ask(anna, reference, reason="<b>")
    shown |= {"egen": anna.get(path), "beslut": karin.get(path), "lista": karin.get("/exporter")}
    shown["beslut med fel"] = karin.post(path, page=shown["beslut"])
    decide(karin, path)
    shown["godkänd"] = anna.get(path)
    assert {name: found for name, each in shown.items() if (found := pages.faults(each.text))} == {}
    assert all("<b>" not in each.text for each in shown.values())
    fel = {name for name, each in shown.items() if re.match("Fel: ", pages.title_of(each.text))}
    assert fel == {"ny med fel", "beslut med fel"}


def test_the_list_says_what_each_matter_is_called_and_that_is_a_look(anna, karin, bring, seen):
    reference = bring(subject="Cykeln & <kvittot>")
    path = ask(anna, reference)
    page = karin.get(path)
    assert f"{reference} Cykeln & <kvittot>" in desk.text_of(page)
    assert "<kvittot>" not in page.text
    looked = select(AccessLog.what).join(Handler, Handler.id == AccessLog.handler_id)
    assert seen.scalars(
        looked.where(Handler.email == karin.email, AccessLog.matter_id.is_not(None))
    ).all() == ["beside"]
