"""New matters that a handler begins: registered once, placed, checked and answered like all others."""

from __future__ import annotations

import io
import re
import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from intake import ledger, storage
from intake.errors import StorageFull
from intake.extensions import STOCKHOLM, db
from intake.matters import by_hand, following
from intake.models import (
    Arrival,
    Attachment,
    DiaryEntry,
    Event,
    Job,
    Matter,
    MatterUnit,
    Message,
    OutgoingLetter,
    StatusCode,
)
from tests import desk
from tests.letters_home import address_of, deliver, letter

SAID = "Min cykel stals utanför stationen i Malmö i går."
# What a printed status code looks like.
CODE = re.compile(r"(?:[2-9A-Y]{4}-){3}[2-9A-Y]{4}")


@pytest.fixture
def told(clock):
    """Return what is filled in about a call that was an hour ago."""
    at = (clock() - timedelta(hours=1)).astimezone(STOCKHOLM)
    return {
        "channel": "phone",
        "day": at.date().isoformat(),
        "clock": f"{at:%H:%M}",
        "text": SAID,
        "unit": "syd-kontaktcenter",
        "category": "",
    }


@pytest.fixture
def page(anna):
    return anna.get("/nytt-arende")


def send(person, page, /, **words):
    """Send the page of a new matter as it was given; files are pairs of name and bytes."""
    found = re.search(r'name="page" value="([^"]+)"', page.text)[1]
    sent = {"page": found, "csrf_token": desk.token_in(page)} | words
    if files := sent.pop("files", ()):
        sent["files"] = [(io.BytesIO(data), name) for name, data in files]
    if kept := re.search(r'name="kept" value="([^"]+)"', page.text):
        sent.setdefault("kept", kept[1])
    return person.client.post("/nytt-arende", data=sent, content_type="multipart/form-data", buffered=True)


def the_matter(seen):
    seen.rollback()
    return seen.query(Matter).one()


def is_whole(worker_app):
    with worker_app.app_context():
        return ledger.reconcile().is_whole


def test_a_call_becomes_a_matter_as_any_other(anna, page, told, seen, worker_app):
    answer = send(anna, page, **told, who="Kim Berg", phone="070-123 45 67")
    matter = the_matter(seen)
    assert answer.location == f"/arende/{matter.reference}?skriv=kvittens#kvittens"
    words = desk.text_of(anna.get(answer.location))
    for expected in (
        f"registrerat som {matter.reference}", "dnr M000.001/2026", "Kim Berg , via telefon, registrerat av",
        SAID, "Registrerade ärendet för hand, telefon, i Kontaktcenter, Region Syd Anna Lindgren",
        "Inkorgen valdes när ärendet registrerades för hand.", "Skriv ut en kvittens",
    ):  # fmt: skip
        assert expected in words
    assert matter.reference in anna.get("/").text
    assert (matter.status, matter.handler_id, matter.unit_id, matter.region) == (
        "registered", None, "syd-kontaktcenter", "syd",
    )  # fmt: skip
    assert is_whole(worker_app)


def test_a_paper_letter_comes_with_its_scan_and_its_day(anna, page, told, seen, worker_app, clock):
    came = clock().astimezone(STOCKHOLM).date() - timedelta(days=9)
    send(anna, page, **told | {"channel": "paper", "day": came.isoformat(), "clock": "", "text": ""},
         files=[("brev.pdf", b"%PDF-1.7 ett brev")])  # fmt: skip
    matter, file = the_matter(seen), seen.query(Attachment).one()
    assert matter.received_at.astimezone(STOCKHOLM).date() == came
    assert matter.due_at < clock() + timedelta(days=30)
    assert (file.name, file.verdict, file.size_bytes) == ("brev.pdf", "unchecked", 17)
    assert seen.query(Job).filter_by(kind="check_file", subject_id=file.id).count() == 1
    words = desk.text_of(anna.page(matter.reference))
    assert f"Inkom {came.day} november 2026, via brev på papper" in words
    assert is_whole(worker_app)


def test_the_deadline_counts_from_the_day_when_it_came(anna, told, seen, clock):
    days = {}
    for ago in (0, 14):
        day = (clock() - timedelta(days=ago, hours=1)).astimezone(STOCKHOLM).date()
        send(anna, anna.get("/nytt-arende"), **told | {"day": day.isoformat(), "text": f"{SAID} {ago}"})
        days[ago] = seen.query(Matter).order_by(Matter.received_at).first().due_at
    assert days[0] - days[14] >= timedelta(days=10)


