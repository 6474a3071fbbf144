"""The second wall at a prompt: what plain SQL tells each database role, with and without a session.

Nobody asks through the pages here: whoever has a role's password and psql can run what these tests run.
"""

from __future__ import annotations

import re

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from intake import access, drafts
from intake.models import Handler
from tests import desk
from tests.access.walled import (
    AUDITOR,
    CANARY,
    COLUMNS,
    HIDDEN,
    OPERATOR,
    OWN,
    RELATIONS,
    SYD,
    Answer,
)

GIVEN = {"uuid": "CAST(:{0} AS uuid)", "uuid[]": "ARRAY[CAST(:{0} AS uuid)]", "integer": "10",
         "boolean": "true", "bigint": "10", "numeric": "1", "text": "'x'", "text[]": "ARRAY['x']",
         "date": "current_date", "jsonb": "jsonb_build_object('id', CAST(:{0} AS uuid))",
         "timestamp with time zone": "now()"}  # fmt: skip
FUNCTIONS = """
    SELECT proname, ARRAY(SELECT format_type(t, NULL) FROM unnest(proargtypes) t) FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND has_function_privilege(oid, 'execute')
      AND proargtypes::oid[] && ARRAY['uuid'::regtype::oid, 'uuid[]'::regtype::oid]
"""
# What tells of a side, or of a person, wherever it stands.
TELLING_COLUMNS = [
    ("matter", "unit_id"), ("matter", "category"), ("matter_unit", "unit_id"), ("arrival", "destination"),
    ("arrival", "digest"), ("letter", "sha256"), ("letter", "message_id_header"),
    ("outgoing_letter", "message_id_header"),
    ("matter", "subject"), ("matter", "sender_name"), ("matter", "sender_email"), ("message", "text"),
    ("message", "sender_email"), ("attachment", "name"), ("outgoing_letter", "recipient"),
    ("letter", "sender_email"),
]  # fmt: skip
MEASURED = "EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off, BUFFERS off)"
# Told are an id, for whoever has it or that of what went into it; and that one may write where nothing is.
TELLING = {"surviving_matter", "may_write"}
ITS = "CAST(:id AS uuid)"
REFUSED = re.compile("permission denied|cannot (insert into|delete from|update) view")


def insert(table, **columns):
    """Write the statement that puts one row into a table; columns are given as SQL."""
    names, values = ", ".join(columns), ", ".join(columns.values())
    return f"INSERT INTO public.{table} (id, {names}) VALUES (gen_random_uuid(), {values})"


WRITES = (
    "UPDATE matter SET unit_id = 'syd-kontaktcenter', region = 'syd'",
    "UPDATE matter SET handler_id = NULL, version = version + 1 WHERE id = CAST(:id AS uuid)",
    insert("matter_unit", matter_id=ITS, unit_id="'syd-kontaktcenter'", since="now()"),
    insert("event", matter_id=ITS, at="now()", actor="'handler'", what="'x'", detail="'{}'"),
    "UPDATE outgoing_letter SET recipient = 'x@example.com'",
)


def test_a_session_reads_no_row_count_or_name_of_another_side(sides, seated):
    anna = seated("anna", SYD)
    assert anna.ask("SELECT look('matter', CAST(:id AS uuid), NULL, NULL)", id=sides[OWN].matter).rows == (
        (True,),
    )
    told = anna.read_all()
    assert {"matter", "message", "letter", "attachment", "event"} <= {table for table, _ in told}
    assert _of_others(told, sides) == []
    assert anna.ask("SELECT count(*) FROM matter").rows == ((1,),)


def test_without_a_look_not_even_the_head_of_an_own_matter_is_read(sides, seated):
    told = {table for table, _ in seated("anna", SYD).read_all()}
    assert told & {"matter", "message", "letter", "attachment", "event", "placement", "arrival"} == set()


@pytest.mark.parametrize("which", ["xact_all_tables", "all_tables", "all_indexes", "database", "activity"])
def test_no_counter_of_the_server_is_told(seated, which):
    assert "permission denied" in seated("anna", SYD).ask(f"SELECT * FROM pg_stat_{which}").refused


@pytest.mark.parametrize(
    "what",
    [
        "reltuples FROM pg_class",
        "* FROM pg_class",
        "pg_relation_size('ix_matter_inbox')",
        "pg_table_size('public.matter')",
    ],
)
def test_how_large_a_table_or_an_index_is_is_told_to_nobody(seated, what):
    assert "permission denied" in seated("anna", SYD).ask(f"SELECT {what}").refused


