"""The rule of signs: one sign for whatever is written in many ways, and none for what says nothing."""

from __future__ import annotations

import pytest

from intake import signs


def of(text, *stems, own=("polisen.example",)):
    return signs.of_text(text, stems, own)


def kinds(text, *stems):
    return sorted(sign.partition(":")[0] for sign in of(text, *stems))


@pytest.mark.parametrize(
    "written", ["0701234567", "070-123 45 67", "+46701234567", "0046 70 123 45 67", "+46 (0)70-123 45 67"]
)
def test_a_number_is_one_sign_however_it_is_written(written):
    assert of(f"Ring {written}!") == of("0701234567") == signs.of_contact(None, written)


@pytest.mark.parametrize(
    "written",
    ["SE45 5000 0000 0583 9825 7466", "SE4550000000058398257466 OCH", "SE45-5000-0000-0583-9825-7466"],
)
def test_an_account_is_one_sign_and_a_wrong_one_is_none(written):
    assert of(written) == of("SE4550000000058398257466") != frozenset()
    assert kinds("SE45 5000 0000 0583 9825 7467") == []


@pytest.mark.parametrize(
    "written",
    [
        "https://falsk.example",
        "HTTP://WWW.Falsk.example:8080/a?b",
        "hxxps://falsk[.]example/x.",
        "falsk.example/logga-in",
    ],
)
def test_a_page_is_its_host_however_it_is_written(written):
    assert of(f"({written})") == of("https://falsk.example/")


def test_on_a_shared_host_only_the_whole_address_is_a_sign():
    assert kinds("Se https://facebook.com och www.blocket.se/") == []
    assert (
        of("https://www.facebook.com/falsk.profil/") == of("http://facebook.com/falsk.profil") != frozenset()
    )
    assert of("facebook.com/a") != of("facebook.com/b")


def test_what_is_ours_is_no_sign():
    assert kinds("Svara till arende+abc@polisen.example eller https://e.polisen.example/status") == []


def test_an_address_is_one_sign_in_any_letters():
    assert of("Skriv till Kim.Berg@Example.com.") == signs.of_contact("kim.berg@example.com", None)


def test_of_words_the_longest_are_kept_and_short_ones_are_none():
    assert kinds("", "bil", "cykel", "1234567") == []
    many = [f"{'a' * number}ord" for number in range(3, 40)]
    assert len(of("", *many)) == signs.MOST_WORDS


@pytest.mark.parametrize(
    "text",
    ["0" * 100_000, "a." * 50_000, "SE45 " * 20_000, "x@" * 50_000, "www.[", "http://[::1", "+" * 9999],
)
def test_hostile_texts_are_read_all_the_same(text):
    assert len(of(text)) <= 4 * signs.MOST_OF_A_KIND
