"""Fixtures: handlers of two regions, one of SU and one of the file quarantine, each at a desk."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from tests import desk


@pytest.fixture
def owner_app(make_app):
    return make_app("handler", "owner")


@pytest.fixture
def sit(handler_app, owner_app):
    """Hire somebody and sign in: ``sit("anna@example.se", *memberships)``."""

    def sit_down(email, *memberships, name="Anna Lindgren"):
        password = desk.hire(owner_app, email, *memberships, name=name)
        made = desk.Desk(handler_app, email, password)
        assert made.sign_in().status_code == 303
        return made

    return sit_down


@pytest.fixture
def anna(sit):
    return sit("anna.syd@example.se", *desk.seats("syd"))


@pytest.fixture
def bring(worker_app, clock):
    return lambda **changes: desk.bring(worker_app, clock, **changes)


@pytest.fixture
def seen(database):
    """Look into the database as its owner, who sees everything."""
    engine = create_engine(database.urls["owner"])
    with Session(engine) as session:
        yield session
    engine.dispose()
