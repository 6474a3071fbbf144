"""A letter that a handler brings in: as any other, once, and told to nobody who may not see it."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import ProgrammingError

from intake import mailroom, shown
from intake.errors import FileTooLarge
from intake.handler import register
from intake.models import Arrival, Event, Job, Letter, Matter
from tests import desk
from tests.letters.outlook_files import attached, compound, message
from tests.letters_home import address_of, deliver, letter, matters, unpack_all


@pytest.fixture
def unpack(worker_app):
    def done():
        with worker_app.app_context():
            unpack_all()

    return done


def bring(somebody, raw, *, unit="syd-kontaktcenter", name="brev.eml"):
    page = somebody.get("/registrera-brev")
    words = {"csrf_token": desk.token_in(page), "unit": unit, "letter": (io.BytesIO(raw), name)}
    return somebody.client.post("/registrera-brev", data=words, content_type="multipart/form-data")


def test_a_letter_that_is_brought_becomes_a_matter_that_says_who_brought_it(anna, unpack, seen):
    answer = bring(anna, letter(subject="Cykel borta"))
    assert answer.status_code == 303
    assert "Det är sparat och läses nu." in desk.text_of(anna.get(answer.location))
    unpack()
    page = anna.get(answer.location)
    reference = seen.query(Matter).one().reference
    assert f'href="/arende/{reference}"' in page.text
    words = desk.text_of(anna.page(reference))
    assert "Ett inkommet brev registrerades av Anna Lindgren" in words
    assert "Väg in: registrerat av en handläggare (Anna Lindgren)" in words
    assert "Avsändaren: inte kontrollerad" in words


def test_nothing_automatic_answers_it(anna, unpack, seen):
    bring(anna, letter())
    unpack()
    assert [job.kind for job in seen.query(Job).order_by(Job.kind)] == ["parse_letter", "read_signs"]


def test_the_same_letter_again_is_not_taken_twice(anna, unpack, seen):
    bring(anna, letter())
    assert "Brevet är redan registrerat. Det läses just nu" in desk.text_of(
        anna.get(bring(anna, letter()).location)
    )
    unpack()
    again = bring(anna, letter())
    reference = seen.query(Matter).one().reference
    assert again.location == f"/arende/{reference}"
    assert seen.query(Letter).count() == seen.query(Arrival).count() == 1


def test_another_who_brings_it_learns_no_more_than_that_it_is_here(anna, sit, unpack, seen):
    answer = bring(anna, letter())
    unpack()
    bo = sit("bo@example.se", ("syd-utredning", "handler"), name="Bo Ek")
    again = bring(bo, letter(), unit="syd-utredning")
    assert again.location == "/registrera-brev"
    page = bo.get(again.location)
    assert "Brevet är redan registrerat." in page.text
    assert seen.query(Matter).one().reference not in page.text
    assert bo.get(answer.location).status_code == 404


def saved_by_outlook():
    said = {0x0037: "Stulen cykel – Malmö", 0x0042: "Kåre Öberg", 0x5D02: "kare@example.com",
            0x1000: "Min cykel stals i Malmö.", 0x1035: "<7@example.com>"}  # fmt: skip
    return compound(message(said, [], [attached({0x0C15: 1, 0x3001: "Polisen", 0x39FE: "syd@example.se"})]))


def test_a_letter_that_outlook_saved_is_a_letter(anna, unpack, seen):
    assert bring(anna, saved_by_outlook(), name="brev.msg").status_code == 303
    unpack()
    words = desk.text_of(anna.page(seen.query(Matter).one().reference))
    assert "Kåre Öberg <kare@example.com> , via e-post" in words
    assert "Stulen cykel – Malmö" in words


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"%PDF-1.4\n1 0 obj", "brev.eml"),
        (b"PK\x03\x04" + b"\0" * 100, "brev.msg"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "brev.msg"),
        (compound({"WordDocument": b"Hej"}), "dokument.msg"),
        (b"Hej! Det h\xe4r \xe4r bara text.\n", "brev.eml"),
        (b"", "tomt.eml"),
    ],
)
def test_what_is_no_letter_is_refused_while_one_can_be_told(anna, seen, raw, name):
    answer = bring(anna, raw, name=name)
    assert answer.status_code == 422
    assert "Filen är inget brev." in desk.text_of(answer)
    assert seen.query(Letter).count() == 0


def test_a_letter_over_the_limit_is_refused_in_words(anna, seen, monkeypatch):
    def refuse(*_):
        raise FileTooLarge("för stor")

    monkeypatch.setattr(register.mailroom, "register", refuse)
    assert "Brevet är för stort. Högst 50 MB tas emot." in desk.text_of(bring(anna, letter()))


def test_a_letter_is_brought_only_into_ones_own_units(anna, seen):
    answer = bring(anna, letter(), unit="su")
    assert (answer.status_code, seen.query(Letter).count()) == (422, 0)
    assert "Välj en enhet i listan." in answer.text


def test_no_file_is_an_error_with_words(anna):
    page = anna.get("/registrera-brev")
    answer = anna.post("/registrera-brev", page=page, unit="syd-inkorg")
    assert (answer.status_code, "Välj brevet, sparat som .eml eller .msg." in answer.text) == (422, True)


def test_the_inbox_leads_there_for_those_who_take_in_letters(anna, sit):
    assert 'href="/registrera-brev"' in anna.get("/").text
    filip = sit("filip@example.se", ("syd-inkorg", "file_quarantine"), name="Filip Berg")
    assert 'href="/registrera-brev"' not in filip.get("/").text
    assert filip.get("/registrera-brev").status_code == 404


def test_the_address_in_a_letter_that_is_brought_leads_to_its_matter(anna, unpack, seen, worker_app):
    bring(anna, letter(Message_ID="<1@example.com>"))
    unpack()
    with worker_app.app_context():
        address = address_of(matters()[0])
    bring(anna, letter("Mer om cykeln.", Message_ID="<2@example.com>", Delivered_To=address))
    unpack()
    assert seen.query(Matter).count() == 1
    assert seen.query(Event).filter_by(what="letter_registered").count() == 2


def test_no_address_takes_a_letter_out_of_the_walled_unit_that_it_is_brought_into(
    sit, unpack, seen, worker_app
):
    with worker_app.app_context():
        deliver(letter())
        address = address_of(matters()[0])
    sara = sit("sara@example.se", ("su", "handler"), name="Sara Ek")
    assert bring(sara, letter("Om en polis", Cc=address), unit="su").status_code == 303
    unpack()
    assert [matter.unit_id for matter in seen.query(Matter).order_by(Matter.received_at)][1:] == ["su"]


def test_two_who_bring_the_same_letter_at_once_bring_one(anna, sit, seen):
    bo = sit("bo@example.se", ("syd-kontaktcenter", "handler"), name="Bo Ek")
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda somebody: bring(somebody, letter()), (anna, bo)))
    assert [answer.status_code for answer in answers] == [303, 303]
    assert seen.query(Letter).count() == seen.query(Arrival).count() == seen.query(Job).count() == 1


def test_nobody_brings_a_letter_into_a_unit_where_the_person_only_reads(sit, seen):
    bo = sit("bo@example.se", ("syd-utredning", "reader"), ("syd-kontaktcenter", "handler"), name="Bo Ek")
    assert "syd-utredning" not in bo.get("/registrera-brev").text
    assert (bring(bo, letter(), unit="syd-utredning").status_code, seen.query(Letter).count()) == (422, 0)


def test_the_database_itself_lets_nobody_ask_what_came_to_a_unit_of_others(anna, handler_app, seen):
    with handler_app.app_context():
        shown.show("session", anna.secret())
        with pytest.raises(ProgrammingError, match="not an inbox of the caller's"):
            mailroom.register(io.BytesIO(letter()), "su")
    assert seen.query(Arrival).count() == 0
