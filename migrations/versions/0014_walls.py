"""The second wall: row-level security, whatever is asked under the pages' roles and however it is asked.

A handler's session opens the matters of its units, and what is in one only after a look that was
recorded. A citizen's browser opens its own drafts, and a matter while a code or a draft that opens it
is shown. Searches, and what must be told across a wall, go through functions with the same rule.
"""

from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

from migrations import rights, role_name

revision = "0014"
down_revision = "0013"

ALL = ("FOR ALL USING (true)",)
# What the session is and opens, asked once for a statement and not for every row.
UNITS = "(SELECT session_units())::text[]"
SESSION = "(SELECT session_id())"
HELD = "(SELECT held_matters())::uuid[]"
KEY = "(SELECT browser_key_hash())"
OPERATES = "(SELECT session_has('operator'))"
MAY_WRITE = ("FOR INSERT WITH CHECK (may_write(matter_id))",)


def _in_a_matter(
    table: str, *, may_add: bool = True, more: tuple[str, ...] = ()
) -> dict[str, tuple[str, ...]]:
    read = f"FOR SELECT USING ({_inside(table)})"
    return {"worker": ALL, "citizen": MAY_WRITE, "handler": (read, *(MAY_WRITE if may_add else ()), *more)}


def _inside(table: str) -> str:
    return f"opens({table}.matter_id, {SESSION}, {UNITS})"


