"""The command that looks a file through tells what it found, and what could not be found out."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from intake.cli import main


@pytest.fixture
def check(monkeypatch, settings, tmp_path):
    """Run the command on a text, with a scanner that is not there."""

    def run(*words):
        away = replace(settings, scanner="clamd", clamd_socket=tmp_path / "none")
        monkeypatch.setattr("intake.cli.files.read_settings", lambda: away)
        (tmp_path / "a.txt").write_text("Hej!\n")
        return CliRunner().invoke(main, ["check-file", *words, str(tmp_path / "a.txt")])

    return run


@pytest.mark.parametrize("words", [[], ["--received"]])
def test_a_file_that_no_scanner_answered_for_is_said_to_be_unchecked(check, words):
    done = check(*words)
    told = json.loads(done.stdout)
    assert (done.exit_code, told["verdict"]) == (0, "accept")
    assert told["findings"] == [
        {"code": "unchecked", "words": "Väntar på kontroll: virusskannern svarar inte."}
    ]
    assert "was not scanned" in done.stderr
