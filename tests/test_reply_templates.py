"""The texts to begin an answer with are checked at start, and a complaint says what to do."""

from __future__ import annotations

import pytest

from config.reading import TableError
from config.replies import replies_in
from config.tables import read_tables

CATEGORIES = ("tips", "fraga")


def one(**changes):
    return {"code": "tack", "name": "Tack", "text": {"sv": "Hej {reference}"}} | changes


def test_the_common_cases_have_a_text_in_swedish_and_english():
    templates = read_tables().replies
    common = {"besvarad", "inte_var", "vidare", "mer_behovs", "hittegods", "tack_tips", "kan_inte"}
    assert {template.code for template in templates} >= common
    assert [template.code for template in templates if not {"sv", "en"} <= template.texts.keys()] == []


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (one(code="Ett tack"), "small letters"),
        (one(text={"en": "Hi"}), "no text in Swedish"),
        (one(text={"sv": " "}), "no text in Swedish"),
        (one(categories=["okänd"]), "not in categories.toml"),
        (one(text={"sv": "Hej {name}"}), r"says \{name\}"),
        (one(text="Hej"), "wrong kind"),
        ({"code": "tack"}, "'text' is missing"),
    ],
    ids=str,
)
def test_a_text_that_cannot_be_used_stops_the_start(reply, why):
    with pytest.raises(TableError, match=why):
        replies_in({"reply": [reply]}, CATEGORIES)


def test_two_texts_of_one_code_stop_the_start():
    with pytest.raises(TableError, match="the same code"):
        replies_in({"reply": [one(), one()]}, CATEGORIES)