# What decides about a row is one function that says it costs next to nothing: so it is asked before whatever
# a query asks of the row itself. PostgreSQL takes comparisons of text for harmless, and puts the cheapest
# first; from what was then left unasked, a row could be read letter by letter.
POLICIES: dict[str, dict[str, tuple[str, ...]]] = {
    "matter_unit": {
        "worker": ALL,
        "handler": (f"FOR SELECT USING (is_among(unit_id, {UNITS}))", *MAY_WRITE),
        "citizen": (f"FOR SELECT USING (is_held(matter_id, {HELD}))", *MAY_WRITE),
    },
    "matter": {
        "worker": ALL,
        "handler": (
            f"FOR SELECT USING (opens(id, {SESSION}, {UNITS}))",
            f"FOR UPDATE USING (may_write(id) AND opens(id, {SESSION}, {UNITS})) WITH CHECK (true)",
        ),
        "citizen": (
            f"FOR SELECT USING (is_held(id, {HELD}))",
            f"FOR UPDATE USING (is_held(id, {HELD}))",
            "FOR INSERT WITH CHECK (true)",
        ),
    },
    "message": {
        **_in_a_matter("message"),
        # A letter is not read by writing a message that names it.
        "handler": (
            f"FOR SELECT USING ({_inside('message')})",
            "FOR INSERT WITH CHECK (may_write(matter_id) AND letter_id IS NULL)",
        ),
    },
    "attachment": _in_a_matter("attachment"),
    "placement": _in_a_matter("placement", may_add=False),
    "event": {
        **_in_a_matter("event"),
        # What is told of an address that was confirmed from a mailbox is told without any code.
        "citizen": ("FOR INSERT WITH CHECK (true)",),
    },
    "outgoing_letter": _in_a_matter("outgoing_letter", more=(f"FOR UPDATE USING ({_inside('outgoing_letter')})",)),
    "diary_entry": _in_a_matter("diary_entry", may_add=False),
    "feedback": _in_a_matter("feedback", may_add=False),
    "status_code": {"worker": ALL, "citizen": MAY_WRITE},
    "email_change": {"worker": ALL, "citizen": MAY_WRITE},
    "rendition": {
        "worker": ALL,
        "handler": (f"FOR SELECT USING (opens_file(attachment_id, {SESSION}, {UNITS}))",),
    },
    "file_text": {
        "worker": ALL,
        "handler": (f"FOR SELECT USING (opens_file(attachment_id, {SESSION}, {UNITS}))",),
    },
    "arrival": {
        "worker": ALL,
        "citizen": ("FOR INSERT WITH CHECK (true)",),
        "handler": (
            f"FOR SELECT USING (opens_arrival(message_id, duplicate_of_id, {SESSION}, {UNITS}))",
        ),
    },
    "letter": {
        "worker": ALL,
        "handler": (
            f"FOR SELECT USING (opens_letter(id, {SESSION}, {UNITS}))",
        ),
    },
    "mail_address": {
        "worker": ALL,
        "handler": (
            *MAY_WRITE,
        ),
        "citizen": (
            f"FOR SELECT USING (is_own_draft(draft_id, {KEY}))",
            f"FOR UPDATE USING (is_own_draft(draft_id, {KEY}))"
            " WITH CHECK (matter_id IS NULL OR may_write(matter_id))",
            "FOR INSERT WITH CHECK (matter_id IS NULL OR may_write(matter_id))",
        ),
    },
    "job": {
        "worker": ALL,
        "citizen": ("FOR INSERT WITH CHECK (true)",),
        "handler": ("FOR INSERT WITH CHECK ((SELECT session_handler()) IS NOT NULL)",),
    },
    "mailbox_state": {"worker": ALL, "handler": (f"FOR SELECT USING ({OPERATES})",)},
    "draft": {
        "citizen": (f"FOR ALL USING (is_own_key(browser_key_hash, more_key_hashes, {KEY}))",),
    },
    "draft_file": {
        "citizen": (f"FOR ALL USING (is_own_draft(draft_id, {KEY}))",),
    },
    "draft_key": {
        "worker": ALL,
        "citizen": (f"FOR ALL USING (is_own_draft(draft_id, {KEY}))",),
    },
    "upload": {
        "worker": ALL,
        "citizen": (
            f"FOR ALL USING (is_own_draft(draft_id, {KEY}))"
            " WITH CHECK (matter_id IS NULL OR may_write(matter_id))",
        ),
    },
    "upload_part": {
        "citizen": (f"FOR ALL USING (is_own_upload(upload_id, {KEY}))",),
    },
    "handler": {
        "door": ALL,
        "handler": (
            "FOR SELECT USING (is_any_of(id, (SELECT colleagues())::uuid[]))",
        ),
    },
    "membership": {
        "door": ALL,
        "handler": (
            f"FOR SELECT USING (is_seat(unit_id, handler_id, (SELECT session_handler()), {UNITS}))",
        ),
    },
    "access_log": {
        "worker": ALL,
        "handler": ("FOR SELECT USING ((SELECT session_has('auditor')))",),
    },
    "limit_count": {
        "worker": ALL, "door": ALL,
        # What is counted at the handlers' door is no other's to count.
        "citizen": ("FOR ALL USING (what !~ '^(sign_in|prove|change_password)')",),
        "handler": ("FOR INSERT WITH CHECK (what = 'healthz')",),
    },
}  # fmt: skip
GRANTS = {
    # An index tells its order whatever decides about a row, so that a token is in no column that can be asked.
    "citizen": {"mail_address": "SELECT (id, draft_id, matter_id, outgoing_id, created_at, revoked_at)"},
}
# What moved a matter between units, brought a letter in or told of jobs, by the role; it goes through
# functions that know more than their callers.
TAKEN = {"handler": {"matter_unit": "UPDATE (until)", "letter, arrival": "INSERT", "job": "SELECT", "mail_address": "SELECT",
                     "status_code": "SELECT (matter_id, revoked_at)"},
         "citizen": {"mail_address": "SELECT"}}  # fmt: skip


