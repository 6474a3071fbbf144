"""Words that staff are asked to think about: what is found, where, and a table that is checked at start."""

from __future__ import annotations

import pytest

from config.reading import TableError
from config.style import find_words, style_in
from config.tables import read_tables


def one(**changes):
    return {"code": "prov", "why": "Tänk efter.", "words": ["rättshaverist*"]} | changes


def words_in(text, where="note", region=None, **changes):
    return [
        found.word for found in find_words(style_in({"rule": [one(**changes)]}, ["syd"]), text, where, region)
    ]


@pytest.mark.parametrize(
    ("word", "text", "found"),
    [
        ("kund", "Vår Kund, som ringde.", ["Kund"]),
        ("kund", "Kundskap är bra. Sekund!", []),
        ("rättshaverist*", "Rättshaveristen igen", ["Rättshaveristen"]),
        ("FU", "En FU. Fu!", ["FU"]),
        ("FU", "fu", []),
        ("bl.a.", "Vi har bl.a. frågat.", ["bl.a"]),
        ("mörk hy", "En man med mörk\nhy.", ["mörk hy"]),
        ("mörk hy", "mörk hyra", []),
        ("kund", "", []),
        ("kund", "<kund>", ["kund"]),
    ],
)
def test_a_word_is_found_as_people_write_it(word, text, found):
    assert words_in(text, words=[word]) == found


def test_a_word_is_told_once_and_with_its_reason():
    rules = style_in({"rule": [one(), one(code="igen", why="Nej.")]}, [])
    (found,) = find_words(rules, "Rättshaverist. RÄTTSHAVERIST!", "note")
    assert (found.word, found.why) == ("Rättshaverist", "Tänk efter.")


def test_a_rule_is_about_its_own_kind_of_text_and_its_own_regions():
    assert words_in("rättshaverist", where="told") == ["rättshaverist"]
    rules = style_in({"rule": [one(where="note", regions=["syd"])]}, ["syd"])
    asked = [("told", "syd"), ("note", "nord"), ("note", None), ("note", "syd")]
    assert [bool(find_words(rules, "rättshaverist", *each)) for each in asked] == [False, False, False, True]


def test_none_of_the_texts_to_begin_an_answer_with_is_warned_of():
    tables = read_tables()
    told = {each.code: find_words(tables.style, each.texts["sv"], "told") for each in tables.replies}
    assert {code: found for code, found in told.items() if found} == {}


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (one(code="Ett prov"), "small letters"),
        (one(why=" "), "does not say why"),
        (one(where="mejl"), "none of note, told and both"),
        (one(words=[]), "has no words"),
        (one(words=["*"]), "one that is empty"),
        (one(regions=["mars"]), "names the region mars"),
        (one(words=[1]), "wrong kind"),
        (one(words="kund"), "words is missing or of the wrong kind"),
        ({"code": "prov"}, "'words' is missing"),
    ],
    ids=str,
)
def test_a_rule_that_cannot_be_used_stops_the_start(rule, why):
    with pytest.raises(TableError, match=why):
        style_in({"rule": [rule]}, ["syd"])


def test_two_rules_of_one_code_stop_the_start():
    with pytest.raises(TableError, match="the same code"):
        style_in({"rule": [one(), one()]}, [])