def test_a_page_that_is_sent_twice_makes_one_matter(anna, page, told, seen, worker_app):
    first, again = (send(anna, page, **told, files=[("a.txt", b"A")]) for _ in range(2))
    matter = the_matter(seen)
    assert first.status_code == again.status_code == 303
    assert again.location == f"/arende/{matter.reference}"
    assert "Det är redan registrerat." in anna.get(again.location).text
    assert (
        seen.query(Attachment).count() == seen.query(Arrival).count() == seen.query(DiaryEntry).count() == 1
    )
    assert is_whole(worker_app)


def test_other_words_on_a_page_that_was_sent_are_given_back(anna, page, told, seen):
    send(anna, page, **told)
    changed = send(anna, page, **told | {"text": "Något helt annat."})
    assert changed.status_code == 409
    assert the_matter(seen).reference in changed.text
    assert "Något helt annat." in changed.text
    assert send(anna, changed, **told | {"text": "Något helt annat."}).status_code == 303
    assert seen.query(Matter).count() == 2


def test_of_two_who_send_one_page_at_once_one_makes_the_matter(anna, page, told, seen, worker_app):
    answers, gate = [], threading.Barrier(3)

    def press():
        gate.wait()
        answers.append(send(anna, page, **told).status_code)

    presses = [threading.Thread(target=press) for _ in range(3)]
    for each in presses:
        each.start()
    for each in presses:
        each.join()
    assert answers == [303, 303, 303]
    assert seen.query(Matter).count() == seen.query(DiaryEntry).count() == 1
    assert is_whole(worker_app)


def test_what_another_person_sends_is_another_matter(anna, sit, page, told, seen):
    bertil = sit("bertil@example.se", *desk.seats("syd"), name="Bertil Sand")
    send(anna, page, **told)
    token = bertil.get("/nytt-arende")
    send(bertil, page, **told, csrf_token=desk.token_in(token))
    assert seen.query(Matter).count() == 2


def test_when_it_fails_midway_nothing_is_registered_and_the_words_stay(anna, page, told, seen, monkeypatch):
    def full(*_given, **_options):
        raise StorageFull("full")

    with monkeypatch.context() as broken:
        broken.setattr(type(storage_of(anna)), "put", full)
        answer = send(anna, page, **told, files=[("a.pdf", b"%PDF")])
    assert answer.status_code == 422
    assert SAID in answer.text
    assert seen.query(Matter).count() == 0
    assert send(anna, answer, **told).status_code == 303
    assert seen.query(Matter).count() == 1


def storage_of(who):
    with who.client.application.app_context():
        return storage.current()


def test_a_fault_before_the_number_leaves_nothing_behind(anna, page, told, seen, monkeypatch, worker_app):
    def broken(_matter_id):
        raise StorageFull("broken here")

    with monkeypatch.context() as midway:
        midway.setattr(by_hand, "_number", broken)
        assert send(anna, page, **told).status_code >= 500
    assert [seen.query(each).count() for each in (Matter, Message, Arrival, Event, MatterUnit)] == [0] * 5
    send(anna, page, **told)
    assert the_matter(seen).reference in anna.get("/").text
    assert is_whole(worker_app)


def test_files_need_not_be_chosen_again_when_something_else_is_wrong(anna, page, told, seen):
    wrong = send(anna, page, **told | {"day": ""}, files=[("brev.pdf", b"%PDF")])
    assert wrong.status_code == 422
    assert "Följer med: brev.pdf" in desk.text_of(wrong)
    send(anna, wrong, **told)
    assert [file.name for file in seen.query(Attachment)] == ["brev.pdf"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"day": "2199-01-01"}, "Tiden har inte varit än."),
        ({"day": "1026-01-01"}, "Det är mer än tio år sedan."),
        ({"clock": ""}, "Skriv när samtalet eller besöket var."),
        ({"channel": "form"}, "Välj hur det kom in."),
        ({"channel": "outgoing"}, "Välj hur det kom in."),
        ({"text": ""}, "Skriv vad det gäller, eller lägg till det inskannade brevet."),
        ({"unit": "nord-kontaktcenter"}, "Välj en inkorg i listan."),
        ({"unit": "su"}, "Välj en inkorg i listan."),
        ({"category": "finns-inte"}, "Välj en ärendetyp i listan."),
        ({"email": "kim"}, "Skriv e-postadressen så här"),
        ({"email": "Kim <kim@example.com>"}, "Skriv e-postadressen så här"),
        ({"wants_receipt": "ja"}, "Skriv e-postadressen, annars går det inte att mejla en kvittens."),
        ({"page": "x"}, "Sidan är ofullständig."),
    ],
)
def test_what_cannot_be_is_told_and_the_words_stay(anna, page, told, seen, changes, said):
    answer = send(anna, page, **told | {"who": "Kim på hamnen"} | changes)
    assert answer.status_code == 422
    assert said in desk.text_of(answer)
    assert "Kim på hamnen" in answer.text
    assert seen.query(Matter).count() == 0


