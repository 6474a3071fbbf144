"""Finding: one row for each thing that a search may find, with the units that see it, behind no grant.

A row holds the words of a matter's subject, of a message or of a file's name as they are compared, pieces
of names for trigrams, and the signs by which matters are alike. Triggers keep it, so that whoever writes a
message need not know of it. An index over words and units together gives what the session sees alone: how
much of a word there is on other sides costs nothing, and tells nothing. No role has any right to the table.
"""

from importlib import import_module

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

from migrations import rights

revision = "0033"
down_revision = "0032"

_OLD = import_module("migrations.versions.0017_search")
OWNER_PATH = "SET search_path = pg_catalog, public, pg_temp"
PATH = f"SECURITY DEFINER {OWNER_PATH}"
# As in 0017: planned once for each connection, and never by reading every row.
PLANS = _OLD.PLANNED
PLANNED = " ".join(f"SET {name} = {value}" for name, value in PLANS.items())
# Trigrams live where no role but the owner's may call anything.
TRIGRAMS = "trigrams"
# What of one kind is fetched at most, before it is asked of the newest rows instead.
MANY = 8000

# Letters with marks, and those without that stand for them; å, ä and ö are letters of their own.
MARKED = (
    "ÀÁÂÃÇÈÉÊËÌÍÎÏÑÒÓÔÕÙÚÛÜÝØÆàáâãçèéêëìíîïñòóôõùúûüýÿøæĀāĂăĄąĆćČčĎďĐđĒēĖėĘęĚěĞğĢģĪīĮįİıĶķĹĺĻļĽľŁłŃńŅņŇň"
    "ŌōŐőŔŕŘřŚśŞşŠšŢţŤťŪūŮůŰűŲųŸŹźŻżŽžȘșȚț"
)
PLAIN = (
    "AAAACEEEEIIIINOOOOUUUUYÖÄaaaaceeeeiiiinoooouuuuyyöäAaAaAaCcCcDdDdEeEeEeEeGgGgIiIiIiKkLlLlLlLlNnNnNn"
    "OoOoRrRrSsSsSsTtTtUuUuUuUuYZzZzZzSsTt"
)
# A letter and the mark over it as two characters, as some machines write them.
APART = "".join(
    f", U&'{letter}\\{mark}', '{whole}')"
    for letter, mark, whole in (
        ("a", "030A", "å"), ("a", "0308", "ä"), ("o", "0308", "ö"),
        ("A", "030A", "Å"), ("A", "0308", "Ä"), ("O", "0308", "Ö"),
    )
)  # fmt: skip
JOINED = f"regexp_replace({'replace(' * 6}p_words{APART}, U&'[\\0300-\\036F]', '', 'g')"
# A number's digits, without the country and the first 0.
DIGITS = "regexp_replace(regexp_replace({}, '[^0-9]', '', 'g'), '^(0046|46|0)', '')"

# Where something stands. Of few units an index is asked together with the words; to ask it of every unit of
# the country costs more than to look at what was found.
FEW_UNITS = 12
STANDS = {True: "one.units && {units}", False: "(one.units || '{{}}'::text[]) && {units}"}

# One kind of finding: those rows that the session's units see, in any order.
ARM = """(SELECT one.matter_id, one.received_at, '{name}' AS arm FROM findable AS one
          WHERE one.kind IN ('matter', 'message', 'file') AND {matches} AND {stands}
            AND ({own} IS NULL OR EXISTS (SELECT FROM matter WHERE matter.id = one.matter_id
                                          AND matter.handler_id = {own} OFFSET 0))
          LIMIT {many})"""
MATCHES = {
    "said": "one.said @@ {said}",
    "contact": "one.contact @@ {named}",
    "part": "one.part LIKE {longest} AND one.part LIKE ALL ({likes})",
    "contact_part": "one.contact_part LIKE {longest} AND one.contact_part LIKE ALL ({likes})",
}
# By who wrote, one with a protected identity is found only where its contact may be seen.
CONTACT_OPEN = """EXISTS (
    SELECT FROM matter AS known WHERE known.id = one.matter_id
      AND ('protected_identity' <> ALL (known.flags) OR EXISTS (
          SELECT FROM matter_unit WHERE matter_unit.matter_id = known.id AND matter_unit.until IS NULL
             AND matter_unit.unit_id = ANY ({contact_units}) OFFSET 0)) OFFSET 0)"""
