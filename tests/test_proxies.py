"""Who asks, behind proxies: found from the right, and nobody else's word is believed."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest
from flask import request

from intake.proxies import BehindProxies
from tests.hostile.front_door import Browser, served

TRUSTED = tuple(ip_network(name) for name in ("127.0.0.1", "10.0.0.0/8", "2001:db8:5::/48"))
PROXY = "127.0.0.1"


@pytest.fixture
def settings(settings):
    return replace(settings, trusted_proxies=TRUSTED)


@pytest.fixture
def ask(make_app, settings):
    """Ask the real server; returns the status, and the sender and scheme that the pages see."""
    app, seen = make_app("citizen"), []
    app.before_request(lambda: seen.append((request.remote_addr, request.scheme, request.host)))
    app.before_request(lambda: seen.append([name for name, _ in request.headers if "orward" in name]))
    with served(app, settings) as server:

        def do(**headers):
            browser = Browser(server.effective_port)
            status = browser.ask(browser.head("GET", "/", **headers, Connection="close")).status
            (sender, scheme, host), left = seen[-2:]
            assert (left, host) == ([], "127.0.0.1")
            return status, sender, scheme

        yield do


@pytest.mark.parametrize(
    ("hops", "sender"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, 10.0.0.7", "192.0.2.1"),
        ("192.0.2.1,10.0.0.7 , 10.1.2.3", "192.0.2.1"),
        ("203.0.113.9, 192.0.2.1, 10.0.0.7", "192.0.2.1"),
        ("10.0.0.9, 192.0.2.1", "192.0.2.1"),
        ("127.0.0.1, 192.0.2.1", "192.0.2.1"),
        ("2001:db8:1::7, 2001:db8:5::1", "2001:db8:1::7"),
        ("[2001:db8:1::7]:4711, [2001:db8:5::1]", "2001:db8:1::7"),
        ("192.0.2.1:4711, 10.0.0.7:80", "192.0.2.1"),
        ("::ffff:192.0.2.1, ::ffff:10.0.0.7", "192.0.2.1"),
        ("10.0.0.7, 10.0.0.8", "10.0.0.7"),
    ],
)
def test_who_asks_is_the_first_from_the_right_that_is_no_proxy(ask, hops, sender):
    assert ask(X_Forwarded_For=hops) == (200, sender, "http")


@pytest.mark.parametrize(
    ("hops", "sender"),
    [
        ("", PROXY),
        (",,,", PROXY),
        ("unknown", PROXY),
        ("192.0.2.1, unknown", PROXY),
        ("_hidden, 10.0.0.7", "10.0.0.7"),
        ("[", PROXY),
        ("[]", PROXY),
        ("[::1", PROXY),
        ("192.0.2.1:port", PROXY),
        ("999.1.1.1", PROXY),
        ("1.2.3", PROXY),
        ("fe80::1%", PROXY),
        ("'; DROP TABLE matter", PROXY),
        ("räksmörgås", PROXY),
        ("1" * 5000, PROXY),
        ("192.0.2.1, " + "10.0.0.7, " * 5000 + "10.0.0.7", "192.0.2.1"),
    ],
)
def test_a_chain_that_makes_no_sense_is_believed_as_far_as_it_does(ask, hops, sender):
    assert ask(X_Forwarded_For=hops) == (200, sender, "http")


@pytest.mark.parametrize(
    ("said", "scheme"),
    [("https", "https"), ("HTTPS", "https"), ("https, http", "http"), ("http, https", "https"),
     ("ftp", "http"), ("https,", "http"), ("", "http")],
)  # fmt: skip
def test_the_scheme_is_what_the_nearest_proxy_says(ask, said, scheme):
    assert ask(X_Forwarded_Proto=said) == (200, PROXY, scheme)


def test_two_headers_are_one_chain(ask):
    # The one that a stranger sent comes first, the proxy's own after it.
    said = {"X_Forwarded_For": "203.0.113.9", "x_forwarded_for": "192.0.2.1"}
    assert ask(**said) == (200, "192.0.2.1", "http")


@pytest.mark.parametrize(
    "name",
    ["Forwarded", "X_Forwarded_Host", "X_Forwarded_Port", "X_Forwarded_By", "X_Forwarded_Prefix",
     "X_Forwarded_Server", "X_Real_IP", "X_Client_IP", "True_Client_IP"],
)  # fmt: skip
def test_no_other_header_is_believed(ask, name):
    said = 'for="192.0.2.1";host=evil.example;proto=https' if name == "Forwarded" else "192.0.2.1"
    assert ask(**{name: said}) == (200, PROXY, "http")


class TestWithoutProxies:
    @pytest.fixture
    def settings(self, settings):
        return replace(settings, trusted_proxies=())

    def test_nobody_says_who_asks_but_the_connection(self, ask):
        assert ask(X_Forwarded_For="192.0.2.1", X_Forwarded_Proto="https") == (200, PROXY, "http")


@pytest.mark.parametrize(
    ("peer", "sender"),
    [
        ("10.0.0.7", "192.0.2.1"),
        ("::ffff:10.0.0.7", "192.0.2.1"),
        ("2001:db8:5::1", "192.0.2.1"),
        ("2001:db8:6::1", "2001:db8:6::1"),
        ("198.51.100.4", "198.51.100.4"),
        ("localhost", "localhost"),
        ("", ""),
    ],
)
def test_only_a_trusted_peer_is_believed(peer, sender):
    environ = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": "192.0.2.1"}
    BehindProxies(lambda environ, _: [environ["REMOTE_ADDR"].encode()], TRUSTED)(environ, None)
    assert environ == {"REMOTE_ADDR": sender}


class TestThrottle:
    """Two people behind one proxy have room of their own, and nobody gets more by a forged chain."""

    @pytest.fixture
    def settings(self, settings):
        return replace(settings, flood_requests=3)

    def test_each_has_room_of_their_own(self, ask):
        statuses = [ask(X_Forwarded_For=f"203.0.113.{number}, 192.0.2.1")[0] for number in range(4)]
        assert statuses == [200, 200, 200, 429]
        assert ask(X_Forwarded_For="192.0.2.2")[0] == 200

    def test_a_network_of_ipv6_is_one_sender(self, ask):
        statuses = [ask(X_Forwarded_For=f"2001:db8:1::{number}")[0] for number in range(1, 5)]
        assert statuses == [200, 200, 200, 429]
