"""The headers of every answer, whatever its status."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from intake import drafts
from tests.citizen.person import Person

PATHS = (
    ("GET", "/", 200),
    ("POST", "/borja", 303),
    ("GET", "/folj", 200),
    ("GET", "/tillganglighet", 200),
    ("GET", "/personuppgifter", 200),
    ("GET", "/healthz", 200),
    ("GET", "/finns-inte", 404),
    ("PUT", "/borja", 405),
    ("POST", "/folj", 422),
    ("GET", "/static/intake.css", 200),
    ("GET", "/static/finns-inte.css", 404),
)


@pytest.mark.parametrize(("method", "path", "status"), PATHS)
def test_every_answer_is_guarded(citizen, method, path, status):
    answer = citizen.open(path, method=method, buffered=True)
    assert answer.status_code == status
    policy = answer.headers["Content-Security-Policy"]
    for part in ("default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "Permissions-Policy" in answer.headers
    assert ("no-store" in answer.headers["Cache-Control"]) == (path != "/static/intake.css")
    assert "Server" not in answer.headers


def test_a_named_version_of_a_static_file_is_cached_for_good(citizen):
    page = citizen.get("/").text
    address = page.split('rel="stylesheet" href="')[1].split('"')[0]
    assert "immutable" in citizen.get(address, buffered=True).headers["Cache-Control"]


def test_no_page_asks_another_host_for_anything_or_runs_inline(person):
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


class TestHttps:
    """Behind https the cookie and the browser are held to it."""

    @pytest.fixture
    def settings(self, settings):
        return replace(settings, public_url="https://kontakt.example.se")

    def test_the_cookie_is_bound_to_host_and_https(self, make_app):
        answer = make_app("citizen").test_client().post("/borja", base_url="https://kontakt.example.se")
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-intake_citizen=")
        for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
            assert part in cookie
        assert "Domain" not in cookie
        assert len(cookie) < 4096

    def test_the_browser_is_told_to_stay_on_https(self, make_app):
        answer = make_app("citizen").test_client().get("/", base_url="https://kontakt.example.se")
        assert "max-age=63072000" in answer.headers["Strict-Transport-Security"]

    def test_a_form_needs_no_referrer(self, make_app):
        client = make_app("citizen").test_client()
        person = Person(client)
        base = "https://kontakt.example.se"
        person.draft = client.post("/borja", base_url=base).location.partition("/amne")[0]
        page = client.get(person.at("amne"), base_url=base).text
        token = page.split('name="csrf_token" value="')[1].split('"')[0]
        data = {"csrf_token": token, "group": "tipsa"}
        assert client.post(person.at("amne"), data=data, base_url=base).status_code == 303
