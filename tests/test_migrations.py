"""Migrations: they equal the models, run with data both ways, and every role has only its rights."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

import migrations
from intake.models import Base
from tests import engines as own


def connect(url):
    return create_engine(url, poolclass=NullPool).connect()


def test_the_models_equal_the_migrations(database):
    with connect(database.urls["owner"]) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
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
