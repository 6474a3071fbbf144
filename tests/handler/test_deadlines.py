"""A deadline in words, where the matter is shown, and the word of a delay that is suggested in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from intake.handler.deadlines import deadline_words
from intake.matters import deadlines
from tests import desk

# What is due on Monday the 30th of November.
DUE = datetime(2026, 11, 30, 22, 59, 59, tzinfo=UTC)
SUGGESTED = "meddela dröjsmål"


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("2026-11-25T14:00", "3 arbetsdagar kvar"),
        ("2026-11-27T22:30", "1 arbetsdag kvar"),
        ("2026-11-28T12:00", "1 arbetsdag kvar"),
        ("2026-11-29T23:30", "ska besvaras i dag"),
        ("2026-11-30T22:30", "ska besvaras i dag"),
        ("2026-11-30T23:30", "1 arbetsdag försenat"),
        ("2026-12-03T12:00", "3 arbetsdagar försenat"),
        ("2026-12-26T12:00", "17 arbetsdagar försenat"),
    ],
)
def test_a_deadline_is_told_in_working_days(at, words):
    assert deadline_words(DUE, datetime.fromisoformat(at).replace(tzinfo=UTC)) == words


def test_on_the_weekend_after_it_no_working_day_has_passed_yet():
    friday, saturday = datetime(2026, 11, 27, 22, 59, 59, tzinfo=UTC), datetime(2026, 11, 28, 9, tzinfo=UTC)
    assert deadline_words(friday, saturday) == "försenat"


def test_what_has_no_deadline_says_nothing():
    assert deadline_words(None, DUE) == ""


@pytest.fixture
def matter(bring, clock):
    clock.at = datetime(2026, 11, 25, 14, 0, tzinfo=UTC)
    return bring(category="fraga", text="Hur gör jag för att få en kopia?", subject="En kopia")


@pytest.fixture
def late(matter, clock, worker_app, sit):
    """A matter that became late, and somebody who signs in the day after."""
    clock.at += timedelta(days=6)
    with worker_app.app_context():
        deadlines.mark_overdue()
    return sit("anna.syd@example.se", *desk.seats("syd")), matter


def test_a_matters_page_tells_the_days_that_are_left_and_the_last_one(matter, anna):
    said = desk.text_of(anna.page(matter))
    assert "Svar: 3 arbetsdagar kvar" in said
    assert "Svara senast 30 november 2026" in said
    assert SUGGESTED not in said


def test_word_of_a_delay_is_suggested_on_the_last_day(matter, sit, clock):
    clock.at += timedelta(days=5)
    said = desk.text_of(sit("anna.syd@example.se", *desk.seats("syd")).page(matter))
    assert "Svaret ska ges i dag." in said
    assert SUGGESTED in said


def test_what_is_late_says_so_and_suggests_word_of_it_until_it_is_given(late):
    anna, matter = late
    said = desk.text_of(anna.page(matter))
    assert "Svar: 1 arbetsdag försenat" in said
    assert ("Svaret är försenat" in said, "Fristen för ett svar gick ut" in said) == (True, True)
    assert anna.act(matter, "drojsmal", delay="Vi har många ärenden just nu.").status_code == 303
    assert SUGGESTED not in desk.text_of(anna.page(matter))


def test_an_answer_ends_the_wait(late):
    anna, matter = late
    assert anna.act(matter, "svara", text="Hej! Så här gör du.", is_told="y").status_code == 303
    said = desk.text_of(anna.page(matter))
    assert ("dag försenat" in said, "Svara senast" in said) == (False, False)


def test_who_only_reads_is_not_asked_to_write(matter, sit, clock):
    clock.at += timedelta(days=6)
    reader = sit("rut@example.se", *desk.seats("syd", role="reader"), name="Rut Ek")
    said = desk.text_of(reader.page(matter))
    assert ("Svar: 1 arbetsdag försenat" in said, SUGGESTED in said) == (True, False)
