"""The pages' role asks no table: it reads views of what its session has opened, made by functions.

A plan of a query on a table tells what the table's indexes hold, whatever a policy says of the rows. So
the role that serves handlers has no right to read, change or lock a table with matters or people in it.
The schema ``desk``, first on its path, has a view by each such table's name, over a function that gives
the rows that are told to the session: what is in a matter after a look that was committed. Of a function
a plan tells nothing.
"""

import re
from importlib import import_module

import sqlalchemy as sa
from alembic import op

from migrations import rights

revision = "0028"
down_revision = "0027"

_WALLS = import_module("migrations.versions.0014_walls")
PATH = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
OF_MATTER = "WHERE own.matter_id = ANY (hand)"
OF_FILE = "JOIN attachment ON attachment.id = own.attachment_id WHERE attachment.matter_id = ANY (hand)"
MESSAGES = "SELECT message.id FROM message WHERE message.matter_id = ANY (hand)"
# How a matter's letters came: by what became a message of it, and by copies of those.
CAME = f"""
    SELECT came.id, came.letter_id FROM arrival AS came WHERE came.message_id IN ({MESSAGES})
    UNION ALL
    SELECT twin.id, twin.letter_id FROM arrival AS came JOIN arrival AS twin ON twin.duplicate_of_id = came.id
    WHERE twin.message_id IS NULL AND came.message_id IN ({MESSAGES})
"""
EXPORTS = "own.handler_id = myself OR own.units <@ administered"
# What is asked once, before a table's rows are gone through, by the name that conditions have for it.
ASKED_ONCE = {
    "hand": "uuid[] := matters_at_hand()",
    "units": "text[] := session_units()",
    "administered": "text[] := administered_units()",
    "known": "uuid[] := colleagues()",
    "myself": "uuid := session_handler()",
}
# By table: which of its rows are told.
TOLD = {
    "matter": "WHERE own.id = ANY (hand)",
    "matter_unit": f"{OF_MATTER} AND own.unit_id = ANY (units)",
    "message": OF_MATTER,
    "attachment": OF_MATTER,
    "placement": OF_MATTER,
    "event": OF_MATTER,
    "outgoing_letter": OF_MATTER,
    "diary_entry": OF_MATTER,
    "feedback": OF_MATTER,
    "rendition": OF_FILE,
    "file_text": OF_FILE,
    "arrival": f"WHERE own.id IN (SELECT came.id FROM ({CAME}) AS came)",
    "letter": f"""WHERE own.id IN (
        SELECT message.letter_id FROM message WHERE message.matter_id = ANY (hand)
        UNION SELECT came.letter_id FROM ({CAME}) AS came)""",
    "handler": "WHERE own.id = ANY (known)",
    "membership": "WHERE own.unit_id = ANY (units) OR own.handler_id = myself",
    "membership_change": "WHERE own.unit_id = ANY (administered)",
    "export_request": f"WHERE {EXPORTS}",
    "export_request_matter":
        f"WHERE own.request_id IN (SELECT own.id FROM export_request AS own WHERE {EXPORTS})",
    "mailbox_state": "WHERE session_has('operator')",
}  # fmt: skip
# What may be changed in a row that is told: the columns, whose the row must be to be changed at all, and what
# it must not become.
CHANGED = {
    "matter": (
        "category, priority, status, needs_person, possible_of_id, handler_id, closed_at, version, due_at,"
        " due_from, overdue_at, paused_until",
        "may_write(OLD.id)",
        "may_become(OLD.id, NEW.handler_id, NEW.possible_of_id)",
    ),
    "outgoing_letter": (
        "again_id",
        "may_write(OLD.matter_id)",
        "EXISTS (SELECT FROM outgoing_letter AS again"
        " WHERE again.id = NEW.again_id AND again.matter_id = OLD.matter_id)",
    ),
}
_REFUSED = "RAISE insufficient_privilege USING MESSAGE = 'not a matter of the caller''s'"

