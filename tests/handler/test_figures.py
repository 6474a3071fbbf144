"""Numbers of the situation picture in words, and where they are drawn; nothing here asks a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from intake.handler import charts, figures
from intake.handler.figures import Count, Counted, Day, Frame, Line

NONE = Count(0, 0)
LINE = Line("tips", "Tips", *[NONE] * 7)


@pytest.mark.parametrize(
    ("count", "words", "cell"),
    [
        (Count(1234, 0), "1 234", "1234"),
        (Count(3, 10), "cirka 13", "13"),
        (Count(0, None), "färre än 5", "färre än 5"),
        (Count(6, None), "6 och färre än 5 till", "6 och färre än 5 till"),
    ],
)
def test_a_count_is_said_as_far_as_it_is_told(count, words, cell):
    assert (count.words.replace(figures.BLANK, " "), count.cell) == (words, cell)


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [
        (Count(5, 0), Count(3, 0), "2 fler"),
        (Count(3, 0), Count(5, 0), "2 färre"),
        (Count(3, 0), Count(3, 0), "lika många"),
        (Count(3, 10), Count(3, 5), "cirka 5 fler"),
        (Count(3, 10), Count(3, None), "–"),
    ],
)
def test_a_change_is_told_only_of_what_is_told(now, before, words):
    assert figures.change(now, before) == words


@pytest.mark.parametrize(("week", "eight", "rises"), [(10, 39, True), (10, 40, False), (9, 0, False)])
def test_a_rise_is_unusual_by_the_rule_that_the_page_tells(week, eight, rises):
    assert replace(LINE, week=Count(week, 0), eight_weeks=Count(0, eight)).rises is rises


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (None, "för få ärenden för att säga"), (float("inf"), "mer än hälften har inte fått något än"),
        (1, "inom 1 timme"), (48, "inom 48 timmar"), (49, "inom 3 dagar"),
    ],
)  # fmt: skip
def test_the_time_of_a_first_answer_is_in_hours_or_days(hours, words):
    assert figures.within(hours) == words


def test_what_is_not_told_is_kept_back_and_not_called_nothing(base_settings):
    frame = Frame(date(2026, 11, 1), date(2026, 11, 7), is_whole=False, hours=None)
    told = [Counted("category", "tips", "came", Count(0, 5)), Counted("place", "9", "came", Count(1, None))]
    made = figures.picture(frame, told, base_settings.tables)
    assert (made.categories[0].name, made.categories[0].came.cell) == ("Tips om annat brott", "5")
    assert {line.came.cell for line in made.categories[1:]} == {"färre än 5"}
    assert [line.name for line in made.places] == ["9"]
    assert {day.came.cell for day in made.days} == {"färre än 5"}


def test_columns_stand_within_their_drawing():
    first = date(2026, 11, 1)
    days = [Day(first + timedelta(n), Count(n, 0), Count(90 - n, None)) for n in range(90)]
    drawn = charts.columns(days)
    assert all(bar.y >= 0 and bar.y + bar.height <= charts.HEIGHT - 27 for bar in drawn.bars)
    assert drawn.bars[-1].x + drawn.bars[-1].width <= charts.WIDTH
    assert [mark.words for mark in drawn.scale] == ["0", "45", "90"]


def test_nothing_is_drawn_as_nothing():
    days = [Day(date(2026, 11, 1), NONE, NONE)]
    assert charts.columns(days).bars[0].height == 0
    assert charts.rows([LINE]).bars == ()


def test_the_region_with_most_is_the_darkest(base_settings):
    lines = [replace(LINE, key=key, came=Count(number, 0)) for key, number in
             (("syd", 8), ("nord", 1), ("ost", 0), ("", 99))]  # fmt: skip
    drawn = charts.lands(base_settings.tables.geography.regions, lines)
    assert [each.shade for each in drawn] == [4, 1, 0]


def test_the_middle_of_an_outline_is_that_of_its_largest_part():
    assert charts.middle("M0 0L4 0L4 4L0 4ZM100 100L101 100L101 101Z") == (2.0, 2.0)
    assert charts.middle("M1 1Z") == (1.0, 1.0)
