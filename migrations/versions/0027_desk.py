"""The handlers' desk: an inbox in order of need, the next free matter, pauses, saved views and counts.

Each list is told by a function with the wall's own rule; what it is asked for stands in the look that it
is told by, in the words of the page's address.
"""

from importlib import import_module

import sqlalchemy as sa
from alembic import op

from migrations import rights

revision = "0027"
down_revision = "0026"

_LISTS = import_module("migrations.versions.0021_lists")
PATH = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
# Planned once for each connection: to plan it anew costs more than to read a page of it.
PLANNED = "SET plan_cache_mode = force_generic_plan SET jit = off"
MICROSECONDS = "(extract(epoch FROM {}) * 1000000)::bigint"
# From one unit after the other, so that each is an index's beginning whatever its size: what stands in
# it, and what an alarm was raised to it from units that are not shown here.
FROM_EACH = """
                    SELECT {told} FROM matter
                    WHERE md5(matter.unit_id) = md5(one.code) AND matter.unit_id = one.code
                      AND matter.closed_at IS NULL AND {those} AND {stands}
                    ORDER BY {order} LIMIT {most}
                ) UNION ALL (
                    SELECT {told} FROM matter_unit AS raised JOIN matter ON matter.id = raised.matter_id
                    WHERE md5(raised.unit_id) = md5(one.code) AND raised.unit_id = one.code
                      AND raised.why = 'raised' AND raised.until IS NULL AND matter.unit_id <> ALL ({units})
                      AND matter.closed_at IS NULL AND {those} AND {stands}
                    ORDER BY {order} LIMIT {most}
"""
# By need: danger first, then who is vulnerable, then priority, deadline and age.
NEED = "need_of(matter.flags, matter.priority), due_of(matter.due_at), matter.received_at, matter.id"
# By one number, which another order is told by.
ONE = f"""CASE {{order}} WHEN 'frist' THEN {MICROSECONDS.format("due_of(matter.due_at)")}
                        WHEN 'nyast' THEN -{MICROSECONDS.format("matter.received_at")}
                        ELSE {MICROSECONDS.format("matter.received_at")} END"""
TOLD = """matter.id, matter.reference, matter.subject, matter.category, matter.priority, matter.flags,
           matter.needs_person, matter.status, matter.unit_id, matter.handler_id, matter.municipality,
           matter.received_at, matter.due_at, matter.paused_until, {} AS sorted_1, {} AS sorted_2"""
ASKED_FOR = """({own} IS NULL OR matter.handler_id = {own}) AND (NOT {free} OR matter.handler_id IS NULL)
                      AND coalesce(matter.paused_until > {at}, false) = {paused}
                      AND (NOT {overdue} OR matter.due_at < {at})
                      AND ({category} IS NULL OR matter.category = {category})
                      AND ({flag} IS NULL OR {flag} = ANY (matter.flags))
                      AND ({place} IS NULL OR matter.municipality = {place})"""
UNREAD = """NOT EXISTS (
               SELECT FROM matter_read WHERE matter_read.handler_id = {me} AND matter_read.matter_id = found.id
               AND matter_read.up_to >= (SELECT max(message.created_at) FROM message
                                         WHERE message.matter_id = found.id AND message.direction = 'incoming'))"""


def listed(order: str, those: str, first: str, second: str, place: str) -> str:
    """Write the statement of an inbox in one order, with places for what it is asked for."""
    each = FROM_EACH.format(
        told=TOLD.format(first, second), those=f"{ASKED_FOR} AND {those}", order=order,
        stands=_LISTS.STANDS.format("{units}"), units="{units}", most="{most}",
    )  # fmt: skip
    return f"""
    SELECT found.id, found.reference, found.subject, (
               SELECT left(regexp_replace(left(message.text, 400), '[[:space:]]+', ' ', 'g'), 120) FROM message
               WHERE message.matter_id = found.id AND message.direction = 'incoming'
               ORDER BY message.created_at LIMIT 1) AS said,
           found.category, found.priority, found.flags, found.needs_person, found.status, unit.name AS unit,
           handler.name AS handler, found.municipality, found.received_at, found.due_at, found.paused_until,
           files.count AS files, files.held AS held_files, {UNREAD} AS is_unread, {place} AS place
    FROM (SELECT each.* FROM unnest({{units}}) AS one (code) CROSS JOIN LATERAL (({each})) AS each
          ORDER BY each.sorted_1, each.sorted_2, each.received_at, each.id LIMIT {{most}}) AS found
    JOIN unit ON unit.id = found.unit_id LEFT JOIN handler ON handler.id = found.handler_id
    CROSS JOIN LATERAL (
        SELECT count(*), count(*) FILTER (WHERE attachment.verdict IN ('quarantine', 'refuse')) AS held
        FROM attachment JOIN message ON message.id = attachment.message_id
        WHERE attachment.matter_id = found.id AND message.direction = 'incoming') AS files
    ORDER BY found.sorted_1, found.sorted_2, found.received_at, found.id
    """


