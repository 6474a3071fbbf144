"""Working days are counted over holidays, eves, a year's turn and summer time."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from config.working_days import is_working_day, nth_working_day, working_days
from intake.matters.deadlines import due_at


@pytest.mark.parametrize(
    ("after", "count", "day"),
    [
        ("2026-11-23", 1, "2026-11-24"),
        ("2026-11-20", 1, "2026-11-23"),
        ("2026-11-21", 1, "2026-11-23"),
        ("2026-04-01", 1, "2026-04-02"),
        ("2026-04-02", 1, "2026-04-07"),
        ("2026-05-13", 1, "2026-05-15"),
        ("2026-06-18", 1, "2026-06-22"),
        ("2026-12-23", 1, "2026-12-28"),
        ("2026-12-22", 3, "2026-12-29"),
        ("2026-12-30", 1, "2027-01-04"),
        ("2026-12-30", 3, "2027-01-07"),
    ],
    ids=[
        "a Monday", "a Friday", "a Saturday", "Maundy Thursday is worked", "Easter", "Ascension Day",
        "midsummer", "Christmas", "days round Christmas", "New Year", "Epiphany",
    ],
)  # fmt: skip
def test_the_last_day_is_a_working_day(after, count, day):
    found = nth_working_day(date.fromisoformat(after), count)
    assert (found.isoformat(), is_working_day(found)) == (day, True)


@pytest.mark.parametrize("year", [2026, 2028, 2050, 2075])
def test_no_year_is_without_its_holidays_and_eves(year):
    known = [(1, 1), (1, 6), (5, 1), (6, 6), (12, 24), (12, 25), (12, 26), (12, 31)]
    assert not any(is_working_day(date(year, month, day)) for month, day in known)


def test_what_lies_between_two_days_is_counted_with_the_last_and_without_the_first():
    christmas_eve, monday = date(2026, 12, 24), date(2026, 12, 28)
    assert working_days(date(2026, 12, 23), monday) == 1
    assert (working_days(christmas_eve, christmas_eve), working_days(monday, christmas_eve)) == (0, 0)


@pytest.mark.parametrize(
    ("since", "due"),
    [
        ("2026-11-20T21:57:00+00:00", "2026-11-23T22:59:59+00:00"),
        ("2026-11-20T23:30:00+00:00", "2026-11-23T22:59:59+00:00"),
        ("2026-11-22T23:30:00+00:00", "2026-11-24T22:59:59+00:00"),
        ("2026-12-30T12:00:00+00:00", "2027-01-04T22:59:59+00:00"),
        ("2026-03-27T12:00:00+00:00", "2026-03-30T21:59:59+00:00"),
        ("2026-10-23T12:00:00+00:00", "2026-10-26T22:59:59+00:00"),
    ],
    ids=[
        "Friday evening", "Friday night, Saturday here", "Sunday night, Monday here", "the year turns",
        "summer time begins", "summer time ends",
    ],
)  # fmt: skip
def test_a_deadline_is_the_end_of_its_day_in_stockholm(since, due):
    assert due_at(1, datetime.fromisoformat(since)).astimezone(UTC).isoformat() == due
