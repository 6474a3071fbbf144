"""The access log: whoever changes it is found out, and nobody but the owner of the database can."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import click.testing
import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from intake import access, chains, diagnosis
from intake.cli import common, evidence, matters
from intake.extensions import db
from intake.models import AccessLog, Handler, Matter
from tests import desk

ADD = "SELECT add_look(:chain, NULL, NULL, 'Anna', :what, NULL, NULL, :reason, NULL)"
ONE, TWO = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"


@pytest.fixture
def write(seen):
    """Write looks into chains, as the functions do that know who looks."""

    def add(chain, count=1, what="matter"):
        for number in range(count):
            seen.execute(text(ADD), {"chain": chain, "what": what, "reason": f"skäl {number}"})
        seen.commit()

    return add


@pytest.fixture
def tamper(seen):
    """Do what only the owner of the database can."""

    def do(*statements):
        for statement in statements:
            assert seen.execute(text(statement)).rowcount, statement
        seen.commit()

    return do


@pytest.fixture
def seal(worker_app):
    def do():
        with worker_app.app_context():
            return chains.seal()

    return do


@pytest.fixture
def prove(worker_app):
    def do(kept=None):
        with worker_app.app_context():
            return chains.prove(kept)

    return do


@pytest.fixture
def shown(database):
    """Ask under the handlers' role as somebody does at a prompt, with a session's secret shown."""
    engine = database.prompt("handler")

    def ask(token, *statements, commits=True):
        with engine.connect() as connection:
            connection.execute(text("SELECT set_config('app.session', :token, true)"), {"token": token})
            for words in statements:
                found = connection.execute(text(words))
            answer = found.all()
            connection.commit() if commits else connection.rollback()
        return answer

    return ask


@pytest.fixture
def token_of(make_app, handler_app):
    """Hire somebody and sign in; return the session's secret."""
    owner_app = make_app("handler", "owner")

    def begin(email, *memberships):
        desk.hire(owner_app, email, *memberships)
        with owner_app.app_context():
            handler_id = db.session.scalar(select(Handler.id).where(Handler.email == email))
        with handler_app.app_context():
            return access.begin(handler_id, stage="open", agent="en webbläsare")

    return begin


def test_a_log_that_nobody_touched_is_whole(write, seal, prove):
    write(ONE, 5)
    write(TWO, 3)
    made = seal()
    write(ONE)
    found = prove()
    assert found.faults == ()
    assert (found.rows, found.chains, found.unsealed, found.seals, found.seal) == (10, 3, 1, 1, made)


@pytest.mark.parametrize(
    "change",
    ["reason = 'annat'", "at = at - interval '1 second'", "actor = 'Bo'", "what = 'view'", "words = 'x'",
     "matter_id = gen_random_uuid()", "handler_id = NULL, session_id = gen_random_uuid()",
     "id = gen_random_uuid()", "hash = sha256('x')"],
)  # fmt: skip
def test_a_row_that_was_changed_is_named(write, tamper, prove, change):
    write(ONE, 5)
    tamper(f"UPDATE access_log SET {change} WHERE seq = 3")
    assert f"chain {ONE}: row 3 of " in prove().faults[0]


def test_a_row_that_was_taken_away_in_the_middle_is_missed(write, tamper, prove):
    write(ONE, 5)
    tamper("DELETE FROM access_log WHERE seq IN (2, 3)")
    (fault,) = prove().faults
    assert fault.startswith(f"chain {ONE}: rows 2 to 3 are missing before row 4 of ")


def test_the_last_row_is_missed(write, tamper, prove):
    write(ONE, 5)
    tamper("DELETE FROM access_log WHERE seq = 5")
    (fault,) = prove().faults
    assert fault.startswith(f"chain {ONE}: the last rows are missing, 5 to 5, after ")


def test_a_row_that_was_put_in_is_found(write, tamper, prove):
    write(ONE, 3)
    columns = "chain, session_id, handler_id, actor, matter_id, attachment_id, reason, words, hash"
    put_in = f"INSERT INTO access_log (id, at, what, seq, {columns}) SELECT gen_random_uuid(), now(), 'view'"
    tamper(f"{put_in}, 4, {columns} FROM access_log WHERE seq = 3")
    assert {fault.partition(" of ")[0] for fault in prove().faults} == {
        f"chain {ONE}: row 4", f"chain {ONE}: ends at row 4"
    }  # fmt: skip
    tamper("UPDATE access_log SET seq = 3 WHERE seq = 4")
    assert any(fault.endswith("is one too many") for fault in prove().faults)


def test_the_rows_of_a_person_without_the_note_of_their_end_are_missed(write, tamper, prove):
    write(ONE, 2)
    tamper("DELETE FROM access_log")
    assert prove().faults == (f"chain {ONE}: all of its 2 rows are missing",)


