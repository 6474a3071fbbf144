"""Merging: one matter goes into another, and what was known by its number, codes and addresses leads there."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from migrations import rights

revision = "0009"
down_revision = "0008"

COLUMNS: tuple[sa.Column[Any], ...] = (
    sa.Column("merged_into_id", sa.Uuid()),
    sa.Column("codes_lead_on", sa.Boolean(), nullable=False, server_default=sa.false()),
)
CHECKS = {
    "ck_matter_merged_is_closed": "merged_into_id IS NULL OR closed_at IS NOT NULL",
    "ck_matter_only_merged_leads_on": "merged_into_id IS NOT NULL OR NOT codes_lead_on",
}
GRANTS = {
    "citizen": {"matter": "SELECT (merged_into_id)"},
    # That a matter does not belong to the one that its subject names, a person says.
    "handler": {"matter": "UPDATE (possible_of_id)"},
}

FUNCTIONS = {
    # Where new things of a matter belong: to itself, or to the one that it went into in the end. UNION, here
    # and below, ends also where damaged rows go round in a ring, and the ledger tells of those.
    "surviving_matter(uuid)": (
        """
        CREATE FUNCTION surviving_matter(p_matter uuid) RETURNS uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            WITH RECURSIVE chain AS (
                SELECT id, merged_into_id FROM matter WHERE id = p_matter
                UNION
                SELECT matter.id, matter.merged_into_id FROM matter JOIN chain ON matter.id = chain.merged_into_id
            )
            SELECT id FROM chain WHERE merged_into_id IS NULL
        $$
        """,
        ("citizen", "handler", "worker"),
    ),
    # What a code of a matter opens: as far as it was said that codes lead on.
    "opened_matter(uuid)": (
        """
        CREATE FUNCTION opened_matter(p_matter uuid) RETURNS uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            WITH RECURSIVE chain AS (
                SELECT id, merged_into_id, codes_lead_on FROM matter WHERE id = p_matter
                UNION
                SELECT matter.id, matter.merged_into_id, matter.codes_lead_on
                FROM matter JOIN chain ON matter.id = chain.merged_into_id AND chain.codes_lead_on
            )
            SELECT id FROM chain WHERE NOT codes_lead_on
        $$
        """,
        (),
    ),
    # The other way round: the matters whose codes open this one, itself among them.
    "matters_opening(uuid)": (
        """
        CREATE FUNCTION matters_opening(p_matter uuid) RETURNS SETOF uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            WITH RECURSIVE chain AS (
                SELECT p_matter AS id
                UNION
                SELECT matter.id FROM matter
                JOIN chain ON matter.merged_into_id = chain.id AND matter.codes_lead_on
            )
            SELECT id FROM chain
        $$
        """,
        ("handler",),
    ),
    # The messages that a code may show of the matter that it opens. Where it does not lead on, those that
    # went away with the matter are still its own: what was once told to somebody stays told.
    "followed_messages(uuid)": (
        """
        CREATE FUNCTION followed_messages(p_matter uuid) RETURNS SETOF uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT message.id FROM message WHERE message.matter_id = p_matter
            UNION
            SELECT jsonb_array_elements_text(went.detail -> 'messages')::uuid FROM (
                SELECT event.detail FROM event JOIN matter ON matter.id = event.matter_id
                WHERE event.matter_id = p_matter AND event.what = 'merged_into'
                  AND matter.merged_into_id IS NOT NULL
                ORDER BY event.at DESC, event.id DESC LIMIT 1
            ) went
        $$
        """,
        (),
    ),
    # Whether a wall stands between two matters: one of their units has one, and they are not the same.
    "is_wall_between(uuid, uuid)": (
        """
        CREATE FUNCTION is_wall_between(p_one uuid, p_other uuid) RETURNS boolean
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT count(DISTINCT unit.id) > 1 AND bool_or(unit.is_walled)
            FROM matter JOIN unit ON unit.id = matter.unit_id WHERE matter.id IN (p_one, p_other)
        $$
        """,
        (),
    ),
    # Messages go from one matter to another, with their files and those still on their way. An upload
    # that somebody holds just now is left: whoever ends it looks where its message is by then.
    "move_messages(uuid, uuid, uuid[])": (
        """
        CREATE FUNCTION move_messages(p_from uuid, p_to uuid, p_messages uuid[]) RETURNS uuid[]
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
        DECLARE
            moved uuid[];
        BEGIN
            IF is_wall_between(p_from, p_to) THEN
                RAISE insufficient_privilege USING MESSAGE = 'nothing goes across a wall';
            END IF;
            WITH changed AS (
                UPDATE message SET matter_id = p_to
                WHERE message.matter_id = p_from AND message.id = ANY (p_messages) RETURNING message.id
            )
            SELECT coalesce(array_agg(changed.id), '{}') INTO moved FROM changed;
            -- A statement of its own: it sees also a file that was added while the first one waited.
            UPDATE attachment SET matter_id = p_to WHERE attachment.message_id = ANY (moved);
            UPDATE upload SET matter_id = p_to WHERE upload.id IN (
                SELECT held.id FROM upload held WHERE held.message_id = ANY (moved) FOR UPDATE SKIP LOCKED);
            RETURN moved;
        END
        $$
        """,
        (),
    ),
    # A matter goes into another that is not merged itself, so that no chain ever comes round again. The
    # caller has seen to it that the person may see both, holds both rows and has closed the first. Flags
    # and wishes are those of both, and the more careful ones: a wish counts where both are the same
    # person's.
    "merge_matters(uuid, uuid, boolean)": (
        """
        CREATE FUNCTION merge_matters(p_from uuid, p_into uuid, p_codes_lead_on boolean) RETURNS uuid[]
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
        BEGIN
            UPDATE matter SET merged_into_id = p_into, codes_lead_on = p_codes_lead_on
            WHERE matter.id = p_from AND matter.merged_into_id IS NULL AND p_from <> p_into
              AND EXISTS (SELECT FROM matter kept WHERE kept.id = p_into AND kept.merged_into_id IS NULL);
            IF NOT FOUND THEN
                RAISE invalid_parameter_value USING MESSAGE = 'one of the two is merged already, or they are one';
            END IF;
            UPDATE matter SET
                flags = ARRAY(SELECT DISTINCT flag FROM unnest(matter.flags || gone.flags) flag ORDER BY flag),
                may_email = matter.may_email AND (gone.may_email OR gone.sender_email IS NULL
                    OR lower(gone.sender_email) IS DISTINCT FROM lower(matter.sender_email)),
                is_neutral = matter.is_neutral OR (gone.is_neutral
                    AND lower(gone.sender_email) IS NOT DISTINCT FROM lower(matter.sender_email))
            FROM matter gone WHERE matter.id = p_into AND gone.id = p_from;
            RETURN move_messages(p_from, p_into, ARRAY(
                SELECT message.id FROM message WHERE message.matter_id = p_from));
        END
        $$
        """,
        ("handler",),
    ),
    # A merged matter becomes its own again: exactly the messages that went with it come back, as far as
    # they still stand where they went. What came in since stays there.
    "part_matters(uuid)": (
        """
        CREATE FUNCTION part_matters(p_matter uuid) RETURNS uuid[]
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
        DECLARE
            went uuid[];
            survivor uuid := surviving_matter(p_matter);
        BEGIN
            UPDATE matter SET merged_into_id = NULL, codes_lead_on = false
            WHERE matter.id = p_matter AND matter.merged_into_id IS NOT NULL;
            IF NOT FOUND THEN
                RAISE invalid_parameter_value USING MESSAGE = 'the matter is not merged';
            END IF;
            SELECT ARRAY(SELECT jsonb_array_elements_text(event.detail -> 'messages')::uuid) INTO went
            FROM event WHERE event.matter_id = p_matter AND event.what = 'merged_into'
            ORDER BY event.at DESC, event.id DESC LIMIT 1;
            RETURN move_messages(survivor, p_matter, went);
        END
        $$
        """,
        ("handler",),
    ),
}  # fmt: skip

SHOWN = (
    "message.matter_id = followed_matter(p_reference, p_code_hash)",
    "message.id IN (SELECT followed_messages(followed_matter(p_reference, p_code_hash)))",
)
# What stood before and is changed here, with what was put in. So both ways are told once.
CHANGED = {
    "followed_matter(text, text)": (
        """
        CREATE OR REPLACE FUNCTION followed_matter(p_reference text, p_code_hash text) RETURNS uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT {opened} FROM matter JOIN status_code ON status_code.matter_id = matter.id
            WHERE matter.reference = p_reference
              AND status_code.code_hash = p_code_hash AND status_code.revoked_at IS NULL
        $$
        """,
        {"opened": ("matter.id", "opened_matter(matter.id)")},
    ),
    "hold_code(text, text)": (
        """
        CREATE OR REPLACE FUNCTION hold_code(p_reference text, p_code_hash text) RETURNS uuid
        LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT {opened} FROM matter JOIN status_code ON status_code.matter_id = matter.id
            WHERE matter.reference = p_reference
              AND status_code.code_hash = p_code_hash AND status_code.revoked_at IS NULL
            FOR SHARE OF status_code
        $$
        """,
        {"opened": ("matter.id", "opened_matter(matter.id)")},
    ),
    "followed_answers(text, text)": (
        """
        CREATE OR REPLACE FUNCTION followed_answers(p_reference text, p_code_hash text)
        RETURNS TABLE (text text, at timestamptz, files json)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT message.text, message.created_at,
                   (SELECT coalesce(json_agg(json_build_object(
                                'id', attachment.id, 'name', attachment.name,
                                'size_bytes', attachment.size_bytes,
                                'state', file_state(attachment.verdict)) ORDER BY attachment.position), '[]')
                    FROM attachment WHERE attachment.message_id = message.id)
            FROM message
            WHERE {shown}
              AND message.direction = 'outgoing' AND message.is_told
            ORDER BY message.created_at, message.id
        $$
        """,
        {"shown": SHOWN},
    ),
    "followed_file(text, text, uuid)": (
        """
        CREATE OR REPLACE FUNCTION followed_file(p_reference text, p_code_hash text, p_file uuid)
        RETURNS TABLE (name text, size_bytes bigint, state text, storage_key text)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT attachment.name, attachment.size_bytes, file_state(attachment.verdict),
                   CASE WHEN file_state(attachment.verdict) = 'ready' THEN attachment.storage_key END
            FROM attachment JOIN message ON message.id = attachment.message_id
            WHERE attachment.id = p_file
              AND {shown}
              AND message.direction = 'outgoing' AND message.is_told
        $$
        """,
        {"shown": SHOWN},
    ),
    "revoke_codes(uuid, timestamptz)": (
        """
        CREATE OR REPLACE FUNCTION revoke_codes(p_matter uuid, p_at timestamptz) RETURNS bigint
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
        DECLARE
            revoked bigint := 0;
            more bigint;
        BEGIN
            LOOP
                WITH begun AS (
                    UPDATE draft SET supplements_id = NULL
                    WHERE draft.supplements_id {its} AND draft.matter_id IS NULL
                    RETURNING draft.id
                )
                UPDATE mail_address SET matter_id = NULL FROM begun
                WHERE mail_address.draft_id = begun.id AND mail_address.matter_id {its};
                UPDATE status_code SET revoked_at = p_at
                WHERE status_code.matter_id {its} AND status_code.revoked_at IS NULL;
                GET DIAGNOSTICS more = ROW_COUNT;
                revoked := revoked + more;
                EXIT WHEN more = 0;
            END LOOP;
            PERFORM FROM email_change WHERE email_change.matter_id {its} FOR UPDATE;
            UPDATE email_change SET expires_at = 'epoch'
            WHERE email_change.matter_id {its} AND email_change.confirmed_at IS NULL;
            RETURN revoked;
        END
        $$
        """,
        {"its": ("= p_matter", "IN (SELECT matters_opening(p_matter))")},
    ),
    "owe_status_link(text, uuid, text, uuid, text[], timestamptz)": (
        """
        CREATE OR REPLACE FUNCTION owe_status_link(p_reference text, p_letter uuid, p_header text, p_job uuid,
                                                   p_private text[], p_at timestamptz) RETURNS void
        LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            WITH owed AS (
                INSERT INTO outgoing_letter
                    (id, matter_id, kind, state, recipient, message_id_header, created_at)
                SELECT p_letter, matter.id, 'status_link', 'owed', matter.sender_email, p_header, p_at
                FROM matter
                WHERE matter.reference = p_reference AND matter.may_email AND matter.sender_email <> ''
                  AND NOT matter.category = ANY (p_private)
                  AND NOT matter.flags && ARRAY['vulnerable', 'protected_identity']
                  AND EXISTS (
                    SELECT FROM message WHERE message.matter_id = {where}
                    AND message.direction = 'incoming' AND NOT message.is_automatic)
                  AND NOT EXISTS (
                    SELECT FROM job WHERE job.subject_id = matter.id AND job.kind = 'place_again'
                    AND job.done_at IS NULL)
                  AND NOT EXISTS (
                    SELECT FROM outgoing_letter earlier WHERE earlier.matter_id = matter.id
                    AND earlier.kind = 'status_link' AND earlier.created_at > p_at - interval '1 day')
                RETURNING id
            )
            INSERT INTO job (id, kind, dedupe, subject_id, created_at, due_at, sends, attempts)
            SELECT p_job, 'send_letter', 'send_letter:' || owed.id, owed.id, p_at, p_at, 0, 0 FROM owed
        $$
        """,
        {"where": ("matter.id", "surviving_matter(matter.id)")},
    ),
    # An answer that was given before a matter came is another's, which went into it.
    "answer_times(text, timestamptz, timestamptz)": (
        """
        CREATE OR REPLACE FUNCTION answer_times(p_category text, p_since timestamptz, p_until timestamptz)
        RETURNS TABLE (n bigint, median interval)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY told.at - told.received_at)
            FROM (
                SELECT matter.received_at, least(
                    (SELECT min(message.created_at) FROM message
                     WHERE message.matter_id = matter.id AND message.direction = 'outgoing'
                       AND NOT message.is_automatic{and_its_own}),
                    (SELECT min(event.at) FROM event
                     WHERE event.matter_id = matter.id AND event.what = 'closed')) AS at
                FROM matter
                WHERE matter.category = p_category
                  AND matter.received_at >= p_since - interval '1 year' AND matter.received_at < p_until
                  AND NOT EXISTS (
                      SELECT FROM unit WHERE unit.is_walled AND (unit.id = matter.unit_id OR EXISTS (
                          SELECT FROM matter_unit
                          WHERE matter_unit.matter_id = matter.id AND matter_unit.unit_id = unit.id)))
            ) told
            WHERE told.at >= p_since AND told.at < p_until
            HAVING count(*) >= 20
        $$
        """,
        {"and_its_own": ("", " AND message.created_at >= matter.received_at")},
    ),
}

# Every merged matter becomes its own again and opens: older code would follow it nowhere. The last first.
PART_ALL = """
    DO $$
    DECLARE
        merged uuid;
    BEGIN
        FOR merged IN
            SELECT matter.id FROM matter WHERE matter.merged_into_id IS NOT NULL
            ORDER BY (SELECT max(event.at) FROM event
                      WHERE event.matter_id = matter.id AND event.what = 'merged_into') DESC
        LOOP
            PERFORM part_matters(merged);
            UPDATE matter SET status = 'reopened', closed_at = NULL, version = version + 1 WHERE id = merged;
        END LOOP;
    END
    $$