ARMS = " UNION ALL ".join(
    ARM.replace("{name}", name).replace("{matches}", matches) for name, matches in MATCHES.items()
)
# The matters of all kinds, the newest first. Whether a contact may be seen is asked of one after another.
NEWEST = """SELECT one.matter_id FROM (
                SELECT few.matter_id, few.received_at, bool_or(few.arm IN ('said', 'part')) AS is_said
                FROM few GROUP BY few.matter_id, few.received_at
                ORDER BY few.received_at DESC, few.matter_id DESC OFFSET 0) AS one
            WHERE one.is_said OR {open} LIMIT {most}"""
ANY = " OR ".join(
    f"({matches} AND {CONTACT_OPEN})" if name.startswith("contact") else f"({matches})"
    for name, matches in MATCHES.items()
)
GIVEN = {
    "said": "p_said", "named": "p_named", "longest": "p_longest", "likes": "p_likes", "units": "p_units",
    "contact_units": "p_contact_units", "own": "p_own",
}  # fmt: skip
ASKED = "p_units text[], p_contact_units text[], p_own uuid, p_said tsquery, p_named tsquery, p_longest text, p_likes text[]"
ASKED_TYPES = "text[], text[], uuid, tsquery, tsquery, text, text[]"
PASSED = "seen, contact_seen, mine, wanted, named, longest, likes"

STANDING = """ARRAY(SELECT DISTINCT matter_unit.unit_id FROM matter_unit
                WHERE matter_unit.matter_id = {} AND matter_unit.until IS NULL ORDER BY 1)"""
ROWS = {
    "matter": """SELECT its.id, 'matter', its.id, its.received_at, {standing}, said_words(its.subject, ''),
        contact_words(its.sender_name, its.sender_email, its.sender_phone),
        pieces(concat_ws(' ', its.reference, replace(its.reference, '-', ''), left(its.subject, 1000))),
        pieces(concat_ws(' ', left(its.sender_name, 1000), left(its.sender_email, 1000))) FROM {its} its""",
    "message": """SELECT its.id, 'message', its.matter_id, coalesce(matter.received_at, its.created_at), {standing},
        said_words(its.subject, its.text), contact_words(its.sender_name, its.sender_email, its.sender_phone),
        NULL, pieces(concat_ws(' ', left(its.sender_name, 1000), left(its.sender_email, 1000)))
        FROM {its} its LEFT JOIN matter ON matter.id = its.matter_id""",
    "attachment": """SELECT its.id, 'file', its.matter_id, coalesce(matter.received_at, its.created_at), {standing},
        said_words(regexp_replace(its.name, '[-._]+', ' ', 'g'), ''), NULL, pieces(left(its.name, 1000)), NULL
        FROM {its} its LEFT JOIN matter ON matter.id = its.matter_id""",
}  # fmt: skip
COLUMNS = "id, kind, matter_id, received_at, units, said, contact, part, contact_part"
TELLING = {
    "matter": "reference, subject, sender_name, sender_email, sender_phone, received_at",
    "message": "matter_id, subject, text, sender_name, sender_email, sender_phone",
    "attachment": "matter_id, name",
}


def rows_of(table: str, its: str) -> str:
    """Write the statement that makes the rows of a table's, or of one new row's."""
    own = "its.id" if table == "matter" else "its.matter_id"
    return ROWS[table].format(standing=STANDING.format(own), its=its)


def _keeping(table: str) -> str:
    after = ""
    if table == "matter":
        after = "UPDATE findable SET received_at = NEW.received_at WHERE matter_id = NEW.id AND received_at <> NEW.received_at;"
    if table == "message":
        # What was read out of the message goes with it.
        after = """UPDATE findable AS signs SET matter_id = said.matter_id, received_at = said.received_at, units = said.units
                   FROM findable AS said WHERE said.id = NEW.id AND said.kind = 'message' AND signs.id = NEW.id
                     AND signs.kind <> 'message' AND signs.matter_id <> said.matter_id;"""
    return f"""
        CREATE FUNCTION keep_found_{table}() RETURNS trigger LANGUAGE plpgsql {PATH} AS $$
        BEGIN
            INSERT INTO findable ({COLUMNS}) {rows_of(table, "(SELECT NEW.*)")}
            ON CONFLICT (id, kind) DO UPDATE SET matter_id = excluded.matter_id, received_at = excluded.received_at,
                units = excluded.units, said = excluded.said, contact = excluded.contact, part = excluded.part,
                contact_part = excluded.contact_part;
            {after}
            RETURN NULL;
        END
        $$
    """


