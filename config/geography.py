"""Municipalities, postcodes and the names that people call places by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.reading import read_rows


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
class Geography:
    """Municipalities, postcodes (five digits -> municipality code) and place names."""

    municipalities: tuple[Municipality, ...]
    postcodes: Mapping[str, str]
    names: tuple[PlaceName, ...]

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
    """Read the three tables of a folder."""
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
    return Geography(municipalities, postcodes, localities + aliases)
