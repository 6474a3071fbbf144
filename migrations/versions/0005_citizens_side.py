"""The citizen's side: uploads in parts, a code to go on by, what the form asks, and following a matter."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rights

revision = "0005"
down_revision = "0004"

GRANTS = {
    "citizen": {
        "upload": "SELECT, INSERT, UPDATE, DELETE",
        "upload_part": "SELECT, INSERT, DELETE",
        "matter": "UPDATE (language, answer_language, interpreter, may_email, is_neutral, call_words,"
        " concerns, happened_words)",
        "email_change": "INSERT",
    },
    "handler": {"feedback": "SELECT"},
    "worker": {
        "upload": "SELECT (id, matter_id, received_at, composed_at, given_up_at, expires_at)",
        "feedback": "SELECT",
        "email_change": "SELECT",
    },
}

FUNCTIONS = {
    # The stored parts of an upload that is whole and not yet one file, in order.
    "upload_parts(uuid)": (
        """
        CREATE FUNCTION upload_parts(p_upload uuid)
        RETURNS TABLE (storage_key text, size_bytes bigint)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT upload_part.storage_key, upload_part.size_bytes
            FROM upload_part JOIN upload ON upload.id = upload_part.upload_id
            WHERE upload.id = p_upload AND upload.received_at IS NOT NULL AND upload.composed_at IS NULL
            ORDER BY upload_part.start_bytes
        $$
        """,
        ("worker",),
    ),
    # An upload becomes one file: of its draft, or, when the draft is sent, of its matter, which the
    # caller then attaches it to. Nothing is returned when it already is one, or is gone.
    "finish_upload(uuid, text, bigint, text, timestamptz)": (
        """
        CREATE FUNCTION finish_upload(
            p_upload uuid, p_key text, p_size bigint, p_sha256 text, p_at timestamptz)
        RETURNS TABLE (matter_id uuid, message_id uuid, name text, declared_type text)
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
        DECLARE
            whole upload%ROWTYPE;
            has_form boolean;
        BEGIN
            PERFORM FROM draft WHERE draft.id = (SELECT draft_id FROM upload WHERE upload.id = p_upload)
            FOR UPDATE;
            has_form := FOUND;
            SELECT * INTO whole FROM upload
            WHERE upload.id = p_upload AND upload.received_at IS NOT NULL AND upload.composed_at IS NULL
            FOR UPDATE;
            IF NOT FOUND THEN RETURN; END IF;
            DELETE FROM draft_key USING upload_part
            WHERE upload_part.upload_id = p_upload AND draft_key.storage_key = upload_part.storage_key;
            DELETE FROM upload_part WHERE upload_part.upload_id = p_upload;
            -- With its form goes what the form knew of it, when the matter has the file.
            IF has_form THEN
                UPDATE upload SET composed_at = p_at WHERE upload.id = p_upload;
            ELSE
                DELETE FROM upload WHERE upload.id = p_upload;
            END IF;
            IF whole.matter_id IS NULL THEN
                INSERT INTO draft_file (id, draft_id, name, storage_key, size_bytes, sha256,
                    declared_type, created_at)
                VALUES (whole.id, whole.draft_id, whole.name, p_key, p_size, p_sha256,
                    whole.declared_type, p_at);
                INSERT INTO draft_key (storage_key, draft_id, size_bytes, created_at)
                VALUES (p_key, whole.draft_id, p_size, p_at);
            END IF;
            RETURN QUERY SELECT whole.matter_id, whole.message_id, whole.name, whole.declared_type;
        END
        $$
        """,
        ("worker",),
    ),
    # Uploads of sent forms that never became whole in their time; each is told once.
    "give_up_uploads(timestamptz)": (
        """
        CREATE FUNCTION give_up_uploads(p_now timestamptz) RETURNS TABLE (upload_id uuid, matter_id uuid)
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
        DECLARE
            late uuid[];
        BEGIN
            WITH given_up AS (
                UPDATE upload SET given_up_at = p_now
                WHERE upload.matter_id IS NOT NULL AND received_at IS NULL AND given_up_at IS NULL
                  AND expires_at < p_now
                RETURNING id
            )
            SELECT array_agg(id) INTO late FROM given_up;
            -- Statements of their own: they see also a part that came while the first one waited.
            WITH parts AS (
                DELETE FROM upload_part WHERE upload_part.upload_id = ANY (late)
                RETURNING upload_part.storage_key
            )
            DELETE FROM draft_key USING parts WHERE draft_key.storage_key = parts.storage_key;
            RETURN QUERY SELECT upload.id, upload.matter_id FROM upload WHERE upload.id = ANY (late);
        END
        $$
        """,
        ("worker",),
    ),
    # The files that a matter still waits for, or waited for in vain.
    "awaited_files(uuid)": (
        """
        CREATE FUNCTION awaited_files(p_matter uuid)
        RETURNS TABLE (id uuid, name text, size_bytes bigint, offset_bytes bigint,
                       received_at timestamptz, expires_at timestamptz, given_up_at timestamptz)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT id, name, size_bytes, offset_bytes, received_at, expires_at, given_up_at
            FROM upload WHERE matter_id = p_matter AND composed_at IS NULL ORDER BY created_at, id
        $$
        """,
        ("handler", "worker"),
    ),
    # Whether a matter's first letter came to the address of a form that is not sent yet.
    "awaits_form(uuid)": (
        """
        CREATE FUNCTION awaits_form(p_matter uuid) RETURNS boolean
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT EXISTS (
                SELECT FROM mail_address JOIN draft ON draft.id = mail_address.draft_id
                WHERE mail_address.matter_id = p_matter AND draft.matter_id IS NULL
                  -- What somebody may be adding to a standing matter is theirs alone until it is sent.
                  AND draft.supplements_id IS NULL)
        $$
        """,
        ("handler",),
    ),
    # Forms whose time is over, with all that was theirs alone. The address of one that was to add to a
    # matter led there from its beginning, and ends if nothing was sent; other addresses end if nothing came.
    "expire_drafts(timestamptz)": (
        """
        CREATE OR REPLACE FUNCTION expire_drafts(p_now timestamptz) RETURNS bigint
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
        DECLARE
            gone uuid[];
            unsent_supplements uuid[];
        BEGIN
            WITH expired AS (
                DELETE FROM draft WHERE expires_at < p_now RETURNING id, supplements_id, matter_id
            )
            SELECT array_agg(id), array_agg(id) FILTER (WHERE supplements_id IS NOT NULL AND matter_id IS NULL)
            INTO gone, unsent_supplements FROM expired;
            -- Statements of their own: they see also what was added while the first one waited.
            DELETE FROM upload_part USING upload
            WHERE upload.id = upload_part.upload_id AND upload.matter_id IS NULL
              AND upload.draft_id = ANY (gone);
            DELETE FROM upload WHERE upload.draft_id = ANY (gone)
              AND (upload.matter_id IS NULL OR upload.composed_at IS NOT NULL);
            DELETE FROM draft_key WHERE draft_id = ANY (gone)
              AND NOT EXISTS (SELECT FROM upload_part WHERE upload_part.storage_key = draft_key.storage_key);
            UPDATE mail_address SET revoked_at = p_now
            WHERE revoked_at IS NULL AND (
                draft_id = ANY (unsent_supplements) OR matter_id IS NULL AND draft_id = ANY (gone));
            RETURN cardinality(coalesce(gone, '{}'));
        END
        $$
        """,
        ("worker",),
    ),
}


def upgrade() -> None:
    """Add the tables and columns, and say who may do what with them."""
    op.add_column(
        "draft", sa.Column("more_key_hashes", sa.ARRAY(sa.Text()), nullable=False, server_default="{}")
    )
    op.add_column("draft", sa.Column("resume_code", sa.Text(), nullable=True))
    op.add_column("draft", sa.Column("supplements_id", sa.Uuid(), nullable=True))
    op.create_unique_constraint(op.f("uq_draft_resume_code"), "draft", ["resume_code"])
    _make_upload()
    _make_following()
    for column in _matter_columns():
        op.add_column("matter", column)
    answers = sa.Column("answers", postgresql.JSONB(), nullable=False, server_default=sa.text("'[]'"))
    op.add_column("message", answers)
    op.add_column("message", sa.Column("is_told", sa.Boolean(), nullable=False, server_default=sa.false()))
    rights.allow_kinds("receipt", "reply", "alarm", "notice", "status_link", "confirm_email")
    rights.grant(GRANTS)
    rights.make_functions(FUNCTIONS)


def _matter_columns() -> tuple[sa.Column[object], ...]:
    """Return what the form asks and the handler reads, on the matter itself."""
    return (
        sa.Column("language", sa.Text(), nullable=False, server_default="sv"),
        sa.Column("answer_language", sa.Text(), nullable=True),
        sa.Column("interpreter", sa.Text(), nullable=True),
        sa.Column("may_email", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("is_neutral", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("call_words", sa.Text(), nullable=False, server_default=""),
        sa.Column("concerns", sa.Text(), nullable=True),
        sa.Column("happened_words", sa.Text(), nullable=False, server_default=""),
    )


def _make_upload() -> None:
    op.create_table(
        "upload",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("draft_id", sa.Uuid(), nullable=False),
        sa.Column("matter_id", sa.Uuid(), nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("declared_type", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("offset_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("composed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("offset_bytes BETWEEN 0 AND size_bytes", name=op.f("ck_upload_offset")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
    )
    op.create_index(op.f("ix_upload_draft_id"), "upload", ["draft_id"])
    op.create_index(op.f("ix_upload_matter_id"), "upload", ["matter_id"])
    op.create_table(
        "upload_part",
        sa.Column("upload_id", sa.Uuid(), nullable=False),
        sa.Column("start_bytes", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("storage_key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("upload_id", "start_bytes", name=op.f("pk_upload_part")),
        sa.UniqueConstraint("storage_key", name=op.f("uq_upload_part_storage_key")),
    )


def _make_following() -> None:
    op.create_table(
        "feedback",
        sa.Column("matter_id", sa.Uuid(), nullable=False),
        sa.Column("answer", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("answer BETWEEN 1 AND 5", name=op.f("ck_feedback_answer")),
        sa.ForeignKeyConstraint(
            ["matter_id"], ["matter.id"], name=op.f("fk_feedback_matter_id_matter"),
            initially="DEFERRED", deferrable=True,
        ),
        sa.PrimaryKeyConstraint("matter_id", name=op.f("pk_feedback")),
    )  # fmt: skip
    op.create_table(
        "email_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("matter_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["matter_id"], ["matter.id"], name=op.f("fk_email_change_matter_id_matter"),
            initially="DEFERRED", deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email_change")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_email_change_token_hash")),
    )  # fmt: skip
    op.create_index(op.f("ix_email_change_matter_id"), "email_change", ["matter_id"])


def downgrade() -> None:
    """Take it all back; what was composed or accepted stays, what was half sent is swept."""
    kept = "expire_drafts(timestamptz)"
    rights.drop_functions({signature: made for signature, made in FUNCTIONS.items() if signature != kept})
    op.execute(_OLD_EXPIRY)
    rights.revoke(GRANTS)
    op.execute("DELETE FROM job WHERE kind = 'finish_upload'")
    kinds = "('notice', 'status_link', 'confirm_email')"
    op.execute(f"DELETE FROM job WHERE subject_id IN (SELECT id FROM outgoing_letter WHERE kind IN {kinds})")
    op.execute(f"DELETE FROM outgoing_letter WHERE kind IN {kinds}")
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    rights.allow_kinds("receipt", "reply", "alarm")
    for table in ("upload_part", "upload", "feedback", "email_change"):
        op.drop_table(table)
    op.drop_column("message", "is_told")
    op.drop_column("message", "answers")
    for column in _matter_columns():
        op.drop_column("matter", column.name)
    op.drop_constraint(op.f("uq_draft_resume_code"), "draft")
    for name in ("supplements_id", "resume_code", "more_key_hashes"):
        op.drop_column("draft", name)


_OLD_EXPIRY = """
    CREATE OR REPLACE FUNCTION expire_drafts(p_now timestamptz) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
        WITH expired AS (
            DELETE FROM draft WHERE expires_at < p_now RETURNING id
        ), keys AS (
            DELETE FROM draft_key WHERE draft_id IN (SELECT id FROM expired)
        ), addresses AS (
            UPDATE mail_address SET revoked_at = p_now
            WHERE matter_id IS NULL AND revoked_at IS NULL
            AND draft_id IN (SELECT id FROM expired)
        )
        SELECT count(*) FROM expired
    $$
"""
