"""Nothing is served but the pages: no folder, no source, no file of settings, no engine's own pages."""

from __future__ import annotations

import pytest

NEVER_SERVED = (
    "/.git/HEAD", "/.env", "/wsgi.py", "/pyproject.toml", "/config/authority.toml", "/docs/security.md",
    "/var/secrets.json", "/templates/base.html", "/static/", "/static", "/static/..%2fweb.py",
    "/static/../web.py", "/static/%2e%2e/web.py", "/metrics", "/console", "/debug", "/server-status", "/rq",
    "/openapi.json",
)  # fmt: skip


@pytest.fixture(params=["citizen", "handler"])
def client(request, make_app):
    return make_app(request.param).test_client()


@pytest.mark.parametrize("path", NEVER_SERVED)
def test_only_pages_are_served(client, path):
    answer = client.get(path, buffered=True)
    assert answer.status_code in (404, 308), path
    assert "Location" not in answer.headers or answer.headers["Location"].endswith("/static/")


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "DELETE", "PUT", "PROPFIND"])
def test_a_method_that_is_not_used_is_refused(client, method):
    assert client.open("/healthz", method=method).status_code == 405


def test_nothing_is_in_a_mode_for_trying(client):
    app = client.application
    assert (app.debug, app.config["PROPAGATE_EXCEPTIONS"], app.config["EXPLAIN_TEMPLATE_LOADING"]) == (
        False, None, False,
    )  # fmt: skip


def test_no_answer_names_the_programs_behind_it(client):
    for path in ("/healthz", "/static/intake.css", "/nowhere"):
        headers = client.get(path, buffered=True).headers
        assert not {"Server", "X-Powered-By", "Via"} & set(headers.keys()), path


def test_health_tells_no_more_than_itself(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok")
