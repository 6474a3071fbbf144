"""The situation picture: counts that are made in the database, with the wall's rule and small numbers kept back.

What stands in the session's own units is counted as it is. What stands in other units of a region or of
the country is told only from five up and rounded to five, each count by itself, and only for whole days
that are over. What stands behind a wall, or ever did, is counted for nobody but those who sit there.
"""

from alembic import op

from migrations import rights

revision = "0026"
down_revision = "0025"

PATH = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
LOOK = ("look_at_list(text, text, text)", "'^(inbox|closed|", "'^(inbox|closed|overview|")
STOOD = "ix_matter_unit_stood"
# Fewer than so many in other units are never told, and more are told in steps of so many.
LEAST = 5
# Of fewer in other units no time is told; and of many, the time of an even sample.
LEAST_TIMED, MOST_TIMED = 20, 5000
DAYS = "substring(asked FROM 'period=(7|28|90)( |$)')::integer"
ZONE = "AT TIME ZONE 'Europe/Stockholm'"
# What was asked for, by a committed look; which units it is about; and those that are others'. The division
# into own and others' is never the caller's to choose: by choosing it, one could count what is not told.
ASKED = f"""
            asked text := (SELECT coalesce(look.words, '')
                           FROM committed_look(p_look, '^overview$', interval '10 minutes') AS look);
            days integer := {DAYS};
            its text := substring(asked FROM 'omfattning=([^ ]+)');
            seen text[] := session_units();
            today date := (now() {ZONE})::date;
            until timestamptz := today::timestamp {ZONE};
            since timestamptz := (today - days)::timestamp {ZONE};
            inside text[] := CASE
                WHEN days IS NULL OR NOT seen && p_units THEN '{{}}'
                WHEN its LIKE 'enhet:%' THEN ARRAY(
                    SELECT unit.id FROM unit WHERE unit.id = substr(its, 7) AND unit.id = ANY (seen)
                                               AND unit.id = ANY (p_units))
                WHEN its LIKE 'region:%' THEN ARRAY(
                    SELECT unit.id FROM unit WHERE unit.region = substr(its, 8) AND NOT unit.is_walled
                    AND EXISTS (SELECT FROM unit AS near WHERE near.region = unit.region AND NOT near.is_walled
                                AND near.id = ANY (seen) AND near.id = ANY (p_units)))
                WHEN its = 'land' THEN ARRAY(SELECT unit.id FROM unit WHERE NOT unit.is_walled)
                ELSE '{{}}' END;
            is_whole boolean := inside <@ seen;
            -- What has ever stood behind a wall, for those who ask of more than one unit.
            hidden uuid[] := CASE WHEN its LIKE 'enhet:%' THEN '{{}}' ELSE ARRAY(
                SELECT stood.matter_id FROM unit JOIN matter_unit AS stood
                  ON md5(stood.unit_id) = md5(unit.id) AND stood.unit_id = unit.id
                WHERE unit.is_walled AND stood.until IS NOT NULL) END;
"""
# Every matter that came in after a time is open, or was closed after it; so the indexes of both tell all.
OF_UNITS = """
                SELECT those.*, unit.region, unit.id = ANY (seen) AS is_own
                FROM (SELECT * FROM unit WHERE id = ANY (inside) OFFSET 0) AS unit CROSS JOIN LATERAL (
                    SELECT matter.id, matter.category, matter.municipality, matter.received_at, matter.closed_at
                    FROM matter WHERE md5(matter.unit_id) = md5(unit.id) AND matter.unit_id = unit.id
                      AND matter.closed_at IS NULL
                    UNION ALL
                    SELECT matter.id, matter.category, matter.municipality, matter.received_at, matter.closed_at
                    FROM matter WHERE md5(matter.unit_id) = md5(unit.id) AND matter.unit_id = unit.id
                      AND matter.closed_at >= {} AND matter.merged_into_id IS NULL
                ) AS those
                WHERE those.id NOT IN (SELECT unnest(hidden))
"""

