"""Handing over what was ticked in the inbox: asked, looked through, done one by one, and taken back."""

from __future__ import annotations

import re

import pytest

from intake.models import Matter, Message
from tests import desk
from tests.handler.test_inbox import references

TO = {"receiver": "nord-utredning", "why": "Allt hände i Umeå."}
UNIT = "Utredning, Region Nord"
ASKED, LOOKED, DONE = "/markerade", "/markerade/lamna-over/granska", "/markerade/lamna-over"


@pytest.fixture
def nora(sit):
    return sit("nora.nord@example.se", *desk.seats("nord"), name="Nora Nord")


@pytest.fixture
def bertil(sit):
    return sit("bertil.syd@example.se", *desk.seats("syd"), name="Bertil Sand")


def tick(who, *ticked, words=""):
    """Tick rows of the inbox and choose to hand them over; return the page that asks where to."""
    answer = who.post(f"{ASKED}{words}", page=who.get("/"), ref=list(ticked), gor="hand_over")
    assert answer.status_code == 303
    return who.get(answer.location)


def send(who, path, page, **words):
    """Press a button of a page that shows what was ticked."""
    seen = re.search(r'name="ticked" value="([^"]*)"', page.text)[1]
    return who.post(path, page=page, ticked=seen, **words)


def stands(seen, reference):
    seen.rollback()
    return seen.query(Matter).filter_by(reference=reference).one().unit_id


def test_several_are_asked_for_looked_through_and_handed_over(anna, nora, bring, seen):
    ticked = [bring(), bring()]
    asked = tick(anna, *ticked)
    assert "Lämna över 2 ärenden" in desk.text_of(asked)
    assert "Särskilda utredningar" not in re.search(r"<select id=.receiver.*?</select>", asked.text, re.S)[0]
    looked = send(anna, LOOKED, asked, **TO)
    said = desk.text_of(looked)
    for words in (f"Det här ser {UNIT}", "Allt hände i Umeå.", "ska tas emot senast", *ticked):
        assert words in said, words
    assert {stands(seen, each) for each in ticked} == {"syd-kontaktcenter"}
    assert send(anna, DONE, looked, **TO).location == "/"
    said = desk.text_of(anna.get("/"))
    assert f"2 ärenden är överlämnade till {UNIT} och väntar på att tas emot." in said
    assert {stands(seen, each) for each in ticked} == {"nord-utredning"}
    assert "väntar på mottagande" in desk.text_of(nora.page(ticked[0]))
    assert "Skälet: Allt hände i Umeå." in desk.text_of(nora.page(ticked[1]))


def test_the_receiver_receives_each_and_the_giver_takes_back_each(anna, nora, bring, seen):
    first, second = bring(), bring()
    send(anna, DONE, tick(anna, first, second), **TO)
    nora.act(first, "ta-emot")
    listed = anna.get("/overlamnade")
    assert anna.act(second, "ta-tillbaka", page=listed).location == f"/arende/{second}"
    assert (stands(seen, first), stands(seen, second)) == ("nord-utredning", "syd-kontaktcenter")


def test_what_the_person_reads_is_shown_before(anna, brought):
    reference = brought(category="fraga")
    looked = desk.text_of(send(anna, LOOKED, tick(anna, reference), **TO))
    assert "Ditt ärende har lämnats över till en annan del av myndigheten." in looked
    assert "Ja, på statussidan" in looked


def test_what_is_urgent_is_said_to_wake_those_on_duty(anna, bring):
    urgent = bring(text="Någon bryter sig in hos mig just nu, hjälp!", subject="Hjälp")
    looked = send(anna, LOOKED, tick(anna, urgent, bring()), **TO)
    assert "1 ärende är brådskande, så jouren dit larmas genast." in desk.text_of(looked)


def test_what_cannot_be_handed_over_is_told_one_by_one_and_the_rest_goes(anna, bring, seen):
    able, closed, waits, others = bring(), bring(), bring(), bring(municipality="2480")
    anna.act(closed, "avsluta", outcome="no_action")
    anna.act(waits, "lamna-over", **TO)
    asked = tick(anna, able, closed, waits, others)
    said = desk.text_of(asked)
    assert "Lämna över 1 ärende " in said
    for words in (f"{closed} Ärendet är avslutat. Återuppta det först.",
                  f"{waits} Ärendet är redan överlämnat och väntar på att tas emot.",
                  f"{others} Ärendet finns inte längre i dina inkorgar."):  # fmt: skip
        assert words in said, words
    send(anna, DONE, asked, **TO)
    assert stands(seen, able) == "nord-utredning"


