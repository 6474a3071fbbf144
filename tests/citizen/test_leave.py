"""The way out: the browser forgets, something neutral takes the page's place, and Back shows nothing."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import OperationalError

from intake import leaving
from tests.browsers import opened, serving
from tests.citizen.answers import begin, walk
from tests.citizen.person import STORY, Person, words

EXIT = "https://www.smhi.se/"


class TestWithoutScript:
    """What the server answers by itself."""

    def test_leaving_forgets_the_key_and_shows_something_else(self, person):
        person.begin().tell()
        answer = person.client.post("/lamna")
        assert f'content="0; url={EXIT}"' in answer.text
        assert answer.headers["Clear-Site-Data"] == '"cache"'
        assert person.client.get_cookie("intake_citizen") is None

    def test_back_leads_to_the_empty_first_page(self, person):
        person.begin().tell().send()
        person.client.post("/lamna")
        for page in ("amne", "handelse", "granska", "/kvitto"):
            answer = person.get(page)
            assert (answer.status_code, answer.location) == (303, "/")

    def test_whoever_begins_anew_does_not_find_what_was_left(self, person):
        person.begin().tell()
        person.client.post("/lamna")
        person.client.post("/borja")
        answer = person.get("granska")
        assert (answer.status_code, STORY in answer.text) == (404, False)

    def test_a_copy_of_the_cookie_opens_nothing_that_was_left(self, person):
        person.begin().tell()
        copy = person.client.get_cookie("intake_citizen").value
        person.client.post("/lamna")
        person.client.set_cookie("intake_citizen", copy)
        answer = person.get("granska")
        assert (answer.status_code, STORY in answer.text) == (404, False)
        assert person.client.post(person.at("rensa")).status_code == 404

    def test_whoever_has_such_a_copy_begins_with_another_key(self, person):
        code = _code(person.begin().tell())
        copy = person.client.get_cookie("intake_citizen").value
        person.client.post("/lamna")
        person.client.set_cookie("intake_citizen", copy)
        assert person.begin().get("amne").status_code == 200
        person.client.set_cookie("intake_citizen", copy)
        found = person.fill("/fortsatt", code=code)
        assert STORY in person.client.get(found.location).text

    def test_leaving_with_the_database_away_still_leaves(self, person, monkeypatch):
        person.begin().tell()
        away = OperationalError("", {}, Exception())
        monkeypatch.setattr(leaving.db.session, "execute", lambda *_: (_ for _ in ()).throw(away))
        answer = person.client.post("/lamna")
        assert EXIT in answer.text
        assert person.client.get_cookie("intake_citizen") is None

    def test_what_was_left_opens_by_its_code_alone(self, person):
        code = _code(person.begin().tell())
        person.client.post("/lamna")
        assert person.fill("/fortsatt", code=code).location == person.at("granska")

    @pytest.mark.parametrize("page", ["amne", "plats", "handelse", "filer", "kontakt", "granska", "/folj"])
    def test_the_button_stands_on_every_page(self, person, page):
        person.begin().tell()
        assert 'id="lamna"' in person.get(page).text

    def test_the_button_stands_on_the_receipt(self, person):
        person.begin().tell().send()
        assert 'id="lamna"' in person.get("/kvitto").text

    def test_the_page_says_that_the_history_is_not_cleared(self, person):
        assert "historik rensas inte" in words(person.begin().get("handelse").text)

    def test_erasing_leads_to_a_first_page_that_shows_nothing(self, person):
        person.begin().tell()
        assert person.fill("granska", "rensa").location == "/"
        assert person.get("granska").status_code == 404

    def test_an_upload_without_a_key_is_not_led_astray(self, person):
        person.begin()
        person.client.post("/lamna")
        assert person.client.post(person.at("handelse"), data={"text": STORY}).status_code == 404


class TestWithoutCookies:
    """A browser that takes no cookies is told so, once."""

    @pytest.fixture
    def client(self, make_app):
        return make_app("citizen").test_client(use_cookies=False)

    def test_beginning_tells_what_is_needed_and_what_to_do(self, client):
        answer = client.get(client.post("/borja").location)
        assert answer.status_code == 200
        said = words(answer.text)
        assert "tar inte emot kakor" in said
        assert "114 14" in said
        assert "kontakt@example.se" in said

    def test_a_code_leads_to_the_same_words(self, client):
        answer = client.post("/fortsatt", data={"code": "K7RX-3M9P-4TWC-8HDE"})
        assert "tar inte emot kakor" in words(answer.text)


def test_the_mark_of_a_new_form_leaves_its_address_at_once(citizen):
    first = citizen.post("/borja").location
    assert first.endswith("/amne?ny=1")
    assert citizen.get(first).location == first.removesuffix("?ny=1")
    assert citizen.post("/borja").location.endswith("/amne")


def _code(person: Person) -> str:
    return person.get("granska").text.split('class="code">')[1].split("<")[0]


@pytest.fixture
def served(make_app):
    with serving(make_app("citizen")) as base:
        yield base


@pytest.fixture
def page(served):
    with opened(served) as page:
        yield page


class TestInABrowser:
    """What a person sees who leaves in haste."""

    def test_shift_three_times_leaves_and_back_shows_the_first_page(self, page):
        begin(page)
        walk(page, "handelse")
        for _ in range(3):
            page.keyboard.press("Shift")
        page.wait_for_url(EXIT)
        page.go_back()
        page.get_by_role("button", name="Börja").wait_for()
        assert page.context.cookies() == []

    def test_another_key_between_is_no_wish_to_leave(self, page):
        begin(page)
        left = []
        page.on("request", lambda request: left.append(request.url) if "lamna" in request.url else None)
        for key in ("Shift", "Shift", "a", "Shift", "Shift"):
            page.keyboard.press(key)
        assert page.url.endswith("/amne")
        assert left == []

    def test_the_button_leaves_from_the_receipt(self, page):
        begin(page)
        walk(page, "kvitto")
        page.get_by_role("button", name="Lämna sidan snabbt").click()
        page.wait_for_url(EXIT)
        page.go_back()
        page.get_by_role("button", name="Börja").wait_for()

    def test_the_page_it_leaves_from_is_no_longer_in_the_history(self, page):
        begin(page)
        before = page.evaluate("history.length")
        page.get_by_role("button", name="Lämna sidan snabbt").click()
        page.wait_for_url(EXIT)
        assert page.evaluate("history.length") == before

    def test_a_server_that_does_not_answer_holds_nobody_back(self, page):
        begin(page)
        page.route("**/lamna", lambda _route: None)
        page.get_by_role("button", name="Lämna sidan snabbt").click()
        page.locator("body[hidden]").wait_for(state="attached")
        page.wait_for_url(EXIT)

    def test_without_script_the_button_leads_the_same_way(self, served):
        with opened(served, java_script_enabled=False) as page:
            begin(page)
            page.get_by_role("button", name="Lämna sidan snabbt").click()
            page.wait_for_url(EXIT)
            page.go_back()
            page.get_by_role("button", name="Börja").wait_for()
