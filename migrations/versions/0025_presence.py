"""Who is at a matter just now, told only to those who see it; and whether somebody works by single keys."""

import sqlalchemy as sa
from alembic import op

from migrations import rights

revision = "0025"
down_revision = "0024"

PATH = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
# What session_person() tells besides: of its columns, and of what it asks.
TOLD = (
    ("seats jsonb, units text[])", "seats jsonb, units text[], has_keys boolean)"),
    ("session_units()\n", "session_units(), handler.has_keys\n"),
)
FUNCTIONS: rights.Functions = {
    # The session's person is at a matter, and is told who else is, itself included: so no row at all says that
    # the matter is not open to the session. A row counts while the matter stands where it did then: who is
    # there is told to nobody to whom the matter went on. The time is the database's own.
    "be_present(uuid, text)": (
        f"""
        CREATE FUNCTION be_present(p_matter uuid, p_doing text)
        RETURNS TABLE (handler_id uuid, name text, doing text) LANGUAGE plpgsql {PATH} AS $$
        #variable_conflict use_column
        DECLARE
            here timestamptz := clock_timestamp();
            standing text[] := ARRAY(SELECT unit_id FROM matter_unit
                                     WHERE matter_unit.matter_id = p_matter AND until IS NULL);
        BEGIN
            IF NOT opens(p_matter, session_id(), session_units()) THEN RETURN; END IF;
            INSERT INTO presence AS old (matter_id, handler_id, doing, at, units)
            VALUES (p_matter, session_handler(), p_doing, here, standing)
            ON CONFLICT (matter_id, handler_id)
            DO UPDATE SET doing = excluded.doing, at = excluded.at, units = excluded.units;
            RETURN QUERY SELECT presence.handler_id, handler.name, presence.doing
            FROM presence JOIN handler ON handler.id = presence.handler_id
            WHERE presence.matter_id = p_matter AND presence.at > here - interval '15 seconds'
              AND presence.units && standing AND handler.disabled_at IS NULL
            ORDER BY handler.name, handler.id;
        END
        $$
        """,
        ("handler",),
    ),
    "forget_absent()": (
        f"""
        CREATE FUNCTION forget_absent() RETURNS void LANGUAGE sql {PATH} AS $$
            DELETE FROM presence WHERE at <= clock_timestamp() - interval '15 seconds'
        $$
        """,
        ("worker",),
    ),
    "choose_keys(boolean)": (
        f"""
        CREATE FUNCTION choose_keys(p_has_keys boolean) RETURNS void LANGUAGE sql {PATH} AS $$
            UPDATE handler SET has_keys = p_has_keys WHERE handler.id = session_handler()
        $$
        """,
        ("handler",),
    ),
}


def upgrade() -> None:
    """Make the table of those present, which a crash may empty, and the choice of keys."""
    op.add_column("handler", sa.Column("has_keys", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.create_table(
        "presence",
        sa.Column("matter_id", sa.Uuid(), nullable=False),
        sa.Column("handler_id", sa.Uuid(), nullable=False),
        sa.Column("doing", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("units", sa.ARRAY(sa.Text()), nullable=False),
        sa.CheckConstraint("doing IN ('reading', 'writing')", name=op.f("ck_presence_doing")),
        sa.PrimaryKeyConstraint("matter_id", "handler_id", name=op.f("pk_presence")),
        prefixes=["UNLOGGED"],
    )
    # No role but the owner's has any right to it, and should one get one by mistake, no row is shown.
    rights.wall({"presence": {}})
    rights.make_functions(FUNCTIONS)
    _tell_of_person(TOLD)


def _tell_of_person(changes: tuple[tuple[str, str], ...]) -> None:
    """Make session_person() anew: what a function returns cannot be changed in its place."""
    signature = "session_person()"
    asked = f"SELECT pg_get_functiondef('{signature}'::regprocedure)"
    body = str(op.get_bind().exec_driver_sql(asked).scalar_one())
    for old, new in changes:
        if body.count(old) != 1:
            raise ValueError(f"{signature} does not say {old!r} exactly once.")
        body = body.replace(old, new)
    op.execute(f"DROP FUNCTION {signature}")
    rights.make_functions({signature: (body, ("handler",))})


def downgrade() -> None:
    """Take both away."""
    _tell_of_person(tuple((new, old) for old, new in TOLD))
    rights.drop_functions(FUNCTIONS)
    op.drop_table("presence")
    op.drop_column("handler", "has_keys")
