"""Reads the authority's own tables (TOML and CSV) into frozen values, checked at start."""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", re.ASCII)
NATIONAL = "nationell"


class TableError(ValueError):
    """A table is wrong; the message names the file, the place and the cure."""


@dataclass(frozen=True)
class Unit:
    """An inbox: regional or national. ``side`` is the wall it stands behind.

    ``duty`` is the address of those who are told when something urgent waits there.
    """

    code: str
    name: str
    region: str | None
    kind: str
    mail_local: str | None
    duty: str
    is_walled: bool = False

    @property
    def side(self) -> str:
        """The side of a wall: a region's code, a walled unit's own code, or national."""
        if self.is_walled:
            return self.code
        return self.region or NATIONAL


@dataclass(frozen=True)
class Region:
    """A police region: code, name, the counties it covers (two-digit codes) and its duty address."""

    code: str
    name: str
    counties: tuple[str, ...]
    duty: str


@dataclass(frozen=True)
class SupportLine:
    """Somewhere to turn, with the source and the date it was read."""

    name: str
    phone: str
    words: str
    source: str
    read_at: str


@dataclass(frozen=True)
class Authority:
    """Who runs the service: names, regions, inboxes and addresses."""

    name: str
    is_confirmed: bool
    mail_domains: tuple[str, ...]
    sender_name: str
    matter_local: str
    diary_series: str
    exit_url: str
    regions: tuple[Region, ...]
    units: tuple[Unit, ...]
    support: tuple[SupportLine, ...]

    @property
    def mail_domain(self) -> str:
        """The domain in which our own addresses are written."""
        return self.mail_domains[0]

    def unit(self, code: str) -> Unit:
        """Return the unit with this code; KeyError when there is none."""
        for unit in self.units:
            if unit.code == code:
                return unit
        raise KeyError(code)

    def unit_of_kind(self, kind: str, region: str | None) -> Unit:
        """Return the region's unit of a kind, else the national one, else the inbox."""
        for wanted in ((kind, region), (kind, None), ("inkorg", region), ("inkorg", None)):
            for unit in self.units:
                if (unit.kind, unit.region) == wanted:
                    return unit
        raise KeyError(kind)

    def region_of_county(self, county: str) -> str:
        """Return the code of the region that covers a two-digit county code."""
        for region in self.regions:
            if county in region.counties:
                return region.code
        raise KeyError(county)


@dataclass(frozen=True)
class Category:
    """What a matter can be about; ``unit_kind`` says which unit of the region takes it."""

    code: str
    name: str
    unit_kind: str
    priority: int
    regime: str
    secrecy: str
    is_private: bool
    kind: str


@dataclass(frozen=True)
class Choice:
    """One choice on a page in a person's own words; ``note`` is shown with it, never blocking."""

    code: str
    words: str
    category: str
    note: str = ""


@dataclass(frozen=True)
class ChoiceGroup:
    """One of the first page's choices with the choices it leads to."""

    code: str
    words: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Categories:
    """All categories and the two pages of choices that lead to them."""

    all: tuple[Category, ...]
    groups: tuple[ChoiceGroup, ...]

    def get(self, code: str) -> Category:
        """Return the category with this code; KeyError when there is none."""
        for category in self.all:
            if category.code == code:
                return category
        raise KeyError(code)

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(category.code for category in self.all)


@dataclass(frozen=True)
class FileType:
    """An extension we take, the MIME types its content may have, and its words.

    ``begins``, where there is one, must also match the first bytes: it tells apart what libmagic
    calls by one general name, such as every kind of zip container.
    """

    extension: str
    name: str
    mime_types: tuple[str, ...]
    begins: re.Pattern[bytes] | None = None


@dataclass(frozen=True)
class FileLimits:
    """What files are taken and how large; sizes in bytes."""

    types: Mapping[str, FileType]
    max_file_bytes: int
    max_matter_bytes: int
    max_files: int
    max_request_bytes: int
    max_letter_bytes: int
    mail_way_out_bytes: int


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


@dataclass(frozen=True)
class Tables:
    """All tables of an authority, read once at start."""

    authority: Authority
    categories: Categories
    files: FileLimits
    geography: Geography
    routing: Mapping[str, Any]
    weights: tuple[str, ...]


def read_tables(folder: Path = FOLDER) -> Tables:
    """Read and check every table in a folder; raises TableError with file and cure."""
    authority = _authority(_toml(folder / "authority.toml"))
    categories = _categories(_toml(folder / "categories.toml"), authority)
    return Tables(
        authority=authority,
        categories=categories,
        files=_files(_toml(folder / "files.toml")),
        geography=_geography(folder / "geo"),
        routing=_toml(folder / "routing.toml"),
        weights=_lines(folder / "weights.tsv"),
    )


