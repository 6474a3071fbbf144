"""Who works in the house, each at an own desk, and the book of what is done to which matter by whom."""

from __future__ import annotations

import html
import re
from collections import defaultdict
from collections.abc import Mapping

from werkzeug.test import TestResponse

from config.tables import read_tables
from tests import desk
from tests.journeys.day.house import House

AUTHORITY = read_tables().authority
UNITS = frozenset(unit.code for unit in AUTHORITY.units)
WALLED = frozenset(unit.code for unit in AUTHORITY.units if unit.is_walled)
ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# What the history tells of an act, by where its button leads.
WRITES: Mapping[str, str] = {
    "ta": "taken", "slapp": "released", "fordela": "assigned", "pausa": "paused", "fortsatt": "resumed",
    "sortera": "sorted", "atgardat": "needs_settled", "anteckna": "noted", "samtal": "talk_noted",
    "kvittens": "receipt_printed", "svara": "replied", "angra": "reply_undone",
    "komplettera": "supplement_asked", "stall-in-paminnelsen": "reminder_cancelled",
    "drojsmal": "delay_told", "avsluta": "closed", "oppna": "reopened", "sparra": "codes_revoked",
    "skicka-igen": "sent_again", "tolka-om": "parsing_asked", "lamna-over": "handed_over",
    "ta-emot": "handover_received", "lamna-tillbaka": "handover_refused", "ta-tillbaka": "handover_undone",
    "flytta": "moved", "hanvisa": "referred", "far-lamnas": "handing_on_decided", "bryt-ut": "split",
    "skapat-av-misstag": "split_undone", "besked": "outcome_told", "koppla": "linked",
    "koppla-bort": "unlinked", "sammanfor": "merged_into", "dela-upp": "parted",
    "hor-inte-dit": "not_supplement", "sekretess": "secrecy_marked", "sekretess/hav": "secrecy_lifted",
    "incidenter": "incident_reported", "incidenter/beslut": "incident_decided",
    "incidenter/avsluta": "incident_closed", "exportera": "exported", "lamna-ut": "release_prepared",
}  # fmt: skip

ENDS = frozenset({"closed", "split_undone", "merged_into", "referred"})
OPENS = frozenset({"reopened", "parted"})


class Book:
    """What the day has done: to each matter what by whom, and where each stands by now."""

    def __init__(self) -> None:
        self.told: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self.stands: dict[str, str] = {}
        # Who sees a matter beside the unit that it stands in: whoever gave it away or was told by an alarm.
        self.beside: dict[str, set[str]] = defaultdict(set)
        self.merged: dict[str, str] = {}

    def note(self, reference: str, what: str, by: str) -> None:
        """Write down what the history of a matter is to tell."""
        self.told[reference].append((what, by))

    def is_open(self, reference: str) -> bool:
        """Say whether the last that ended a matter, if anything did, was undone since."""
        ends = [what in ENDS for what, _by in self.told[reference] if what in ENDS | OPENS]
        return not (ends and ends[-1])

    def is_untouched(self, reference: str) -> bool:
        return not self.told[reference]

    def seen_by(self, units: frozenset[str]) -> set[str]:
        """Return the matters that stand in any of these units, or are seen there for another reason."""
        return {each for each, unit in self.stands.items() if {unit, *self.beside[each]} & units}


