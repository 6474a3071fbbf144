"""What somebody tried on the citizens' side leaves a line each, with no word of what was tried."""

from __future__ import annotations

import logging

import pytest

from intake import codes
from intake.citizen import resume, status, uploads
from tests.parts import sign

CODE = "ABCD-EFGH-JKLM-NPQR"


@pytest.fixture
def told(caplog):
    caplog.set_level(logging.INFO, "intake.security")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "intake.security"]


def test_throttled_guesses_at_a_status_code_leave_a_line(citizen, monkeypatch, told):
    monkeypatch.setattr(status, "TRIES_PER_HOUR", 0)
    asked = {"reference": "ABC-123", "code": CODE, "csrf_token": sign(citizen)}
    assert citizen.post("/folj", data=asked).status_code == 429
    (line,) = told()
    assert line.startswith("over_limit what=status who=")
    assert "127.0.0.1" not in line
    assert codes.compact(CODE) not in line


def test_throttled_guesses_at_a_resume_code_leave_a_line(citizen, monkeypatch, told):
    monkeypatch.setattr(resume, "TRIES_PER_HOUR", 0)
    assert citizen.post("/fortsatt", data={"code": CODE, "csrf_token": sign(citizen)}).status_code == 429
    assert [line.split(" who=")[0] for line in told()] == ["over_limit what=resume"]


def test_a_token_that_is_not_good_leaves_a_line(citizen, told):
    sign(citizen)
    citizen.post("/fortsatt", data={"code": CODE, "csrf_token": "another"})
    (line,) = told()
    assert line.startswith("token_refused at=citizen.resume network=")
    assert "127.0.0.1" not in line


def test_too_many_files_leave_a_line(uploader, monkeypatch, told):
    monkeypatch.setattr(uploads, "CREATIONS_PER_HOUR", 0)
    uploader.create(10)
    assert [line.split(" who=")[0] for line in told()] == ["over_limit what=upload"]
