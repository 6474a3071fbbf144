"""Search: one function with the wall's own rule, over indexes of words.

Full-text operators are not leakproof, so under a policy no index of words would be used; the function
asks as the owner and keeps to the session's units itself. It shows nothing but for a search whose look
has been committed: whoever rolls the look back has not searched.
"""

from alembic import op

from migrations import rights

revision = "0017"
down_revision = "0016"

WRITERS = ("citizen", "handler", "worker")
# A vector of words must stay below 1 MiB whatever is written, or the text could not be kept at all.
TEXT_CHARACTERS = 100_000
# The roles that see matters, as session_units() has them.
SEEING = "'{reader,handler,coordinator,registrar,national_coordinator,file_quarantine}'"
# Those of them that see the contact of somebody with a protected identity.
CONTACT_SEEING = "'{coordinator,national_coordinator}'"

# Planned once for each connection, by the indexes of words whatever is looked for: to plan it anew, or to
# start workers, costs more than to find a rare word; and for the sake of a word that stands everywhere
# the planner would read every text. What is compiled for one search is not worth it either.
PLANNED = {"plan_cache_mode": "force_generic_plan", "max_parallel_workers_per_gather": "0", "jit": "off"}
# What is found. Units are asked of one hit after another, the newest first, until there are enough.
FOUND = """
    SELECT hit.reference, hit.subject, hit.category, hit.unit_id, hit.received_at, hit.priority, hit.status, 'secrecy_mark' = ANY (hit.flags)
    FROM (SELECT matter.* FROM matter WHERE matter.id IN (
        SELECT message.matter_id FROM message WHERE said_words(message.subject, message.text) @@ {said}
        UNION ALL
        SELECT told.id FROM matter told WHERE said_words(told.subject, '') @@ {said}
        UNION ALL
        SELECT known.id FROM (
            SELECT message.matter_id AS id FROM message
            WHERE contact_words(message.sender_name, message.sender_email, message.sender_phone) @@ {named}
            UNION ALL
            SELECT told.id FROM matter told
            WHERE contact_words(told.sender_name, told.sender_email, told.sender_phone) @@ {named}
        ) written JOIN matter known ON known.id = written.id
        WHERE 'protected_identity' <> ALL (known.flags) OR EXISTS (
            SELECT FROM matter_unit WHERE matter_unit.matter_id = known.id
            AND matter_unit.until IS NULL AND matter_unit.unit_id = ANY ({contact_units}) OFFSET 0)
    ) AND ({own} IS NULL OR matter.handler_id = {own})
    ORDER BY matter.received_at DESC, matter.id DESC OFFSET 0) hit
    WHERE EXISTS (
        SELECT FROM matter_unit WHERE matter_unit.matter_id = hit.id
        AND matter_unit.until IS NULL AND matter_unit.unit_id = ANY ({units}) OFFSET 0)
    ORDER BY hit.received_at DESC, hit.id DESC LIMIT {most}
"""

FUNCTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    # What was said, as it is searched. Without settings of its own the planner can see through it.
    "said_words(text, text)": (
        f"""
        CREATE FUNCTION said_words(p_subject text, p_text text) RETURNS tsvector
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT to_tsvector('pg_catalog.swedish', left(p_subject, 1000) || ' ' || left(p_text, {TEXT_CHARACTERS}))
        $$
        """,
        WRITERS,
    ),
    # Who said it and how to reach them; of a number its digits, without the country and the first 0.
    "contact_words(text, text, text)": (
        """
        CREATE FUNCTION contact_words(p_name text, p_email text, p_phone text) RETURNS tsvector
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT to_tsvector('pg_catalog.simple',
                left(coalesce(p_name, ''), 1000) || ' ' || left(coalesce(p_email, ''), 1000) || ' ' ||
                regexp_replace(regexp_replace(left(coalesce(p_phone, ''), 100), '[^0-9]', '', 'g'),
                               '^(0046|46|0)', ''))
        $$
        """,
        WRITERS,
    ),
    # What is looked for among contacts; what looks like a number is looked for as one too.
    "contact_query(text)": (
        """
        CREATE FUNCTION contact_query(p_words text) RETURNS tsquery
        LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
            SELECT websearch_to_tsquery('simple', p_words) || CASE
                WHEN p_words ~ '^[-+(). /0-9]{6,30}$' THEN plainto_tsquery('simple',
                    regexp_replace(regexp_replace(p_words, '[^0-9]', '', 'g'), '^(0046|46|0)', ''))
                ELSE ''::tsquery END
        $$
        """,
        (),
    ),
    # The matters of the session's units in which these words stand, the newest first. By who wrote, one
    # with a protected identity is found only where its contact may be seen.
    "search_matters(uuid, integer)": (
        f"""
        CREATE FUNCTION search_matters(p_search uuid, p_most integer)
        RETURNS TABLE (reference text, subject text, category text, unit_id text, received_at timestamptz,
                       priority integer, status text, is_marked boolean)
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
        {" ".join(f"SET {name} = {value}" for name, value in PLANNED.items())} AS $$
        DECLARE
            person uuid;
            words text;
            own uuid;
            said tsquery;
            named tsquery;
        BEGIN
            -- Asked once: each question about the session costs as much as finding a rare word.
            SELECT look.handler_id, look.words, CASE look.what WHEN 'search:mine' THEN look.handler_id END
            INTO person, words, own
            FROM committed_look(p_search, '^search:', interval '10 minutes') AS look;
            IF NOT FOUND THEN RETURN; END IF;
            -- What only says which words must not stand there would read everything there is.
            said := websearch_to_tsquery('swedish', words);
            IF querytree(said) IN ('', 'T') THEN said := ''; END IF;
            named := contact_query(words);
            IF querytree(named) IN ('', 'T') THEN named := ''; END IF;
            RETURN QUERY {FOUND.format(
                said="said", named="named", own="own", most="least(p_most, 1000)",
                units=f"(SELECT units_of(person, {SEEING}))::text[]",
                contact_units=f"(SELECT units_of(person, {CONTACT_SEEING}))::text[]",
            )};
        END
        $$
        """,
        ("handler",),
    ),
}  # fmt: skip

# A search reads what has come in lately one by one, and so does whoever fills this up: it stays small.
PENDING = "WITH (gin_pending_list_limit = 512)"
INDEXES = {
    "ix_message_words": (
        "message USING gin (said_words(subject, text), contact_words(sender_name, sender_email, sender_phone))"
    ),
    "ix_matter_words": (
        "matter USING gin (said_words(subject, ''), contact_words(sender_name, sender_email, sender_phone))"
    ),
}


def upgrade() -> None:
    """Make the indexes and the search."""
    rights.make_functions(FUNCTIONS)
    for name, what in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON {what} {PENDING}")


def downgrade() -> None:
    """Take it away."""
    for name in INDEXES:
        op.execute(f"DROP INDEX {name}")
    rights.drop_functions(FUNCTIONS)