FUNCTIONS: rights.Functions = {
    # What a look at the situation picture covers: the days, whether all of its units are the session's own,
    # and the hours within which half of what came in had a first answer or was closed (NULL: too few to
    # tell; infinite: more than half still wait).
    "overview_frame(uuid, text[])": (
        f"""
        CREATE FUNCTION overview_frame(p_look uuid, p_units text[])
        RETURNS TABLE (first_day date, last_day date, is_whole boolean, hours double precision)
        LANGUAGE plpgsql STABLE {PATH} SET work_mem = '64MB' SET jit = off AS $$
        #variable_conflict use_variable
        DECLARE
            {ASKED}
            told record;
        BEGIN
            IF cardinality(inside) = 0 THEN RETURN; END IF;
            WITH came AS MATERIALIZED (
                SELECT each.id, each.received_at, each.is_own FROM ({OF_UNITS.format("since")}) AS each
                WHERE each.received_at >= since AND each.received_at < until
            ), sample AS (
                SELECT came.* FROM came ORDER BY hashtext(came.id::text), came.id LIMIT {MOST_TIMED}
            ), answered AS (
                SELECT sample.received_at, least(
                    (SELECT min(message.created_at) FROM message
                     WHERE message.matter_id = sample.id AND message.direction = 'outgoing' AND message.held IS NULL
                       AND NOT message.is_automatic),
                    (SELECT min(event.at) FROM event
                     WHERE event.matter_id = sample.id AND event.what = 'closed')) AS at FROM sample
            )
            SELECT (SELECT count(*) FROM came WHERE NOT came.is_own) AS others,
                (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY coalesce(
                    extract(epoch FROM answered.at - answered.received_at)::double precision,
                    'Infinity')) FROM answered) AS half
            INTO told;
            RETURN QUERY SELECT today - days, today - 1, is_whole,
                CASE WHEN is_whole OR told.others >= {LEAST_TIMED}
                     THEN ceil(told.half / 3600) END;
        END
        $$
        """,
        ("handler",),
    ),
    # The counts of a look, by what they are of (``all``, ``category``, ``region``, ``place``, ``came`` and
    # ``closed`` by day): in the session's own units, and in others (NULL: fewer than five). What is
    # nothing in the own ones and too little in others has no row.
    "overview_counts(uuid, text[])": (
        f"""
        CREATE FUNCTION overview_counts(p_look uuid, p_units text[])
        RETURNS TABLE (part text, key text, measure text, own bigint, others bigint)
        LANGUAGE plpgsql STABLE {PATH} SET work_mem = '64MB' SET jit = off AS $$
        #variable_conflict use_variable
        DECLARE
            {ASKED}
            before timestamptz := (today - 2 * days)::timestamp {ZONE};
            week timestamptz := (today - 7)::timestamp {ZONE};
            eight timestamptz := (today - 63)::timestamp {ZONE};
        BEGIN
            IF cardinality(inside) = 0 THEN RETURN; END IF;
            RETURN QUERY
            WITH each AS (
                SELECT found.*,
                    CASE WHEN found.received_at >= since AND found.received_at < until
                         THEN (found.received_at {ZONE})::date END AS came_on,
                    CASE WHEN found.closed_at >= since AND found.closed_at < until
                         THEN (found.closed_at {ZONE})::date END AS closed_on
                FROM ({OF_UNITS.format("least(before, eight)")}) AS found
            ), grouped AS (
                SELECT each.is_own,
                    CASE WHEN grouping(each.category) = 0 THEN 'category'
                         WHEN grouping(each.region) = 0 THEN 'region'
                         WHEN grouping(each.municipality) = 0 THEN 'place'
                         WHEN grouping(each.came_on) = 0 THEN 'came'
                         WHEN grouping(each.closed_on) = 0 THEN 'closed' ELSE 'all' END AS of,
                    coalesce(each.category, each.region, each.municipality,
                             each.came_on::text, each.closed_on::text, '') AS which,
                    count(each.came_on) AS came, count(each.closed_on) AS closed,
                    count(*) FILTER (WHERE each.received_at >= before AND each.received_at < since) AS came_before,
                    count(*) FILTER (WHERE each.closed_at >= before AND each.closed_at < since) AS closed_before,
                    count(*) FILTER (WHERE CASE WHEN each.is_own THEN each.closed_at IS NULL ELSE
                        each.received_at < until AND (each.closed_at IS NULL OR each.closed_at >= until) END)
                        AS stand,
                    count(*) FILTER (WHERE each.received_at >= week AND each.received_at < until) AS week,
                    count(*) FILTER (WHERE each.received_at >= eight AND each.received_at < week) AS eight
                FROM each GROUP BY each.is_own, GROUPING SETS (
                    (), (each.category), (each.region), (each.municipality), (each.came_on), (each.closed_on))
            ), counted AS (
                SELECT grouped.of, grouped.which, one.measure,
                    coalesce(sum(one.counted) FILTER (WHERE grouped.is_own), 0)::bigint AS mine,
                    coalesce(sum(one.counted) FILTER (WHERE NOT grouped.is_own), 0)::bigint AS theirs
                FROM grouped CROSS JOIN LATERAL (VALUES
                    ('came', grouped.came), ('closed', grouped.closed), ('came_before', grouped.came_before),
                    ('closed_before', grouped.closed_before), ('open', grouped.stand),
                    ('week', grouped.week), ('eight_weeks', grouped.eight)) AS one (measure, counted)
                WHERE grouped.of NOT IN ('came', 'closed') OR grouped.of = one.measure AND grouped.which <> ''
                GROUP BY grouped.of, grouped.which, one.measure
            )
            SELECT counted.of, counted.which, counted.measure, counted.mine,
                CASE WHEN is_whole THEN 0 WHEN counted.theirs >= {LEAST}
                     THEN ({LEAST} * round(counted.theirs / {LEAST}.0))::bigint END
            FROM counted WHERE counted.mine > 0 OR counted.theirs >= {LEAST};
        END
        $$
        """,
        ("handler",),
    ),
}


def upgrade() -> None:
    """Make the functions, and the index by which is found what once stood behind a wall."""
    op.get_bind().exec_driver_sql(
        f"CREATE INDEX {STOOD} ON matter_unit (md5(unit_id), matter_id) WHERE until IS NOT NULL"
    )
    op.execute(f"ALTER INDEX {STOOD} ALTER COLUMN 1 SET STATISTICS 0")
    rights.rewrite(*LOOK)
    rights.make_functions(FUNCTIONS)


def downgrade() -> None:
    """Take the picture away; looks at it stay in the log."""
    rights.drop_functions(FUNCTIONS)
    signature, old, new = LOOK
    rights.rewrite(signature, new, old)
    op.drop_index(STOOD, "matter_unit")