def _gathered(*, is_few: bool) -> str:
    """Write the statement that finds what there is of each kind, and the newest matters of all kinds."""
    few = ARMS.format(
        said="wanted", named="named", longest="longest", likes="likes", own="mine", many=MANY + 1,
        stands=STANDS[is_few].format(units="seen"),
    )  # fmt: skip
    newest = NEWEST.format(open=CONTACT_OPEN.format(contact_units="contact_seen"), most="most")
    return f"""
                WITH few AS MATERIALIZED ({few})
                SELECT (SELECT max(count) FROM (SELECT count(*) FROM few GROUP BY few.arm) AS of_arm), ARRAY({newest})"""


WORDS: rights.Functions = {
    "folded(text)": (
        f"""
        CREATE FUNCTION folded(p_words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog AS $$
            SELECT CASE WHEN p_words ~ U&'[\\0300-\\036F{MARKED}]' THEN translate({JOINED}, '{MARKED}', '{PLAIN}')
                   ELSE p_words END
        $$
        """,
        (),
    ),
    # As names are compared piece by piece: small letters, and none of them with marks.
    "pieces(text)": (
        f"""
        CREATE FUNCTION pieces(p_words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE {OWNER_PATH} AS $$
            SELECT translate(lower(folded(p_words)), 'åäö', 'aao')
        $$
        """,
        (),
    ),
    "said_words(text, text)": (
        f"""
        CREATE FUNCTION said_words(p_subject text, p_text text) RETURNS tsvector
        LANGUAGE sql IMMUTABLE PARALLEL SAFE {OWNER_PATH} AS $$
            SELECT to_tsvector('pg_catalog.swedish',
                folded(left(p_subject, 1000) || ' ' || left(p_text, {_OLD.TEXT_CHARACTERS})))
        $$
        """,
        (),
    ),
    "contact_words(text, text, text)": (
        f"""
        CREATE FUNCTION contact_words(p_name text, p_email text, p_phone text) RETURNS tsvector
        LANGUAGE sql IMMUTABLE PARALLEL SAFE {OWNER_PATH} AS $$
            SELECT to_tsvector('pg_catalog.simple', folded(
                left(coalesce(p_name, ''), 1000) || ' ' || left(coalesce(p_email, ''), 1000) || ' ' ||
                {DIGITS.format("left(coalesce(p_phone, ''), 100)")}))
        $$
        """,
        (),
    ),
    # What is looked for in texts. A word with a star is one that others begin with: of its stem, if it has
    # one, since that is what stands in the index.
    "said_query(text)": (
        f"""
        CREATE FUNCTION said_query(p_words text) RETURNS tsquery LANGUAGE plpgsql IMMUTABLE {OWNER_PATH} AS $$
        DECLARE
            words text := folded(p_words);
            begun text[];
        BEGIN
            FOR begun IN SELECT DISTINCT regexp_matches(words, '([^][:space:]*"''()&|!:<>\\\\.@/+,;?=%#_-]{{2,40}})[*]', 'g') LOOP
                words := replace(words, begun[1] || '*', coalesce(
                    (ts_lexize('pg_catalog.swedish_stem', lower(begun[1])))[1], lower(begun[1])) || '0begun0 ');
            END LOOP;
            RETURN regexp_replace(websearch_to_tsquery('swedish', words)::text, '0begun0''', ''':*', 'g')::tsquery;
        END
        $$
        """,
        (),
    ),
    # What is looked for among contacts; what looks like a number is looked for as one too.
    "contact_query(text)": (
        f"""
        CREATE FUNCTION contact_query(p_words text) RETURNS tsquery LANGUAGE sql IMMUTABLE {OWNER_PATH} AS $$
            SELECT websearch_to_tsquery('simple', folded(p_words)) || CASE
                WHEN p_words ~ '^[-+(). /0-9]{{6,30}}$' THEN plainto_tsquery('simple', {DIGITS.format("p_words")})
                ELSE ''::tsquery END
        $$
        """,
        (),
    ),
    # What is looked for as pieces of names: each word, longest first, where no word says more than itself
    # and one of them is long enough to be found by.
    "piece_patterns(text)": (
        f"""
        CREATE FUNCTION piece_patterns(p_words text) RETURNS text[] LANGUAGE sql IMMUTABLE {OWNER_PATH} AS $$
            SELECT CASE WHEN p_words ~* '"|(^|[[:space:]])(-|or([[:space:]]|$))' THEN NULL ELSE (
                SELECT array_agg('%' || regexp_replace(word, '([%_\\\\])', '\\\\\\1', 'g') || '%' ORDER BY length(word) DESC)
                FROM regexp_split_to_table(pieces(left(p_words, 200)), '[[:space:]*,;]+') AS word WHERE word <> ''
                HAVING bool_or(word ~ '[[:alnum:]]{{3}}|[[:alnum:]]{{2}}-[[:alnum:]]{{2}}')) END
        $$
        """,
        (),
    ),
}
FINDING: rights.Functions = {
    # Those with the newest matters that match, as many as are wanted: one after another, by their time.
    f"search_newest({ASKED_TYPES}, integer)": (
        f"""
        CREATE FUNCTION search_newest({ASKED}, p_most integer) RETURNS uuid[]
        LANGUAGE plpgsql STABLE {PATH} {PLANNED} SET enable_bitmapscan = off SET enable_sort = off AS $$
        DECLARE
            found uuid[] := '{{}}';
            each uuid;
        BEGIN
            FOR each IN
                SELECT one.matter_id FROM findable AS one
                WHERE one.units && p_units AND ({ANY.format(**GIVEN)})
                  AND (p_own IS NULL OR EXISTS (SELECT FROM matter WHERE matter.id = one.matter_id
                                                AND matter.handler_id = p_own OFFSET 0))
                ORDER BY one.received_at DESC, one.matter_id DESC
            LOOP
                CONTINUE WHEN each = found[cardinality(found)];
                found := found || each;
                EXIT WHEN cardinality(found) >= p_most;
            END LOOP;
            RETURN found;
        END
        $$
        """,
        (),
    ),
    # The matters of the session's units in which these words stand, the newest first, and where they stand:
    # of the text only where the subject alone does not say it.
    "search_matters(uuid, integer)": (
        f"""
        CREATE FUNCTION search_matters(p_search uuid, p_most integer)
        RETURNS TABLE (reference text, subject text, category text, unit_id text, received_at timestamptz,
                       priority integer, status text, is_marked boolean, places text[])
        LANGUAGE plpgsql STABLE {PATH} {PLANNED} SET enable_seqscan = off AS $$
        #variable_conflict use_column
        DECLARE
            person uuid;
            sought text;
            mine uuid;
            wanted tsquery;
            named tsquery;
            likes text[];
            longest text;
            seen text[];
            contact_seen text[];
            most integer := least(p_most, 1000);
            largest bigint;
            ids uuid[];
        BEGIN
            -- Asked once: each question about the session costs as much as finding a rare word.
            SELECT look.handler_id, look.words, CASE look.what WHEN 'search:mine' THEN look.handler_id END
            INTO person, sought, mine
            FROM committed_look(p_search, '^search:', interval '10 minutes') AS look;
            IF NOT FOUND THEN RETURN; END IF;
            seen := (SELECT units_of(person, {_OLD.SEEING}));
            contact_seen := (SELECT units_of(person, {_OLD.CONTACT_SEEING}));
            -- What only says which words must not stand there would read everything there is.
            wanted := said_query(sought);
            IF querytree(wanted) IN ('', 'T') THEN wanted := ''; END IF;
            named := contact_query(sought);
            IF querytree(named) IN ('', 'T') THEN named := ''; END IF;
            likes := piece_patterns(sought);
            longest := likes[1];
            IF cardinality(seen) <= {FEW_UNITS} THEN
                {_gathered(is_few=True)} INTO largest, ids;
            ELSE
                {_gathered(is_few=False)} INTO largest, ids;
            END IF;
            IF largest > {MANY} THEN ids := search_newest({PASSED}, most); END IF;
            RETURN QUERY
                SELECT hit.reference, hit.subject, hit.category, hit.unit_id, hit.received_at, hit.priority, hit.status,
                    'secrecy_mark' = ANY (hit.flags), array_remove(ARRAY[
                        CASE WHEN pieces(concat_ws(' ', hit.reference, replace(hit.reference, '-', ''))) LIKE ALL (likes) THEN 'reference' END,
                        CASE WHEN its.subject OR pieces(hit.subject) LIKE ALL (likes) THEN 'subject' END,
                        CASE WHEN its.contact AND (SELECT {CONTACT_OPEN.format(contact_units="contact_seen")} FROM (SELECT hit.id AS matter_id) AS one) THEN 'contact' END,
                        CASE WHEN its.file THEN 'file' END,
                        CASE WHEN its.message AND NOT its.subject THEN 'text' END], NULL)
                FROM unnest(ids) WITH ORDINALITY AS place (id, nth) JOIN matter AS hit ON hit.id = place.id
                CROSS JOIN LATERAL (
                    SELECT coalesce(bool_or(one.kind = 'matter' AND one.said @@ wanted), false) AS subject,
                           coalesce(bool_or(one.contact @@ named OR one.contact_part LIKE ALL (likes)), false) AS contact,
                           coalesce(bool_or(one.kind = 'file' AND (one.said @@ wanted OR one.part LIKE ALL (likes))), false) AS file,
                           coalesce(bool_or(one.kind = 'message' AND one.said @@ wanted), false) AS message
                    FROM findable AS one WHERE one.matter_id = hit.id) AS its
                WHERE EXISTS (
                    SELECT FROM matter_unit WHERE matter_unit.matter_id = hit.id
                    AND matter_unit.until IS NULL AND matter_unit.unit_id = ANY (seen) OFFSET 0)
                ORDER BY place.nth;
        END
        $$
        """,
        ("handler",),
    ),
}  # fmt: skip
KEEPING: rights.Functions = {
    **{f"keep_found_{table}()": (_keeping(table), ()) for table in ROWS},
    "keep_found_units()": (
        f"""
        CREATE FUNCTION keep_found_units() RETURNS trigger LANGUAGE plpgsql {PATH} AS $$
        DECLARE
            its uuid := coalesce(NEW.matter_id, OLD.matter_id);
            standing text[] := {STANDING.format("its")};
        BEGIN
            UPDATE findable SET units = standing WHERE findable.matter_id = its AND findable.units <> standing;
            RETURN NULL;
        END
        $$
        """,
        (),
    ),
}
# Of a word that stands in more than so many matters nothing follows; so many of another sign are told one by one.
RARE, LISTED = 50, 500
# A sign is in few matters, or is soon found in enough of them: an index of units is asked for fewer of them.
FEW_UNITS_OF_SIGNS = 3
# What matters may have in common, and how much each says; words only together.
WEIGHTS = """(VALUES ('iban', 60), ('phone', 50), ('email', 50), ('web', 40), ('word', 10)) AS weight (kind, weighs)"""
WORDS_IN_COMMON = 3
# Those that the session sees of the matters with one sign. Nothing is told of or within a walled unit.
WITH_SIGN = f"""SELECT {{distinct}} one.matter_id, one.received_at FROM findable AS one
                        WHERE one.signs IS NOT NULL AND one.signs @> ARRAY[own.sign] AND {{stands}}
                          AND NOT one.units && walled AND one.matter_id <> p_matter
                          AND (one.kind = 'signs' OR {CONTACT_OPEN.format(contact_units="contact_seen")})"""