def test_one_that_stands_there_already_stays(anna, bring, seen):
    here, there = bring(), bring()
    desk.hand_over(anna, anna, there, "syd-utredning")
    asked = tick(anna, here, there)
    looked = send(anna, LOOKED, asked, receiver="syd-utredning", why="Hör dit.")
    assert f"{there} Ärendet står redan där. Välj en annan enhet." in desk.text_of(looked)
    send(anna, DONE, looked, receiver="syd-utredning", why="Hör dit.")
    assert "1 ärende är överlämnat till Utredning, Region Syd" in desk.text_of(anna.get("/"))
    assert seen.query(Message).filter_by(direction="note", text="Hör dit.").count() == 1


def test_what_a_colleague_has_changed_since_is_left_alone(anna, bertil, bring, seen):
    first, second = bring(), bring()
    asked = tick(anna, first, second)
    looked = send(anna, LOOKED, asked, **TO)
    bertil.act(second, "ta")
    send(anna, DONE, looked, **TO)
    said = desk.text_of(anna.get("/"))
    assert f"1 ärende är överlämnat till {UNIT}" in said
    assert f"{second}: En kollega hann före." in said
    assert (stands(seen, first), stands(seen, second)) == ("nord-utredning", "syd-kontaktcenter")


def test_a_colleague_who_was_first_is_told_in_the_preview_too(anna, bertil, bring):
    first, second = bring(), bring()
    asked = tick(anna, first, second)
    bertil.act(second, "ta")
    assert f"{second} En kollega hann före." in desk.text_of(send(anna, LOOKED, asked, **TO))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"receiver": "nord-utredning"}, "Skriv varför ärendena lämnas över."),
        ({"why": "Hör dit."}, "Välj en enhet i listan."),
        ({"receiver": "su", "why": "Hör dit."}, "Välj en enhet i listan."),
    ],
)
def test_a_unit_and_a_reason_are_needed(anna, bring, seen, words, told):
    reference = bring()
    asked = tick(anna, reference)
    for path in (LOOKED, DONE):
        answer = send(anna, path, asked, **words)
        assert (answer.status_code, told in desk.text_of(answer)) == (422, True)
    assert stands(seen, reference) == "syd-kontaktcenter"


def test_what_was_chosen_can_be_changed(anna, bring):
    looked = send(anna, LOOKED, tick(anna, bring()), **TO)
    changed = send(anna, LOOKED, looked, andra="ja", **TO)
    assert (changed.status_code, 'value="Allt hände i Umeå."' in changed.text) == (200, True)


def test_nothing_behind_a_wall_goes_along(sit, bring, seen):
    hidden = bring(category="su", channel="form", addressed_unit="su", subject="Om en polis")
    sara = sit("sara@example.se", ("su", "handler"), name="Sara Ek")
    looked = send(sara, LOOKED, tick(sara, hidden), **TO)
    assert looked.status_code == 422
    assert "Över en sekretessgräns lämnas inget över. Flytta ärendet i stället." in desk.text_of(looked)
    send(sara, DONE, looked, **TO)
    assert stands(seen, hidden) == "su"


def test_nothing_ticked_leads_back_to_the_list_it_was_ticked_in(anna, bring):
    bring()
    answer = anna.post(f"{ASKED}?visa=lediga", page=anna.get("/"), gor="hand_over")
    assert anna.get(answer.location).location == "/?visa=lediga"
    assert "Markera först de ärenden som ska lämnas över." in desk.text_of(anna.get("/"))


def test_the_list_that_they_were_ticked_in_is_kept(anna, bring):
    reference = bring()
    other = bring()
    asked = tick(anna, reference, words="?visa=lediga")
    action = re.search(r'action="(/markerade/lamna-over/granska[^"]*)"', asked.text)[1]
    looked = send(anna, action, asked, **TO)
    action = re.search(r'action="(/markerade/lamna-over\?[^"]*)"', looked.text)[1]
    done = send(anna, action, looked, **TO)
    assert done.location == "/?visa=lediga"
    assert references(anna.get(done.location)) == [other]
