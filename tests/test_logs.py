"""Lines of the log: one object each, in UTC, and never an error's own words."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from intake.logs import JsonLines


def written(words, *, error=None):
    """Return what is written of a record, one line of text."""
    told = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("intake.security", logging.WARNING, "file.py", 1, words, (), told)
    record.created = datetime(2026, 11, 22, 15, 5, tzinfo=UTC).timestamp()
    return JsonLines().format(record)


def test_a_line_tells_when_who_wrote_it_how_grave_it_is_and_what():
    assert json.loads(written("sign_in outcome=ok")) == {
        "at": "2026-11-22T15:05:00.000+00:00",
        "level": "warning",
        "logger": "intake.security",
        "words": "sign_in outcome=ok",
    }


def test_line_ends_in_words_begin_no_line_of_their_own():
    forged = 'x\n{"level": "info", "words": "sign_in outcome=ok"}\r\x85\u2028\x1b[2J'
    line = written(forged)
    assert json.loads(line)["words"] == forged
    assert "\n" not in line
    assert "\r" not in line
    assert "\x1b" not in line


def test_an_error_is_told_by_its_class_and_places_alone():
    try:
        raise ValueError("Min granne heter Kim")
    except ValueError as error:
        line = written("the act failed", error=error)
    assert "Kim" not in line
    assert json.loads(line)["error"] == "ValueError"
    assert "test_logs.py" in json.loads(line)["frames"][-1]