def test_a_file_that_we_do_not_take_is_told_of(anna, page, told, seen):
    answer = send(anna, page, **told, files=[("virus.exe", b"x")])
    assert "av en typ som vi inte tar emot" in answer.text
    assert seen.query(Matter).count() == 0


def test_the_rule_chooses_among_ones_own_inboxes(anna, page, told, seen):
    send(anna, page, **told | {"unit": ""})
    assert the_matter(seen).unit_id == "syd-kontaktcenter"
    elsewhere = send(
        anna, anna.get("/nytt-arende"), **told | {"unit": "", "text": SAID.replace("Malmö", "Umeå")}
    )
    assert elsewhere.status_code == 422
    assert "Välj inkorg själv." in elsewhere.text
    assert seen.query(Matter).count() == 1


def test_what_is_chosen_by_hand_stands(anna, page, told, seen):
    send(anna, page, **told | {"unit": "syd-utredning", "category": "fraga"})
    matter = the_matter(seen)
    assert (matter.unit_id, matter.category) == ("syd-utredning", "fraga")
    page = anna.page(matter.reference).text
    assert "Ärendetypen valdes när ärendet registrerades för hand." in page
    assert "Den som skriver har själv valt" not in page


def test_danger_on_the_telephone_alarms(anna, page, told, seen):
    send(anna, page, **told | {"text": "Han är här nu med kniv och slår mig, hjälp!"})
    assert the_matter(seen).priority == 1
    assert seen.query(Job).filter_by(kind="alarm").count() == 1
    assert "1 ärende med fara nu väntar" in anna.get("/").text


def test_a_receipt_goes_by_mail_to_who_asks_for_it(anna, page, told, seen):
    answer = send(anna, page, **told, email="kim@example.com", wants_receipt="ja")
    assert "kvittens" not in answer.location
    owed = seen.query(OutgoingLetter).one()
    assert (owed.kind, owed.recipient, owed.created_at) == (
        "receipt", "kim@example.com", the_matter(seen).received_at,
    )  # fmt: skip


def test_a_receipt_on_paper_opens_the_status_page(anna, page, told, seen, make_app, monkeypatch):
    send(anna, page, **told)
    matter, printed = the_matter(seen), []
    monkeypatch.setattr("intake.paper.make_pdf", lambda receipt: printed.append(receipt) or b"%PDF-1.7")
    answer = anna.act(matter.reference, "kvittens")
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Cache-Control"] == "no-store"
    assert SAID not in repr(printed)
    code = CODE.search(repr(printed))[0]
    with make_app("citizen").app_context():
        assert following.find(following.key_of(matter.reference, code)).status == "registered"
    assert "Skrev ut en kvittens med en statuskod Anna Lindgren" in desk.text_of(anna.page(matter.reference))


def test_the_receipt_can_be_printed(anna, page, told, seen):
    send(anna, page, **told, files=[("brev.pdf", b"%PDF")])
    assert anna.act(the_matter(seen).reference, "kvittens").data.startswith(b"%PDF-")


def test_a_matter_that_came_by_itself_gives_no_code_to_a_handler(anna, bring, seen):
    reference = bring()
    assert "Skriv ut en kvittens" not in anna.page(reference).text
    anna.act(reference, "kvittens")
    assert "finns bara för ärenden som är registrerade för hand" in anna.page(reference).text
    assert seen.query(StatusCode).count() == 0


def test_a_reference_leads_to_the_note_of_a_call(anna, bring):
    reference = bring()
    found = anna.get(f"/hitta?nummer={reference}&skriv=samtal")
    assert found.location == f"/arende/{reference}?skriv=samtal#samtal"
    assert '<details id="samtal" open>' in anna.get(found.location).text
    others = bring(municipality="2480")
    assert anna.get(f"/hitta?nummer={others}&skriv=samtal").location == "/"


def test_who_may_is_shown_the_way_there(anna, sit):
    rune = sit("rune@example.se", ("syd-kontaktcenter", "reader"))
    rita = sit("rita@example.se", ("syd-kontaktcenter", "registrar"))
    assert [("/nytt-arende" in who.get("/").text) for who in (anna, rita, rune)] == [True, True, False]
    assert rune.get("/nytt-arende").status_code == 404
    assert "/ta-kontakt" in anna.get("/nytt-arende").text
    assert "/ta-kontakt" not in rita.get("/nytt-arende").text
    assert rita.get("/ta-kontakt").status_code == 404


