"""References, status codes, tokens and diary numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake import codes


def test_a_new_reference_is_read_back_as_itself():
    reference = codes.new_reference()
    assert codes.read_reference(reference) == reference
    assert codes.read_reference(f" {reference.lower().replace('-', ' ')} ") == reference


@given(st.integers(0, 6), st.sampled_from(codes.ALPHABET))
def test_one_wrong_character_is_found(position, wrong):
    compact = codes.new_reference().replace("-", "")
    changed = compact[:position] + wrong + compact[position + 1 :]
    assert changed == compact or codes.read_reference(changed) is None


@given(st.integers(0, 5))
def test_two_swapped_neighbours_are_found(position):
    compact = codes.new_reference().replace("-", "")
    first, second = compact[position], compact[position + 1]
    changed = compact[:position] + second + first + compact[position + 2 :]
    assert first == second or codes.read_reference(changed) is None


def test_references_are_found_in_a_subject_and_ordinary_words_are_not():
    reference = codes.new_reference()
    assert codes.references_in(f"SV: Kvittens {reference} tack") == (reference,)
    assert codes.references_in("Ang cykelstöld på Storgatan 12") == ()


def test_a_status_code_is_the_same_however_it_is_typed():
    code = codes.new_status_code()
    assert codes.hash_code(code) == codes.hash_code(code.lower().replace("-", " "))


def test_a_token_has_the_shape_of_a_token_and_a_reference_has_not():
    assert codes.is_token(codes.new_token())
    assert not codes.is_token(codes.new_reference())


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (1, "M000.001/2026"),
        (4200, "M004.200/2026"),
        (999_999, "M999.999/2026"),
        (1_000_000, "M1.000.000/2026"),
    ],
)
def test_a_diary_number_is_written_as_the_diary_writes_it(number, written):
    assert codes.diary_number("M", 2026, number) == written
