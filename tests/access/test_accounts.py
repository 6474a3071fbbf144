"""Accounts: a first password that is shown once, roles in units, the demonstration's people."""

from __future__ import annotations

import pytest

from intake import access
from intake.errors import Conflict, NotAllowed, NotFound
from intake.extensions import db
from intake.models import Handler, Membership


@pytest.fixture
def app(make_app):
    app = make_app("handler", "owner")
    with app.app_context():
        yield app


def test_a_new_handler_must_change_a_password_that_expires(app, clock):
    password = access.add_handler(" Eva@Example.SE ", "Eva  Ny", [("syd-inkorg", "handler")])
    handler = db.session.query(Handler).one()
    assert (handler.email, handler.name, handler.must_change_password) == ("eva@example.se", "Eva Ny", True)
    assert (handler.password_expires_at - clock()).days == 13
    assert password not in handler.password_hash


@pytest.mark.parametrize(
    ("email", "name", "seat", "error"),
    [
        ("eva", "Eva", ("syd-inkorg", "handler"), NotAllowed),
        ("eva@example.se", " ", ("syd-inkorg", "handler"), NotAllowed),
        ("eva@example.se", "Eva", ("syd-inkorg", "king"), NotAllowed),
        ("eva@example.se", "Eva", ("atlantis", "handler"), NotFound),
    ],
)
def test_what_will_not_do_makes_no_account(app, email, name, seat, error):
    with pytest.raises(error):
        access.add_handler(email, name, [seat])
    assert db.session.query(Handler).count() == 0


def test_an_address_has_one_account(app):
    access.add_handler("eva@example.se", "Eva", [("syd-inkorg", "handler")])
    with pytest.raises(Conflict, match="som heter Eva"):
        access.add_handler("EVA@example.se", "Ewa", [("nord-inkorg", "handler")])
    assert db.session.query(Membership).count() == 1


def test_who_is_there_already_gets_what_is_missing_and_keeps_the_password(app):
    access.add_handler("eva@example.se", "Eva", [("syd-inkorg", "handler")])
    before = db.session.query(Handler).one().password_hash
    seats = [("syd-inkorg", "handler"), ("syd-inkorg", "operator"), ("nord-inkorg", "handler")]
    assert access.add_handler("EVA@example.se", "Eva", seats) is None
    assert db.session.query(Handler).one().password_hash == before
    assert sorted((row.unit_id, row.role) for row in db.session.query(Membership)) == sorted(seats)


def test_a_unit_that_is_none_is_answered_with_those_there_are(app):
    with pytest.raises(NotFound, match="välj bland syd-grans, syd-inkorg, ") as near:
        access.add_handler("eva@example.se", "Eva", [("syd", "operator")])
    assert "nord-inkorg" not in str(near.value)
    with pytest.raises(NotFound, match="nord-inkorg"):
        access.add_handler("eva@example.se", "Eva", [("atlantis", "operator")])


def test_the_demonstrations_people_are_made_once(app):
    made = access.demo_handlers()
    emails = {each.email for each in made}
    assert {"anna.syd@example.se", "karin.nord@example.se", "sara.su@example.se"} <= emails
    assert {"nils.nationell@example.se", "filip.karantan@example.se"} <= emails
    assert len({each.password for each in made}) == len(made)
    assert [each.email for each in made if "Postrummet" in each.words] == ["nils.nationell@example.se"]
    assert access.demo_handlers() == []
