"""What every revision does alike: who may do what, functions for their callers, and kinds of letters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from alembic import op

from config.settings import DatabaseRole
from migrations import role_name

Grants = Mapping[str, Mapping[str, str]]
# Signature -> the statement that makes the function, and the roles that may call it.
Functions = Mapping[str, tuple[str, tuple[str, ...]]]


ROLES: tuple[DatabaseRole, ...] = ("citizen", "handler", "door", "worker")


def roles() -> dict[str, str]:
    """Return the names of the roles below the owner in this database, quoted."""
    database = op.get_bind().exec_driver_sql("SELECT current_database()").scalar()
    return {role: f'"{role_name(str(database), role)}"' for role in ROLES}


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


def drop_functions(signatures: Iterable[str]) -> None:
    """Take functions away, the last one first."""
    for signature in reversed(list(signatures)):
        op.execute(f"DROP FUNCTION {signature}")


def rewrite(
    signature: str, old: str, new: str, *, more: Sequence[tuple[str, str]] = (), times: int = 1
) -> None:
    """Change words of a function that says them so often; its other words, and callers, stay as they are.

    ``more`` are other words, and what stands in their place, that are changed together with them.
    """
    asked = sa.text("SELECT pg_get_functiondef(CAST(:signature AS regprocedure))")
    body = str(op.get_bind().execute(asked, {"signature": signature}).scalar_one())
    for its, others in ((old, new), *more):
        if body.count(its) != times:
            raise ValueError(f"{signature} does not say {its!r} exactly {times} times.")
        body = body.replace(its, others)
    op.get_bind().exec_driver_sql(body.replace("%", "%%"))


def let_jobs_be(old: str, new: str) -> None:
    """Change which jobs the pages' role may add, whatever else its rule has come to say."""
    asked = (
        "SELECT policyname, with_check FROM pg_policies"
        " WHERE tablename = 'job' AND cmd = 'INSERT' AND policyname ~ '^handler_'"
    )
    name, check = op.get_bind().exec_driver_sql(asked).one()
    if check.count(old) != 1:
        raise ValueError(f"The rule of job does not say {old!r} exactly once.")
    op.get_bind().exec_driver_sql(f"ALTER POLICY {name} ON job WITH CHECK ({check.replace(old, new)})")


def wall(policies: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    """Put tables behind row-level security: what each role may do with which of their rows.

    ``policies`` are, by table and role, the ends of CREATE POLICY, such as ``FOR SELECT USING (...)``.
    """
    known = roles()
    for table, by_role in policies.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        for role, ends in by_role.items():
            for number, end in enumerate(ends, start=1):
                make_policy(table, f"{role}_{number}", end, known[role])


def make_policy(table: str, name: str, end: str, role: str) -> None:
    """Make one policy, by the end of CREATE POLICY, for a role that stands quoted."""
    # The role goes where CREATE POLICY wants it: after the command.
    command, _, condition = end.removeprefix("FOR ").partition(" ")
    op.get_bind().exec_driver_sql(
        f"CREATE POLICY {name} ON {table} AS PERMISSIVE FOR {command} TO {role} {condition}"
    )


def unwall(policies: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    """Take away what ``wall`` put there."""
    for table, by_role in policies.items():
        for role, ends in by_role.items():
            for number in range(1, len(ends) + 1):
                op.execute(f"DROP POLICY {role}_{number} ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")


def allow_kinds(*kinds: str) -> None:
    """Say which kinds of letters may be owed."""
    op.drop_constraint(op.f("ck_outgoing_letter_kind"), "outgoing_letter", type_="check")
    op.create_check_constraint(op.f("ck_outgoing_letter_kind"), "outgoing_letter", f"kind IN {kinds!r}")
