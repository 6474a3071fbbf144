"""The second factor: an app gets its key, codes do once, and what was saved helps when the phone is gone."""

from __future__ import annotations

import io
import logging
import re
from datetime import timedelta

import pyotp
import pytest
from PIL import Image
from sqlalchemy import select, update

from intake import access
from intake.access import factors, sessions
from intake.models import Handler, HandlerSession, RecoveryCode
from tests import desk, meanwhile

NEW = "fyra olika ord här"


def key_on(page):
    shown = re.search(r'class="key"><code>(.*?)</code>', page.text)[1]
    return "".join(re.findall(r"<span>(\w{4})</span>", shown))


def codes_on(page):
    return re.findall(r"<li><code>([^<]+)</code>", page.text)


def first_code(who, key):
    clock = who.client.application.extensions["clock"]
    clock.at += timedelta(seconds=30)
    return pyotp.TOTP(key).at(clock())


def enrol(who):
    """Connect an app; return what is answered, and the app's key."""
    page = who.get("/konto/app")
    key = key_on(page)
    return who.post("/konto/app", page=page, code=first_code(who, key)), key


@pytest.fixture
def newcomer(handler_app, owner_app):
    """Somebody who has just chosen a password of her own."""
    email = "ny@example.se"
    password = desk.hire(owner_app, email, *desk.seats("syd"), name="Eva Ny", is_new=True)
    made = desk.Desk(handler_app, email, password)
    made.sign_in()
    words = {"old_password": password, "new_password": NEW, "same_password": NEW}
    made.post("/konto/losenord", page=made.get("/konto"), **words)
    made.password = NEW
    return made


@pytest.fixture
def halfway(anna):
    """Two browsers in which Anna's password was right and her code is owed."""
    made = [desk.Desk(anna.client.application, anna.email, anna.password) for _ in range(2)]
    assert [each.show_password().location for each in made] == ["/logga-in/kod"] * 2
    return made


def test_a_new_account_opens_with_an_app_and_ten_codes_told_once(newcomer):
    answer, key = enrol(newcomer)
    codes = codes_on(answer)
    assert len(set(codes)) == 10
    assert "visas bara nu" in answer.text
    assert newcomer.get("/").status_code == 200
    later = newcomer.get("/konto").text + newcomer.get("/konto/app").text
    assert not any(code in later for code in (*codes, key))
    assert "10 reservkoder kvar" in later


def test_after_the_first_sign_in_one_comes_to_the_page_one_asked_for(handler_app, owner_app, bring):
    password = desk.hire(owner_app, "ny@example.se", *desk.seats("syd"), name="Eva Ny", is_new=True)
    new = desk.Desk(handler_app, "ny@example.se", password)
    reference = bring()
    new.get(f"/arende/{reference}")
    new.sign_in()
    words = {"old_password": password, "new_password": NEW, "same_password": NEW}
    new.post("/konto/losenord", page=new.get("/konto"), **words)
    answer, _key = enrol(new)
    assert f'class="button" href="/arende/{reference}">Jag har sparat koderna' in answer.text


def test_the_app_that_was_connected_signs_in_from_then_on(newcomer, clock):
    _answer, key = enrol(newcomer)
    again = desk.Desk(newcomer.client.application, newcomer.email, NEW)
    assert again.show_password().location == "/logga-in/kod"
    assert again.give_code(pyotp.TOTP(key).at(clock())).status_code == 422
    assert again.give_code(first_code(again, key)).location == "/"


def test_a_wrong_first_code_connects_nothing_and_keeps_the_key(newcomer, seen):
    page = newcomer.get("/konto/app")
    answer = newcomer.post("/konto/app", page=page, code="000000")
    assert answer.status_code == 422
    assert "Koden stämmer inte" in desk.text_of(answer)
    assert key_on(answer) == key_on(page) == key_on(newcomer.get("/konto/app"))
    assert seen.scalar(select(Handler.totp_secret)) is None