CUT = ("DELETE FROM access_log WHERE chain = '{0}' AND seq = 3",
       "UPDATE access_chain SET seq = 2, sealed = 2, hash = (SELECT hash FROM access_log"
       " WHERE chain = '{0}' AND seq = 2) WHERE chain = '{0}'")  # fmt: skip
GONE = ("DELETE FROM access_log WHERE chain = '{0}'", "DELETE FROM access_chain WHERE chain = '{0}'")


@pytest.mark.parametrize("statements", [CUT, GONE], ids=["the end", "all of it"])
def test_a_chain_that_was_cut_with_the_note_of_its_end_no_longer_agrees_with_its_seal(
    write, seal, tamper, prove, statements
):
    write(ONE, 3)
    write(TWO, 2)
    seal()
    tamper(*(statement.format(ONE) for statement in statements))
    assert f"chain {ONE}: row 3 is missing, or not as seal 1 of " in prove().faults[0]


def test_a_chain_that_was_written_anew_as_a_whole_no_longer_agrees_with_its_seal(write, seal, tamper, prove):
    write(ONE, 3)
    seal()
    tamper(*(statement.format(ONE) for statement in GONE))
    write(ONE, 3, what="view")
    told = prove().faults
    assert any("not as seal 1 of " in fault for fault in told)
    assert any("but the seals hold it to row 3" in fault for fault in told)


def test_seals_that_were_taken_away_are_missed_by_the_one_that_was_kept_elsewhere(write, seal, tamper, prove):
    write(ONE, 3)
    kept = seal()
    assert prove(kept).faults == ()
    tamper(*(statement.format("seal") for statement in GONE), "UPDATE access_chain SET sealed = 0")
    assert prove().faults == ()
    assert prove(kept).faults[0].startswith(f"no seal has the hash {kept}")


def test_a_seal_that_was_spoilt_stops_no_proof(write, seal, tamper, prove):
    write(ONE)
    seal()
    spoilt = "words = '[{\"' || words || ' a:99999999999999999999:zz a:1 : ::'"
    tamper(f"UPDATE access_log SET {spoilt} WHERE chain = 'seal'")
    assert prove().faults[0].startswith("chain seal: row 1 of ")


def test_nothing_is_sealed_twice_and_the_seal_is_told_to_the_security_log(write, seal, caplog):
    write(ONE)
    with caplog.at_level("INFO", "intake.security"):
        made = seal()
    assert f"log_sealed hash={made}" in caplog.text
    assert seal() is None


def test_a_look_that_is_still_being_written_keeps_no_seal_waiting(write, seal, database):
    write(ONE)
    write(TWO)
    with create_engine(database.urls["owner"], poolclass=NullPool).connect() as slow:
        slow.execute(text(ADD), {"chain": ONE, "what": "matter", "reason": None})
        assert seal()
        slow.commit()
    assert seal()


def test_many_at_once_in_many_sessions_leave_whole_chains(token_of, shown, prove, handler_app):
    names = [f"h{number}@example.se" for number in range(4)]
    tokens = [token_of(name, ("syd-inkorg", "handler")) for name in names]
    with handler_app.app_context():
        people = [access.find_person(token).handler_id for token in tokens]
        tokens += [access.begin(handler_id, stage="open", agent="") for handler_id in people]
    look = "SELECT look_at_list('inbox', NULL, NULL)"
    with ThreadPoolExecutor(8) as pool:
        looks = [pool.submit(shown, token, look) for token in tokens * 20]
        assert all(look.result() != [(None,)] for look in looks)
    found = prove()
    assert found.faults == ()
    # Each of eight sign-ins is a look too.
    assert (found.rows, found.chains) == (8 * 20 + 8, 4)


@pytest.mark.parametrize("role", ["citizen", "handler", "door", "worker"])
@pytest.mark.parametrize("table", ["access_log", "access_log_rest", "access_chain"])
@pytest.mark.parametrize(
    "statement",
    ["INSERT INTO {} (chain, seq, hash) VALUES ('x', 1, '')", "UPDATE {} SET seq = 1", "DELETE FROM {}",
     "TRUNCATE {}"],
)  # fmt: skip
def test_no_role_can_write_into_the_log_itself(database, role, table, statement):
    with (
        create_engine(database.urls[role], poolclass=NullPool).connect() as connection,
        pytest.raises(ProgrammingError, match="permission denied"),
    ):
        connection.execute(text(statement.format(table)))


@pytest.mark.parametrize("role", ["citizen", "handler", "door"])
@pytest.mark.parametrize(
    "asked",
    ["SELECT * FROM {month}", "SELECT * FROM access_log", "SELECT * FROM access_chain",
     "DELETE FROM {month}", "SELECT seal_log()", "SELECT make_log_month(now())",
     "SELECT look_by_command('x', 'x', NULL, NULL)",
     "SELECT add_look('x', NULL, NULL, 'x', 'x', NULL, NULL, NULL, NULL)"],
)  # fmt: skip
def test_who_serves_pages_can_neither_read_the_log_nor_keep_it(database, role, asked):
    month = f"access_log_{datetime.now(UTC):%Y_%m}"
    with (
        create_engine(database.urls[role], poolclass=NullPool).connect() as connection,
        pytest.raises(ProgrammingError, match="permission denied"),
    ):
        connection.execute(text(asked.format(month=month)))


