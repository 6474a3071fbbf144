"""Every page of the citizens' side in every language, width, colour, way of reading, with errors and without.

All pairs of these are looked at on every page, and all of them together on the pages that matter most.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

from flask import Flask

from tests.browsers import faults, picture
from tests.citizen import answers

LANGUAGES = ("sv", "en", "fi", "ar")
FROM_THE_RIGHT = ("ar",)
WIDTHS = {1280: 800, 375: 667, 320: 568}
# The systems' own contrast themes are mostly dark ones.
COLOURS = {
    "light": {"color_scheme": "light", "forced_colors": "none"},
    "dark": {"color_scheme": "dark", "forced_colors": "none"},
    "forced": {"color_scheme": "dark", "forced_colors": "active"},
}
# To a page, zooming to 200 % is a window with half as many CSS pixels each way. Nothing may be cut off by it
# (WCAG 1.4.4), but sideways scroll is forbidden from 320 CSS pixels only (1.4.10): 1280 at 200 % is 640 and
# must not scroll, 375 and 320 are 188 and 160 and may.
READINGS = ("plain", "zoomed", "spaced")
# WCAG 1.4.12, to the letter.
SPACING = """*:not(svg *) { line-height: 1.5 !important; letter-spacing: .12em !important;
  word-spacing: .16em !important; } p { margin-block-end: 2em !important; }"""
_SPACE = """(rules) => {
  if (!window.spacing) {
    window.spacing = new CSSStyleSheet();
    document.adoptedStyleSheets.push(window.spacing);
  }
  window.spacing.replaceSync(rules);
}"""
_NUMBER = re.compile(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b(?!-)")
_CODE = re.compile(r"\b(?:[0-9A-Z]{4}[- ]){3}[0-9A-Z]{4}\b")


@dataclass(frozen=True)
class Look:
    """One way of looking at a page."""

    language: str
    width: int
    colours: str
    reading: str
    errors: bool

    def __str__(self) -> str:
        wrong = " with errors" if self.errors else ""
        return f"{self.language} {self.width} {self.colours} {self.reading}{wrong}"


class Visitor:
    """A person with a browser, in one language, with an empty draft, a filled one and one that is sent."""

    def __init__(self, page: Any, language: str) -> None:
        self.page, self.language = page, language
        self.root = "" if language == "sv" else f"/{language}"
        self.drafts: dict[str, str] = {}

    def go(self, path: str, status: int = 200) -> None:
        """Open a page of this language; ``status`` is what it must answer."""
        answered = self.page.goto(f"{self.root}{path}")
        assert answered.status == status, f"{answered.status} from {answered.url}"

    def draft(self, state: str) -> str:
        """Return the address of the draft that is empty, filled or sent; it is made at the first need."""
        if state not in self.drafts:
            self.drafts[state] = answers.begin(self.page, self.root)
            if state != "empty":
                answers.walk(self.page, {"filled": "granska", "sent": "kvitto"}[state], answers.PHOTO)
        return self.drafts[state]

    def go_within(self, state: str, step: str) -> None:
        """Open a step of the draft that is empty, filled or sent."""
        answered = self.page.goto(f"{self.draft(state)}/{step}")
        assert answered.ok, f"{answered.status} from {answered.url}"
        assert state == "sent" or answered.url.endswith(f"/{step}"), f"{step} led to {answered.url}"

    def receipt(self) -> tuple[str, str]:
        """Open the receipt; returns its number and its status code."""
        self.go_within("sent", "granska")
        words = self.page.locator("main").inner_text()
        return _NUMBER.findall(_CODE.sub("", words))[0], _CODE.findall(words)[0]


@dataclass(frozen=True)
class Stop:
    """A page: its name, how to open it as it should be, and how to make it show errors, if it can."""

    name: str
    open: Callable[[Visitor], object]
    open_wrong: Callable[[Visitor], object] | None = None


def at(path: str, status: int = 200) -> Callable[[Visitor], object]:
    return lambda visitor: visitor.go(path, status)


def filled(step: str) -> Callable[[Visitor], object]:
    return lambda visitor: visitor.go_within("filled", step)


def wrong(step: str, **fields: str) -> Callable[[Visitor], object]:
    """Open a step of the empty draft, fill in what is wrong by the fields' names, and press the button."""

    def act(visitor: Visitor) -> None:
        visitor.go_within("empty", step)
        for name, value in fields.items():
            choice = visitor.page.locator(f"#formular [name={name}][value={value}]:is([type=radio])")
            if choice.count():
                choice.check()
            else:
                visitor.page.fill(f"#formular [name={name}]", value)
        answers.press(visitor.page)

    return act