BY_NEED = listed(
    order=NEED,
    those=f"({NEED}) > ({{after}})",
    first="need_of(matter.flags, matter.priority)::bigint",
    second="due_of(matter.due_at)",
    place="concat_ws('.', found.sorted_1, {}, {}, replace(found.id::text, '-', ''))".format(
        *(MICROSECONDS.format(f"found.{name}") for name in ("sorted_2", "received_at"))
    ),
)
BY_ONE = listed(
    order=f"{ONE}, matter.id",
    those=f"({ONE}, matter.id) > ({{after}})",
    first=ONE,
    second="due_of(NULL)",
    place="concat_ws('.', found.sorted_1, replace(found.id::text, '-', ''))",
)
VARIABLES = {
    "own": "own", "me": "me", "free": "(shown = 'lediga')", "paused": "(shown = 'pausade')",
    "overdue": "(shown = 'forsenade')", "at": "p_at", "category": "wanted_category", "flag": "wanted_flag",
    "place": "wanted_place", "units": "units", "most": "least(p_most, 1000)",
}  # fmt: skip
WAITING = (
    "SELECT each.reference FROM unnest({units}) AS one (code) CROSS JOIN LATERAL (("
    + FROM_EACH.format(
        told="matter.reference, matter.received_at, matter.id",
        # The needs that the highest priority can have.
        those="need_of(matter.flags, matter.priority) = ANY ('{{1,11,101,111}}') AND matter.priority = 1"
        " AND matter.handler_id IS NULL",
        stands=_LISTS.STANDS.format("{units}"),
        order="matter.received_at, matter.id",
        units="{units}",
        most="{most}",
    )
    + ")) AS each ORDER BY each.received_at, each.id LIMIT {most}"
)
OPEN_HERE = """SELECT matter.* FROM unnest({units}) AS one (code) CROSS JOIN LATERAL (
                    SELECT own.* FROM matter AS own
                    WHERE md5(own.unit_id) = md5(one.code) AND own.unit_id = one.code AND own.closed_at IS NULL
                    LIMIT 5000) AS matter"""


def _word(name: str) -> str:
    return f"substring(asked FROM '(?:^| ){name}=([^ ]+)')"


