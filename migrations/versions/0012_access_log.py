"""The access log: partitioned by month, written by functions alone, each person's looks one hash chain."""

from importlib import import_module

import sqlalchemy as sa
from alembic import op

from migrations import rights

revision = "0012"
down_revision = "0011"

GRANTS = {
    "handler": {"access_log": "SELECT"},
    "worker": {"access_log, access_log_rest, access_chain": "SELECT"},
}
COLUMNS = "id, at, handler_id, actor, what, matter_id, attachment_id, reason"
# Its successor asks who wants to know.
FILE_LOOKS = {
    "file_looks(uuid, integer)": import_module("migrations.versions.0011_files").FUNCTIONS[
        "file_looks(uuid, integer)"
    ]
}

FUNCTIONS = {
    # What a row's hash is made of: the one before it in its chain, and all that the row says.
    "look_hash(bytea, access_log)": (
        """
        CREATE FUNCTION look_hash(p_before bytea, p_look access_log) RETURNS bytea
        LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public AS $$
            SELECT sha256(p_before || convert_to(jsonb_build_array(
                p_look.chain, p_look.seq, p_look.id, (extract(epoch FROM p_look.at) * 1000000)::bigint,
                p_look.session_id, p_look.handler_id, p_look.actor, p_look.what, p_look.matter_id,
                p_look.attachment_id, p_look.reason, p_look.words)::text, 'UTF8'))
        $$
        """,
        ("worker",),
    ),
    # The partition that holds a time, made if it is not there yet; what fell into the rest moves into it.
    # Nothing more may fall there meanwhile. Whoever reads the log long is not kept waiting: it fails, and
    # is tried again.
    "make_log_month(timestamptz)": (
        """
        CREATE FUNCTION make_log_month(p_at timestamptz) RETURNS boolean
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
        SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
        DECLARE
            first timestamptz := date_trunc('month', p_at);
            after timestamptz := date_trunc('month', p_at) + interval '1 month';
            month text := 'access_log_' || to_char(date_trunc('month', p_at), 'YYYY_MM');
        BEGIN
            IF to_regclass('public.' || month) IS NOT NULL THEN RETURN false; END IF;
            PERFORM pg_advisory_xact_lock(hashtext('intake.log_month'));
            IF to_regclass('public.' || month) IS NOT NULL THEN RETURN false; END IF;
            LOCK TABLE access_log_rest IN ACCESS EXCLUSIVE MODE;
            EXECUTE format('CREATE TABLE public.%I (LIKE access_log INCLUDING DEFAULTS)', month);
            EXECUTE format('WITH moved AS (DELETE FROM access_log_rest WHERE at >= %L AND at < %L RETURNING *)'
                           ' INSERT INTO public.%I SELECT * FROM moved', first, after, month);
            EXECUTE format('ALTER TABLE access_log ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                           month, first, after);
            RETURN true;
        END
        $$
        """,
        ("worker",),
    ),
    # One look more in somebody's chain. Nobody may call it but the functions that know who looks.
    "add_look(text, uuid, uuid, text, text, uuid, uuid, text, text)": (
        """
        CREATE FUNCTION add_look(p_chain text, p_session uuid, p_handler uuid, p_actor text, p_what text,
                                 p_matter uuid, p_file uuid, p_reason text, p_words text) RETURNS uuid
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
        DECLARE
            head access_chain%ROWTYPE;
            made access_log%ROWTYPE;
        BEGIN
            INSERT INTO access_chain (chain, seq, hash) VALUES (p_chain, 0, '') ON CONFLICT DO NOTHING;
            SELECT * INTO head FROM access_chain WHERE access_chain.chain = p_chain FOR UPDATE;
            made.id := gen_random_uuid();
            made.at := clock_timestamp();
            made.chain := p_chain;
            made.seq := head.seq + 1;
            made.session_id := p_session;
            made.handler_id := p_handler;
            made.actor := p_actor;
            made.what := p_what;
            made.matter_id := p_matter;
            made.attachment_id := p_file;
            made.reason := p_reason;
            made.words := p_words;
            made.hash := look_hash(head.hash, made);
            INSERT INTO access_log SELECT made.*;
            UPDATE access_chain SET seq = made.seq, hash = made.hash WHERE access_chain.chain = p_chain;
            RETURN made.id;
        END
        $$
        """,
        (),
    ),
    # What anybody looks at by a command, in the name of the machine's own user.
    "look_by_command(text, text, uuid, text)": (
        """
        CREATE FUNCTION look_by_command(p_user text, p_what text, p_matter uuid, p_words text) RETURNS void
        LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT add_look('command', NULL, NULL, p_user, p_what, p_matter, NULL, NULL, p_words)
        $$
        """,
        ("worker",),
    ),
    # The last rows of all chains that have grown since the seal before, as a row of a chain of their own: a
    # chain that was cut or written anew no longer agrees with it. A chain that is being written is left
    # for the next seal, so that nobody waits here for anybody.
    "seal_log()": (
        """
        CREATE FUNCTION seal_log() RETURNS text
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
        DECLARE
            heads text;
        BEGIN
            PERFORM pg_advisory_xact_lock(hashtext('intake.seal_log'));
            WITH grown AS (
                SELECT chain FROM access_chain WHERE chain <> 'seal' AND sealed < seq ORDER BY chain
                FOR UPDATE SKIP LOCKED
            ), sealed AS (
                UPDATE access_chain SET sealed = access_chain.seq FROM grown
                WHERE access_chain.chain = grown.chain
                RETURNING access_chain.chain, access_chain.seq, access_chain.hash
            )
            SELECT string_agg(format('%s:%s:%s', chain, seq, encode(hash, 'hex')), ' ' ORDER BY chain)
            INTO heads FROM sealed;
            IF heads IS NULL THEN RETURN NULL; END IF;
            PERFORM add_look('seal', NULL, NULL, 'system', 'seal', NULL, NULL, NULL, heads);
            RETURN (SELECT encode(hash, 'hex') FROM access_chain WHERE chain = 'seal');
        END
        $$
        """,
        ("worker",),
    ),
}  # fmt: skip