FUNCTIONS: rights.Functions = {
    # The matters whose rows are told: those that the session has opened by a look, and still sees. Where the
    # page says which it is about (``app.matters``), of those alone: a day's looks are many.
    "matters_at_hand()": (
        f"""
        CREATE FUNCTION matters_at_hand() RETURNS uuid[]
        LANGUAGE plpgsql STABLE {PATH} AS $$
        DECLARE
            here uuid := session_id();
            units text[] := session_units();
            said uuid[] := nullif(current_setting('app.matters', true), '')::uuid[];
        BEGIN
            RETURN ARRAY(
                SELECT looked.matter_id FROM session_look AS looked
                WHERE looked.session_id = here AND (said IS NULL OR looked.matter_id = ANY (said))
                  AND opens(looked.matter_id, here, units));
        END
        $$
        """,
        (),
    ),
    # One who acts waits for another who does; whoever only adds rows about the matter waits for nobody.
    "hold_matter(uuid)": (
        f"""
        CREATE FUNCTION hold_matter(p_matter uuid) RETURNS void
        LANGUAGE plpgsql {PATH} AS $$
        BEGIN
            IF NOT may_write(p_matter) THEN {_REFUSED}; END IF;
            PERFORM FROM matter WHERE matter.id = p_matter FOR NO KEY UPDATE;
        END
        $$
        """,
        ("citizen", "handler", "worker"),
    ),
    # The same of the one that it went into: whoever merges it just now is waited for, and followed. NULL where
    # the caller does not write in that one.
    "hold_surviving(uuid)": (
        f"""
        CREATE FUNCTION hold_surviving(p_matter uuid) RETURNS uuid
        LANGUAGE plpgsql {PATH} AS $$
        DECLARE
            its matter%ROWTYPE;
        BEGIN
            LOOP
                SELECT * INTO its FROM matter WHERE matter.id = surviving_matter(p_matter);
                IF NOT may_write(its.id) THEN RETURN NULL; END IF;
                PERFORM hold_matter(its.id);
                SELECT * INTO its FROM matter WHERE matter.id = its.id;
                IF its.merged_into_id IS NULL THEN RETURN its.id; END IF;
            END LOOP;
        END
        $$
        """,
        ("citizen", "handler", "worker"),
    ),
}
# What the policies had to be able to ask, and nobody else need: it answers about whatever it is given.
ASKED_BY_POLICIES = ("opens(uuid, uuid, text[])", "may_become(uuid, uuid, uuid)", "colleagues()")
# What nothing but the policies asked at all.
ASKED_NO_MORE = (
    "is_among(text, text[])", "opens_file(uuid, uuid, text[])", "opens_arrival(uuid, uuid, uuid, text[])",
    "opens_letter(uuid, uuid, text[])", "is_any_of(uuid, uuid[])", "is_seat(text, uuid, uuid, text[])",
)  # fmt: skip
INSIDE = "opens({}, (SELECT session_id()), (SELECT session_units())::text[])"
# What stood on the tables instead, by table and name.
POLICIES = {
    ("matter", "handler_1"): f"FOR SELECT USING ({INSIDE.format('id')})",
    ("matter", "handler_2"): f"FOR UPDATE USING (may_write(id) AND {INSIDE.format('id')})"
    " WITH CHECK (may_become(id, handler_id, possible_of_id))",
    ("outgoing_letter", "handler_3"): f"FOR UPDATE USING ({INSIDE.format('matter_id')})",
    ("matter_unit", "handler_1"): "FOR SELECT USING (is_among(unit_id, (SELECT session_units())::text[]))",
    **{
        (table, "handler_1"): f"FOR SELECT USING ({INSIDE.format('matter_id')})"
        for table in ("message", "attachment", "placement", "event", "outgoing_letter", "diary_entry", "feedback")
    },
    **{
        (table, "handler_1"):
        "FOR SELECT USING (opens_file(attachment_id, (SELECT session_id()), (SELECT session_units())::text[]))"
        for table in ("rendition", "file_text")
    },
    ("arrival", "handler_1"): "FOR SELECT USING (opens_arrival(message_id, duplicate_of_id,"
    " (SELECT session_id()), (SELECT session_units())::text[]))",
    ("letter", "handler_1"):
    "FOR SELECT USING (opens_letter(id, (SELECT session_id()), (SELECT session_units())::text[]))",
    ("handler", "handler_1"): "FOR SELECT USING (is_any_of(id, (SELECT colleagues())::uuid[]))",
    ("membership", "handler_1"): "FOR SELECT USING"
    " (is_seat(unit_id, handler_id, (SELECT session_handler()), (SELECT session_units())::text[]))",
    ("membership_change", "handler_1"):
    "FOR SELECT USING (unit_id = ANY ((SELECT administered_units())::text[]))",
    ("export_request", "handler_1"): "FOR SELECT USING"
    " (handler_id = (SELECT session_handler()) OR units <@ (SELECT administered_units()))",
    ("export_request_matter", "handler_1"):
    "FOR SELECT USING (EXISTS (SELECT FROM export_request WHERE export_request.id = request_id))",
    ("mailbox_state", "handler_1"): "FOR SELECT USING ((SELECT session_has('operator')))",
}  # fmt: skip
_READABLE = """
    SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attrelid = CAST(:name AS regclass) AND attnum > 0 AND NOT attisdropped
      AND attname <> ALL (CAST(:kept AS text[])) ORDER BY attnum
"""
# Never told: what a sign-in is checked against, and to which address of ours a letter came.
NEVER_TOLD = {
    "handler": ["has_keys", "created_at", "password_hash", "must_change_password", "password_expires_at",
                "totp_secret", "totp_step", "subject"],
    "letter": ["envelope_to"],
}  # fmt: skip


