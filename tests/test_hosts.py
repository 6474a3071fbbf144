"""A surface answers to its own host name alone, and never with what belongs to the other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from intake import diagnosis, hosts
from intake.models import Draft
from tests.hostile.front_door import Answer, Browser, heard, served
from tests.project import headers

SURFACES = ("citizen", "handler")
NAMES = {"citizen": "kontakt.example.se", "handler": "handlaggare.example.se"}
OPEN = {"citizen": "/", "handler": "/logga-in"}


class TestNamed:
    """The operator has said where the two surfaces are found."""

    @pytest.fixture
    def settings(self, settings):
        return replace(
            settings,
            public_url=f"https://{NAMES['citizen']}:8443",
            handler_url=f"https://{NAMES['handler']}",
        )

    @pytest.fixture
    def ask(self, make_app):
        def do(surface, host, path=None, method="GET"):
            client = make_app(surface).test_client()
            sent = {"Host": host} if host is not None else {}
            return client.open(path or OPEN[surface], method=method, headers=sent, buffered=True)

        return do

    @pytest.mark.parametrize("surface", SURFACES)
    @pytest.mark.parametrize("form", ["{}", "{}:443", "{}:8443", "{}."])
    def test_it_answers_to_its_own_name(self, ask, surface, form):
        name = form.format(NAMES[surface])
        assert ask(surface, name).status_code == 200
        assert ask(surface, name.upper()).status_code == 200

    @pytest.mark.parametrize("surface", SURFACES)
    @pytest.mark.parametrize(
        "host",
        ["evil.example", "localhost", "127.0.0.1", "[::1]", "example.se", "x.kontakt.example.se", "",
         "kontakt.example.se.evil.example", "kontakt.example.se, evil.example", "kontakt.example.se@evil",
         "[", "[kontakt.example.se", "a" * 300, "å.se", "."],
    )  # fmt: skip
    def test_any_other_name_is_led_home(self, ask, surface, host):
        answer = ask(surface, host)
        assert answer.status_code == 421
        assert headers.faults(answer.headers, is_https=True) == []
        assert f'<a href="https://{NAMES[surface]}' in answer.text
        assert "Sidan finns inte" in answer.text
        assert "evil" not in answer.text

    def test_the_two_do_not_answer_for_each_other(self, ask):
        assert ask("citizen", NAMES["handler"]).status_code == 421
        assert ask("handler", NAMES["citizen"]).status_code == 421

    @pytest.mark.parametrize("surface", SURFACES)
    def test_a_load_balancer_asks_by_address(self, ask, surface):
        assert ask(surface, "10.0.0.5:8080", "/healthz").status_code == 200

    def test_nothing_is_done_under_another_name(self, ask, seen):
        assert ask("citizen", "evil.example", "/borja", "POST").status_code == 421
        assert ask("citizen", "evil.example", "/static/intake.css").status_code == 421
        assert seen.scalar(select(func.count()).select_from(Draft)) == 0

    def test_a_browser_that_names_nobody_is_led_home_too(self, make_app, settings):
        with served(make_app("citizen"), settings) as server:
            line = Browser(server.effective_port).open(b"GET / HTTP/1.0\r\n\r\n")
            with line:
                assert Answer(heard(line)).status == 421

    def test_both_in_one_process_answer_under_both_names(self, settings):
        assert hosts.names_of(replace(settings, surface="all")) == set(NAMES.values())


@pytest.mark.parametrize("surface", SURFACES)
def test_where_nothing_is_named_this_machine_is(make_app, surface):
    client = make_app(surface).test_client()
    for host, status in (
        ("127.0.0.1:8080", 200),
        ("localhost", 200),
        ("[::1]:8081", 200),
        ("evil.example", 421),
    ):
        assert client.get(OPEN[surface], headers={"Host": host}).status_code == status


@pytest.mark.parametrize("surface", SURFACES)
def test_a_surface_has_no_page_of_the_other(make_app, surface):
    app = make_app(surface)
    owners = {rule.endpoint.partition(".")[0] for rule in app.url_map.iter_rules()}
    assert owners == {surface, "static", "healthz"}
    others = {"citizen": ("/logga-in", "/konto", "/hitta"), "handler": ("/borja", "/folj", "/kvitto")}
    for path in others[surface]:
        assert app.test_client().get(path).status_code == 404


def test_a_name_is_read_as_browsers_send_it():
    assert hosts.name_in("https://Räksmörgås.se/a") == "xn--rksmrgs-5wao1o.se"
    assert hosts.name_in("http://[2001:db8::1]:8080") == "2001:db8::1"
    assert hosts.name_in(f"{'a' * 64}.se") == ""


@pytest.mark.parametrize(
    ("public", "handler", "is_fault"),
    [
        ("https://kontakt.example.se", "https://handlaggare.example.se", False),
        ("https://example.se", "https://example.se:8443", True),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8081", False),
    ],
)
def test_the_doctor_wants_two_host_names(settings, public, handler, is_fault):
    named = replace(settings, public_url=public, handler_url=handler)
    found = [finding for finding in diagnosis.examine(named) if finding.what == "HANDLER_URL"]
    assert any(finding.is_fault for finding in found) == is_fault
