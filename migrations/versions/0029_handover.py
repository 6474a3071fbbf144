"""Handing over: a unit gives a matter to another, which receives it, or sends it back.

Until it is received it stands in the receiver's inbox, and the giver goes on seeing it, but writes in it no
more. It is sent back once; the next refusal ends in the national inbox, where its coordinator decides.
Nothing is handed over into a wall or out of one.
"""

import sqlalchemy as sa
from alembic import op

from migrations import rights

revision = "0029"
down_revision = "0028"

PATH = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
REFUSED = "RAISE insufficient_privilege USING MESSAGE = 'not a matter of the caller''s'"
NATIONAL = """(SELECT unit.id FROM unit WHERE unit.kind = 'inkorg' AND unit.region IS NULL AND NOT unit.is_walled
                   AND unit.is_open ORDER BY unit.id LIMIT 1)"""
# Those of the units that the page asked for which the session sees.
SEEN = "ARRAY(SELECT code FROM unnest(session_units()) AS code WHERE code = ANY (p_units))"
STANDS = """
            UPDATE matter SET unit_id = unit.id, region = unit.region FROM unit
            WHERE matter.id = p_matter AND unit.id = {unit};
            UPDATE matter_unit SET until = here WHERE matter_unit.matter_id = p_matter AND matter_unit.until IS NULL;
            INSERT INTO matter_unit (id, matter_id, unit_id, since, why)
            VALUES (gen_random_uuid(), p_matter, {unit}, here, 'moved');
"""
# What a unit gave, or was given, and how that ended, one side after the other.
OF_UNITS = """SELECT given.* FROM unnest(units) AS one (code) CROSS JOIN LATERAL (
                        SELECT handover.* FROM handover
                        WHERE md5(handover.{side}) = md5(one.code) AND handover.{side} = one.code
                          AND (handover.ended_at IS NULL OR handover.ended_at > p_at - interval '7 days')) AS given"""
REFERS = {"matter_id": "matter", "from_unit": "unit", "to_unit": "unit", "handler_id": "handler"}

