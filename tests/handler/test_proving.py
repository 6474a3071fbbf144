"""What is sensitive asks once more who it is: nothing is lost, and one comes back to it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests import desk


@pytest.fixture
def later(anna, clock):
    """Anna, a quarter of an hour after she signed in."""
    clock.at += timedelta(minutes=15)
    return anna


def test_a_sensitive_page_asks_who_it_is_and_leads_back(later, bring):
    path = f"/arende/{bring()}/exportera"
    assert later.get(path).location == "/bekrafta"
    assert "Bekräfta att det är du" in later.get("/bekrafta").text
    assert later.prove().location == path
    assert later.get(path).status_code == 200


def test_right_after_the_sign_in_nobody_is_asked(anna, bring, clock):
    path = f"/arende/{bring()}/exportera"
    clock.at += timedelta(minutes=9)
    assert anna.get(path).status_code == 200


def test_a_sensitive_post_shows_what_was_written_and_leads_back_to_its_page(anna, bring, clock):
    page = anna.get(path := f"/arende/{bring()}/exportera")
    clock.at += timedelta(minutes=15)
    answer = anna.post(path, page=page, reason="Till åklagaren, med brev.")
    assert answer.status_code == 403
    assert "Till åklagaren, med brev." in answer.text
    assert 'href="/bekrafta"' in answer.text
    assert anna.prove().location == path
    assert anna.post(path, page=page, reason="Till åklagaren, med brev.").status_code == 200


@pytest.mark.parametrize("path", ["/konto/app", "/konto/koder"])
def test_changing_the_second_factor_is_sensitive(later, path):
    assert later.get(path).location == "/bekrafta"
    assert later.post(path, page=later.get("/konto")).status_code == 403


def test_a_proof_is_password_and_code_and_told_as_one(later):
    for wrong in ({"password": "fel lösenord helt"}, {"code": "000000"}):
        answer = later.prove(**wrong)
        assert answer.status_code == 422
        assert "Lösenordet eller koden stämmer inte" in desk.text_of(answer)
        assert "000000" not in answer.text
    assert later.get("/konto/app").location == "/bekrafta"
    assert later.prove().location == "/konto/app"


def test_a_proof_gets_few_tries(later, clock):
    answers = [later.prove(password="fel lösenord helt").status_code for _ in range(12)]
    assert answers == [422] * 10 + [429] * 2
    clock.at += timedelta(minutes=16)
    assert later.prove().status_code == 303


def test_a_code_that_signed_in_proves_nothing_more(anna, clock):
    code = desk.next_code(anna.client.application)
    assert anna.prove(code=code).status_code == 303
    assert anna.prove(code=code).status_code == 422


def test_a_proof_gives_a_new_secret_and_leaves_open_pages_good(later, bring):
    page = later.page(reference := bring())
    before = later.client.get_cookie("intake_handler").value
    later.prove()
    thief = later.client.application.test_client()
    thief.set_cookie("intake_handler", before)
    assert thief.get("/").location == "/logga-in"
    assert later.act(reference, "anteckna", page=page, note="Ringde.").status_code == 303


def test_a_proof_does_not_make_the_session_last_longer(anna, clock):
    for _ in range(23):
        clock.at += timedelta(minutes=25)
        anna.prove()
    assert anna.get("/").status_code == 200
    clock.at += timedelta(minutes=25)
    assert anna.get("/").location == "/logga-in"
