"""Fixtures of the citizen's side: a person at the form."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.citizen.person import Person


@pytest.fixture
def person(citizen: FlaskClient) -> Person:
    return Person(citizen)
