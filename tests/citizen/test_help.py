"""What helps at once: shown when it fits, once, and never in the way."""

from __future__ import annotations

import shutil

import pytest

from config.reading import TableError
from config.tables import FOLDER, read_tables
from intake import routing
from intake.answers import Answers
from intake.citizen import help as first_help
from tests.browsers import Looker, opened, serving
from tests.citizen.answers import begin, press, step, walk
from tests.citizen.person import Person, hidden, value, words

DANGER = "Hjälp, han slår henne just nu i lägenheten bredvid. Hon skriker."
CALM = "Min cykel stals utanför stationen förra veckan. Den är röd."


@pytest.fixture
def writer(person) -> Person:
    """A person who has come to the page where one tells."""
    person.begin()
    person.fill("amne", group="utsatt")
    person.fill("amne/utsatt", choice="brott")
    person.fill("plats", place="unknown")
    return person


def test_danger_shows_the_number_first_and_the_form_goes_on(writer):
    answer = writer.fill("handelse", text=DANGER)
    assert answer.status_code == 200
    assert 'href="tel:112">Ring 112</a>' in answer.text.split("<h1>")[0]
    assert value(answer.text, "text") == DANGER
    token, shown = hidden(answer.text, "csrf_token"), hidden(answer.text, "visat")
    data = {"csrf_token": token, "visat": shown, "text": DANGER}
    assert writer.client.post(writer.at("handelse"), data=data).location.endswith("/filer")


def test_the_text_is_saved_before_help_is_shown(writer):
    writer.fill("handelse", text=DANGER)
    assert value(writer.get("handelse").text, "text") == DANGER


def test_a_calm_text_goes_on_at_once(writer):
    assert writer.fill("handelse", text=CALM).location.endswith("/filer")


def test_new_danger_is_shown_though_other_help_was(writer):
    answer = writer.fill("handelse", text="Mitt pass är stulet.")
    assert (hidden(answer.text, "visat"), "Ring 112</a>" in answer.text) == ("pass", False)
    again = writer.fill("handelse", text=f"Mitt pass är stulet. {DANGER}", visat="pass")
    assert hidden(again.text, "visat") == "pass fara"
    assert "kan spärras" not in words(again.text)


def test_what_is_shown_is_remembered_past_an_error(writer):
    answer = writer.fill("handelse", text="", visat="pass fara")
    assert (answer.status_code, hidden(answer.text, "visat")) == (422, "pass fara")


def test_a_fault_stops_nobody_and_tells_nothing(writer, monkeypatch, caplog):
    def broken(*_):
        raise ValueError(DANGER)

    monkeypatch.setattr(routing, "place", broken)
    assert writer.fill("handelse", text=DANGER).location.endswith("/filer")
    assert "help could not be looked for: ValueError" in caplog.text
    assert DANGER not in caplog.text


@pytest.mark.parametrize(
    ("group", "choice", "text", "codes"),
    [
        ("utsatt", "lurad", "De fick mig att logga in med bank-id och tog pengarna.", ["bank"]),
        ("utsatt", "lurad", "En hantverkare kom aldrig fast jag betalade.", []),
        ("utsatt", "brott", "Mitt pass är borta sedan flytten.", ["pass"]),
        ("utsatt", "brott", "Jag har inte tappat passet.", []),
        ("trygghet", "ordning", "De spelar hög musik på gården och är fortfarande kvar.", ["pagar"]),
        ("arende", "lage", "Jag undrar hur det går med min anmälan.", ["folja"]),
        ("utsatt", "nara", "Mitt ex skrev elaka saker om mig förra året.", ["nara"]),
        ("annat", "myndighet", "Jag vill ändra min inkomst hos Försäkringskassan.", ["annan"]),
    ],
)
def test_each_need_has_its_answer(make_app, group, choice, text, codes):
    with make_app("citizen").app_context():
        found = first_help.find(Answers(group=group, choice=choice, text=text))
    assert [each.code for each in found] == codes


def test_every_phrase_can_be_found(make_app):
    with make_app("citizen").app_context():
        assert first_help._lexicon()


def test_only_our_own_pages_and_general_numbers_are_named(citizen):
    tables = read_tables()
    for each in tables.help:
        assert set(each.phones) <= {line.phone for line in tables.authority.support}
        assert not each.page or citizen.get(each.page).status_code == 200


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('flag = "emergency_now"', "", "fits everything"),
        ('categories = ["bedrageri"]', 'categories = ["finns-inte"]', "names the category"),
        ('code = "bank"', 'code = "fara"', "same code"),
        ('page = "/folj"', 'page = "https://example.se"', "a path of ours"),
        ('phones = ["112"]', "", "needs phones"),
        ("read_at = 2026-10-01", 'read_at = "i fjol"', "the day when"),
        ('words = "', 'ord = "', "missing or of the wrong kind"),
    ],
)
def test_a_table_that_cannot_be_used_stops_the_start(tmp_path, old, new, why):
    folder = shutil.copytree(FOLDER, tmp_path / "config", ignore=shutil.ignore_patterns("*.py*"))
    table = folder / "help.toml"
    assert old in table.read_text()
    table.write_text(table.read_text().replace(old, new, 1))
    with pytest.raises(TableError, match=why):
        read_tables(folder)


@pytest.fixture
def page(make_app):
    with serving(make_app("citizen")) as base, opened(base) as page:
        yield page


def test_help_takes_the_focus_is_fit_to_look_at_and_lets_one_go_on(page):
    looker = Looker(page)
    begin(page)
    walk(page, "handelse")
    for text, name in ((f"{DANGER} Mitt pass är stulet.", "fara"), ("Mitt pass är borta.", "pass")):
        page.goto(page.url)
        page.fill("#text", text)
        press(page)
        page.locator("section:has(#hjalp):focus").wait_for()
        looker.look(f"hjalp {name}")
    press(page, "section:has(#hjalp) button")
    assert step(page) == "filer"
    assert looker.wrong == []
