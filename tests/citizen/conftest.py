"""Fixtures of the citizen's side: a person at the form, and a look into the database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from tests.citizen.person import Person


@pytest.fixture
def person(citizen: FlaskClient) -> Person:
    return Person(citizen)


@pytest.fixture
def seen(database) -> Iterator[Session]:
    """Look into the database as its owner, who sees everything."""
    with Session(create_engine(database.urls["owner"], poolclass=NullPool)) as session:
        yield session
