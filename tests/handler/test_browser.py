"""The handlers' pages in a real browser: axe finds nothing, nothing scrolls sideways, keys suffice."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pyotp
import pytest

from tests import desk, letters_home
from tests.browsers import Looker, opened, serving
from tests.handler import mail

pytestmark = pytest.mark.browser

EVIL = "<b>Min cykel</b> stals, se http://fara.example/\n\n" + "x" * 300


@pytest.fixture
def page(handler_app):
    with serving(handler_app) as base, opened(base) as page:
        page.app = handler_app
        yield page


@pytest.fixture
def desk_full(owner_app, worker_app, bring):
    """Matters of every kind, and somebody to look at them; returns a password and a reference."""
    password = desk.hire(owner_app, "anna.syd@example.se", *desk.seats("syd"))
    desk.hire(owner_app, "bertil.syd@example.se", *desk.seats("syd"), name="Bertil Sand")
    files = (("bild på cykeln från i somras.jpg", b"x" * 48_000), ("kvitto.exe", b"MZ"))
    reference = bring(text=EVIL, files=files, needs_person=("reply_not_sent",), sender_phone="070-1740605")
    desk.check_as(worker_app, reference, "not_scanned")
    bring(subject="Inbrott pågår", text="Någon bryter sig in hos mig just nu, hjälp! Jag har barn här.")
    bring(subject="En mycket lång ärendemening som inte får plats på en rad och därför bryts " + "å" * 60)
    return password, reference


def sign_in(page, password, email="anna.syd@example.se"):
    page.goto("/")
    page.fill("#email", email)
    page.fill("#password", password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/logga-in/kod")
    page.fill("#code", desk.next_code(page.app))
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"^(?!.*/logga-in)"))


def test_axe_finds_nothing_on_any_page(page, desk_full, tmp_path):
    password, reference = desk_full
    looker = Looker(page, tmp_path)
    page.goto("/")
    looker.look("sign-in")
    page.get_by_role("button", name="Logga in").click()
    looker.look("sign-in-wrong")
    sign_in(page, password)
    assert page.get_by_role("link", name="1 ärende med fara nu väntar på en handläggare").is_visible()
    looker.look("inbox")
    page.goto("/?visa=mina")
    looker.look("empty")
    page.goto("/konto")
    looker.look("account")
    page.goto("/finns/inte")
    looker.look("unknown")
    page.goto(f"/arende/{reference}")
    looker.look("matter")
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    looker.look("matter-open")
    page.get_by_role("button", name="Spara anteckningen").click()
    looker.look("matter-wrong")
    page.get_by_role("link", name="bild på cykeln").click()
    looker.look("file")
    assert looker.wrong == []


def test_axe_finds_nothing_on_the_pages_of_letters(page, owner_app, worker_app, clock, tmp_path):
    seats = (("syd-inkorg", "operator"), ("nationell-inkorg", "handler"), *desk.seats("syd"))
    password = desk.hire(owner_app, "eva@example.se", *seats, name="Eva Ljung")
    with worker_app.app_context():
        mail.mailroom_in_need(clock)
        reference = letters_home.matters()[0].reference
    looker = Looker(page, tmp_path)
    sign_in(page, password, "eva@example.se")
    page.goto("/postrum")
    looker.look("mailroom")
    page.goto("/postrum?fran=igår")
    looker.look("mailroom-wrong")
    page.goto(f"/arende/{reference}")
    looker.look("letter")
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    looker.look("letter-open")
    page.get_by_role("link", name="Inkorgen").click()
    page.get_by_role("link", name="Registrera inkommet brev").click()
    looker.look("register")
    page.get_by_role("button", name="Registrera brevet").click()
    looker.look("register-wrong")
    page.select_option("#unit", "syd-inkorg")
    brought = {"name": "brev.eml", "mimeType": "message/rfc822", "buffer": letters_home.letter()}
    page.set_input_files("#letter", brought)
    page.get_by_role("button", name="Registrera brevet").click()
    page.get_by_role("heading", name="Brevet är registrerat").wait_for()
    looker.look("registered")
    assert looker.wrong == []


def test_a_new_account_is_opened_by_keyboard_and_axe_finds_nothing_on_the_way(page, owner_app, tmp_path):
    email, new = "ny@example.se", "fyra olika ord här"
    first = desk.hire(owner_app, email, *desk.seats("syd"), name="Eva Ny", is_new=True)
    looker = Looker(page, tmp_path)
    page.goto("/")
    page.fill("#email", email)
    page.fill("#password", first)
    page.keyboard.press("Enter")
    page.wait_for_url("**/konto")
    looker.look("new-account")
    for field, words in (("old_password", first), ("new_password", new), ("same_password", new)):
        tab_to(page, field)
        page.keyboard.type(words)
    page.keyboard.press("Enter")
    page.wait_for_url("**/konto/app")
    looker.look("app")
    assert page.evaluate("document.querySelector('.key-picture').naturalWidth") > 100
    key = "".join(page.locator(".key code").inner_text().split())
    tab_to(page, "code")
    page.keyboard.type(pyotp.TOTP(key).at(page.app.extensions["clock"]()))
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Spara dina reservkoder").wait_for()
    looker.look("recovery-codes")
    tab_to(page, "Jag har sparat koderna")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Mina ärenden").wait_for()
    assert looker.wrong == []


def test_axe_finds_nothing_where_one_shows_who_it_is(page, desk_full, clock, tmp_path):
    password, reference = desk_full
    looker = Looker(page, tmp_path)
    page.goto("/")
    page.fill("#email", "anna.syd@example.se")
    page.fill("#password", password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/logga-in/kod")
    looker.look("code")
    page.get_by_role("button", name="Logga in").click()
    looker.look("code-wrong")
    page.fill("#code", desk.next_code(page.app))
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Mina ärenden").wait_for()
    page.goto("/konto/koder")
    looker.look("renew-codes")
    page.goto(f"/arende/{reference}/exportera")
    page.fill("#reason", "Till åklagaren.")
    clock.at += timedelta(minutes=15)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Bekräfta först att det är du").wait_for()
    looker.look("prove-first")
    page.get_by_role("link", name="Bekräfta att det är du").click()
    looker.look("prove")
    page.fill("#password", password)
    page.fill("#code", desk.next_code(page.app))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/arende/{reference}/exportera")
    assert looker.wrong == []


def test_a_matter_is_taken_and_answered_by_keyboard_alone(page, desk_full):
    password, reference = desk_full
    sign_in(page, password)
    tab_to(page, "Cykel borta")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/arende/{reference}")
    tab_to(page, "Ta ärendet")
    page.keyboard.press("Enter")
    page.get_by_text("Ärendet är ditt.").wait_for()
    tab_to(page, "Svara")
    page.keyboard.press("Enter")
    tab_to(page, "text")
    page.keyboard.type("Hej! Vi ringer.")
    tab_to(page, "Skicka svaret")
    page.keyboard.press("Enter")
    page.get_by_text("Svaret är på väg.").wait_for()
    assert page.get_by_role("heading", name="Svar från Anna Lindgren").is_visible()


def tab_to(page, *wanted):
    """Press Tab until the focus is on an id or on an element's words."""
    page.wait_for_load_state()
    for _ in range(60):
        page.keyboard.press("Tab")
        here = page.evaluate("[document.activeElement.id, document.activeElement.textContent.trim()]")
        if set(here) & set(wanted):
            return
    raise AssertionError(f"Tab never came to {wanted}")


