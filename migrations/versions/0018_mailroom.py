"""The mailroom behind the wall: its journal, counts and tasks by functions that tell nothing of content.

An operator is told where letters are, of all regions. Who wrote, and of what, is content: it is read as
any other, where the session sees the matter and has looked at it. Of what came to a walled unit nobody is
told who has no seat there, and of a letter in a matter that the session sees, nothing of its other sides.
"""

import sqlalchemy as sa
from alembic import op

from migrations import rights, role_name

revision = "0018"
down_revision = "0017"

# Where a letter lay tells of the side to which it came; functions tell what may be told of it.
TAKEN = {"handler": {"fetched": "SELECT"}}
TOLD_OF_MAILBOXES = """keeps_mail() AND fetched.mailbox <> ALL ((SELECT hidden_mailboxes())::text[])
              AND (fetched.letter_id IS NULL OR is_told_whole(fetched.letter_id))"""
# Everything but to whom of us a letter came, which may be other sides too.
READ = (
    "id, storage_key, size_bytes, sha256, envelope_from, trace, received_at, parsed_at, message_id_header,"
    " sender_email, body_digest, problems, sent_at, automatic_reason, authentication, report"
)
INSIDE = "LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp"
DEFINER = "LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
ASKED = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
BOTH = ("handler", "worker")
# Asked once for a statement: the units that the session sees, and the walls before which it stands.
ASKS = """asks AS MATERIALIZED (
                SELECT session_units() AS units, walled, ARRAY(SELECT 'side:' || code FROM unnest(walled) AS code)
                    AS sides FROM walled_off() AS walled
            )"""
# The condition that a letter came to somewhere that is told, or is seen by now. The limits keep it to the
# arrivals of one letter at a time, by their index, where all of them would be read at once.
TOLD = """({walled} = '{{}}' OR (
                SELECT true FROM arrival LEFT JOIN mail_address ON mail_address.id = arrival.address_id
                WHERE arrival.letter_id = {letter} AND arrival.destination <> ALL ({sides})
                AND (arrival.address_id IS NULL
                     OR NOT is_behind(arrival.destination, mail_address.matter_id, {walled})) LIMIT 1
            ) IS TRUE OR (
                SELECT true FROM arrival LEFT JOIN arrival first ON first.id = arrival.duplicate_of_id
                JOIN message ON message.id = coalesce(arrival.message_id, first.message_id)
                JOIN matter_unit ON matter_unit.matter_id = message.matter_id
                WHERE arrival.letter_id = {letter} AND matter_unit.until IS NULL
                AND matter_unit.unit_id = ANY ({units}) LIMIT 1) IS TRUE)"""


def _told(letter: str) -> str:
    return TOLD.format(letter=letter, units="asks.units", walled="asks.walled", sides="asks.sides")


def _functions() -> rights.Functions:
    database = str(op.get_bind().exec_driver_sql("SELECT current_database()").scalar())
    owner, worker = (role_name(database, role).replace("'", "''") for role in ("owner", "worker"))
    is_machine = (
        f"(pg_has_role(session_user, '{owner}', 'MEMBER') OR pg_has_role(session_user, '{worker}', 'MEMBER'))"
    )
    return {
        # Who is told where letters are: the machine itself, and an operator.
        "keeps_mail()": (
            f"""
            CREATE FUNCTION keeps_mail() RETURNS boolean {DEFINER} AS $$
                SELECT {is_machine} OR session_has('operator')
            $$
            """,
            (),
        ),
        # The walled units in which the session's person has no seat at all.
        "walled_off()": (
            f"""
            CREATE FUNCTION walled_off() RETURNS text[] {DEFINER} AS $$
                SELECT coalesce(array_agg(unit.id), '{{}}') FROM unit
                WHERE unit.is_walled AND NOT {is_machine} AND NOT EXISTS (
                    SELECT FROM membership WHERE membership.unit_id = unit.id
                    AND membership.handler_id = session_handler())
            $$
            """,
            (),
        ),
        **RULES,
        **FUNCTIONS,
    }


