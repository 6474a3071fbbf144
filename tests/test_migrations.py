"""Migrations: they equal the models, run with data both ways, and every role has only its rights."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

import migrations
from config.settings import SettingsError
from intake import chains
from intake.models import Base
from tests import engines as own

ALARMED = """
    INSERT INTO matter (id, reference, channel, category, unit_id, priority, flags, status, subject,
        place_words, needs_person, received_at, version)
    SELECT gen_random_uuid(), 'K7RX-3M9P', 'form', 'anmalan', 'syd-inkorg', 1, '{}', 'registered', '',
        '', '{}', now(), 1;
    INSERT INTO matter_unit (id, matter_id, unit_id, why, since)
    SELECT gen_random_uuid(), id, 'nationell-inkorg', 'raised', now() FROM matter;
    INSERT INTO outgoing_letter (id, matter_id, kind, state, recipient, message_id_header, created_at)
    SELECT gen_random_uuid(), id, 'alarm', 'owed', 'jour@jour.example', '<1@example.se>', now() FROM matter;
    INSERT INTO job (id, kind, dedupe, subject_id, created_at, due_at, sends, attempts)
    SELECT gen_random_uuid(), 'send_letter', '1', id, now(), now(), 0, 0 FROM outgoing_letter
    UNION ALL SELECT gen_random_uuid(), 'alarm', '2', id, now(), now(), 0, 0 FROM matter;
"""

# One matter went into a second, and that into a third; each had one message.
MERGED = """
    INSERT INTO matter (id, reference, channel, category, unit_id, priority, flags, status, subject,
        place_words, needs_person, received_at, version, closed_at)
    SELECT ('00000000-0000-0000-0000-00000000000' || n)::uuid, 'MATTER-' || n, 'form', 'anmalan',
        'syd-inkorg', 3, '{}', 'closed', '', '', '{}', now(), 1, now() FROM generate_series(1, 3) n;
    INSERT INTO message (id, matter_id, direction, channel, subject, text, is_automatic, problems, created_at)
    SELECT id, id, 'incoming', 'form', '', '', false, '{}', now() FROM matter;
    INSERT INTO event (id, matter_id, at, actor, what, detail)
    SELECT gen_random_uuid(), ('00000000-0000-0000-0000-00000000000' || n)::uuid,
        now() + n * interval '1 minute', 'handler', 'merged_into', json_build_object('messages',
        merge_matters(('00000000-0000-0000-0000-00000000000' || n)::uuid,
                      ('00000000-0000-0000-0000-00000000000' || n + 1)::uuid, true))
    FROM generate_series(1, 2) n;
"""

# A matter waits to be received in the north.
HANDED = """
    INSERT INTO handler (id, email, name, password_hash, must_change_password, created_at)
    VALUES ('00000000-0000-0000-0000-0000000000a1', 'anna@example.se', 'Anna', 'x', false, now());
    INSERT INTO matter (id, reference, channel, category, unit_id, priority, flags, status, subject,
        place_words, needs_person, received_at, version)
    SELECT gen_random_uuid(), 'K7RX-3M9P', 'form', 'anmalan', 'nord-inkorg', 3, '{}', 'registered', '',
        '', '{}', now(), 1;
    INSERT INTO matter_unit (id, matter_id, unit_id, why, since)
    SELECT gen_random_uuid(), id, unit, why, now() FROM matter,
        (VALUES ('nord-inkorg', 'moved'), ('syd-inkorg', 'handed')) AS stands (unit, why);
    INSERT INTO handover (id, matter_id, from_unit, to_unit, handler_id, refusal, at, due_at)
    SELECT gen_random_uuid(), matter.id, 'syd-inkorg', 'nord-inkorg', handler.id, 'back', now(), now()
    FROM matter, handler;
"""

# What stood there before looks had chains: by a person and by a command, over two years and some.
OLD = """
    INSERT INTO unit (id, name, region, kind, is_walled, is_open)
    VALUES ('syd-inkorg', 'Syd', 'syd', 'inkorg', false, true);
    INSERT INTO handler (id, email, name, password_hash, must_change_password, created_at) VALUES
        ('00000000-0000-0000-0000-0000000000a1', 'anna@example.se', 'Anna', 'x', false, now());
    INSERT INTO membership (id, handler_id, unit_id, role, created_at)
    SELECT gen_random_uuid(), handler.id, 'syd-inkorg', role, now()
    FROM handler, unnest(ARRAY['handler', 'coordinator', 'operator']) AS role;
    INSERT INTO handler_session (id, token_hash, handler_id, created_at, seen_at, expires_at)
    SELECT gen_random_uuid(), 'x', id, now(), now(), now() + interval '1 day' FROM handler;
    INSERT INTO access_log (id, at, handler_id, actor, what, matter_id)
    SELECT gen_random_uuid(), now() - n * interval '20 days',
        CASE WHEN n % 3 > 0 THEN '00000000-0000-0000-0000-0000000000a1'::uuid END, 'Anna', 'view',
        gen_random_uuid()
    FROM generate_series(0, 40) n;
