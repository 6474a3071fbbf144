"""A thought before it is saved: the page says which words and why, and one more press keeps them."""

from __future__ import annotations

import io
import re

import pytest

from intake.models import Attachment, Message
from tests.handler.test_replying import written

JUDGED = "Hon är en rättshaverist."


def said(seen, direction="note"):
    seen.rollback()
    return [message.text for message in seen.query(Message).filter_by(direction=direction)]


def anyway(page):
    return re.search(r'name="anyway" value="([^"]*)"', page.text)[1]


def test_a_note_is_kept_in_its_form_with_what_is_worth_a_thought(anna, bring, seen):
    page = anna.act(bring(), "anteckna", note=JUDGED)
    assert page.status_code == 200
    assert "”<bdi>rättshaverist</bdi>”: Det är ett omdöme om en person." in page.text
    assert f'rows="5" aria-describedby="note-hjalp">\n{JUDGED}</textarea>' in page.text
    assert said(seen) == []


def test_one_more_press_saves_it_as_it_is(anna, bring, seen):
    reference = bring()
    page = anna.act(reference, "anteckna", note=JUDGED)
    assert anna.act(reference, "anteckna", page=page, note=JUDGED, anyway=anyway(page)).status_code == 303
    assert said(seen) == [JUDGED]


def test_what_is_written_instead_is_looked_at_again(anna, bring, seen):
    reference = bring()
    page = anna.act(reference, "anteckna", note=JUDGED)
    worse = anna.act(reference, "anteckna", page=page, note="En lögnare.", anyway=anyway(page))
    assert (worse.status_code, anyway(worse)) == (200, "lögnare")
    assert anna.act(reference, "anteckna", page=worse, note="Hon har ringt tio gånger.").status_code == 303
    assert said(seen) == ["Hon har ringt tio gånger."]


@pytest.mark.parametrize(
    ("act", "words"),
    [
        ("avsluta", {"outcome": "no_action", "closing": JUDGED}),
        ("sortera", {"category": "handling", "priority": "2", "why": JUDGED}),
        ("komplettera", {"asked": "Skicka bl.a. en bild."}),
        ("drojsmal", {"delay": "Det beror på bl.a. FU."}),
    ],
)
def test_whatever_staff_write_is_looked_at_and_never_stopped(anna, brought, seen, act, words):
    reference = brought()
    page = anna.act(reference, act, **words)
    assert (page.status_code, "Läs igenom en gång till." in page.text) == (200, True)
    assert (said(seen), said(seen, "outgoing")) == ([], [])
    assert anna.act(reference, act, page=page, **words, anyway=anyway(page)).status_code == 303


def test_an_answer_keeps_its_files_while_its_words_are_thought_about(anna, brought, seen):
    reference = brought()
    page = anna.act(
        reference, "svara", text="Kära kund!", is_told="ja", files=(io.BytesIO(b"%PDF"), "svar.pdf")
    )
    assert ("svar.pdf" in page.text, written(page)) == (True, "Kära kund!")
    kept = re.search(r'name="kept" value="([^"]+)"', page.text)[1]
    words = {"text": "Kära kund!", "is_told": "ja", "kept": kept, "anyway": anyway(page)}
    assert anna.act(reference, "svara", page=page, **words).status_code == 303
    seen.rollback()
    assert [file.name for file in seen.query(Attachment)] == ["svar.pdf"]


def test_a_preview_warns_and_what_is_sent_from_it_goes(anna, brought, seen):
    reference = brought()
    page = anna.act(reference, "forhandsgranska", text="Hej kund!", is_told="ja")
    assert "”<bdi>kund</bdi>”: Den som skriver till oss är ingen kund" in page.text
    words = {"text": "Hej kund!", "is_told": "ja", "anyway": anyway(page)}
    assert anna.act(reference, "svara", **words).status_code == 303
    assert said(seen, "outgoing") == ["Hej kund!"]


def test_a_draft_is_its_writers_own_and_nobody_looks_at_it(anna, brought):
    assert anna.act(brought(), "utkast", text="Hej kund!").status_code == 303


def test_what_a_citizen_writes_is_never_looked_at(anna, bring):
    assert "Läs igenom" not in anna.page(bring(text=f"{JUDGED} Bästa support, jag är er kund.")).text
