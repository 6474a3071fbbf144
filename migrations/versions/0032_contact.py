"""A handler begins a matter: for what came in without a form or a letter, or to reach somebody first.

The pages' role still writes no matter of its own: one function does, into a unit where the session's person
acts and in that person's name. A matter's id follows from the page that it was written on, so that sending
the page twice makes one.
"""

from alembic import op

from migrations import rights

revision = "0032"
down_revision = "0031"

PATH = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
BY_HAND = "('phone', 'visit', 'paper', 'outgoing')"
CHANNELS = (
    ("form", "email", "phone", "paper", "api"),
    ("form", "email", "phone", "visit", "paper", "outgoing", "api"),
)
# How long a first answer took is told of what came in, by the functions that do: what we begin ourselves
# is answered in the same minute.
TIMES = (
    ("answer_times(text, timestamptz, timestamptz)", "AND matter.received_at < p_until"),
    ("overview_frame(uuid, text[])", "AND matter.closed_at IS NULL"),
    ("overview_frame(uuid, text[])", "AND matter.closed_at >= since"),
)
CAME = " AND matter.channel <> 'outgoing'"
FUNCTIONS: rights.Functions = {
    # A matter with its address, its inbox and its first words, the caller's own. Of one that was begun before
    # its reference is told, and whether it was begun with the same words; of anybody else's nothing.
    "begin_by_hand(jsonb, jsonb, jsonb, text, text, timestamptz)": (
        f"""
        CREATE FUNCTION begin_by_hand(p_matter jsonb, p_said jsonb, p_placement jsonb, p_token text,
                                      p_digest text, p_at timestamptz)
        RETURNS TABLE (reference text, is_new boolean, is_same boolean) LANGUAGE plpgsql {PATH} AS $$
        #variable_conflict use_column
        DECLARE
            given matter := jsonb_populate_record(NULL::matter, p_matter);
            said message := jsonb_populate_record(NULL::message, p_said);
            is_ours boolean := given.channel = 'outgoing';
            here timestamptz := clock_timestamp();
            home unit;
        BEGIN
            SELECT * INTO home FROM unit
            WHERE unit.id = given.unit_id AND unit.is_open AND unit.id = ANY (acting_units());
            IF NOT FOUND OR given.channel NOT IN {BY_HAND} THEN
                RAISE insufficient_privilege USING MESSAGE = 'not an inbox of the caller''s';
            END IF;
            -- Of two who send one page at once the second waits here for the first.
            INSERT INTO matter (id, reference, channel, category, unit_id, region, priority, flags, status,
                subject, sender_name, sender_email, sender_phone, place_words, needs_person, handler_id,
                received_at, due_at, version)
            VALUES (given.id, given.reference, given.channel, given.category, home.id, home.region,
                given.priority, given.flags, CASE WHEN is_ours THEN 'in_progress' ELSE 'registered' END,
                given.subject, given.sender_name, given.sender_email, given.sender_phone, '', '{{}}',
                CASE WHEN is_ours THEN session_handler() END, given.received_at, given.due_at, 1)
            ON CONFLICT (id) DO NOTHING;
            IF NOT FOUND THEN
                RETURN QUERY SELECT matter.reference, false, event.detail ->> 'digest' = p_digest
                FROM matter JOIN event ON event.matter_id = matter.id
                WHERE matter.id = given.id AND event.what = 'begun_by_hand'
                  AND event.handler_id = session_handler();
                RETURN;
            END IF;
            INSERT INTO matter_unit (id, matter_id, unit_id, why, since)
            VALUES (gen_random_uuid(), given.id, home.id, 'by hand', here);
            INSERT INTO mail_address (id, token, matter_id, created_at)
            VALUES (gen_random_uuid(), p_token, given.id, p_at);
            INSERT INTO message (id, matter_id, direction, channel, subject, text, sender_name, sender_email,
                sender_phone, handler_id, is_automatic, problems, created_at)
            VALUES (said.id, given.id, CASE WHEN is_ours THEN 'note' ELSE 'incoming' END,
                CASE WHEN is_ours THEN 'note' ELSE given.channel END, said.subject, said.text,
                said.sender_name, said.sender_email, said.sender_phone, session_handler(), false, '{{}}',
                given.received_at);
            INSERT INTO placement (id, matter_id, at, category, guess, confidence, is_undecided, next, unit_id,
                region, priority, flags, reasons, rules_version)
            SELECT gen_random_uuid(), given.id, p_at, rule.category, rule.guess, rule.confidence,
                rule.is_undecided, rule.next, home.id, home.region, rule.priority, rule.flags, rule.reasons,
                rule.rules_version
            FROM jsonb_populate_record(NULL::placement, p_placement) AS rule WHERE p_placement IS NOT NULL;
            INSERT INTO arrival (id, channel, destination, digest, at, unit_id, message_id, marks)
            SELECT gen_random_uuid(), given.channel, 'hand:' || given.id, p_digest, given.received_at, home.id,
                said.id, '{{}}'
            WHERE NOT is_ours;
            INSERT INTO event (id, matter_id, at, actor, handler_id, what, detail)
            VALUES (gen_random_uuid(), given.id, p_at, 'handler', session_handler(), 'begun_by_hand',
                jsonb_build_object('channel', given.channel, 'unit', home.id, 'digest', p_digest));
            RETURN QUERY SELECT given.reference, true, true;
        END
        $$
        """,
        ("handler",),
    ),
    # The diary number of a matter that this very transaction has begun; by the last statement in it.
    "number_by_hand(uuid, text, integer, timestamptz)": (
        f"""
        CREATE FUNCTION number_by_hand(p_matter uuid, p_series text, p_year integer, p_at timestamptz)
        RETURNS void LANGUAGE plpgsql {PATH} AS $$
        BEGIN
            PERFORM FROM matter WHERE matter.id = p_matter AND is_made_here(matter.xmin)
                AND may_write(p_matter);
            IF NOT FOUND THEN
                RAISE insufficient_privilege USING MESSAGE = 'not a matter that was begun here';
            END IF;
            PERFORM register_matter(p_matter, p_series, p_year, p_at);
        END
        $$
        """,
        ("handler",),
    ),
    # A status code for whoever a matter was begun by hand for: on paper, since the page shows it to nobody.
    "hand_out_code(uuid, text, timestamptz)": (
        f"""
        CREATE FUNCTION hand_out_code(p_matter uuid, p_hash text, p_at timestamptz) RETURNS boolean
        LANGUAGE sql {PATH} AS $$
            WITH made AS (
                INSERT INTO status_code (id, matter_id, code_hash, created_at)
                SELECT gen_random_uuid(), matter.id, p_hash, p_at FROM matter
                WHERE matter.id = p_matter AND matter.channel IN {BY_HAND} AND matter.merged_into_id IS NULL
                  AND may_open(p_matter) AND may_write(p_matter)
                RETURNING id
            )
            SELECT EXISTS (SELECT FROM made)
        $$
        """,
        ("handler",),
    ),
}


def upgrade() -> None:
    """Let handlers begin matters."""
    _allow(CHANNELS[1])
    rights.make_functions(FUNCTIONS)
    for signature, words in TIMES:
        rights.rewrite(signature, words, words + CAME)


def _allow(channels: tuple[str, ...]) -> None:
    for table in ("matter", "arrival"):
        name = op.f(f"ck_{table}_channel")
        op.drop_constraint(name, table, type_="check")
        op.create_check_constraint(name, table, f"channel IN {channels!r}")


def downgrade() -> None:
    """Let nobody do so; for the older version what came in by a visit, or began with us, came by telephone."""
    for signature, words in TIMES:
        rights.rewrite(signature, words + CAME, words)
    rights.drop_functions(FUNCTIONS)
    for table in ("matter", "arrival"):
        op.execute(f"UPDATE {table} SET channel = 'phone' WHERE channel IN ('visit', 'outgoing')")
    _allow(CHANNELS[0])