class Handler(desk.Desk):
    """Somebody at a desk, whose acts are written into the book when they are done as asked."""

    def __init__(self, house: House, book: Book, name: str, *seats: tuple[str, str]) -> None:
        email = f"{name.split()[0].lower()}@example.se"
        password = desk.hire(house.owner_app, email, *seats, name=name)
        super().__init__(house.handler_app, email, password)
        self.house, self.book, self.name = house, book, name
        self.units = sees(seats)

    def sit_down(self) -> None:
        """Sign in, and keep a page from which the buttons can be pressed that every page has."""
        assert self.sign_in().status_code == 303
        self._page = self.reads("/tangenter")

    def does(
        self, reference: str, act: str, *, status: int = 303, tells: tuple[str, ...] = (), **words: object
    ) -> TestResponse:
        """Press a button on a matter's page; what its history is to tell is written down.

        That is what the act always tells, or ``tells`` where it is something else this time.
        """
        answer = self.act(reference, act, **words)
        assert answer.status_code == status, (act, reference, answer.status_code, desk.text_of(answer))
        for what in tells or (WRITES[re.sub(f"/{ID}$", "", act)],):
            if status in (200, 303):
                self.book.note(reference, what, self.name)
        return answer

    def presses(
        self, path: str, *, status: int = 303, page: TestResponse | None = None, **words: object
    ) -> TestResponse:
        """Press a button that is no act on a matter; without ``page`` one that every page could have."""
        answer = self.post(path, page=page or self._page, **words)
        assert answer.status_code == status, (path, answer.status_code, desk.text_of(answer))
        return answer

    def reads(self, path: str) -> TestResponse:
        """Open a page, which is there."""
        page = self.get(path)
        assert page.status_code == 200, (path, page.status_code, page.location)
        return page

    def takes_next(self) -> str | None:
        """Press for the next matter, and return which it is; None when nothing is free."""
        answer = self.presses("/nasta")
        if answer.location == "/":
            return None
        reference = answer.location.rpartition("/")[2]
        self.book.note(reference, "taken", self.name)
        return reference

    def ticks(self, act: str, *references: str, **words: object) -> str:
        """Do one act on several rows of the inbox, and return what is said of it."""
        answer = self.presses("/markerade", gor=act, ref=list(references), **words)
        return desk.text_of(self.reads(answer.location))

    def listed(self, path: str = "/") -> set[str]:
        """Return all matters of a list, page by page."""
        found: set[str] = set()
        while path:
            page = self.reads(path)
            found |= set(re.findall(r'name="ref" value="([^"]+)"', page.text))
            path = desk.following(page) or ""
        return found

    def comes_to(self, reference: str) -> bool:
        """Say whether somebody who types a matter's number comes to it."""
        return self.get(f"/hitta?nummer={reference}").location == f"/arende/{reference}"

    def finds(self, words: str) -> set[str]:
        """Search, and return what is found."""
        answer = self.presses("/sok", status=200, page=self.reads("/sok"), q=words)
        return set(re.findall(r'href="/arende/([^"]+)"', answer.text))


def found_in(page: TestResponse, pattern: str) -> str:
    """Return the first thing in a page that looks so."""
    found = re.search(pattern, page.text)
    assert found, (pattern, desk.text_of(page))
    return html.unescape(found[1])


def sees(seats: tuple[tuple[str, str], ...]) -> frozenset[str]:
    """Return the units whose matters somebody sees who sits so."""
    seen: set[str] = set()
    for unit, role in seats:
        if role == "national_coordinator":
            seen |= UNITS - WALLED
        elif role == "coordinator":
            region = AUTHORITY.unit(unit).region
            seen |= {each.code for each in AUTHORITY.units if region and each.region == region} or {unit}
        elif role != "operator":
            seen.add(unit)
    return frozenset(seen)


class Staff:
    """Three handlers, two of whom share most units; and those without whom some acts cannot be done."""

    def __init__(self, house: House) -> None:
        self.book = Book()
        south = [unit for unit in sorted(UNITS) if unit.startswith("syd-")]

        def hire(name: str, *seats: tuple[str, str]) -> Handler:
            return Handler(house, self.book, name, *seats)

        self.anna = hire("Anna Lindgren", *((unit, "handler") for unit in south))
        self.bo = hire("Bo Sand", *((unit, "handler") for unit in south if unit != "syd-tillstand"))
        self.nils = hire(
            "Nils Nord", *((unit, "handler") for unit in sorted(UNITS) if unit.startswith("nord-"))
        )
        self.cora = hire("Cora Ek", ("syd-inkorg", "coordinator"))
        self.nora = hire("Nora Holm", ("nationell-inkorg", "national_coordinator"))
        self.sara = hire("Sara Undén", ("su", "handler"))
        self.olle = hire("Olle Drift", ("syd-kontaktcenter", "operator"))

    @property
    def all(self) -> tuple[Handler, ...]:
        return (self.anna, self.bo, self.nils, self.cora, self.nora, self.sara, self.olle)

    @property
    def handlers(self) -> tuple[Handler, ...]:
        return (self.anna, self.bo, self.nils)