FUNCTIONS: rights.Functions = {
    # The smaller, the sooner it needs somebody.
    "need_of(text[], integer)": (
        """
        CREATE FUNCTION need_of(p_flags text[], p_priority integer) RETURNS integer
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT p_priority + CASE WHEN 'emergency_now' = ANY (p_flags) THEN 0 ELSE 100 END
                + CASE WHEN 'vulnerable' = ANY (p_flags) THEN 0 ELSE 10 END
        $$
        """,
        ("citizen", "handler", "worker"),
    ),
    # What has no deadline comes after all that have one.
    "due_of(timestamptz)": (
        """
        CREATE FUNCTION due_of(p_due timestamptz) RETURNS timestamptz
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT coalesce(p_due, '9999-12-31 00:00:00+00'::timestamptz)
        $$
        """,
        ("citizen", "handler", "worker"),
    ),
    # A page of an inbox, by the look that says which, in the words of the page's address. Nothing for a
    # look that is not committed, or not of this session and now.
    "inbox_rows(uuid, text[], timestamptz, integer)": (
        f"""
        CREATE FUNCTION inbox_rows(p_look uuid, p_units text[], p_at timestamptz, p_most integer)
        RETURNS TABLE (id uuid, reference text, subject text, said text, category text, priority integer,
                       flags text[], needs_person text[], status text, unit text, handler text,
                       municipality text, received_at timestamptz, due_at timestamptz,
                       paused_until timestamptz, files bigint, held_files bigint, is_unread boolean, place text)
        LANGUAGE plpgsql STABLE {PATH} {PLANNED} AS $$
        #variable_conflict use_column
        DECLARE
            asked text := (SELECT coalesce(look.words, '')
                           FROM committed_look(p_look, '^inbox$', interval '10 minutes') AS look);
            inbox text := {_word("enhet")};
            shown text := coalesce({_word("visa")}, '');
            wanted_category text := {_word("typ")};
            wanted_flag text := {_word("flagga")};
            wanted_place text := {_word("ort")};
            me uuid := session_handler();
            own uuid := CASE shown WHEN 'mina' THEN me ELSE ({_word("hos")})::uuid END;
            wanted_order text := coalesce({_word("ordning")}, 'behov');
            after text[] := string_to_array(coalesce({_word("efter")}, ''), '.');
            after_id uuid := '00000000-0000-0000-0000-000000000000';
            after_need integer := -1;
            after_due timestamptz := '-infinity';
            after_at timestamptz := '-infinity';
            after_one bigint := -9223372036854775807;
            units text[] := {_LISTS.SEEN.format(" AND (inbox IS NULL OR code = inbox)")};
        BEGIN
            IF asked IS NULL THEN RETURN; END IF;
            IF wanted_order = 'behov' AND cardinality(after) = 4 THEN
                after_need := after[1];
                after_due := timestamptz 'epoch' + after[2]::bigint * interval '1 microsecond';
                after_at := timestamptz 'epoch' + after[3]::bigint * interval '1 microsecond';
                after_id := after[4];
            ELSIF wanted_order <> 'behov' AND cardinality(after) = 2 THEN
                after_one := after[1];
                after_id := after[2];
            END IF;
            IF wanted_order = 'behov' THEN
                RETURN QUERY {BY_NEED.format(**VARIABLES, after="after_need, after_due, after_at, after_id")};
            ELSE
                RETURN QUERY {BY_ONE.format(**VARIABLES, order="wanted_order", after="after_one, after_id")};
            END IF;
        END
        $$
        """,
        ("handler",),
    ),
    # The references of what is urgent and waits for somebody in these units, the oldest first.
    "inbox_waiting(text[], integer)": (
        f"""
        CREATE FUNCTION inbox_waiting(p_units text[], p_most integer) RETURNS SETOF text
        LANGUAGE plpgsql STABLE {PATH} {PLANNED} AS $$
        DECLARE
            units text[] := {_LISTS.SEEN.format("")};
        BEGIN
            RETURN QUERY {WAITING.format(units="units", most="least(p_most, 1000)")};
        END
        $$
        """,
        ("handler",),
    ),
    # How much there is of what in these units, and when the last of it came there.
    "inbox_counts(text[], timestamptz)": (
        f"""
        CREATE FUNCTION inbox_counts(p_units text[], p_at timestamptz)
        RETURNS TABLE (open bigint, free bigint, mine bigint, paused bigint, overdue bigint, newest_at timestamptz)
        LANGUAGE plpgsql STABLE {PATH} AS $$
        DECLARE
            units text[] := {_LISTS.SEEN.format("")};
            me uuid := session_handler();
        BEGIN
            RETURN QUERY
                SELECT count(*) FILTER (WHERE NOT of.is_paused), count(*) FILTER (WHERE NOT of.is_paused AND of.is_free),
                       count(*) FILTER (WHERE NOT of.is_paused AND of.is_mine), count(*) FILTER (WHERE of.is_paused),
                       count(*) FILTER (WHERE NOT of.is_paused AND of.is_late),
                       (SELECT max((SELECT max(stands.since) FROM matter_unit AS stands
                                    WHERE md5(stands.unit_id) = md5(code) AND stands.unit_id = code
                                      AND stands.until IS NULL)) FROM unnest(units) AS code)
                FROM (SELECT coalesce(here.paused_until > p_at, false) AS is_paused, here.handler_id IS NULL AS is_free,
                             coalesce(here.handler_id = me, false) AS is_mine, coalesce(here.due_at < p_at, false) AS is_late
                      FROM ({OPEN_HERE.format(units="units")}) AS here) AS of;
        END
        $$
        """,
        ("handler",),
    ),
    # How many open matters have come to these units since a time, up to a hundred.
    "inbox_news(text[], timestamptz)": (
        f"""
        CREATE FUNCTION inbox_news(p_units text[], p_since timestamptz) RETURNS bigint
        LANGUAGE sql STABLE {PATH} AS $$
            SELECT count(*) FROM (
                SELECT FROM unnest({_LISTS.SEEN.format("")}) AS one (code) CROSS JOIN LATERAL (
                    SELECT FROM matter_unit JOIN matter ON matter.id = matter_unit.matter_id
                    WHERE md5(matter_unit.unit_id) = md5(one.code) AND matter_unit.unit_id = one.code
                      AND matter_unit.until IS NULL AND matter_unit.since > p_since AND matter.closed_at IS NULL
                    LIMIT 100) AS each LIMIT 100) AS new
        $$
        """,
        ("handler",),
    ),
    # The most pressing matter that nobody has, taken for the session's person; of two who ask at once each
    # gets one of their own.
    "claim_next(text[], timestamptz)": (
        f"""
        CREATE FUNCTION claim_next(p_units text[], p_at timestamptz) RETURNS uuid
        LANGUAGE plpgsql {PATH} AS $$
        DECLARE
            units text[] := ARRAY(SELECT code FROM unnest(acting_units()) AS code WHERE code = ANY (p_units));
            taken uuid;
        BEGIN
            FOR taken IN
                SELECT each.id FROM unnest(units) AS one (code) CROSS JOIN LATERAL (
                    SELECT matter.id, need_of(matter.flags, matter.priority) AS need,
                           due_of(matter.due_at) AS due, matter.received_at FROM matter
                    WHERE md5(matter.unit_id) = md5(one.code) AND matter.unit_id = one.code
                      AND matter.closed_at IS NULL AND matter.handler_id IS NULL
                      AND matter.status <> 'awaiting_citizen' AND coalesce(matter.paused_until <= p_at, true)
                      AND {_LISTS.STANDS.format("units")}
                    ORDER BY {NEED} LIMIT 50) AS each
                ORDER BY each.need, each.due, each.received_at, each.id
            LOOP
                -- What somebody else is about to take is left to them.
                PERFORM FROM matter WHERE matter.id = taken AND matter.handler_id IS NULL
                    AND matter.closed_at IS NULL FOR UPDATE SKIP LOCKED;
                EXIT WHEN FOUND;
            END LOOP;
            IF NOT FOUND THEN RETURN NULL; END IF;
            UPDATE matter SET handler_id = session_handler(), status = 'in_progress', paused_until = NULL,
                version = version + 1
            WHERE matter.id = taken;
            INSERT INTO event (id, matter_id, at, actor, handler_id, what, detail)
            VALUES (gen_random_uuid(), taken, p_at, 'handler', session_handler(), 'taken', '{{"next": true}}');
            RETURN taken;
        END
        $$
        """,
        ("handler",),
    ),
    # Who has how much in hand, for whoever coordinates the units.
    "workload(text[], timestamptz)": (
        f"""
        CREATE FUNCTION workload(p_units text[], p_at timestamptz)
        RETURNS TABLE (unit_id text, handler_id uuid, name text, open bigint, overdue bigint, paused bigint,
                       oldest_at timestamptz)
        LANGUAGE sql STABLE {PATH} AS $$
            SELECT here.unit_id, handler.id, handler.name, count(*), count(*) FILTER (WHERE here.due_at < p_at),
                   count(*) FILTER (WHERE here.paused_until > p_at), min(here.received_at)
            FROM ({
            OPEN_HERE.format(
                units="ARRAY(SELECT code FROM unnest(units_as('{coordinator,national_coordinator}')) AS code"
                " WHERE code = ANY (p_units))"
            )
        }) AS here LEFT JOIN handler ON handler.id = here.handler_id
            GROUP BY here.unit_id, handler.id, handler.name ORDER BY here.unit_id, handler.name NULLS FIRST
        $$
        """,
        ("handler",),
    ),
    # Views of inboxes that a unit shares: a name, and what the page's address says.
    "saved_views(text[])": (
        f"""
        CREATE FUNCTION saved_views(p_units text[]) RETURNS TABLE (id uuid, unit_id text, name text, words text)
        LANGUAGE sql STABLE {PATH} AS $$
            SELECT saved_view.id, saved_view.unit_id, saved_view.name, saved_view.words FROM saved_view
            WHERE saved_view.unit_id = ANY ({_LISTS.SEEN.format("")}) ORDER BY saved_view.name, saved_view.id
        $$
        """,
        ("handler",),
    ),
    "save_view(text, text, text)": (
        f"""
        CREATE FUNCTION save_view(p_unit text, p_name text, p_words text) RETURNS uuid
        LANGUAGE sql {PATH} AS $$
            INSERT INTO saved_view (id, unit_id, name, words, handler_id, created_at)
            SELECT gen_random_uuid(), p_unit, left(p_name, 60), left(p_words, 400), session_handler(), now()
            WHERE p_unit = ANY (acting_units())
              AND (SELECT count(*) FROM saved_view WHERE saved_view.unit_id = p_unit) < 20
            RETURNING id
        $$
        """,
        ("handler",),
    ),
    "drop_view(uuid)": (
        f"""
        CREATE FUNCTION drop_view(p_view uuid) RETURNS boolean
        LANGUAGE sql {PATH} AS $$
            WITH gone AS (DELETE FROM saved_view WHERE saved_view.id = p_view
                          AND saved_view.unit_id = ANY (acting_units()) RETURNING id)
            SELECT EXISTS (SELECT FROM gone)
        $$
        """,
        ("handler",),
    ),
}
LOOKED = (
    "RETURN true;",
    """-- Up to where this person has now read.
            IF p_what = 'matter' THEN
                INSERT INTO matter_read (handler_id, matter_id, up_to)
                SELECT here.handler_id, p_matter, coalesce(max(message.created_at), '-infinity') FROM message
                WHERE message.matter_id = p_matter AND message.direction = 'incoming'
                ON CONFLICT (handler_id, matter_id) DO UPDATE SET up_to = excluded.up_to;
            END IF;
            RETURN true;""",
)
GRANTS = {role: {"matter": "UPDATE (paused_until)"} for role in ("citizen", "handler", "worker")}


