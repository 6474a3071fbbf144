"""A handler sees what the form asked and what the person wished for."""

from __future__ import annotations

import pytest

from intake.matters import incoming
from tests import desk

RIGHT = "lag 2009:724"


def test_answers_to_questions_stand_under_the_text(anna, bring):
    answers = (incoming.Answer("Hur vet du det?", "Jag såg <b>det</b> själv"),)
    page = anna.page(bring(answers=answers))
    assert "Hur vet du det? Jag såg <b>det</b> själv" in desk.text_of(page)
    assert "<b>det" not in page.text


def test_when_and_whom_it_concerns_are_told(anna, bring):
    words = desk.text_of(anna.page(bring(happened_words="i går kväll", concerns="other")))
    assert "När i går kväll" in words
    assert "Gäller Någon annan än den som skrev" in words


def test_wishes_about_the_answer_are_told(anna, bring):
    wishes = incoming.Wishes(language="en", is_neutral=True, call_words="efter 17", interpreter="sign")
    words = desk.text_of(anna.page(bring(wishes=wishes)))
    for told in ("Skriv inget om ärendet i mejl", "efter 17", "engelska", "Vill ha teckenspråkstolk"):
        assert told in words


def test_who_wants_no_mail_is_told(anna, bring):
    assert "Vill inte ha mejl" in desk.text_of(anna.page(bring(wishes=incoming.Wishes(may_email=False))))


@pytest.mark.parametrize(
    ("language", "said", "has_right"),
    [("fi", "finska", True), ("fit", "meänkieli", True), ("se", "samiska", True), ("uk", "ukrainska", False)],
)
def test_a_right_to_the_language_is_told(anna, bring, language, said, has_right):
    words = desk.text_of(anna.page(bring(wishes=incoming.Wishes(answer_language=language))))
    assert f"Vill ha svar på {said}" in words
    assert (RIGHT in words) == has_right


def test_a_language_in_own_words_is_told_as_it_was_written(anna, bring):
    page = anna.page(bring(wishes=incoming.Wishes(answer_language="Kurmanji")))
    assert "Vill ha svar på Kurmanji" in desk.text_of(page)


def test_a_form_that_a_machine_may_have_sent_says_so(anna, bring):
    assert "Kan vara skickat av en maskin" in desk.text_of(anna.page(bring(needs_person=("maybe_robot",))))


def test_who_wished_for_nothing_is_shown_nothing(anna, bring):
    words = desk.text_of(anna.page(bring()))
    for heading in ("Vill ha svar på", "Tolk", "Formulärets språk", "Vill inte ha mejl"):
        assert heading not in words


OBEY = "Att följa när du hör av dig"


@pytest.mark.parametrize(
    ("wishes", "changes", "told"),
    [
        ({"may_email": False}, {"sender_phone": "070-000 00 00"}, "Mejla inte."),
        ({"is_neutral": True}, {}, "Skriv inget om ärendet i mejl."),
        ({"call_words": "efter 17"}, {}, "När och hur vi kan ringa: efter 17"),
        ({"interpreter": "spoken", "answer_language": "fa"}, {}, "Tolk behövs: persiska. Svara på persiska."),
        ({"interpreter": "spoken", "language": "ar"}, {}, "Tolk behövs: arabiska."),
        ({"interpreter": "spoken"}, {}, "Tolk behövs."),
        ({"interpreter": "sign"}, {}, "Teckenspråkstolk behövs."),
        ({"interpreter": "other"}, {}, "Behöver annan hjälp för att prata"),
        ({"answer_language": "other"}, {}, "Svara på ett annat språk."),
        ({"answer_language": "Kurmanji"}, {}, "Svara på Kurmanji."),
    ],
)
def test_what_the_person_wished_for_stands_first_as_something_to_obey(anna, bring, wishes, changes, told):
    said = desk.text_of(anna.page(bring(wishes=incoming.Wishes(**wishes), **changes)))
    assert told in said.partition("Meddelanden")[0].partition(OBEY)[2]


def test_who_is_not_mailed_reads_the_status_page_if_there_is_a_code(anna, brought):
    assert "Mejla inte. Svar läses på statussidan." in desk.text_of(anna.page(brought(may_email=False)))


def test_nothing_is_to_obey_where_nothing_was_wished_for_or_the_matter_is_closed(anna, bring):
    assert OBEY not in desk.text_of(anna.page(bring(wishes=incoming.Wishes(answer_language="sv"))))
    closed = bring(wishes=incoming.Wishes(may_email=False))
    anna.act(closed, "avsluta", outcome="no_action")
    assert OBEY not in desk.text_of(anna.page(closed))