def test_the_pages_role_may_ask_no_table(seated):
    """A plan of a query on a table tells what its indexes hold, whatever policy stands before it."""
    anna = seated("anna", SYD)
    may = anna.ask(
        """
        SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
        AND (has_any_column_privilege(oid, 'SELECT') OR has_any_column_privilege(oid, 'UPDATE')
             OR has_table_privilege(oid, 'DELETE, TRUNCATE, TRIGGER'))
        """
    )
    assert {name for (name,) in may.rows} == {"unit", "alembic_version"}
    for lock in ("UPDATE", "KEY SHARE"):
        assert "permission denied" in anna.ask(f"SELECT 1 FROM public.matter FOR {lock}").refused


INDEXED = """
    SELECT index.relname, pg_get_indexdef(index.oid, key.attnum, true), format_type(key.atttypid, NULL)
    FROM pg_index JOIN pg_class AS index ON index.oid = indexrelid JOIN pg_class AS own ON own.oid = indrelid
    JOIN pg_attribute AS key ON key.attrelid = index.oid
    WHERE own.relnamespace = 'public'::regnamespace AND own.relname IN ('matter', 'matter_unit')
      AND CASE WHEN indkey[key.attnum - 1] = 0 THEN true
               ELSE has_column_privilege(own.oid, indkey[key.attnum - 1], 'SELECT') END
"""


def test_no_index_that_citizens_may_ask_orders_what_tells_of_a_side(prompt):
    """References have gaps. What a function of ours or md5 makes is not asked before a policy."""
    told = [
        (index, column)
        for index, column, kind in prompt("citizen").ask(INDEXED).rows
        if kind == "text" and "(" not in column and column != "reference"
    ]
    assert told == []


def test_no_estimate_knows_what_a_matters_column_holds(prompt):
    """Estimates go by statistics, whatever a policy says."""
    kept = prompt("citizen").ask(
        """
        SELECT attrelid::regclass::text, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace AND relname IN ('matter', 'matter_unit')
          AND attnum > 0 AND NOT attisdropped
          AND (atttypid <> 'uuid'::regtype OR attname IN ('handler_id', 'possible_of_id', 'merged_into_id'))
          AND has_column_privilege(attrelid, attnum, 'SELECT') AND attstattarget IS DISTINCT FROM 0
        """
    )
    assert kept == Answer()


@pytest.mark.parametrize(("table", "column"), TELLING_COLUMNS)
@pytest.mark.parametrize("operator", ["=", "<", "~>=~", "^@"])
def test_what_a_query_asks_of_a_row_is_asked_after_the_wall(
    sides, seated, seen, owner_url, table, column, operator
):
    """PostgreSQL takes these comparisons for harmless, and its own account would tell what they came to.

    Of a function, which is what is asked here, it tells nothing.
    """
    anna = seated("anna", ("vast-inkorg", "handler"))
    its = str(seen.scalar(text(f"SELECT {column} FROM {table} WHERE {column} <> '' ORDER BY 1 DESC LIMIT 1")))
    seen.rollback()
    values = (its, its[:1], "", "finns inte", "\U0010ffff")
    assert _ways(anna, owner_url, f"FROM {table} WHERE {column} {operator} :value", values, table) == 1


@pytest.mark.parametrize(("table", "column", "its"), [("handler", "email", "nora@example.se"),
                                                      ("membership", "unit_id", HIDDEN[0])])  # fmt: skip
def test_who_works_elsewhere_is_told_by_no_plan(seated, owner_url, table, column, its):
    seated("nora", (HIDDEN[0], "handler"))
    anna, asked = seated("anna", SYD), f"FROM {table} WHERE {column} = :value"
    assert _ways(anna, owner_url, asked, (its, "finns inte"), table) == 1


