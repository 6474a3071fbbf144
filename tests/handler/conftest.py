"""Fixtures: handlers of two regions, one of SU and one of the file quarantine, each at a desk."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from intake.models import Matter, StatusCode, new_id
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
def eva(sit):
    """Somebody who keeps the machine running, and also handles matters in the south and nationally."""
    seats = (("syd-inkorg", "operator"), *desk.seats("syd"), ("nationell-inkorg", "handler"))
    return sit("eva.syd@example.se", *seats, name="Eva Ljung")


@pytest.fixture
def cora(sit):
    """Somebody who coordinates the south."""
    return sit("cora.syd@example.se", ("syd-inkorg", "coordinator"), name="Cora Ek")


@pytest.fixture
def olle(sit):
    """An operator who sees no matter."""
    return sit("drift@example.se", ("syd-kontaktcenter", "operator"), name="Olle Drift")


@pytest.fixture
def both(sit):
    """An operator who also handles matters in the south."""
    return sit("eva@example.se", ("syd-inkorg", "operator"), *desk.seats("syd"), name="Eva Ljung")


@pytest.fixture
def post(worker_app):
    """Do something with letters as a worker does."""

    def do(act, *given, **said):
        with worker_app.app_context():
            return act(*given, **said)

    return do


@pytest.fixture
def bring(worker_app, clock):
    return lambda **changes: desk.bring(worker_app, clock, **changes)


@pytest.fixture
def brought(bring, seen, clock):
    """Let a matter come in with these columns, and a status code."""

    def come(**values):
        reference = bring()
        values = {"category": "anmalan", "flags": []} | values
        seen.execute(update(Matter).where(Matter.reference == reference).values(**values))
        matter = seen.query(Matter).filter_by(reference=reference).one()
        seen.add(StatusCode(id=new_id(), matter_id=matter.id, code_hash=reference, created_at=clock()))
        seen.commit()
        return reference

    return come
