"""What a million matters asked for: plans that read the newest alone, and words that say something.

A list's newest and its first rows are read from the end of an index, since no statistics tell the planner
how many there are. A search looks among the newest rows first: what is common is found there. By an e-mail
address it looks for what stands before the @. And a word that stands in many messages already is kept as a
sign no more, so that what has a sign in common is soon gone through however much there is.
"""

from importlib import import_module

from alembic import op

from migrations import rights

revision = "0037"
down_revision = "0036"

_FINDING = import_module("migrations.versions.0033_finding")
_VIEWS = import_module("migrations.versions.0028_desk_views")
# They read what comes first in an index; without statistics the planner would gather all and sort it.
IN_ORDER = (
    "inbox_counts(text[], timestamptz)",
    "inbox_news(text[], timestamptz)",
    "claim_next(text[], timestamptz)",
)
# So many of the newest rows are gone through before an index of words is asked; and so many where a
# twentieth of what is wanted was among those.
NEWEST_ROWS, MORE_ROWS, TWENTIETH = 4_000, 100_000, 20
# Of a word that stands in so many messages nothing follows.
COMMON = 500

LONGEST = "longest := likes[1];"
BEFORE_AT = r"longest := regexp_replace(likes[1], '^(%[^@]*[[:alnum:]]{4})@.*$', '\1@%');"
ALL_OF_IT = f"IF largest > {_FINDING.MANY} THEN ids := search_newest({_FINDING.PASSED}, most); END IF;"
THE_REST = f"""IF largest > {_FINDING.MANY} THEN ids := search_newest({_FINDING.PASSED}, most, NULL); END IF;
            END IF;"""
FEW = f"IF cardinality(seen) <= {_FINDING.FEW_UNITS} THEN"
NEWEST_FIRST = f"""ids := search_newest({_FINDING.PASSED}, most, {NEWEST_ROWS});
            IF cardinality(ids) < most AND cardinality(ids) * {TWENTIETH} >= most THEN
                ids := search_newest({_FINDING.PASSED}, most, {MORE_ROWS});
            END IF;
            IF cardinality(ids) < most THEN
            {FEW}"""
SEARCH = "search_matters(uuid, integer)"
FOUND = "kind IN ('matter', 'message', 'file')"
NEWEST_INDEX = "ix_findable_received_at_matter_id"
NEWEST_COLUMNS = f"(received_at, matter_id) WHERE {FOUND}"
OLD_NEWEST = f"search_newest({_FINDING.ASKED_TYPES}, integer)"
NEWEST: rights.Functions = {
    # As before, but among so many of the newest rows, or all of them without a number.
    f"search_newest({_FINDING.ASKED_TYPES}, integer, integer)": (
        _FINDING.FINDING[OLD_NEWEST][0]
        .replace("p_most integer)", "p_most integer, p_rows integer)")
        .replace(
            "FROM findable AS one\n",
            f"FROM (SELECT findable.* FROM findable WHERE {FOUND}"
            " ORDER BY findable.received_at DESC, findable.matter_id DESC LIMIT p_rows) AS one\n",
        ),
        (),
    ),
}
# Nothing is told of what stands behind a wall, so it is not counted either.
NOT_WALLED = "NOT one.units && ARRAY(SELECT unit.id FROM unit WHERE unit.is_walled)"
KEEP_SIGNS = "keep_signs(uuid, text[], text[])"
SIGNS: rights.Functions = {
    KEEP_SIGNS: (
        _FINDING.LIKENESS[KEEP_SIGNS][0]
        .replace("AS $$", "SET enable_seqscan = off AS $$")
        .replace(
            "('signs', p_said)",
            f"""('signs', ARRAY(
                SELECT sign FROM unnest(p_said) AS sign WHERE NOT starts_with(sign, 'word:') OR {COMMON} > (
                    SELECT count(*) FROM (SELECT FROM findable AS one WHERE one.signs @> ARRAY[sign]
                                            AND {NOT_WALLED} LIMIT {COMMON}) AS those)))""",
        ),
        _FINDING.LIKENESS[KEEP_SIGNS][1],
    ),
}


def upgrade() -> None:
    """Write the functions as measured."""
    for signature in IN_ORDER:
        op.execute(f"ALTER FUNCTION {signature} SET enable_bitmapscan = off")
    op.execute(f"DROP INDEX {NEWEST_INDEX}")
    op.execute(f"CREATE INDEX {NEWEST_INDEX} ON findable {NEWEST_COLUMNS}")
    rights.make_functions(NEWEST)
    rights.rewrite(SEARCH, LONGEST, BEFORE_AT, more=[(FEW, NEWEST_FIRST), (ALL_OF_IT, THE_REST)])
    rights.drop_functions([OLD_NEWEST, *SIGNS])
    # Where 0028 was run before it did so itself.
    for signature in _VIEWS.ASKED_NO_MORE[::-1]:
        op.execute(f"DROP FUNCTION IF EXISTS {signature}")
    rights.make_functions(SIGNS)
    # What was kept of common words says nothing; each sign is asked for once.
    op.execute(f"""
        WITH common AS (
            SELECT sign FROM findable AS one, unnest(signs) AS sign
            WHERE starts_with(sign, 'word:') AND {NOT_WALLED}
            GROUP BY sign HAVING count(*) > {COMMON}
        )
        UPDATE findable SET signs = ARRAY(
            SELECT sign FROM unnest(signs) AS sign WHERE sign NOT IN (SELECT sign FROM common))
        WHERE signs && ARRAY(SELECT sign FROM common)
    """)


def downgrade() -> None:
    """Write them as they were; common words are signs again of what comes from then on."""
    for signature in IN_ORDER:
        op.execute(f"ALTER FUNCTION {signature} RESET enable_bitmapscan")
    rights.make_functions({OLD_NEWEST: _FINDING.FINDING[OLD_NEWEST]})
    rights.rewrite(SEARCH, BEFORE_AT, LONGEST, more=[(NEWEST_FIRST, FEW), (THE_REST, ALL_OF_IT)])
    rights.drop_functions([*NEWEST, *SIGNS])
    rights.make_functions({KEEP_SIGNS: _FINDING.LIKENESS[KEEP_SIGNS]})
    op.execute(f"DROP INDEX {NEWEST_INDEX}")
    op.execute(f"CREATE INDEX {NEWEST_INDEX} ON findable {_FINDING.INDEXES[NEWEST_INDEX]}")
