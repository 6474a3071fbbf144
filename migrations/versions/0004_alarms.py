"""Alarms: letters to those on duty, and what is urgent and waits is found by small indexes."""

import sqlalchemy as sa
from alembic import op

from migrations import role_name

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Let alarms be owed; the citizens' role must know if what a letter reopens is urgent."""
    _allow_kinds("'receipt', 'reply', 'alarm'")
    waits = sa.text("priority = 1 AND handler_id IS NULL AND closed_at IS NULL")
    op.create_index("ix_matter_waiting", "matter", ["received_at", "id"], postgresql_where=waits)
    is_raised = sa.text("why = 'raised' AND until IS NULL")
    op.create_index(
        "ix_matter_unit_raised", "matter_unit", ["unit_id", "matter_id"], postgresql_where=is_raised
    )
    op.execute(f"GRANT SELECT (priority, flags, needs_person) ON matter TO {_citizen()}")


def downgrade() -> None:
    """Take the alarms back, and the sight that they gave: the older code would not end it."""
    op.execute(f"REVOKE SELECT (priority, flags, needs_person) ON matter FROM {_citizen()}")  # noqa: S608 (a role's own name)
    op.drop_index("ix_matter_unit_raised", "matter_unit")
    op.drop_index("ix_matter_waiting", "matter")
    op.execute("UPDATE matter_unit SET until = now() WHERE why = 'raised' AND until IS NULL")
    op.execute(
        "DELETE FROM job WHERE kind = 'alarm'"
        " OR subject_id IN (SELECT id FROM outgoing_letter WHERE kind = 'alarm')"
    )
    op.execute("DELETE FROM outgoing_letter WHERE kind = 'alarm'")
    # A table whose foreign keys are still to be checked cannot be changed.
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    _allow_kinds("'receipt', 'reply'")


def _allow_kinds(kinds: str) -> None:
    op.drop_constraint(op.f("ck_outgoing_letter_kind"), "outgoing_letter", type_="check")
    op.create_check_constraint(op.f("ck_outgoing_letter_kind"), "outgoing_letter", f"kind IN ({kinds})")


def _citizen() -> str:
    database = op.get_bind().exec_driver_sql("SELECT current_database()").scalar()
    return f'"{role_name(str(database), "citizen")}"'
