"""What is secret stays so: in no statement that a server may log, in no words of ours, in no open file."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sqlalchemy import Engine, event

import migrations
from config.settings import Settings
from intake import diagnosis

SECRETS = {
    "DATABASE_URL": "postgresql://admin:hidden-1@db.example.se/intake",
    "DATABASE_URL_WORKER": "postgresql://worker:hidden-2@db.example.se/intake",
    "REDIS_URL": "redis://:hidden-3@queue.example.se/0",
    "SECRET_KEY_CITIZEN": f"hidden-4{'c' * 32} hidden-5{'d' * 32}",
    "SECRET_KEY_HANDLER": "hidden-6" + "h" * 32,
    "ADDRESS_KEY": "hidden-7" + "a" * 32,
    "MAIL_PASSWORD": "hidden-8",
}


def looks(settings):
    return [found for found in diagnosis._private(settings) if found.what == "private files"]


def test_no_password_of_a_role_is_sent_to_the_server(database):
    told = []

    def note(_connection, _cursor, statement, parameters, *_rest):
        told.append(f"{statement} {parameters}")

    event.listen(Engine, "before_cursor_execute", note)
    migrations.prepare_roles(database.url, database.var)
    event.remove(Engine, "before_cursor_execute", note)
    passwords = json.loads((database.var / "database-roles.json").read_text()).values()
    assert any("SCRAM-SHA-256" in each for each in told)
    assert not any(password in each for each in told for password in passwords)


def test_settings_that_are_printed_tell_no_secret():
    assert "hidden" not in repr(Settings.from_mapping(SECRETS))


@pytest.mark.parametrize("name", ["SECRET_KEY_CITIZEN", "SECRET_KEY_HANDLER", "ADDRESS_KEY"])
def test_a_key_that_will_not_do_is_named_and_not_shown(name):
    with pytest.raises(ValueError, match=f"{name}: holds a key under 32") as wrong:
        Settings.from_mapping({name: f"{'x' * 32} hidden"})
    assert "hidden" not in str(wrong.value)


def test_the_doctor_counts_keys_and_shows_none():
    found = diagnosis.examine(Settings.from_mapping({"SECRET_KEY_CITIZEN": SECRETS["SECRET_KEY_CITIZEN"]}))
    told = {finding.what: finding for finding in found}
    assert told["SECRET_KEY_CITIZEN"].words == "set, and 1 older still good"
    assert told["ADDRESS_KEY"].is_fault
    assert not any("hidden" in finding.words for finding in found)


def test_the_doctor_is_red_when_others_may_read_what_is_secret(settings, tmp_path):
    (tmp_path / "secrets.json").touch(mode=0o600)
    (tmp_path / "dkim.pem").touch(mode=0o640)
    here = replace(settings, var=tmp_path, mail_dkim_key=tmp_path / "dkim.pem")
    assert [finding.is_fault for finding in looks(here)] == [False]
    (tmp_path / "secrets.json").chmod(0o640)
    (tmp_path / "dkim.pem").chmod(0o644)
    assert [finding.is_fault for finding in looks(here)] == [True, True]
    assert "secrets.json" in looks(here)[0].words
