"""Databases for tests: real engines of the tests' own, a database with a random name, its own roles.

``DATABASE_URL`` and ``REDIS_URL`` are never read. ``INTAKE_TEST_DATABASE_URL`` (a login that may
create databases and roles) and ``INTAKE_TEST_REDIS_URL`` may name servers to use instead.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

import migrations
from config.settings import DatabaseRole
from config.tables import read_tables
from intake.embedded import RunningEngines

TABLES = read_tables()


@dataclass(frozen=True)
class Database:
    """A database of the tests' own, with a URL for each role and for the login that made it."""

    url: str
    urls: dict[DatabaseRole, str]
    var: Path

    def prompt(self, role: DatabaseRole) -> Engine:
        """Return the engine of somebody who has a role's password and psql.

        What handlers read by a table's name is a view; the tables themselves stand behind.
        """
        path = {"options": "-csearch_path=desk,public"} if role == "handler" else {}
        return create_engine(self.urls[role], poolclass=NullPool, connect_args=path)


@contextmanager
def servers(home: Path) -> Iterator[tuple[str, str]]:
    """Give the URLs of a PostgreSQL and a Valkey or Redis, started here unless named."""
    database_url = os.environ.get("INTAKE_TEST_DATABASE_URL")
    redis_url = os.environ.get("INTAKE_TEST_REDIS_URL")
    if database_url and redis_url:
        yield database_url, redis_url
        return
    with RunningEngines(home) as engines:
        yield database_url or engines.database_url, redis_url or engines.redis_url


@contextmanager
def database(server_url: str, var: Path, *, is_migrated: bool = True) -> Iterator[Database]:
    """Make a database with a random name, migrated, and drop it and its roles afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    admin = create_engine(server_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0")
        # Commits are real; only a power cut, which no test here has, could take the last of them.
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
    url = make_url(server_url).set(database=name).render_as_string(hide_password=False)
    try:
        urls = migrations.prepare_roles(url, var)
        if is_migrated:
            migrations.move(urls["owner"])
            migrations.sync_units(urls["owner"], TABLES.authority)
        yield Database(url, urls, var)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
            for role in migrations.SUFFIX:
                connection.exec_driver_sql(f"DROP ROLE IF EXISTS {migrations.role_name(name, role)}")


def empty(owner_url: str) -> None:
    """Empty every table but the units and the schema's version; quick where little was written."""
    engine = create_engine(owner_url, poolclass=NullPool)
    with engine.begin() as connection:
        tables = "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
        names = connection.scalars(text(f"{tables} AND relnamespace = 'public'::regnamespace"))
        kept = ("unit", "alembic_version")
        emptied = [f"DELETE FROM {name}" for name in names if name not in kept]
        connection.exec_driver_sql("; ".join(emptied))
