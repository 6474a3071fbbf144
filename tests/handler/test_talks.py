"""What is said by telephone or face to face: noted at the time when it was said, for handlers alone."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta

import pytest

from intake.extensions import STOCKHOLM, db
from intake.matters import following
from intake.models import Event, Matter, Message, StatusCode
from tests import desk
from tests.matters.mailing import key_to

SAID = "Hon såg en blå cykel vid hamnen."


@pytest.fixture
def reference(bring):
    return bring()


@pytest.fixture
def spoken(clock):
    """Return what is filled in about a talk that was so long ago."""

    def spoken(ago=timedelta(hours=2), **changes):
        at = (clock() - ago).astimezone(STOCKHOLM)
        when = {"talk_day": at.date().isoformat(), "talk_time": f"{at:%H:%M}"}
        return {"talk_way": "phone_in", "talk_said": SAID, **when} | changes

    return spoken


def notes(seen):
    seen.rollback()
    return seen.query(Message).filter_by(direction="note").all()


def test_a_call_stands_where_it_was_made_and_says_who_noted_it(anna, reference, spoken):
    told = spoken(talk_way="phone_out", talk_with="Kim Berg", talk_number="070-123 45 67")
    assert anna.act(reference, "samtal", **told).status_code == 303
    words = desk.text_of(anna.page(reference))
    assert "Utgående samtal med Kim Berg 070-123 45 67 , antecknat av Anna Lindgren" in words
    assert words.index(SAID) < words.index("Min cykel stals")
    assert "Skrev en tjänsteanteckning: utgående samtal Anna Lindgren" in words


def test_the_form_begins_with_now_and_a_number_is_not_needed(anna, reference, spoken, seen):
    page = anna.page(reference).text
    assert 'type="date" id="talk_day" name="talk_day" value="20' in page
    anna.act(reference, "samtal", **spoken(talk_way="visit"))
    assert [(note.channel, note.sender_name, note.sender_phone) for note in notes(seen)] == [
        ("visit", None, None)
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"talk_day": "2199-01-01"}, "Tiden har inte varit än."),
        ({"talk_day": "1026-01-01"}, "Det är mer än tio år sedan."),
        ({"talk_day": "i går"}, "Skriv en dag så här"),
        ({"talk_time": "kvart i tre"}, "Skriv ett klockslag så här"),
        ({"talk_time": ""}, "Skriv när det var."),
        ({"talk_way": "fax"}, "Välj hur det sades."),
        ({"talk_said": " "}, "Skriv vad som sades."),
        ({"talk_number": "1" * 51}, "Högst 50 tecken får plats."),
    ],
)
def test_what_cannot_be_is_refused_and_the_words_stay(anna, reference, spoken, seen, changes, said):
    answer = anna.act(reference, "samtal", **spoken(talk_with="Kim på hamnen", **changes))
    assert answer.status_code == 422
    assert said in desk.text_of(answer)
    assert "Kim på hamnen" in answer.text
    assert notes(seen) == []


def test_a_clock_with_a_full_stop_is_read(anna, reference, spoken, seen):
    anna.act(reference, "samtal", **spoken(timedelta(days=1), talk_time="9.05"))
    assert [f"{note.created_at.astimezone(STOCKHOLM):%H:%M}" for note in notes(seen)] == ["09:05"]


def test_it_collides_with_nobodys_work(anna, reference, spoken, seen):
    page = anna.page(reference)
    anna.act(reference, "ta")
    assert anna.act(reference, "samtal", page=page, **spoken()).status_code == 303
    assert len(notes(seen)) == 1


def test_a_closed_matter_takes_it_too(anna, reference, spoken, seen):
    anna.act(reference, "avsluta", outcome="answered")
    assert anna.act(reference, "samtal", **spoken()).status_code == 303
    assert seen.query(Matter).one().closed_at is not None


def test_who_only_reads_may_not(sit, reference, spoken, seen):
    reader = sit("rune@example.se", ("syd-kontaktcenter", "reader"))
    assert "Anteckna ett samtal" not in reader.page(reference).text
    assert reader.act(reference, "samtal", **spoken()).status_code == 403


def test_the_citizen_is_not_told(anna, reference, spoken, make_app, worker_app, seen):
    with worker_app.app_context():
        key = key_to(db.session.query(Matter).one())
    anna.act(reference, "samtal", **spoken())
    with make_app("citizen").app_context():
        assert SAID not in repr((following.get(key), following.answers(key)))
    assert seen.query(StatusCode).count() == 1


def test_an_export_holds_it(anna, reference, spoken):
    anna.act(reference, "samtal", **spoken(talk_way="visit", talk_with="Kim Berg"))
    anna.prove()
    answer = anna.act(
        reference, "exportera", page=anna.get(f"/arende/{reference}/exportera"), reason="Utlämnande"
    )
    with zipfile.ZipFile(io.BytesIO(answer.data)) as zipped:
        words = zipped.read(next(name for name in zipped.namelist() if name.endswith("meddelanden.txt")))
    assert "Besök eller möte" in words.decode()
    assert SAID in words.decode()


def test_with_whom_is_hidden_where_it_is_protected(anna, sit, brought, spoken):
    reference = brought(flags=["protected_identity"])
    anna.act(reference, "samtal", **spoken(talk_with="Mor Hemlig", talk_number="0709-99"))
    page = anna.page(reference).text
    assert "Mor Hemlig" not in page
    assert "0709-99" not in page
    karin = sit("karin@example.se", ("syd-inkorg", "coordinator"), name="Karin Holm")
    karin.prove()
    opened = karin.act(reference, "skyddade-uppgifter", reason="Ska ringa upp.",
                       page=karin.get(f"/arende/{reference}/skyddade-uppgifter"))  # fmt: skip
    assert "Mor Hemlig" in opened.text


def test_one_about_a_merged_matter_is_noted_where_it_went(anna, bring, spoken, seen):
    gone, kept = bring(), bring(subject="Samma cykel")
    page = anna.page(gone)
    anna.act(gone, "sammanfor", into=kept)
    assert seen.query(Event).filter_by(what="merged_into").count() == 1
    anna.act(gone, "samtal", page=page, **spoken())
    assert SAID in anna.page(kept).text


@pytest.mark.parametrize("act", ["samtal", "anteckna"])
def test_who_has_not_seen_where_a_matter_went_notes_it_there_too(anna, sit, bring, spoken, seen, act):
    gone, kept = bring(), bring(subject="Samma cykel")
    bertil = sit("bertil.syd@example.se", *desk.seats("syd"), name="Bertil Sand")
    page = bertil.page(gone)
    anna.act(gone, "sammanfor", into=kept)
    answer = bertil.act(gone, act, page=page, note=SAID, **spoken())
    assert answer.status_code == 303
    assert SAID in anna.page(kept).text


@pytest.mark.parametrize("act", ["samtal", "anteckna"])
def test_who_does_not_see_where_a_matter_went_is_told_and_keeps_the_words(
    anna, sit, bring, spoken, seen, act
):
    gone, kept = bring(), bring(subject="Samma cykel")
    vera = sit("vera@example.se", ("syd-kontaktcenter", "handler"), name="Vera Ek")
    desk.hand_over(anna, anna, kept, "syd-utredning")
    page = vera.page(gone)
    anna.act(gone, "sammanfor", into=kept)
    answer = vera.act(gone, act, page=page, note=SAID, **spoken())
    assert answer.status_code == 422
    assert "sammanfört med ett som du inte ser" in answer.text
    assert SAID in answer.text
    assert SAID not in [note.text for note in notes(seen)]