FUNCTIONS: rights.Functions = {
    # What becomes of a matter that the unit which it is handed over to next sends back: ``back`` to the giver,
    # or ``up`` to the national inbox. That cannot send it up: it is the ``end``; and what was ``decided`` there
    # by its coordinator is refused by nobody. What was taken back was never handed over.
    "refusal_of(uuid, text)": (
        f"""
        CREATE FUNCTION refusal_of(p_matter uuid, p_unit text) RETURNS text
        LANGUAGE sql STABLE {PATH} AS $$
            SELECT CASE coalesce(last.leads, 'back') WHEN 'up' THEN CASE WHEN p_unit = {NATIONAL} THEN 'end' ELSE 'up' END
                   ELSE coalesce(last.leads, 'back') END
            FROM (VALUES (true)) AS one LEFT JOIN LATERAL (
                SELECT CASE handover.outcome WHEN 'raised' THEN 'decided' WHEN 'refused' THEN 'up'
                       WHEN 'taken_back' THEN CASE handover.refusal WHEN 'end' THEN 'up' ELSE handover.refusal END
                       ELSE 'back' END AS leads
                FROM handover WHERE handover.matter_id = p_matter ORDER BY handover.at DESC, handover.id DESC LIMIT 1
            ) AS last ON true
            WHERE may_open(p_matter)
        $$
        """,
        ("handler",),
    ),
    # A matter goes to another unit, which is to receive it by a time; its own sees it until then. What becomes
    # of it when it is refused; NULL when somebody was first, and ``coordinator`` where only one may decide.
    "hand_over(uuid, integer, text, timestamptz, timestamptz)": (
        f"""
        CREATE FUNCTION hand_over(p_matter uuid, p_version integer, p_unit text, p_at timestamptz, p_due timestamptz)
        RETURNS text LANGUAGE plpgsql {PATH} AS $$
        DECLARE
            here timestamptz := clock_timestamp();
            own text;
            leads text := refusal_of(p_matter, p_unit);
        BEGIN
            IF NOT (may_write(p_matter) AND may_open(p_matter)) THEN {REFUSED}; END IF;
            SELECT matter.unit_id INTO own FROM matter
            WHERE matter.id = p_matter AND matter.version = p_version AND matter.closed_at IS NULL FOR NO KEY UPDATE;
            IF NOT FOUND OR EXISTS (SELECT FROM handover WHERE handover.matter_id = p_matter AND ended_at IS NULL) THEN
                RETURN NULL;
            END IF;
            IF own = p_unit OR EXISTS (SELECT FROM unit WHERE unit.id IN (own, p_unit) AND unit.is_walled)
                OR NOT EXISTS (SELECT FROM unit WHERE unit.id = p_unit AND unit.is_open) THEN
                RAISE invalid_parameter_value USING MESSAGE = 'nothing is handed over to that unit';
            END IF;
            IF leads = 'decided' AND own <> ALL (units_as('{{national_coordinator}}')) THEN
                RETURN 'coordinator';
            END IF;
            {STANDS.format(unit="p_unit")}
            INSERT INTO matter_unit (id, matter_id, unit_id, since, why)
            VALUES (gen_random_uuid(), p_matter, own, here, 'handed');
            INSERT INTO handover (id, matter_id, from_unit, to_unit, handler_id, refusal, at, due_at)
            VALUES (gen_random_uuid(), p_matter, own, p_unit, session_handler(), leads, p_at, p_due);
            RETURN leads;
        END
        $$
        """,
        ("handler",),
    ),
    # What waits to be received is, by whoever does so: the giver, whose unit is told, sees it no more.
    "receive_handover(uuid, timestamptz)": (
        f"""
        CREATE FUNCTION receive_handover(p_matter uuid, p_at timestamptz) RETURNS text
        LANGUAGE plpgsql {PATH} AS $$
        DECLARE
            given handover%ROWTYPE;
        BEGIN
            UPDATE handover SET ended_at = p_at, outcome = 'received'
            WHERE handover.matter_id = p_matter AND handover.ended_at IS NULL RETURNING * INTO given;
            IF NOT FOUND THEN RETURN NULL; END IF;
            UPDATE matter_unit SET until = clock_timestamp()
            WHERE matter_unit.matter_id = p_matter AND matter_unit.until IS NULL AND matter_unit.why = 'handed';
            UPDATE matter SET needs_person = array_remove(matter.needs_person, 'handover_overdue')
            WHERE matter.id = p_matter AND 'handover_overdue' = ANY (matter.needs_person);
            RETURN given.from_unit;
        END
        $$
        """,
        (),
    ),
    # A matter that was handed over is ``received``, ``refused`` or ``taken_back``: where it stands now, NULL
    # when somebody was first. Whoever else has it before them because of an alarm may receive it too.
    "end_handover(uuid, integer, text, timestamptz)": (
        f"""
        CREATE FUNCTION end_handover(p_matter uuid, p_version integer, p_outcome text, p_at timestamptz) RETURNS text
        LANGUAGE plpgsql {PATH} AS $$
        DECLARE
            here timestamptz := clock_timestamp();
            given handover%ROWTYPE;
            stands text;
        BEGIN
            PERFORM FROM matter WHERE matter.id = p_matter AND matter.version = p_version FOR NO KEY UPDATE;
            IF NOT FOUND THEN RETURN NULL; END IF;
            SELECT * INTO given FROM handover WHERE handover.matter_id = p_matter AND handover.ended_at IS NULL;
            IF NOT FOUND THEN RETURN NULL; END IF;
            IF NOT may_open(p_matter) OR NOT (
                p_outcome = 'received' AND may_write(p_matter)
                OR p_outcome = 'refused' AND given.to_unit = ANY (acting_units()) AND given.refusal IN ('back', 'up')
                OR p_outcome = 'taken_back' AND given.from_unit = ANY (acting_units())) THEN {REFUSED}; END IF;
            IF p_outcome = 'received' THEN
                PERFORM receive_handover(p_matter, p_at);
                RETURN given.to_unit;
            END IF;
            stands := (SELECT unit.id FROM unit WHERE unit.id = given.from_unit AND unit.is_open);
            IF p_outcome = 'refused' AND (given.refusal = 'up' OR stands IS NULL) THEN
                stands := {NATIONAL};
                p_outcome := 'raised';
            END IF;
            IF stands IS NULL THEN
                RAISE invalid_parameter_value USING MESSAGE = 'no such unit is open';
            END IF;
            UPDATE handover SET ended_at = p_at, outcome = p_outcome WHERE handover.id = given.id;
            {STANDS.format(unit="stands")}
            RETURN stands;
        END
        $$
        """,
        ("handler",),
    ),
    # What waits to be received in a matter that the session has opened.
    "handover_of(uuid)": (
        f"""
        CREATE FUNCTION handover_of(p_matter uuid)
        RETURNS TABLE (from_unit text, to_unit text, refusal text, at timestamptz, due_at timestamptz)
        LANGUAGE sql STABLE {PATH} AS $$
            SELECT handover.from_unit, handover.to_unit, handover.refusal, handover.at, handover.due_at FROM handover
            WHERE handover.matter_id = p_matter AND handover.ended_at IS NULL AND may_open(p_matter)
        $$
        """,
        ("handler",),
    ),
    # What units of the session's have handed over, or were handed, and waits to be received, by the look at a
    # list; and for a week how it ended, without what it is about.
    "handovers(uuid, text[], timestamptz)": (
        f"""
        CREATE FUNCTION handovers(p_look uuid, p_units text[], p_at timestamptz)
        RETURNS TABLE (matter_id uuid, reference text, subject text, version integer, priority integer, from_unit text,
                       to_unit text, by text, at timestamptz, due_at timestamptz, ended_at timestamptz, outcome text)
        LANGUAGE plpgsql STABLE {PATH} AS $$
        #variable_conflict use_column
        DECLARE
            units text[] := {SEEN};
        BEGIN
            IF NOT EXISTS (SELECT FROM committed_look(p_look, '^inbox$', interval '10 minutes')) THEN RETURN; END IF;
            RETURN QUERY
                SELECT matter.id, matter.reference, CASE WHEN each.ended_at IS NULL THEN matter.subject END,
                       matter.version, matter.priority, each.from_unit, each.to_unit, handler.name, each.at,
                       each.due_at, each.ended_at, each.outcome
                FROM (
                    {" UNION ".join(OF_UNITS.format(side=side) for side in ("from_unit", "to_unit"))}
                ) AS each JOIN matter ON matter.id = each.matter_id JOIN handler ON handler.id = each.handler_id
                ORDER BY each.ended_at DESC NULLS FIRST, each.at, each.id LIMIT 500;
        END
        $$
        """,
        ("handler",),
    ),
    # Whether the last hand-over of a matter that a code opens was received; no row when there is none to tell of.
    "followed_handover(text, text)": (
        f"""
        CREATE FUNCTION followed_handover(p_reference text, p_code_hash text) RETURNS TABLE (is_received boolean)
        LANGUAGE sql STABLE {PATH} AS $$
            SELECT last.outcome IS NOT NULL FROM matter CROSS JOIN LATERAL (
                SELECT handover.outcome FROM handover WHERE handover.matter_id = matter.id
                ORDER BY handover.at DESC, handover.id DESC LIMIT 1) AS last
            WHERE matter.id = followed_matter(p_reference, p_code_hash) AND matter.closed_at IS NULL
              AND coalesce(last.outcome IN ('received', 'raised'), true)
        $$
        """,
        ("citizen",),
    ),
}
# What older functions say otherwise from here on. Who only waits for a matter to be received writes nothing in
# it, and that it stands with another is no news; and whoever takes the next one receives it.
REWRITTEN = {
    "may_write(uuid)": (
        "AND (matter_unit.until IS NULL OR is_made_here(matter_unit.xmin))",
        "AND (matter_unit.until IS NULL AND matter_unit.why <> 'handed' OR is_made_here(matter_unit.xmin))",
    ),
    # What waits to be received is moved by nothing else.
    "move_matter(uuid, text)": (
        "IF NOT may_write(p_matter) THEN",
        "IF NOT may_write(p_matter) OR EXISTS (SELECT FROM handover WHERE handover.matter_id = p_matter"
        " AND handover.ended_at IS NULL) THEN",
    ),
    "inbox_news(text[], timestamptz)": (
        "AND matter_unit.since > p_since",
        "AND matter_unit.since > p_since AND matter_unit.why <> 'handed'",
    ),
    "claim_next(text[], timestamptz)": (
        "RETURN taken;",
        """INSERT INTO event (id, matter_id, at, actor, handler_id, what, detail)
            SELECT gen_random_uuid(), taken, p_at, 'handler', session_handler(), 'handover_received',
                   jsonb_build_object('from', given.unit)
            FROM receive_handover(taken, p_at) AS given (unit) WHERE given.unit IS NOT NULL;
            RETURN taken;""",
    ),
}
GRANTS = {"worker": {"handover": "SELECT, UPDATE (overdue_at)"}}
POLICIES = {"handover": {"worker": ("FOR ALL USING (true)",)}}


