"""Handing over by the buttons: preview, inbox, list, receiving, sending back and taking back."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from intake.matters import handing_over
from intake.models import AccessLog, Event, Matter, Message
from tests import desk

TO = {"receiver": "nord-utredning", "why": "Händelsen var i Umeå."}
UNIT = "Utredning, Region Nord"
HOME = "Kontaktcenter, Region Syd"


@pytest.fixture
def nora(sit):
    return sit("nora.nord@example.se", *desk.seats("nord"), name="Nora Nord")


@pytest.fixture
def bertil(sit):
    return sit("bertil.syd@example.se", *desk.seats("syd"), name="Bertil Sand")


@pytest.fixture
def given(anna, bring):
    """A matter that Anna has handed over to the north."""
    reference = bring()
    assert anna.act(reference, "lamna-over", **TO).status_code == 303
    return reference


def matter_of(seen, reference):
    seen.rollback()
    return seen.query(Matter).filter_by(reference=reference).one()


def test_the_preview_tells_what_the_receiver_the_giver_and_the_citizen_will_read(anna, brought, seen):
    reference = brought(category="fraga")
    asked = anna.get(f"/arende/{reference}/lamna-over")
    offered = re.search(r'<select id="receiver".*?</select>', asked.text, re.DOTALL)[0]
    assert "Särskilda utredningar" not in offered
    preview = anna.post(f"/arende/{reference}/lamna-over/granska", page=asked, **TO)
    said = desk.text_of(preview)
    for words in (f"Det här ser {UNIT}", f"Överlämnat från {HOME}, väntar på mottagande.",
                  "Händelsen var i Umeå.", "Svara senast", "kan lämna tillbaka det en gång",
                  "Ärendet ligger under Överlämnade",
                  "Ditt ärende har lämnats över till en annan del av myndigheten."):  # fmt: skip
        assert words in said, words
    assert "Region" not in re.search(r'<div class="written preview">(.*?)</div>', preview.text, re.DOTALL)[1]
    assert matter_of(seen, reference).unit_id == "syd-kontaktcenter"
    changed = anna.post(f"/arende/{reference}/lamna-over/granska", page=preview, andra="ja", **TO)
    assert 'value="Händelsen var i Umeå."' in changed.text
    assert anna.post(f"/arende/{reference}/lamna-over", page=preview, **TO).status_code == 303
    assert matter_of(seen, reference).unit_id == "nord-utredning"


def test_the_receivers_inbox_says_where_it_comes_from_and_by_when(nora, given):
    row = desk.text_of(nora.get("/"))
    assert f"Överlämnat från {HOME}, väntar på mottagande" in row
    assert "Tas emot senast" in row
    page = desk.text_of(nora.page(given))
    assert "Skälet: Händelsen var i Umeå." in page
    for act in ("Skicka svaret", "Avsluta ärendet", "Lämna över till en annan enhet"):
        assert act not in page


def test_the_givers_list_has_it_until_it_is_received(anna, nora, given):
    assert "Överlämnade 1" in desk.text_of(anna.get("/"))
    listed = desk.text_of(anna.get("/overlamnade"))
    assert (given in listed, UNIT in listed, "Anna Lindgren" in listed) == (True, True, True)
    assert "Ta emot" not in desk.text_of(anna.page(given))
    nora.act(given, "ta-emot")
    listed = desk.text_of(anna.get("/overlamnade"))
    assert "Allt som ni har lämnat över har tagits emot." in listed
    assert f"{given} togs emot av {UNIT}" in listed
    assert anna.page(given).status_code == 404


def test_the_list_is_a_look_and_tells_nobody_else(anna, sit, given, seen):
    other = sit("stina@example.se", ("stockholm-inkorg", "handler"), name="Stina Ek")
    assert given not in other.get("/overlamnade").text
    anna.get("/overlamnade")
    assert seen.query(AccessLog).filter_by(what="inbox", words="visa=overlamnade").count() == 2


def test_received_to_the_inbox_it_is_worked_on_as_any_other(nora, given, seen):
    assert nora.act(given, "ta-emot").location == f"/arende/{given}"
    page = desk.text_of(nora.page(given))
    assert "Ta ärendet" in page
    assert f"Tog emot ärendet, som lämnades över från {HOME}" in page
    assert nora.act(given, "svara", text="Hej Kim!").status_code == 303


def test_received_and_taken_by_one_button(nora, given, seen):
    nora.act(given, "ta")
    assert "Handläggare Nora Nord" in desk.text_of(nora.page(given))
    assert "väntar på mottagande" not in nora.get("/").text


def test_sent_back_it_says_so_in_the_givers_inbox(anna, nora, given):
    assert "Skriv varför ärendet lämnas tillbaka." in nora.act(given, "lamna-tillbaka").text
    assert nora.act(given, "lamna-tillbaka", reason="Det var i Malmö.").location == "/"
    assert "Lämnades tillbaka av den enhet som fick det" in desk.text_of(anna.get("/"))
    page = desk.text_of(anna.page(given))
    assert "Det var i Malmö." in page
    assert f"Lämnade tillbaka ärendet från {UNIT} till {HOME}" in page
    anna.act(given, "lamna-over", **TO)
    assert "avgör" in desk.text_of(nora.page(given))
    nora.act(given, "lamna-tillbaka", reason="Nej.")
    assert [who.page(given).status_code for who in (anna, nora)] == [404, 404]


def test_taken_back_from_the_list(anna, given, seen):
    listed = anna.get("/overlamnade")
    assert anna.act(given, "ta-tillbaka", page=listed).location == f"/arende/{given}"
    assert matter_of(seen, given).unit_id == "syd-kontaktcenter"
    assert "Tog tillbaka ärendet" in desk.text_of(anna.page(given))


def test_of_two_who_hand_over_the_other_is_told_and_keeps_the_words(anna, bertil, bring, seen):
    reference = bring()
    page = bertil.get(f"/arende/{reference}/lamna-over")
    anna.act(reference, "lamna-over", **TO)
    late = bertil.act(reference, "lamna-over", page=page, receiver="syd-inkorg", why="Mina egna ord.")
    assert late.status_code == 409
    assert ("En kollega hann före" in late.text, "Mina egna ord." in late.text) == (True, True)
    assert f"Ärendet är överlämnat till {UNIT}" in late.text
    assert matter_of(seen, reference).unit_id == "nord-utredning"


def test_who_works_in_both_units_keeps_the_words_in_the_form(sit, bring, seen):
    both = sit("both@example.se", *desk.seats("syd"), *desk.seats("nord"), name="Båda")
    reference = bring()
    page = both.get(f"/arende/{reference}/lamna-over")
    both.act(reference, "lamna-over", **TO)
    late = both.act(reference, "lamna-over", page=page, receiver="syd-inkorg", why="Mina egna ord.")
    assert (late.status_code, 'value="Mina egna ord."' in late.text) == (409, True)
    assert "Ärendet är redan överlämnat" in late.text


def test_an_answer_that_was_written_meanwhile_is_given_back(anna, bertil, bring):
    reference = bring()
    page = bertil.page(reference)
    anna.act(reference, "lamna-over", **TO)
    late = bertil.act(reference, "svara", page=page, text="Ett långt svar.")
    assert (late.status_code, "Ett långt svar.</textarea>" in late.text) == (409, True)


def test_who_takes_back_too_late_is_told_kindly(anna, nora, given):
    listed = anna.get("/overlamnade")
    nora.act(given, "ta-emot")
    late = anna.act(given, "ta-tillbaka", page=listed)
    assert late.status_code == 409
    assert f"{UNIT} har tagit emot ärendet" in late.text


def test_who_answers_too_late_is_told_kindly_and_keeps_the_reason(anna, nora, given):
    page = nora.page(given)
    anna.act(given, "ta-tillbaka", page=anna.get("/overlamnade"))
    late = nora.act(given, "lamna-tillbaka", page=page, reason="Det var i Malmö.")
    assert late.status_code == 409
    assert f"{HOME} har tagit tillbaka ärendet" in late.text
    assert "Det var i Malmö.</textarea>" in late.text


def test_nobody_else_is_told_that_it_was_handed_over(sit, given):
    other = sit("stina@example.se", ("stockholm-inkorg", "handler"), name="Stina Ek")
    for act in ("ta-emot", "ta-tillbaka", "lamna-tillbaka", "lamna-over"):
        assert other.post(f"/arende/{given}/{act}", version="2", reason="x", **TO).status_code == 404


def test_what_is_late_says_so_on_both_sides(anna, nora, given, clock, worker_app):
    clock.at += timedelta(days=4)
    with worker_app.app_context():
        handing_over.mark_overdue()
    for who in (anna, nora):
        who.sign_in()
    assert "Överlämnade 1, 1 inte i tid" in desk.text_of(anna.get("/"))
    assert "inte i tid" in desk.text_of(anna.get("/overlamnade"))
    assert "Överlämningen har inte tagits emot i tid" in desk.text_of(nora.get("/"))
    assert "Den tiden har gått ut." in desk.text_of(nora.page(given))


def test_danger_goes_along_to_the_receivers_bar(anna, nora, bring):
    urgent = bring(text="Någon bryter sig in hos mig just nu, hjälp!", subject="Hjälp")
    anna.act(urgent, "ta")
    anna.act(urgent, "lamna-over", **TO)
    assert "1 ärende med fara nu väntar" in nora.get("/").text
    assert "med fara nu väntar" not in anna.get("/").text
    assert "Pågående fara" in desk.text_of(nora.page(urgent))


def test_what_stands_behind_a_wall_is_moved_and_not_handed_over(sit, bring):
    hidden = bring(category="su", channel="form", addressed_unit="su", subject="Om en polis")
    sara = sit("sara@example.se", ("su", "handler"), name="Sara Ek")
    page = sara.get(f"/arende/{hidden}/lamna-over")
    assert "Därifrån lämnas inget över" in page.text
    assert "Välj en enhet i listan." in sara.act(hidden, "lamna-over", **TO).text
    assert sara.act(hidden, "flytta", unit="syd-utredning", reason="Ingen polis.").location == "/"


def test_a_reader_of_the_receiving_unit_answers_nothing(sit, given):
    reader = sit("ris@example.se", ("nord-utredning", "reader"), name="Ris Läsare")
    page = desk.text_of(reader.page(given))
    assert "väntar på mottagande" in page
    assert ("Ta emot" in page, "Lämna tillbaka" in page, "Ta tillbaka" in page) == (False, False, False)
    assert reader.act(given, "ta-emot").status_code == 403


def test_the_news_of_an_inbox_counts_it_for_the_receiver_alone(anna, nora, bring):
    reference = bring()
    asked = [desk.news_of(who.get("/")) for who in (anna, nora)]
    anna.act(reference, "lamna-over", **TO)
    assert [who.get(path).json["new"] for who, path in zip((anna, nora), asked, strict=True)] == [0, 1]


def test_words_of_each_step_stand_in_the_history(anna, given, seen):
    assert seen.query(Message).filter_by(direction="note").one().text == TO["why"]
    assert seen.query(Event).filter_by(what="handed_over").count() == 1
    assert f"Lämnade över ärendet från {HOME} till {UNIT}" in desk.text_of(anna.page(given))
