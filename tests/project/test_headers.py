"""Every address of both surfaces, by every method and with every status, answers with every header."""

from __future__ import annotations

import random
import re
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest
from flask import abort, redirect
from sqlalchemy.exc import OperationalError

from intake import drafts
from tests import desk
from tests.citizen.person import Person
from tests.handler.conftest import anna, bring, owner_app, sit
from tests.project import headers

__all__ = ["anna", "bring", "owner_app", "sit"]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
SURFACES = ("citizen", "handler")
# A page of each that anybody may open.
OPEN = {"citizen": "/", "handler": "/logga-in"}


@pytest.fixture
def settings(settings):
    return replace(
        settings,
        public_url="https://kontakt.example.se",
        handler_url="https://handlaggare.example.se",
    )


@pytest.fixture
def make_app(make_app):
    def make(*given, **ports):
        app = make_app(*given, **ports)
        app.test_client_class = headers.AtHome
        return app

    return make


def faults_of(answer):
    is_static = answer.request.path.startswith("/static/") and answer.status_code == 200
    return headers.faults(answer.headers, is_https=True, is_static=is_static)


def walk(client, **known):
    """Ask for every address by every method; return the statuses that came, and what was wrong."""
    statuses, wrong = set(), {}
    adapter = client.application.url_map.bind("")
    rules = client.application.url_map.iter_rules()
    paths = sorted(
        {adapter.build(rule.endpoint, values(rule, known), method=min(rule.methods)) for rule in rules}
    )
    for path in (*paths, "/finns-inte", "/static/finns-inte.css"):
        for method in METHODS:
            answer = client.open(path, method=method, buffered=True)
            statuses.add(answer.status_code)
            is_refused = answer.status_code >= 400 or method not in ("TRACE", "PUT")
            faults = [*faults_of(answer), *([] if is_refused else ["the method is taken"])]
            wrong |= {f"{method} {path} {answer.status_code}": faults} if faults else {}
    return statuses, wrong


def paths_of(app, known):
    """Return every address of an app, once."""
    adapter, rules = app.url_map.bind(""), app.url_map.iter_rules()
    return sorted({adapter.build(one.endpoint, values(one, known), method=min(one.methods)) for one in rules})


def values(rule, known):
    """Return values for the parts of an address: known ones, else some that fit and lead nowhere."""
    made = {"filename": "intake.css", "code": "fi", "group": "utsatt", "reference": "K7RX-3M9P", "number": 1}
    return {name: str((made | known).get(name, uuid.uuid4())) for name in rule.arguments}


def test_every_answer_to_a_citizen_is_guarded(make_app):
    person = Person(make_app("citizen").test_client())
    person.begin()
    statuses, wrong = walk(person.client, draft_id=person.draft.rpartition("/")[2])
    assert wrong == {}
    assert {200, 303, 404, 405, 422} <= statuses
    assert 500 not in statuses


def test_every_answer_to_a_stranger_at_the_handlers_side_is_guarded(handler_app):
    statuses, wrong = walk(handler_app.test_client())
    assert wrong == {}
    assert {200, 303, 403, 404, 405} <= statuses
    assert 500 not in statuses


def test_every_answer_to_a_handler_is_guarded(anna, bring):
    statuses, wrong = walk(anna.client, reference=bring())
    assert wrong == {}
    assert {200, 303, 404, 405, 422} <= statuses
    assert 500 not in statuses


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("status", [200, 302, 303, 400, 403, 404, 405, 413, 422, 429, 500, 503])
def test_every_status_is_guarded(make_app, surface, status):
    answer = ask_for_one(make_app(surface), OPEN[surface], lambda: answer_with(status))
    assert answer.status_code == status
    assert faults_of(answer) == []


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize(
    ("error", "status"), [(RuntimeError, 500), (lambda: OperationalError("", {}, Exception()), 503)]
)
def test_so_is_what_nobody_foresaw(make_app, surface, error, status):
    def fail():
        raise error()

    app = make_app(surface)
    app.testing = False
    answer = ask_for_one(app, OPEN[surface], fail)
    assert answer.status_code == status
    assert faults_of(answer) == []


def ask_for_one(app, path, view):
    """Open a page whose view is another, so that it answers as no page of ours can be made to."""
    endpoint, _ = app.url_map.bind("").match(path, method="GET")
    app.view_functions[endpoint] = view
    return app.test_client().get(path)


def answer_with(status):
    if status == 200:
        return "hej"
    return redirect("/", status) if status < 400 else abort(status)


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [(b"--x\r\n", "multipart/form-data; boundary=x", 400), (b"a" * (5 << 20), None, 413)],
)
def test_so_is_a_form_that_cannot_be_read(make_app, surface, body, kind, status):
    path = {"citizen": "/borja", "handler": "/logga-in"}[surface]
    kind = kind or "application/x-www-form-urlencoded"
    answer = make_app(surface).test_client().post(path, data=body, content_type=kind)
    assert answer.status_code == status
    assert faults_of(answer) == []


@pytest.mark.parametrize("path", ["/", "/handlaggare/logga-in", "/finns-inte", "/static/intake.css"])
def test_so_is_what_both_surfaces_in_one_process_answer(make_app, path):
    assert faults_of(make_app("all").test_client().get(path, buffered=True)) == []


