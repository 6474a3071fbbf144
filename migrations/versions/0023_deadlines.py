"""A matter has a deadline for its first answer, and it is seen once when that has passed.

Those that are open now get none before something comes in: working days are counted in Python.
"""

import sqlalchemy as sa
from alembic import op

from migrations import rights

revision = "0023"
down_revision = "0022"

COLUMNS = ("due_at", "due_from", "overdue_at")
GRANTS = {
    "citizen": {
        "matter": "UPDATE (due_at, due_from, overdue_at), SELECT (category, received_at, due_at, due_from)"
    },
    "handler": {"matter": "UPDATE (due_at, due_from, overdue_at)"},
}
CHECK = "due_at IS NOT NULL OR num_nonnulls(due_from, overdue_at) = 0"
UNSEEN = "due_at IS NOT NULL AND overdue_at IS NULL"


def upgrade() -> None:
    """Let a matter have a deadline."""
    for name in COLUMNS:
        op.add_column("matter", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
        op.execute(f"ALTER TABLE matter ALTER COLUMN {name} SET STATISTICS 0")
    op.create_check_constraint(op.f("ck_matter_due"), "matter", CHECK)
    op.create_index("ix_matter_due_unseen", "matter", ["due_at"], postgresql_where=sa.text(UNSEEN))
    rights.grant(GRANTS)


def downgrade() -> None:
    """Take the deadlines away."""
    rights.revoke(GRANTS)
    op.drop_index("ix_matter_due_unseen", "matter")
    op.drop_constraint(op.f("ck_matter_due"), "matter", type_="check")
    for name in reversed(COLUMNS):
        op.drop_column("matter", name)