"""


def connect(url):
    return create_engine(url, poolclass=NullPool).connect()


def is_no_month(name, kind, _parents):
    """Leave out the partitions of the access log, which are made as time goes by."""
    return kind != "table" or not name.startswith("access_log_")


def test_the_models_equal_the_migrations(database):
    with connect(database.urls["owner"]) as connection:
        opts = {"compare_type": True, "include_name": is_no_month}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, Base.metadata) == []


def test_migrations_run_down_and_up_with_data(servers, tmp_path, make_app):
    with own.database(servers[0], tmp_path) as database:
        owner = database.urls["owner"]
        for step in ("0001", "head"):
            migrations.move(owner, step)
            with connect(owner) as connection:
                assert connection.scalar(text("SELECT count(*) FROM unit")) == len(own.TABLES.authority.units)
        migrations.move(owner, "base")
        with connect(owner) as connection:
            left = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            assert connection.scalars(left).all() == ["alembic_version"]
        migrations.move(owner)


def test_alarms_go_with_their_revision_and_what_they_let_see(servers, tmp_path, make_app, clock):
    with own.database(servers[0], tmp_path) as database:
        owner = database.urls["owner"]
        with connect(owner) as connection:
            connection.execute(text(ALARMED))
            connection.commit()
        migrations.move(owner, "0003")
        with connect(owner) as connection:
            for left in ("outgoing_letter", "job", "matter_unit WHERE until IS NULL AND why = 'raised'"):
                assert connection.scalar(text(f"SELECT count(*) FROM {left}")) == 0
            assert connection.scalar(text("SELECT count(*) FROM matter")) == 1
        migrations.move(owner)


def test_what_was_merged_is_parted_and_open_before_older_code_comes(servers, tmp_path, make_app):
    with own.database(servers[0], tmp_path) as database:
        owner = database.urls["owner"]
        with connect(owner) as connection:
            connection.execute(text(MERGED))
            assert connection.scalar(text("SELECT count(DISTINCT matter_id) FROM message")) == 1
            connection.commit()
        migrations.move(owner, "0008")
        with connect(owner) as connection:
            assert connection.scalar(text("SELECT count(DISTINCT matter_id) FROM message")) == 3
            statuses = text("SELECT status FROM matter ORDER BY reference")
            assert connection.scalars(statuses).all() == ["reopened", "reopened", "closed"]
        migrations.move(owner)


def test_what_waits_to_be_received_is_seen_there_alone_before_older_code_comes(servers, tmp_path, make_app):
    with own.database(servers[0], tmp_path) as database:
        owner = database.urls["owner"]
        with connect(owner) as connection:
            connection.execute(text(HANDED))
            connection.commit()
        migrations.move(owner, "0027")
        with connect(owner) as connection:
            stands = text("SELECT unit_id FROM matter_unit WHERE until IS NULL")
            assert connection.scalars(stands).all() == ["nord-inkorg"]
        migrations.move(owner)


def test_an_older_log_is_carried_over_into_chains_and_back(servers, tmp_path, make_app):
    with own.database(servers[0], tmp_path, is_migrated=False) as database:
        owner = database.urls["owner"]
        migrations.move(owner, "0011")
        with connect(owner) as connection:
            connection.execute(text(OLD))
            connection.commit()
        for step in ("head", "0011", "head"):
            migrations.move(owner, step)
            with connect(owner) as connection:
                assert connection.scalar(text("SELECT count(*) FROM access_log WHERE what <> 'seal'")) == 41
                assert step == "0011" or list(chains._faults(connection, None)) == []
                open_ones = text("SELECT count(*) FROM handler_session WHERE ended_at IS NULL")
                assert connection.scalar(open_ones) == 0
                roles = set(connection.scalars(text("SELECT role FROM membership")))
                assert roles == {"handler", "coordinator", "operator"}


def test_who_only_reads_the_passwords_of_roles_makes_none(database, tmp_path):
    path = tmp_path / "database-roles.json"
    for lacking, words in (
        ("{}", "DATABASE_URL_OWNER"),
        ('{"owner": "x", "worker": "y"}', "DATABASE_URL_DOOR"),
    ):
        path.write_text(lacking)
        with pytest.raises(SettingsError, match=f"{words}.*run `intake migrate`"):
            migrations.known_roles(database.url, tmp_path)
        assert path.read_text() == lacking


def test_migrating_twice_and_making_the_roles_twice_changes_nothing(database):
    assert migrations.prepare_roles(database.url, database.var) == database.urls
    migrations.move(database.urls["owner"])


@pytest.mark.parametrize("role", ["citizen", "handler", "worker"])
@pytest.mark.parametrize("table", ["event", "access_log"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET what = 'x'"])
def test_what_was_done_and_seen_can_only_be_added_to(database, role, table, statement):
    with (
        connect(database.urls[role]) as connection,
        pytest.raises(ProgrammingError, match="permission denied"),
    ):
        connection.execute(text(statement.format(table)))


@pytest.mark.parametrize("table", ["draft", "draft_file"])
@pytest.mark.parametrize("role", ["handler", "worker"])
def test_nobody_but_the_citizens_surface_can_read_a_draft(database, role, table):
    with (
        connect(database.urls[role]) as connection,
        pytest.raises(ProgrammingError, match="permission denied"),
    ):
        connection.execute(text(f"SELECT * FROM {table}"))


@pytest.mark.parametrize("table", ["matter", "message", "attachment", "event", "letter", "handler"])
def test_the_citizens_surface_cannot_list_matters(database, table):
    with (
        connect(database.urls["citizen"]) as connection,
        pytest.raises(ProgrammingError, match="permission denied"),
    ):
        connection.execute(text(f"SELECT * FROM {table}"))
