"""What no plan, estimate or counter tells: values in the rows of another side.

A policy decides about rows that were found, and EXPLAIN tells how many there were. So what could be
asked of an index that a handler's session may use is an id, a time or a number, never a unit, a person,
an address or a digest: those are indexed as their md5, which PostgreSQL does not ask before a policy. And
no statistics are kept of what columns hold, since estimates tell them whatever the policy says.
"""

import sqlalchemy as sa
from alembic import op

from migrations import rights

revision = "0022"
down_revision = "0021"

# By name: the table, what is ordered now, and by what it was before; each with what it is limited to.
ANEW: dict[str, tuple[str, list[str], list[str], str | None]] = {
    "ix_matter_inbox": (
        "matter", ["md5(unit_id)", "priority", "received_at", "id"], ["unit_id", "priority", "received_at", "id"],
        "closed_at IS NULL",
    ),
    "ix_matter_category_received_at": (
        "matter", ["md5(category)", "received_at"], ["category", "received_at"], None,
    ),
    "ix_matter_unit_raised": (
        "matter_unit", ["md5(unit_id)", "matter_id"], ["unit_id", "matter_id"], "why = 'raised' AND until IS NULL",
    ),
    "ix_letter_message_id_header": ("letter", ["md5(message_id_header)"], ["message_id_header"], None),
    "ix_letter_sha256": ("letter", ["md5(sha256)"], ["sha256"], None),
}  # fmt: skip
# The same of what must be unique, and was a constraint.
ONE_OF: dict[str, tuple[str, list[str], list[str]]] = {
    "uq_arrival_destination_digest": ("arrival", ["md5(digest)", "md5(destination)"], ["destination", "digest"]),
    "uq_outgoing_letter_message_id_header": (
        "outgoing_letter", ["md5(message_id_header)"], ["message_id_header"],
    ),
    "uq_handler_email": ("handler", ["md5(email)"], ["email"]),
    "uq_membership_handler_id_unit_id_role": (
        "membership", ["handler_id", "md5(unit_id)", "md5(role)"], ["handler_id", "unit_id", "role"],
    ),
}  # fmt: skip
OPEN = "until IS NULL"
# What functions ask for by what is indexed, beside the value itself.
ASKED = {
    "answer_times(text, timestamptz, timestamptz)": (
        "WHERE matter.category = p_category",
        "WHERE md5(matter.category) = md5(p_category) AND matter.category = p_category",
    ),
}
# Every column that a handler's session may read, but a row's own id and that of the matter it is in.
WITHOUT_STATISTICS = """
    DO $$
    DECLARE
        its record;
    BEGIN
        FOR its IN
            SELECT attrelid::regclass AS name, attname FROM pg_attribute
            JOIN pg_class ON pg_class.oid = attrelid
            WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relrowsecurity
              AND attnum > 0 AND NOT attisdropped
              AND (atttypid <> 'uuid'::regtype OR attname IN ('handler_id', 'possible_of_id', 'merged_into_id'))
              AND has_column_privilege('{handler}', attrelid, attnum, 'SELECT')
        LOOP
            EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS {kept}', its.name, its.attname);
        END LOOP;
        FOR its IN
            SELECT pg_class.oid::regclass AS name, attnum FROM pg_class
            JOIN pg_index ON indexrelid = pg_class.oid JOIN pg_attribute ON attrelid = pg_class.oid
            JOIN pg_class AS own ON own.oid = indrelid
            WHERE own.relnamespace = 'public'::regnamespace AND own.relrowsecurity
              AND atttypid = 'text'::regtype AND indkey[attnum - 1] = 0
        LOOP
            EXECUTE format('ALTER INDEX %s ALTER COLUMN %s SET STATISTICS {kept}', its.name, its.attnum);
        END LOOP;
    END
    $$
"""


def upgrade() -> None:
    """Index what tells of others as its md5, and forget what columns hold."""
    for name, (table, ordered, _, limit) in ANEW.items():
        op.drop_index(name, table)
        _index(name, table, ordered, limit)
    for name, (table, ordered, _) in ONE_OF.items():
        op.drop_constraint(name, table, type_="unique")
        _index(name, table, ordered, None, unique=True)
    op.drop_index("uq_matter_unit_open", "matter_unit")
    _index("uq_matter_unit_open", "matter_unit", ["matter_id", "md5(unit_id)"], OPEN, unique=True)
    op.drop_index(op.f("ix_matter_unit_unit_id_matter_id"), "matter_unit")
    op.create_index(op.f("ix_matter_unit_matter_id"), "matter_unit", ["matter_id"])
    op.drop_index("ix_matter_waiting", "matter")
    _index("ix_matter_closed", "matter", ["md5(unit_id)", "closed_at", "id"], "closed_at IS NOT NULL")
    op.drop_index(op.f("ix_membership_change_unit_id_at"), "membership_change")
    for signature, words in ASKED.items():
        rights.rewrite(signature, *words)
    _keep_statistics("0")


def _index(name: str, table: str, columns: list[str], limit: str | None, *, unique: bool = False) -> None:
    where = sa.text(limit) if limit else None
    parts = [sa.text(column) for column in columns]
    op.create_index(name, table, parts, unique=unique, postgresql_where=where)


def _keep_statistics(kept: str) -> None:
    handler = rights.roles()["handler"].strip('"').replace("'", "''")
    said = WITHOUT_STATISTICS.format(handler=handler, kept=kept)
    op.get_bind().exec_driver_sql(said.replace("%", "%%"))


def downgrade() -> None:
    """Index, and know, everything as before."""
    _keep_statistics("-1")
    for signature, words in ASKED.items():
        rights.rewrite(signature, *reversed(words))
    op.create_index(op.f("ix_membership_change_unit_id_at"), "membership_change", ["unit_id", "at"])
    op.drop_index("ix_matter_closed", "matter")
    _index("ix_matter_waiting", "matter", ["received_at", "id"],
           "priority = 1 AND handler_id IS NULL AND closed_at IS NULL")  # fmt: skip
    op.drop_index(op.f("ix_matter_unit_matter_id"), "matter_unit")
    op.create_index(op.f("ix_matter_unit_unit_id_matter_id"), "matter_unit", ["unit_id", "matter_id"])
    op.drop_index("uq_matter_unit_open", "matter_unit")
    _index("uq_matter_unit_open", "matter_unit", ["matter_id", "unit_id"], OPEN, unique=True)
    for name, (table, _, before) in ONE_OF.items():
        op.drop_index(name, table)
        op.create_unique_constraint(name, table, before)
    for name, (table, _, before, limit) in ANEW.items():
        op.drop_index(name, table)
        _index(name, table, before, limit)