def _lines(path: Path) -> tuple[str, ...]:
    try:
        return tuple(path.read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        raise TableError(f"{path.name} is missing in {path.parent}: put it back.") from None


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TableError(f"{path.name} is missing in {path.parent}: put it back.") from None
    except tomllib.TOMLDecodeError as error:
        raise TableError(f"{path.name} cannot be read as TOML ({error}): mend that line.") from error


def _authority(table: dict[str, Any]) -> Authority:
    try:
        regions = tuple(
            Region(row["code"], row["name"], tuple(row["counties"]), row["duty"]) for row in table["regions"]
        )
        units = tuple(
            Unit(
                f"{region.code}-{row['kind']}",
                f"{row['name']}, {region.name}",
                region.code,
                row["kind"],
                _regional_mail(region.code, row),
                region.duty,
            )
            for region in regions
            for row in table["regional_units"]
        ) + tuple(
            Unit(
                row["code"],
                row["name"],
                None,
                row["kind"],
                row.get("mail"),
                row["duty"],
                row.get("walled", False),
            )
            for row in table["national_units"]
        )
        authority = Authority(
            name=table["name"],
            is_confirmed=table["confirmed"],
            mail_domains=tuple(domain.lower() for domain in table["mail"]["domains"]),
            sender_name=table["mail"]["sender_name"],
            matter_local=table["mail"]["matter_local"],
            diary_series=table["diary_series"],
            exit_url=table["exit_url"],
            regions=regions,
            units=units,
            support=tuple(SupportLine(**row) for row in table["support"]),
        )
    except (KeyError, TypeError) as error:
        raise TableError(f"authority.toml: {error} is missing or of the wrong kind.") from error
    _check_authority(authority)
    return authority


def _regional_mail(region: str, row: dict[str, Any]) -> str:
    return region if row["kind"] == "inkorg" else f"{region}-{row['kind']}"


def _check_authority(authority: Authority) -> None:
    if not authority.mail_domains:
        raise TableError("authority.toml: mail.domains is empty; name at least one domain.")
    if authority.diary_series in ("A", "K"):
        raise TableError("authority.toml: diary_series must not be A or K of the live diary.")
    codes = [unit.code for unit in authority.units]
    if len(codes) != len(set(codes)):
        raise TableError("authority.toml: two units have the same code; rename one.")
    counties = [county for region in authority.regions for county in region.counties]
    if len(counties) != len(set(counties)):
        raise TableError("authority.toml: a county stands in two regions; keep it in one.")
    if not any(unit.kind == "inkorg" and unit.region is None for unit in authority.units):
        raise TableError('authority.toml: a national unit of kind "inkorg" is needed.')
    for unit in authority.units:
        if not _ADDRESS.fullmatch(str(unit.duty)):
            raise TableError(f"authority.toml: duty of {unit.name} is no mail address; write name@domain.")
        if unit.duty.rpartition("@")[2].lower() in authority.mail_domains:
            # What is sent there would come in as a new matter, which might alarm again.
            raise TableError(f"authority.toml: duty of {unit.name} must lie outside mail.domains.")


def _categories(table: dict[str, Any], authority: Authority) -> Categories:
    try:
        categories = tuple(
            Category(
                code=row["code"],
                name=row["name"],
                unit_kind=row["unit_kind"],
                priority=row["priority"],
                regime=row["regime"],
                secrecy=row["secrecy"],
                is_private=row.get("private", False),
                kind=row["kind"],
            )
            for row in table["categories"]
        )
        groups = tuple(
            ChoiceGroup(row["code"], row["words"], tuple(Choice(**choice) for choice in row["choices"]))
            for row in table["groups"]
        )
    except (KeyError, TypeError) as error:
        raise TableError(f"categories.toml: {error} is missing or of the wrong kind.") from error
    kinds = {unit.kind for unit in authority.units}
    codes = {category.code for category in categories}
    for category in categories:
        if category.unit_kind not in kinds:
            raise TableError(f"categories.toml: {category.code} names no unit kind of authority.toml.")
        if category.priority not in range(1, 6):
            raise TableError(f"categories.toml: {category.code} must have a priority from 1 to 5.")
    for group in groups:
        if len(groups) > 7 or len(group.choices) > 7:
            raise TableError(f"categories.toml: at most seven choices a page ({group.code}).")
        for choice in group.choices:
            if choice.category not in codes:
                raise TableError(f"categories.toml: choice {choice.code} names no category.")
    return Categories(categories, groups)


def _files(table: dict[str, Any]) -> FileLimits:
    try:
        types = {
            extension: FileType(extension, row["name"], tuple(row["mime"]), _begins(row))
            for row in table["types"]
            for extension in row["extensions"]
        }
        limits = table["limits"]
        return FileLimits(types=types, **limits)
    except (KeyError, TypeError) as error:
        raise TableError(f"files.toml: {error} is missing or of the wrong kind.") from error


def _begins(row: dict[str, Any]) -> re.Pattern[bytes] | None:
    if "begins" not in row:
        return None
    try:
        return re.compile(row["begins"].encode("ascii"), re.DOTALL)
    except (re.error, UnicodeEncodeError) as error:
        raise TableError(f"files.toml: begins of {row['extensions']} is no pattern ({error}).") from error


def _geography(folder: Path) -> Geography:
    municipalities = tuple(
        Municipality(row["code"], row["name"], row["county_code"], row["police_region"])
        for row in _rows(folder / "municipalities.csv")
    )
    postcodes = {row["postcode"]: row["municipality_code"] for row in _rows(folder / "postcodes.csv")}
    localities = tuple(
        PlaceName(row["locality"], "locality", tuple(row["municipality_codes"].split()))
        for row in _rows(folder / "localities.csv")
    )
    aliases = tuple(
        PlaceName(row["alias"], row["kind"], (row["municipality_code"],))
        for row in _rows(folder / "place_aliases.csv")
    )
    return Geography(municipalities, postcodes, localities + aliases)


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except FileNotFoundError:
        raise TableError(f"geo/{path.name} is missing: put it back.") from None