def no_file(visitor: Visitor) -> None:
    """Ask for more files without choosing one, as a browser without script does."""
    visitor.go_within("empty", "filer")
    with visitor.page.expect_navigation():
        visitor.page.evaluate("document.getElementById('formular').submit()")


def refused_file(visitor: Visitor) -> None:
    """Choose a file that the script is told it may not send."""
    visitor.go_within("filled", "filer")
    program = {"name": "program.exe", "mimeType": "application/octet-stream", "buffer": b"MZ" * 50}
    visitor.page.set_input_files("#formular input[type=file]", [program])
    visitor.page.get_by_text("program.exe").locator("visible=true").first.wait_for()
    visitor.page.wait_for_load_state("networkidle")


def pressed(path: str) -> Callable[[Visitor], object]:
    """Open a page and press its button with nothing filled in."""

    def act(visitor: Visitor) -> None:
        visitor.go(path)
        answers.press(visitor.page)

    return act


def followed(visitor: Visitor) -> None:
    number, code = visitor.receipt()
    visitor.go("/folj")
    visitor.page.fill("[name=reference]", number)
    visitor.page.fill("[name=code]", code)
    answers.press(visitor.page)


def reached(visitor: Visitor) -> None:
    followed(visitor)
    visitor.go("/arende/kontakt")


def reached_wrong(visitor: Visitor) -> None:
    reached(visitor)
    visitor.page.fill("#formular [name=email]", "nej")
    answers.press(visitor.page)


def rescued(visitor: Visitor) -> None:
    """Send a text to a draft that this browser has lost the key to; the key comes back afterwards."""
    visitor.go_within("empty", "handelse")
    visitor.page.fill("[name=text]", answers.STORY)
    kept = visitor.page.context.cookies()
    visitor.page.context.clear_cookies()
    answers.press(visitor.page)
    visitor.page.context.clear_cookies()
    visitor.page.context.add_cookies(kept)


# Every page that a citizen can come to is here; the way out (/lamna) leaves at once and is not looked at.
STOPS = (
    Stop("start", at("/")),
    Stop("tillganglighet", at("/tillganglighet")),
    Stop("personuppgifter", at("/personuppgifter")),
    Stop("sa-sorterar-vi", at("/sa-sorterar-vi")),
    Stop("kakor", at("/kakor")),
    Stop("kontaktvagar", at("/kontaktvagar")),
    Stop("lattlast", at("/lattlast")),
    Stop("sprak", at("/sprak")),
    Stop("sprak-ar", at("/sprak/ar")),
    Stop("sprak-fi", at("/sprak/fi")),
    Stop("finns-inte", at("/finns-inte", 404)),
    Stop("amne", filled("amne"), wrong("amne")),
    Stop("amne-utsatt", filled("amne/utsatt"), wrong("amne/utsatt")),
    Stop("vem", filled("vem")),
    Stop("plats", filled("plats"), wrong("plats", place="municipality", municipality="Malmo")),
    Stop("handelse", filled("handelse"), wrong("handelse")),
    Stop("filer", filled("filer"), no_file),
    Stop("filer-nekad", refused_file),
    Stop("kontakt", filled("kontakt"), wrong("kontakt", email="nej")),
    Stop("granska", filled("granska"), wrong("granska")),
    Stop("kvitto", lambda visitor: visitor.receipt()),
    Stop("fortsatt", at("/fortsatt"), pressed("/fortsatt")),
    Stop("folj", at("/folj"), pressed("/folj")),
    Stop("tappat-koden", at("/folj/tappat-koden"), pressed("/folj/tappat-koden")),
    Stop("bekrafta", at("/bekrafta"), pressed("/bekrafta")),
    Stop("arende", followed),
    Stop("arende-kontakt", reached, reached_wrong),
    Stop("raddad-text", rescued),
)
NOT_LOOKED_AT = {
    "citizen.left": "leads on to the first page",
    "citizen.back_to_start": "leads back to the first page",
    "citizen.back_to_followed": "leads back to the matter that is followed",
    "citizen.back_to_check": "leads back to the check page",
    "citizen.back_to_files": "leads back to the files",
    "citizen.answer_file": "is a file (tests/citizen/test_answer_files.py)",
    "citizen.receipt_paper": "is a paper (tests/test_paper.py)",
    "citizen.security_txt": "is for machines (tests/citizen/test_security_txt.py)",
    "healthz": "is for machines",
}
FULLY = ("start", "filer", "granska", "kvitto")


