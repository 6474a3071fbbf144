"""Which days are working days in Sweden: Monday to Friday, but for holidays and three eves.

The law counts Midsummer Eve, Christmas Eve and New Year's Eve with the holidays (lag 1930:173 2 §).
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache

import holidays
from holidays.constants import DE_FACTO, PUBLIC

SATURDAY = 5
ONE_DAY = timedelta(days=1)


def is_working_day(day: date) -> bool:
    """Say whether people are at work on a day."""
    return day.weekday() < SATURDAY and day not in _free_days(day.year)


def nth_working_day(after: date, count: int) -> date:
    """Return the first, second, ... working day after a day, which is not counted itself."""
    day = after
    while count > 0:
        day += ONE_DAY
        count -= is_working_day(day)
    return day


def working_day_before(day: date, count: int) -> date:
    """Return the first, second, ... working day before a day, which is not counted itself."""
    while count > 0:
        day -= ONE_DAY
        count -= is_working_day(day)
    return day


def working_days(after: date, until: date) -> int:
    """Count the working days after one day, up to and with another; 0 when there are none."""
    days = (after + ONE_DAY * number for number in range(1, (until - after).days + 1))
    return sum(is_working_day(day) for day in days)


def after_working_hours(since: datetime, hours: int) -> datetime:
    """Return when so many hours of working days have passed, all 24 of each; both are local times."""
    at, left = since, timedelta(hours=hours)
    while True:
        midnight = datetime.combine(at.date() + ONE_DAY, time(), at.tzinfo)
        if is_working_day(at.date()):
            if at + left <= midnight:
                return at + left
            left -= midnight - at
        at = midnight


@cache
def _free_days(year: int) -> frozenset[date]:
    """Return a year's free days but Sundays.

    Made whole at once: the library's own calendar is filled while others may be reading it.
    """
    return frozenset(holidays.country_holidays("SE", years=year, categories=(PUBLIC, DE_FACTO), expand=False))
