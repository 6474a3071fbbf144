"""The page that tells how matters are sorted is made from the rules."""

from __future__ import annotations

from html import unescape

import pytest

from config.tables import read_tables


@pytest.fixture
def client(make_app):
    return make_app("citizen").test_client()


def test_every_public_sentence_stands_there_and_the_others_are_counted(client):
    table = read_tables().routing
    page = unescape(client.get("/sa-sorterar-vi").get_data(as_text=True))
    rules = [*table["categories"].values(), *table["flags"], *table["priorities"], *table["combinations"]]
    told = [rule["public"] for rule in rules if "public" in rule] + table["public"]["place"]
    assert [words for words in told if words not in page] == []
    assert f"{sum('public' not in rule for rule in rules)} regler till" in page
    assert "läser alltid en person ditt ärende" in page