class TestTooMany:
    @pytest.fixture
    def settings(self, settings):
        return replace(settings, flood_requests=1)

    def test_so_is_what_is_held_back(self, citizen):
        citizen.get("/")
        answer = citizen.get("/")
        assert answer.status_code == 429
        assert faults_of(answer) == []


@pytest.mark.parametrize(
    "path", ["//evil.example/x", "/\\evil.example", "//evil.example/arende/x", "/%2f/evil"]
)
@pytest.mark.parametrize("surface", SURFACES)
def test_no_address_leads_to_another_host(make_app, surface, path):
    client = make_app(surface).test_client()
    answer = client.get("/", environ_overrides={"PATH_INFO": path})
    assert answer.status_code == 404
    assert faults_of(answer) == []


@pytest.mark.parametrize("letters", [range(0x4E00, 0x9FFF), range(0x1F300, 0x1F9FF)])
def test_the_cookie_has_room_for_the_longest_address_that_was_asked_for(handler_app, letters):
    # Letters by chance, since what repeats itself is packed.
    path = "/arende/" + "".join(map(chr, random.Random(1).choices(letters, k=1100)))
    answer = handler_app.test_client().get(path)
    assert answer.location == "/logga-in"
    assert faults_of(answer) == []


def test_the_sign_in_leads_to_no_other_host(handler_app, anna):
    again = desk.Desk(handler_app, anna.email, anna.password)
    again.get("/", environ_overrides={"PATH_INFO": "/hitta", "QUERY_STRING": "nummer=//evil.example"})
    assert headers.faults(again.sign_in().headers, is_https=True) == []


@pytest.mark.parametrize("surface", SURFACES)
def test_another_site_may_lead_here_but_load_nothing_into_its_pages(make_app, surface):
    client = make_app(surface).test_client()

    def ask(site, mode, dest):
        said = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
        return client.get(OPEN[surface], headers=said)

    assert ask("cross-site", "navigate", "document").status_code == 200
    assert ask("same-origin", "no-cors", "image").status_code == 200
    for site in ("cross-site", "same-site"):
        for mode, dest in (("no-cors", "image"), ("navigate", "iframe"), ("cors", "empty")):
            refused = ask(site, mode, dest)
            assert (refused.status_code, faults_of(refused)) == (403, [])


def test_a_named_version_of_a_static_file_is_cached_for_good(citizen):
    page = citizen.get("/").text
    address = page.split('rel="stylesheet" href="')[1].split('"')[0]
    assert "immutable" in citizen.get(address, buffered=True).headers["Cache-Control"]


def test_no_page_asks_another_host_for_anything_or_runs_inline(citizen):
    person = Person(citizen)
    person.begin().tell()
    for page in ("/", "amne", "filer", "granska", "/folj"):
        html = person.get(page).text
        assert "<style" not in html
        assert 'src="http' not in html
        assert " onclick" not in html
        assert " style=" not in html


def test_the_first_page_weighs_less_than_14_kb_with_all_it_needs(citizen):
    page = citizen.get("/")
    assets = [part.split('"')[0] for part in page.text.split('href="/static/')[1:]]
    weight = len(page.data) + sum(
        len(citizen.get(f"/static/{asset}", buffered=True).data) for asset in assets
    )
    assert weight < 14_000


def test_the_cookie_outlives_a_draft_that_is_only_saved_while_one_types(citizen):
    cookie = citizen.post("/borja").headers["Set-Cookie"]
    ends_at = parsedate_to_datetime(re.search("Expires=([^;]+)", cookie)[1])
    assert ends_at - datetime.now(UTC) > 2 * drafts.KEPT


def test_a_form_needs_no_referrer(citizen):
    person = Person(citizen).begin()
    assert person.fill("amne", group="tipsa").status_code == 303


class TestWithoutHttps:
    """On a machine that is only tried out, nothing is held to https."""

    @pytest.fixture
    def settings(self, base_settings, tmp_path):
        return replace(base_settings, var=tmp_path / "var")

    @pytest.mark.parametrize(("surface", "path"), [("citizen", "/borja"), ("handler", "/arende/K7RX-3M9P")])
    def test_nobody_is_held_to_it(self, make_app, surface, path):
        client = make_app(surface).test_client()
        answer = client.post(path) if surface == "citizen" else client.get(path)
        assert answer.headers["Set-Cookie"].startswith(f"intake_{surface}=")
        assert headers.faults(answer.headers, is_https=False) == []


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("Location", "//evil.example", "it leads away, to //evil.example"),
        ("Location", "https://kontakt.example.se/", "it leads away, to https://kontakt.example.se/"),
        ("Set-Cookie", "a=b; Domain=example.se; Secure", "a cookie says Domain=example.se"),
        ("Set-Cookie", "a=b; HttpOnly; Path=/", "a cookie is called a"),
        ("Server", "waitress", "server is told"),
        ("Content-Type", "text/plain", "the charset of text/plain is not told"),
        ("Access-Control-Allow-Origin", "*", "access-control-allow-origin is told"),
        ("Content-Security-Policy", "script-src 'unsafe-inline'", "the policy allows unsafe"),
        ("Strict-Transport-Security", "max-age=300", "the browser is not held to https: max-age=300"),
        ("Cache-Control", "max-age=60", "it may be kept: max-age=60"),
    ],
)
def test_the_judge_sees_a_fault(name, value, fault):
    assert fault in headers.faults([(name, value)], is_https=True)