def _functions() -> rights.Functions:
    database = str(op.get_bind().exec_driver_sql("SELECT current_database()").scalar())
    names = {role: role_name(database, role).replace("'", "''") for role in (*rights.ROLES, "owner")}
    return {
        # Who writes: the role's own login, whatever function it came through. The owner, and a worker,
        # may; a handler in matters that stand in a unit where the person acts, or stood there until this
        # transaction; a citizen in a new matter, or one that is held.
        "may_write(uuid)": (
            f"""
            CREATE FUNCTION may_write(p_matter uuid) RETURNS boolean
            LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
                SELECT CASE
                    WHEN pg_has_role(session_user, '{names["owner"]}', 'MEMBER')
                      OR pg_has_role(session_user, '{names["worker"]}', 'MEMBER') THEN true
                    WHEN pg_has_role(session_user, '{names["handler"]}', 'MEMBER') THEN EXISTS (
                        SELECT FROM matter_unit WHERE matter_unit.matter_id = p_matter
                        AND matter_unit.unit_id = ANY (acting_units())
                        AND (matter_unit.until IS NULL OR is_made_here(matter_unit.xmin)))
                    WHEN pg_has_role(session_user, '{names["citizen"]}', 'MEMBER') THEN
                        p_matter = ANY (held_matters()) OR NOT EXISTS (
                            SELECT FROM matter WHERE matter.id = p_matter AND NOT is_made_here(matter.xmin))
                    ELSE false END
            $$
            """,
            ("citizen", "handler", "worker"),
        ),
        # The same of reading, for functions that tell of a matter.
        "may_read(uuid)": (
            f"""
            CREATE FUNCTION may_read(p_matter uuid) RETURNS boolean
            LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
                SELECT CASE
                    WHEN pg_has_role(session_user, '{names["owner"]}', 'MEMBER')
                      OR pg_has_role(session_user, '{names["worker"]}', 'MEMBER') THEN true
                    WHEN pg_has_role(session_user, '{names["handler"]}', 'MEMBER') THEN session_sees(p_matter)
                    ELSE false END
            $$
            """,
            (),
        ),
        # What is in a matter is told to a handler after a look.
        "may_open(uuid)": (
            f"""
            CREATE FUNCTION may_open(p_matter uuid) RETURNS boolean
            LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
                SELECT CASE WHEN pg_has_role(session_user, '{names["handler"]}', 'MEMBER')
                    AND NOT pg_has_role(session_user, '{names["owner"]}', 'MEMBER')
                    THEN opens(p_matter, session_id(), session_units()) ELSE may_read(p_matter) END
            $$
            """,
            (),
        ),
        **FUNCTIONS,
        **deciding(DECIDING),
    }


# What decides about one row, by what the statement has asked once of the session.
STANDS = """EXISTS (SELECT FROM matter_unit WHERE matter_unit.matter_id = {} AND matter_unit.until IS NULL
                           AND matter_unit.unit_id = ANY (p_units))"""
# Only a look that is committed counts: one of this very transaction, or of a part of it, could be taken back.
LOOKED = """EXISTS (SELECT FROM session_look WHERE session_look.matter_id = {}
                           AND session_look.session_id = p_session AND age(session_look.xmin) > 0)"""
HANDLER, CITIZEN = ("handler",), ("citizen",)
DECIDING: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "is_among(text, text[])": ("p_unit text, p_units text[]", "p_unit = ANY (p_units)", HANDLER),
    "is_held(uuid, uuid[])": ("p_matter uuid, p_held uuid[]", "p_matter = ANY (p_held)", CITIZEN),
    "opens(uuid, uuid, text[])": (
        "p_matter uuid, p_session uuid, p_units text[]",
        f"{LOOKED.format('p_matter')} AND {STANDS.format('p_matter')}",
        HANDLER,
    ),
    "opens_file(uuid, uuid, text[])": (
        "p_file uuid, p_session uuid, p_units text[]",
        "opens((SELECT matter_id FROM attachment WHERE id = p_file), p_session, p_units)",
        HANDLER,
    ),
    "opens_arrival(uuid, uuid, uuid, text[])": (
        "p_message uuid, p_duplicate_of uuid, p_session uuid, p_units text[]",
        """opens((SELECT matter_id FROM message WHERE id = coalesce(
               p_message, (SELECT message_id FROM arrival WHERE id = p_duplicate_of))), p_session, p_units)""",
        HANDLER,
    ),
    "opens_letter(uuid, uuid, text[])": (
        "p_letter uuid, p_session uuid, p_units text[]",
        """EXISTS (SELECT FROM message WHERE letter_id = p_letter AND opens(matter_id, p_session, p_units))
           OR EXISTS (SELECT FROM arrival WHERE letter_id = p_letter
                      AND opens_arrival(message_id, duplicate_of_id, p_session, p_units))""",
        HANDLER,
    ),
    "is_any_of(uuid, uuid[])": ("p_one uuid, p_those uuid[]", "p_one = ANY (p_those)", HANDLER),
    "is_seat(text, uuid, uuid, text[])": (
        "p_unit text, p_handler uuid, p_own uuid, p_units text[]",
        "p_unit = ANY (p_units) OR p_handler = p_own",
        HANDLER,
    ),
    "is_own_key(text, text[], text)": (
        "p_first text, p_more text[], p_key text",
        "p_first = p_key OR p_key = ANY (p_more)",
        CITIZEN,
    ),
    "is_own_draft(uuid, text)": (
        "p_draft uuid, p_key text",
        "EXISTS (SELECT FROM draft WHERE id = p_draft AND is_own_key(browser_key_hash, more_key_hashes, p_key))",
        CITIZEN,
    ),
    "is_own_upload(uuid, text)": (
        "p_upload uuid, p_key text",
        "EXISTS (SELECT FROM upload WHERE id = p_upload AND is_own_draft(draft_id, p_key))",
        CITIZEN,
    ),
}


