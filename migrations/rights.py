"""What every revision does alike: who may do what, functions for their callers, and kinds of letters."""

from __future__ import annotations

from collections.abc import Mapping

from alembic import op

from migrations import role_name

Grants = Mapping[str, Mapping[str, str]]
# Signature -> the statement that makes the function, and the roles that may call it.
Functions = Mapping[str, tuple[str, tuple[str, ...]]]


def roles() -> dict[str, str]:
    """Return the names of the roles below the owner in this database, quoted."""
    database = op.get_bind().exec_driver_sql("SELECT current_database()").scalar()
    return {role: f'"{role_name(str(database), role)}"' for role in ("citizen", "handler", "worker")}


def grant(grants: Grants) -> None:
    """Grant privileges on tables, by role and table."""
    _each(grants, "GRANT", "TO")


def revoke(grants: Grants) -> None:
    """Take back what ``grant`` gave."""
    _each(grants, "REVOKE", "FROM")


def _each(grants: Grants, verb: str, preposition: str) -> None:
    known = roles()
    for role, tables in grants.items():
        for table, privileges in tables.items():
            op.execute(f"{verb} {privileges} ON {table} {preposition} {known[role]}")


def make_functions(functions: Functions) -> None:
    """Make functions that nobody but their callers may call."""
    known = roles()
    for signature, (body, callers) in functions.items():
        op.execute(body)
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        for caller in callers:
            op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {known[caller]}")


def drop_functions(functions: Functions) -> None:
    """Take functions away, the last one first."""
    for signature in reversed(list(functions)):
        op.execute(f"DROP FUNCTION {signature}")


def allow_kinds(*kinds: str) -> None:
    """Say which kinds of letters may be owed."""
    op.drop_constraint(op.f("ck_outgoing_letter_kind"), "outgoing_letter", type_="check")
    op.create_check_constraint(op.f("ck_outgoing_letter_kind"), "outgoing_letter", f"kind IN {kinds!r}")