def test_the_key_is_drawn_for_who_is_being_asked_and_for_nobody_else(newcomer, anna):
    newcomer.get("/konto/app")
    picture = newcomer.get("/konto/app.png")
    assert picture.headers["Cache-Control"] == "no-store"
    assert Image.open(io.BytesIO(picture.data)).format == "PNG"
    assert anna.get("/konto/app.png").status_code == 404
    assert newcomer.client.application.test_client().get("/konto/app.png").status_code == 303


def test_nobody_reads_the_key_in_the_cookie(newcomer):
    key = key_on(newcomer.get("/konto/app"))
    with newcomer.client.session_transaction() as kept:
        assert key not in str(dict(kept))


def test_the_key_lies_sealed_and_the_codes_hashed(newcomer, seen):
    answer, key = enrol(newcomer)
    stored = seen.scalars(select(RecoveryCode.code_hash)).all()
    assert key not in seen.scalar(select(Handler.totp_secret))
    assert len(stored) == 10
    assert not set(codes_on(answer)) & set(stored)


def test_a_code_does_once(halfway):
    first, second = halfway
    code = desk.next_code(first.client.application)
    assert first.give_code(code).location == "/"
    assert second.give_code(code).status_code == 422
    assert second.give_code().location == "/"


def test_of_two_who_show_the_same_code_at_once_one_gets_in(halfway, database, monkeypatch):
    first, second = halfway
    code, answers = desk.next_code(first.client.application), []

    def steal():
        answers.append(second.give_code(code))

    waits = meanwhile.begin_before(monkeypatch, database.urls["owner"], factors, "is_right", steal)
    answers.append(first.give_code(code))
    waits()
    assert sorted(answer.status_code for answer in answers) == [303, 422]


def test_the_code_of_the_step_before_is_taken_and_an_older_one_is_not(halfway, clock):
    first, second = halfway
    clock.at += timedelta(minutes=5)
    app = pyotp.TOTP(desk.SECRET)
    assert first.give_code(app.at(clock.at - timedelta(seconds=61))).status_code == 422
    assert first.give_code(app.at(clock.at - timedelta(seconds=30))).location == "/"
    assert second.give_code(app.at(clock.at - timedelta(seconds=30))).status_code == 422


def test_a_saved_code_does_once_however_it_is_typed(newcomer):
    answer, _key = enrol(newcomer)
    code = codes_on(answer)[3]
    for typed, status in ((code.lower().replace("-", " "), 303), (code, 422)):
        lost = desk.Desk(newcomer.client.application, newcomer.email, NEW)
        lost.show_password()
        assert lost.give_code(typed).status_code == status
    assert "9 reservkoder kvar" in newcomer.get("/konto").text