def upgrade() -> None:
    """Let units hand over, and receive."""
    at = sa.DateTime(timezone=True)
    op.create_table(
        "handover",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("matter_id", sa.Uuid(), nullable=False),
        sa.Column("from_unit", sa.Text(), nullable=False),
        sa.Column("to_unit", sa.Text(), nullable=False),
        sa.Column("handler_id", sa.Uuid(), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=False),
        sa.Column("at", at, nullable=False),
        sa.Column("due_at", at, nullable=False),
        sa.Column("overdue_at", at),
        sa.Column("ended_at", at),
        sa.Column("outcome", sa.Text()),
        sa.CheckConstraint("refusal IN ('back', 'up', 'end', 'decided')", name=op.f("ck_handover_refusal")),
        sa.CheckConstraint(
            "outcome IN ('received', 'refused', 'raised', 'taken_back')", name=op.f("ck_handover_outcome")
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name=op.f("ck_handover_ended")),
        *(_refers(name, table) for name, table in REFERS.items()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover")),
    )
    op.create_index("uq_handover_open", "handover", ["matter_id"], unique=True,
                    postgresql_where=sa.text("ended_at IS NULL"))  # fmt: skip
    op.create_index(op.f("ix_handover_matter_id_at"), "handover", ["matter_id", "at"])
    for side in ("from_unit", "to_unit"):
        op.create_index(f"ix_handover_{side}", "handover", [sa.text(f"md5({side})"), "ended_at"])
    op.create_index("ix_handover_due_unseen", "handover", ["due_at"],
                    postgresql_where=sa.text("ended_at IS NULL AND overdue_at IS NULL"))  # fmt: skip
    rights.grant(GRANTS)
    rights.wall(POLICIES)
    rights.make_functions(FUNCTIONS)
    for signature, words in REWRITTEN.items():
        rights.rewrite(signature, *words)


def _refers(column: str, table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_handover_{column}_{table}")
    return sa.ForeignKeyConstraint(
        [column], [f"{table}.id"], name=name, deferrable=True, initially="DEFERRED"
    )


def downgrade() -> None:
    """Let every matter stand where it was handed over to, seen there alone."""
    op.execute("UPDATE matter_unit SET until = now() WHERE why = 'handed' AND until IS NULL")
    for signature, words in REWRITTEN.items():
        rights.rewrite(signature, *reversed(words))
    rights.drop_functions(FUNCTIONS)
    rights.unwall(POLICIES)
    op.drop_table("handover")
