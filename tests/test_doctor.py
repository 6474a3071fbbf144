"""What the doctor says of ways that somebody could listen on, and of roles that no wall holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.settings import Settings
from intake import diagnosis

TOLD = "checks the server"


def faults(look, settings):
    return {found.what: found.words for found in look(settings) if found.is_fault}


@pytest.mark.parametrize(
    ("url", "is_open"),
    [
        ("postgresql://handler@db.invalid/intake", True),
        ("postgresql://handler@db.invalid/intake?sslmode=require", True),
        ("postgresql://handler@db.invalid/intake?sslmode=verify-full&sslrootcert=/ca.pem", False),
        ("postgresql://handler@127.0.0.1:1/intake", False),
        ("postgresql://handler@/intake?host=/var/run/nowhere", False),
    ],
)
def test_a_database_elsewhere_is_spoken_to_by_tls_alone(settings, url, is_open):
    found = faults(diagnosis._database, replace(settings, database_urls={"handler": url}))
    assert ("DATABASE_URL_HANDLER" in found) == is_open
    assert not is_open or TOLD in found["DATABASE_URL_HANDLER"]


@pytest.mark.parametrize(
    ("url", "is_open"),
    [
        ("redis://queue.invalid:6379/0", True),
        ("rediss://queue.invalid:6379/0?ssl_cert_reqs=none", True),
        ("rediss://queue.invalid:6379/0", False),
        ("redis://localhost:1/0", False),
        ("unix:///nowhere/valkey.sock", False),
    ],
)
def test_so_is_a_queue_elsewhere(settings, url, is_open):
    assert ("REDIS_URL" in faults(diagnosis._queue, replace(settings, redis_url=url))) == is_open


def test_a_role_that_no_wall_holds_is_a_fault(settings, database):
    here = replace(settings, database_urls=database.urls)
    assert faults(diagnosis._database, here) == {}
    wrong = {
        **database.urls,
        "handler": database.urls["owner"],
        "citizen": database.url.replace("+psycopg", ""),
    }
    wrong["citizen"] = wrong["citizen"].replace("postgresql://", "postgresql+psycopg://")
    found = faults(diagnosis._database, replace(here, database_urls=wrong))
    assert found.keys() == {"database as handler", "database as citizen"}
    assert all("second wall does not hold" in words for words in found.values())


def test_a_provider_without_a_strength_is_told_of():
    said = {
        "OIDC_ISSUER": "https://id.example.se",
        "OIDC_CLIENT_ID": "intake",
        "OIDC_CLIENT_SECRET": "s" * 32,
    }
    assert "OIDC_ACR" in {found.what for found in diagnosis._settings(Settings.from_mapping(said))}
    strong = Settings.from_mapping({**said, "OIDC_ACR": "loa3"})
    assert "OIDC_ACR" not in {found.what for found in diagnosis._settings(strong)}


def test_both_surfaces_in_one_are_said_to_have_no_second_wall():
    said = {"SURFACE": "all", "DATABASE_URL_OWNER": "postgresql://owner@db.example.se/intake"}
    found = {found.what: found for found in diagnosis._settings(Settings.from_mapping(said))}
    assert "no second wall" in found["SURFACE"].words
    assert found["SURFACE"].is_advice


def test_surfaces_that_are_served_apart_are_not_said_to_have_no_second_wall():
    found = {found.what: found for found in diagnosis._settings(Settings.from_mapping({"SURFACE": "all"}))}
    assert "serves the two surfaces apart" in found["SURFACE"].words
    assert not found["SURFACE"].is_advice
