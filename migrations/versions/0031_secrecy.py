"""A matter can be marked as perhaps secret, and an incident with personal data be reported in it.

The mark is one of the matter's flags; the pages' role changes that one, and no other. Incidents are told
and changed by functions alone: to whoever has opened the matter, and as a list to those who coordinate.
"""

import sqlalchemy as sa
from alembic import op

from migrations import rights

revision = "0031"
down_revision = "0030"

HOURS = 72
COORDINATED = "units_as('{coordinator,national_coordinator}')"
PATH = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
FUNCTIONS: rights.Functions = {
    # The mark is put on, or taken off, a matter that the session has opened and may work on.
    "sign_secrecy(uuid, boolean)": (
        f"""
        CREATE FUNCTION sign_secrecy(p_matter uuid, p_is_marked boolean) RETURNS void
        LANGUAGE plpgsql {PATH} AS $$
        BEGIN
            IF NOT (may_open(p_matter) AND may_write(p_matter)) THEN
                RAISE insufficient_privilege USING MESSAGE = 'not a matter of the caller''s';
            END IF;
            UPDATE matter SET flags = CASE WHEN p_is_marked
                THEN ARRAY(SELECT DISTINCT flag FROM unnest(flags || ARRAY['secrecy_mark']) AS flag ORDER BY flag)
                ELSE array_remove(flags, 'secrecy_mark') END
            WHERE matter.id = p_matter;
        END
        $$
        """,
        ("handler",),
    ),
    # An incident in a matter that the session has opened and may work on. The clock counts plain hours.
    "report_incident(uuid, uuid, text, text, text, timestamptz, timestamptz)": (
        f"""
        CREATE FUNCTION report_incident(p_matter uuid, p_message uuid, p_kind text, p_happened text,
                                        p_persons text, p_noticed timestamptz, p_at timestamptz) RETURNS uuid
        LANGUAGE plpgsql {PATH} AS $$
        DECLARE
            made uuid := gen_random_uuid();
        BEGIN
            IF NOT (may_open(p_matter) AND may_write(p_matter)) THEN
                RAISE insufficient_privilege USING MESSAGE = 'not a matter of the caller''s';
            END IF;
            INSERT INTO incident (id, matter_id, message_id, kind, happened, persons, noticed_at, reported_at,
                                  reported_by, due_at)
            VALUES (made, p_matter,
                    (SELECT message.id FROM message WHERE message.id = p_message AND message.matter_id = p_matter),
                    p_kind, left(p_happened, 20000), left(p_persons, 20000), p_noticed, p_at, session_handler(),
                    p_noticed + interval '{HOURS} hours');
            RETURN made;
        END
        $$
        """,
        ("handler",),
    ),
    # The incidents of a matter that the session has opened.
    "matter_incidents(uuid)": (
        f"""
        CREATE FUNCTION matter_incidents(p_matter uuid)
        RETURNS TABLE (id uuid, message_id uuid, kind text, happened text, persons text, noticed_at timestamptz,
                       reported_at timestamptz, reporter text, due_at timestamptz, overdue_at timestamptz,
                       decision text, decision_reason text, decided_at timestamptz, decider text, closing text,
                       closed_at timestamptz, closer text)
        LANGUAGE sql STABLE {PATH} AS $$
            SELECT incident.id, incident.message_id, incident.kind, incident.happened, incident.persons,
                   incident.noticed_at, incident.reported_at, reporter.name, incident.due_at, incident.overdue_at,
                   incident.decision, incident.decision_reason, incident.decided_at, decider.name,
                   incident.closing, incident.closed_at, closer.name
            FROM incident JOIN handler AS reporter ON reporter.id = incident.reported_by
            LEFT JOIN handler AS decider ON decider.id = incident.decided_by
            LEFT JOIN handler AS closer ON closer.id = incident.closed_by
            WHERE incident.matter_id = p_matter AND opens(p_matter, session_id(), session_units())
            ORDER BY incident.reported_at, incident.id
        $$
        """,
        ("handler",),
    ),
    # What is decided of an open incident, anew if it must be, in a matter that the session has opened where
    # it coordinates; says whether it was.
    "decide_incident(uuid, uuid, text, text, timestamptz)": (
        f"""
        CREATE FUNCTION decide_incident(p_matter uuid, p_incident uuid, p_decision text, p_reason text,
                                        p_at timestamptz) RETURNS boolean
        LANGUAGE sql {PATH} AS $$
            WITH decided AS (
                UPDATE incident SET decision = p_decision, decision_reason = left(p_reason, 20000),
                    decided_at = p_at, decided_by = session_handler()
                WHERE incident.id = p_incident AND incident.matter_id = p_matter AND incident.closed_at IS NULL
                  AND opens(p_matter, session_id(), {COORDINATED})
                RETURNING incident.id
            )
            SELECT EXISTS (SELECT FROM decided)
        $$
        """,
        ("handler",),
    ),
    "close_incident(uuid, uuid, text, timestamptz)": (
        f"""
        CREATE FUNCTION close_incident(p_matter uuid, p_incident uuid, p_closing text, p_at timestamptz)
        RETURNS boolean LANGUAGE sql {PATH} AS $$
            WITH closed AS (
                UPDATE incident SET closing = left(p_closing, 20000), closed_at = p_at, closed_by = session_handler()
                WHERE incident.id = p_incident AND incident.matter_id = p_matter AND incident.closed_at IS NULL
                  AND incident.decision IS NOT NULL AND opens(p_matter, session_id(), {COORDINATED})
                RETURNING incident.id
            )
            SELECT EXISTS (SELECT FROM closed)
        $$
        """,
        ("handler",),
    ),
    # The open incidents in the units that the session coordinates, the most pressing first, by a committed
    # look; what happened and to whom is told in the matter.
    "open_incidents(uuid, text[], integer)": (
        f"""
        CREATE FUNCTION open_incidents(p_look uuid, p_units text[], p_most integer)
        RETURNS TABLE (reference text, unit_id text, kind text, noticed_at timestamptz, due_at timestamptz,
                       decision text)
        LANGUAGE plpgsql STABLE {PATH} AS $$
        DECLARE
            units text[] := ARRAY(SELECT code FROM unnest({COORDINATED}) AS code WHERE code = ANY (p_units));
        BEGIN
            PERFORM FROM committed_look(p_look, '^incidents$', interval '10 minutes');
            IF NOT FOUND THEN RETURN; END IF;
            RETURN QUERY
                SELECT matter.reference, matter.unit_id, incident.kind, incident.noticed_at, incident.due_at,
                       incident.decision
                FROM incident JOIN matter ON matter.id = incident.matter_id
                WHERE incident.closed_at IS NULL AND EXISTS (
                    SELECT FROM matter_unit WHERE matter_unit.matter_id = matter.id
                    AND matter_unit.until IS NULL AND matter_unit.unit_id = ANY (units))
                ORDER BY coalesce(incident.decision = 'not_notify', false), incident.due_at, incident.id
                LIMIT least(p_most, 1000);
        END
        $$
        """,
        ("handler",),
    ),
}
LOOK = ("look_at_list(text, text, text)", "'^(inbox|", "'^(inbox|incidents|")
# The dispatcher sees which are late, and not what happened.
GRANTS = {
    "worker": {
        "incident": "SELECT (id, matter_id, due_at, overdue_at, decision, closed_at), UPDATE (overdue_at)"
    }
}
CHECKS = {
    "kind": "kind IN ('wrong_recipient', 'wrong_reader', 'lost_access')",
    "decision": "decision IN ('notify', 'not_notify')",
    "times": "noticed_at <= reported_at AND due_at > noticed_at",
    "decided_whole": "num_nonnulls(decision, decision_reason, decided_at, decided_by) IN (0, 4)",
    "closed_whole": "num_nonnulls(closing, closed_at, closed_by) IN (0, 3)",
    "decided_first": "closed_at IS NULL OR decision IS NOT NULL",
}
REFERS = {
    "matter_id": "matter", "message_id": "message", "reported_by": "handler", "decided_by": "handler",
    "closed_by": "handler",
}  # fmt: skip


