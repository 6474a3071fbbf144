"""What is masked is gone wherever it stood, and what is not stays as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.matters.masking import Choices, Part, Piece, mask, suggest

SHORTS = {"a": "OSL 21:3", "b": "OSL 35:1"}
NOTHING = Choices({}, {}, ())


def text(words, *more):
    return (Part("Ett", (Piece("", words, is_line=False),)), *more)


def masked(words, *sought):
    done = mask(text(words), replace(NOTHING, words=tuple((each, "a") for each in sought)), SHORTS)
    return done.parts[0].pieces[0].text


@pytest.mark.parametrize(
    ("words", "sought", "left"),
    [
        ("Kim Berg ringde.", ("Kim", "Berg"), "[maskerat, OSL 21:3] ringde."),
        ("Bergs cykel, BERG!", ("Berg",), "[maskerat, OSL 21:3] cykel, [maskerat, OSL 21:3]!"),
        ("Kontot kimberg79 finns.", ("Berg",), "Kontot [maskerat, OSL 21:3] finns."),
        ("Li gick till Lis hus.", ("Li",), "[maskerat, OSL 21:3] gick till [maskerat, OSL 21:3] hus."),
        ("> Stora\n> gatan 1", ("Stora gatan 1",), "> [maskerat, OSL 21:3]"),
        ("19900101-1234, 9001011234", ("199001011234",), "[maskerat, OSL 21:3], [maskerat, OSL 21:3]"),
        ("Ring 070 - 123 45 67.", ("0701234567",), "Ring [maskerat, OSL 21:3]."),
        ("Mejla kim@example.com.", ("kim@example.com",), "Mejla [maskerat, OSL 21:3]."),
    ],
)  # fmt: skip
def test_a_word_is_masked_wherever_and_however_it_is_written(words, sought, left):
    assert masked(words, *sought) == left


def test_a_passage_is_masked_with_its_provision_and_where_it_is_quoted():
    said = "Han hotade mig i går kväll."
    quoted = Piece("", "Du skrev:\n> Han hotade mig\n> i går kväll.", is_line=False)
    parts = text(f"Hej! {said} Hälsningar", Part("Två", (quoted,)))
    done = mask(parts, replace(NOTHING, passages={(0, 0, 1): "b"}), SHORTS)
    assert done.parts[0].pieces[0].text == "Hej! [maskerat, OSL 35:1] Hälsningar"
    assert done.parts[1].pieces[0].text == "Du skrev:\n> [maskerat, OSL 35:1]"
    assert (done.masked, done.left_out) == ({"b": 2}, {})


def test_a_part_that_is_left_out_keeps_its_heading_alone():
    done = mask(text("Hemligt."), replace(NOTHING, left_out={0: "b"}), SHORTS)
    assert done.parts == (Part("Ett", (Piece("", "[utelämnat, OSL 35:1]"),)),)
    assert (done.masked, done.left_out) == ({}, {"b": 1})


def test_where_two_provisions_meet_both_are_named():
    chosen = Choices({}, {(0, 0, 0): "b"}, (("Kim", "a"),))
    assert mask(text("Kim var där."), chosen, SHORTS).parts[0].pieces[0].text == (
        "[maskerat, OSL 21:3 och OSL 35:1]"
    )


def test_names_addresses_and_numbers_are_suggested_once():
    parts = text(
        "Kim, 900101-1234, ring 070-123 45 67 eller mejla b@example.com. Kim. År 2026, a0848155712b."
    )
    found = suggest(parts, ["Kim Berg", None, "kim@example.com"])
    assert found == ("Kim", "Berg", "kim@example.com", "900101-1234", "070-123 45 67", "b@example.com")


@given(st.text(max_size=80))
def test_passages_are_all_of_a_text_but_the_blanks_between(words):
    piece = Piece("", words, is_line=False)
    assert "".join("".join(piece.passages).split()) == "".join(words.split())


@given(st.text(max_size=80), st.text(st.sampled_from("abÅ 1"), min_size=4, max_size=8))
def test_no_masked_word_is_left_in_any_text(words, sought):
    done = mask(text(words + sought + words), replace(NOTHING, words=((sought, "a"),)), {"a": "-"})
    core = " ".join(sought.split())
    if core:
        assert core.lower() not in done.parts[0].pieces[0].text.replace("[maskerat, -]", "|").lower()


def test_nothing_chosen_changes_nothing_and_the_digest_tells():
    parts = text("Kim var där.")
    assert mask(parts, NOTHING, SHORTS).parts == parts
    other = mask(parts, replace(NOTHING, words=(("Kim", "a"),)), SHORTS)
    assert other.digest != mask(parts, NOTHING, SHORTS).digest