def _alike(*, is_few: bool) -> str:
    """Write the statement that finds what has a matter's signs, and how many of each."""
    stands = STANDS[is_few].format(units="seen")
    each, every = (WITH_SIGN.format(distinct=how, stands=stands) for how in ("", "DISTINCT"))
    return f"""
                WITH own AS MATERIALIZED (
                    SELECT DISTINCT sign, split_part(sign, ':', 1) AS kind FROM findable AS one, unnest(one.signs) AS sign
                    WHERE one.matter_id = p_matter AND (one.kind = 'signs' OR {CONTACT_OPEN.format(contact_units="contact_seen")})
                    LIMIT 100
                ), hit AS MATERIALIZED (
                    SELECT own.sign, own.kind, other.matter_id, other.received_at
                    FROM own CROSS JOIN LATERAL ({each} LIMIT {RARE + 1}) AS other WHERE own.kind = 'word'
                    UNION ALL
                    SELECT own.sign, own.kind, other.matter_id, other.received_at
                    FROM own CROSS JOIN LATERAL ({every} ORDER BY received_at DESC LIMIT {LISTED}) AS other
                    WHERE own.kind <> 'word'
                ), told AS (
                    SELECT hit.matter_id, hit.received_at, hit.kind, count(DISTINCT hit.sign) AS many FROM hit
                    WHERE hit.kind <> 'word' OR (SELECT count(*) FROM hit AS same WHERE same.sign = hit.sign) <= {RARE}
                    GROUP BY hit.matter_id, hit.received_at, hit.kind
                )
                (SELECT told.matter_id, array_agg(told.kind ORDER BY weighs DESC, told.kind), NULL::bigint
                 FROM told JOIN {WEIGHTS} USING (kind) WHERE told.kind <> 'word' OR told.many >= {WORDS_IN_COMMON}
                 GROUP BY told.matter_id, told.received_at
                 ORDER BY sum(weighs + CASE WHEN told.kind = 'word' THEN told.many ELSE 0 END) DESC,
                          told.received_at DESC, told.matter_id LIMIT least(p_most, 50))
                UNION ALL
                (SELECT NULL, ARRAY[wave.kind], max(wave.many) FROM (
                     SELECT hit.kind, count(*) AS many FROM hit
                     WHERE hit.kind IN ('iban', 'web')
                       AND hit.received_at BETWEEN own_at - interval '1 day' AND own_at + interval '1 day'
                     GROUP BY hit.kind, hit.sign) AS wave GROUP BY wave.kind)"""


