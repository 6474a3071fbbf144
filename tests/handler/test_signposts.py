"""Signposts: whoever is let out, refused or sent elsewhere is told why, and where to go on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.desk import text_of

ENDED = "Inloggningen har gått ut eller avslutats. Logga in igen."


def test_who_signs_out_is_told_so_once(anna):
    anna.post("/logga-ut")
    assert "Du är utloggad." in text_of(anna.get("/logga-in"))
    assert "Du är utloggad." not in text_of(anna.get("/logga-in"))


def test_who_was_let_out_is_told_so_once(anna, clock):
    clock.at += timedelta(minutes=31)
    assert anna.get("/konto").location == "/logga-in"
    assert ENDED in text_of(anna.get("/logga-in"))
    anna.get("/konto")
    assert ENDED not in text_of(anna.get("/logga-in"))


def test_who_never_was_in_is_not_told_of_an_end(handler_app):
    visitor = handler_app.test_client()
    assert ENDED not in text_of(visitor.get("/", follow_redirects=True))


def test_who_may_read_but_not_act_finds_the_way_back_to_the_matter(sit, bring):
    reference = bring()
    rut = sit("rut@example.se", ("syd-inkorg", "reader"), ("syd-kontaktcenter", "reader"))
    page = rut.get(f"/arende/{reference}/exportera")
    assert page.status_code == 403
    assert f'href="/arende/{reference}"' in page.text


def test_a_confirmation_that_is_not_overdue_does_not_say_that_it_is(anna):
    page = text_of(anna.get("/bekrafta"))
    assert "För det du vill göra behöver du bekräfta vem du är." in page
    assert "tio minuter" not in page


@pytest.mark.parametrize(("role", "path"), [("auditor", "/granskning"), ("operator", "/postrum")])
def test_who_sees_no_matters_lands_on_the_page_of_the_role_without_a_search(sit, role, path):
    person = sit("gun@example.se", ("nationell-inkorg", role))
    assert person.get("/").location == path
    page = person.get(path)
    assert page.status_code == 200
    assert 'id="sok"' not in page.text
    assert "Mina ärenden" not in page.text


def test_who_sees_matters_too_lands_on_the_inbox(sit):
    both = sit("gun@example.se", ("nationell-inkorg", "auditor"), ("nationell-inkorg", "reader"))
    page = both.get("/")
    assert page.status_code == 200
    assert 'id="sok"' in page.text
