"""A provider that does not answer as it should: asked with a limit in time, once, and over a safe line."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from joserfc import jwk

from config.settings import SignInProvider
from intake.access import provider
from intake.access.oidc import AnswerRefused, Identity
from intake.errors import ProviderAway
from tests.certificates import write_certificate


@contextmanager
def serving(status, body, *, headers=(), certificate=None):
    """Answer everything alike, ISSUER being where that is; give where, and the list of what was asked for."""
    asked = []

    class Alike(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.replace(b"ISSUER", f"http://{self.headers['Host']}".encode()))

        def log_message(self, *given):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Alike) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def saying(**more):
    """Write what a provider could say of itself, of its keys and of a person, all at once."""
    addresses = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
    keys = [jwk.ECKey.generate_key("P-256").as_dict(private=False)]
    said = {"issuer": "ISSUER", "keys": keys} | dict.fromkeys(addresses, "ISSUER/x")
    return json.dumps(said | more).encode()


@pytest.fixture
def ask(make_app, settings):
    """Ask a provider what it is, or something else, as the handlers' side does."""
    apps = {}

    def current(issuer, asked=provider.current, *given):
        us = SignInProvider(issuer, "intake", "secret", (), "kontot")
        chosen = replace(settings, sign_in_provider=us)
        app = apps.get(issuer) or apps.setdefault(issuer, make_app("handler", chosen=chosen))
        with app.app_context():
            return asked(*given)

    return current


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b"[" * 100_000, b'{"a": "' + b"x" * provider.MOST_BYTES, b"\xff", b"null"],
    ids=lambda body: repr(body[:9]),
)
def test_an_answer_that_makes_no_sense_is_none(ask, body):
    with serving(200, body) as (issuer, _), pytest.raises(ProviderAway):
        ask(issuer)


def test_a_redirect_is_followed_nowhere(ask):
    with serving(200, b"{}") as (elsewhere, reached):
        away = [("Location", f"{elsewhere}/.well-known/openid-configuration")]
        with serving(302, b"{}", headers=away) as (issuer, _), pytest.raises(ProviderAway, match="HTTP 302"):
            ask(issuer)
    assert reached == []


def test_a_certificate_that_nobody_here_trusts_is_refused(ask, tmp_path):
    certificate = write_certificate(tmp_path)
    with (
        serving(200, b"{}", certificate=certificate) as (issuer, asked),
        pytest.raises(ProviderAway, match="URLError"),
    ):
        ask(issuer)
    assert asked == []


def test_a_provider_that_hangs_is_not_waited_for(ask, monkeypatch):
    monkeypatch.setattr(provider, "TIMEOUT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(ProviderAway, match="TimeoutError"):
        ask(f"http://127.0.0.1:{silent.getsockname()[1]}")


def test_a_provider_that_is_away_is_asked_by_one_in_ten_seconds(ask, clock):
    with serving(503, b"{}") as (issuer, asked):
        for _ in range(3):
            with pytest.raises(ProviderAway, match="HTTP 503"):
                ask(issuer)
        assert len(asked) == 1
        clock.at += timedelta(seconds=11)
        with pytest.raises(ProviderAway):
            ask(issuer)
        assert len(asked) == 2


def test_what_a_provider_says_of_itself_is_asked_for_anew_after_ten_minutes(ask, clock):
    with serving(200, saying()) as (issuer, asked):
        for minutes, times in ((0, 2), (9, 2), (2, 4)):
            clock.at += timedelta(minutes=minutes)
            assert ask(issuer).token_endpoint == f"{issuer}/x"
            assert len(asked) == times


def test_an_address_is_taken_only_of_the_person_who_signed_in(ask):
    identity = Identity("", "u-1", None, "access")
    with serving(200, saying(sub="u-1", email="Eva@example.se", email_verified=True)) as (issuer, _):
        assert ask(issuer, provider.find_email, identity) == "eva@example.se"
    other = saying(sub="u-2", email="eva@example.se", email_verified=True)
    with serving(200, other) as (issuer, _), pytest.raises(AnswerRefused):
        ask(issuer, provider.find_email, identity)
    with serving(200, saying(sub="u-1", email="eva@example.se")) as (issuer, _):
        assert ask(issuer, provider.find_email, identity) is None
