"""What a handler writes to a citizen can be taken back for a while, and is kept as a draft before.

A message that is held is told to no citizen. It leaves by a job, or is withdrawn by whoever wrote it:
one statement takes the job away, and finds none that a worker has claimed.
"""

import sqlalchemy as sa
from alembic import op

from migrations import rights

revision = "0024"
down_revision = "0023"

PATH = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
FUNCTIONS: rights.Functions = {
    # What the caller wrote, by the event that tells of it, is withdrawn; says whether it had not left yet.
    "withdraw_message(uuid)": (
        f"""
        CREATE FUNCTION withdraw_message(p_event uuid) RETURNS boolean
        LANGUAGE sql {PATH} AS $$
            WITH gone AS (
                DELETE FROM job USING event JOIN message ON message.id = (event.detail ->> 'message')::uuid
                WHERE job.dedupe = 'release_message:' || p_event AND job.kind = 'release_message'
                  AND job.attempts = 0 AND job.done_at IS NULL
                  AND event.id = p_event AND message.held = 'waiting'
                  AND message.handler_id = session_handler() AND may_write(message.matter_id)
                RETURNING message.id
            ), withdrawn AS (
                UPDATE message SET held = 'undone' FROM gone WHERE message.id = gone.id RETURNING message.id
            )
            SELECT EXISTS (SELECT FROM withdrawn)
        $$
        """,
        ("handler",),
    ),
    # Who is writing to the citizen of a matter that the session has opened. The words are told to whoever
    # wrote them, and to nobody else.
    "reply_drafts(uuid)": (
        f"""
        CREATE FUNCTION reply_drafts(p_matter uuid)
        RETURNS TABLE (is_own boolean, name text, kind text, text text, updated_at timestamptz)
        LANGUAGE sql STABLE {PATH} AS $$
            SELECT reply_draft.handler_id = session_handler(), handler.name, reply_draft.kind,
                   CASE WHEN reply_draft.handler_id = session_handler() THEN reply_draft.text END,
                   reply_draft.updated_at
            FROM reply_draft JOIN handler ON handler.id = reply_draft.handler_id
            WHERE reply_draft.matter_id = p_matter AND opens(p_matter, session_id(), session_units())
            ORDER BY reply_draft.updated_at
        $$
        """,
        ("handler",),
    ),
    # The caller's own draft becomes this text; no text is no draft. Says no where the matter is closed,
    # which waits for this, or is waited for.
    "keep_reply_draft(uuid, text, text, timestamptz)": (
        f"""
        CREATE FUNCTION keep_reply_draft(p_matter uuid, p_kind text, p_text text, p_at timestamptz)
        RETURNS boolean LANGUAGE plpgsql {PATH} AS $$
        BEGIN
            IF p_text = '' THEN
                DELETE FROM reply_draft WHERE matter_id = p_matter AND handler_id = session_handler()
                AND kind = p_kind;
                RETURN true;
            END IF;
            IF session_handler() IS NULL OR NOT may_write(p_matter) THEN
                RAISE insufficient_privilege USING MESSAGE = 'not a matter of the caller''s';
            END IF;
            PERFORM FROM matter WHERE matter.id = p_matter AND matter.closed_at IS NULL FOR SHARE;
            IF NOT FOUND THEN RETURN false; END IF;
            INSERT INTO reply_draft (matter_id, handler_id, kind, text, updated_at)
            VALUES (p_matter, session_handler(), p_kind, p_text, p_at)
            ON CONFLICT (matter_id, handler_id, kind)
            DO UPDATE SET text = excluded.text, updated_at = excluded.updated_at;
            RETURN true;
        END
        $$
        """,
        ("handler",),
    ),
    # However a matter is closed, nobody answers in it any more.
    "erase_reply_drafts()": (
        f"""
        CREATE FUNCTION erase_reply_drafts() RETURNS trigger
        LANGUAGE plpgsql {PATH} AS $$
        BEGIN
            DELETE FROM reply_draft WHERE reply_draft.matter_id = NEW.id;
            RETURN NULL;
        END
        $$
        """,
        (),
    ),
}
TRIGGER = """
    CREATE TRIGGER erase_reply_drafts AFTER UPDATE OF closed_at ON matter FOR EACH ROW
    WHEN (OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL) EXECUTE FUNCTION erase_reply_drafts()
"""
NOT_HELD = " AND message.held IS NULL"
# What is told or counted only when it has left, by the function that does, whose other words stay.
TOLD = {
    "followed_status(text, text, timestamptz)": "AND message.is_told AND message.is_answer",
    "followed_answers(text, text)": "AND message.direction = 'outgoing' AND message.is_told",
    "followed_file(text, text, uuid)": "AND message.direction = 'outgoing' AND message.is_told",
    "give_feedback(text, text, integer, text, timestamptz)": "AND message.is_told AND message.is_answer",
    "answer_times(text, timestamptz, timestamptz)": "AND NOT message.is_automatic AND message.is_answer",
}
# Nor is it told meanwhile that there is an answer or a question.
STATUS = (
    "matter.category, matter.status,",
    "matter.category, CASE WHEN matter.status IN ('answered', 'awaiting_citizen') AND EXISTS ("
    "SELECT FROM message WHERE message.matter_id = matter.id AND message.held = 'waiting')"
    " THEN 'in_progress' ELSE matter.status END,",
)
JOBS = ("ARRAY['send_letter'::text,", "ARRAY['release_message'::text, 'send_letter'::text,")
# One job for what was written, and never another: so nobody lets a colleague's leave before its time.
ONE_ALONE = """
    CREATE POLICY one_release ON job AS RESTRICTIVE FOR INSERT TO {handler}
    WITH CHECK (kind <> 'release_message' OR dedupe = kind || ':' || subject_id::text)
"""
LEAVES = {"worker": {"message": "UPDATE (held)"}}


