"""Protected identity: nobody on the handlers' side sees who wrote, but by an act of its own with a reason."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from intake.access.roles import ROLES
from intake.models import AccessLog, Letter, Matter, OutgoingLetter
from tests import desk
from tests.letters_home import address_of, deliver, letter, matters

HIDDEN = ("Signe Hemlig", "signe@hemlig.example", "0709998877", "Gömda gatan 7", "efter sex")
WRITTEN = {
    "text": "Jag har skyddade personuppgifter. Någon följer efter mig.",
    "sender_name": "Signe Hemlig",
    "sender_email": "signe@hemlig.example",
    "sender_phone": "0709998877",
    "place_words": "Gömda gatan 7",
}
PAGES = ("/", "/?visa=mina", "/sok", "/arende/{}", "/arende/{}/exportera", "/arende/{}/brev/{}", "/postrum")


@pytest.fixture
def coordinator(sit):
    seats = [(f"syd-{kind}", role) for kind in desk.REGIONAL for role in ("coordinator", "operator")]
    return sit("sam@example.se", *seats, name="Sam Ordnare")


@pytest.fixture
def reference(bring, seen):
    found = bring(**WRITTEN)
    assert "protected_identity" in seen.query(Matter).filter(Matter.reference == found).one().flags
    return found


@pytest.fixture
def by_mail(worker_app, seen):
    """Return a matter that came as a letter, and the letter's id."""
    with worker_app.app_context():
        text = "Jag har skyddade personuppgifter, och min cykel stals i Malmö i natt."
        deliver(letter(sender="Signe Hemlig <signe@hemlig.example>", text=text))
        found = matters()[0].reference
    matter = seen.query(Matter).one()
    assert "protected_identity" in matter.flags
    assert matter.unit_id.startswith("syd-")
    return found, seen.query(Letter).one().id


def told(page):
    return [each for each in HIDDEN if each in page.text or each in desk.text_of(page)]


def pages(person, reference, letter_id):
    found = {path: person.get(path.format(reference, letter_id)) for path in PAGES}
    found["sök"] = person.post("/sok", page=found["/sok"], q="personuppgifter")
    return found


@pytest.mark.parametrize("role", sorted(ROLES))
def test_no_page_tells_any_role_who_wrote(sit, by_mail, reference, role):
    mailed, letter_id = by_mail
    person = sit("x@example.se", *desk.seats("syd", role=role), ("syd-inkorg", "operator"))
    for own in (mailed, reference):
        shown = pages(person, own, letter_id)
        assert {path: told(page) for path, page in shown.items() if told(page)} == {}


def test_the_page_says_that_it_is_hidden_and_that_an_answer_still_arrives(anna, reference, seen):
    words = desk.text_of(anna.page(reference))
    notice = "Till skyddad e-postadress går bara ett mejl om att det finns ett svar"
    for said in ("Personen har skyddade personuppgifter.", "Skyddat namn", "Skyddad uppgift", notice):
        assert said in words
    assert "Visa de skyddade uppgifterna" not in words
    anna.act(reference, "ta")
    answer = anna.act(reference, "svara", text="Vi har läst det.", is_told="ja")
    assert answer.status_code == 303
    kinds = {row.kind: row.recipient for row in seen.query(OutgoingLetter)}
    assert kinds["notice"] == "signe@hemlig.example"
    assert told(anna.page(reference)) == []


def test_a_matter_beside_does_not_tell_who_wrote_the_protected_one(anna, bring, reference):
    other = bring()
    page = anna.get(f"/arende/{other}?into={reference}")
    assert "skyddad e-postadress" in page.text
    assert told(page) == []


def test_only_who_may_opens_what_is_protected_and_why_is_recorded(anna, coordinator, reference, seen):
    path = f"/arende/{reference}/skyddade-uppgifter"
    assert anna.get(path).status_code == 403
    assert anna.post(path, page=anna.get("/konto"), reason="Nyfiken").status_code == 403
    page = coordinator.get(path)
    assert "Skriv varför" in coordinator.post(path, page=page, reason="").text
    assert told(page) == []
    opened = coordinator.post(path, page=page, reason="Ringer upp om hot")
    assert {"Signe Hemlig", "signe@hemlig.example", "0709998877", "Gömda gatan 7"} <= set(told(opened))
    look = seen.query(AccessLog).filter(AccessLog.what == "protected").one()
    assert (look.actor, look.reason) == ("Sam Ordnare", "Ringer upp om hot")
    assert told(coordinator.page(reference)) == []


def test_nothing_is_opened_in_a_matter_that_hides_nothing(coordinator, bring):
    assert coordinator.get(f"/arende/{bring()}/skyddade-uppgifter").status_code == 404


def test_the_raw_letter_is_for_those_who_may_see_who_wrote(anna, coordinator, by_mail, seen):
    reference, letter_id = by_mail
    path = f"/arende/{reference}/brev/{letter_id}"
    page = anna.get(path)
    assert "Bara den som har behörighet till skyddade uppgifter" in desk.text_of(page)
    assert anna.post(path, page=anna.get("/konto"), verdict="raw", reason="Nyfiken").status_code == 403
    page = coordinator.get(path)
    assert coordinator.post(path, page=page, verdict="raw").status_code == 422
    answer = coordinator.post(path, page=page, verdict="raw", reason="Kontroll")
    assert b"signe@hemlig.example" in answer.data
    assert (
        seen.query(AccessLog).filter(AccessLog.what == f"letter:{letter_id}").one().reason == "raw: Kontroll"
    )


def export(person, reference):
    path = f"/arende/{reference}/exportera"
    answer = person.post(path, page=person.get(path), reason="Till åklagaren")
    assert answer.status_code == 200
    return zipfile.ZipFile(io.BytesIO(answer.data))


def test_an_export_leaves_out_who_wrote_unless_the_person_may_see_it(anna, coordinator, by_mail, reference):
    for own in (by_mail[0], reference):
        opened = export(anna, own)
        names = opened.namelist()
        whole = b" ".join(opened.read(name) for name in names).decode(errors="replace")
        assert [each for each in HIDDEN if each in whole] == []
        assert not any(name.startswith("brev/") for name in names)
    states = [
        each["state"] for each in json.loads(export(anna, by_mail[0]).read("manifest.json"))["originals"]
    ]
    assert states == ["withheld"]
    whole = export(coordinator, by_mail[0])
    assert b"signe@hemlig.example" in whole.read("brev/001.eml")
    assert "Signe Hemlig" in whole.read("meddelanden.txt").decode()


def test_a_letter_that_joins_is_as_hidden_as_the_first(anna, worker_app, by_mail, seen):
    reference, _ = by_mail
    with worker_app.app_context():
        deliver(letter(sender="Signe H <ny@hemlig.example>", text="Mer."), address_of(matters()[0]))
    page = anna.page(reference)
    assert "ny@hemlig.example" not in page.text
    assert "Mer." in page.text
