"""The situation picture: what comes in, waits and is closed, in one's units, the region and the country."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import make_response, render_template, request, url_for
from sqlalchemy import text
from werkzeug.wrappers import Response

from config.tables import Tables, Watched
from intake import access, web
from intake.errors import NotFound
from intake.extensions import db, settings
from intake.handler import charts, figures, spreadsheet
from intake.handler.figures import Count, Counted, Frame, Line, Picture
from intake.handler.gate import person
from intake.handler.surface import bp
from intake.words import in_day

PERIODS = (7, 28, 90)
USUAL = 28
COUNTRY = "land"
# So many places stand on the page; the file has them all.
PLACES = 25
# The first wall is what they are asked with: the units that the person sees.
_FRAME = text("SELECT * FROM overview_frame(:look, :units)")
_COUNTS = text("SELECT * FROM overview_counts(:look, :units)")
LINES = ("Kom in", "Kom in perioden före", "Avslutades", "Öppna nu", "Ovanlig ökning")


@dataclass(frozen=True)
class Asked:
    """What a picture is asked for, in the words of its address."""

    scope: str
    days: int

    @property
    def words(self) -> str:
        """What is recorded of the look, and what the database then tells by."""
        return f"period={self.days} omfattning={self.scope}"

    def file(self, table: str) -> str:
        """Return the address of one of the picture's tables as a file."""
        return url_for(".overview_file", table=table, period=self.days, omfattning=self.scope)


@bp.get("/lagesbild")
def overview() -> Response:
    """Show the situation picture; the look is recorded."""
    asked = _asked()
    seen, tables = read(asked), settings().tables
    page = render_template(
        "handler/overview.html",
        asked=asked,
        scopes=scopes(person(), tables),
        periods=PERIODS,
        picture=seen,
        places=seen.places[:PLACES],
        watched=_watched(asked, seen, tables.authority.watched),
        drawn=charts,
        figures=figures,
        map=tables.geography.regions,
        in_day=in_day,
        country=COUNTRY,
    )
    return make_response(page)


@bp.get("/lagesbild/<table>.csv")
def overview_file(table: str) -> Response:
    """Answer with one of the picture's tables as a file for a spreadsheet; that look is recorded too."""
    asked = _asked()
    if table not in TABLES:
        raise NotFound("no table of that name")
    made = TABLES[table](read(asked, f" fil={table}"))
    name = f"lagesbild-{table}-{asked.days}-{asked.scope.replace(':', '-')}.csv"
    return web.as_download(io.BytesIO(made), name, len(made))


def read(asked: Asked, more: str = "") -> Picture:
    """Record a look at a picture, commit, and return it; NotFound for what the person has no part in."""
    return read_by(access.look_at_list("overview", asked.words + more))


def read_by(look: uuid.UUID) -> Picture:
    """Return the picture that a look is at, once that is committed."""
    given = {"look": look, "units": list(person().units)}
    frame = db.session.execute(_FRAME, given).one_or_none()
    if frame is None:
        raise NotFound("no picture of that")
    rows = db.session.execute(_COUNTS, given)
    counted = [Counted(row.part, row.key, row.measure, Count(row.own, row.others)) for row in rows]
    return figures.picture(Frame(**frame._mapping), counted, settings().tables)


def scopes(person: access.Person, tables: Tables) -> dict[str, str]:
    """Return what the person can have a picture of, by its word in the address: country, regions, units."""
    units = [unit for unit in tables.authority.units if unit.code in person.units]
    own = {unit.region for unit in units if not unit.is_walled}
    regions = {f"region:{each.code}": each.name for each in tables.authority.regions if each.code in own}
    return {COUNTRY: "Hela landet"} | regions | {f"enhet:{unit.code}": unit.name for unit in units}


def _asked() -> Asked:
    if not person().may("see"):
        raise NotFound("no page for who sees no matters")
    offered = scopes(person(), settings().tables)
    # Who says nothing sees the nearest: the unit of who has one, else the region.
    wanted = "enhet:" if len(person().units) == 1 else "region:"
    nearest = [each for each in offered if each.startswith(wanted)]
    scope = request.args.get("omfattning") or next(iter(nearest), COUNTRY)
    if scope not in offered:
        raise NotFound("nothing that the person has a part in")
    days = request.args.get("period", USUAL, type=int)
    return Asked(scope, days if days in PERIODS else USUAL)


def _watched(asked: Asked, seen: Picture, watched: Watched | None) -> tuple[str, str] | None:
    """Name what is followed for the whole country, and say how many open matters there are of it."""
    if watched is None or asked.scope != COUNTRY:
        return None
    now = next((line.open for line in seen.categories if line.key == watched.category), seen.frame.nothing)
    since = f"Startvärdet var {figures.in_threes(watched.start)} den {in_day(watched.start_on)}"
    change = figures.change(now, Count(watched.start, 0))
    more = "" if now.others is None else f", alltså {change} nu"
    return watched.name, f"{now.words} öppna ärenden nu. {since}{more}."


def _lines(head: str, lines: Sequence[Line]) -> bytes:
    return spreadsheet.table((head, *LINES), (
        (line.name, line.came.cell, line.came_before.cell, line.closed.cell, line.open.cell,
         "ja" if line.rises else "")
        for line in lines
    ))  # fmt: skip


def _summary(seen: Picture) -> bytes:
    return spreadsheet.table(("Mått", "Antal", "Perioden före"), [
        ("Kom in", seen.all.came.cell, seen.all.came_before.cell),
        ("Avslutades", seen.all.closed.cell, seen.all.closed_before.cell),
        ("Öppna nu", seen.all.open.cell, ""),
        ("Hälften fick ett första svar", figures.within(seen.frame.hours), ""),
        ("Första dag", str(seen.frame.first_day), ""),
        ("Sista dag", str(seen.frame.last_day), ""),
        ("Antal är", "exakta" if seen.frame.is_whole else "avrundade till jämna fem", ""),
    ])  # fmt: skip


def _days(seen: Picture) -> bytes:
    rows = ((str(each.day), each.came.cell, each.closed.cell) for each in seen.days)
    return spreadsheet.table(("Dag", "Kom in", "Avslutades"), rows)


TABLES: dict[str, Callable[[Picture], bytes]] = {
    "sammanfattning": _summary,
    "dag": _days,
    "arendetyp": lambda seen: _lines("Ärendetyp", seen.categories),
    "region": lambda seen: _lines("Region", seen.regions),
    "kommun": lambda seen: _lines("Kommun", seen.places),
}