def test_a_draft_is_kept_by_itself_and_a_text_is_fetched_below_it(page, desk_full):
    password, reference = desk_full
    sign_in(page, password)
    page.goto(f"/arende/{reference}")
    page.get_by_text("Svara", exact=True).click()
    page.get_by_label("Svar", exact=True).fill("Mina ord.")
    page.get_by_text("Utkastet är sparat.").wait_for()
    page.get_by_label("Färdig text").select_option("besvarad.sv")
    with page.expect_response("**/utkast"):
        page.get_by_role("button", name="Hämta text").click()
    page.reload()
    kept = page.get_by_label("Svar", exact=True).input_value()
    assert kept.startswith("Mina ord.\n\nHej!\n\nTack för din fråga")
    assert reference in kept


def test_axe_finds_nothing_on_a_preview_and_what_can_be_undone(page, desk_full, tmp_path):
    password, reference = desk_full
    looker = Looker(page, tmp_path)
    page.app.extensions["settings"] = replace(page.app.extensions["settings"], undo_seconds=15)
    sign_in(page, password)
    page.goto(f"/arende/{reference}")
    page.get_by_text("Svara", exact=True).click()
    page.get_by_label("Svar", exact=True).fill("Hej!\n\n" + "x" * 300)
    page.get_by_role("button", name="Förhandsgranska").click()
    looker.look("reply-preview")
    page.get_by_role("button", name="Skicka svaret").click()
    looker.look("reply-waiting")
    page.get_by_role("button", name="Ångra").click()
    looker.look("reply-undone")
    assert looker.wrong == []
