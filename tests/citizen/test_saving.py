"""What is typed is kept: without a button, without a refusal, and never in the browser."""

from __future__ import annotations

import re

import html5lib
import pytest
from sqlalchemy import select

from intake.models import Draft
from tests.browsers import opened, serving
from tests.citizen.answers import begin, press, step, walk
from tests.citizen.person import STORY, Person, hidden, value, words

SAVING = re.compile("/spara")


def saver(person: Person, page: str = "handelse"):
    """Open a page; returns what saves its fields, in parts as its script does, while it stands open."""
    opened = person.get(page).text
    token = hidden(opened, "csrf_token")
    status = html5lib.parse(opened, namespaceHTMLElements=False).find(".//p[@id='sparat']")

    def save(**fields):
        data = {"csrf_token": token, **fields}
        return person.client.post(status.get("data-to"), data=data, content_type="multipart/form-data")

    return save


def save(person: Person, page: str = "handelse", **fields):
    return saver(person, page)(**fields)


def chosen(page: str, name: str) -> list[str]:
    """Return what is chosen on a page in a set of choices, a list or a box."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    lists = tree.findall(f".//select[@name='{name}']/option[@selected]")
    return [each.get("value") for each in [*lists, *tree.findall(f".//input[@name='{name}'][@checked]")]]


@pytest.fixture
def answers(seen):
    """What the draft holds."""

    def look():
        seen.rollback()
        return seen.scalars(select(Draft.answers)).one()

    return look


def test_what_is_typed_stands_there_when_the_page_is_opened_again(person):
    person.begin()
    answer = save(person, text="  Halva\r\nberättel\x00sen ", heading="En\nrad")
    assert (answer.status_code, answer.data) == (204, b"")
    assert value(person.get("handelse").text, "text") == "Halva\nberättelsen"
    assert value(person.get("handelse").text, "heading") == "En rad"


def test_fields_of_other_pages_are_left_alone(person):
    person.begin().tell()
    save(person, "kontakt", name="Kim", phone="070", call_words="efter fem")
    page = person.get("kontakt").text
    assert [value(page, name) for name in ("name", "phone", "call_words")] == ["Kim", "070", "efter fem"]
    assert value(person.get("handelse").text, "text").startswith("Min cykel")


def test_the_answers_to_questions_are_kept_and_others_too(person, answers):
    person.begin()
    person.fill("amne", group="tipsa")
    person.fill("amne/tipsa", choice="tips")
    save(person, svar_known="Jag såg det på nätet", svar_who="En man")
    person.fill("amne", group="utsatt")
    person.fill("amne/utsatt", choice="lurad")
    save(person, svar_amount="14 000 kr", svar_contacted="Strunt")
    known = {"known": "Jag såg det på nätet", "who": "En man", "amount": "14 000 kr"}
    assert answers()["questions"] == known
    save(person, svar_amount="", svar_contacted="I telefon")
    assert answers()["questions"] == {"known": known["known"], "who": "En man", "contacted": "I telefon"}


def test_a_text_that_is_too_long_is_kept_to_be_shortened(person):
    person.begin()
    assert save(person, text="å" * 30_000).status_code == 204
    page = person.get("handelse").text
    assert len(value(page, "text")) == 30_000
    assert person.fill("handelse", text="å" * 30_000).status_code == 422


def test_half_an_address_is_not_taken_for_one(person):
    person.begin().tell()
    save(person, "kontakt", email="kim@")
    assert value(person.get("kontakt").text, "email") == "kim@example.com"


def test_only_the_pages_own_fields_are_written(person, answers):
    person.begin().tell()
    before = answers()
    strange = {"group": "tipsa", "choice": "tips", "place": "online", "language": "en", "turn": "7"}
    assert save(person, text=STORY, wants_receipt="ja", **strange).status_code == 204
    assert answers() == before


def test_no_mail_please_is_kept_with_the_address(person, answers):
    person.begin().tell()
    page = {"email": "anna@example.se", "mail": "no", "wants_receipt": "ja", "interpreter": "", "phone": ""}
    assert save(person, "kontakt", **page).status_code == 204
    kept = answers()
    assert (kept["email"], kept["may_email"], kept["wants_receipt"]) == ("anna@example.se", False, False)
    assert "Vi får inte mejla dig." in words(person.get("granska").text)


def test_no_mail_please_is_kept_though_the_address_is_half(person, answers):
    person.begin().tell()
    save(person, "kontakt", email="anna@", mail="no")
    assert (answers()["email"], answers()["may_email"]) == ("kim@example.com", False)


def test_no_receipt_goes_to_an_address_that_is_being_changed(person, answers):
    person.begin().tell()
    save(person, "kontakt", email="anna@", mail="yes", wants_receipt="ja")
    assert answers()["wants_receipt"] is False


def test_an_address_that_the_page_refuses_is_not_kept(person, answers):
    person.begin().tell()
    save(person, "kontakt", email=f"{'a' * 250}@example.se", mail="yes")
    assert answers()["email"] == "kim@example.com"


def test_every_choice_of_a_page_is_kept(person):
    person.begin()
    save(person, "vem", concerns="other")
    save(person, "plats", place="municipality", municipality="lund", happened_words="I går")
    save(person, "kontakt", mail="neutral", answer_language="other", other_language="Tok", interpreter="sign")
    assert chosen(person.get("vem").text, "concerns") == ["other"]
    assert chosen(person.get("plats").text, "place") == ["municipality"]
    assert value(person.get("plats").text, "municipality") == "Lund"
    page = person.get("kontakt").text
    assert [chosen(page, name) for name in ("mail", "answer_language", "interpreter")] == [
        ["neutral"],
        ["other"],
        ["sign"],
    ]
    assert value(page, "other_language") == "Tok"


def test_a_choice_that_is_not_offered_is_not_kept(person, answers):
    person.begin().tell()
    before = answers()
    save(person, "vem", concerns="x")
    save(person, "plats", place="x", municipality="Malmö", happened_words="22/11")
    save(person, "kontakt", email="kim@example.com", mail="x", answer_language="x", wants_receipt="ja")
    assert answers() == before


def test_a_choice_that_did_not_come_is_as_it_was(person, answers):
    person.begin().tell()
    save(person, "kontakt", mail="no")
    save(person, "kontakt", email="anna@example.se")
    save(person, "plats", happened_words="I går")
    kept = answers()
    assert (kept["email"], kept["may_email"]) == ("anna@example.se", False)
    assert (kept["place"], kept["municipality"], kept["happened_words"]) == ("municipality", "1280", "I går")


def test_a_municipality_is_kept_when_it_is_known_or_taken_away(person, answers):
    person.begin().tell()
    save(person, "plats", place="municipality", municipality="Lun")
    assert answers()["municipality"] == "1280"
    save(person, "plats", place="municipality", municipality="")
    assert answers()["municipality"] is None


def test_a_page_that_what_was_chosen_does_not_have_is_not_kept(person):
    person.begin()
    late = saver(person, "vem")
    person.fill("amne", group="annat")
    person.fill("amne/annat", choice="jobb")
    assert late(concerns="self").status_code == 404


def test_what_comes_after_its_page_was_sent_is_left(person):
    person.begin()
    late, contact = saver(person), saver(person, "kontakt")
    person.fill("handelse", text=STORY)
    assert late(text="Min cykel").status_code == 409
    assert value(person.get("handelse").text, "text") == STORY
    assert contact(email="kim@example.com", mail="yes").status_code == 409


def test_the_page_that_shows_help_goes_on_being_kept(person):
    person.begin()
    person.fill("amne", group="utsatt")
    person.fill("amne/utsatt", choice="brott")
    page = person.fill("handelse", text="Hjälp, han slår henne just nu.").text
    assert 'id="hjalp"' in page
    status = html5lib.parse(page, namespaceHTMLElements=False).find(".//p[@id='sparat']")
    data = {"csrf_token": hidden(page, "csrf_token"), "text": "Mer."}
    assert person.client.post(status.get("data-to"), data=data).status_code == 204


def test_two_tabs_that_are_only_typed_in_both_go_on(person):
    person.begin()
    one, other = saver(person), saver(person, "kontakt")
    codes = [one(text="Ett").status_code, other(name="Kim").status_code, one(text="Ett till").status_code]
    assert codes == [204, 204, 204]
    assert value(person.get("handelse").text, "text") == "Ett till"
    assert value(person.get("kontakt").text, "name") == "Kim"


def test_pages_that_are_only_chosen_on_load_no_script_that_keeps(person):
    person.begin()
    scripts = {
        page: "/keep" in person.get(page).text for page in ("amne", "filer", "granska", "vem", "plats")
    }
    assert scripts == {"amne": False, "filer": False, "granska": False, "vem": True, "plats": True}


def test_a_body_that_is_too_large_is_not_read(person):
    person.begin()
    assert person.client.post(person.at("spara"), data={"text": "x" * 600_000}).status_code == 413


def test_it_needs_the_token_and_the_key(person, make_app):
    person.begin()
    at = person.at("spara?sida=story&varv=0")
    assert person.client.post(at, data={"text": "x"}).status_code == 400
    stranger = Person(make_app("citizen").test_client()).begin()
    data = {"csrf_token": stranger.token("handelse"), "text": "x"}
    assert stranger.client.post(at, data=data).status_code == 404
    assert value(person.get("handelse").text, "text") == ""


def test_nothing_is_written_after_it_is_sent(person, answers):
    person.begin().tell()
    late = saver(person)
    person.send()
    assert late(text="Senare").status_code == 409
    assert answers()["text"] == STORY


def test_a_late_saving_does_not_bring_the_key_back(person):
    person.begin()
    assert "Set-Cookie" not in save(person, text="Hej").headers


@pytest.fixture
def page(make_app):
    with serving(make_app("citizen")) as base, opened(base) as page:
        yield page


@pytest.fixture
def written(page):
    """A page where something is being written."""
    begin(page)
    walk(page, "handelse")
    page.locator("#text").press_sequentially("Skrivet utan att trycka.")
    return page


class TestInABrowser:
    """What the script does while a person writes."""

    def test_it_is_saved_and_said_once(self, written):
        told = written.locator("#sparat")
        told.filter(has_text="Sparat kl.").wait_for()
        assert (told.get_attribute("aria-live"), told.get_attribute("class")) == ("polite", "")
        with written.expect_response(SAVING):
            written.locator("#text").press_sequentially(" Mer.")
        written.locator("#sparat[aria-live=off]").wait_for()
        written.reload()
        assert written.input_value("#text") == "Skrivet utan att trycka. Mer."

    def test_a_change_of_language_loses_nothing(self, written):
        written.get_by_role("link", name="English").click()
        written.wait_for_url("**/en/**")
        assert written.input_value("#text") == "Skrivet utan att trycka."

    def test_going_back_loses_nothing(self, written):
        with written.expect_response(SAVING):
            written.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
        written.go_back()
        written.go_forward()
        assert written.input_value("#text") == "Skrivet utan att trycka."

    def test_a_lost_connection_is_told_and_mended(self, written):
        told = written.locator("#sparat")
        told.filter(has_text="Sparat kl.").wait_for()
        written.context.set_offline(True)
        written.locator("#text").press_sequentially(" Mer.")
        told.filter(has_text="Ingen uppkoppling").wait_for()
        written.context.set_offline(False)
        told.filter(has_text="Sparat kl.").wait_for()
        assert told.get_attribute("aria-live") == "polite"

    def test_no_mail_please_is_kept_when_one_leaves_by_a_link(self, page):
        at = begin(page)
        walk(page, "kontakt")
        page.get_by_label("Nej, mejla inte").check()
        page.locator("#email").fill("anna@example.se")
        page.get_by_role("link", name="Tillbaka").click()
        page.wait_for_url("**/filer")
        page.goto(f"{at}/granska")
        told = page.locator("main").inner_text()
        assert "anna@example.se" in told
        assert "Vi får inte mejla dig." in told

    def test_a_choice_alone_is_kept(self, page):
        begin(page)
        walk(page, "vem")
        with page.expect_response(SAVING):
            page.locator("[name=concerns][value=other]").check()
        page.reload()
        assert page.locator("[name=concerns][value=other]").is_checked()

    def test_what_a_page_with_faults_holds_is_kept_when_one_leaves_it(self, page):
        begin(page)
        walk(page, "kontakt")
        page.get_by_label("Nej, mejla inte").check()
        page.locator("#email").fill("anna@")
        press(page)
        page.get_by_role("link", name="Tillbaka").click()
        page.wait_for_url("**/filer")
        page.go_back()
        page.reload()
        assert page.get_by_label("Nej, mejla inte").is_checked()

    def test_a_page_sent_in_another_tab_is_not_written_over(self, written):
        with written.expect_popup() as popup:
            written.evaluate("void open(location)")
        other = popup.value
        other.locator("#text").fill("Det sista.")
        press(other)
        with written.expect_response(SAVING) as answer:
            written.locator("#text").press_sequentially(" Mer.")
        assert answer.value.status == 409
        written.locator("#sparat").filter(has_text="Det gick inte att spara").wait_for()
        press(written)
        assert step(written) == "filer"

    def test_a_page_is_not_sent_without_a_connection(self, page):
        begin(page)
        walk(page, "kontakt")
        page.context.set_offline(True)
        page.locator("#formular button").last.click()
        page.locator("#sparat.news").filter(has_text="Ingen uppkoppling").wait_for()
        page.context.set_offline(False)
        page.locator("#sparat:not(.news)").filter(has_text="Sparat kl.").wait_for()
        assert step(page) == "kontakt"

    def test_nothing_is_kept_in_the_browser(self, written):
        written.locator("#sparat").filter(has_text="Sparat kl.").wait_for()
        assert written.evaluate("localStorage.length + sessionStorage.length") == 0
        assert words(written.content()).count("Skrivet") <= 1