def upgrade() -> None:
    """Make the partitioned log, and carry over into chains what the old one held."""
    rights.drop_functions(FILE_LOOKS)
    op.rename_table("access_log", "old_access_log")
    for name in ("pk_access_log", "ix_access_log_handler_id_at", "ix_access_log_matter_id_at",
                 "ix_access_log_attachment_id_at"):  # fmt: skip
        op.execute(f"ALTER INDEX {name} RENAME TO old_{name}")
    _make_log()
    rights.make_functions(FUNCTIONS)
    op.execute(
        "SELECT make_log_month(at) FROM (SELECT DISTINCT date_trunc('month', at, 'UTC') FROM old_access_log"
        " UNION SELECT now() + n * interval '1 month' FROM generate_series(0, 12) n) AS month (at)"
    )
    # Each is told as it was, at its own time; only its place in a chain is new.
    op.execute(
        f"""
        DO $$
        DECLARE
            old old_access_log%ROWTYPE;
            head access_chain%ROWTYPE;
            made access_log%ROWTYPE;
        BEGIN
            FOR old IN SELECT * FROM old_access_log ORDER BY at, id LOOP
                INSERT INTO access_chain (chain, seq, hash)
                VALUES (coalesce(old.handler_id::text, 'command'), 0, '') ON CONFLICT DO NOTHING;
                SELECT * INTO head FROM access_chain WHERE chain = coalesce(old.handler_id::text, 'command');
                made.chain := head.chain;
                made.seq := head.seq + 1;
                {" ".join(f"made.{name} := old.{name};" for name in COLUMNS.split(", "))}
                made.hash := look_hash(head.hash, made);
                INSERT INTO access_log SELECT made.*;
                UPDATE access_chain SET seq = made.seq, hash = made.hash WHERE chain = head.chain;
            END LOOP;
        END
        $$
        """
    )
    op.drop_table("old_access_log")
    rights.grant(GRANTS)


def _make_log() -> None:
    at = sa.DateTime(timezone=True)
    op.create_table(
        "access_log",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", at, nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("session_id", sa.Uuid()),
        sa.Column("handler_id", sa.Uuid()),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("matter_id", sa.Uuid()),
        sa.Column("attachment_id", sa.Uuid()),
        sa.Column("reason", sa.Text()),
        sa.Column("words", sa.Text()),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", "at", name=op.f("pk_access_log")),
        sa.UniqueConstraint("chain", "seq", "at", name=op.f("uq_access_log_chain_seq_at")),
        sa.ForeignKeyConstraint(
            ["handler_id"], ["handler.id"], name=op.f("fk_access_log_handler_id_handler"),
            deferrable=True, initially="DEFERRED",
        ),
        postgresql_partition_by="RANGE (at)",
    )  # fmt: skip
    op.create_index(op.f("ix_access_log_handler_id_at"), "access_log", ["handler_id", "at"])
    op.create_index(op.f("ix_access_log_matter_id_at"), "access_log", ["matter_id", "at"])
    for column in ("attachment_id", "session_id"):
        op.create_index(
            op.f(f"ix_access_log_{column}_at"), "access_log", [column, "at"],
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )  # fmt: skip
    op.create_index(
        "ix_access_log_sign_in", "access_log", ["at"], postgresql_where=sa.text("what = 'sign_in'")
    )
    op.execute("CREATE TABLE access_log_rest PARTITION OF access_log DEFAULT")
    op.create_table(
        "access_chain",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.BigInteger(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_access_chain")),
    )


def downgrade() -> None:
    """Make one plain table of it again; what only the newer log tells is not carried back."""
    rights.drop_functions(FUNCTIONS)
    op.rename_table("access_log", "new_access_log")
    for name in ("pk_access_log", "ix_access_log_handler_id_at", "ix_access_log_matter_id_at",
                 "ix_access_log_attachment_id_at"):  # fmt: skip
        op.execute(f"ALTER INDEX {name} RENAME TO new_{name}")
    op.create_table(
        "access_log",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handler_id", sa.Uuid()),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("matter_id", sa.Uuid()),
        sa.Column("attachment_id", sa.Uuid()),
        sa.Column("reason", sa.Text()),
        sa.ForeignKeyConstraint(
            ["handler_id"], ["handler.id"], name=op.f("fk_access_log_handler_id_handler"),
            deferrable=True, initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_log")),
    )  # fmt: skip
    op.execute(
        f"INSERT INTO access_log ({COLUMNS}) SELECT {COLUMNS} FROM new_access_log WHERE what <> 'seal'"
    )
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    op.drop_table("new_access_log")
    op.drop_table("access_chain")
    op.create_index(op.f("ix_access_log_handler_id_at"), "access_log", ["handler_id", "at"])
    op.create_index(op.f("ix_access_log_matter_id_at"), "access_log", ["matter_id", "at"])
    op.create_index(
        op.f("ix_access_log_attachment_id_at"), "access_log", ["attachment_id", "at"],
        postgresql_where=sa.text("attachment_id IS NOT NULL"),
    )  # fmt: skip
    rights.grant({"handler": {"access_log": "INSERT"}})
    rights.make_functions(FILE_LOOKS)
