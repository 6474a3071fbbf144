"""Sign-in: a session on the server, nothing told to strangers, nothing left open."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from argon2 import PasswordHasher
from sqlalchemy import delete, text, update

from intake.access import passwords, sessions
from intake.handler import gate
from intake.models import Handler, HandlerSession, Membership
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
    words = {"old_password": old, "new_password": new, "same_password": again or new}
    return who.post("/konto/losenord", page=page, **words)


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


def test_whether_an_address_is_known_costs_the_same_work(anna, sit, stranger, seen, clock, monkeypatch):
    disabled = sit("bo@example.se", *desk.seats("nord"), name="Bo Ek")
    seen.execute(update(Handler).where(Handler.email == disabled.email).values(disabled_at=clock()))
    seen.commit()
    known = desk.Desk(anna.client.application, anna.email, "fel lösenord helt")
    stranger.sign_in()  # Makes what an unknown address is compared with.
    tried = []

    class Spy(PasswordHasher):
        def verify(self, stored, password):
            tried.append(stored)
            return super().verify(stored, password)

    monkeypatch.setattr(passwords, "_hasher", Spy())
    for who in (stranger, known, disabled):
        tried.clear()
        assert who.sign_in().status_code == 422
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


def test_many_tries_at_once_are_counted_before_they_are_made(anna, monkeypatch):
    verified = []

    class Spy(PasswordHasher):
        def verify(self, stored, password):
            verified.append(stored)
            return super().verify(stored, password)

    monkeypatch.setattr(passwords, "_hasher", Spy())
    doors = [desk.Desk(anna.client.application, anna.email, "fel lösenord helt") for _ in range(30)]
    ready = Barrier(len(doors))

    def try_once(who):
        ready.wait()
        return who.sign_in().status_code

    with ThreadPoolExecutor(len(doors)) as all_at_once:
        answers = list(all_at_once.map(try_once, doors))
    assert 0 < len(verified) <= sessions.TRIES_BY_ADDRESS_AND_NETWORK
    assert answers.count(422) == len(verified)
    assert answers.count(429) == len(answers) - len(verified)


def test_right_passwords_count_for_nothing(anna):
    for _ in range(sessions.TRIES_BY_ADDRESS_AND_NETWORK + 1):
        other = desk.Desk(anna.client.application, anna.email, anna.password)
        assert other.show_password().status_code == 303


def test_one_address_is_tried_so_often_even_from_everywhere(anna, clock, monkeypatch):
    networks = [f"192.0.2.{n}" for n in range(sessions.TRIES_BY_ADDRESS)]
    with anna.client.application.app_context():
        with monkeypatch.context() as wrong:
            wrong.setattr(passwords, "matches", lambda *_given: False)
            for network in networks:
                with pytest.raises(sessions.SignInRefused, match="stämmer inte"):
                    sessions.sign_in(anna.email, "fel", network, "")
        with pytest.raises(sessions.TooManyTries):
            sessions.sign_in(anna.email, anna.password, "198.51.100.1", "")
        clock.at += sessions.WINDOW
        assert sessions.sign_in(anna.email, anna.password, "198.51.100.1", "")


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
    page = anna.get("/konto")
    words = {"email": anna.email, "password": anna.password, "csrf_token": desk.token_in(page)}
    anna.client.post("/logga-in", data=words)
    anna.give_code()
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
    assert newcomer.get("/konto/app").location == "/konto"
    assert newcomer.post("/konto/app", page=newcomer.get("/konto"), code="123456").location == "/konto/app"
    assert "Välj ett eget lösenord" in newcomer.get("/konto").text
    assert change(newcomer, newcomer.password, NEW).location == "/konto/app"
    assert newcomer.get("/").location == "/konto/app"
    assert newcomer.get("/konto").location == "/konto/app"


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("kort", "minst 12 tecken"),
        ("Lösenord1234!", "lätt att gissa"),
        ("aaaaaaaaaaaaaaaa", "lätt att gissa"),
        ("hejsanhejsan", "lätt att gissa"),
        ("ny@example.se gurka traktor månsken", "ditt namn"),
        ("exempelmyndigheten gurka traktor månsken", "eller är vårt"),
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
    assert page.text.count(", inloggad 22 november") == 2
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
    assert "outcome=code" in words
    assert "outcome=ok" in words
    assert anna.password not in words
    assert anna.secret() not in words
    assert desk.SECRET not in words
    assert stranger.email not in words
    assert stranger.password not in words
    assert anna.email not in words


def test_a_page_too_old_asks_for_one_more_press(stranger):
    answer = stranger.client.post("/logga-in", data={"email": "a@example.se", "password": "b"})
    assert answer.status_code == 422
    assert "för gammal" in answer.text


@pytest.fixture
def halfway(anna):
    """Anna in another browser, where her password was right and her code is owed."""
    made = desk.Desk(anna.client.application, anna.email, anna.password)
    made.show_password()
    return made


def opened_by(database, secret):
    """Return what the database opens to the pages' own role while this secret is shown."""
    with database.prompt("handler").begin() as connection:
        connection.execute(text("SELECT set_config('app.session', :secret, true)"), {"secret": secret})
        asked = "SELECT session_units(), session_handler(), (SELECT count(*) > 0 FROM handler)"
        return tuple(connection.execute(text(asked)).one())


