"""Files: what they tell and hold, their safe views and text, when they were proven whole and scanned."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rights

revision = "0011"
down_revision = "0010"

COLUMNS: tuple[sa.Column[Any], ...] = (
    sa.Column("facts", postgresql.JSONB(), nullable=False, server_default=sa.text("'{}'")),
    sa.Column("contents", postgresql.JSONB(), nullable=False, server_default=sa.text("'[]'")),
    sa.Column("scanned_with", sa.Text()),
    sa.Column("check_began_at", sa.DateTime(timezone=True)),
    sa.Column("drawn_at", sa.DateTime(timezone=True)),
    sa.Column("view_problem", sa.Text()),
)
# What was checked before knew nothing of what lies within a file, and has no views. It is looked at again,
# the latest first and one each three seconds, so that what comes in meanwhile does not wait for it.
LOOKED_AT_AGAIN = """
    INSERT INTO job (id, kind, dedupe, subject_id, created_at, due_at, attempts, sends)
    SELECT gen_random_uuid(), 'check_again', 'check_again:' || id || ':' || '0011', id, now(),
           now() + row_number() OVER (ORDER BY created_at DESC) * interval '3 seconds', 0, 0
    FROM attachment WHERE verdict <> 'unchecked'"""
DERIVED = "SELECT, INSERT, UPDATE, DELETE"
GRANTS = {
    "handler": {"rendition": "SELECT", "file_text": "SELECT"},
    "worker": {
        "attachment": "UPDATE (facts, contents, scanned_with, check_began_at, drawn_at, view_problem)",
        "rendition": DERIVED,
        "file_text": DERIVED,
        "byte_check": DERIVED,
        "scanner_state": "SELECT, INSERT, UPDATE",
    },
}

FUNCTIONS = {
    # What was found in the files that somebody sent, in words for the sender, with how many it is about.
    "followed_findings(text, text)": (
        """
        CREATE FUNCTION followed_findings(p_reference text, p_code_hash text)
        RETURNS TABLE (words text, files bigint)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT found ->> 'citizen', count(DISTINCT attachment.id)
            FROM attachment JOIN message ON message.id = attachment.message_id
            CROSS JOIN LATERAL jsonb_array_elements(attachment.findings) AS found
            WHERE message.id IN (SELECT followed_messages(followed_matter(p_reference, p_code_hash)))
              AND message.direction = 'incoming'
            GROUP BY found ->> 'citizen' ORDER BY found ->> 'citizen'
        $$
        """,
        ("citizen",),
    ),
    # Who has looked at one file, the last first; whoever may see the file may see that. Only readings of
    # its page and its pictures are cut, each at the most: who took the original out is always told.
    "file_looks(uuid, integer)": (
        """
        CREATE FUNCTION file_looks(p_file uuid, p_most integer)
        RETURNS TABLE (at timestamptz, actor text, what text, reason text)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT look.at, look.actor, look.what, look.reason FROM (
                SELECT own.*, row_number() OVER (
                    PARTITION BY split_part(own.what, ':', 1) ORDER BY own.at DESC, own.id DESC) AS place
                FROM access_log AS own WHERE own.attachment_id = p_file
                UNION ALL
                SELECT access_log.*, 0 FROM attachment
                JOIN message ON message.id = attachment.message_id
                JOIN access_log ON access_log.matter_id = attachment.matter_id
                    AND access_log.what IN ('export', 'letter:' || message.letter_id)
                WHERE attachment.id = p_file
            ) AS look
            WHERE look.place <= p_most OR split_part(look.what, ':', 1) NOT IN ('view', 'picture')
            ORDER BY look.at DESC, look.id DESC
        $$
        """,
        ("handler",),
    ),
}


def upgrade() -> None:
    """Add what is kept beside a file's bytes."""
    for column in COLUMNS:
        op.add_column("attachment", column)
    op.create_index(op.f("ix_attachment_created_at"), "attachment", ["created_at"])
    at = sa.DateTime(timezone=True)
    op.create_table(
        "rendition",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("attachment_id", sa.Uuid(), nullable=False),
        sa.Column("inner", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("storage_key", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("created_at", at, nullable=False),
        _of_attachment("rendition"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rendition")),
        sa.UniqueConstraint("storage_key", name=op.f("uq_rendition_storage_key")),
        sa.UniqueConstraint(
            "attachment_id", "inner", "number", name=op.f("uq_rendition_attachment_id_inner_number")
        ),
    )
    op.create_table(
        "file_text",
        sa.Column("attachment_id", sa.Uuid(), nullable=False),
        sa.Column("inner", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        _of_attachment("file_text"),
        sa.PrimaryKeyConstraint("attachment_id", "inner", name=op.f("pk_file_text")),
    )
    op.create_table(
        "byte_check",
        sa.Column("storage_key", sa.Text(), nullable=False),
        sa.Column("at", at, nullable=False),
        sa.Column("is_whole", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("storage_key", name=op.f("pk_byte_check")),
    )
    op.create_table(
        "scanner_state",
        sa.Column("scanner", sa.Text(), nullable=False),
        sa.Column("signatures", sa.Text(), nullable=False),
        sa.Column("since", at, nullable=False),
        sa.Column("asked_at", at, nullable=False),
        sa.PrimaryKeyConstraint("scanner", name=op.f("pk_scanner_state")),
    )
    op.create_index(
        op.f("ix_access_log_attachment_id_at"),
        "access_log",
        ["attachment_id", "at"],
        postgresql_where=sa.text("attachment_id IS NOT NULL"),
    )
    rights.grant(GRANTS)
    rights.make_functions(FUNCTIONS)
    op.execute(LOOKED_AT_AGAIN)


def _of_attachment(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["attachment_id"],
        ["attachment.id"],
        name=op.f(f"fk_{table}_attachment_id_attachment"),
        deferrable=True,
        initially="DEFERRED",
    )


def downgrade() -> None:
    """Take it back. Views, texts and proofs are made of what stays, and can be made again."""
    rights.drop_functions(FUNCTIONS)
    rights.revoke(GRANTS)
    op.drop_index(op.f("ix_access_log_attachment_id_at"), "access_log")
    for table in ("scanner_state", "byte_check", "file_text", "rendition"):
        op.drop_table(table)
    op.execute("DELETE FROM job WHERE kind IN ('draw_file', 'check_again')")
    op.drop_index(op.f("ix_attachment_created_at"), "attachment")
    for column in reversed(COLUMNS):
        op.drop_column("attachment", column.name)