def upgrade() -> None:
    """Give the role views, and take the tables."""
    handler = rights.roles()["handler"]
    for table, name in POLICIES:
        op.execute(f"DROP POLICY {name} ON {table}")
    # What was given of single columns goes with it.
    rights.revoke({"handler": dict.fromkeys(TOLD, "SELECT") | dict.fromkeys(CHANGED, "SELECT, UPDATE")})
    for signature in ASKED_BY_POLICIES:
        op.execute(f"REVOKE EXECUTE ON FUNCTION {signature} FROM {handler}")
    rights.drop_functions(ASKED_NO_MORE)
    rights.make_functions(FUNCTIONS)
    op.execute("CREATE SCHEMA desk")
    op.execute(f"GRANT USAGE ON SCHEMA desk TO {handler}")
    for table, condition in TOLD.items():
        _show(table, condition)
    for table in CHANGED:
        _let_change(table)
    rights.grant({"handler": {f"desk.{table}": "SELECT" for table in TOLD}})
    rights.grant({"handler": {f"desk.{table}": f"UPDATE ({its[0]})" for table, its in CHANGED.items()}})


def _read_columns(table: str) -> list[tuple[str, str]]:
    said = {"name": f"public.{table}", "kept": NEVER_TOLD.get(table, [])}
    return [(f'"{name}"', kind) for name, kind in op.get_bind().execute(sa.text(_READABLE), said)]


def _show(table: str, condition: str) -> None:
    columns = _read_columns(table)
    told = ", ".join(f"{name} {kind}" for name, kind in columns)
    asked = ", ".join(f"own.{name}" for name, _ in columns)
    words = set(re.findall(r"(?<![.\w])\w+", condition))
    asked_once = [f"{name} {what};" for name, what in ASKED_ONCE.items() if name in words]
    body = f"""
        CREATE FUNCTION desk.{table}() RETURNS TABLE ({told})
        LANGUAGE plpgsql STABLE ROWS 10 {PATH} AS $$
        #variable_conflict use_column
        DECLARE {" ".join(asked_once)}
        BEGIN
            RETURN QUERY SELECT {asked} FROM public.{table} AS own {condition};
        END
        $$
    """
    rights.make_functions({f"desk.{table}()": (body, ("handler",))})
    op.execute(f"CREATE VIEW desk.{table} AS SELECT * FROM desk.{table}()")


def _let_change(table: str) -> None:
    """Let an UPDATE of the view change the row, if nobody else did meanwhile: of a version there is one."""
    columns, whose, becomes = CHANGED[table]
    is_same = " AND its.version = OLD.version" if table == "matter" else ""
    changes = ", ".join(
        f"{name} = CASE WHEN NEW.{name} IS DISTINCT FROM OLD.{name} THEN NEW.{name} ELSE its.{name} END"
        for name in columns.split(", ")
    )
    body = f"""
        CREATE FUNCTION desk.change_{table}() RETURNS trigger LANGUAGE plpgsql {PATH} AS $$
        BEGIN
            IF NOT {whose} THEN RETURN NULL; END IF;
            IF NOT {becomes} THEN {_REFUSED}; END IF;
            UPDATE public.{table} AS its SET {changes} WHERE its.id = OLD.id{is_same};
            IF FOUND THEN RETURN NEW; END IF;
            RETURN NULL;
        END
        $$
    """
    rights.make_functions({f"desk.change_{table}()": (body, ())})
    op.execute(
        f"CREATE TRIGGER change_{table} INSTEAD OF UPDATE ON desk.{table}"
        f" FOR EACH ROW EXECUTE FUNCTION desk.change_{table}()"
    )


def downgrade() -> None:
    """Give the tables back, behind policies."""
    handler = rights.roles()["handler"]
    op.execute("DROP SCHEMA desk CASCADE")
    rights.drop_functions(FUNCTIONS)
    for signature in ASKED_BY_POLICIES:
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {handler}")
    rights.make_functions(_WALLS.deciding(ASKED_NO_MORE))
    for table in TOLD:
        columns = f" ({', '.join(name for name, _ in _read_columns(table))})" if table in NEVER_TOLD else ""
        rights.grant({"handler": {table: f"SELECT{columns}"}})
    rights.grant({"handler": {table: f"UPDATE ({its[0]})" for table, its in CHANGED.items()}})
    for (table, name), end in POLICIES.items():
        rights.make_policy(table, name, end, handler)