LIKENESS: rights.Functions = {
    # The stems of a message's words, without those that say nothing.
    "message_stems(uuid)": (
        f"""
        CREATE FUNCTION message_stems(p_message uuid) RETURNS text[] LANGUAGE sql STABLE {PATH} AS $$
            SELECT tsvector_to_array(findable.said) FROM findable
            WHERE findable.id = p_message AND findable.kind = 'message'
        $$
        """,
        ("worker",),
    ),
    # What was read out of a message stands in place of what was read of it before: what it says, and who sent it.
    "keep_signs(uuid, text[], text[])": (
        f"""
        CREATE FUNCTION keep_signs(p_message uuid, p_said text[], p_contact text[]) RETURNS void LANGUAGE sql {PATH} AS $$
            INSERT INTO findable (id, kind, matter_id, received_at, units, signs)
            SELECT message.id, its.kind, message.matter_id, matter.received_at, {STANDING.format("message.matter_id")}, its.signs
            FROM message JOIN matter ON matter.id = message.matter_id
            CROSS JOIN (VALUES ('signs', p_said), ('contact_signs', p_contact)) AS its (kind, signs)
            WHERE message.id = p_message
            ON CONFLICT (id, kind) DO UPDATE SET signs = excluded.signs
        $$
        """,
        ("worker",),
    ),
    # The matters most like one that the session has opened, the likest first, and what they have in common:
    # and in rows without an id how many others came within a day with the same account or address.
    "similar_matters(uuid, integer)": (
        f"""
        CREATE FUNCTION similar_matters(p_matter uuid, p_most integer) RETURNS TABLE (id uuid, how text[], others bigint)
        LANGUAGE plpgsql STABLE {PATH} {PLANNED} SET enable_seqscan = off AS $$
        #variable_conflict use_column
        DECLARE
            walled text[] := ARRAY(SELECT unit.id FROM unit WHERE unit.is_walled);
            seen text[] := session_units();
            contact_seen text[] := units_of(session_handler(), {_OLD.CONTACT_SEEING});
            own_at timestamptz;
        BEGIN
            IF NOT opens(p_matter, session_id(), seen) THEN RETURN; END IF;
            SELECT received_at INTO own_at FROM matter WHERE matter.id = p_matter
                AND NOT walled && {STANDING.format("p_matter")};
            IF NOT FOUND THEN RETURN; END IF;
            IF cardinality(seen) <= {FEW_UNITS_OF_SIGNS} THEN
                RETURN QUERY {_alike(is_few=True)};
            ELSE
                RETURN QUERY {_alike(is_few=False)};
            END IF;
        END
        $$
        """,
        ("handler",),
    ),
}
INDEXES = {
    "ix_findable_words": (
        "USING gin (said, contact, part {0}.gin_trgm_ops, contact_part {0}.gin_trgm_ops, units)"
        " WITH (gin_pending_list_limit = 512) WHERE kind IN ('matter', 'message', 'file')"
    ),
    "ix_findable_signs": (
        "USING gin (signs, units) WITH (gin_pending_list_limit = 512) WHERE signs IS NOT NULL"
    ),
    "ix_findable_received_at_matter_id": "(received_at, matter_id)",
    "ix_findable_matter_id": "(matter_id)",
}


