"""The mailroom: what is known of a letter's sender and way, mailboxes that are fetched, letters sent again."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rights

revision = "0008"
down_revision = "0007"

COLUMNS: dict[str, tuple[sa.Column[Any], ...]] = {
    "letter": (
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.Column("automatic_reason", sa.Text()),
        sa.Column("authentication", postgresql.JSONB()),
        sa.Column("report", postgresql.JSONB()),
    ),
    "message": (sa.Column("flow", sa.Text()), sa.Column("about_letter_id", sa.Uuid())),
    "attachment": (
        sa.Column("part", sa.Text()),
        sa.Column("is_inline", sa.Boolean(), nullable=False, server_default=sa.false()),
    ),
    "outgoing_letter": (sa.Column("diagnosis", sa.Text()), sa.Column("again_id", sa.Uuid())),
}
REFERENCES = (("message", "about_letter_id"), ("outgoing_letter", "again_id"))
KINDS = ("receipt", "reply", "alarm", "notice", "status_link", "confirm_email")
NEW_LETTERS = "SELECT id FROM outgoing_letter WHERE kind IN ('supplement_request', 'delay')"
GRANTS = {
    # A letter that somebody brings is received as any other.
    "handler": {
        "letter": "INSERT",
        "arrival": "INSERT",
        "outgoing_letter": "UPDATE (again_id)",
        "fetched": "SELECT",
        "mailbox_state": "SELECT",
    },
    "worker": {
        "message": "UPDATE (flow, about_letter_id)",
        "attachment": "UPDATE (part, is_inline)",
        "fetched": "SELECT, INSERT, UPDATE",
        "mailbox_state": "SELECT, INSERT, UPDATE",
    },
}


def upgrade() -> None:
    """Add what the mailroom keeps, and say who may do what."""
    for table, columns in COLUMNS.items():
        for column in columns:
            op.add_column(table, column)
    for table, referring in REFERENCES:
        name = op.f(f"fk_{table}_{referring}_outgoing_letter")
        op.create_foreign_key(
            name, table, "outgoing_letter", [referring], ["id"], deferrable=True, initially="DEFERRED"
        )
    op.create_index(op.f("ix_letter_received_at_id"), "letter", ["received_at", "id"])
    op.create_index(op.f("ix_letter_sha256"), "letter", ["sha256"])
    is_unparsed = sa.text("parsed_at IS NULL")
    op.create_index("ix_letter_unparsed", "letter", ["received_at"], postgresql_where=is_unparsed)
    _make_tables()
    rights.allow_kinds(*KINDS, "supplement_request", "delay")
    rights.grant(GRANTS)


def _make_tables() -> None:
    at = sa.DateTime(timezone=True)
    op.create_table(
        "mailbox_state",
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("uidvalidity", sa.BigInteger()),
        sa.Column("first_uid", sa.BigInteger()),
        sa.Column("since", sa.Date()),
        sa.Column("began_at", at),
        sa.Column("looked_at", at),
        sa.Column("fault", sa.Text()),
        sa.Column("fault_since", at),
        sa.PrimaryKeyConstraint("mailbox", name=op.f("pk_mailbox_state")),
    )
    op.create_table(
        "fetched",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("times_seen", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", at, nullable=False),
        sa.Column("last_seen_at", at, nullable=False),
        sa.Column("prior_look_at", at),
        sa.Column("taken_up_at", at),
        sa.Column("internal_at", at),
        sa.Column("size_bytes", sa.BigInteger()),
        sa.Column("digest", sa.Text()),
        sa.Column("letter_id", sa.Uuid()),
        sa.Column("copied_at", at),
        sa.Column("moved_at", at),
        sa.CheckConstraint("outcome IN ('seen', 'stored', 'gone', 'refused')", name=op.f("ck_fetched_outcome")),
        sa.ForeignKeyConstraint(
            ["letter_id"], ["letter.id"], name=op.f("fk_fetched_letter_id_letter"),
            deferrable=True, initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fetched")),
        sa.UniqueConstraint("mailbox", "uidvalidity", "uid", name=op.f("uq_fetched_mailbox_uidvalidity_uid")),
    )  # fmt: skip
    op.create_index(op.f("ix_fetched_digest"), "fetched", ["digest"])
    is_left = sa.text("outcome <> 'stored' OR moved_at IS NULL")
    op.create_index("ix_fetched_left", "fetched", ["first_seen_at"], postgresql_where=is_left)


def downgrade() -> None:
    """Take it back; letters of the new kinds go, since the older code could not write them."""
    rights.revoke(GRANTS)
    op.execute("UPDATE message SET about_letter_id = NULL")
    op.execute("UPDATE outgoing_letter SET again_id = NULL")
    for rows in (
        "job WHERE subject_id IN",
        "mail_address WHERE outgoing_id IN",
        "outgoing_letter WHERE id IN",
    ):
        op.execute(f"DELETE FROM {rows} ({NEW_LETTERS})")
    # A table whose foreign keys are still to be checked cannot be changed.
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    rights.allow_kinds(*KINDS)
    op.drop_table("fetched")
    op.drop_table("mailbox_state")
    for index in ("ix_letter_unparsed", op.f("ix_letter_sha256"), op.f("ix_letter_received_at_id")):
        op.drop_index(index, "letter")
    for table, columns in reversed(COLUMNS.items()):
        for column in columns:
            op.drop_column(table, column.name)
