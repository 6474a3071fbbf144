"""The receipt as a PDF: without the status code unless that is asked for, and not for all at once."""

from __future__ import annotations

import hashlib

import pytest

from intake.citizen import receipt as receipt_module
from intake.errors import PaperFailed
from tests.citizen.person import words
from tests.citizen.sender import THEFT, VIOLENCE, Sender
from tests.project import pages


@pytest.fixture
def sender(make_app):
    return Sender(make_app("citizen"))


@pytest.fixture
def printed(monkeypatch):
    """Everything that is given to be printed."""
    given = []

    def make_pdf(paper):
        given.append(paper)
        return b"%PDF-1.7 " + paper.heading.encode() + b"\n%%EOF"

    monkeypatch.setattr("intake.paper.make_pdf", make_pdf)
    return given


def test_it_is_a_real_pdf_under_a_neutral_name(sender):
    accepted = sender.send((b"hej", "brev.txt"), **VIOLENCE)
    answer = sender.page("/kvitto.pdf")
    assert answer.status_code == 200
    assert answer.data.startswith(b"%PDF-")
    assert answer.mimetype == "application/pdf"
    named = f'attachment; filename="kvitto-{accepted.reference}.pdf"'
    assert answer.headers["Content-Disposition"] == named
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert answer.headers["Cache-Control"] == "no-store"


def test_it_says_what_the_page_says_but_for_the_code(sender, printed):
    accepted = sender.send((b"innehall", "brev.txt"), here_bytes=62, **VIOLENCE)
    sender.page("/kvitto.pdf")
    whole = repr(printed[0])
    said = sender.says()
    assert accepted.reference in whole
    assert "22 november 2026 kl. 16.05" in whole
    assert hashlib.sha256(b"innehall").hexdigest() in whole
    assert "film.mp4: 62 % har kommit" in whole
    assert "020-50 50 50" in whole
    assert accepted.status_code not in whole
    for section in printed[0].sections:
        if section.heading == "Vad händer nu?":
            assert all(item in said for item in section.items)


def test_the_code_is_on_it_when_that_is_asked_for(sender, printed):
    accepted = sender.send(**THEFT)
    answer = sender.ask_with_code()
    assert answer.data.startswith(b"%PDF-")
    assert ("Statuskod", accepted.status_code) in printed[0].lines


def test_a_stale_page_shows_the_receipt_again(sender, printed):
    sender.send(**THEFT)
    answer = sender.client.post("/kvitto", data={"csrf_token": "gammal"})
    assert answer.status_code == 422
    assert "Ditt ärende har kommit fram" in answer.text
    assert printed == []


def test_the_same_paper_is_made_once_and_one_with_the_code_is_never_kept(sender, printed):
    accepted = sender.send(**THEFT)
    assert sender.page("/kvitto.pdf").data == sender.page("/kvitto.pdf").data
    assert len(printed) == 1
    sender.ask_with_code()
    sender.ask_with_code()
    assert len(printed) == 3
    assert accepted.status_code not in repr(list(sender.app.extensions["papers"]._kept))


@pytest.mark.usefixtures("printed")
def test_only_the_last_few_are_kept(sender, monkeypatch):
    monkeypatch.setattr(receipt_module, "KEPT_PAPERS", 2)
    for _ in range(4):
        sender.send(**THEFT)
        sender.page("/kvitto.pdf")
    assert len(sender.app.extensions["papers"]._kept) == 2


def test_a_paper_that_fails_sends_the_person_to_the_page(sender, monkeypatch):
    def fail(_paper):
        raise PaperFailed("trasigt")

    monkeypatch.setattr("intake.paper.make_pdf", fail)
    sender.send(**THEFT)
    answer = sender.page("/kvitto.pdf")
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert "Skriv ut sidan i stället" in words(answer.text)
    assert 'href="/kvitto"' in answer.text
    assert pages.faults(answer.text) == []


def test_no_more_than_a_few_are_made_at_once(sender, monkeypatch):
    sender.send(**THEFT)
    at_once = []

    def make_pdf(_paper):
        at_once.append(len(at_once) + 1)
        inner = sender.ask_with_code()
        at_once.append(inner.status_code)
        return b"%PDF-"

    monkeypatch.setattr(receipt_module, "PAPERS_AT_ONCE", 1)
    monkeypatch.setattr("intake.paper.make_pdf", make_pdf)
    assert sender.ask_with_code().status_code == 200
    assert at_once == [1, 503]
    assert sender.app.extensions["papers"].slots.acquire(blocking=False)


@pytest.mark.usefixtures("printed")
def test_one_network_cannot_have_papers_made_without_end(sender, monkeypatch):
    monkeypatch.setattr(receipt_module, "PAPERS_PER_HOUR", 2)
    sender.send(**THEFT)
    assert [sender.ask_with_code().status_code for _ in range(3)] == [200, 200, 503]


def test_a_language_that_cannot_be_printed_is_printed_in_swedish(sender, printed, monkeypatch):
    monkeypatch.setattr("intake.paper.can_print", lambda code: code == "sv")
    sender.send(**THEFT)
    assert sender.page("/en/kvitto.pdf").status_code == 200
    assert printed[0].language == "sv"
    assert printed[0].heading == "Ditt ärende har kommit fram"


def test_it_is_in_the_language_of_the_page(sender, printed):
    sender.send(**THEFT)
    sender.page("/en/kvitto.pdf")
    assert printed[0].language == "en"
    assert any("/en/folj" in line for section in printed[0].sections for line in section.paragraphs)
