"""Where the lines of a chart go: numbers in, places in a drawing out; templates draw them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.geography import RegionMap
from intake.handler.figures import Count, Day, Line, in_threes, most

# A drawing's own units; the page scales them.
WIDTH, HEIGHT = 400, 200
LEFT, TOP, FOOT = 48, 12, 28
ROW = 36
SHADES = 4
_RING = re.compile(r"M[^MZ]*")
_POINT = re.compile(r"(-?[0-9.]+) (-?[0-9.]+)")


@dataclass(frozen=True)
class Bar:
    """A bar, with what is written beside it."""

    x: float
    y: float
    width: float
    height: float
    name: str
    words: str


@dataclass(frozen=True)
class Mark:
    """Words at a place along an axis."""

    at: float
    words: str


@dataclass(frozen=True)
class Columns:
    """Columns side by side for what came in on each day, and a line for what was closed."""

    bars: tuple[Bar, ...]
    line: str
    scale: tuple[Mark, ...]
    marks: tuple[Mark, ...]
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True)
class Rows:
    """Bars under one another."""

    bars: tuple[Bar, ...]
    height: int
    width: int = WIDTH


@dataclass(frozen=True)
class Land:
    """A region on a map: its outline, how dark it is (0 to 4), and its words with their place."""

    path: str
    shade: int
    x: float
    y: float
    name: str
    words: str


def columns(days: Sequence[Day]) -> Columns:
    """Place a period's days; of a long one Mondays are marked."""
    top = most([count for each in days for count in (each.came, each.closed)])
    high, step = HEIGHT - TOP - FOOT, (WIDTH - LEFT) / max(len(days), 1)

    def level(count: Count) -> float:
        return round(TOP + high * (1 - count.value / top), 1)

    bars, points, marks = [], [], []
    for number, each in enumerate(days):
        x = round(LEFT + step * number, 1)
        middle, y, words = round(x + step / 2, 1), level(each.came), f"{each.day.day}/{each.day.month}"
        bars.append(Bar(x, y, round(step * 0.75, 1), round(TOP + high - y, 1), words, each.came.words))
        points.append(f"{middle},{level(each.closed)}")
        is_marked = each.day.weekday() == 0 and (len(days) <= 31 or each.day.isocalendar().week % 2 == 0)
        if is_marked or len(days) <= 7:
            marks.append(Mark(middle, words))
    scale = {value: TOP + high * (1 - value / top) for value in (0, top // 2, top)}
    lines = tuple(Mark(round(at, 1), in_threes(value)) for value, at in scale.items())
    return Columns(tuple(bars), " ".join(points), lines, tuple(marks))


def rows(lines: Sequence[Line]) -> Rows:
    """Place one bar under another for what came in, where anything is told."""
    told = [line for line in lines if line.came.value]
    top = most([line.came for line in told])
    bars = (
        Bar(0, ROW * number + 20, round(WIDTH * line.came.value / top, 1), 8, line.name, line.came.words)
        for number, line in enumerate(told)
    )
    return Rows(tuple(bars), ROW * max(len(told), 1))


def lands(map_of: RegionMap, lines: Sequence[Line]) -> list[Land]:
    """Shade the regions of a map by what came in there."""
    told: Mapping[str, Line] = {line.key: line for line in lines if line.key in map_of.shapes}
    top = most([line.came for line in told.values()])
    return [
        Land(map_of.shapes[code], -(-SHADES * line.came.value // top), *middle(map_of.shapes[code]),
             line.name, line.came.brief)
        for code, line in told.items()
    ]  # fmt: skip


def middle(path: str) -> tuple[float, float]:
    """Return the centre of gravity of the largest ring of an outline."""
    rings = [[(float(x), float(y)) for x, y in _POINT.findall(ring)] for ring in _RING.findall(path)]
    area, x, y = max((_weigh(ring) for ring in rings), key=lambda weighed: abs(weighed[0]))
    return (round(x / (3 * area), 1), round(y / (3 * area), 1)) if area else rings[0][0]


def _weigh(ring: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Return twice the area of a ring, and the sums from which its centre is made (the shoelace formula)."""
    area = x = y = 0.0
    for (x1, y1), (x2, y2) in zip(ring, [*ring[1:], ring[0]], strict=True):
        cross = x1 * y2 - x2 * y1
        area, x, y = area + cross, x + (x1 + x2) * cross, y + (y1 + y2) * cross
    return area, x, y
