"""What may be asked and offered is checked at start, and a complaint says what to do."""

from __future__ import annotations

import pytest

from config.categories import categories_in
from config.reading import TableError

CATEGORY = {
    "code": "tips",
    "name": "Tips",
    "unit_kind": "inkorg",
    "priority": 3,
    "regime": "brottsdata",
    "secrecy": "trolig",
    "kind": "subject",
    "answer_days": 3,
}
CHOICE = {"code": "tips", "words": "Ett tips", "category": "tips"}


def read(choice=CHOICE, **category):
    groups = [{"code": "a", "words": "A", "choices": [choice]}]
    return categories_in({"categories": [CATEGORY | category], "groups": groups}, ["inkorg"])


def test_a_question_and_a_story_are_read_in_their_words():
    asked = {"code": "who", "words": "Vem?", "hint": "Namn.", "rows": 3}
    category = read(questions=[asked], story={"words": "Vad vill du tipsa om?"}).get("tips")
    assert (category.questions[0].words, category.questions[0].rows) == ("Vem?", 3)
    assert category.story.words == "Vad vill du tipsa om?"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"questions": [{"code": str(n), "words": "?"} for n in range(5)]}, "at most 4 questions"),
        ({"questions": [{"code": "who", "words": "?"}] * 2}, "a code of its own"),
        ({"questions": [{"code": "who", "wrods": "?"}]}, "wrods"),
        ({"asks_where": "nowhere"}, "event or ongoing or area or nothing"),
        ({"priority": 6}, "from 1 to 5"),
        ({"answer_days": 0}, "answer_days of tips must be from 1"),
        ({"answer_days": "3"}, "answer_days of tips must be from 1"),
        ({"unit_kind": "jour"}, "no unit kind"),
    ],
)
def test_a_category_that_cannot_be_asked_stops_the_start(changed, why):
    with pytest.raises(TableError, match=why):
        read(**changed)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"link": "https://www.example.se/"}, "both link and link_words"),
        ({"link_words": "Gör så här"}, "both link and link_words"),
        ({"category": "annat"}, "names no category"),
    ],
)
def test_a_choice_that_leads_nowhere_stops_the_start(changed, why):
    with pytest.raises(TableError, match=why):
        read(CHOICE | changed)
