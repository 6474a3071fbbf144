"""The auditor's questions: who saw a matter, what somebody saw, what is unusual.

A question is a row of the log itself, with its reason, and is answered only once that row is committed:
whoever rolls the question back has asked nothing. The pages' role reads the log in no other way. What
was done behind a wall is told to those alone who audit the unit there.
"""

from alembic import op

from migrations import rights

revision = "0016"
down_revision = "0015"

PATH = "SET search_path = pg_catalog, public, pg_temp"
SEEING = "'{reader,handler,coordinator,registrar,national_coordinator,file_quarantine}'::text[]"
LOCAL = "AT TIME ZONE 'Europe/Stockholm'"
SIGNED_IN = """
    SELECT DISTINCT ON (access_log.session_id) access_log.session_id, access_log.handler_id,
        access_log.actor, access_log.at, string_to_array(access_log.words, ' ') AS seats
    FROM access_log WHERE access_log.what = 'sign_in'
"""

READ = {"handler": {"access_log": "SELECT"}}

FUNCTIONS: rights.Functions = {
    # The walled units whose auditor the session's person is not.
    "audit_hidden()": (
        f"""
        CREATE FUNCTION audit_hidden() RETURNS text[]
        LANGUAGE sql STABLE SECURITY DEFINER {PATH} AS $$
            SELECT coalesce(array_agg(unit.id), '{{}}') FROM unit
            WHERE unit.is_walled AND unit.id <> ALL (units_as('{{auditor}}'))
        $$
        """,
        (),
    ),
    # The seats that a session had, each as role:unit. Its first row says so, which the door wrote.
    "signed_in(uuid)": (
        f"""
        CREATE FUNCTION signed_in(p_session uuid) RETURNS text[]
        LANGUAGE sql STABLE SECURITY DEFINER {PATH} AS $$
            SELECT coalesce((
                SELECT string_to_array(access_log.words, ' ') FROM access_log
                WHERE access_log.session_id = p_session AND access_log.what = 'sign_in'
                ORDER BY access_log.at, access_log.seq LIMIT 1), '{{}}')
        $$
        """,
        (),
    ),
    # Whether a row of the log may be told: nothing of a matter from while it, or what it went into, stood in
    # a hidden unit, and of what was looked for, nothing by those who work in one.
    "audit_tells(text[], uuid, timestamptz, uuid)": (
        f"""
        CREATE FUNCTION audit_tells(p_hidden text[], p_matter uuid, p_at timestamptz, p_session uuid)
        RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER {PATH} AS $$
            SELECT CASE
                WHEN cardinality(p_hidden) = 0 THEN true
                WHEN p_matter IS NOT NULL THEN NOT EXISTS (
                    SELECT FROM matter_unit
                    WHERE (matter_unit.matter_id = p_matter
                           OR (matter_unit.matter_id = surviving_matter(p_matter) AND p_at >= (
                               SELECT max(event.at) FROM event
                               WHERE event.matter_id = p_matter AND event.what = 'merged_into')))
                      AND matter_unit.unit_id = ANY (p_hidden) AND matter_unit.since <= p_at
                      AND (matter_unit.until IS NULL OR matter_unit.until > p_at))
                ELSE NOT EXISTS (
                    SELECT FROM unnest(signed_in(p_session)) AS seat
                    WHERE split_part(seat, ':', 2) = ANY (p_hidden))
            END
        $$
        """,
        (),
    ),
    # Whether a seat, as role:unit, lets see what stands in a unit; the same rule as units_as().
    "seat_covers(text, text)": (
        f"""
        CREATE FUNCTION seat_covers(p_seat text, p_unit text) RETURNS boolean
        LANGUAGE sql STABLE SECURITY DEFINER {PATH} AS $$
            SELECT split_part(p_seat, ':', 1) = ANY ({SEEING}) AND EXISTS (
                SELECT FROM unit AS home, unit AS other
                WHERE home.id = split_part(p_seat, ':', 2) AND other.id = p_unit AND (
                    (home.id = other.id AND p_seat NOT LIKE 'national_coordinator:%')
                    OR (NOT other.is_walled AND p_seat LIKE 'national_coordinator:%')
                    OR (NOT other.is_walled AND NOT home.is_walled AND home.region = other.region
                        AND p_seat LIKE 'coordinator:%')))
        $$
        """,
        (),
    ),
    # Those of a session's seats by which it saw a matter at a time; all that may be told when it was none.
    "seats_then(uuid, uuid, timestamptz, text[])": (
        f"""
        CREATE FUNCTION seats_then(p_session uuid, p_matter uuid, p_at timestamptz, p_hidden text[])
        RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER {PATH} AS $$
            WITH told AS (
                SELECT seat, EXISTS (
                    SELECT FROM matter_unit
                    WHERE matter_unit.matter_id = p_matter AND matter_unit.since <= p_at
                      AND (matter_unit.until IS NULL OR matter_unit.until > p_at)
                      AND seat_covers(seat, matter_unit.unit_id)) AS is_its
                FROM unnest(signed_in(p_session)) AS seat
                WHERE split_part(seat, ':', 2) <> ALL (p_hidden)
            )
            SELECT coalesce(array_agg(seat ORDER BY seat), '{{}}') FROM told
            WHERE is_its OR NOT EXISTS (SELECT FROM told AS any_seat WHERE any_seat.is_its)
        $$
        """,
        (),
    ),
    # A question is asked: its look, by whose id it is answered. Its words are the subject and two days.
    "ask_audit(text, text, date, date, text)": (
        f"""
        CREATE FUNCTION ask_audit(p_kind text, p_subject text, p_since date, p_until date, p_reason text)
        RETURNS uuid LANGUAGE sql SECURITY DEFINER {PATH} AS $$
            SELECT look_at_list('audit:' || p_kind, format('%s %s %s',
                coalesce(nullif(translate(p_subject, E' \\t\\r\\n', ''), ''), '-'),
                to_char(p_since, 'YYYY-MM-DD'), to_char(p_until, 'YYYY-MM-DD')), p_reason)
            WHERE session_has('auditor') AND p_reason <> '' AND p_kind IS NOT NULL
              AND p_since IS NOT NULL AND p_until IS NOT NULL
        $$
        """,
        ("handler",),
    ),
    # The question that an answer is wanted to, with what it is about as far as that may be known.
    "audit_asked(uuid)": (
        f"""
        CREATE FUNCTION audit_asked(p_question uuid)
        RETURNS TABLE (kind text, subject text, reason text, asked_at timestamptz, since timestamptz,
                       until timestamptz, matter_id uuid, handler_id uuid, name text)
        LANGUAGE sql STABLE SECURITY DEFINER {PATH} AS $$
            WITH asked AS (
                SELECT substr(look.what, 7) AS kind, split_part(look.words, ' ', 1) AS subject, look.reason, look.at,
                    split_part(look.words, ' ', 2)::date::timestamp {LOCAL} AS since,
                    (split_part(look.words, ' ', 3)::date + 1)::timestamp {LOCAL} AS until
                FROM committed_look(p_question, '^audit:', interval '1 hour') AS look
                WHERE session_has('auditor') AND look.reason <> ''
            )
            SELECT asked.kind, asked.subject, asked.reason, asked.at, asked.since, asked.until,
                (SELECT matter.id FROM matter WHERE matter.reference = asked.subject AND asked.kind <> 'person'
                 AND EXISTS (SELECT FROM matter_unit WHERE matter_unit.matter_id = matter.id
                             AND matter_unit.unit_id <> ALL (audit_hidden()))),
                whom.id, whom.name
            FROM asked LEFT JOIN handler AS whom
                ON whom.email = lower(asked.subject) AND asked.kind = 'person' AND (
                    NOT EXISTS (SELECT FROM membership WHERE membership.handler_id = whom.id)
                    OR EXISTS (SELECT FROM membership WHERE membership.handler_id = whom.id
                               AND membership.unit_id <> ALL (audit_hidden())))
        $$
        """,
        ("handler",),
    ),
    # The looks that a question is about, the last first: at a matter and what went into it, or by a person
    # and what was done with the person's account by a command, whose words are the address, or the role, the
    # unit and the id.
    "audit_looks(uuid, timestamptz, uuid, integer)": (
        f"""
        CREATE FUNCTION audit_looks(p_question uuid, p_at timestamptz, p_id uuid, p_most integer)
        RETURNS TABLE (id uuid, at timestamptz, actor text, email text, what text, reference text, file text,
                       reason text, words text, seats text[])
        LANGUAGE plpgsql STABLE SECURITY DEFINER {PATH} AS $$
        DECLARE
            asked record;
            hidden text[] := audit_hidden();
        BEGIN
            SELECT * INTO asked FROM audit_asked(p_question);
            IF NOT FOUND THEN RETURN; END IF;
            RETURN QUERY
                SELECT look.id, look.at, look.actor, handler.email, look.what, matter.reference,
                    right(look.attachment_id::text, 6), look.reason,
                    CASE WHEN look.what = 'sign_in' THEN NULL WHEN look.what <> 'membership' THEN look.words
                        ELSE split_part(look.words, ' ', 1) END,
                    CASE WHEN look.chain = 'command' THEN '{{command}}'
                        ELSE seats_then(look.session_id, look.matter_id, look.at, hidden) END
                FROM (
                    SELECT own.* FROM access_log AS own
                    WHERE asked.matter_id IS NOT NULL AND own.matter_id IN (
                        WITH RECURSIVE its (id) AS (
                            SELECT asked.matter_id
                            UNION SELECT other.id FROM matter AS other JOIN its ON other.merged_into_id = its.id)
                        SELECT its.id FROM its)
                    UNION ALL
                    SELECT own.* FROM access_log AS own
                    WHERE asked.handler_id IS NOT NULL AND own.handler_id = asked.handler_id
                    UNION ALL
                    SELECT done.* FROM access_log AS done
                    WHERE asked.handler_id IS NOT NULL AND done.chain = 'command' AND done.matter_id IS NULL
                      AND (done.words = lower(asked.subject)
                           OR (done.what = 'membership' AND split_part(done.words, ' ', 2) = asked.handler_id::text
                               AND split_part(split_part(done.words, ' ', 1), ':', 2) <> ALL (hidden)))
                ) AS look
                LEFT JOIN handler ON handler.id = look.handler_id
                LEFT JOIN matter ON matter.id = look.matter_id
                WHERE look.at >= asked.since AND look.at < asked.until
                  AND (p_at IS NULL OR (look.at, look.id) < (p_at, p_id))
                  AND audit_tells(hidden, look.matter_id, look.at, look.session_id)
                ORDER BY look.at DESC, look.id DESC LIMIT least(p_most, 1000);
        END
        $$
        """,
        ("handler",),
    ),
    # Who may have had a matter in a list while it stood there: by day, those whose sign-in opened a unit
    # of it, with how often they had the inbox before them; and lists that were printed by a command.
    "audit_lists(uuid, date, text, integer)": (
        f"""
        CREATE FUNCTION audit_lists(p_question uuid, p_day date, p_key text, p_most integer)
        RETURNS TABLE (day date, key text, actor text, email text, seats text[], lists bigint)
        LANGUAGE plpgsql STABLE SECURITY DEFINER {PATH} AS $$
        DECLARE
            asked record;
            hidden text[] := audit_hidden();
        BEGIN
            SELECT * INTO asked FROM audit_asked(p_question);
            IF asked.matter_id IS NULL THEN RETURN; END IF;
            RETURN QUERY
                WITH stood AS (
                    SELECT matter_unit.unit_id, greatest(matter_unit.since, asked.since) AS since,
                        least(coalesce(matter_unit.until, 'infinity'), asked.until) AS until
                    FROM matter_unit
                    WHERE matter_unit.matter_id = asked.matter_id AND matter_unit.since < asked.until
                      AND coalesce(matter_unit.until, 'infinity') > asked.since
                      AND matter_unit.unit_id <> ALL (hidden)
                ), span AS (
                    SELECT min(stood.since) AS since, max(stood.until) AS until FROM stood
                ), sat AS (
                    {SIGNED_IN} AND access_log.at < (SELECT span.until FROM span)
                        AND access_log.at > (SELECT span.since FROM span) - interval '1 day'
                    ORDER BY access_log.session_id, access_log.at
                ), had AS (
                    SELECT (greatest(sat.at, stood.since) {LOCAL})::date AS day, sat.session_id,
                        sat.handler_id, sat.actor, seat, stood.since, stood.until
                    FROM sat LEFT JOIN handler_session ON handler_session.id = sat.session_id
                    CROSS JOIN LATERAL unnest(sat.seats) AS seat JOIN stood ON seat_covers(seat, stood.unit_id)
                    WHERE sat.at < stood.until AND split_part(seat, ':', 2) <> ALL (hidden)
                      AND coalesce(handler_session.ended_at, handler_session.seen_at + interval '30 minutes',
                                   sat.at + interval '10 hours') > stood.since
                ), folded AS (
                    SELECT had.day, had.handler_id::text AS key, max(had.actor) AS actor,
                        array_agg(DISTINCT had.seat) AS seats, array_agg(DISTINCT had.session_id) AS sessions,
                        min(had.since) AS since, max(had.until) AS until
                    FROM had GROUP BY had.day, had.handler_id
                )
                SELECT found.* FROM (
                    SELECT folded.day, folded.key, folded.actor, handler.email, folded.seats, (
                        SELECT count(*) FROM access_log AS list
                        WHERE list.session_id = ANY (folded.sessions) AND list.what = 'inbox'
                          AND list.at >= folded.since AND list.at < folded.until)
                    FROM folded JOIN handler ON handler.id::text = folded.key
                    UNION ALL
                    SELECT (list.at {LOCAL})::date, 'command ' || list.actor, list.actor, NULL,
                        '{{command}}'::text[], count(*)
                    FROM access_log AS list, span
                    WHERE list.chain = 'command' AND list.what = 'list' AND list.matter_id IS NULL
                      AND list.at >= span.since AND list.at < span.until
                    GROUP BY 1, 2, 3
                ) AS found (day, key, actor, email, seats, lists)
                WHERE p_day IS NULL OR found.day < p_day OR (found.day = p_day AND found.key > p_key)
                ORDER BY found.day DESC, found.key LIMIT least(p_most, 1000);
        END
        $$
        """,
        ("handler",),
    ),
    # What stands out, by person and day; the limits are the asker's. Each count has beside it what is
    # usual for the person on other days, and for everybody.
    "audit_unusual(uuid, integer, numeric, integer, integer, integer, integer)": (
        f"""
        CREATE FUNCTION audit_unusual(p_question uuid, p_many integer, p_times numeric, p_late integer,
                                      p_others integer, p_refused integer, p_searches integer)
        RETURNS TABLE (rule text, day date, actor text, email text, counted bigint, usual numeric,
                       colleagues numeric, reasons bigint)
        LANGUAGE plpgsql STABLE SECURITY DEFINER {PATH} AS $$
        DECLARE
            asked record;
            hidden text[] := audit_hidden();
        BEGIN
            SELECT * INTO asked FROM audit_asked(p_question);
            IF NOT FOUND OR asked.kind <> 'unusual' THEN RETURN; END IF;
            RETURN QUERY
                WITH behind AS (
                    SELECT matter_unit.matter_id, matter_unit.since,
                        coalesce(matter_unit.until, 'infinity') AS until
                    FROM matter_unit WHERE matter_unit.unit_id = ANY (hidden)
                      AND md5(matter_unit.unit_id) = ANY (ARRAY(SELECT md5(code) FROM unnest(hidden) AS code))
                ), walled AS (
                    SELECT sat.session_id FROM (
                        {SIGNED_IN} AND access_log.at < asked.until AND access_log.at > asked.since - interval '1 day'
                        ORDER BY access_log.session_id, access_log.at) AS sat
                    WHERE EXISTS (SELECT FROM unnest(sat.seats) AS seat
                                  WHERE split_part(seat, ':', 2) = ANY (hidden))
                ), look AS (
                    SELECT own.handler_id, own.matter_id, own.what, own.reason, (own.at {LOCAL})::date AS day,
                        extract(isodow FROM own.at {LOCAL}) > 5
                            OR extract(hour FROM own.at {LOCAL}) NOT BETWEEN 6 AND 19 AS is_late,
                        matter.handler_id <> own.handler_id AS is_others
                    FROM access_log AS own LEFT JOIN matter ON matter.id = own.matter_id
                    WHERE own.at >= asked.since AND own.at < asked.until AND own.handler_id IS NOT NULL
                      AND NOT EXISTS (SELECT FROM behind WHERE behind.matter_id = own.matter_id
                                      AND behind.since <= own.at AND behind.until > own.at)
                      AND (own.matter_id IS NOT NULL OR (own.what LIKE 'search%'
                           AND NOT EXISTS (SELECT FROM walled WHERE walled.session_id = own.session_id)))
                ), counts AS (
                    SELECT look.handler_id, look.day, named.rule, named.counted, named.reasons FROM (
                        SELECT look.handler_id, look.day,
                            count(DISTINCT look.matter_id) FILTER (WHERE look.what <> 'refused') AS many,
                            count(DISTINCT look.matter_id) FILTER (WHERE look.what <> 'refused' AND look.is_late) AS late,
                            count(DISTINCT look.matter_id) FILTER (WHERE look.what <> 'refused' AND look.is_others)
                                AS others,
                            count(DISTINCT look.matter_id) FILTER (WHERE look.what = 'protected') AS protected,
                            count(*) FILTER (WHERE look.what = 'refused') AS refused,
                            count(*) FILTER (WHERE look.what LIKE 'search%') AS searches,
                            count(look.reason) FILTER (WHERE look.what LIKE 'search%') AS reasons
                        FROM look GROUP BY 1, 2
                    ) AS look CROSS JOIN LATERAL (VALUES
                        ('many', look.many, NULL), ('late', look.late, NULL), ('others', look.others, NULL),
                        ('protected', look.protected, NULL), ('refused', look.refused, NULL),
                        ('searches', look.searches, look.reasons)) AS named (rule, counted, reasons)
                    WHERE named.counted > 0
                ), everybody AS (
                    SELECT counts.rule, percentile_cont(0.5) WITHIN GROUP (ORDER BY counts.counted) AS usual
                    FROM counts GROUP BY 1
                ), own AS (
                    SELECT counts.handler_id, counts.rule, array_agg(counts.day) AS days,
                        array_agg(counts.counted) AS counted
                    FROM counts GROUP BY 1, 2
                ), found AS (
                    SELECT counts.*, everybody.usual AS colleagues, (
                        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY other.counted)
                        FROM unnest(own.days, own.counted) AS other (day, counted)
                        WHERE other.day <> counts.day
                    ) AS usual
                    FROM counts JOIN everybody USING (rule) JOIN own USING (handler_id, rule)
                    WHERE counts.counted >= CASE counts.rule WHEN 'many' THEN p_many WHEN 'late' THEN p_late
                        WHEN 'others' THEN p_others WHEN 'refused' THEN p_refused WHEN 'searches' THEN p_searches
                        ELSE 1 END
                )
                SELECT found.rule, found.day, handler.name, handler.email, found.counted, found.usual::numeric,
                    found.colleagues::numeric, found.reasons
                FROM found JOIN handler ON handler.id = found.handler_id
                WHERE found.rule <> 'many' OR (found.counted >= p_times * coalesce(found.usual, 0)
                                               AND found.counted >= p_times * found.colleagues)
                ORDER BY found.day DESC, found.rule, found.counted DESC, handler.email LIMIT 500;
        END
        $$
        """,
        ("handler",),
    ),
}  # fmt: skip


def upgrade() -> None:
    """Make the questions, and let the log be read by them alone."""
    rights.make_functions(FUNCTIONS)
    op.execute("DROP POLICY handler_1 ON access_log")
    rights.revoke(READ)


def downgrade() -> None:
    """Let auditors read the log as it is."""
    rights.grant(READ)
    op.execute(
        f"CREATE POLICY handler_1 ON access_log FOR SELECT TO {rights.roles()['handler']}"
        " USING ((SELECT session_has('auditor')))"
    )
    rights.drop_functions(FUNCTIONS)
