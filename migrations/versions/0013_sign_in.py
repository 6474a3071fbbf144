"""Sign-in behind a role of its own: second factors, stages of a session, and who a session's secret belongs to."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from migrations import rights

revision = "0013"
down_revision = "0012"

COLUMNS: dict[str, tuple[sa.Column[Any], ...]] = {
    "handler": (
        sa.Column("totp_secret", sa.Text()),
        sa.Column("totp_step", sa.BigInteger()),
        sa.Column("subject", sa.Text()),
    ),
    "handler_session": (
        sa.Column("stage", sa.Text(), nullable=False, server_default="open"),
        sa.Column("proven_at", sa.DateTime(timezone=True)),
        sa.Column("agent", sa.Text(), nullable=False, server_default=""),
    ),
}
ROLES = ("handler", "coordinator", "operator", "file_quarantine")
NEW_ROLES = ("reader", "handler", "coordinator", "registrar", "operator", "auditor", "national_coordinator",
             "file_quarantine")  # fmt: skip
GRANTS = {
    "handler": {"handler": "SELECT (id, name, email, disabled_at)"},
    "door": {
        "alembic_version": "SELECT",
        "unit": "SELECT",
        "membership": "SELECT",
        "handler": (
            "SELECT, UPDATE (password_hash, must_change_password, password_expires_at, totp_secret,"
            " totp_step, subject)"
        ),
        "handler_session": "SELECT, INSERT, UPDATE (token_hash, ended_at, stage, proven_at, seen_at)",
        "recovery_code": "SELECT, INSERT, UPDATE (used_at), DELETE",
        "limit_count": "SELECT, INSERT, UPDATE",
    },
    "worker": {"handler_session": "UPDATE (ended_at)"},
}
# Whoever serves pages can neither read credentials nor make a session.
TAKEN = {
    "handler": {
        "handler": "SELECT, UPDATE (password_hash, must_change_password, password_expires_at)",
        "handler_session": "SELECT, INSERT, UPDATE",
        "limit_count": "SELECT, UPDATE",
    }
}

FUNCTIONS = {
    # The session whose secret this transaction has shown, while it lasts, whatever it has come to.
    "session_row()": (
        """
        CREATE FUNCTION session_row() RETURNS SETOF handler_session
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public ROWS 1 AS $$
            SELECT handler_session.* FROM handler_session
            JOIN handler ON handler.id = handler_session.handler_id
            WHERE handler_session.token_hash =
                encode(sha256(convert_to(nullif(current_setting('app.session', true), ''), 'UTF8')), 'hex')
              AND handler_session.ended_at IS NULL AND handler.disabled_at IS NULL
        $$
        """,
        (),
    ),
    # The session, and the person of it, once everything that a sign-in asks for has been given.
    "session_id()": (
        """
        CREATE FUNCTION session_id() RETURNS uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT id FROM session_row() WHERE stage = 'open'
        $$
        """,
        ("handler",),
    ),
    "session_handler()": (
        """
        CREATE FUNCTION session_handler() RETURNS uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT handler_id FROM session_row() WHERE stage = 'open'
        $$
        """,
        ("handler",),
    ),
    # The units in which the session's person has one of these roles. A coordinator of a regional unit has
    # the whole region, and a national coordinator the country; neither what stands behind a wall.
    "units_as(text[])": (
        """
        CREATE FUNCTION units_as(p_roles text[]) RETURNS text[]
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            WITH seat AS (
                SELECT membership.role, unit.id, unit.region, unit.is_walled
                FROM membership JOIN unit ON unit.id = membership.unit_id
                WHERE membership.handler_id = session_handler() AND membership.role = ANY (p_roles)
            )
            SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM (
                SELECT id FROM seat WHERE role <> 'national_coordinator'
                UNION SELECT unit.id FROM seat JOIN unit ON unit.region = seat.region
                WHERE seat.role = 'coordinator' AND NOT seat.is_walled AND NOT unit.is_walled
                UNION SELECT unit.id FROM seat, unit
                WHERE seat.role = 'national_coordinator' AND NOT unit.is_walled
            ) known
        $$
        """,
        (),
    ),
    "session_units()": (
        """
        CREATE FUNCTION session_units() RETURNS text[]
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT units_as('{reader,handler,coordinator,registrar,national_coordinator,file_quarantine}')
        $$
        """,
        ("handler",),
    ),
    "acting_units()": (
        """
        CREATE FUNCTION acting_units() RETURNS text[]
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT units_as('{handler,coordinator,registrar,national_coordinator}')
        $$
        """,
        ("handler",),
    ),
    "session_has(text)": (
        """
        CREATE FUNCTION session_has(p_role text) RETURNS boolean
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT EXISTS (SELECT FROM membership
                           WHERE membership.handler_id = session_handler() AND membership.role = p_role)
        $$
        """,
        ("handler",),
    ),
    # Everything that a page must know of who is signed in, in one question.
    "session_person()": (
        """
        CREATE FUNCTION session_person()
        RETURNS TABLE (handler_id uuid, name text, email text, session_id uuid, stage text,
                       must_change_password boolean, has_factor boolean, seen_at timestamptz,
                       expires_at timestamptz, proven_at timestamptz, seats jsonb, units text[])
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT handler.id, handler.name, handler.email, here.id, here.stage,
                   handler.must_change_password, handler.totp_secret IS NOT NULL, here.seen_at,
                   here.expires_at, here.proven_at,
                   (SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'unit', unit.id, 'role', membership.role, 'region', unit.region,
                        'is_walled', unit.is_walled) ORDER BY unit.id, membership.role), '[]')
                    FROM membership JOIN unit ON unit.id = membership.unit_id
                    WHERE membership.handler_id = handler.id),
                   session_units()
            FROM session_row() here JOIN handler ON handler.id = here.handler_id
        $$
        """,
        ("handler",),
    ),
    # The session was used, or is over: this one, or another of the same person.
    "touch_session(timestamptz)": (
        """
        CREATE FUNCTION touch_session(p_at timestamptz) RETURNS void
        LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            UPDATE handler_session SET seen_at = used.at
            FROM (SELECT least(p_at, clock_timestamp() + interval '1 minute') AS at) used
            WHERE handler_session.id = (SELECT id FROM session_row()) AND handler_session.seen_at < used.at
        $$
        """,
        ("handler",),
    ),
    "end_own_session(uuid, timestamptz)": (
        """
        CREATE FUNCTION end_own_session(p_session uuid, p_at timestamptz) RETURNS boolean
        LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            WITH ended AS (
                UPDATE handler_session SET ended_at = p_at
                WHERE handler_session.id = p_session AND handler_session.ended_at IS NULL
                  AND handler_session.handler_id = (SELECT handler_id FROM session_row())
                RETURNING id
            )
            SELECT EXISTS (SELECT FROM ended)
        $$
        """,
        ("handler",),
    ),
    "own_sessions()": (
        """
        CREATE FUNCTION own_sessions()
        RETURNS TABLE (id uuid, created_at timestamptz, seen_at timestamptz, expires_at timestamptz, agent text,
                       stage text)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT id, created_at, seen_at, expires_at, agent, stage FROM handler_session
            WHERE ended_at IS NULL AND handler_id = (SELECT handler_id FROM session_row())
            ORDER BY seen_at DESC, id
        $$
        """,
        ("handler",),
    ),
    # The names of those who have to do with what a person sees: whoever has an id has seen it there.
    "handler_names(uuid[])": (
        """
        CREATE FUNCTION handler_names(p_handlers uuid[]) RETURNS TABLE (id uuid, name text)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT id, name FROM handler WHERE id = ANY (p_handlers)
        $$
        """,
        ("handler",),
    ),
    # A sign-in is a look too: from then on the session can list what stands in these units.
    "look_at_sign_in(uuid)": (
        """
        CREATE FUNCTION look_at_sign_in(p_session uuid) RETURNS void
        LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT add_look(handler.id::text, handler_session.id, handler.id, handler.name, 'sign_in',
                            NULL, NULL, NULL,
                            (SELECT string_agg(membership.role || ':' || membership.unit_id, ' '
                                               ORDER BY membership.role, membership.unit_id)
                             FROM membership WHERE membership.handler_id = handler.id))
            FROM handler_session JOIN handler ON handler.id = handler_session.handler_id
            WHERE handler_session.id = p_session AND handler_session.stage = 'open'
        $$
        """,
        ("door",),
    ),
    # What a session looked at goes with it; who saw what stands in the access log.
    "forget_sessions()": (
        """
        CREATE FUNCTION forget_sessions() RETURNS void
        LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            DELETE FROM handler_session WHERE ended_at < now() - interval '90 days'
        $$
        """,
        ("worker",),
    ),
}  # fmt: skip


def upgrade() -> None:
    """Make the second factors and the stages; everybody signs in anew."""
    for table, columns in COLUMNS.items():
        for column in columns:
            op.add_column(table, column)
    op.create_unique_constraint(op.f("uq_handler_subject"), "handler", ["subject"])
    op.create_check_constraint(
        op.f("ck_handler_session_stage"), "handler_session", "stage IN ('code', 'account', 'open')"
    )
    op.alter_column("handler_session", "stage", server_default=None)
    op.alter_column("handler_session", "agent", server_default=None)
    op.create_table(
        "recovery_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("handler_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["handler_id"], ["handler.id"], name=op.f("fk_recovery_code_handler_id_handler"),
            deferrable=True, initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_code")),
        sa.UniqueConstraint("handler_id", "code_hash", name=op.f("uq_recovery_code_handler_id_code_hash")),
    )  # fmt: skip
    _allow_roles(NEW_ROLES)
    op.execute("UPDATE handler_session SET ended_at = now() WHERE ended_at IS NULL")
    rights.revoke(TAKEN)
    rights.grant(GRANTS)
    rights.make_functions(FUNCTIONS)


def downgrade() -> None:
    """Take it back; the newer roles, which the older code does not know, go."""
    rights.drop_functions(FUNCTIONS)
    rights.revoke(GRANTS)
    rights.grant(TAKEN)
    op.execute("UPDATE handler_session SET ended_at = now() WHERE ended_at IS NULL")
    op.execute(f"DELETE FROM membership WHERE role NOT IN {ROLES!r}")
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    _allow_roles(ROLES)
    op.drop_table("recovery_code")
    for table, columns in COLUMNS.items():
        for column in reversed(columns):
            op.drop_column(table, column.name)


def _allow_roles(roles: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_membership_role"), "membership", type_="check")
    op.create_check_constraint(op.f("ck_membership_role"), "membership", f"role IN {roles!r}")