def pairwise(*factors: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return few rows of one value of each factor, in which each pair of values stands together somewhere.

    Greedy and always the same: each row begins with a pair that is left, and takes from every other
    factor the value that covers the most pairs that are left.
    """
    left = [
        frozenset(((i, a), (j, b)))
        for i, j in combinations(range(len(factors)), 2)
        for a, b in product(factors[i], factors[j])
    ]
    rows = []
    while left:
        row = dict(left[0])
        for index in (index for index in range(len(factors)) if index not in row):
            row[index] = max(factors[index], key=lambda value: _covered(left, row | {index: value}))
        rows.append(tuple(row[index] for index in range(len(factors))))
        left = [pair for pair in left if not pair <= row.items()]
    return rows


def _covered(left: Iterable[frozenset[Any]], row: dict[int, Any]) -> int:
    return sum(pair <= row.items() for pair in left)


def pairs_for(stop: Stop, languages: Sequence[str]) -> list[Look]:
    """Return the looks that a page gets in these languages: every pair of values at least once."""
    errors = (False, True) if stop.open_wrong else (False,)
    return [Look(*row) for row in pairwise(languages, tuple(WIDTHS), tuple(COLOURS), READINGS, errors)]


def all_for(stop: Stop, language: str) -> list[Look]:
    """Return every look that there is at a page in a language."""
    errors = (False, True) if stop.open_wrong else (False,)
    return [Look(*row) for row in product((language,), WIDTHS, COLOURS, READINGS, errors)]


def languages_of(app: Flask) -> tuple[str, ...]:
    """Return the languages that the app offers."""
    from intake import languages

    with app.app_context():
        return tuple(str(getattr(offered, "code", offered)) for offered in languages.offered())


def look_at(page: Any, language: str, wanted: Iterable[tuple[Stop, Sequence[Look]]]) -> list[str]:
    """Look at pages in one language in the ways that are wanted; returns everything that was wrong."""
    visitor, found, count, begun = Visitor(page, language), [], 0, time.monotonic()
    for stop, looks in wanted:
        for errors in (False, True):
            chosen = [look for look in looks if (look.language, look.errors) == (language, errors)]
            if chosen:
                found += [f"{stop.name}: {fault}" for fault in come_to(visitor, stop, errors)]
            for look in chosen:
                dress(page, look)
                picture(page, f"{stop.name} {look}")
                found += [f"{stop.name} {look}: {fault}" for fault in faults(page)]
                count += 1
    print(f"\n{language}: {count} looks in {time.monotonic() - begun:.0f} s")
    return found


def come_to(visitor: Visitor, stop: Stop, errors: bool) -> list[str]:
    """Open a page; returns what is wrong with it before anybody looks closer."""
    page, language = visitor.page, visitor.language
    dress(page, Look(language, 1280, "light", "plain", errors))
    (stop.open_wrong if errors and stop.open_wrong else stop.open)(visitor)
    found = []
    if (page.locator(".summary").count() == 1) != errors:
        found.append("shows no errors" if errors else "shows errors")
    direction = "rtl" if language in FROM_THE_RIGHT else "ltr"
    said = page.evaluate("[document.documentElement.lang, getComputedStyle(document.body).direction]")
    if said != [language, direction]:
        found.append(f"says that it is {said}, not {[language, direction]}")
    return found


def dress(page: Any, look: Look) -> None:
    """Set the window, the colours and the spacing of the text as a look has them."""
    part = 2 if look.reading == "zoomed" else 1
    page.set_viewport_size({"width": look.width // part, "height": WIDTHS[look.width] // part})
    page.emulate_media(**COLOURS[look.colours])
    page.evaluate(_SPACE, SPACING if look.reading == "spaced" else "")