CONTACT = {
    "email": "kim@example.com",
    "who": "Kim Berg",
    "subject": "Upphittad plånbok",
    "text": "Plånboken lämnades in på stationen.",
    "unit": "syd-kontaktcenter",
    "category": "fraga",
}


@pytest.fixture
def contact(anna):
    """Let Anna begin a contact; return the answer."""

    def begin(page=None, **changes):
        page = page or anna.get("/ta-kontakt")
        found = re.search(r'name="page" value="([^"]+)"', page.text)[1]
        words = {"csrf_token": desk.token_in(page), "page": found} | CONTACT | changes
        return anna.client.post("/ta-kontakt", data=words, buffered=True)

    return begin


def test_a_first_contact_is_a_matter_in_ones_own_hands(anna, contact, seen, worker_app):
    answer = contact()
    matter = the_matter(seen)
    assert answer.location == f"/arende/{matter.reference}?skriv=svar#svara"
    page = anna.get(answer.location)
    assert '<details id="svara" open>' in page.text
    words = desk.text_of(page)
    for expected in ("Inget är skickat än", "dnr M000.001/2026", "via kontakt från oss", CONTACT["text"]):
        assert expected in words
    assert (matter.status, matter.due_at, matter.channel) == ("in_progress", None, "outgoing")
    assert matter.reference in anna.get("/?visa=mina").text
    assert seen.query(OutgoingLetter).count() == seen.query(Arrival).count() == 0
    assert is_whole(worker_app)


def test_a_first_message_goes_as_an_answer_does_and_its_answer_comes_in_there(
    anna, contact, seen, worker_app
):
    contact()
    reference = the_matter(seen).reference
    assert anna.act(reference, "svara", text="Vi har din plånbok.").status_code == 303
    sent = seen.query(Message).filter_by(direction="outgoing").one()
    assert sent.subject == f"Meddelande {reference}"
    with worker_app.app_context():
        matter = db.session.scalars(select(Matter)).one()
        deliver(letter("Tack, jag kommer i dag."), address_of(matter))
    assert seen.query(Matter).count() == 1
    words = desk.text_of(anna.page(reference))
    assert "Tack, jag kommer i dag." in words
    assert "Återupptagen" in words
    assert the_matter(seen).due_at is not None
    assert is_whole(worker_app)


def test_a_contact_that_is_sent_twice_is_one(anna, contact, seen):
    page = anna.get("/ta-kontakt")
    contact(page)
    assert contact(page).location == f"/arende/{the_matter(seen).reference}"
    assert contact(page, text="Något annat.").status_code == 409
    assert seen.query(Matter).count() == 1


@pytest.mark.parametrize("missing", ["email", "subject", "text", "unit", "category"])
def test_a_contact_needs_to_whom_why_and_where(contact, seen, missing):
    assert contact(**{missing: ""}).status_code == 422
    assert seen.query(Matter).count() == 0


def test_the_note_on_why_is_for_handlers_alone(anna, contact, seen, make_app, monkeypatch):
    contact()
    matter, printed = the_matter(seen), []
    monkeypatch.setattr("intake.paper.make_pdf", lambda receipt: printed.append(receipt) or b"%PDF-1.7")
    anna.act(matter.reference, "kvittens")
    key = following.key_of(matter.reference, CODE.search(repr(printed))[0])
    with make_app("citizen").app_context():
        assert CONTACT["text"] not in repr((following.get(key), following.answers(key), printed))


def test_a_matter_that_was_merged_says_why_it_prints_no_receipt(anna, page, told, bring, seen):
    send(anna, page, **told)
    matter = the_matter(seen)
    anna.act(matter.reference, "sammanfor", into=bring())
    anna.act(matter.reference, "kvittens")
    assert "är sammanfört med ett annat, och svar ges där" in desk.text_of(anna.page(matter.reference))


def test_a_matter_that_was_handed_over_says_why_it_prints_no_receipt(anna, page, told, seen):
    send(anna, page, **told)
    reference = the_matter(seen).reference
    shown = anna.page(reference)
    anna.act(reference, "lamna-over", receiver="nord-inkorg", why="Hör dit.")
    late = anna.act(reference, "kvittens", page=shown)
    assert (late.status_code, "Ärendet är överlämnat till" in late.text) == (409, True)