def upgrade() -> None:
    """Let matters be marked, and incidents be reported."""
    _make_table()
    rights.wall({"incident": {"worker": ("FOR ALL USING (true)",)}})
    rights.make_functions(FUNCTIONS)
    rights.rewrite(*LOOK)
    rights.grant(GRANTS)


def _make_table() -> None:
    at, words, who = sa.DateTime(timezone=True), sa.Text(), sa.Uuid()
    op.create_table(
        "incident",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("matter_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid()),
        *(sa.Column(name, words, nullable=False) for name in ("kind", "happened", "persons")),
        *(sa.Column(name, at, nullable=False) for name in ("noticed_at", "reported_at")),
        sa.Column("reported_by", who, nullable=False),
        sa.Column("due_at", at, nullable=False),
        sa.Column("overdue_at", at),
        *(sa.Column(name, words) for name in ("decision", "decision_reason")),
        sa.Column("decided_at", at),
        sa.Column("decided_by", who),
        sa.Column("closing", words),
        sa.Column("closed_at", at),
        sa.Column("closed_by", who),
        *(sa.CheckConstraint(each, name=op.f(f"ck_incident_{name}")) for name, each in CHECKS.items()),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{table}.id"], name=op.f(f"fk_incident_{column}_{table}"),
                deferrable=True, initially="DEFERRED",
            )
            for column, table in REFERS.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )  # fmt: skip
    op.create_index("ix_incident_open", "incident", ["due_at"], postgresql_where=sa.text("closed_at IS NULL"))
    op.create_index(op.f("ix_incident_matter_id"), "incident", ["matter_id"])


def downgrade() -> None:
    """Take the marks and the incidents away; the history still tells of both, and the log of the looks."""
    signature, old, new = LOOK
    rights.rewrite(signature, new, old)
    rights.drop_functions(FUNCTIONS)
    op.drop_table("incident")
    marked = "'secrecy_mark' = ANY (flags)"
    op.execute(f"UPDATE matter SET flags = array_remove(flags, 'secrecy_mark') WHERE {marked}")