# What the others are made of: nobody calls these but they.
RULES: dict[str, tuple[str, tuple[str, ...]]] = {
    "side_of(unit)": (
        f"""
        CREATE FUNCTION side_of(p_unit unit) RETURNS text {INSIDE} AS $$
            SELECT 'side:' || CASE WHEN p_unit.is_walled THEN p_unit.id
                                   ELSE coalesce(p_unit.region, 'nationell') END
        $$
        """,
        (),
    ),
    # Whether a destination, or the matter to which its address leads, is behind one of these walls.
    "is_behind(text, uuid, text[])": (
        f"""
        CREATE FUNCTION is_behind(p_destination text, p_leads_to uuid, p_walled text[]) RETURNS boolean {INSIDE} AS $$
            SELECT p_walled <> '{{}}' AND (
                p_destination IN (SELECT 'side:' || code FROM unnest(p_walled) AS code)
                OR EXISTS (SELECT FROM matter_unit
                           WHERE matter_unit.matter_id IN (p_leads_to, surviving_matter(p_leads_to))
                           AND matter_unit.until IS NULL AND matter_unit.unit_id = ANY (p_walled)))
        $$
        """,
        (),
    ),
    # What each letter became at each destination, and whether the session sees that, or may not hear of it.
    "sides_of_letters(uuid[], text[], text[])": (
        f"""
        CREATE FUNCTION sides_of_letters(p_letters uuid[], p_units text[], p_walled text[])
        RETURNS TABLE (letter_id uuid, destination text, is_message boolean, is_copy boolean,
                       message_id uuid, matter_id uuid, is_seen boolean, is_walled boolean, names_writer boolean)
        {INSIDE} AS $$
            SELECT side.*, bool_or(side.is_seen) OVER (PARTITION BY side.letter_id) FROM (
                SELECT arrival.letter_id, arrival.destination, arrival.message_id IS NOT NULL AS is_message,
                       arrival.duplicate_of_id IS NOT NULL AS is_copy, message.id, message.matter_id,
                       EXISTS (SELECT FROM matter_unit WHERE matter_unit.matter_id = message.matter_id
                               AND matter_unit.until IS NULL AND matter_unit.unit_id = ANY (p_units)) AS is_seen,
                       is_behind(arrival.destination, mail_address.matter_id, p_walled) AS is_walled
                FROM arrival
                LEFT JOIN arrival first ON first.id = arrival.duplicate_of_id
                LEFT JOIN message ON message.id = coalesce(arrival.message_id, first.message_id)
                LEFT JOIN mail_address ON mail_address.id = arrival.address_id
                WHERE arrival.letter_id = ANY (p_letters)
            ) AS side
        $$
        """,
        (),
    ),
    "is_told(uuid)": (
        f"""
        CREATE FUNCTION is_told(p_letter uuid) RETURNS boolean {INSIDE} COST 1000 AS $$
            WITH {ASKS}
            SELECT {_told("p_letter")} FROM asks
        $$
        """,
        (),
    ),
    # The addresses of ours by which letters came, as far as they are told, each with where it led then.
    "addresses_of(uuid[], text[], text[])": (
        f"""
        CREATE FUNCTION addresses_of(p_letters uuid[], p_units text[], p_walled text[])
        RETURNS TABLE (letter_id uuid, destination text, name text, place bigint, matter_id uuid)
        {INSIDE} AS $$
            WITH side AS (SELECT * FROM sides_of_letters(p_letters, p_units, p_walled)),
            led AS (
                SELECT letter.id, named.name, named.place, leads.matter_id,
                       CASE WHEN leads.id IS NOT NULL THEN 'address:' || leads.id
                            ELSE side_of(unit) END AS destination
                FROM letter
                CROSS JOIN unnest(letter.envelope_to) WITH ORDINALITY AS named (name, place)
                CROSS JOIN lower(split_part(named.name, '@', 1)) AS box
                LEFT JOIN unit ON unit.mail_local = split_part(box, '+', 1)
                LEFT JOIN mail_address leads ON leads.token = split_part(box, '+', 2) AND unit.id IS NULL
                    AND (leads.revoked_at IS NULL OR leads.revoked_at > letter.received_at)
                WHERE letter.id = ANY (p_letters)
            )
            SELECT led.id, led.destination, led.name, led.place, side.matter_id FROM led
            LEFT JOIN side ON side.letter_id = led.id AND side.destination = led.destination
            WHERE side.is_seen OR NOT is_behind(led.destination, led.matter_id, p_walled) AND NOT EXISTS (
                SELECT FROM side AS other WHERE other.letter_id = led.id AND other.names_writer)
        $$
        """,
        (),
    ),
    "is_address(text, text)": (
        """
        CREATE FUNCTION is_address(p_name text, p_asked text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
            SELECT CASE WHEN p_asked LIKE '%@%' THEN lower(p_name) = p_asked
                ELSE p_asked IN (split_part(lower(p_name), '@', 1),
                                 split_part(split_part(lower(p_name), '@', 1), '+', 1)) END
        $$
        """,
        (),
    ),
    "is_told_job(text, uuid)": (
        f"""
        CREATE FUNCTION is_told_job(p_kind text, p_subject uuid) RETURNS boolean {INSIDE} COST 1000 AS $$
            SELECT CASE
                WHEN p_kind = 'parse_letter' THEN is_told(p_subject)
                WHEN p_kind = 'send_letter' THEN EXISTS (
                    SELECT FROM outgoing_letter WHERE outgoing_letter.id = p_subject
                    AND NOT is_behind('', outgoing_letter.matter_id, walled_off()))
                ELSE false END
        $$
        """,
        (),
    ),
    # Where a letter goes that a handler brings: an inbox, and what the tokens in its headers lead to.
    "brought_to(text, text[])": (
        f"""
        CREATE FUNCTION brought_to(p_unit text, p_tokens text[])
        RETURNS TABLE (destination text, unit_id text, address_id uuid, is_unknown boolean) {INSIDE} AS $$
            SELECT DISTINCT ON (destination) * FROM (
                SELECT side_of(unit) AS destination, unit.id, NULL::uuid, false FROM unit WHERE unit.id = p_unit
                UNION ALL
                SELECT coalesce('address:' || leads.id, side_of(national)), national.id, leads.id,
                       leads.id IS NULL
                FROM unit AS national CROSS JOIN unnest(p_tokens) AS given (token)
                LEFT JOIN mail_address leads ON leads.token = given.token AND leads.revoked_at IS NULL
                WHERE national.kind = 'inkorg' AND national.region IS NULL
            ) AS known (destination, unit_id, address_id, is_unknown)
            ORDER BY destination, is_unknown
        $$
        """,
        (),
    ),
}  # fmt: skip

FUNCTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    # The journal, the newest first: nothing in it was written by whoever wrote the letter.
    "letter_journal(text, text, text, timestamptz, timestamptz, boolean, timestamptz, uuid, integer)": (
        f"""
        CREATE FUNCTION letter_journal(
            p_address text, p_digest text, p_message_id text, p_since timestamptz, p_until timestamptz,
            p_problems boolean, p_before timestamptz, p_before_id uuid, p_most integer)
        RETURNS TABLE (id uuid, received_at timestamptz, way text, size_bytes bigint, sha256 text,
                       is_read boolean, problems integer, job_id uuid, error text)
        {ASKED} AS $$
        BEGIN
            IF NOT keeps_mail() THEN RETURN; END IF;
            -- Planned anew for each search: each has an index of its own.
            RETURN QUERY EXECUTE $query$
                SELECT letter.id, letter.received_at, letter.trace ->> 'protocol', letter.size_bytes,
                       letter.sha256, letter.parsed_at IS NOT NULL, cardinality(letter.problems),
                       stuck.id, stuck.last_error
                FROM letter LEFT JOIN LATERAL (
                    -- By its unique name, and not among all that are stuck.
                    SELECT job.id, job.last_error FROM job
                    WHERE job.dedupe = 'parse_letter:' || letter.id AND job.stuck_at IS NOT NULL LIMIT 1
                ) AS stuck ON true
                WHERE ($1 IS NULL OR EXISTS (SELECT FROM unnest(letter.envelope_to) AS own (name)
                                             WHERE is_address(own.name, $1)))
                  AND ($2 IS NULL OR md5(letter.sha256) = md5($2))
                  AND ($3 IS NULL OR md5(letter.message_id_header) = md5($3))
                  AND ($4 IS NULL OR letter.received_at >= $4)
                  AND ($5 IS NULL OR letter.received_at < $5)
                  AND (NOT $6 OR cardinality(letter.problems) > 0)
                  AND ($7 IS NULL OR (letter.received_at, letter.id) < ($7, $8))
                  -- What costs most is asked last, of those that all else lets through.
                  AND CASE WHEN NOT {TOLD.format(letter="letter.id", units="$10", walled="$11", sides="$12")}
                      THEN false ELSE $1 IS NULL OR EXISTS (
                          SELECT FROM addresses_of(ARRAY[letter.id], $10, $11) AS told
                          WHERE is_address(told.name, $1)) END
                ORDER BY letter.received_at DESC, letter.id DESC LIMIT $9
            $query$ USING p_address, p_digest, p_message_id, p_since, p_until, p_problems, p_before,
                p_before_id, least(p_most, 1000), session_units(), walled_off(),
                ARRAY(SELECT 'side:' || code FROM unnest(walled_off()) AS code);
        END
        $$
        """,
        BOTH,
    ),
    # What letters became: at every destination for whoever keeps the mail, and for everybody in the
    # matters that the session sees. Only those are named.
    "letter_outcomes(uuid[])": (
        f"""
        CREATE FUNCTION letter_outcomes(p_letters uuid[])
        RETURNS TABLE (letter_id uuid, destination text, is_message boolean, is_copy boolean,
                       message_id uuid, matter_id uuid)
        {DEFINER} AS $$
            SELECT side.letter_id, side.destination, side.is_message, side.is_copy,
                   CASE WHEN side.is_seen THEN side.message_id END, CASE WHEN side.is_seen THEN side.matter_id END
            FROM sides_of_letters(p_letters, session_units(), walled_off()) AS side
            WHERE side.is_seen OR NOT side.is_walled AND NOT side.names_writer AND keeps_mail()
            ORDER BY side.letter_id, side.destination
        $$
        """,
        BOTH,
    ),
    # The addresses by which letters came; a matter's own without what opens it. Whoever does not keep the
    # mail is told of those that led into a matter after a look at it.
    "told_addresses(uuid[])": (
        f"""
        CREATE FUNCTION told_addresses(p_letters uuid[])
        RETURNS TABLE (letter_id uuid, destination text, name text) {DEFINER} AS $$
            SELECT told.letter_id, told.destination,
                   regexp_replace(told.name, '[+](.{{0,4}})[^@]*@', '+\\1' || chr(8230) || '@')
            FROM addresses_of(p_letters, session_units(), walled_off()) AS told
            WHERE keeps_mail() OR EXISTS (
                SELECT FROM session_look WHERE session_look.session_id = session_id()
                AND session_look.matter_id = told.matter_id AND age(session_look.xmin) > 0)
            ORDER BY told.letter_id, told.place
        $$
        """,
        BOTH,
    ),
    "is_told_whole(uuid)": (
        f"""
        CREATE FUNCTION is_told_whole(p_letter uuid) RETURNS boolean {DEFINER} COST 1000 AS $$
            SELECT keeps_mail() AND NOT EXISTS (
                SELECT FROM sides_of_letters(ARRAY[p_letter], session_units(), walled_off()) AS side
                WHERE NOT side.is_seen AND (side.is_walled OR side.names_writer))
        $$
        """,
        ("handler",),
    ),
    # The mailboxes of walled units in which the session's person has no seat.
    "hidden_mailboxes()": (
        f"""
        CREATE FUNCTION hidden_mailboxes() RETURNS text[] {DEFINER} AS $$
            SELECT coalesce(array_agg(mailbox_state.mailbox), '{{}}') FROM mailbox_state
            JOIN unit ON unit.mail_local = split_part(lower(mailbox_state.address), '@', 1)
            WHERE unit.id = ANY (walled_off())
        $$
        """,
        (),
    ),
    # The few letters of many in mailboxes that are not both ours and out of the way; not those that lie
    # there under another number by now.
    "letters_left()": (
        f"""
        CREATE FUNCTION letters_left() RETURNS SETOF fetched {DEFINER} AS $$
            SELECT fetched.* FROM fetched
            WHERE (fetched.outcome <> 'stored' OR fetched.moved_at IS NULL) AND {TOLD_OF_MAILBOXES}
              AND (fetched.outcome = 'gone' OR NOT EXISTS (
                  SELECT FROM mailbox_state WHERE mailbox_state.mailbox = fetched.mailbox
                  AND mailbox_state.uidvalidity <> fetched.uidvalidity))
        $$
        """,
        BOTH,
    ),
    # Where letters lay; the same bytes may be another side's letter.
    "letter_uids(uuid[])": (
        f"""
        CREATE FUNCTION letter_uids(p_letters uuid[])
        RETURNS TABLE (letter_id uuid, mailbox text, uid bigint) {DEFINER} AS $$
            SELECT fetched.letter_id, fetched.mailbox, fetched.uid
            FROM letter JOIN fetched ON fetched.digest = letter.sha256 AND fetched.letter_id = letter.id
            WHERE letter.id = ANY (p_letters) AND {TOLD_OF_MAILBOXES}
            ORDER BY fetched.mailbox, fetched.uid
        $$
        """,
        BOTH,
    ),
    # When a letter last came in, by its way, among so many of the newest.
    "last_letters(integer)": (
        f"""
        CREATE FUNCTION last_letters(p_most integer) RETURNS TABLE (way text, at timestamptz) {DEFINER} AS $$
            WITH {ASKS},
            last AS MATERIALIZED (
                SELECT letter.id, letter.trace ->> 'protocol' AS way, letter.received_at FROM letter
                ORDER BY letter.received_at DESC, letter.id DESC LIMIT p_most
            )
            SELECT last.way, max(last.received_at) FROM asks CROSS JOIN last
            WHERE keeps_mail() AND {_told("last.id")}
            GROUP BY last.way ORDER BY last.way
        $$
        """,
        BOTH,
    ),
    # How many letters wait to be read, and since when the first of them: one that was taken over from
    # last year waits since it came to us.
    "letters_waiting()": (
        f"""
        CREATE FUNCTION letters_waiting() RETURNS TABLE (waiting bigint, oldest_at timestamptz) {DEFINER} AS $$
            WITH {ASKS}
            SELECT count(*), min(job.created_at) FROM asks CROSS JOIN job
            WHERE keeps_mail() AND job.kind = 'parse_letter' AND job.done_at IS NULL AND job.stuck_at IS NULL
              AND {_told("job.subject_id")}
        $$
        """,
        BOTH,
    ),
    # The jobs of letters that gave up, the first ones first, with how many there are in all.
    "stuck_letter_jobs(integer)": (
        f"""
        CREATE FUNCTION stuck_letter_jobs(p_most integer)
        RETURNS TABLE (id uuid, kind text, subject_id uuid, stuck_at timestamptz, error text, of bigint)
        {DEFINER} AS $$
            SELECT job.id, job.kind, job.subject_id, job.stuck_at, job.last_error, count(*) OVER () FROM job
            WHERE keeps_mail() AND job.kind IN ('parse_letter', 'send_letter') AND job.done_at IS NULL
              AND job.stuck_at IS NOT NULL AND is_told_job(job.kind, job.subject_id)
            ORDER BY job.stuck_at, job.id LIMIT p_most
        $$
        """,
        BOTH,
    ),
    "count_odd_letters(timestamptz)": (
        f"""
        CREATE FUNCTION count_odd_letters(p_since timestamptz) RETURNS bigint {DEFINER} AS $$
            WITH {ASKS}
            SELECT count(*) FROM asks CROSS JOIN letter
            WHERE keeps_mail() AND letter.received_at >= p_since AND cardinality(letter.problems) > 0
              AND {_told("letter.id")}
        $$
        """,
        ("handler",),
    ),
    # Letters of ours that are not there yet, and those that came to nothing, by state. One that was sent
    # again counts no more, nor one that no server said no to, nor one that is over in a closed matter.
    "count_letters_out(text)": (
        f"""
        CREATE FUNCTION count_letters_out(p_refused text) RETURNS TABLE (state text, letters bigint) {DEFINER} AS $$
            WITH {ASKS}
            SELECT outgoing_letter.state, count(*) FROM asks CROSS JOIN outgoing_letter
            JOIN matter ON matter.id = outgoing_letter.matter_id
            WHERE keeps_mail() AND outgoing_letter.state <> 'sent' AND outgoing_letter.again_id IS NULL
              AND (outgoing_letter.state <> 'refused' OR outgoing_letter.why = p_refused)
              AND (matter.closed_at IS NULL OR outgoing_letter.state IN ('owed', 'sending'))
              AND (asks.walled = '{{}}' OR NOT is_behind('', matter.id, asks.walled))
            GROUP BY outgoing_letter.state
        $$
        """,
        BOTH,
    ),
    # A letter is to be read again: once, however often that is asked, and told in each of its matters.
    "ask_to_parse_again(uuid, uuid, uuid, timestamptz)": (
        f"""
        CREATE FUNCTION ask_to_parse_again(p_letter uuid, p_job uuid, p_handler uuid, p_at timestamptz)
        RETURNS void {ASKED} AS $$
        BEGIN
            IF NOT (keeps_mail() AND is_told(p_letter)) AND NOT EXISTS (
                SELECT FROM message WHERE message.letter_id = p_letter AND may_write(message.matter_id)) THEN
                RETURN;
            END IF;
            IF EXISTS (SELECT FROM job WHERE job.kind = 'parse_again' AND job.subject_id = p_letter
                       AND job.done_at IS NULL) THEN
                RETURN;
            END IF;
            INSERT INTO job (id, kind, dedupe, subject_id, created_at, due_at, sends, attempts)
            VALUES (p_job, 'parse_again', 'parse_again:' || p_job, p_letter, p_at, p_at, 0, 0);
            INSERT INTO event (id, matter_id, at, actor, handler_id, what, detail)
            SELECT gen_random_uuid(), asked.matter_id, p_at, 'handler', coalesce(session_handler(), p_handler),
                   'parsing_asked', jsonb_build_object('letter', p_letter)
            FROM (SELECT DISTINCT message.matter_id FROM message WHERE message.letter_id = p_letter) AS asked;
        END
        $$
        """,
        BOTH,
    ),
    # A job that gave up is to be tried again; one that did not is left alone.
    "ask_to_retry(uuid, uuid, timestamptz)": (
        """
        CREATE FUNCTION ask_to_retry(p_stuck uuid, p_job uuid, p_at timestamptz) RETURNS void
        LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
            INSERT INTO job (id, kind, dedupe, subject_id, created_at, due_at, sends, attempts)
            SELECT p_job, 'retry_job', 'retry_job:' || p_job, stuck.id, p_at, p_at, 0, 0 FROM job AS stuck
            WHERE stuck.id = p_stuck AND stuck.stuck_at IS NOT NULL AND stuck.done_at IS NULL
              AND keeps_mail() AND is_told_job(stuck.kind, stuck.subject_id) AND NOT EXISTS (
                SELECT FROM job AS asked WHERE asked.kind = 'retry_job' AND asked.subject_id = stuck.id
                AND asked.done_at IS NULL)
        $$
        """,
        BOTH,
    ),
    # A letter that the session's person brings, into an inbox where the person acts or where the tokens in
    # it lead. Of one that has come there before, the id is told and nothing of where it stands.
    "bring_letter(uuid, bigint, text, text, text[], text[], text, uuid, timestamptz)": (
        f"""
        CREATE FUNCTION bring_letter(p_letter uuid, p_bytes bigint, p_digest text, p_unit text, p_to text[],
                                     p_tokens text[], p_unknown text, p_job uuid, p_at timestamptz)
        RETURNS TABLE (letter_id uuid, is_new boolean) {ASKED} AS $$
        DECLARE
            here uuid := session_handler();
        BEGIN
            IF here IS NULL OR acting_units() = '{{}}' OR p_unit <> ALL (acting_units())
               OR NOT EXISTS (SELECT FROM brought_to(p_unit, p_tokens)) THEN
                RAISE insufficient_privilege USING MESSAGE = 'not an inbox of the caller''s';
            END IF;
            -- In one order for all, so that two who bring the same never wait for each other.
            INSERT INTO arrival (id, channel, destination, digest, at, unit_id, address_id, letter_id, marks)
            SELECT gen_random_uuid(), 'email', goes.destination, p_digest, p_at, goes.unit_id, goes.address_id,
                   p_letter, CASE WHEN goes.is_unknown THEN ARRAY[p_unknown] ELSE '{{}}' END
            FROM brought_to(p_unit, p_tokens) AS goes ORDER BY goes.destination
            ON CONFLICT DO NOTHING;
            IF NOT FOUND THEN
                RETURN QUERY SELECT arrival.letter_id, false FROM brought_to(p_unit, p_tokens) AS goes
                JOIN arrival ON arrival.destination = goes.destination AND md5(arrival.digest) = md5(p_digest)
                ORDER BY goes.destination LIMIT 1;
                RETURN;
            END IF;
            INSERT INTO letter (id, storage_key, size_bytes, sha256, envelope_from, envelope_to, trace,
                                received_at, problems)
            VALUES (p_letter, 'letter/' || p_letter, p_bytes, p_digest, '', p_to, jsonb_build_object(
                'handler', here, 'peer', '', 'protocol', 'handler', 'is_trusted', false, 'is_import', true),
                p_at, '{{}}');
            INSERT INTO job (id, kind, dedupe, subject_id, created_at, due_at, sends, attempts)
            VALUES (p_job, 'parse_letter', 'parse_letter:' || p_letter, p_letter, p_at, p_at, 0, 0);
            RETURN QUERY SELECT p_letter, true;
        END
        $$
        """,
        ("handler",),
    ),
    # Whether a letter that the session's person brought has been read; NULL of any other.
    "brought_is_read(uuid)": (
        f"""
        CREATE FUNCTION brought_is_read(p_letter uuid) RETURNS boolean {DEFINER} AS $$
            SELECT letter.parsed_at IS NOT NULL FROM letter
            WHERE letter.id = p_letter AND letter.trace ->> 'handler' = session_handler()::text
        $$
        """,
        ("handler",),
    ),
}  # fmt: skip


def upgrade() -> None:
    """Let letters be told of by functions, and say which address is whose."""
    op.add_column("unit", sa.Column("mail_local", sa.Text()))
    op.add_column("mailbox_state", sa.Column("address", sa.Text()))
    op.create_index(
        op.f("ix_arrival_duplicate_of_id"), "arrival", ["duplicate_of_id"],
        postgresql_where=sa.text("duplicate_of_id IS NOT NULL"),
    )  # fmt: skip
    rights.make_functions(_functions())
    rights.revoke(TAKEN)
    rights.revoke({"handler": {"letter": "SELECT"}})
    rights.grant({"handler": {"letter": f"SELECT ({READ})"}})


def downgrade() -> None:
    """Take it away; the older code asks the tables themselves."""
    rights.revoke({"handler": {"letter": f"SELECT ({READ})"}})
    rights.grant({"handler": {"letter": "SELECT"}})
    rights.grant(TAKEN)
    rights.drop_functions(_functions())
    op.drop_index(op.f("ix_arrival_duplicate_of_id"), "arrival")
    op.drop_column("mailbox_state", "address")
    op.drop_column("unit", "mail_local")