def upgrade() -> None:
    """Make the rows of what may be found, of all that stands, and search by them."""
    schema = _trigrams()
    for name in _OLD.INDEXES:
        op.execute(f"DROP INDEX {name}")
    rights.drop_functions(_OLD.FUNCTIONS)
    op.create_table(
        "findable",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("matter_id", sa.Uuid(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("units", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("said", TSVECTOR(), nullable=True),
        sa.Column("contact", TSVECTOR(), nullable=True),
        sa.Column("part", sa.Text(), nullable=True),
        sa.Column("contact_part", sa.Text(), nullable=True),
        sa.Column("signs", sa.ARRAY(sa.Text()), nullable=True),
        sa.CheckConstraint(
            "kind IN ('matter', 'message', 'file', 'signs', 'contact_signs')", name=op.f("ck_findable_kind")
        ),
        sa.PrimaryKeyConstraint("id", "kind", name=op.f("pk_findable")),
    )
    # The words of a message lie beside its row, so that many rows are gone through quickly.
    op.execute("ALTER TABLE findable ALTER COLUMN said SET STORAGE EXTERNAL")
    op.execute("ALTER TABLE findable SET (toast_tuple_target = 256)")
    # No role but the owner's has any right to it, and should one get one by mistake, no row is shown.
    rights.wall({"findable": {}})
    for functions in (WORDS, FINDING, KEEPING, LIKENESS):
        rights.make_functions(functions)
    for table, columns in TELLING.items():
        op.execute(
            f"CREATE TRIGGER keep_found AFTER INSERT OR UPDATE OF {columns} ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION keep_found_{table}()"
        )
    op.execute(
        "CREATE TRIGGER keep_found AFTER INSERT OR DELETE OR UPDATE OF unit_id, until, matter_id ON matter_unit"
        " FOR EACH ROW EXECUTE FUNCTION keep_found_units()"
    )
    # Only now, when nothing more comes in beside it, is it known what stands.
    for table in ROWS:
        op.execute(f"INSERT INTO findable ({COLUMNS}) {rows_of(table, table)}")
    for name, how in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON findable {how.format(schema)}")
    # What stands already is read by workers, after whatever else they have to do.
    op.execute(
        "INSERT INTO job (id, kind, dedupe, subject_id, created_at, due_at, sends, attempts)"
        " SELECT gen_random_uuid(), 'read_signs', 'read_signs:' || id, id, now(), now(), 0, 0"
        " FROM message WHERE direction = 'incoming'"
    )


def _trigrams() -> str:
    """Make the extension where nobody else may call it, unless the database has it; return its schema."""
    asked = "SELECT nspname FROM pg_extension JOIN pg_namespace ns ON ns.oid = extnamespace WHERE extname = 'pg_trgm'"
    found = op.get_bind().exec_driver_sql(asked).scalar()
    if found:
        return f'"{found}"'
    op.execute(f"CREATE SCHEMA {TRIGRAMS}")
    op.execute(f"CREATE EXTENSION pg_trgm SCHEMA {TRIGRAMS}")
    return TRIGRAMS


def downgrade() -> None:
    """Search by the tables themselves, as before."""
    op.execute("DELETE FROM job WHERE kind = 'read_signs'")
    for table in (*TELLING, "matter_unit"):
        op.execute(f"DROP TRIGGER keep_found ON {table}")
    for functions in (LIKENESS, KEEPING, FINDING):
        rights.drop_functions(functions)
    op.drop_table("findable")
    rights.drop_functions(WORDS)
    if op.get_bind().exec_driver_sql(f"SELECT to_regnamespace('{TRIGRAMS}') IS NOT NULL").scalar():
        op.execute("DROP EXTENSION pg_trgm")
        op.execute(f"DROP SCHEMA {TRIGRAMS}")
    rights.make_functions(_OLD.FUNCTIONS)
    for name, what in _OLD.INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON {what} {_OLD.PENDING}")
        # No plan tells of words on another side (0022).
        for number in (1, 2):
            op.execute(f"ALTER INDEX {name} ALTER COLUMN {number} SET STATISTICS 0")