def deciding(signatures: Iterable[str]) -> rights.Functions:
    """Return those of the functions that decide about one row."""
    return {
        signature: (_deciding(signature, *parts), roles)
        for signature, (*parts, roles) in ((each, DECIDING[each]) for each in signatures)
    }


def _deciding(signature: str, parameters: str, condition: str) -> str:
    name = signature.partition("(")[0]
    return f"""
        CREATE FUNCTION {name}({parameters}) RETURNS boolean
        LANGUAGE plpgsql STABLE SECURITY DEFINER COST 0.0001 SET search_path = pg_catalog, public AS $$
        BEGIN
            RETURN coalesce({condition}, false);
        END
        $$
    """


FUNCTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    # The session's person, and everybody who works in a unit whose matters that person sees.
    "colleagues()": (
        """
        CREATE FUNCTION colleagues() RETURNS uuid[]
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT array_agg(handler_id) FROM (
                SELECT session_handler() AS handler_id UNION
                SELECT membership.handler_id FROM membership WHERE membership.unit_id = ANY (session_units())
            ) AS known
        $$
        """,
        ("handler",),
    ),
    # Whether a row was written by the transaction that asks.
    "is_made_here(xid)": (
        """
        CREATE FUNCTION is_made_here(p_xmin xid) RETURNS boolean
        LANGUAGE sql STABLE SET search_path = pg_catalog, public AS $$
            SELECT coalesce(p_xmin::text::bigint
                = pg_current_xact_id_if_assigned()::text::numeric % 4294967296, false)
        $$
        """,
        (),
    ),
    "session_sees(uuid)": (
        """
        CREATE FUNCTION session_sees(p_matter uuid) RETURNS boolean
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT EXISTS (SELECT FROM matter_unit WHERE matter_unit.matter_id = p_matter
                           AND matter_unit.until IS NULL AND matter_unit.unit_id = ANY (session_units()))
        $$
        """,
        ("handler",),
    ),
    # The digest of the browser's key that this transaction has shown.
    "browser_key_hash()": (
        """
        CREATE FUNCTION browser_key_hash() RETURNS text
        LANGUAGE sql STABLE SET search_path = pg_catalog, public AS $$
            SELECT encode(sha256(convert_to(nullif(current_setting('app.browser', true), ''), 'UTF8')), 'hex')
        $$
        """,
        ("citizen",),
    ),
    # The matters that what this transaction has shown opens: those to which the addresses of the browser's
    # own drafts lead, and that of a reference with one of its codes, each with the one it went into.
    "held_matters()": (
        """
        CREATE FUNCTION held_matters() RETURNS uuid[]
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            WITH own AS (
                SELECT mail_address.matter_id AS id FROM draft
                JOIN mail_address ON mail_address.draft_id = draft.id
                WHERE draft.browser_key_hash = browser_key_hash() AND mail_address.matter_id IS NOT NULL
                UNION
                SELECT mail_address.matter_id FROM draft
                JOIN mail_address ON mail_address.draft_id = draft.id
                WHERE draft.more_key_hashes <> '{}' AND draft.more_key_hashes @> ARRAY[browser_key_hash()]
                  AND mail_address.matter_id IS NOT NULL
            ), shown AS (
                SELECT current_setting('app.code', true) AS words
            ), coded AS (
                SELECT matter.id FROM shown
                JOIN matter ON matter.reference = split_part(shown.words, ' ', 1)
                JOIN status_code ON status_code.matter_id = matter.id
                WHERE status_code.code_hash = split_part(shown.words, ' ', 2)
                  AND status_code.revoked_at IS NULL
            )
            SELECT coalesce(array_agg(DISTINCT id), '{}') FROM (
                SELECT id FROM own UNION SELECT surviving_matter(id) FROM own
                UNION SELECT id FROM coded UNION SELECT opened_matter(id) FROM coded
            ) held WHERE id IS NOT NULL
        $$
        """,
        ("citizen",),
    ),
    # A draft's resume code lets one more browser in; the key is that which the transaction has shown.
    "resume_draft(text, timestamptz)": (
        """
        CREATE FUNCTION resume_draft(p_code text, p_at timestamptz) RETURNS uuid
        LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            UPDATE draft SET more_key_hashes = CASE
                WHEN draft.browser_key_hash = browser_key_hash() THEN draft.more_key_hashes
                ELSE array_append(array_remove(draft.more_key_hashes, browser_key_hash()), browser_key_hash())
                END
            WHERE md5(draft.resume_code) = md5(p_code) AND draft.expires_at > p_at AND browser_key_hash() IS NOT NULL
            RETURNING draft.id
        $$
        """,
        ("citizen",),
    ),
    # Every unit's sight of a matter ends, also that of units which the caller does not see.
    "leave_inboxes(uuid, timestamptz)": (
        """
        CREATE FUNCTION leave_inboxes(p_matter uuid, p_at timestamptz) RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
        BEGIN
            IF NOT may_write(p_matter) THEN
                RAISE insufficient_privilege USING MESSAGE = 'not a matter of the caller''s';
            END IF;
            UPDATE matter_unit SET until = p_at
            WHERE matter_unit.matter_id = p_matter AND matter_unit.until IS NULL;
        END
        $$
        """,
        ("citizen", "handler", "worker"),
    ),
    # A look, before anything is shown: it is recorded, and opens what is in the matter to this session.
    # False, and nothing, when the matter stands where the session does not see it.
    "look(text, uuid, uuid, text)": (
        """
        CREATE FUNCTION look(p_what text, p_matter uuid, p_file uuid, p_reason text) RETURNS boolean
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
        DECLARE
            here handler_session%ROWTYPE;
        BEGIN
            SELECT * INTO here FROM session_row() WHERE stage = 'open';
            -- A look says what it is in words of ours; a picture, which of those that lie in a file.
            IF p_what !~ '^(matter|beside|journal|view|file|export|protected|letter:[-0-9a-f]{36})$'
                AND (p_what NOT LIKE 'picture:%' OR length(p_what) > 5000) THEN
                RETURN false;
            END IF;
            IF NOT FOUND OR NOT session_sees(p_matter) OR p_file IS NOT NULL AND NOT EXISTS (
                SELECT FROM attachment WHERE attachment.id = p_file AND attachment.matter_id = p_matter) THEN
                RETURN false;
            END IF;
            PERFORM add_look(handler.id::text, here.id, handler.id, handler.name, p_what, p_matter, p_file,
                             left(p_reason, 2000), NULL)
            FROM handler WHERE handler.id = here.handler_id;
            INSERT INTO session_look (session_id, matter_id) VALUES (here.id, p_matter)
            ON CONFLICT DO NOTHING;
            RETURN true;
        END
        $$
        """,
        ("handler",),
    ),
    # The same of several; ``p_is_once`` leaves out those that this session has looked at.
    "look_at_each(text, uuid[], boolean)": (
        """
        CREATE FUNCTION look_at_each(p_what text, p_matters uuid[], p_is_once boolean) RETURNS void
        LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT look(p_what, id, NULL, NULL) FROM unnest(p_matters) AS one (id)
            WHERE NOT (p_is_once AND EXISTS (SELECT FROM session_look WHERE session_look.session_id = session_id()
                                             AND session_look.matter_id = id))
        $$
        """,
        ("handler",),
    ),
    # The matter of a reference for whoever sees it; the first time in a session that is a look, and each
    # time its page is shown. Whoever does not is told nothing, and that it was asked for is recorded.
    "open_matter(text, boolean)": (
        """
        CREATE FUNCTION open_matter(p_reference text, p_is_page boolean) RETURNS uuid
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
        DECLARE
            -- What is nowhere is asked for and recorded alike, as an id that is nobody's: or the row, and what
            -- it took to write it, would tell what is somewhere else.
            found uuid := coalesce((SELECT id FROM matter WHERE reference = p_reference), gen_random_uuid());
        BEGIN
            IF NOT session_sees(found) THEN
                PERFORM add_look(handler.id::text, here.id, handler.id, handler.name, 'refused', found, NULL,
                                 NULL, left(p_reference, 40))
                FROM session_row() here JOIN handler ON handler.id = here.handler_id WHERE here.stage = 'open';
                RETURN NULL;
            END IF;
            IF p_is_page OR NOT EXISTS (SELECT FROM session_look
                           WHERE session_look.session_id = session_id() AND session_look.matter_id = found) THEN
                PERFORM look('matter', found, NULL, NULL);
            END IF;
            RETURN found;
        END
        $$
        """,
        ("handler",),
    ),
    # A look at no one matter: a list, a search, the log itself, with the words it was made by. What is then
    # told is told by its id, once it is committed.
    "look_at_list(text, text, text)": (
        """
        CREATE FUNCTION look_at_list(p_what text, p_words text, p_reason text) RETURNS uuid
        LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT add_look(handler.id::text, here.id, handler.id, handler.name, p_what, NULL, NULL,
                            left(p_reason, 2000), left(p_words, 1000))
            FROM session_row() here JOIN handler ON handler.id = here.handler_id
            WHERE here.stage = 'open' AND p_what ~ '^(inbox|closed|people|search:(all|mine)|audit(_csv|:[a-z_]+))$'
        $$
        """,
        ("handler",),
    ),
    # A look at a list, for whoever made it in this session lately. One of this very transaction, or of a
    # part of it, could still be taken back.
    "committed_look(uuid, text, interval)": (
        """
        CREATE FUNCTION committed_look(p_look uuid, p_what text, p_lasts interval) RETURNS SETOF access_log
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT access_log.* FROM session_row() here JOIN access_log ON access_log.session_id = here.id
            WHERE here.stage = 'open' AND access_log.id = p_look AND access_log.what ~ p_what
              AND access_log.at > clock_timestamp() - p_lasts AND access_log.at < clock_timestamp() + interval '1 minute'
              AND age(access_log.xmin) > 0
        $$
        """,
        (),
    ),
    # Who has looked at one file, the last first; whoever may see the file may see that. Only readings of
    # its page and its pictures are cut, each at the most: who took the original out is always told.
    "file_looks(uuid, integer)": (
        """
        CREATE FUNCTION file_looks(p_file uuid, p_most integer)
        RETURNS TABLE (at timestamptz, actor text, what text, reason text)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT look.at, look.actor, look.what, look.reason FROM (
                SELECT own.*, row_number() OVER (
                    PARTITION BY split_part(own.what, ':', 1) ORDER BY own.at DESC, own.id DESC) AS place
                FROM access_log AS own WHERE own.attachment_id = p_file
                UNION ALL
                SELECT access_log.*, 0 FROM attachment
                JOIN message ON message.id = attachment.message_id
                JOIN access_log ON access_log.matter_id = attachment.matter_id
                    AND access_log.what IN ('export', 'letter:' || message.letter_id)
                WHERE attachment.id = p_file
            ) AS look
            WHERE (look.place <= p_most OR split_part(look.what, ':', 1) NOT IN ('view', 'picture'))
              -- What was looked at while it stood behind a wall is told there alone.
              AND NOT EXISTS (
                SELECT FROM matter_unit AS stood JOIN unit ON unit.id = stood.unit_id
                WHERE stood.matter_id = look.matter_id AND unit.is_walled AND unit.id <> ALL (session_units())
                  AND stood.since <= look.at AND (stood.until IS NULL OR stood.until > look.at))
              AND may_open((SELECT attachment.matter_id FROM attachment WHERE attachment.id = p_file))
            ORDER BY look.at DESC, look.id DESC
        $$
        """,
        ("handler",),
    ),
    # Whether somebody has a status code that opens a matter: its own, or one that leads on to it.
    "has_status_code(uuid)": (
        """
        CREATE FUNCTION has_status_code(p_matter uuid) RETURNS boolean
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT may_open(p_matter) AND EXISTS (
                SELECT FROM status_code WHERE status_code.revoked_at IS NULL
                AND status_code.matter_id IN (SELECT matters_opening(p_matter)))
        $$
        """,
        ("handler", "worker"),
    ),
}  # fmt: skip

