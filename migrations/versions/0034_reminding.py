"""A supplement is awaited until a day, the person is reminded once, and told once that an answer takes longer.

Each promise of "once" is a row's: what is still to be decided of a request stands in it, and a matter's
clock has one delay at most.
"""

import sqlalchemy as sa
from alembic import op

from migrations import rights

revision = "0034"
down_revision = "0033"

PATH = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
KINDS = (
    "receipt", "reply", "alarm", "notice", "status_link", "confirm_email", "supplement_request", "delay",
)  # fmt: skip
GRANTS = {
    "worker": {
        "supplement_request": "SELECT, UPDATE (reminder, missed_at)",
        "delay_notice": "SELECT, INSERT",
    }
}
WALLS = {name: {"worker": ("FOR ALL USING (true)",)} for name in ("supplement_request", "delay_notice")}
_REFUSED = "RAISE insufficient_privilege USING MESSAGE = 'not a matter of the caller''s'"

FUNCTIONS: rights.Functions = {
    # What a matter waits for: its newest request that was not taken back, while nothing has come.
    "awaited_supplement(uuid)": (
        f"""
        CREATE FUNCTION awaited_supplement(p_matter uuid) RETURNS SETOF supplement_request
        LANGUAGE sql STABLE {PATH} AS $$
            SELECT request.* FROM (
                SELECT newest.* FROM supplement_request AS newest
                JOIN message ON message.id = newest.message_id
                WHERE newest.matter_id = p_matter AND message.held IS DISTINCT FROM 'undone'
                ORDER BY newest.asked_at DESC, newest.id DESC LIMIT 1) AS request
            JOIN matter ON matter.id = request.matter_id
            WHERE matter.status = 'awaiting_citizen'
        $$
        """,
        ("worker",),
    ),
    # The same to whoever has opened the matter.
    "open_supplement(uuid)": (
        f"""
        CREATE FUNCTION open_supplement(p_matter uuid)
        RETURNS TABLE (until_at timestamptz, remind_at timestamptz, reminder text)
        LANGUAGE sql STABLE {PATH} AS $$
            SELECT request.until_at, request.remind_at, request.reminder
            FROM awaited_supplement(p_matter) AS request
            WHERE opens(p_matter, session_id(), session_units())
        $$
        """,
        ("handler",),
    ),
    # The same to the matter's own person, once the question has left.
    "followed_supplement(text, text)": (
        f"""
        CREATE FUNCTION followed_supplement(p_reference text, p_code_hash text) RETURNS timestamptz
        LANGUAGE sql STABLE {PATH} AS $$
            SELECT request.until_at
            FROM awaited_supplement(followed_matter(p_reference, p_code_hash)) AS request
            JOIN message ON message.id = request.message_id
            WHERE message.held IS NULL
        $$
        """,
        ("citizen",),
    ),
    # A handler asks in a matter by a message of the handler's own there.
    "expect_supplement(uuid, uuid, uuid, timestamptz, timestamptz, timestamptz)": (
        f"""
        CREATE FUNCTION expect_supplement(p_request uuid, p_matter uuid, p_message uuid, p_at timestamptz,
                                          p_until timestamptz, p_remind timestamptz) RETURNS void
        LANGUAGE plpgsql {PATH} AS $$
        BEGIN
            IF session_handler() IS NULL OR NOT may_write(p_matter) OR NOT EXISTS (
                SELECT FROM message WHERE message.id = p_message AND message.matter_id = p_matter
                  AND message.direction = 'outgoing' AND message.handler_id = session_handler())
            THEN {_REFUSED}; END IF;
            INSERT INTO supplement_request (id, matter_id, message_id, asked_at, until_at, remind_at)
            VALUES (p_request, p_matter, p_message, p_at, p_until, p_remind);
        END
        $$
        """,
        ("handler",),
    ),
    # Says whether there was a reminder still to come. Whoever is just sending it is waited for.
    "cancel_reminder(uuid)": (
        f"""
        CREATE FUNCTION cancel_reminder(p_matter uuid) RETURNS boolean
        LANGUAGE plpgsql {PATH} AS $$
        BEGIN
            IF session_handler() IS NULL OR NOT may_write(p_matter) THEN {_REFUSED}; END IF;
            UPDATE supplement_request SET reminder = 'cancelled'
            WHERE supplement_request.id IN (SELECT request.id FROM awaited_supplement(p_matter) AS request)
              AND supplement_request.remind_at IS NOT NULL AND supplement_request.reminder IS NULL;
            RETURN FOUND;
        END
        $$
        """,
        ("handler",),
    ),
}


def _id() -> sa.Column[object]:
    return sa.Column("id", sa.Uuid(), nullable=False)


def _to_matter(table: str) -> tuple[sa.Column[object], sa.ForeignKeyConstraint]:
    return sa.Column("matter_id", sa.Uuid(), nullable=False), sa.ForeignKeyConstraint(
        ["matter_id"], ["matter.id"], name=op.f(f"fk_{table}_matter_id_matter"),
        deferrable=True, initially="DEFERRED",
    )  # fmt: skip


def upgrade() -> None:
    """Let a request have its day, a reminder and a delay be told by themselves, and what was asked for be large."""
    op.create_table(
        "supplement_request",
        _id(),
        *_to_matter("supplement_request"),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("remind_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminder", sa.Text(), nullable=True),
        sa.Column("missed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "reminder IN ('sent', 'withheld', 'cancelled', 'needless')",
            name=op.f("ck_supplement_request_reminder"),
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_supplement_request_message_id_message"),
            deferrable=True, initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supplement_request")),
    )  # fmt: skip
    op.create_index(op.f("ix_supplement_request_matter_id"), "supplement_request", ["matter_id"])
    op.create_index(
        "ix_supplement_request_remind", "supplement_request", ["remind_at"],
        postgresql_where=sa.text("reminder IS NULL AND remind_at IS NOT NULL"),
    )  # fmt: skip
    op.create_index(
        "ix_supplement_request_unmissed", "supplement_request", ["until_at"],
        postgresql_where=sa.text("missed_at IS NULL"),
    )  # fmt: skip
    op.create_table(
        "delay_notice",
        *_to_matter("delay_notice"),
        sa.Column("clock_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("matter_id", "clock_at", name=op.f("pk_delay_notice")),
    )
    op.add_column("draft", sa.Column("is_asked", sa.Boolean(), nullable=False, server_default=sa.false()))
    rights.allow_kinds(*KINDS, "reminder", "late")
    # Of what is told by itself there is one letter for what it tells, and no more.
    op.create_index(
        "uq_outgoing_letter_by_itself", "outgoing_letter", ["message_id"], unique=True,
        postgresql_where=sa.text("kind IN ('reminder', 'late')"),
    )  # fmt: skip
    rights.make_functions(FUNCTIONS)
    rights.grant(GRANTS)
    rights.wall(WALLS)


def downgrade() -> None:
    """Take the days away; what was told by itself stays said, and its letters are called what they were like."""
    rights.unwall(WALLS)
    rights.revoke(GRANTS)
    rights.drop_functions(FUNCTIONS)
    op.drop_index("uq_outgoing_letter_by_itself", "outgoing_letter")
    op.execute("UPDATE outgoing_letter SET kind = 'supplement_request' WHERE kind = 'reminder'")
    op.execute("UPDATE outgoing_letter SET kind = 'delay' WHERE kind = 'late'")
    rights.allow_kinds(*KINDS)
    op.drop_column("draft", "is_asked")
    op.drop_table("delay_notice")
    op.drop_table("supplement_request")
