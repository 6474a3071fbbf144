"""What a test needs and a machine may lack: skipped with its reason, or a failure where all must run."""

from __future__ import annotations

import os

import pytest


def need(condition: bool, reason: str) -> None:
    """Skip the test unless the condition holds; fail it instead when INTAKE_TEST_REQUIRE_ALL is 1."""
    if condition:
        return
    if os.environ.get("INTAKE_TEST_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