# What older functions did for whoever knew an id, they do for whoever may.
READ, WRITE = "may_open(p_matter)", "may_write({0})"
_REFUSED = "RAISE insufficient_privilege USING MESSAGE = 'not a matter of the caller''s'"


def _both(one: str, other: str) -> str:
    """Write that a caller may change both, and has opened them: merged, each is read by the other."""
    return " AND ".join(f"may_write({each}) AND may_open({each})" for each in (one, other))


GUARDED = {
    "awaited_files(uuid)": ("WHERE matter_id = p_matter AND composed_at IS NULL", f" AND {READ}"),
    # What a form brought is told to the browser that wrote it.
    "sent_files(uuid)": (
        "WHERE arrival.destination = 'draft:' || p_draft",
        " AND is_own_draft(p_draft, browser_key_hash())",
    ),
    "awaits_form(uuid)": ("AND draft.supplements_id IS NULL", f" AND {READ}"),
    "revoke_codes(uuid, timestamptz)": (
        "BEGIN",
        f"\n            IF NOT {WRITE.format('p_matter')} THEN {_REFUSED}; END IF;",
    ),
    "merge_matters(uuid, uuid, boolean)": (
        "BEGIN",
        f"\n            IF NOT ({_both('p_from', 'p_into')}) THEN {_REFUSED}; END IF;",
    ),
    "part_matters(uuid)": (
        "BEGIN",
        f"\n            IF NOT ({_both('p_matter', 'survivor')}) THEN {_REFUSED}; END IF;",
    ),
}