def test_a_look_that_is_taken_back_opens_nothing(token_of, shown, worker_app, clock):
    token = token_of("anna@example.se", *desk.seats("syd"))
    look = f"SELECT open_matter('{desk.bring(worker_app, clock)}', true)"
    read = "SELECT text FROM message"
    assert shown(token, look, read, commits=False) == []
    assert shown(token, "SAVEPOINT part", look, "RELEASE part", read, commits=False) == []
    assert shown(token, read) == []
    shown(token, look)
    assert shown(token, read) != []


def test_a_month_that_is_missing_costs_no_look_and_is_made(write, seen, worker_app, prove):
    month = f"access_log_{datetime.now(UTC):%Y_%m}"
    seen.execute(text(f"DROP TABLE {month}"))
    write(ONE, 3)
    with worker_app.app_context():
        lacking = chains.room()
        chains.make_months()
        assert (lacking.astray, chains.room().astray) == (3, 0)
    assert seen.scalar(text(f"SELECT count(*) FROM {month}")) == 3
    assert prove().faults == ()


def test_the_months_to_come_are_there(worker_app, seen):
    after = datetime.now(UTC) + timedelta(days=360)
    with worker_app.app_context():
        chains.make_months()
    assert seen.scalar(text(f"SELECT to_regclass('access_log_{after:%Y_%m}')")) is not None


def test_the_doctor_tells_of_rows_outside_of_all_months_and_of_a_month_that_is_not_made():
    room = chains.Room(3, True, None, False, datetime.now(UTC))
    assert [finding.mark for finding in diagnosis.of_log(room)] == ["FAULT", "ok   "]
    room = chains.Room(0, False, None, False, datetime.now(UTC))
    assert "next month" in next(diagnosis.of_log(room)).words


def test_the_doctor_asks_whether_the_dispatcher_runs_when_no_seal_is_made():
    at = datetime.now(UTC)
    (late,) = diagnosis.of_log(chains.Room(0, True, at - timedelta(hours=2), True, at))
    (idle,) = diagnosis.of_log(chains.Room(0, True, at - timedelta(hours=2), False, at))
    assert (late.is_advice, idle.is_advice) == (True, False)


def test_the_command_says_whole_or_what_is_wrong(write, seal, tamper, worker_app, monkeypatch):
    monkeypatch.setattr(evidence, "app", lambda _role: worker_app)
    write(ONE, 3)
    kept = seal()

    def run(*given):
        done = click.testing.CliRunner().invoke(evidence.verify_log, given)
        return done.exit_code, done.output

    code, words = run("--seal", kept)
    assert code == 0
    assert words.startswith("whole: 4 rows in 2 chains, 1 seals, 0 rows not sealed yet; newest seal " + kept)
    tamper("UPDATE access_log SET actor = 'Bo' WHERE seq = 2")
    code, words = run()
    assert (code, words.startswith(f"chain {ONE}: row 2 of ")) == (1, True)
    assert run("--seal", "x")[0] == 2


def test_a_sign_in_is_a_look_that_says_what_it_opens(token_of, seen):
    token_of("anna@example.se", ("syd-inkorg", "handler"), ("syd-utredning", "reader"))
    row = seen.query(AccessLog).one()
    assert (row.what, row.words) == ("sign_in", "handler:syd-inkorg reader:syd-utredning")


@pytest.fixture
def command(worker_app, monkeypatch):
    """Run a command as a user of the machine."""

    def run(which, *given):
        monkeypatch.setattr(matters, "app", lambda _role: worker_app)
        monkeypatch.setattr(common.os, "getuid", lambda: 54321)
        monkeypatch.setenv("SUDO_USER", "disa")
        return click.testing.CliRunner().invoke(which, given).exit_code

    return run


def test_a_matter_that_is_shown_by_a_command_is_a_look_of_the_systems_user(command, worker_app, clock, seen):
    reference = desk.bring(worker_app, clock)
    assert command(matters.show, reference) == 0
    row = seen.query(AccessLog).one()
    assert (row.chain, row.what, row.actor) == ("command", "show", "54321 (sudo: disa)")
    assert row.matter_id == seen.query(Matter).one().id


def test_a_list_and_a_matter_that_is_not_there_are_looks_too(command, seen):
    assert command(matters.list_matters, "--since", "2026-11-22T10:00:00Z") == 0
    assert command(matters.show, "finns inte") == 1
    rows = seen.query(AccessLog).order_by(AccessLog.seq).all()
    assert [(row.what, row.words, row.matter_id) for row in rows] == [
        ("list", "since=2026-11-22T10:00:00Z", None), ("show", "reference=finns inte", None)
    ]  # fmt: skip
