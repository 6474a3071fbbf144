"""Alarms: letters to those on duty, and what is urgent and waits is found by small indexes."""

import sqlalchemy as sa
from alembic import op

from migrations import rights

revision = "0004"
down_revision = "0003"

GRANTS = {"citizen": {"matter": "SELECT (priority, flags, needs_person)"}}


def upgrade() -> None:
    """Let alarms be owed; the citizens' role must know if what a letter reopens is urgent."""
    rights.allow_kinds("receipt", "reply", "alarm")
    waits = sa.text("priority = 1 AND handler_id IS NULL AND closed_at IS NULL")
    op.create_index("ix_matter_waiting", "matter", ["received_at", "id"], postgresql_where=waits)
    is_raised = sa.text("why = 'raised' AND until IS NULL")
    op.create_index(
        "ix_matter_unit_raised", "matter_unit", ["unit_id", "matter_id"], postgresql_where=is_raised
    )
    rights.grant(GRANTS)


def downgrade() -> None:
    """Take the alarms back, and the sight that they gave: the older code would not end it."""
    rights.revoke(GRANTS)
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
    rights.allow_kinds("receipt", "reply")
