"""A mark of secrecy as handlers meet it: on the page, in lists as a sign alone, and where matters leave."""

from __future__ import annotations

import io
import zipfile

import pytest

from tests import desk

WHY = "Adressen till målsäganden."


@pytest.fixture
def marked(anna, brought):
    reference = brought()
    assert anna.act(reference, "sekretess", provision="35_1", secrecy_reason=WHY).status_code == 303
    return reference


def test_the_page_tells_by_which_provision_who_and_why(anna, marked):
    said = desk.text_of(anna.page(marked))
    assert "Sekretessmarkerat: 35 kap. 1 § offentlighets- och sekretesslagen." in said
    assert f"{WHY} Anna Lindgren, 22 november 2026" in said
    assert "Sekretessmarkerade ärendet Anna Lindgren" in said


def test_lists_tell_the_sign_and_nothing_more(anna, marked):
    told = anna.get("/").text, anna.get("/?flagga=secrecy_mark").text, anna.post("/sok", q="cykel").text
    assert ["Sekretessmarkerat</span>" in each for each in told] == [True, True, True]
    assert [words for words in (WHY, "35 kap. 1 §") for each in told if words in each] == []


def test_what_is_not_marked_has_no_sign(anna, brought):
    reference = brought()
    assert 'class="mark">Sekretessmarkerat' not in anna.post("/sok", q="cykel").text
    assert "Häv märkningen" not in anna.page(reference).text


def test_it_is_lifted_with_a_reason_and_set_anew(anna, marked):
    empty = anna.act(marked, "sekretess/hav")
    assert (empty.status_code, "Skriv varför märkningen hävs." in empty.text) == (422, True)
    assert anna.act(marked, "sekretess/hav", lift_reason="Det gällde ett annat ärende.").status_code == 303
    said = desk.text_of(anna.page(marked))
    assert ("Sekretessmarkerat:" in said, "Hävde sekretessmarkeringen" in said) == (False, True)
    assert anna.act(marked, "sekretess", provision="18_1", secrecy_reason=WHY).status_code == 303


@pytest.mark.parametrize(
    ("words", "why"),
    [({"provision": "35_1"}, "Skriv varför uppgifterna kan"), ({"secrecy_reason": WHY}, "Välj en paragraf")],
)
def test_what_is_missing_is_asked_for_and_nothing_written_is_lost(anna, brought, words, why):
    page = anna.act(brought(), "sekretess", **words)
    assert (page.status_code, why in page.text) == (422, True)
    assert words.get("secrecy_reason", 'value="35_1" selected') in page.text


def test_who_comes_second_is_told_and_keeps_the_words(anna, brought):
    reference = brought()
    page = anna.page(reference)
    anna.act(reference, "sekretess", provision="35_1", secrecy_reason=WHY)
    late = anna.act(reference, "sekretess", page=page, provision="18_1", secrecy_reason="Mina egna ord.")
    assert (late.status_code, "En kollega hann före" in late.text) == (409, True)
    assert "18 kap. 1 §" not in anna.page(reference).text.partition("<h2>")[0]


def test_an_export_warns_before_and_within(anna, marked):
    page = anna.get(f"/arende/{marked}/exportera")
    assert "Ärendet är sekretessmarkerat." in page.text
    out = anna.post(f"/arende/{marked}/exportera", page=page, reason="Till åklagaren")
    with zipfile.ZipFile(io.BytesIO(out.data)) as zipped:
        said = zipped.read("meddelanden.txt").decode()
        assert "35_1" in zipped.read("handelser.json").decode()
    assert (
        "Sekretessmarkerat: 35 kap. 1 § offentlighets- och sekretesslagen. Märkningen är en varning" in said
    )
