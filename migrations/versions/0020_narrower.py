"""What a handler's session may add opens nothing that is another's, whatever is written at a prompt.

A row that names another matter's message, file or letter is refused, and so is one in another's name.
Where a matter stands is changed by one function, so that no row of the past can be made.
"""

from alembic import op

from migrations import rights

revision = "0020"
down_revision = "0019"

PATH = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
TAKEN = {"handler": {"matter": "UPDATE (unit_id, region)", "matter_unit": "INSERT"}}
LEAVE = "leave_inboxes(uuid, timestamptz)"
KEYS = ("attachment", "draft_file", "draft_key", "letter", "rendition", "upload_part")

FUNCTIONS: rights.Functions = {
    # A matter leaves all units for one, by the database's own clock: whoever says when could say that
    # it stood elsewhere at a time when it was looked at.
    "move_matter(uuid, text)": (
        f"""
        CREATE FUNCTION move_matter(p_matter uuid, p_unit text) RETURNS void
        LANGUAGE plpgsql {PATH} AS $$
        DECLARE
            here timestamptz := clock_timestamp();
        BEGIN
            IF NOT may_write(p_matter) THEN
                RAISE insufficient_privilege USING MESSAGE = 'not a matter of the caller''s';
            END IF;
            -- What is made in this very transaction has not been looked at.
            IF NOT may_open(p_matter) AND NOT EXISTS (
                SELECT FROM matter WHERE matter.id = p_matter AND is_made_here(matter.xmin)) THEN
                RAISE insufficient_privilege USING MESSAGE = 'not a matter that the caller has opened';
            END IF;
            PERFORM add_look(handler.id::text, mine.id, handler.id, handler.name, 'moved', p_matter, NULL, NULL, p_unit)
            FROM session_row() AS mine JOIN handler ON handler.id = mine.handler_id;
            UPDATE matter SET unit_id = unit.id, region = unit.region
            FROM unit WHERE matter.id = p_matter AND unit.id = p_unit AND unit.is_open;
            IF NOT FOUND THEN
                RAISE invalid_parameter_value USING MESSAGE = 'no such unit is open';
            END IF;
            UPDATE matter_unit SET until = here
            WHERE matter_unit.matter_id = p_matter AND matter_unit.until IS NULL;
            INSERT INTO matter_unit (id, matter_id, unit_id, since, why)
            VALUES (gen_random_uuid(), p_matter, p_unit, here, 'moved');
        END
        $$
        """,
        ("handler",),
    ),
    # Whether a letter of a matter may tell of a message: it is of the matter, or went on from there. One
    # that is written in the same statement is not to be seen yet, and has its own rule.
    "may_tell(uuid, uuid)": (
        f"""
        CREATE FUNCTION may_tell(p_matter uuid, p_message uuid) RETURNS boolean
        LANGUAGE sql STABLE {PATH} AS $$
            SELECT may_write(p_matter) AND NOT EXISTS (
                SELECT FROM message WHERE message.id = p_message AND message.matter_id <> p_matter
                AND message.matter_id IS DISTINCT FROM surviving_matter(p_matter))
        $$
        """,
        ("handler",),
    ),
    # Whether a file may be added: to a message of the same transaction alone, with bytes that are nobody's.
    "may_attach(uuid, uuid, text)": (
        f"""
        CREATE FUNCTION may_attach(p_matter uuid, p_message uuid, p_key text) RETURNS boolean
        LANGUAGE sql STABLE {PATH} AS $$
            SELECT may_write(p_matter) AND NOT EXISTS (
                SELECT FROM message WHERE message.id = p_message
                AND NOT (message.matter_id = p_matter AND is_made_here(message.xmin)))
              AND NOT EXISTS ({" UNION ALL ".join(f"SELECT FROM {table} WHERE storage_key = p_key" for table in KEYS)})
        $$
        """,
        ("handler",),
    ),
    # Whether an address may be that to which a letter of a matter comes back.
    "may_bounce(uuid, uuid)": (
        f"""
        CREATE FUNCTION may_bounce(p_matter uuid, p_letter uuid) RETURNS boolean
        LANGUAGE sql STABLE {PATH} AS $$
            SELECT may_write(p_matter) AND p_letter IS NOT NULL AND NOT EXISTS (
                SELECT FROM outgoing_letter WHERE outgoing_letter.id = p_letter
                AND outgoing_letter.matter_id <> p_matter)
        $$
        """,
        ("handler",),
    ),
    # Whether a matter may be so changed: it becomes nobody's, one's own or that of somebody who works in
    # its unit, and names no other matter than before.
    "may_become(uuid, uuid, uuid)": (
        f"""
        CREATE FUNCTION may_become(p_matter uuid, p_handler uuid, p_possible_of uuid) RETURNS boolean
        LANGUAGE sql STABLE {PATH} AS $$
            SELECT may_write(p_matter) AND EXISTS (
                SELECT FROM matter WHERE matter.id = p_matter
                AND (p_possible_of IS NULL OR matter.possible_of_id = p_possible_of)
                AND (p_handler IS NULL OR p_handler = session_handler() OR matter.handler_id = p_handler
                     OR EXISTS (
                        SELECT FROM membership JOIN handler ON handler.id = membership.handler_id
                        WHERE handler.id = p_handler AND handler.disabled_at IS NULL
                          AND membership.unit_id = matter.unit_id
                          AND membership.role IN ('handler', 'coordinator'))))
        $$
        """,
        ("handler",),
    ),
}
MINE = "(SELECT session_handler())"
# What the pages' role may write, by table and command: as it was, and as it is from here on.
NARROWED = {
    ("matter", "UPDATE"): ("true", "may_become(id, handler_id, possible_of_id)"),
    ("message", "INSERT"): (
        "may_write(matter_id) AND letter_id IS NULL",
        f"may_write(matter_id) AND letter_id IS NULL AND about_letter_id IS NULL AND handler_id = {MINE}"
        " AND direction IN ('outgoing', 'note')",
    ),
    ("attachment", "INSERT"): (
        "may_write(matter_id)",
        "may_attach(matter_id, message_id, storage_key) AND verdict = 'unchecked' AND findings = '[]'"
        " AND facts = '{}' AND contents = '[]' AND num_nonnulls(detected_type, checked_at, scanned_with,"
        " check_began_at, drawn_at, view_problem) = 0",
    ),
    ("event", "INSERT"): (
        "may_write(matter_id)",
        f"may_write(matter_id) AND (actor = 'handler' AND handler_id = {MINE}"
        " OR actor = 'system' AND handler_id IS NULL AND what IN ('alarm_began', 'reopened'))",
    ),
    ("outgoing_letter", "INSERT"): (
        "may_write(matter_id)",
        "may_tell(matter_id, message_id) AND state = 'owed'"
        " AND kind IN ('reply', 'notice', 'supplement_request', 'delay', 'receipt')"
        " AND num_nonnulls(again_id, why, diagnosis, sent_at) = 0",
    ),
    ("mail_address", "INSERT"): (
        "may_write(matter_id)",
        "may_bounce(matter_id, outgoing_id) AND num_nonnulls(draft_id, revoked_at) = 0",
    ),
    ("job", "INSERT"): (
        f"{MINE} IS NOT NULL",
        f"{MINE} IS NOT NULL AND kind IN ('send_letter', 'check_file', 'alarm')"
        " AND starts_with(dedupe, kind || ':' || subject_id::text) AND sends = 0 AND attempts = 0"
        " AND num_nonnulls(owner, lease_until, done_at, stuck_at, last_error) = 0",
    ),
}  # fmt: skip
# What went away with a matter is shown where it stands now, whatever an event says that went.
FOLLOWED = (
    "            ) went\n",
    "            ) went\n            INTERSECT\n"
    "            SELECT message.id FROM message WHERE message.matter_id = surviving_matter(p_matter)\n",
)


def upgrade() -> None:
    """Narrow what the pages' role may write."""
    rights.make_functions(FUNCTIONS)
    _narrow(1)
    rights.revoke(TAKEN)
    op.execute(f"REVOKE EXECUTE ON FUNCTION {LEAVE} FROM {rights.roles()['handler']}")
    rights.rewrite("followed_messages(uuid)", *FOLLOWED)


def _narrow(which: int) -> None:
    named = "SELECT policyname FROM pg_policies WHERE tablename = '{}' AND cmd = '{}' AND policyname ~ '^handler_'"
    for (table, command), conditions in NARROWED.items():
        name = op.get_bind().exec_driver_sql(named.format(table, command)).scalar_one()
        op.get_bind().exec_driver_sql(f"ALTER POLICY {name} ON {table} WITH CHECK ({conditions[which]})")


def downgrade() -> None:
    """Let it write as before."""
    rights.rewrite("followed_messages(uuid)", *reversed(FOLLOWED))
    op.execute(f"GRANT EXECUTE ON FUNCTION {LEAVE} TO {rights.roles()['handler']}")
    rights.grant(TAKEN)
    _narrow(0)
    rights.drop_functions(FUNCTIONS)