# A table of the caller's own must never stand for one of ours in a function that does more than its caller.
LAST_TEMPORARY = """
    DO $$
    DECLARE
        ours regprocedure;
    BEGIN
        FOR ours IN SELECT oid FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef LOOP
            EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, public, pg_temp', ours);
        END LOOP;
    END
    $$
"""


def upgrade() -> None:
    """Build the wall."""
    op.create_table(
        "session_look",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("matter_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["handler_session.id"], name=op.f("fk_session_look_session_id_handler_session"),
            ondelete="CASCADE", deferrable=True, initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("session_id", "matter_id", name=op.f("pk_session_look")),
    )  # fmt: skip
    op.create_index(
        op.f("ix_message_letter_id"),
        "message",
        ["letter_id"],
        postgresql_where=sa.text("letter_id IS NOT NULL"),
    )
    op.create_index(op.f("ix_draft_browser_key_hash"), "draft", ["browser_key_hash"])
    op.drop_constraint(op.f("uq_draft_resume_code"), "draft")
    op.create_index("uq_draft_resume_code", "draft", [sa.text("md5(resume_code)")], unique=True)
    op.create_index(
        "ix_draft_more_key_hashes", "draft", ["more_key_hashes"], postgresql_using="gin",
        postgresql_where=sa.text("more_key_hashes <> '{}'"),
    )  # fmt: skip
    op.execute("SET LOCAL check_function_bodies = off")
    rights.make_functions(_functions())
    for signature, (words, guard) in GUARDED.items():
        rights.rewrite(signature, words, words + guard)
    op.execute(LAST_TEMPORARY)
    rights.revoke(TAKEN)
    rights.grant(GRANTS)
    rights.wall(POLICIES)


def downgrade() -> None:
    """Take the wall down."""
    rights.unwall(POLICIES)
    rights.revoke(GRANTS)
    rights.grant(TAKEN)
    for signature, (words, guard) in GUARDED.items():
        rights.rewrite(signature, words + guard, words)
    rights.drop_functions(_functions())
    op.drop_index("ix_draft_more_key_hashes", "draft")
    op.drop_index("uq_draft_resume_code", "draft")
    op.create_unique_constraint(op.f("uq_draft_resume_code"), "draft", ["resume_code"])
    op.drop_index(op.f("ix_draft_browser_key_hash"), "draft")
    op.drop_index(op.f("ix_message_letter_id"), "message")
    op.drop_table("session_look")