"""


def upgrade() -> None:
    """Let a matter name the one that it went into, and make what follows that name."""
    for column in COLUMNS:
        op.add_column("matter", column)
    op.create_foreign_key(
        op.f("fk_matter_merged_into_id_matter"), "matter", "matter", ["merged_into_id"], ["id"],
        deferrable=True, initially="DEFERRED",
    )  # fmt: skip
    is_merged = sa.text("merged_into_id IS NOT NULL")
    op.create_index("ix_matter_merged_into_id", "matter", ["merged_into_id"], postgresql_where=is_merged)
    for name, check in CHECKS.items():
        op.create_check_constraint(op.f(name), "matter", check)
    rights.grant(GRANTS)
    rights.make_functions(FUNCTIONS)
    _change_functions(1)


def downgrade() -> None:
    """Part what is merged, and take it all back."""
    op.execute(PART_ALL)
    # A table whose foreign keys are still to be checked cannot be changed.
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    _change_functions(0)
    rights.drop_functions(FUNCTIONS)
    rights.revoke(GRANTS)
    for name in CHECKS:
        op.drop_constraint(op.f(name), "matter")
    op.drop_index("ix_matter_merged_into_id", "matter")
    for column in COLUMNS:
        op.drop_column("matter", column.name)


def _change_functions(which: int) -> None:
    """Let the functions be as they were (0) or as they are from here on (1); their callers stay."""
    for body, parts in CHANGED.values():
        words = body
        for name, versions in parts.items():
            words = words.replace(f"{{{name}}}", versions[which])
        op.execute(words)
