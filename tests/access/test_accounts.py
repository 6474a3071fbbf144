"""Accounts: a first password that is shown once, roles in units, the demonstration's people."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, select, text, update
from sqlalchemy.pool import NullPool

from intake import access, demo, running
from intake.access import sessions
from intake.access.roles import ROLES
from intake.cli import people
from intake.cli.common import machine_user
from intake.errors import Conflict, NotAllowed, NotFound
from intake.extensions import db
from intake.models import AccessLog, Event, Handler, HandlerSession, Job, Matter, Membership, RecoveryCode
from tests import desk, engines


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
    by_role = {row.role for row in db.session.query(Membership)}
    assert by_role == set(ROLES)


@pytest.fixture
def live(make_app, settings):
    authority = replace(settings.tables.authority, is_confirmed=True)
    chosen = replace(settings, tables=replace(settings.tables, authority=authority))
    with make_app("handler", "owner", chosen=chosen).app_context():
        yield chosen


def test_a_service_in_use_gets_no_made_up_people_or_matters(live):
    for make in (access.demo_handlers, lambda: demo.send(1)):
        with pytest.raises(NotAllowed, match="confirmed = true"):
            make()
    assert db.session.query(Handler).count() == db.session.query(Matter).count() == 0


def test_a_run_makes_them_for_a_demonstration_alone(settings, live):
    assert [step.name for step in running.plan_of(settings).first] == ["migrate", "demo-handlers"]
    assert [step.name for step in running.plan_of(live).first] == ["migrate"]


@pytest.fixture
def anna(app, clock):
    """Somebody with an app, a saved code and a sign-in that is open."""
    desk.hire(app, "anna@example.se", *desk.seats("syd"))
    handler = db.session.scalars(select(Handler)).one()
    db.session.add(RecoveryCode(handler_id=handler.id, code_hash="x", created_at=clock()))
    db.session.commit()
    sessions.begin(handler.id, stage="open", agent="Firefox på Windows")
    return handler


def told():
    """Return what the access log tells of commands: by whom, what and about whom."""
    rows = select(AccessLog.actor, AccessLog.what, AccessLog.words).where(AccessLog.chain == "command")
    return [tuple(row) for row in db.session.execute(rows.order_by(AccessLog.seq))]


def is_in():
    return db.session.scalar(select(HandlerSession.ended_at)) is None


def test_a_factor_that_is_lost_is_forgotten_and_nothing_else_is_given(anna):
    before = anna.password_hash
    access.forget_factor(" Anna@example.se", by="root")
    db.session.refresh(anna)
    assert (anna.totp_secret, anna.totp_step, anna.password_hash) == (None, None, before)
    assert not anna.must_change_password
    assert db.session.query(RecoveryCode).count() == 0
    assert not is_in()
    assert told() == [("root", "forget_factor", "anna@example.se")]


def test_a_renewed_password_leaves_the_factor(anna, clock):
    password = access.renew_password("anna@example.se", by="root")
    db.session.refresh(anna)
    assert anna.must_change_password
    assert (anna.password_expires_at - clock()).days == 13
    assert anna.totp_secret is not None
    assert not is_in()
    assert told() == [("root", "renew_password", "anna@example.se")]
    assert password not in str(told())


def test_a_handler_who_is_disabled_is_out_until_enabled(anna):
    access.disable_handler("anna@example.se", by="root")
    assert not is_in()
    assert db.session.scalar(select(Handler.disabled_at)) is not None
    access.enable_handler("anna@example.se", by="root")
    assert not is_in()
    assert db.session.scalar(select(Handler.disabled_at)) is None
    assert [what for _by, what, _words in told()] == ["disable_handler", "enable_handler"]


def test_what_a_disabled_handler_had_in_hand_goes_back_and_the_urgent_rings_again(anna, worker_app, clock):
    for _ in range(2):
        desk.bring(worker_app, clock)
    first = select(Matter.id).order_by(Matter.reference).limit(1).scalar_subquery()
    db.session.execute(update(Matter).values(handler_id=anna.id, status="in_progress"))
    db.session.execute(update(Matter).where(Matter.id == first).values(priority=1))
    db.session.commit()
    access.disable_handler("anna@example.se", by="root")
    assert set(db.session.execute(select(Matter.handler_id, Matter.status))) == {(None, "registered")}
    left = db.session.query(Event).filter(Event.what == "handler_left")
    assert [(each.actor, each.handler_id) for each in left] == [("system", None)] * 2
    assert db.session.query(Job).filter(Job.kind == "alarm").count() == 1


@pytest.mark.parametrize("act", ["renew_password", "forget_factor", "disable_handler", "enable_handler"])
def test_nobody_with_that_address_is_told_and_nothing_is_logged(app, act):
    with pytest.raises(NotFound, match="ingen handläggare"):
        getattr(access, act)("ingen@example.se", by="root")
    assert told() == []


@pytest.mark.parametrize("command", ["renew-password", "forget-factor", "disable-handler", "enable-handler"])
def test_a_command_is_logged_in_the_name_of_the_machines_user(app, anna, monkeypatch, command):
    monkeypatch.setattr(people, "app", lambda _role: app)
    monkeypatch.setenv("USER", "somebody-else")
    done = CliRunner().invoke(people.main, [command, "anna@example.se"])
    assert done.exit_code == 0, done.output
    assert told() == [(machine_user(), command.replace("-", "_"), anna.email)]


@pytest.mark.parametrize(
    ("idle", "old", "is_open"), [(29, 599, True), (30, 60, False), (1, 600, False)], ids=str
)
def test_what_has_run_out_is_ended_by_a_worker(anna, worker_app, clock, idle, old, is_open):
    at = clock()
    times = {
        "seen_at": at - timedelta(minutes=idle),
        "expires_at": at + timedelta(minutes=600 - old, seconds=1),
    }
    db.session.execute(update(HandlerSession).values(times))
    db.session.commit()
    clock.at += timedelta(seconds=1)
    with worker_app.app_context():
        assert access.end_run_out() == (0 if is_open else 1)
    assert is_in() == is_open


def test_a_new_installation_has_no_accounts(servers, tmp_path):
    with (
        engines.database(servers[0], tmp_path) as fresh,
        create_engine(fresh.urls["owner"], poolclass=NullPool).connect() as connection,
    ):
        assert connection.scalar(text("SELECT count(*) FROM handler")) == 0
