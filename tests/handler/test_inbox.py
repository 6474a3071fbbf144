"""The inbox: one's own units, in order of need, page by page, each matter once."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from intake.handler import queries
from tests import desk


def references(page):
    return re.findall(r'href="/arende/([^"/]+)"', page.text.partition("<main")[2])


def test_an_empty_inbox_says_so(anna):
    assert "Här finns inga öppna ärenden just nu." in desk.text_of(anna.get("/"))


def test_a_matter_stands_in_its_own_regions_inbox_only(anna, sit, bring):
    reference = bring()
    bo = sit("bo@example.se", *desk.seats("nord"), name="Bo Ek")
    assert references(anna.get("/")) == [reference]
    assert references(bo.get("/")) == []


def test_the_most_pressing_comes_first_and_then_the_oldest(anna, bring, clock):
    early = bring()
    clock.at += timedelta(hours=2)
    late = bring()
    urgent = bring(text="Någon bryter sig in hos mig just nu, hjälp!", subject="Inbrott pågår")
    anna.sign_in()
    page = anna.get("/")
    assert references(page) == [urgent, early, late]
    assert "Brådskande" in page.text
    assert "2 timmar" in page.text


def test_a_row_tells_what_one_needs_to_choose(anna, bring):
    bring(files=(("bild.txt", b"hej"), ("två.txt", b"hej")), needs_person=("possible_supplement",))
    words = desk.text_of(anna.get("/"))
    for expected in ("Cykel borta", "Anmälan om brott", "Kontaktcenter, Region Syd", "Registrerad"):
        assert expected in words
    assert "Kan höra till ett tidigare ärende" in words
    assert re.search(r'data-name="Filer" class="number">2<', anna.get("/").text)


def test_pages_walk_through_every_matter_once(anna, bring, monkeypatch):
    brought = [bring() for _ in range(7)]
    monkeypatch.setattr(queries.inbox, "__kwdefaults__", queries.inbox.__kwdefaults__ | {"rows": 3})
    walked, path = [], "/"
    while path:
        page = anna.get(path)
        walked += references(page)
        path = desk.following(page)
    assert walked == brought


@pytest.mark.parametrize(
    "cursor", ["x", "1.2", "9.1.0", "1.99999999999999999." + "0" * 32, "1.2.3." + "f" * 32, "' OR 1=1"]
)
def test_a_cursor_that_is_none_of_ours_shows_the_beginning(anna, bring, cursor):
    reference = bring()
    page = anna.get("/", query_string={"efter": cursor})
    assert references(page) in ([reference], [])
    assert page.status_code == 200


def test_one_inbox_can_be_chosen_but_not_anothers(anna, bring):
    reference = bring()
    assert references(anna.get("/?enhet=syd-kontaktcenter")) == [reference]
    assert references(anna.get("/?enhet=syd-utredning")) == []
    assert anna.get("/?enhet=nord-inkorg").status_code == 404


def test_mine_shows_what_i_have_taken(anna, bring):
    bring()
    taken = bring()
    anna.act(taken, "ta")
    assert references(anna.get("/?visa=mina")) == [taken]


def test_a_closed_matter_has_left_the_inbox_and_is_found_by_its_reference(anna, bring):
    reference = bring()
    anna.act(reference, "avsluta", outcome="no_action")
    assert references(anna.get("/")) == []
    typed = reference.replace("-", "").lower()
    assert anna.get(f"/hitta?nummer={typed}").location == f"/arende/{reference}"


def test_anothers_reference_is_found_no_more_than_one_that_does_not_exist(anna, bring):
    others = bring(municipality="2480")
    for typed in (others, "K7RX-3M9P", "strunt"):
        assert anna.get(f"/hitta?nummer={typed}").location == "/"


def test_what_a_citizen_wrote_is_text_in_the_inbox(anna, bring):
    bring(subject="<script>alert(1)</script>")
    page = anna.get("/")
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;" in page.text
