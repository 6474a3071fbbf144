"""Who is away from work and until when, told to those who work in the same units."""

import sqlalchemy as sa
from alembic import op

from migrations import rights

revision = "0036"
down_revision = "0035"

PATH = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
FUNCTIONS: rights.Functions = {
    # The session's person, if away, and those who are away of those who sit in these units, where that
    # person sees the units.
    "who_is_away(text[], date)": (
        f"""
        CREATE FUNCTION who_is_away(p_units text[], p_day date)
        RETURNS TABLE (handler_id uuid, name text, until date) LANGUAGE sql STABLE {PATH} AS $$
            SELECT handler.id, handler.name, absence.until
            FROM absence JOIN handler ON handler.id = absence.handler_id
            WHERE absence.until >= p_day AND handler.disabled_at IS NULL AND (
                handler.id = session_handler() OR EXISTS (
                    SELECT FROM membership WHERE membership.handler_id = handler.id
                    AND membership.unit_id = ANY (p_units) AND membership.unit_id = ANY (session_units())))
            ORDER BY handler.name, handler.id
        $$
        """,
        ("handler",),
    ),
    # The session's person is away until a day, or no more without one; or somebody who works where that person
    # says who does. False for anybody else.
    "say_away(uuid, date)": (
        f"""
        CREATE FUNCTION say_away(p_handler uuid, p_until date) RETURNS boolean LANGUAGE plpgsql {PATH} AS $$
        BEGIN
            IF p_handler IS DISTINCT FROM session_handler() AND NOT EXISTS (
                SELECT FROM membership WHERE membership.handler_id = p_handler
                AND membership.unit_id = ANY (administered_units())) THEN
                RETURN false;
            END IF;
            IF p_until IS NULL THEN
                DELETE FROM absence WHERE absence.handler_id = p_handler;
            ELSE
                INSERT INTO absence (handler_id, until) VALUES (p_handler, p_until)
                ON CONFLICT (handler_id) DO UPDATE SET until = excluded.until;
            END IF;
            RETURN true;
        END
        $$
        """,
        ("handler",),
    ),
}


def upgrade() -> None:
    """Make the table, which no role but the owner's has any right to."""
    op.create_table(
        "absence",
        sa.Column("handler_id", sa.Uuid(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["handler_id"], ["handler.id"], name=op.f("fk_absence_handler_id_handler"),
            deferrable=True, initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("handler_id", name=op.f("pk_absence")),
    )  # fmt: skip
    rights.wall({"absence": {}})
    rights.make_functions(FUNCTIONS)


def downgrade() -> None:
    """Take it away, with what was said there."""
    rights.drop_functions(FUNCTIONS)
    op.drop_table("absence")
