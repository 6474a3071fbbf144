"""Database roles and the schema: made and moved here, by a login that may create roles.

Roles are prefixed by the database's name, so that two databases in one cluster stay strangers.
Every object belongs to ``<database>_owner``; the three others get what each migration grants.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from config.settings import DatabaseRole, SettingsError
from config.tables import Authority

SUFFIX: Mapping[DatabaseRole, str] = {
    "owner": "owner",
    "citizen": "citizen_web",
    "handler": "handler_web",
    "door": "handler_door",
    "worker": "worker",
}
FOLDER = Path(__file__).parent
# What the server counts, of every statement and of other sessions, that anybody may still ask.
COUNTERS = """
    SELECT oid::regprocedure::text FROM pg_proc
    WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^pg_stat_get_'
      AND has_function_privilege('public', oid, 'EXECUTE')
"""


def role_name(database: str, role: DatabaseRole) -> str:
    """Return the name of a role in the cluster, such as ``intake_citizen_web``."""
    return f"{database}_{SUFFIX[role]}"


def prepare_roles(database_url: str, var: Path) -> dict[DatabaseRole, str]:
    """Make the roles that are missing and return a URL for each.

    Passwords are kept in ``var/database-roles.json`` (0600) and set again at each call, so
    that a lost file is mended by running this once more.
    """
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    passwords = _make_passwords(var / "database-roles.json")
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        database = str(connection.scalar(text("SELECT current_database()")))
        for role in SUFFIX:
            _make_role(connection, role_name(database, role), passwords[role])
        _open_database(connection, database)
        hide_counters(connection)
    return known_roles(database_url, var)


def known_roles(database_url: str, var: Path) -> dict[DatabaseRole, str]:
    """Return a URL for each role that ``prepare_roles`` made; SettingsError before it has made them all."""
    passwords = _passwords(var / "database-roles.json")
    if not passwords:
        raise SettingsError("DATABASE_URL_OWNER", "is not set and no roles are made; run `intake migrate`.")
    if missing := [role for role in SUFFIX if role not in passwords]:
        # A password made here would be one that the server does not know.
        names = ", ".join(f"DATABASE_URL_{role.upper()}" for role in missing)
        raise SettingsError(names, "not set, and the role is not made; run `intake migrate`.")
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    return {
        role: url.set(username=role_name(str(url.database), role), password=passwords[role]).render_as_string(
            hide_password=False
        )
        for role in SUFFIX
    }


def _passwords(path: Path) -> dict[DatabaseRole, str]:
    known: dict[DatabaseRole, str] = json.loads(path.read_text()) if path.exists() else {}
    return known


def _make_passwords(path: Path) -> dict[DatabaseRole, str]:
    known = _passwords(path)
    if SUFFIX.keys() <= known.keys():
        return known
    # A role that a newer version needs gets a password of its own; the others keep theirs.
    made = {role: secrets.token_urlsafe(24) for role in SUFFIX} | known
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(made, file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    return made


def _make_role(connection: Connection, name: str, password: str) -> None:
    exists = connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": name})
    # A role's name and password cannot be bound as parameters; PostgreSQL quotes them itself.
    statement = connection.scalar(
        text("SELECT format(:shape, cast(:name AS text), cast(:verifier AS text))"),
        {
            "shape": ("ALTER" if exists else "CREATE") + " ROLE %I LOGIN PASSWORD %L",
            "name": name,
            "verifier": _verifier(connection, name, password),
        },
    )
    connection.exec_driver_sql(str(statement).replace("%", "%%"))


def _verifier(connection: Connection, name: str, password: str) -> str:
    """Return what the server keeps of a password; it may log what it is told, so the password stays here."""
    server = cast("psycopg.Connection[object]", connection.connection.driver_connection)
    return server.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()


def _open_database(connection: Connection, database: str) -> None:
    owner = _quoted(role_name(database, "owner"))
    connection.exec_driver_sql(f"GRANT {owner} TO CURRENT_USER")
    connection.exec_driver_sql(f"REVOKE ALL ON DATABASE {_quoted(database)} FROM PUBLIC")
    connection.exec_driver_sql(f"GRANT USAGE, CREATE ON SCHEMA public TO {owner}")
    # So that a migration may make a trusted extension, which needs no superuser.
    connection.exec_driver_sql(f"GRANT CREATE ON DATABASE {_quoted(database)} TO {owner}")
    connection.exec_driver_sql("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    for role in SUFFIX:
        name = _quoted(role_name(database, role))
        connection.exec_driver_sql(f"GRANT CONNECT ON DATABASE {_quoted(database)} TO {name}")
        connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA public TO {name}")
        for setting in ("statement_timeout = '60s'", "idle_in_transaction_session_timeout = '120s'"):
            connection.exec_driver_sql(f"ALTER ROLE {name} SET {setting}")


def hide_counters(connection: Connection) -> None:
    """Let nobody but monitors ask what the server counts: how many rows a statement, or others, went through.

    Only a superuser can; of another login it is asked by hand (docs/running.md), and `intake doctor` says so.
    """
    if not connection.scalar(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")):
        return
    for name in connection.scalars(text(COUNTERS)).all():
        connection.exec_driver_sql(f"REVOKE EXECUTE ON FUNCTION {name} FROM PUBLIC")
        connection.exec_driver_sql(f"GRANT EXECUTE ON FUNCTION {name} TO pg_monitor")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def alembic_config() -> Config:
    """Return Alembic's settings; there is no ini file."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    return config


def newest_revision() -> str:
    """Return the revision that this code expects."""
    return str(ScriptDirectory.from_config(alembic_config()).get_current_head())


def current_revision(connection: Connection) -> str | None:
    """Return the revision that the database stands at, None before the first."""
    return MigrationContext.configure(connection).get_current_revision()


def move(owner_url: str, revision: str = "head") -> None:
    """Migrate to a revision, up or down, in one transaction as the owner.

    An advisory lock lets several hosts start at once; the second finds the work done.
    """
    engine = create_engine(owner_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('intake.migrate'))"))
        config = alembic_config()
        config.attributes["connection"] = connection
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        here = current_revision(connection)
        is_down = revision == "base" or (revision in known and here is not None and revision < here)
        (command.downgrade if is_down else command.upgrade)(config, revision)


def sync_units(owner_url: str, authority: Authority) -> None:
    """Make the units of authority.toml stand in the database; one that is gone is closed."""
    engine = create_engine(owner_url, poolclass=NullPool)
    upsert = text(
        "INSERT INTO unit (id, name, region, kind, is_walled, mail_local, is_open)"
        " VALUES (:id, :name, :region, :kind, :is_walled, :mail_local, true)"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name, region = excluded.region,"
        " kind = excluded.kind, is_walled = excluded.is_walled, mail_local = excluded.mail_local,"
        " is_open = true"
    )
    rows = [
        {
            "id": u.code,
            "name": u.name,
            "region": u.region,
            "kind": u.kind,
            "is_walled": u.is_walled,
            "mail_local": u.mail_local,
        }
        for u in authority.units
    ]
    with engine.begin() as connection:
        connection.execute(text("UPDATE unit SET is_open = false, mail_local = NULL"))
        connection.execute(upsert, rows)
