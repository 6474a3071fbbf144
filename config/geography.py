"""Municipalities, postcodes and the names that people call places by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.reading import TableError, read_lines, read_rows

_SHAPE = re.compile(r'<path id="r-([a-z-]+)" d="([MLZ0-9. -]+)"')
_VIEW = re.compile(r'viewBox="0 0 ([0-9]+) ([0-9]+)"')


@dataclass(frozen=True)
class Municipality:
    """A municipality: four-digit code, name, county code and region code."""

    code: str
    name: str
    county: str
    region: str


@dataclass(frozen=True)
class PlaceName:
    """A name people write and the municipalities (codes) it may mean."""

    name: str
    kind: str
    municipalities: tuple[str, ...]


@dataclass(frozen=True)
class RegionMap:
    """A map of the regions: its width and height, and each region's outline (an SVG path) by its code."""

    width: int
    height: int
    shapes: Mapping[str, str]


@dataclass(frozen=True)
class Geography:
    """Municipalities, postcodes (five digits -> municipality code), place names and a map of the regions."""

    municipalities: tuple[Municipality, ...]
    postcodes: Mapping[str, str]
    names: tuple[PlaceName, ...]
    regions: RegionMap

    def municipality(self, code: str) -> Municipality:
        """Return the municipality with this four-digit code; KeyError when there is none."""
        for municipality in self.municipalities:
            if municipality.code == code:
                return municipality
        raise KeyError(code)

    def find_by_name(self, words: str) -> Municipality | None:
        """Find a municipality by its name, in any case, with or without "kommun"."""
        wanted = words.strip().casefold().removesuffix(" kommun").removesuffix("s").strip()
        for municipality in self.municipalities:
            if municipality.name.casefold().removesuffix("s") == wanted:
                return municipality
        return None

    def find_by_postcode(self, words: str) -> Municipality | None:
        """Find the municipality of a five-digit postcode, with or without a space."""
        code = self.postcodes.get("".join(words.split()))
        return self.municipality(code) if code else None


def read_geography(folder: Path) -> Geography:
    """Read the tables and the map of a folder."""
    municipalities = tuple(
        Municipality(row["code"], row["name"], row["county_code"], row["police_region"])
        for row in read_rows(folder / "municipalities.csv")
    )
    postcodes = {row["postcode"]: row["municipality_code"] for row in read_rows(folder / "postcodes.csv")}
    localities = tuple(
        PlaceName(row["locality"], "locality", tuple(row["municipality_codes"].split()))
        for row in read_rows(folder / "localities.csv")
    )
    aliases = tuple(
        PlaceName(row["alias"], row["kind"], (row["municipality_code"],))
        for row in read_rows(folder / "place_aliases.csv")
    )
    regions = _map_in("\n".join(read_lines(folder / "regions.svg")))
    return Geography(municipalities, postcodes, localities + aliases, regions)


def _map_in(drawing: str) -> RegionMap:
    view, shapes = _VIEW.search(drawing), dict(_SHAPE.findall(drawing))
    if view is None or not shapes:
        raise TableError("geo/regions.svg: draw each region as <path id='r-code' d=…> in a viewBox from 0 0.")
    return RegionMap(int(view[1]), int(view[2]), shapes)