def upgrade() -> None:
    """Let what is written wait, and keep drafts of it."""
    op.add_column("message", sa.Column("held", sa.Text(), nullable=True))
    op.create_check_constraint(op.f("ck_message_held"), "message", "held IN ('waiting', 'undone')")
    op.create_table(
        "reply_draft",
        sa.Column("matter_id", sa.Uuid(), nullable=False),
        sa.Column("handler_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('reply', 'supplement', 'delay')", name=op.f("ck_reply_draft_kind")),
        sa.ForeignKeyConstraint(
            ["matter_id"], ["matter.id"], name=op.f("fk_reply_draft_matter_id_matter"),
            deferrable=True, initially="DEFERRED",
        ),
        sa.ForeignKeyConstraint(
            ["handler_id"], ["handler.id"], name=op.f("fk_reply_draft_handler_id_handler"),
            deferrable=True, initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("matter_id", "handler_id", "kind", name=op.f("pk_reply_draft")),
    )  # fmt: skip
    # No role below the owner reads it but by the functions.
    op.execute("ALTER TABLE reply_draft ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE message ALTER COLUMN held SET STATISTICS 0")
    rights.make_functions(FUNCTIONS)
    op.execute(TRIGGER)
    for signature, words in TOLD.items():
        rights.rewrite(signature, words, words + NOT_HELD)
    rights.rewrite("followed_status(text, text, timestamptz)", *STATUS)
    rights.grant(LEAVES)
    rights.let_jobs_be(*JOBS)
    op.execute(ONE_ALONE.format(**rights.roles()))


def downgrade() -> None:
    """Let everything leave at once again; what was withdrawn is then no message that was ever sent."""
    op.execute("DROP POLICY one_release ON job")
    rights.let_jobs_be(*reversed(JOBS))
    rights.revoke(LEAVES)
    rights.rewrite("followed_status(text, text, timestamptz)", *reversed(STATUS))
    for signature, words in TOLD.items():
        rights.rewrite(signature, words + NOT_HELD, words)
    op.execute("DROP TRIGGER erase_reply_drafts ON matter")
    rights.drop_functions(FUNCTIONS)
    op.drop_table("reply_draft")
    # The older version would tell it on the status page.
    op.execute("UPDATE message SET is_told = false, is_answer = false WHERE held = 'undone'")
    op.drop_column("message", "held")
