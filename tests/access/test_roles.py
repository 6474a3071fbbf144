"""What a role may is said once for pages and once for the database; the two agree."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from intake.access import roles
from intake.access.person import Seat
from intake.extensions import db
from intake.models import Handler
from intake.models.people import ROLES
from tests import desk, engines

UNIT = "nationell-inkorg"
KIM = "(SELECT id FROM handler WHERE email = :email)"


@pytest.fixture
def units(handler_app, make_app):
    """Return the units that the database gives somebody with one role, by the function that is asked."""

    def ask(role, function):
        owner = make_app("handler", "owner")
        desk.hire(owner, "kim@example.se", (UNIT, role))
        with owner.app_context():
            handler_id = db.session.scalars(select(Handler.id)).one()
        with desk.seated(handler_app, handler_id):
            return db.session.scalar(text(f"SELECT {function}()"))

    return ask


def test_every_seat_reaches_the_same_units_wherever_it_is_asked(make_app, seen):
    owner = make_app("handler", "owner")
    units = engines.TABLES.authority.units
    for number, (unit, role) in enumerate((unit, role) for unit in units for role in ROLES):
        email = f"kim{number}@example.se"
        desk.hire(owner, email, (unit.code, role))
        whose = {"email": email, "roles": [role], "seat": f"{role}:{unit.code}"}
        known = seen.scalar(text(f"SELECT units_of({KIM}, :roles)"), whose)
        seat = Seat(unit.code, role, unit.region, unit.is_walled)
        assert set(known) == {each.code for each in units if seat.reaches(each)}, (unit.code, role)
        if "see" in roles.held([role]):
            covered = seen.scalars(text("SELECT id FROM unit WHERE seat_covers(:seat, id)"), whose)
            assert set(known) == set(covered), (unit.code, role)
        seen.rollback()


def test_every_role_says_what_it_is():
    assert set(ROLES) == set(roles.ROLES)
    assert all(role.name and role.words.endswith(".") and role.may for role in roles.ROLES.values())


@pytest.mark.parametrize("role", ROLES)
def test_who_sees_on_the_pages_sees_in_the_database(units, role):
    assert (UNIT in units(role, "session_units")) == ("see" in roles.held([role]))


@pytest.mark.parametrize("role", ROLES)
def test_who_acts_on_the_pages_acts_in_the_database(units, role):
    acts = bool({"sort", "answer"} & roles.held([role]))
    assert (UNIT in units(role, "acting_units")) == acts


@pytest.mark.parametrize("role", ROLES)
def test_who_administers_on_the_pages_administers_in_the_database(units, role):
    assert (UNIT in units(role, "administered_units")) == ("administer" in roles.held([role]))
