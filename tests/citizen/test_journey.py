"""From the first page to the receipt, under the citizens' own database role."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from sqlalchemy import func, select

from intake import codes
from intake.models import Attachment, Draft, MailAddress, Matter, Message, StatusCode
from tests.citizen.person import STORY, Person, words


def test_a_form_with_a_photo_becomes_a_matter(person, seen):
    person.begin().tell()
    person.add((b"\xff\xd8\xff\xe0 foto", "foto.jpg"))
    assert person.send().location == "/kvitto"
    matter = seen.scalars(select(Matter)).one()
    assert (matter.category, matter.municipality, matter.place) == ("anmalan", "1280", "municipality")
    assert matter.sender_email == "kim@example.com"
    assert seen.scalars(select(Message.text)).one() == STORY
    assert seen.scalars(select(Attachment.name)).one() == "foto.jpg"


def test_the_receipt_shows_what_arrived_and_when(person, seen):
    person.begin().tell().add((b"innehall", "brev.txt"))
    person.send()
    page = words(person.get("/kvitto").text)
    assert seen.scalars(select(Matter.reference)).one() in page
    assert "22 november 2026 kl. 16.05" in page
    assert "brev.txt (8 byte)" in page
    assert hashlib.sha256(b"innehall").hexdigest() in page
    assert f"arende+{seen.scalars(select(MailAddress.token)).one()}@example.se" in page


def test_the_code_on_the_receipt_is_stored_hashed_only(person, seen):
    person.begin().tell().send()
    code = seen.scalars(select(Draft.status_code)).one()
    assert code in person.get("/kvitto").text
    assert seen.scalars(select(StatusCode.code_hash)).one() == codes.hash_code(code)


def test_nothing_is_kept_before_the_first_press(citizen, seen):
    first = citizen.get("/")
    assert "Set-Cookie" not in first.headers
    assert "112" in first.text
    assert seen.scalar(select(func.count()).select_from(Draft)) == 0


def test_pressing_send_twice_gives_one_matter_and_the_same_receipt(person, seen):
    person.begin().tell()
    token = person.token("granska")
    first = person.client.post(person.at("skicka"), data={"csrf_token": token})
    second = person.client.post(person.at("skicka"), data={"csrf_token": token})
    assert first.location == second.location == "/kvitto"
    assert seen.scalars(select(Matter.reference)).one() in person.get("/kvitto").text


def test_going_back_after_sending_leads_to_the_receipt(person):
    person.begin().tell().send()
    for page in ("amne", "vem", "plats", "handelse", "filer", "kontakt", "granska", "skicka", "rensa"):
        assert person.get(page).location == "/kvitto"


def test_two_tabs_are_two_matters(citizen, seen):
    one, other = Person(citizen).begin(), Person(citizen).begin()
    one.tell("Den första saken.")
    other.tell("Den andra saken.")
    one.send()
    other.send()
    assert set(seen.scalars(select(Message.text))) == {"Den första saken.", "Den andra saken."}


def test_another_browser_finds_nothing(person, make_app):
    person.begin().tell()
    stranger = Person(make_app("citizen").test_client())
    stranger.begin()
    stranger.draft, own = person.draft, stranger.draft
    for page in ("amne", "handelse", "granska"):
        answer = stranger.get(page)
        assert (answer.status_code, STORY in answer.text) == (404, False)
    stranger.draft = own
    assert stranger.get("granska").status_code == 200


def test_what_was_answered_stands_there_again(person):
    person.begin().tell()
    assert 'value="Malmö"' in person.get("plats").text
    assert STORY in person.get("handelse").text
    assert "kim@example.com" in person.get("kontakt").text


def test_a_change_from_the_check_page_leads_back_there(person):
    person.begin().tell()
    assert person.fill("handelse?till=granska", text="Ändrat.").location.endswith("/granska")
    assert person.fill("amne?till=granska", group="tipsa").location.endswith("/amne/tipsa?till=granska")
    assert "Ändrat." in person.get("granska").text


def test_files_alone_can_be_sent(person, seen):
    person.begin()
    person.add((b"hej", "bara.txt"))
    assert person.send().location == "/kvitto"
    assert seen.scalars(select(Matter.subject)).one() == "Bara filer, ingen text"


def test_a_document_request_need_not_say_who_or_why(person, seen):
    person.begin()
    person.fill("amne", group="insyn")
    person.fill("amne/insyn", choice="handling")
    assert "Du behöver inte säga vem du är" in words(person.get("kontakt").text)
    person.fill("handelse", text="Alla protokoll från 2024.")
    assert person.fill("kontakt").location.endswith("/granska")
    assert person.send().location == "/kvitto"
    assert seen.scalars(select(Matter.sender_name)).one() is None


def test_a_letter_first_and_the_form_after_give_one_receipt(person, seen):
    person.begin().tell()
    person.send()
    address = seen.scalars(select(MailAddress)).one()
    assert address.matter_id == seen.scalars(select(Matter.id)).one()


def test_erasing_deletes_at_once(person, seen):
    person.begin().tell().add((b"hej", "bild.jpg"))
    assert person.fill("granska", "rensa").location == "/"
    assert person.get("granska").status_code == 404
    for table in ("draft", "draft_file", "draft_key"):
        assert seen.connection().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0


def test_erasing_the_receipt_leaves_the_matter(person, seen):
    person.begin().tell().send()
    person.fill("/kvitto", "rensa")
    assert person.get("/kvitto").status_code == 404
    assert seen.scalar(select(func.count()).select_from(Matter)) == 1


def test_a_draft_ends_24_hours_after_its_last_change(person, clock):
    person.begin().tell()
    clock.at = clock.at.replace(day=23, hour=15, minute=0)
    assert person.get("granska").status_code == 200
    clock.at = clock.at.replace(day=23, hour=15, minute=10)
    assert person.get("granska").status_code == 404


def test_leaving_quickly_forgets_the_browser(person):
    person.begin().tell()
    answer = person.client.post("/lamna")
    assert "https://www.smhi.se/" in answer.text
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    assert person.get("granska").location == "/"


def test_one_cookie_and_no_other(person):
    person.begin().tell().send()
    answers = [person.get("/kvitto"), person.get("/folj"), person.client.post("/borja")]
    cookies = {cookie.partition("=")[0] for a in answers for cookie in a.headers.getlist("Set-Cookie")}
    assert cookies <= {"intake_citizen"}


def test_many_sent_in_an_hour_are_accepted_and_marked(person, seen, clock, monkeypatch):
    monkeypatch.setattr("intake.citizen.views.SENDS_PER_HOUR", 1)
    for text in ("Första.", "Andra."):
        person.begin().tell(text)
        clock.at += timedelta(minutes=5)
        assert person.send().location == "/kvitto"
    marks = seen.scalars(select(Matter.needs_person).order_by(Matter.received_at)).all()
    assert marks == [[], ["many_in_short_time"]]
