"""Lists are told by functions, with the wall's own rule, and the row of a matter is read after a look.

What a list shows of matters that nobody has opened (an inbox, what waits, what belongs together) is
told by a function that keeps to the session's units and does no more than that list needs.
"""

from migrations import rights

revision = "0021"
down_revision = "0020"

PATH = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
STANDS = """EXISTS (SELECT FROM matter_unit AS open WHERE open.matter_id = matter.id AND open.until IS NULL
                               AND open.unit_id = ANY ({}) OFFSET 0)"""
# Those of the units that the page asked for which the session sees.
SEEN = "ARRAY(SELECT code FROM unnest(session_units()) AS code WHERE code = ANY (p_units){})"

FUNCTIONS: rights.Functions = {
    # Which of these references and ids are of matters that the session sees; what is in them is not told.
    "seen_matters(text[], text[], uuid[])": (
        f"""
        CREATE FUNCTION seen_matters(p_units text[], p_references text[], p_ids uuid[])
        RETURNS TABLE (id uuid, reference text) LANGUAGE sql STABLE {PATH} AS $$
            SELECT matter.id, matter.reference FROM matter
            WHERE (matter.reference = ANY (p_references) OR matter.id = ANY (p_ids))
              AND {STANDS.format(SEEN.format(""))}
            ORDER BY matter.reference
        $$
        """,
        ("handler",),
    ),
    # The reference of a diary number, where the session sees the matter.
    "seen_diary(text[], text, integer, bigint)": (
        f"""
        CREATE FUNCTION seen_diary(p_units text[], p_series text, p_year integer, p_number bigint) RETURNS text
        LANGUAGE sql STABLE {PATH} AS $$
            SELECT matter.reference FROM diary_entry JOIN matter ON matter.id = diary_entry.matter_id
            WHERE diary_entry.series = p_series AND diary_entry.year = p_year AND diary_entry.number = p_number
              AND {STANDS.format(SEEN.format(""))}
        $$
        """,
        ("handler",),
    ),
    # What was closed, as far as the session sees it; the look says in which unit, and from when to when.
    "closed_matters(uuid, integer)": (
        f"""
        CREATE FUNCTION closed_matters(p_look uuid, p_most integer) RETURNS SETOF uuid
        LANGUAGE plpgsql STABLE {PATH} AS $$
        DECLARE
            said text[] := (SELECT string_to_array(words, ' ')
                            FROM committed_look(p_look, '^closed$', interval '1 minute'));
        BEGIN
            -- Another unit's are not even gone through: how long that takes would tell how many there are.
            IF said[1] <> ALL (session_units()) THEN RETURN; END IF;
            RETURN QUERY SELECT matter.id FROM matter
            WHERE md5(matter.unit_id) = md5(said[1]) AND matter.unit_id = said[1] AND session_sees(matter.id)
              AND matter.closed_at >= said[2]::timestamptz AND matter.closed_at < said[3]::timestamptz
            ORDER BY matter.closed_at, matter.id LIMIT least(p_most, 1000);
        END
        $$
        """,
        ("handler",),
    ),
    # What a matter that the session has opened belongs with, as far as the session sees that: what it went
    # ``into``, what went into it as a ``part``, and what its subject ``named``.
    "relatives(uuid)": (
        f"""
        CREATE FUNCTION relatives(p_matter uuid) RETURNS TABLE (id uuid, how text)
        LANGUAGE sql STABLE {PATH} AS $$
            SELECT other.id, other.how FROM (
                SELECT surviving_matter(matter.id), 'into' FROM matter
                WHERE matter.id = p_matter AND matter.merged_into_id IS NOT NULL
                UNION ALL
                SELECT surviving_matter(matter.possible_of_id), 'named' FROM matter
                WHERE matter.id = p_matter AND matter.merged_into_id IS NULL AND matter.possible_of_id IS NOT NULL
                UNION ALL
                SELECT matter.id, 'part' FROM matter WHERE matter.merged_into_id = p_matter
            ) AS other (id, how)
            WHERE other.id <> p_matter AND opens(p_matter, session_id(), session_units())
              AND session_sees(other.id)
        $$
        """,
        ("handler",),
    ),
}


def upgrade() -> None:
    """Make the functions that tell lists."""
    rights.make_functions(FUNCTIONS)


def downgrade() -> None:
    """Take them away."""
    rights.drop_functions(FUNCTIONS)