def _ways(prompt, owner_url, asked, values, table):
    """Return how many ways there are in which PostgreSQL tells of a query that finds nothing."""
    with create_engine(owner_url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as owner:
        owner.exec_driver_sql(f"ANALYZE {table}")
    told = []
    for how in (MEASURED, "EXPLAIN"):
        for scans in ("on", "off"):
            plans = [prompt.ask(f"{how} SELECT {asked}", scans, value=value).rows for value in values]
            told.append(len({re.sub(r"'[^']*'::text", "", str(plan)) for plan in plans}))
    return max(told)


def test_of_an_own_matter_no_function_tells_what_is_in_it_before_a_look(sides, seated, seen):
    anna, own = seated("anna", SYD), sides[OWN]
    assert anna.ask("SELECT * FROM file_looks(CAST(:id AS uuid), 9)", id=own.file).rows == ()
    assert anna.ask("SELECT * FROM awaited_files(CAST(:id AS uuid))", id=own.matter).rows == ()
    assert anna.ask("SELECT has_status_code(CAST(:id AS uuid))", id=own.matter).rows == ((False,),)
    taken_back = "SELECT look('matter', CAST(:id AS uuid), NULL, NULL)"
    with anna.connection.begin() as begun:
        for asked in (f"SELECT set_config('app.session', '{anna.secrets['session']}', true)", taken_back):
            anna.connection.execute(text(asked), {"id": own.matter})
        told = text("SELECT * FROM told_addresses(ARRAY[CAST(:letter AS uuid)])")
        assert anna.connection.execute(told, {"letter": own.letter}).all() == []
        begun.rollback()


@pytest.mark.parametrize("seat", [OPERATOR, AUDITOR], ids=["operator", "auditor"])
def test_who_runs_or_audits_the_service_reads_no_matter(sides, seated, seat):
    told = seated("olle", seat).read_all()
    assert [
        table for table, _ in told if table in ("matter", "message", "letter", "attachment", "event")
    ] == []
    assert _of_others(told, sides) == []


@pytest.mark.parametrize("session", ["", "made-up"])
def test_without_an_open_session_the_pages_role_reads_units_alone(sides, seated, prompt, session):
    seated("anna", SYD)
    told = prompt("handler", session=session).read_all()
    assert {table for table, _ in told} <= {"unit", "alembic_version"}


@pytest.mark.parametrize("stage", ["code", "account"])
def test_a_session_that_owes_something_opens_nothing(sides, owner_app, handler_app, prompt, seen, stage):
    desk.hire(owner_app, "anna@example.se", SYD)
    with handler_app.app_context():
        token = access.begin(seen.query(Handler.id).scalar(), stage=stage, agent="")
    told = prompt("handler", session=token).read_all()
    assert {table for table, _ in told} <= {"unit", "alembic_version"}


def test_functions_answer_nothing_about_another_sides_ids(sides, seated):
    anna = seated("anna", SYD)
    told = []
    for name, types in anna.ask(FUNCTIONS).rows:
        for which in ("matter", "message", "letter", "file", "arrival", "address"):
            given = ", ".join(GIVEN[kind].format("id") for kind in types)
            for side in HIDDEN:
                answer = anna.ask(
                    f"SELECT answer::text FROM {name}({given}) AS answer", id=getattr(sides[side], which)
                )
                told += [(name, which, side, row) for row in answer.rows if _says_something(row)]
    assert {name: row for name, _, _, row in told if name not in TELLING} == {}


def test_what_another_side_has_stays_as_it_is(sides, seated, seen):
    """The functions that write are among those that the last test calls."""
    anna, before = seated("anna", SYD), _state(seen, sides)
    for name, types in anna.ask(FUNCTIONS).rows:
        given = ", ".join(GIVEN[kind].format("id") for kind in types)
        anna.ask(f"SELECT {name}({given})", id=sides["nord-kontaktcenter"].matter)
    for statement in WRITES:
        anna.ask(statement, id=sides["nord-kontaktcenter"].matter, own=sides[OWN].matter)
    assert _state(seen, sides) == before


@pytest.mark.parametrize("table", ["handler_session", "membership", "handler", "access_log", "access_chain",
                                   "recovery_code", "membership_change", "export_request",
                                   "session_look"])  # fmt: skip
def test_the_pages_role_cannot_write_who_is_who(seated, table):
    anna = seated("anna", SYD)
    for statement in (f"INSERT INTO {table} DEFAULT VALUES", f"DELETE FROM {table}"):
        assert REFUSED.search(anna.ask(statement).refused)
    column = anna.ask(COLUMNS + " AND attnum > 0 LIMIT 1", name=table).rows[0][0]
    for name in (table, f"public.{table}"):
        assert REFUSED.search(anna.ask(f"UPDATE {name} SET {column} = DEFAULT").refused)


def test_a_secret_is_gone_with_its_transaction(sides, seated):
    anna = seated("anna", SYD)
    assert anna.ask("SELECT name FROM handler").rows != ()
    anna.secrets = {}
    assert anna.ask("SELECT name FROM handler").rows == ()


def test_no_role_makes_anything_of_its_own(prompt):
    for role in ("citizen", "handler", "door", "worker"):
        here = prompt(role)
        for statement in ("CREATE TEMP TABLE x (a int)", "CREATE TABLE x (a int)", "CREATE SCHEMA x",
                          "CREATE FUNCTION x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                          "CREATE ROLE x"):  # fmt: skip
            assert "permission denied" in here.ask(statement).refused, (role, statement)


def test_a_message_of_ones_own_opens_no_other_sides_letter(sides, seated):
    anna = seated("anna", SYD)
    answer = anna.ask(
        insert("message", matter_id=ITS, direction="'incoming'", channel="'email'", subject="''", text="''",
               created_at="now()", letter_id="CAST(:letter AS uuid)"),
        id=sides[OWN].matter, letter=sides["su"].letter,
    )  # fmt: skip
    assert "row-level security" in answer.refused


def test_the_citizens_side_cannot_set_back_the_counters_of_sign_ins(prompt):
    counted = "INSERT INTO limit_count VALUES ('sign_in.network', 'x', now(), 9)"
    door, citizen = prompt("door"), prompt("citizen")
    assert door.ask(counted).refused == ""
    assert citizen.ask("SELECT * FROM limit_count").rows == ()
    citizen.ask("UPDATE limit_count SET count = 0")
    assert door.ask("SELECT count FROM limit_count").rows == ((9,),)
    assert "row-level security" in citizen.ask(counted).refused


def test_the_door_reads_nothing_but_who_may_sign_in(sides, prompt):
    told = prompt("door").read_all()
    signs_in = {
        "handler",
        "handler_session",
        "membership",
        "recovery_code",
        "unit",
        "alembic_version",
        "limit_count",
    }
    assert {table for table, _ in told} <= signs_in
    assert _of_others(told, sides) == []


def test_a_worker_reads_no_draft_password_or_factor(sides, begun, prompt, owner_app):
    desk.hire(owner_app, "anna@example.se", SYD)
    told = {table for table, _ in prompt("worker").read_all()}
    assert not told & {"draft", "draft_file", "handler", "recovery_code", "membership", "session_look"}


@pytest.fixture
def begun(make_app):
    """A form that a browser has begun: its key and its id."""
    with make_app("citizen").app_context():
        return "the key", drafts.begin("the key")


def test_citizens_read_nothing_that_they_have_shown_nothing_of(sides, begun, prompt):
    for secrets in ({}, {"browser": "another key"}, {"browser": ""}, {"code": f"{sides[OWN].reference} x"}):
        told = {table for table, _ in prompt("citizen", **secrets).read_all()}
        assert told <= {"unit", "alembic_version", "limit_count"}, secrets


def test_a_browsers_key_opens_its_own_form_and_no_matter(sides, begun, prompt):
    told = prompt("citizen", browser=begun[0]).read_all()
    assert {"draft", "mail_address"} <= {table for table, _ in told}
    assert not {"matter", "matter_unit"} & {table for table, _ in told}
    assert _of_others(told, sides) == []


def test_reference_and_code_open_that_matter_alone(sides, prompt):
    side = sides["nord-kontaktcenter"]
    told = prompt("citizen", code=f"{side.reference} {side.code_hash}").read_all()
    assert side.reference in str(told)
    assert {table for table, _ in told} <= {"unit", "alembic_version", "limit_count", "matter", "matter_unit"}
    others = [each.names for name, each in sides.items() if each is not side]
    assert [row for _, row in told for names in others for name in names if name in row] == []


@pytest.mark.parametrize(
    "statement",
    [
        insert("status_code", matter_id=ITS, code_hash="'x'", created_at="now()"),
        "UPDATE mail_address SET matter_id = CAST(:id AS uuid)",
        insert(
            "mail_address", token="'x'", draft_id="CAST(:draft AS uuid)", matter_id=ITS, created_at="now()"
        ),
        insert("matter_unit", matter_id=ITS, unit_id="'syd-inkorg'", since="now()"),
        insert("email_change", matter_id=ITS, email="'x@y.z'", created_at="now()", expires_at="now()"),
        "SELECT leave_inboxes(CAST(:id AS uuid), now())",
    ],
)
def test_a_citizen_gets_no_hold_of_somebody_elses_matter(sides, begun, prompt, statement):
    here = prompt("citizen", browser=begun[0])
    answer = here.ask(statement, id=sides[OWN].matter, draft=begun[1])
    assert "row-level security" in answer.refused or "not a matter of the caller" in answer.refused


def _says_something(row):
    """Say whether an answer tells more than that there is nothing, or that one may not."""
    return row[0] not in (None, "", "f", "false", "0", "{}", "()", "no", "(no,)")


def _of_others(told, sides):
    """Return what tells of the north or SU: one of their names, or a word from them."""
    names = [CANARY, *(name for side in HIDDEN for name in sides[side].names)]
    return [(table, row) for table, row in told for name in names if name in row]


def _state(seen, sides):
    """Return every row that tells of the north or SU, but that somebody asked for them."""
    seen.rollback()
    tables = [name for (name,) in seen.execute(text(RELATIONS)) if not name.startswith("access_")]
    names = "|".join(name for side in HIDDEN for name in sides[side].names)
    asked = "SELECT row::text FROM {} AS row WHERE row::text ~ :names ORDER BY 1"
    return {name: seen.execute(text(asked.format(name)), {"names": names}).all() for name in tables}
