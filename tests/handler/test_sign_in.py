"""Sign-in: a session on the server, nothing told to strangers, nothing left open."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import update

from intake.access import passwords
from intake.models import Handler, HandlerSession
from tests import desk

NEW = "fyra olika ord här"


@pytest.fixture
def newcomer(handler_app, owner_app):
    email = "ny@example.se"
    return desk.Desk(
        handler_app, email, desk.hire(owner_app, email, *desk.seats("syd"), name="Eva Ny", is_new=True)
    )


@pytest.fixture
def stranger(handler_app):
    return desk.Desk(handler_app, "ingen@example.se", "fel lösenord helt")


def change(who, old, new, again=None):
    page = who.get("/konto")
    return who.post("/konto/losenord", page=page, old=old, new=new, again=again or new)


def test_nobody_gets_in_without_signing_in(handler_app):
    client = handler_app.test_client()
    for path in ("/", "/konto", "/hitta?nummer=x", "/arende/K7RX-3M9P"):
        answer = client.get(path)
        assert (answer.status_code, answer.location) == (303, "/logga-in")


def test_after_the_sign_in_one_comes_to_the_page_one_asked_for(newcomer, anna, bring):
    reference = bring()
    again = desk.Desk(anna.client.application, anna.email, anna.password)
    again.get(f"/arende/{reference}")
    assert again.sign_in().location == f"/arende/{reference}"


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(anna, stranger):
    wrong = desk.Desk(anna.client.application, anna.email, "fel lösenord helt").sign_in()
    unknown = stranger.sign_in()
    assert wrong.status_code == unknown.status_code == 422
    assert desk.text_of(wrong).replace(anna.email, "") == desk.text_of(unknown).replace(stranger.email, "")
    assert "stämmer inte" in desk.text_of(wrong)


def test_an_unknown_address_costs_the_same_work(stranger, monkeypatch):
    tried = []

    class Spy(PasswordHasher):
        def verify(self, stored, password):
            tried.append(stored)
            return super().verify(stored, password)

    monkeypatch.setattr(passwords, "_hasher", Spy())
    stranger.sign_in()
    assert len(tried) == 1


def test_the_password_is_never_shown_again(stranger):
    assert stranger.password not in stranger.sign_in().text


def test_too_many_tries_are_stopped_whether_the_address_is_known_or_not(anna, stranger, clock):
    wrong = desk.Desk(anna.client.application, anna.email, "fel lösenord helt")
    for who in (wrong, stranger):
        answers = [who.sign_in().status_code for _ in range(11)]
        assert answers[-1] == 429
        assert set(answers[:-2]) == {422}
    assert "för många försök" in desk.text_of(wrong.sign_in())
    clock.at += timedelta(minutes=16)
    assert wrong.sign_in(anna.password).status_code == 303


def test_one_network_cannot_go_through_many_addresses(handler_app):
    answers = [desk.Desk(handler_app, f"{n}@example.se", "x").sign_in().status_code for n in range(61)]
    assert answers[-1] == 429


def test_a_cookie_from_before_the_sign_out_opens_nothing(anna):
    cookie = anna.client.get_cookie("intake_handler").value
    assert anna.post("/logga-ut").location == "/logga-in"
    thief = anna.client.application.test_client()
    thief.set_cookie("intake_handler", cookie)
    assert thief.get("/").location == "/logga-in"


def test_a_new_sign_in_has_a_new_token_and_ends_the_old_one(anna, seen):
    before = anna.client.get_cookie("intake_handler").value
    anna.client.get("/logga-ut")
    page = anna.get("/konto")
    words = {"email": anna.email, "password": anna.password, "csrf_token": desk.token_in(page)}
    anna.client.post("/logga-in", data=words)
    thief = anna.client.application.test_client()
    thief.set_cookie("intake_handler", before)
    assert thief.get("/").location == "/logga-in"
    assert anna.get("/").status_code == 200


def test_a_session_ends_after_half_an_hour_without_a_request(anna, clock):
    clock.at += timedelta(minutes=29)
    assert anna.get("/").status_code == 200
    clock.at += timedelta(minutes=29)
    assert anna.get("/").status_code == 200
    clock.at += timedelta(minutes=31)
    assert anna.get("/").status_code == 303


def test_a_session_ends_after_ten_hours_whatever_one_does(anna, clock):
    for _ in range(24):
        clock.at += timedelta(minutes=25)
        last = anna.get("/").status_code
    assert last == 303


def test_the_last_request_is_written_at_most_once_a_minute(anna, seen, clock):
    first = seen.query(HandlerSession.seen_at).scalar()
    clock.at += timedelta(seconds=30)
    anna.get("/")
    seen.rollback()
    assert seen.query(HandlerSession.seen_at).scalar() == first
    clock.at += timedelta(seconds=40)
    anna.get("/")
    seen.rollback()
    assert seen.query(HandlerSession.seen_at).scalar() > first


def test_a_disabled_handler_is_out_at_once(anna, seen, clock):
    seen.execute(update(Handler).values(disabled_at=clock()))
    seen.commit()
    assert anna.get("/").status_code == 303
    assert anna.sign_in().status_code == 422


def test_a_first_password_must_be_changed_before_anything_else(newcomer):
    newcomer.sign_in()
    assert newcomer.get("/").location == "/konto"
    assert "Välj ett eget lösenord" in newcomer.get("/konto").text
    assert change(newcomer, newcomer.password, NEW).status_code == 303
    assert newcomer.get("/").status_code == 200


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("kort", "minst 12 tecken"),
        ("Lösenord1234!", "lätt att gissa"),
        ("aaaaaaaaaaaaaaaa", "lätt att gissa"),
        ("hejsanhejsan", "lätt att gissa"),
        ("ny@example.se är jag", "ditt namn"),
        ("exempelmyndigheten är bra", "eller är vårt"),
    ],
)
def test_a_password_that_is_easy_to_guess_is_refused(newcomer, new, words):
    newcomer.sign_in()
    answer = change(newcomer, newcomer.password, new)
    assert answer.status_code == 422
    assert words in desk.text_of(answer)


def test_the_same_password_or_a_wrong_old_one_is_refused(newcomer):
    newcomer.sign_in()
    assert "samma som det gamla" in desk.text_of(change(newcomer, newcomer.password, newcomer.password))
    assert "nuvarande lösenordet stämmer inte" in desk.text_of(change(newcomer, "något annat", NEW))
    assert "inte lika" in desk.text_of(change(newcomer, newcomer.password, NEW, "ett helt annat här"))


def test_a_first_password_that_is_too_old_opens_nothing(newcomer, clock):
    clock.at += timedelta(days=15)
    answer = newcomer.sign_in()
    assert answer.status_code == 422
    assert "har gått ut" in desk.text_of(answer)


def test_a_new_password_ends_the_other_sessions(anna):
    other = desk.Desk(anna.client.application, anna.email, anna.password)
    other.sign_in()
    change(anna, anna.password, NEW)
    assert other.get("/").status_code == 303
    assert anna.get("/").status_code == 200


def test_one_sees_and_ends_ones_own_sessions_only(anna, sit, seen):
    other = desk.Desk(anna.client.application, anna.email, anna.password)
    other.sign_in()
    stranger = sit("bo@example.se", *desk.seats("nord"), name="Bo Ek")
    page = anna.get("/konto")
    assert page.text.count("Inloggad 22 november") == 2
    for row in seen.query(HandlerSession).order_by(HandlerSession.created_at).all()[1:]:
        anna.post(f"/konto/inloggningar/{row.id}/avsluta", page=page)
    assert other.get("/").status_code == 303
    assert stranger.get("/").status_code == 200


def test_the_cookie_is_for_the_server_alone(anna):
    cookie = anna.client.get_cookie("intake_handler")
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    assert len(cookie.value) < 4096


def test_sign_ins_are_logged_without_address_or_password(anna, stranger, caplog):
    caplog.set_level(logging.INFO, "intake.security")
    stranger.sign_in()
    desk.Desk(anna.client.application, anna.email, anna.password).sign_in()
    words = caplog.text
    assert "outcome=wrong" in words
    assert "outcome=ok" in words
    assert stranger.email not in words
    assert stranger.password not in words
    assert anna.email not in words


def test_a_page_too_old_asks_for_one_more_press(stranger):
    answer = stranger.client.post("/logga-in", data={"email": "a@example.se", "password": "b"})
    assert answer.status_code == 422
    assert "för gammal" in answer.text
