"""A search that looks like a person: numbers, addresses and names, and not what people mostly look for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.handler.person_like import looks_like_person


@pytest.mark.parametrize(
    "number",
    [
        "19811218-9876",
        "811218-9876",
        "8112189876",
        "198112189876",
        "811218+9876",
        "811278-9876",
        "19811278 9876",
        "född 811218-9876 cykel",
        "811218-TF12",
    ],
)
def test_a_number_of_a_person_is_known_with_and_without_century_and_hyphen(number):
    assert looks_like_person(number)


@pytest.mark.parametrize(
    "number",
    [
        "070-123 45 67",
        "0701234567",
        "+46 70 123 45 67",
        "0046701234567",
        "(08) 123 456 78",
        "040-12 34 56",
        "samtal från 0731112233",
    ],
)
def test_a_number_to_call_is_known(number):
    assert looks_like_person(number)


@pytest.mark.parametrize(
    "address",
    [
        "kim@example.com",
        "Storgatan 1",
        "storgatan 12 b",
        "bor på Nya vägen 3",
        "Lilla torg 4A",
        "kim.berg@",
        "Sveavägen 120, Stockholm",
    ],
)
def test_an_address_is_known(address):
    assert looks_like_person(address)


@pytest.mark.parametrize(
    "name",
    [
        "Kim Berg",
        "kim berg",
        "KIM BERG",
        "Berg, Kim",
        '"Kim Berg"',
        "K. Berg",
        "Carl von Linné",
        "Anna-Karin Öst-Ek",
        "anna johansson",
        "Zlatan Novak",
        "O'Brien Shaun",
        "Kim OR Berg",
        "محمد علي",
        "李 明",
        "stulen cykel Kim Berg",
        "e lindström",
    ],
)
def test_two_names_are_known(name):
    assert looks_like_person(name)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "cykel",
        "stulen cykel",
        "Stulen cykel",
        "inbrott storgatan",
        "Berg",
        "Region Syd",
        "2026-11-22",
        "556036-0793",
        "1 500 000 kronor",
        "ABC 123",
        "K7RX-3M9P",
        "Malmö Centralstation",
        "-cykel",
        "or",
        '""',
        "iphone 15 pro",
        "5000-K123456-26",
        "tunnelbanan i Rinkeby",
        "***",
        "hot på nätet",
    ],
)
def test_what_people_mostly_look_for_is_let_through(words):
    assert not looks_like_person(words)


@given(st.text(max_size=1000))
def test_whatever_is_typed_gets_an_answer(words):
    assert looks_like_person(words) in (True, False)
