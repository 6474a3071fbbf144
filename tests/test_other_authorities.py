"""The table of other authorities is checked at start, and suggests by what was written."""

from __future__ import annotations

import pytest

from config.authorities import authorities_in
from config.reading import TableError
from config.tables import read_tables

TEXT = "{reference} {name} {answers_for} {contact} {handing_on}"
MESSAGE = {"sv": {"text": TEXT, "withheld": "Nej.", "handed": "Ja."}}


def one(**changes):
    its = {
        "code": "skatt",
        "name": {"sv": "Skatt"},
        "answers_for": {"sv": "skatt"},
        "web": "https://skatt.example",
    }
    return its | changes


def read(*rows, message=MESSAGE):
    return authorities_in({"message": message, "authority": list(rows)}, ("fraga", "tips"))


def test_the_shipped_ones_are_told_in_swedish_and_english():
    shipped = read_tables().authorities
    assert {"sv", "en"} <= shipped.wordings.keys()
    assert [each.code for each in shipped.all if not {"sv", "en"} <= each.names.keys()] == []
    assert [each.code for each in shipped.all if not {"sv", "en"} <= each.answers_for.keys()] == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Min deklaration är fel", "skatteverket"),
        ("Hyresvärden höjer hyran", "hyresnamnden"),
        ("Det är ett HÅL I VÄGEN", "trafikverket"),
        ("När får jag mitt barnbidrag?", "forsakringskassan"),
        ("Gatubelysningen är släckt", "kommunen"),
    ],
)
def test_the_right_one_is_suggested_by_what_was_written(text, code):
    assert read_tables().authorities.suggest("annan_myndighet", text)[0].code == code


def test_nothing_is_suggested_by_a_word_in_the_middle_of_another():
    table = read(one(phrases=["tull"]))
    assert table.suggest("fraga", "Jag åt wienerbrödstull") == ()


def test_words_weigh_more_than_the_category():
    table = read(one(categories=["fraga"]), one(code="tull", phrases=["tull"]))
    assert [each.code for each in table.suggest("fraga", "Om tullen")] == ["tull", "skatt"]
    assert [each.code for each in table.suggest("fraga", "Om annat")] == ["skatt"]


def test_the_message_says_that_nothing_was_sent_unless_it_may_be():
    table = read(one(phone="1"))
    assert (
        table.write("skatt", "fi", "K7", is_handed_on=False) == "K7 Skatt skatt https://skatt.example\n1 Nej."
    )
    assert table.write("skatt", "sv", "K7", is_handed_on=True).endswith("Ja.")


@pytest.mark.parametrize(
    ("authority", "why"),
    [
        (one(code="En kod"), "small letters"),
        (one(name={"en": "Tax"}), r"name\.sv"),
        (one(web="skatt.example"), "https://"),
        (one(categories=["okänd"]), "not in categories.toml"),
        (one(phrases=["!"]), "empty phrase"),
        (one(read_at="igår"), "read_at is the day"),
        ({"code": "skatt"}, "'name' is missing"),
    ],
    ids=str,
)
def test_one_that_cannot_be_used_stops_the_start(authority, why):
    with pytest.raises(TableError, match=why):
        read(authority)


def test_two_of_one_code_stop_the_start():
    with pytest.raises(TableError, match="the same code"):
        read(one(), one())


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ({"en": MESSAGE["sv"]}, "no message in Swedish"),
        ({"sv": MESSAGE["sv"] | {"text": f"{TEXT} {{phone}}"}}, r"says \{phone\}"),
        ({"sv": MESSAGE["sv"] | {"text": "{reference}"}}, r"does not say \{name\}"),
        ({"sv": {"text": TEXT}}, "'withheld' is missing"),
    ],
    ids=str,
)
def test_a_message_that_says_too_little_stops_the_start(message, why):
    with pytest.raises(TableError, match=why):
        read(one(), message=message)
