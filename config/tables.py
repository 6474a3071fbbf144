"""Reads the authority's own tables (TOML and CSV) into frozen values, checked at start."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from config.authorities import Authorities, authorities_in
from config.categories import Categories, categories_in
from config.files import FileLimits, read_files
from config.geography import Geography, read_geography
from config.help import Help, help_in
from config.languages import AnswerLanguage, Language, answer_languages_in, languages_in
from config.openness import Openness, read_openness
from config.reading import TableError, read_lines, read_toml
from config.release import Release, release_in
from config.replies import ReplyTemplate, replies_in
from config.secrecy import Provision, provisions_in
from config.style import StyleRule, style_in

FOLDER = Path(__file__).parent
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", re.ASCII)
NATIONAL = "nationell"
# Half a year has some 125 working days; nobody is asked for longer.
MOST_DAYS = 60


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
    """Somewhere to turn, with the source and the date it was read.

    One with ``categories`` is told of only where a matter is of such a category.
    """

    name: str
    phone: str
    words: str
    source: str
    read_at: str
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Watched:
    """A category whose open matters are followed in the situation picture, from a number on a day."""

    category: str
    name: str
    start: int
    start_on: date


@dataclass(frozen=True)
class Asking:
    """What is asked for and told by itself; days are working days, and no reminder goes for 0 of them."""

    supplement_days: int = 10
    reminder_days: int = 3
    tells_delay: bool = True


@dataclass(frozen=True)
class Authority:
    """Who runs the service: names, regions, inboxes and addresses.

    ``watched`` is what the situation picture follows from a start value, if anything.
    ``mail_with_html`` lets letters say their words as HTML too, beside the plain text.
    ``security_contact`` is where a fault can be reported (RFC 9116), empty when nowhere.
    ``handover_hours`` is how long a unit has to receive what another hands over to it.
    """

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
    support_by_category: tuple[SupportLine, ...] = ()
    mail_with_html: bool = False
    security_contact: str = ""
    watched: Watched | None = None
    handover_hours: int = 24
    asking: Asking = field(default_factory=Asking)

    def support_for(self, category: str | None) -> tuple[SupportLine, ...]:
        """Return the lines for those whose matter is of a category, in the table's order.

        A line whose source nobody has read, and said when, is not told of.
        """
        return tuple(
            line for line in self.support_by_category if line.read_at and category in line.categories
        )

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
class Tables:
    """All tables of an authority, read once at start."""

    authority: Authority
    authorities: Authorities
    categories: Categories
    files: FileLimits
    geography: Geography
    help: tuple[Help, ...]
    languages: tuple[Language, ...]
    answer_languages: tuple[AnswerLanguage, ...]
    openness: Openness
    release: Release
    replies: tuple[ReplyTemplate, ...]
    routing: Mapping[str, Any]
    secrecy: tuple[Provision, ...]
    style: tuple[StyleRule, ...]
    weights: tuple[str, ...]


def read_tables(folder: Path = FOLDER) -> Tables:
    """Read and check every table in a folder; raises TableError with file and cure."""
    authority = _authority(read_toml(folder / "authority.toml"))
    categories = categories_in(read_toml(folder / "categories.toml"), (unit.kind for unit in authority.units))
    for line in authority.support_by_category:
        if not set(line.categories) <= set(categories.codes):
            raise TableError(
                f"authority.toml: support line {line.name} names no category of categories.toml."
            )
    if authority.watched and authority.watched.category not in categories.codes:
        raise TableError("authority.toml: watched.category is no category of categories.toml.")
    languages = read_toml(folder / "languages.toml")
    provisions = provisions_in(read_toml(folder / "secrecy.toml"))
    return Tables(
        authority=authority,
        authorities=authorities_in(read_toml(folder / "authorities.toml"), categories.codes),
        categories=categories,
        files=read_files(read_toml(folder / "files.toml")),
        geography=read_geography(folder / "geo"),
        help=help_in(read_toml(folder / "help.toml"), [each.code for each in categories.all]),
        languages=languages_in(languages),
        answer_languages=answer_languages_in(languages),
        openness=read_openness(folder),
        release=release_in(read_toml(folder / "release.toml"), provisions),
        replies=replies_in(read_toml(folder / "replies.toml"), categories.codes),
        routing=read_toml(folder / "routing.toml"),
        secrecy=provisions,
        style=style_in(read_toml(folder / "style.toml"), [region.code for region in authority.regions]),
        weights=read_lines(folder / "weights.tsv"),
    )


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
        lines = [_support_line(row) for row in table["support"]]
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
            support=tuple(line for line in lines if not line.categories),
            support_by_category=tuple(line for line in lines if line.categories),
            mail_with_html=table["mail"].get("with_html", False),
            security_contact=table.get("security", {}).get("contact", ""),
            watched=_watched(table["watched"]) if "watched" in table else None,
            handover_hours=table["handover"]["hours"],
            asking=Asking(**table.get("asking", {})),
        )
    except (KeyError, TypeError) as error:
        raise TableError(f"authority.toml: {error} is missing or of the wrong kind.") from error
    _check_authority(authority)
    return authority


def _watched(row: dict[str, Any]) -> Watched:
    watched = Watched(**row)
    if type(watched.start) is not int or type(watched.start_on) is not date:
        raise TableError("authority.toml: watched.start is no number, or watched.start_on no day.")
    return watched


def _support_line(row: dict[str, Any]) -> SupportLine:
    return SupportLine(**{**row, "categories": tuple(row.get("categories", ()))})


def _regional_mail(region: str, row: dict[str, Any]) -> str:
    return region if row["kind"] == "inkorg" else f"{region}-{row['kind']}"


def _check_asking(asking: Asking) -> None:
    if type(asking.supplement_days) is not int or asking.supplement_days not in range(1, MOST_DAYS + 1):
        raise TableError(f"authority.toml: asking.supplement_days must be from 1 to {MOST_DAYS}.")
    if type(asking.reminder_days) is not int or not 0 <= asking.reminder_days < asking.supplement_days:
        raise TableError("authority.toml: asking.reminder_days must be fewer than supplement_days, or 0.")
    if not isinstance(asking.tells_delay, bool):
        raise TableError("authority.toml: asking.tells_delay is neither true nor false.")


def _check_authority(authority: Authority) -> None:
    if not authority.mail_domains:
        raise TableError("authority.toml: mail.domains is empty; name at least one domain.")
    if not isinstance(authority.mail_with_html, bool):
        raise TableError("authority.toml: mail.with_html is neither true nor false.")
    if type(authority.handover_hours) is not int or not 1 <= authority.handover_hours <= 240:
        raise TableError("authority.toml: handover.hours is no number of hours from 1 to 240.")
    contact, _, its_domain = authority.security_contact.rpartition("@")
    if not re.fullmatch(r"|(https://|mailto:|tel:)[!-~]+", authority.security_contact):
        raise TableError("authority.toml: security.contact begins with none of https://, mailto: and tel:.")
    if contact.startswith("mailto:") and its_domain.lower() in authority.mail_domains:
        raise TableError("authority.toml: security.contact lies in mail.domains: its letters become matters.")
    _check_asking(authority.asking)
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
