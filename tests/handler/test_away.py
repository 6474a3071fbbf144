"""When what lies beneath is away: what is told, and that what was written is given back."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from intake.errors import StorageError
from intake.models import OutgoingLetter
from tests import desk
from tests.citizen.test_away import let_in, lock_out


def test_a_reply_is_given_back_when_the_database_goes(anna, bring, database, seen):
    reference = bring()
    page = anna.page(reference)
    lock_out(database, database.urls["handler"])
    try:
        answer = anna.act(reference, "svara", page=page, text="Mitt <långa> svar.")
        unknown = anna.get("/finns/inte")
    finally:
        let_in(database, database.urls["handler"])
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    assert "Mitt &lt;långa&gt; svar." in answer.text
    assert unknown.status_code == 404
    assert seen.query(OutgoingLetter).filter_by(kind="reply").count() == 0


def test_a_sign_in_without_a_database_shows_no_password(anna, database):
    other = desk.Desk(anna.client.application, anna.email, anna.password)
    page = other.get("/logga-in")
    lock_out(database, database.urls["handler"])
    try:
        answer = other.post("/logga-in", page=page, email=anna.email, password=anna.password)
    finally:
        let_in(database, database.urls["handler"])
    assert answer.status_code == 503
    assert anna.password not in answer.text


def test_a_reply_is_given_back_when_the_storage_goes(anna, bring, monkeypatch):
    class Away:
        def put(self, *_, **__):
            raise StorageError("away")

    reference = bring()
    monkeypatch.setitem(anna.client.application.extensions, "storage", Away())
    answer = anna.act(reference, "svara", text="Mitt svar.", files=(io.BytesIO(b"x"), "a.txt"))
    assert answer.status_code == 503
    assert "Mitt svar." in answer.text


class TestBehindHttps:
    """Behind https the cookie is bound to host and https."""

    @pytest.fixture
    def settings(self, settings):
        return replace(settings, handler_url="https://handlaggare.example.se")

    def test_the_cookie_is_bound(self, handler_app, owner_app):
        password = desk.hire(owner_app, "eva@example.se", *desk.seats("syd"))
        client, base = handler_app.test_client(), "https://handlaggare.example.se"
        page = client.get("/logga-in", base_url=base)
        words = {"email": "eva@example.se", "password": password, "csrf_token": desk.token_in(page)}
        answer = client.post("/logga-in", data=words, base_url=base, headers={"Referer": f"{base}/logga-in"})
        assert answer.status_code == 303
        for cookie in answer.headers.getlist("Set-Cookie"):
            assert cookie.startswith("__Host-intake_handler=")
            assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
        assert client.get("/logga-in/kod", base_url=base).status_code == 200
