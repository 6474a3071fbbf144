"""What the server answers by itself, before any page of ours: kind, in Swedish, with every header."""

from __future__ import annotations

import re

import pytest

from tests.hostile.front_door import Browser, served
from tests.project import headers

HOST = b"Host: 127.0.0.1\r\n"
REFUSED = (
    (b"hej\r\n\r\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
    (b"get / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET http://[ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET / HTTP/1.1\r\n" + HOST + b" folded\x00: x\r\nHost : x\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: x\r\n\r\n", 400),
    (b"POST //[ HTTP/1.1\r\n" + HOST + b"Content-Length: x\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999\r\n\r\n", 413),
    (b"POST //[ HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999\r\n\r\n", 413),
    (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 300_000 + b"\r\n\r\n", 431),
    (b"GET /" + b"x" * 300_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 431),
    (b"TRACE / HTTP/1.1\r\n" + HOST + b"Connection: close\r\nSecret: s\r\n\r\n", 405),
    (b"TRACE /static/intake.css HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", 405),
    (b"TRACK / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", 405),
    (b"CONNECT evil.example:443 HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", 404),
    (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", 404),
    (b"GET http://evil.example//a HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", 404),
    (b"GET /a//../b HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", 404),
)


@pytest.fixture(params=["citizen", "handler"])
def app(request, make_app):
    return make_app(request.param)


@pytest.fixture
def browser(app, settings):
    with served(app, settings) as server:
        yield Browser(server.effective_port)


def assert_is_told(answer, status):
    assert answer.status == status
    assert headers.faults(answer.pairs, is_https=False) == []
    assert re.search("<h1>[^<]+</h1>", answer.text)
    assert not re.search(r"waitress|werkzeug|python|flask|traceback", answer.raw.decode(), re.IGNORECASE)


def test_whatever_the_server_refuses_is_told_with_every_header(browser):
    for raw, status in REFUSED:
        assert_is_told(browser.ask(raw), status)


def test_so_is_a_fault_that_no_page_could_catch(app, browser, monkeypatch):
    def fail(*_):
        raise RuntimeError("Kim Berg")

    monkeypatch.setattr(app, "wsgi_app", fail)
    answer = browser.ask(browser.head("GET", "/", Connection="close"))
    assert_is_told(answer, 500)
    assert "Kim Berg" not in answer.text
