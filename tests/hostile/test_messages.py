"""Whatever goes wrong, a person is told what happened, what is saved and what to do now."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from intake import uploads, web
from intake.citizen import problems, upload_words
from intake.errors import Conflict, IntakeError, NotFound, StorageError, StorageFull
from tests.citizen.person import STORY, words
from tests.hostile.front_door import PARTS, form

SAVED = "Det du hade sparat förut finns kvar."


def not_found(person):
    return person.client.get("/finns-inte")


def not_mine(person):
    return person.client.get(f"/skriv/{uuid.uuid4()}/handelse")


def wrong_method(person):
    return person.client.put("/borja")


def text_too_long(person):
    return person.fill("handelse", text="a" * 5_000_000)


def too_many_parts(person):
    return person.add(*((b"x", f"{number}.txt") for number in range(1500)))


def too_large(person):
    return person.add((b"x" * 450_000, "film.mp4"))


def cut_off(person):
    body = form({"csrf_token": person.token("filer")}, ("a.txt", b"x"), is_closed=False)
    return person.client.post(person.at("filer"), data=body, content_type=PARTS)


def stale(person):
    return person.client.post(person.at("handelse"), data={"text": STORY})


def gone(person):
    token = person.token("handelse")
    person.fill("granska", "rensa")
    return person.client.post(person.at("handelse"), data={"csrf_token": token, "text": STORY})


def too_often(person):
    answer = person.get("/")
    while answer.status_code == 200:
        answer = person.get("/")
    return answer


# What happened, what is saved, what to do.
TOLD = {
    not_found: (404, "Sidan finns inte", "finns kvar i 24 timmar", "Till första sidan"),
    not_mine: (404, "Sidan finns inte", "finns kvar i 24 timmar", "Fortsätt på ett påbörjat formulär"),
    wrong_method: (405, "Sidan går inte att öppna så", "Inget är ändrat.", "Gå tillbaka, eller börja om"),
    text_too_long: (413, "Texten är för lång", SAVED, "Gå tillbaka och korta den"),
    too_many_parts: (413, "Det var för många delar", SAVED, "lägg till några filer åt gången."),
    too_large: (
        413,
        "Filerna är för stora för att skickas på en gång",
        SAVED,
        "Du kan mejla filen till adressen här.",
    ),
    cut_off: (400, "Sändningen avbröts", "Det du redan hade sparat finns kvar.", "Gå tillbaka och försök"),
    stale: (422, "Sidan hade blivit för gammal.", "Det du skrev finns kvar här.", "Tryck en gång till"),
    gone: (404, "Formuläret finns inte kvar", "men din text är här", "Börja om med samma text"),
    too_often: (429, "Det har kommit många försök på kort tid.", SAVED, "Vänta en stund och försök sedan"),
}


@pytest.fixture
def settings(settings):
    small = replace(settings.tables.files, max_request_bytes=400_000, mail_way_out_bytes=20_000_000)
    return replace(settings, flood_requests=100, tables=replace(settings.tables, files=small))


@pytest.mark.parametrize("wrong", TOLD, ids=lambda wrong: wrong.__name__)
def test_a_page_says_what_happened_what_is_saved_and_what_to_do(person, wrong):
    answer = wrong(person.begin().tell())
    status, *sentences = TOLD[wrong]
    assert answer.status_code == status
    assert [sentence for sentence in sentences if sentence not in words(answer.text)] == []


def shown(app, problem):
    with app.test_request_context():
        return words(web.show_problem(problem).get_data(as_text=True))


@pytest.mark.parametrize(
    ("status", "sentences"),
    [
        (400, ("Inget är skickat till oss.", SAVED, "Gå tillbaka, ladda om sidan och försök igen.")),
        (403, ("Du kan inte göra det här", "Inget är ändrat.", "Gå tillbaka, eller börja om")),
        (413, ("Inget av det sista är sparat.", SAVED, "försök med mindre åt gången.")),
        (418, ("Vi kunde inte läsa det som skickades", SAVED, "Gå tillbaka, ladda om sidan")),
        (500, ("Räkna med att det sista du gjorde inte är sparat.", SAVED, "Gå tillbaka och försök igen.")),
        (501, ("Vi kunde inte läsa det som skickades", SAVED, "Gå tillbaka, ladda om sidan")),
        (503, ("Något gick fel hos oss", SAVED, "Gå tillbaka och försök igen.")),
    ],
)
def test_so_does_every_page_of_the_server_itself(make_app, status, sentences):
    page = shown(make_app("citizen"), web.problem_of(status))
    assert [sentence for sentence in sentences if sentence not in page] == []


@pytest.mark.parametrize(
    ("problem", "saved"),
    [
        (web.AWAY, "Det du hade sparat före den här sidan finns kvar."),
        (problems.UNSURE, "Det du har skrivit är sparat."),
    ],
)
def test_so_do_the_pages_when_the_database_is_away(make_app, problem, saved):
    page = shown(make_app("citizen"), problem)
    assert "Inget är skickat" in page
    assert saved in page
    assert "Vänta en stund och" in page


PART_ERRORS = (
    NotFound, upload_words.Unsigned, uploads.UploadBusy, uploads.UploadOver, Conflict, uploads.WrongChecksum,
    uploads.PartTooLarge, upload_words.TooOften, StorageFull, StorageError, IntakeError,
)  # fmt: skip
KEPT = (
    "Det du har skrivit är sparat.", "Det som redan har kommit fram av filen finns kvar.",
    "Ditt ärende är registrerat.", "det som är skickat har kommit fram",
    "Formuläret eller filen finns inte kvar",
)  # fmt: skip
TO_DO = ("Ladda om sidan", "Vänta en stund och försök igen.", "Försök igen.", "Du kan lägga till filen")


@pytest.mark.parametrize("error", PART_ERRORS, ids=lambda error: error.__name__)
def test_so_does_every_answer_to_a_file_in_parts(make_app, error):
    with make_app("citizen").test_request_context():
        told = upload_words.tell(error("no"), is_mailable=None)
    assert told.status >= 400
    assert any(sentence in told.message for sentence in KEPT), told
    assert any(sentence in told.message for sentence in TO_DO), told