@pytest.fixture
def guessed(newcomer, clock):
    """Somebody with her codes, on a day when a stranger who has her password has used up its wrong ones."""
    answer, newcomer.key = enrol(newcomer)
    newcomer.codes = codes_on(answer)
    clock.at = clock.at.replace(hour=0, minute=5) + timedelta(days=1)
    stranger = desk.Desk(newcomer.client.application, newcomer.email, NEW)
    for _ in range(sessions.CODES_A_DAY // sessions.TRIES_OF_CODES):
        stranger.show_password()
        assert {stranger.give_code("000000").status_code for _ in range(sessions.TRIES_OF_CODES)} == {422}
        clock.at += sessions.WINDOW
    return newcomer


def test_on_a_day_of_guessing_a_saved_code_lets_its_owner_in(guessed, clock):
    owner = desk.Desk(guessed.client.application, guessed.email, NEW)
    owner.show_password()
    answer = owner.give_code(first_code(owner, guessed.key))
    assert (answer.status_code, "reservkod" in desk.text_of(answer)) == (429, True)
    assert owner.give_code(guessed.codes[0]).status_code == 303


def test_and_the_next_day_the_app_does(guessed, clock):
    clock.at += timedelta(days=1)
    owner = desk.Desk(guessed.client.application, guessed.email, NEW)
    owner.show_password()
    assert owner.give_code(first_code(owner, guessed.key)).status_code == 303


def test_right_codes_count_nothing_towards_the_day(anna, clock, monkeypatch):
    monkeypatch.setattr(sessions, "CODES_A_DAY", 3)
    clock.at = clock.at.replace(hour=0, minute=5) + timedelta(days=1)
    for _ in range(5):
        again = desk.Desk(anna.client.application, anna.email, anna.password)
        assert again.sign_in().location == "/"


def test_new_saved_codes_make_the_old_ones_worthless(newcomer):
    old = codes_on(enrol(newcomer)[0])
    page = newcomer.get("/konto/koder")
    new = codes_on(newcomer.post("/konto/koder", page=page))
    assert not set(old) & set(new)
    lost = desk.Desk(newcomer.client.application, newcomer.email, NEW)
    lost.show_password()
    assert lost.give_code(old[0]).status_code == 422
    assert lost.give_code(new[0]).status_code == 303


def test_another_app_takes_the_place_of_the_one_before_and_ends_other_sign_ins(anna, halfway):
    other = halfway[0]
    other.give_code()
    before = anna.client.get_cookie("intake_handler").value
    answer, key = enrol(anna)
    assert len(codes_on(answer)) == 10
    assert anna.get("/").status_code == 200
    assert other.get("/").location == "/logga-in"
    thief = anna.client.application.test_client()
    thief.set_cookie("intake_handler", before)
    assert thief.get("/").location == "/logga-in"
    halfway[1].show_password()
    assert halfway[1].give_code().status_code == 422
    assert halfway[1].give_code(first_code(anna, key)).location == "/"


def test_who_was_slower_with_the_password_alone_connects_nothing(newcomer):
    slower = desk.Desk(newcomer.client.application, newcomer.email, NEW)
    assert slower.show_password().location == "/konto/app"
    page = slower.get("/konto/app")
    enrol(newcomer)
    assert slower.post("/konto/app", page=page, code=first_code(slower, key_on(page))).status_code == 403
    assert newcomer.get("/").status_code == 200


def test_an_app_that_is_there_is_not_replaced_by_the_password_alone(newcomer, seen):
    page = newcomer.get("/konto/app")
    seen.execute(update(Handler).values(totp_secret="of another browser"))
    seen.commit()
    answer = newcomer.post("/konto/app", page=page, code=first_code(newcomer, key_on(page)))
    assert answer.status_code == 422
    assert "har redan en app" in desk.text_of(answer)
    assert seen.scalar(select(Handler.totp_secret)) == "of another browser"


def test_a_renewed_password_asks_for_the_app_that_is_there(anna, owner_app):
    with owner_app.app_context():
        anna.password = access.renew_password(anna.email, by="test")
    assert anna.get("/").location == "/logga-in"
    assert anna.show_password().location == "/logga-in/kod"
    assert anna.give_code().location == "/konto"
    words = {"old_password": anna.password, "new_password": NEW, "same_password": NEW}
    assert anna.post("/konto/losenord", page=anna.get("/konto"), **words).location == "/"
    assert anna.get("/").status_code == 200


def test_neither_keys_nor_codes_come_into_a_log(newcomer, caplog):
    caplog.set_level(logging.DEBUG)
    answer, key = enrol(newcomer)
    lost = desk.Desk(newcomer.client.application, newcomer.email, NEW)
    lost.show_password()
    lost.give_code(codes_on(answer)[0])
    assert "recovery_code_used" in caplog.text
    secrets = (key, NEW, lost.secret(), newcomer.secret(), *codes_on(answer))
    assert not any(secret in caplog.text for secret in secrets)


def test_a_sign_in_that_waits_too_long_for_its_code_is_begun_anew(halfway, clock, seen):
    clock.at += timedelta(minutes=31)
    assert halfway[0].client.get("/logga-in/kod").location == "/logga-in"
    ended = seen.scalars(select(HandlerSession.ended_at).where(HandlerSession.stage == "code")).all()
    assert sum(at is not None for at in ended) == 1
