"""What the situation picture tells, as plain values: counts and their words, change, and unusual rises."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from config.tables import Tables
from intake.handler.words import category_name

# The rule of an unusual rise: at least so many in a week, and more than so many times the mean of the
# weeks before.
LEAST_RISE, TIMES, WEEKS = 10, 2, 8
# Not to be broken between lines.
BLANK = "\N{NO-BREAK SPACE}"
FEW = f"färre{BLANK}än{BLANK}5"
NO_REGION, NO_PLACE = "Nationella enheter", "Ingen kommun angiven"


@dataclass(frozen=True)
class Count:
    """One count: in the person's own units as it is, in ``others`` rounded to five; None: fewer than five."""

    own: int
    others: int | None

    @property
    def value(self) -> int:
        """What is known of it, to draw and to sort by."""
        return self.own + (self.others or 0)

    @property
    def words(self) -> str:
        """Say it in a sentence or a table."""
        return f"cirka{BLANK}{in_threes(self.value)}" if self.others else self.short

    @property
    def short(self) -> str:
        """Say it where it stands elsewhere that it is rounded."""
        if self.others is not None:
            return in_threes(self.value)
        return f"{in_threes(self.own)} och {FEW} till" if self.own else FEW

    @property
    def brief(self) -> str:
        """Say it where there is little room, and a table beside it."""
        return f"minst {in_threes(self.own)}" if self.others is None and self.own else self.short

    @property
    def cell(self) -> str:
        """Write it for a spreadsheet: a number, or words where none is told."""
        return self.short.replace(BLANK, " ") if self.others is None else str(self.value)


@dataclass(frozen=True)
class Counted:
    """A count as the database tells it: what of, which of these, and what was counted."""

    part: str
    key: str
    measure: str
    count: Count


@dataclass(frozen=True)
class Frame:
    """What a picture covers. ``is_whole``: all of it stands in the person's own units, and is told as it is.

    Half of what came in was answered within ``hours``; None: too few to tell, infinite: not half of it was.
    """

    first_day: date
    last_day: date
    is_whole: bool
    hours: float | None

    @property
    def days(self) -> list[date]:
        """Every day of the period."""
        return [self.first_day + timedelta(n) for n in range((self.last_day - self.first_day).days + 1)]

    @property
    def nothing(self) -> Count:
        """What is told of that of which the database tells nothing."""
        return Count(0, 0 if self.is_whole else None)


@dataclass(frozen=True)
class Line:
    """What came in, was closed and is open of one kind, region or place, and the time before."""

    key: str
    name: str
    came: Count
    came_before: Count
    closed: Count
    closed_before: Count
    open: Count
    week: Count
    eight_weeks: Count

    @property
    def is_told(self) -> bool:
        """Say whether there is anything to tell of it."""
        return any(count.value for count in (self.came, self.came_before, self.closed, self.open))

    @property
    def change(self) -> str:
        """Say how what came in differs from the period before."""
        return change(self.came, self.came_before)

    @property
    def rises(self) -> bool:
        """Say whether unusually much came in during the last week, by what is told and not by more."""
        is_more = self.week.value * WEEKS > TIMES * self.eight_weeks.value
        return self.week.value >= LEAST_RISE and is_more


@dataclass(frozen=True)
class Day:
    """What came in and was closed on one day."""

    day: date
    came: Count
    closed: Count


@dataclass(frozen=True)
class Picture:
    """All that is told at once."""

    frame: Frame
    all: Line
    categories: tuple[Line, ...]
    regions: tuple[Line, ...]
    places: tuple[Line, ...]
    days: tuple[Day, ...]

    @property
    def rising(self) -> list[Line]:
        """What rises unusually, of kinds, regions and places that are known."""
        return [each for each in (*self.categories, *self.regions, *self.places) if each.key and each.rises]


def picture(frame: Frame, counted: Iterable[Counted], tables: Tables) -> Picture:
    """Put together a picture, the largest first; places of which nothing is told are left out."""
    found = _Found({(each.part, each.key, each.measure): each.count for each in counted}, frame.nothing)
    categories = {each.code: each.name for each in tables.categories.all}
    categories |= {code: category_name(tables, code) for code in found.keys("category")}
    regions = {each.code: each.name for each in tables.authority.regions} | {"": NO_REGION}
    places = {each.code: each.name for each in tables.geography.municipalities} | {"": NO_PLACE}
    told = {code: places.get(code, code) for code in found.keys("place")}
    return Picture(
        frame,
        found.line("all", "", ""),
        found.lines("category", categories),
        found.lines("region", regions),
        tuple(line for line in found.lines("place", told) if line.is_told),
        tuple(
            Day(day, found.count("came", str(day), "came"), found.count("closed", str(day), "closed"))
            for day in frame.days
        ),
    )


@dataclass(frozen=True)
class _Found:
    told: dict[tuple[str, str, str], Count]
    nothing: Count

    def keys(self, part: str) -> set[str]:
        return {key for of, key, _ in self.told if of == part}

    def count(self, part: str, key: str, measure: str) -> Count:
        return self.told.get((part, key, measure), self.nothing)

    def line(self, part: str, key: str, name: str) -> Line:
        measures = ("came", "came_before", "closed", "closed_before", "open", "week", "eight_weeks")
        return Line(key, name, *(self.count(part, key, measure) for measure in measures))

    def lines(self, part: str, names: dict[str, str]) -> tuple[Line, ...]:
        lines = (self.line(part, key, name) for key, name in names.items())
        return tuple(sorted(lines, key=lambda line: (-line.came.value, -line.open.value, line.name)))


def change(now: Count, before: Count) -> str:
    """Say how much more or less there is; a dash where one of them is not told."""
    if now.others is None or before.others is None:
        return "–"
    more = now.value - before.value
    if not more:
        return "lika många"
    about = "cirka " if now.others or before.others else ""
    return f"{about}{in_threes(abs(more))} {'fler' if more > 0 else 'färre'}"


def within(hours: float | None) -> str:
    """Say within which time half of what came in had a first answer."""
    if hours is None:
        return "för få ärenden för att säga"
    if math.isinf(hours):
        return "mer än hälften har inte fått något än"
    if hours <= 48:
        return f"inom {hours:.0f} {'timme' if hours == 1 else 'timmar'}"
    return f"inom {math.ceil(hours / 24)} dagar"


def in_threes(number: int) -> str:
    """Write a number with its digits in groups of three, as Swedish does."""
    return f"{number:,}".replace(",", BLANK)


def most(counts: Sequence[Count]) -> int:
    """Return the largest of some counts, at least 1 so that it can be divided by."""
    return max((count.value for count in counts), default=0) or 1
