"""Every citizen's page keeps to the rules of ``pages.py``, filled in, empty and with errors."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.openness import PAGES
from tests.citizen.person import Person
from tests.project import pages


def citizen_pages(person: Person, clock) -> dict[str, str]:
    """Return every page of the citizens' side, by a name for it."""
    about = (*(f"/{name}" for name in PAGES), "/sprak/fi", "/sprak/yi", "/sprak/ar")
    shown = {path: person.get(path).text for path in ("/", "/folj", *about)}
    shown["/finns-inte"] = person.get("/finns-inte").text
    shown["/folj med fel"] = person.client.post("/folj").text
    person.begin()
    steps = ("amne", "amne/utsatt", "plats", "handelse", "filer", "kontakt")
    for step in steps:
        shown[f"{step} tom"] = person.get(step).text
        shown[f"{step} utan token"] = person.client.post(person.at(step), data={"text": "x"}).text
    shown["amne med fel"] = person.fill("amne").text
    shown["amne/utsatt med fel"] = person.fill("amne/utsatt").text
    shown["plats med fel"] = person.fill("plats", place="municipality", municipality="Malmo").text
    shown["handelse med fel"] = person.fill("handelse").text
    shown["filer med fel"] = person.add((b"MZ", "fil.exe"), (b"hej", "bild <b>.jpg")).text
    shown["kontakt med fel"] = person.fill("kontakt", email="nej").text
    person.client.post("/lamna")
    shown["granska tom"] = person.begin().get("granska").text
    shown["granska med fel"] = person.send().text
    person.tell('Text med <b>märken</b> & "tecken".').add((b"hej", "<script>.jpg"))
    shown |= {f"{step} ifylld": person.get(step).text for step in (*steps, "granska")}
    shown["granska utan token"] = person.client.post(person.at("skicka")).text
    person.send()
    shown["/kvitto"] = person.get("/kvitto").text
    person.begin()
    shown["/lamna"] = person.client.post("/lamna").text
    shown["räddad text"] = person.client.post(person.at("handelse"), data={"text": "En text"}).text
    return shown


class Abroad:
    """A client whose every address is in another language."""

    def __init__(self, client, code: str) -> None:
        self.client, self.root = client, f"/{code}"

    def get(self, path, **more):
        return self.client.get(self.within(path), **more)

    def post(self, path, **more):
        return self.client.post(self.within(path), **more)

    def within(self, path: str) -> str:
        return path if path.startswith(f"{self.root}/") else self.root + path


@pytest.fixture
def shown(citizen, clock):
    return citizen_pages(Person(citizen), clock)


def test_every_citizens_page_keeps_to_the_rules(shown):
    wrong = {name: faults for name, page in shown.items() if (faults := pages.faults(page))}
    assert wrong == {}


class TestOtherLanguages:
    """The same rules hold in every language, draft or not, written from either side."""

    @pytest.fixture
    def settings(self, settings):
        return replace(settings, draft_languages=True)

    @pytest.mark.parametrize(("code", "direction"), [("en", "ltr"), ("fi", "ltr"), ("ar", "rtl")])
    def test_every_citizens_page_keeps_to_the_rules(self, citizen, clock, code, direction):
        shown = citizen_pages(Person(Abroad(citizen, code)), clock)
        faults = {name: pages.faults(page, code, direction) for name, page in shown.items()}
        assert {name: found for name, found in faults.items() if found} == {}


def test_every_page_with_an_error_says_so_first(shown):
    for name, page in shown.items():
        is_wrong = "med fel" in name or "utan token" in name
        assert pages.title_of(page).startswith("Fel: ") == is_wrong, name


def test_help_stands_in_the_same_place_on_every_page(shown):
    feet = {page.partition("<footer")[2] for name, page in shown.items() if name != "/lamna"}
    assert len(feet) == 1
    assert "112" in feet.pop()


def test_every_page_says_that_it_is_a_demonstration(shown):
    assert all("Demonstration." in page for name, page in shown.items() if name != "/lamna")


def test_what_a_person_wrote_is_never_markup(shown):
    assert all("<b>" not in page and "<script>.jpg" not in page for page in shown.values())


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ("<h1>A</h1><input name=x>", "no label"),
        ("<h1>A</h1><h1>B</h1>", "first headings"),
        ("<h1>A</h1><p style=x>b", "carries style"),
        ("<h1>A</h1><a href=#b>c</a>", "leads to #b"),
        ("<h1>A</h1><fieldset><legend></legend></fieldset>", "no legend"),
        ("<h1>A</h1><p id=a></p><p id=a></p>", "2 times"),
        ("<h1>A</h1></div>", "html:"),
    ],
)
def test_the_rules_see_a_fault(page, fault):
    whole = f"<!doctype html><html lang=sv><title>T</title><main>{page}</main>"
    assert any(fault in words for words in pages.faults(whole))
