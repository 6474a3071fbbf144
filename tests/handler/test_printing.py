"""A whole matter on paper: the page that prints, and the same as a tagged PDF."""

from __future__ import annotations

import hashlib

import pytest

from intake import paper
from intake.errors import PaperFailed
from intake.handler import printing
from intake.models import AccessLog
from tests import desk
from tests.papers import words_in

PHOTO = b"\xff\xd8 a photo"


@pytest.fixture
def whole(anna, bring):
    """Bring a matter in with a file, note something, and return its reference."""
    reference = bring(files=(("cykel.jpg", PHOTO),), place_words="vid ån")
    anna.act(reference, "ta")
    anna.act(reference, "anteckna", note="Ringde kl. 9.")
    return reference


TOLD = (
    "Min cykel stals utanför stationen.", "Kim Berg", "kim@example.com", "vid ån", "Ringde kl. 9.",
    "cykel.jpg", hashlib.sha256(PHOTO).hexdigest(), "Tog ärendet", "Varför ärendet står här",
    "Bedömningen är",
)  # fmt: skip


def test_the_page_tells_the_whole_matter_in_order_and_asks_nothing(anna, whole):
    page = anna.get(f"/arende/{whole}/skriv-ut")
    said = desk.text_of(page)
    assert [words for words in TOLD if words not in said] == []
    assert said.index("Min cykel stals") < said.index("Ringde kl. 9.") < said.index("Historik")
    assert "<button" not in page.text.partition("<main")[2]
    assert f'href="/arende/{whole}/skriv-ut"' in anna.page(whole).text


def test_the_pdf_tells_the_same_with_its_number_on_every_sheet(anna, whole, bring):
    anna.act(whole, "anteckna", note="En lång rad.\n" * 100)
    answer = anna.get(f"/arende/{whole}/arende.pdf")
    assert answer.headers["Content-Disposition"].endswith(f'{whole}.pdf"')
    assert b"/MarkInfo<</Marked true" in answer.data
    sheets = words_in(answer.data)
    assert len(sheets) > 1
    assert all(whole in sheet for sheet in sheets)
    said = "".join("".join(sheets).split())
    assert [words for words in TOLD if "".join(words.split()) not in said] == []


def test_each_is_a_look_of_its_own(anna, whole, seen):
    anna.get(f"/arende/{whole}/skriv-ut")
    anna.get(f"/arende/{whole}/arende.pdf")
    looks = [row.what for row in seen.query(AccessLog).order_by(AccessLog.at)]
    assert looks[-2:] == ["print", "paper"]


def test_what_does_not_fit_is_refused_in_plain_words(anna, whole, monkeypatch):
    monkeypatch.setattr(printing, "MOST_CHARACTERS", 10)
    answer = anna.get(f"/arende/{whole}/arende.pdf")
    assert (answer.status_code, answer.mimetype) == (422, "text/html")
    assert "Ärendet är för stort för en PDF" in answer.text


def test_what_cannot_be_made_just_now_is_told(anna, whole, monkeypatch):
    def fail(_document):
        raise PaperFailed("x")

    monkeypatch.setattr(paper, "make_pdf", fail)
    answer = anna.get(f"/arende/{whole}/arende.pdf")
    assert answer.status_code == 503
    assert "kunde inte göras just nu" in answer.text


def test_who_is_protected_stands_on_no_paper(anna, brought):
    reference = brought(flags=["protected_identity"])
    shown = anna.get(f"/arende/{reference}/skriv-ut").text
    shown += "".join(words_in(anna.get(f"/arende/{reference}/arende.pdf").data))
    assert "Skyddat namn" in shown
    assert "Kim" not in shown
    assert "kim@example.com" not in shown


def test_a_reader_prints_the_page_and_takes_no_file_out(sit, bring):
    rut = sit("rut@example.se", ("syd-kontaktcenter", "reader"), ("syd-utredning", "reader"))
    reference = bring()
    page = rut.get(f"/arende/{reference}/skriv-ut")
    assert page.status_code == 200
    assert "arende.pdf" not in page.text
    assert rut.get(f"/arende/{reference}/arende.pdf").status_code == 403
