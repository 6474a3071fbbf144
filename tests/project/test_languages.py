"""Nothing that a citizen reads is written past the catalogs, and the languages keep to their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import html5lib
import pytest
from babel.support import NullTranslations

from config.tables import read_tables
from intake import languages
from tests.citizen.person import Person
from tests.project.test_pages import citizen_pages

# What calls itself so in every language: other authorities, the made-up address, languages.
OWN_NAMES = {
    "Myndigheten för digital förvaltning (Digg)", "Integritetsskyddsmyndigheten (IMY)", "Registrator",
    "Exempelstad", "suomi", "ייִדיש", "العربية",
}  # fmt: skip
SILENT = ("script", "style", "option", "code", "textarea")
SPOKEN = ("aria-label", "alt", "placeholder", "title")
# What is the same in every language: names, numbers, codes, addresses, and what the person wrote.
SAME = re.compile(
    r"Exempelmyndigheten|Svenska|English|[\w.+…•-]+@[\w.-]+|[0-9A-HJ-NP-Y]{4}(-[0-9A-HJ-NP-Y]{4})+"
    r"|\d+ \w+ \d{4} kl\. \d\d\.\d\d|\d[\d.,: ]*(kB|MB|GB|byte)?|SHA-256|\b[0-9a-f]{8}\b"
)


class Marked(NullTranslations):
    """Puts every text that passes through it between two marks."""

    def ugettext(self, message):
        return f"⟦{message}⟧"

    def ungettext(self, singular, plural, number):
        return f"⟦{singular if number == 1 else plural}⟧"

    gettext, ngettext = ugettext, ungettext


def unmarked(page: str, theirs: set[str]) -> list[str]:
    """Return what a page says outside the marks and that is not the same in every language."""
    found, depth = [], 0
    for text in _spoken(html5lib.parse(page, namespaceHTMLElements=False)):
        left, depth = _outside(text, depth)
        for own in sorted(theirs, key=len, reverse=True):
            left = left.replace(own, "")
        left = SAME.sub("", left)
        if re.search(r"[^\W\d_]{2}", left):
            found.append(" ".join(left.split()))
    return found


def _spoken(element) -> Iterator[str]:
    """Yield what an element says, in the order of the page: a translated text may hold elements."""
    yield from (element.get(name) or "" for name in SPOKEN)
    is_silent = element.tag in SILENT or not isinstance(element.tag, str) or element.get("lang")
    if not is_silent or element.tag == "html":
        yield element.text or ""
        for child in element:
            yield from _spoken(child)
            yield child.tail or ""


def _outside(text: str, depth: int) -> tuple[str, int]:
    left = []
    for character in text:
        depth += {"⟦": 1, "⟧": -1}.get(character, 0)
        if depth == 0 and character != "⟧":
            left.append(character)
    return "".join(left), depth


@pytest.fixture
def shown(citizen, clock, monkeypatch):
    monkeypatch.setattr(languages, "catalog", lambda _code: Marked())
    return citizen_pages(Person(citizen), clock)


def test_no_text_of_ours_is_written_past_the_catalogs(shown):
    tables = read_tables()
    theirs = {
        ", ".join(tables.files.types),
        *(region.name for region in tables.authority.regions),
        *OWN_NAMES,
    }
    theirs |= {"Malmö", "bild", "jpg", "script", "Text med", "märken", "tecken", "kim@example.com", "En text"}
    found = {name: left for name, page in shown.items() if (left := unmarked(page, theirs))}
    assert not found, "\n".join(f"{name}: {left}" for name, left in found.items())


def test_the_test_sees_a_text_that_was_written_past():
    assert unmarked("<p>⟦Hej ⟦du⟧⟧ där 12 kB", set()) == ["där"]


class TestDraftLanguages:
    """Languages that nobody has reviewed are shown only where they are asked for."""

    @pytest.fixture
    def settings(self, settings):
        return replace(settings, draft_languages=True)

    def test_arabic_is_written_from_right_to_left(self, make_app):
        page = make_app("citizen").test_client().get("/ar/").text
        assert '<html lang="ar" dir="rtl">' in page


def test_the_language_stays_in_every_link_and_redirect(citizen):
    begun = citizen.post("/en/borja")
    assert begun.location.startswith("/en/skriv/")
    page = citizen.get(begun.location, follow_redirects=True)
    assert '<html lang="en">' in page.text
    assert f'href="{begun.location.removeprefix("/en").partition("?")[0]}"' in page.text


def test_a_language_that_nobody_has_reviewed_is_not_offered(citizen):
    assert citizen.get("/ar/").status_code == 404
    assert citizen.get("/en/").status_code == 200
