"""A number is found in what people wrote, however it is written there and in the search."""

from __future__ import annotations

import pytest

from intake.handler.numbers import widened
from tests.handler.test_searching import find, references

PHONES = ("070-123 45 67", "0701234567", "+46701234567", "070 123 45 67", "+46 70 123 45 67")
IDS = ("19900101-2384", "900101-2384", "199001012384", "9001012384")


@pytest.mark.parametrize("numbers", [PHONES, IDS], ids=["phone", "personnummer"])
def test_a_number_in_a_letter_is_found_by_every_way_of_writing_it(anna, bring, numbers):
    brought = [bring(text=f"Det gäller {each}, tack.") for each in numbers]
    bring(text="Ring 070-123 45 68 om 19900101-2392, eller 123 45 67.")
    for each in numbers:
        assert references(find(anna, each, reason="Ringer tillbaka")) == brought[::-1], each


def test_a_number_with_an_area_code_is_found_too(anna, bring):
    brought = [bring(text=f"Ring {each}.") for each in ("08-123 456 78", "0812345678", "+46 8 123 456 78")]
    assert references(find(anna, "08-12345678", reason="Ringer tillbaka")) == brought[::-1]


@pytest.mark.parametrize("words", ["cykel", "röd cykel 123", "", "12 34", '"0701234567"', "kim 0701234567"])
def test_what_is_no_number_alone_is_searched_for_as_it_was_typed(words):
    assert widened(words) == words
