"""Referring: the right authority is suggested, the message is seen first, and what was written stays here."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from intake.matters.incoming import Wishes
from intake.models import Event, Matter, Message
from tests import desk
from tests.markup import judge

TO = {"authority": "skatteverket", "handing_on": "withheld", "grounds": "", "is_closed": "ja"}
AGREED = {"handing_on": "agreed", "grounds": "Personen sa ja i telefon i dag."}


@pytest.fixture
def matter(bring):
    return bring(subject="Min deklaration", text="Hemligheten om min deklaration.", category="fraga")


def preview(person, reference, **words):
    page = person.get(f"/arende/{reference}/hanvisa")
    return person.post(f"/arende/{reference}/hanvisa/forhandsgranska", page=page, **TO | words)


def refer(person, reference, **words):
    said = TO | {"text": "Vänd dig till Skatteverket."} | words
    return person.act(reference, "hanvisa", **said)


def stands(seen, reference):
    seen.rollback()
    return seen.scalars(select(Matter).where(Matter.reference == reference)).one()


def test_the_likeliest_is_chosen_from_the_start(anna, matter):
    page = anna.get(f"/arende/{matter}/hanvisa").text
    assert '<option value="skatteverket" selected>' in page
    assert "Föreslås av det som står i ärendet" in page


def test_without_a_hint_none_is_chosen(anna, bring):
    page = anna.get(f"/arende/{bring(text='Min cykel.')}/hanvisa").text
    assert "selected" not in page


def test_the_message_is_shown_before_and_holds_nothing_of_what_was_written(anna, matter, seen):
    page = preview(anna, matter)
    said = desk.text_of(page)
    assert (page.status_code, "0771-567 567" in said, "Hemligheten" in said) == (200, True, False)
    assert "Vi har inte skickat det du skrev till Skatteverket" in said
    assert "Exempelmyndigheten, handläggning" in said
    assert "Kontrollera webbplats och telefonnummer" in said
    assert seen.scalars(select(Event.what).where(Event.what == "referred")).all() == []


def test_it_is_written_in_the_persons_language(anna, bring):
    reference = bring(subject="Tax", text="About my tax return.", wishes=Wishes(language="en"))
    assert "the Swedish Tax Agency, responsible for tax" in desk.text_of(preview(anna, reference))


def test_it_closes_the_matter_and_waits_as_an_answer_does(anna, matter, seen):
    assert refer(anna, matter).status_code == 303
    assert (stands(seen, matter).status, stands(seen, matter).due_at) == ("closed", None)
    told = seen.scalars(select(Message).where(Message.direction == "outgoing")).one()
    assert (told.text, told.is_told) == ("Vänd dig till Skatteverket.", True)
    page = desk.text_of(anna.page(matter))
    assert "Personen är hänvisad till Skatteverket" in page
    assert (
        "Hänvisade personen till Skatteverket: det som personen skrev stannar här. Avslutade ärendet" in page
    )


def test_it_can_be_left_open(anna, matter, seen):
    words = {name: value for name, value in TO.items() if name != "is_closed"}
    anna.act(matter, "hanvisa", text="Vänd dig dit.", **words)
    assert (stands(seen, matter).status, stands(seen, matter).closed_at) == ("answered", None)


def test_nothing_may_be_given_on_without_grounds(anna, matter, seen):
    refused = preview(anna, matter, handing_on="agreed")
    assert (refused.status_code, "Skriv när personen gick med på det" in refused.text) == (422, True)
    assert refer(anna, matter, handing_on="lawful").status_code == 422
    assert stands(seen, matter).closed_at is None


def test_what_was_agreed_is_said_to_the_person_and_leads_to_the_export(anna, matter, seen):
    assert "Vi lämnar det du skrev till Skatteverket" in preview(anna, matter, **AGREED).text
    refer(anna, matter, **AGREED)
    page = anna.page(matter)
    assert f'href="/arende/{matter}/exportera"' in page.text
    assert "Personen sa ja i telefon i dag." in page.text


def test_it_can_be_agreed_later_and_taken_back(anna, matter):
    refer(anna, matter)
    assert "får inte lämnas dit än" in anna.page(matter).text
    anna.act(matter, "far-lamnas", authority="skatteverket", **AGREED)
    assert "får inte lämnas dit än" not in anna.page(matter).text
    anna.act(matter, "far-lamnas", authority="skatteverket", handing_on="withheld")
    assert "får inte lämnas dit än" in anna.page(matter).text


def test_what_was_written_of_it_stays_when_no_choice_was_made(anna, matter):
    refer(anna, matter)
    refused = anna.act(matter, "far-lamnas", authority="skatteverket", grounds="Sa ja i telefon.")
    assert (refused.status_code, "Sa ja i telefon." in refused.text) == (422, True)


def test_an_authority_that_is_not_there_is_refused_and_the_words_stay(anna, matter):
    refused = refer(anna, matter, authority="finns_inte", text="Mina ord.")
    assert (refused.status_code, "Mina ord." in refused.text) == (422, True)


def test_who_had_an_older_page_is_told_and_keeps_the_words(anna, matter):
    page = anna.page(matter)
    anna.act(matter, "ta")
    late = anna.act(matter, "hanvisa", page=page, **TO | {"text": "Mina ord."})
    assert (late.status_code, "Mina ord." in late.text, "hann före" in late.text) == (409, True, True)


def test_where_it_would_reach_nobody_it_is_not_offered(anna, bring):
    reference = bring(sender_email=None)
    assert "/hanvisa" not in anna.page(reference).text
    assert preview(anna, reference).status_code == 422


def test_its_pages_are_sound(anna, matter, tmp_path):
    pages = {"choose": anna.get(f"/arende/{matter}/hanvisa").text, "preview": preview(anna, matter).text}
    pages["refused"] = preview(anna, matter, handing_on="agreed").text
    refer(anna, matter)
    pages["withheld"] = anna.page(matter).text
    anna.act(matter, "far-lamnas", authority="skatteverket", **AGREED)
    pages["agreed"] = anna.page(matter).text
    wrong = judge(pages, tmp_path)
    assert not wrong, "\n".join(wrong)