def upgrade() -> None:
    """Set the desk."""
    at = sa.DateTime(timezone=True)
    op.add_column("matter", sa.Column("paused_until", at))
    op.execute("ALTER TABLE matter ALTER COLUMN paused_until SET STATISTICS 0")
    _make_tables(at)
    rights.make_functions(FUNCTIONS)
    rights.rewrite("look(text, uuid, uuid, text)", *LOOKED)
    op.drop_index("ix_matter_inbox", "matter")
    _index(
        "ix_matter_inbox", "matter",
        ["md5(unit_id)", "need_of(flags, priority)", "due_of(due_at)", "received_at", "id"], "closed_at IS NULL",
    )  # fmt: skip
    _index("ix_matter_unit_since", "matter_unit", ["md5(unit_id)", "since"], "until IS NULL")
    for name in ("ix_matter_inbox", "ix_matter_unit_since"):
        op.execute(f"ALTER INDEX {name} ALTER COLUMN 1 SET STATISTICS 0")
    rights.grant(GRANTS)


def _make_tables(at: sa.DateTime) -> None:
    op.create_table(
        "matter_read",
        sa.Column("handler_id", sa.Uuid(), nullable=False),
        sa.Column("matter_id", sa.Uuid(), nullable=False),
        sa.Column("up_to", at, nullable=False),
        sa.PrimaryKeyConstraint("handler_id", "matter_id", name=op.f("pk_matter_read")),
    )
    op.create_table(
        "saved_view",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("handler_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", at, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
    )


def _index(name: str, table: str, columns: list[str], limit: str) -> None:
    op.create_index(name, table, [sa.text(column) for column in columns], postgresql_where=sa.text(limit))


def downgrade() -> None:
    """Clear the desk."""
    op.drop_index("ix_matter_unit_since", "matter_unit")
    op.drop_index("ix_matter_inbox", "matter")
    _index(
        "ix_matter_inbox", "matter", ["md5(unit_id)", "priority", "received_at", "id"], "closed_at IS NULL"
    )
    rights.rewrite("look(text, uuid, uuid, text)", *reversed(LOOKED))
    rights.drop_functions(FUNCTIONS)
    op.drop_table("saved_view")
    op.drop_table("matter_read")
    op.drop_column("matter", "paused_until")
