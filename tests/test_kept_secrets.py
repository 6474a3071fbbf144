"""The secrets under var: made once, kept private, changed by a command that never shows them."""

from __future__ import annotations

import fcntl
import os

import pytest
from click.testing import CliRunner

from config.settings import SettingsError
from intake import kept_secrets, running
from intake.cli import main

ALL = set(kept_secrets.NAMES)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder of a service that has run, in an environment that names nothing else."""
    for name in ALL:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("INTAKE_VAR", str(tmp_path))
    kept_secrets.make(tmp_path)
    return tmp_path


@pytest.fixture
def sealed_anew(monkeypatch):
    """Note when the secrets of second factors are sealed anew; there is no database here."""
    seen = []
    monkeypatch.setattr("intake.cli.keys._seal_anew", lambda: seen.append(True))
    return seen


@pytest.fixture
def run_since_before(home):
    """A service that runs since before anything was changed."""
    lock = home / "run" / "intake.lock"
    lock.parent.mkdir()
    with lock.open("w") as held:
        os.utime(lock, (0, 0))
        fcntl.flock(held, fcntl.LOCK_EX)
        yield lock


def rotate(*words):
    return CliRunner().invoke(main, ["rotate-keys", *words])


def numbers(home):
    return {name: len(keys.split()) for name, keys in kept_secrets.read(home).items()}


def test_they_are_made_once_and_kept_private(home):
    made = kept_secrets.read(home)
    assert kept_secrets.make(home) == made
    assert len(set(made.values())) == 3
    assert kept_secrets.path_of(home).stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_read_is_never_made_anew(home):
    kept_secrets.path_of(home).write_text("{")
    with pytest.raises(SettingsError, match="backup"):
        kept_secrets.make(home)


def test_a_new_key_is_put_first_and_the_old_one_is_kept(home):
    before = kept_secrets.read(home)
    done = rotate()
    after = kept_secrets.read(home)
    assert done.exit_code == 0
    assert all(after[name].endswith(f" {before[name]}") for name in ALL)
    assert kept_secrets.path_of(home).stat().st_mode & 0o777 == 0o600
    assert not any(key in done.output for keys in after.values() for key in keys.split())


def test_only_what_is_named_is_changed(home):
    rotate("ADDRESS_KEY")
    assert numbers(home) == {"SECRET_KEY_CITIZEN": 1, "SECRET_KEY_HANDLER": 1, "ADDRESS_KEY": 2}


def test_older_keys_are_retired_but_that_of_addresses_by_name_alone(home, sealed_anew):
    rotate()
    newest = {name: keys.split()[0] for name, keys in kept_secrets.read(home).items()}
    assert rotate("--retire").exit_code == 0
    assert numbers(home) == {"SECRET_KEY_CITIZEN": 1, "SECRET_KEY_HANDLER": 1, "ADDRESS_KEY": 2}
    assert rotate("--retire", "ADDRESS_KEY").exit_code == 0
    assert kept_secrets.read(home) == newest


def test_what_an_older_key_seals_is_sealed_anew_before_it_goes(home, sealed_anew):
    rotate("--retire")
    assert sealed_anew == []
    rotate("SECRET_KEY_CITIZEN")
    rotate("--retire")
    assert sealed_anew == []
    rotate("SECRET_KEY_HANDLER")
    rotate("--retire")
    assert sealed_anew == [True]


def test_a_key_that_cannot_be_sealed_anew_is_not_lost(home, monkeypatch):
    rotate("SECRET_KEY_HANDLER")
    # No database answers here.
    assert rotate("--retire").exit_code == 1
    assert numbers(home)["SECRET_KEY_HANDLER"] == 2


def test_nothing_is_retired_that_the_running_service_still_needs(home, sealed_anew, run_since_before):
    rotate()
    done = rotate("--retire")
    assert (done.exit_code, numbers(home)["SECRET_KEY_HANDLER"]) == (1, 2)
    assert "start it anew first" in done.stderr
    os.utime(run_since_before)
    assert rotate("--retire").exit_code == 0


def test_a_service_that_is_stopped_is_not_older_than_anything(home, run_since_before):
    assert running.is_older_than(home, kept_secrets.path_of(home))
    run_since_before.unlink()
    run_since_before.touch()
    os.utime(run_since_before, (0, 0))
    assert not running.is_older_than(home, kept_secrets.path_of(home))


@pytest.mark.parametrize("words", [(), ("--retire",)])
def test_what_is_set_elsewhere_is_left_and_told_how(home, sealed_anew, monkeypatch, words):
    monkeypatch.setenv("SECRET_KEY_CITIZEN", f"{'n' * 32} {'c' * 32}")
    before = kept_secrets.read(home)["SECRET_KEY_CITIZEN"]
    done = rotate(*words)
    assert "SECRET_KEY_CITIZEN is set by you" in done.stderr
    assert "nnnn" not in done.output
    assert kept_secrets.read(home)["SECRET_KEY_CITIZEN"] == before
