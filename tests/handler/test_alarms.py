"""What is urgent and nobody's stands in red on every page of those who see it, without queue or mail."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from intake.handler import queries, words
from intake.matters.alarms import RAISED
from intake.models import Matter, MatterUnit, new_id
from tests import desk

DANGER = {"subject": "Inbrott pågår", "text": "Någon bryter sig in hos mig just nu, hjälp!"}
BAR = re.compile(r'<p class="alarm"><a href="/arende/([^"]+)">([^<]+)</a></p>')


@pytest.fixture
def urgent(bring):
    return bring(**DANGER)


def bar(page):
    """Return where the red bar leads and what it says; None when there is none."""
    found = BAR.search(page.text)
    return found.groups() if found else None


def let_see(seen, reference, unit):
    """Let a unit see a matter as a raised alarm does."""
    matter = seen.scalars(select(Matter).where(Matter.reference == reference)).one()
    seen.add(MatterUnit(id=new_id(), matter_id=matter.id, unit_id=unit, why=RAISED, since=matter.received_at))
    seen.commit()


def in_list(page):
    return re.findall(r'href="/arende/([^"/]+)"', page.text.partition("<main")[2])


def test_the_bar_stands_on_every_page_and_leads_to_the_matter(anna, urgent, bring):
    other = bring()
    for path in ("/", "/?visa=mina", "/konto", f"/arende/{other}"):
        assert bar(anna.get(path)) == (urgent, "1 ärende med fara nu väntar på en handläggare"), path


def test_the_bar_counts_and_leads_to_the_one_that_has_waited_longest(anna, urgent, bring, clock):
    clock.at += timedelta(minutes=1)
    bring(**DANGER)
    assert bar(anna.get("/")) == (urgent, "2 ärenden med fara nu väntar på en handläggare")


def test_the_bar_counts_no_further_than_it_must(anna, urgent, bring, monkeypatch):
    monkeypatch.setattr(queries, "MOST_COUNTED", 2)
    for _ in range(2):
        bring(**DANGER)
    assert bar(anna.get("/"))[1].startswith("Minst 2 ärenden med fara nu")


def test_nobody_else_sees_the_bar(sit, urgent):
    bo = sit("bo@example.se", *desk.seats("nord"), name="Bo Ek")
    operator = sit("drift@example.se", ("syd-inkorg", "operator"), name="Dag Ek")
    assert bar(bo.get("/")) is None
    assert bar(operator.get("/")) is None


def test_what_does_not_press_shows_no_bar(anna, bring):
    bring()
    assert bar(anna.get("/")) is None


@pytest.mark.parametrize("act", ["ta", "avsluta", "lamna-over", "sortera"])
def test_the_bar_is_gone_when_somebody_has_acted(anna, urgent, act):
    anna.act(urgent, act, outcome="no_action", receiver="nord-inkorg",
             category="fraga", priority="3", why="Övning")  # fmt: skip
    assert bar(anna.get("/")) is None


def test_the_bar_comes_back_when_the_matter_is_given_back(anna, urgent):
    anna.act(urgent, "ta")
    anna.act(urgent, "slapp")
    assert bar(anna.get("/"))[0] == urgent


def test_nobody_is_shown_the_bar_before_the_first_password_is_changed(handler_app, owner_app, urgent):
    email = "ny@example.se"
    password = desk.hire(owner_app, email, *desk.seats("syd"), name="Nils Ek", is_new=True)
    new = desk.Desk(handler_app, email, password)
    new.show_password()
    page = new.get("/konto")
    assert (page.status_code, bar(page)) == (200, None)


def test_what_was_raised_stands_in_the_national_inbox_too(sit, seen, urgent):
    nina = sit("nina@example.se", ("nationell-inkorg", "handler"), name="Nina Ek")
    assert (bar(nina.get("/")), in_list(nina.get("/"))) == (None, [])
    let_see(seen, urgent, "nationell-inkorg")
    assert bar(nina.get("/"))[0] == urgent
    assert in_list(nina.get("/")) == [urgent]
    assert nina.act(urgent, "ta").status_code == 303
    assert in_list(nina.get("/?visa=mina")) == [urgent]


def test_who_sees_both_inboxes_sees_what_was_raised_once(sit, seen, urgent, bring):
    both = sit("nina@example.se", ("nationell-inkorg", "handler"), *desk.seats("syd"), name="Nina Ek")
    let_see(seen, urgent, "nationell-inkorg")
    calm = bring()
    assert in_list(both.get("/")) == [urgent, calm]
    assert in_list(both.get("/?enhet=nationell-inkorg")) == [urgent]


def test_the_history_says_in_words_what_the_alarm_did(handler_app):
    tables = handler_app.extensions["settings"].tables
    assert words.say_event("alarmed", {"step": 2}, {}, tables) == "Jouren larmades, gång 2"
    raised = words.say_event("alarm_raised", {"to": "nationell-inkorg"}, {}, tables)
    assert raised == "Larmet gick vidare till Nationella inkorgen"


def test_the_beginning_of_an_alarm_stands_in_the_history(anna, urgent):
    assert "Larm: ärendet är brådskande och ingen har tagit det" in desk.text_of(anna.page(urgent))