def test_until_the_sign_in_is_whole_the_database_opens_nothing(anna, halfway, newcomer, database):
    newcomer.sign_in()
    assert opened_by(database, halfway.secret()) == ([], None, False)
    assert opened_by(database, newcomer.secret()) == ([], None, False)
    assert opened_by(database, anna.secret())[2]


@pytest.mark.parametrize(("stage", "owed"), [("code", "/logga-in/kod"), ("account", "/konto")])
def test_until_the_sign_in_is_whole_every_page_leads_to_what_is_owed(halfway, newcomer, stage, owed):
    newcomer.sign_in()
    who = halfway if stage == "code" else newcomer
    for rule, path in desk.addresses(who.client.application):
        if rule.endpoint in gate.PUBLIC or rule.endpoint in gate.STAGES[stage]:
            continue
        for method in rule.methods - {"OPTIONS", "HEAD"}:
            answer = who.client.open(path, method=method)
            assert (answer.status_code, answer.location) == (303, owed), rule


def test_a_secret_from_the_stage_before_is_worthless(halfway, database):
    before = halfway.client.get_cookie("intake_handler").value
    secret = halfway.secret()
    assert halfway.give_code().location == "/"
    thief = halfway.client.application.test_client()
    thief.set_cookie("intake_handler", before)
    assert thief.get("/").location == "/logga-in"
    assert opened_by(database, secret) == ([], None, False)


def test_a_cookie_that_was_planted_before_the_sign_in_is_worthless(anna):
    browser = anna.client.application.test_client()
    browser.get("/konto")
    planted = browser.get_cookie("intake_handler").value
    victim = desk.Desk(anna.client.application, anna.email, anna.password)
    victim.client.set_cookie("intake_handler", planted)
    assert victim.sign_in().status_code == 303
    assert browser.get("/").location == "/logga-in"


def test_of_codes_there_are_few_tries_even_from_new_sign_ins(anna, clock):
    answers = []
    for _ in range(4):
        who = desk.Desk(anna.client.application, anna.email, anna.password)
        who.show_password()
        answers += [who.give_code("000000").status_code for _ in range(3)]
    # The one that signed Anna in counts too.
    assert answers == [422] * 9 + [429] * 3
    assert who.give_code().status_code == 429
    clock.at += timedelta(minutes=16)
    assert who.give_code().status_code == 303


def test_a_wrong_code_is_told_plainly_and_not_shown_again(halfway):
    answer = halfway.give_code("000000")
    assert answer.status_code == 422
    assert "Koden stämmer inte" in desk.text_of(answer)
    assert "000000" not in answer.text


def test_a_role_that_is_taken_away_is_gone_from_the_next_page(anna, bring, seen):
    reference = bring()
    assert anna.page(reference).status_code == 200
    seen.execute(delete(Membership))
    seen.commit()
    assert anna.page(reference).status_code == 404
    assert reference not in anna.get("/").text


def test_what_was_written_is_shown_when_another_tab_has_signed_out(anna, bring):
    page = anna.page(reference := bring())
    anna.post("/logga-ut")
    answer = anna.act(reference, "anteckna", page=page, note="Ringde, inget svar.")
    assert answer.status_code == 403
    assert "Ringde, inget svar." in answer.text
    assert "/logga-in" in answer.text


def test_what_was_written_is_kept_when_somebody_else_has_signed_in_meanwhile(anna, owner_app, bring):
    page = anna.page(reference := bring())
    anna.post("/logga-ut")
    bo = desk.Desk(anna.client.application, "bo@example.se", "")
    bo.password = desk.hire(owner_app, bo.email, *desk.seats("syd"), name="Bo Ek")
    bo.client = anna.client
    assert bo.sign_in().location == "/"
    answer = anna.act(reference, "anteckna", page=page, note="Ringde, inget svar.")
    assert answer.status_code == 422
    assert "för gammal" in answer.text
    assert "Ringde, inget svar." in answer.text
    assert "Ringde" not in bo.page(reference).text


def test_a_picture_that_is_turned_away_is_not_where_one_comes_after_the_sign_in(anna):
    again = desk.Desk(anna.client.application, anna.email, anna.password)
    again.get("/konto")
    again.get("/konto/app.png", headers={"Sec-Fetch-Dest": "image"})
    assert again.sign_in().location == "/konto"


def test_all_other_sign_ins_end_at_once(anna):
    others = [desk.Desk(anna.client.application, anna.email, anna.password) for _ in range(2)]
    assert [other.sign_in().location for other in others] == ["/", "/"]
    page = anna.get("/konto")
    assert anna.post("/konto/inloggningar/avsluta-andra", page=page).location == "/konto"
    assert [other.get("/").status_code for other in others] == [303, 303]
    assert "Avsluta alla andra" not in anna.get("/konto").text


def test_a_sign_in_is_told_by_its_browser(anna):
    windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
    anna.client.environ_base["HTTP_USER_AGENT"] = windows
    anna.post("/logga-ut")
    anna.sign_in()
    assert "Firefox på Windows, inloggad" in desk.text_of(anna.get("/konto"))
