"""The facts of the pages where we tell about ourselves: accessibility, privacy, ways to us, languages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config.reading import TableError, read_toml

PAGES = ("tillganglighet", "personuppgifter", "kakor", "kontaktvagar", "sa-sorterar-vi", "lattlast", "sprak")
CONFORMITIES = ("helt", "delvis", "inte")
METHODS = ("self", "audit")
# What the law of minority languages gives: the right to use the language with us, or to be told of it.
KINDS = ("area", "minority", "other")


@dataclass(frozen=True)
class Review:
    """Who has reviewed a text, and when; without both it is a draft."""

    reviewed_by: str = ""
    reviewed_at: date | None = None

    @property
    def is_draft(self) -> bool:
        return self.reviewed_at is None


@dataclass(frozen=True)
class Fault:
    """Something that is not accessible: for whom, what, why, and the criteria of WCAG that it fails."""

    need: str
    what: str
    why: str
    criteria: tuple[str, ...]


@dataclass(frozen=True)
class Exempt:
    """Content that the law lets be, and the reason."""

    what: str
    why: str


@dataclass(frozen=True)
class Accessibility:
    """What the statement of accessibility tells (lag 2018:1937 9, 12 and 13 §§)."""

    service: str
    conformity: str
    method: str
    is_tried_with_people: bool
    assessed_at: date
    updated_at: date
    supervisor: str
    report_url: str
    faults: tuple[Fault, ...]
    burdens: tuple[Exempt, ...]
    outside: tuple[Exempt, ...]

    @property
    def needs(self) -> tuple[tuple[str, tuple[Fault, ...]], ...]:
        """The faults by whom they hinder, in the order of the table."""
        names = dict.fromkeys(fault.need for fault in self.faults)
        return tuple((name, tuple(fault for fault in self.faults if fault.need == name)) for name in names)

    def is_old(self, today: date) -> bool:
        """Say whether the assessment was made more than a year ago."""
        assessed = self.assessed_at
        return (today.year - 1, today.month, today.day) > (assessed.year, assessed.month, assessed.day)


@dataclass(frozen=True)
class Way:
    """One more way to reach us, such as text telephone, with the source and the date it was read."""

    name: str
    words: str
    url: str
    source: str
    read_at: date


@dataclass(frozen=True)
class Privacy:
    """Whom to turn to about personal data: our own officer, and the supervisor."""

    officer: str
    supervisor: str
    supervisor_url: str


@dataclass(frozen=True)
class LanguagePage:
    """A language that has a page: its own name, how a browser is told of it, and its text when translated."""

    code: str
    name: str
    swedish: str
    lang: str
    direction: str
    kind: str
    text: str
    review: Review

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """The translated text, cut at empty lines; none while it waits for a translator."""
        return tuple(part.strip() for part in self.text.split("\n\n") if part.strip())


@dataclass(frozen=True)
class Openness:
    """All facts of these pages. What is empty is not shown."""

    accessibility: Accessibility
    privacy: Privacy
    letter: tuple[str, ...]
    offices_url: str
    ways: tuple[Way, ...]
    film_url: str
    languages: tuple[LanguagePage, ...]
    reviews: dict[str, Review]

    def find_language(self, code: str) -> LanguagePage | None:
        """Find the language with this code."""
        return next((language for language in self.languages if language.code == code), None)


def read_openness(folder: Path) -> Openness:
    """Read and check ``pages.toml`` and ``accessibility.toml``; raises TableError with file and cure."""
    pages = read_toml(folder / "pages.toml")
    accessibility = _accessibility(read_toml(folder / "accessibility.toml"))
    try:
        contact = pages["contact"]
        openness = Openness(
            accessibility=accessibility,
            privacy=Privacy(**pages["privacy"]),
            letter=tuple(contact["letter"]),
            offices_url=contact["offices_url"],
            ways=tuple(Way(**row) for row in contact.get("ways", ())),
            film_url=pages["sign_language"]["film_url"],
            languages=tuple(_language(row) for row in pages["languages"]),
            reviews={name: _review(name, row) for name, row in pages["reviews"].items()},
        )
    except (KeyError, TypeError) as error:
        raise TableError(f"pages.toml: {error} is missing or of the wrong kind.") from error
    _check_pages(openness)
    return openness


def _accessibility(table: dict[str, Any]) -> Accessibility:
    try:
        statement = Accessibility(
            **{name: table[name] for name in _STATEMENT},
            faults=tuple(
                Fault(row["need"], row["what"], row["why"], tuple(row["criteria"]))
                for row in table.get("faults", ())
            ),
            burdens=tuple(Exempt(**row) for row in table.get("burdens", ())),
            outside=tuple(Exempt(**row) for row in table.get("outside", ())),
        )
    except (KeyError, TypeError) as error:
        raise TableError(f"accessibility.toml: {error} is missing or of the wrong kind.") from error
    _check_statement(statement)
    return statement


_STATEMENT = (
    "service", "conformity", "method", "is_tried_with_people", "assessed_at", "updated_at", "supervisor",
    "report_url",
)  # fmt: skip


def _check_statement(statement: Accessibility) -> None:
    if statement.conformity not in CONFORMITIES:
        raise TableError(f"accessibility.toml: conformity must be one of {', '.join(CONFORMITIES)}.")
    if statement.method not in METHODS:
        raise TableError(f"accessibility.toml: method must be one of {', '.join(METHODS)}.")
    if statement.conformity == "helt" and any(fault.criteria for fault in statement.faults):
        raise TableError('accessibility.toml: conformity is "helt", but faults are listed; write "delvis".')
    for name in ("assessed_at", "updated_at"):
        _check_day("accessibility.toml", name, getattr(statement, name))
    if statement.updated_at < statement.assessed_at:
        raise TableError("accessibility.toml: updated_at is before assessed_at; write the later day.")
    _check_address("accessibility.toml", "report_url", statement.report_url)


def _language(row: dict[str, Any]) -> LanguagePage:
    place = f"language {row['code']}"
    language = LanguagePage(
        **{name: row[name] for name in ("code", "name", "swedish", "lang", "direction", "kind", "text")},
        review=_review(place, row),
    )
    if language.direction not in ("ltr", "rtl"):
        raise TableError(f"pages.toml: direction of {place} must be ltr or rtl.")
    if language.kind not in KINDS:
        raise TableError(f"pages.toml: kind of {place} must be one of {', '.join(KINDS)}.")
    if language.paragraphs and language.review.is_draft:
        # A translation that nobody who knows the language has read is worse than none.
        raise TableError(f"pages.toml: {place} has a text that nobody has reviewed; name who did, and when.")
    return language


def _review(place: str, row: dict[str, Any]) -> Review:
    by, at = row["reviewed_by"], row["reviewed_at"]
    if bool(by) != bool(at):
        raise TableError(f"pages.toml: {place} needs both reviewed_by and reviewed_at, or neither.")
    if not by:
        return Review()
    _check_day("pages.toml", f"reviewed_at of {place}", at)
    return Review(by, at)


def _check_pages(openness: Openness) -> None:
    for name in PAGES:
        if name not in openness.reviews:
            raise TableError(f"pages.toml: [reviews.{name}] is missing; add it, empty for a draft.")
    for name in openness.reviews:
        if name not in PAGES:
            raise TableError(f"pages.toml: [reviews.{name}] names no page; take it away.")
    codes = [language.code for language in openness.languages]
    if len(codes) != len(set(codes)):
        raise TableError("pages.toml: two languages have the same code; rename one.")
    _check_address("pages.toml", "privacy.supervisor_url", openness.privacy.supervisor_url)
    for name, url in (("contact.offices_url", openness.offices_url), ("sign_language", openness.film_url)):
        if url:
            _check_address("pages.toml", name, url)
    for way in openness.ways:
        _check_day("pages.toml", f"read_at of {way.name}", way.read_at)
        if way.url:
            _check_address("pages.toml", f"url of {way.name}", way.url)


def _check_day(file: str, name: str, value: object) -> None:
    # A time is a date too, and its day would depend on where it is read.
    if type(value) is not date:
        raise TableError(f"{file}: {name} must be a day, written as 2026-11-22 without quotes.")


def _check_address(file: str, name: str, url: str) -> None:
    if urlsplit(url).scheme != "https":
        raise TableError(f"{file}: {name} is no web address; begin it with https://.")
