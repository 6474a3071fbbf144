"""Where a fault can be reported: /.well-known/security.txt, as RFC 9116 has it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from tests.engines import TABLES

PLACE = "/.well-known/security.txt"


def test_it_names_a_contact_and_an_end_within_a_year(citizen, clock):
    answer = citizen.get(PLACE)
    told = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert told["Contact"] == TABLES.authority.security_contact
    ends_at = datetime.fromisoformat(told["Expires"])
    assert clock() < ends_at < clock() + timedelta(days=365)
    assert told["Preferred-Languages"] == "sv, en"
    assert "Canonical" not in told


def test_its_own_address_is_told_where_there_is_https(make_app, settings):
    app = make_app(chosen=replace(settings, public_url="https://kontakt.example.se"))
    answer = app.test_client().get(PLACE, base_url="https://kontakt.example.se")
    assert f"Canonical: https://kontakt.example.se{PLACE}" in answer.text


def test_without_a_contact_there_is_no_such_file(make_app, settings):
    nobody = replace(settings.tables.authority, security_contact="")
    app = make_app(chosen=replace(settings, tables=replace(settings.tables, authority=nobody)))
    assert app.test_client().get(PLACE).status_code == 404
