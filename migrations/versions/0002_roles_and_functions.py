"""What each database role may do, and the few functions that do more than their caller may."""

from migrations import rights

revision = "0002"
down_revision = "0001"

# role -> table -> privileges; columns in brackets where less than the table is enough.
GRANTS = {
    "citizen": {
        "alembic_version": "SELECT",
        "unit": "SELECT",
        "draft": "SELECT, INSERT, UPDATE, DELETE",
        "draft_file": "SELECT, INSERT, DELETE",
        "draft_key": "SELECT, INSERT, DELETE",
        "mail_address": "SELECT, INSERT, UPDATE (matter_id, revoked_at)",
        "arrival": "INSERT",
        "matter": (
            "INSERT, SELECT (id, reference, status, unit_id, handler_id, closed_at),"
            " UPDATE (category, unit_id, region, priority, flags, status, subject, sender_name,"
            " sender_email, sender_phone, municipality, place, place_words, chosen_category,"
            " needs_person, handler_id, closed_at, version), SELECT (version)"
        ),
        "matter_unit": "INSERT, SELECT (matter_id, unit_id, until), UPDATE (until)",
        "message": "INSERT",
        "attachment": "INSERT",
        "placement": "INSERT",
        "event": "INSERT",
        "job": "INSERT",
        "status_code": "INSERT",
        "outgoing_letter": "INSERT",
        "limit_count": "SELECT, INSERT, UPDATE",
    },
    "handler": {
        "alembic_version": "SELECT",
        "unit": "SELECT",
        "handler": "SELECT, UPDATE (password_hash, must_change_password, password_expires_at)",
        "membership": "SELECT",
        "handler_session": "SELECT, INSERT, UPDATE",
        "access_log": "INSERT",
        "arrival": "SELECT",
        "letter": "SELECT",
        "matter": (
            "SELECT, UPDATE (category, unit_id, region, priority, status, handler_id, closed_at,"
            " needs_person, version)"
        ),
        "matter_unit": "SELECT, INSERT, UPDATE (until)",
        "diary_entry": "SELECT",
        "message": "SELECT, INSERT",
        "attachment": "SELECT, INSERT",
        "placement": "SELECT",
        "event": "SELECT, INSERT",
        "mail_address": "SELECT, INSERT",
        "outgoing_letter": "SELECT, INSERT",
        "job": "SELECT, INSERT",
        "limit_count": "SELECT, INSERT, UPDATE",
    },
    "worker": {
        "alembic_version": "SELECT",
        "unit": "SELECT",
        "arrival": "SELECT, INSERT, UPDATE (message_id, duplicate_of_id, marks)",
        "letter": "SELECT, INSERT, UPDATE",
        "matter": "SELECT, INSERT, UPDATE",
        "matter_unit": "SELECT, INSERT, UPDATE (until)",
        "number_series": "SELECT",
        "diary_entry": "SELECT",
        "message": "SELECT, INSERT, UPDATE (subject, text, sender_name, sender_email, problems)",
        "attachment": "SELECT, INSERT, UPDATE (verdict, detected_type, findings, checked_at)",
        "placement": "SELECT, INSERT",
        "event": "SELECT, INSERT",
        "mail_address": "SELECT, INSERT, UPDATE",
        "status_code": "SELECT, INSERT",
        "outgoing_letter": "SELECT, INSERT, UPDATE",
        "job": "SELECT, INSERT, UPDATE, DELETE",
        "draft_key": "SELECT",
        "limit_count": "SELECT, INSERT, UPDATE, DELETE",
        "handler_session": "SELECT, DELETE",
    },
}  # fmt: skip

FUNCTIONS = {
    "register_matter(uuid, text, integer, timestamptz)": (
        """
        CREATE FUNCTION register_matter(
            p_matter uuid, p_series text, p_year integer, p_at timestamptz) RETURNS bigint
        LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            WITH counter AS (
                INSERT INTO number_series (series, year, last) VALUES (p_series, p_year, 1)
                ON CONFLICT (series, year) DO UPDATE SET last = number_series.last + 1
                RETURNING last
            )
            INSERT INTO diary_entry (matter_id, series, year, number, registered_at)
            SELECT p_matter, p_series, p_year, last, p_at FROM counter
            RETURNING number
        $$
        """,
        ("citizen", "worker"),
    ),
    "expire_drafts(timestamptz)": (
        """
        CREATE FUNCTION expire_drafts(p_now timestamptz) RETURNS bigint
        LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            WITH expired AS (
                DELETE FROM draft WHERE expires_at < p_now RETURNING id
            ), keys AS (
                DELETE FROM draft_key WHERE draft_id IN (SELECT id FROM expired)
            ), addresses AS (
                UPDATE mail_address SET revoked_at = p_now
                WHERE matter_id IS NULL AND revoked_at IS NULL
                AND draft_id IN (SELECT id FROM expired)
            )
            SELECT count(*) FROM expired
        $$
        """,
        ("worker",),
    ),
    "is_untouched(uuid)": (
        """
        CREATE FUNCTION is_untouched(p_matter uuid) RETURNS boolean
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT NOT EXISTS (
                SELECT FROM event WHERE event.matter_id = p_matter AND event.handler_id IS NOT NULL)
        $$
        """,
        ("citizen", "worker"),
    ),
    "matter_status(text, text)": (
        """
        CREATE FUNCTION matter_status(p_reference text, p_code_hash text)
        RETURNS TABLE (received_at timestamptz, registered_at timestamptz, category text,
                       status text, is_taken boolean, closed_at timestamptz)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT matter.received_at, diary_entry.registered_at, matter.category, matter.status,
                   matter.handler_id IS NOT NULL, matter.closed_at
            FROM matter
            JOIN diary_entry ON diary_entry.matter_id = matter.id
            JOIN status_code ON status_code.matter_id = matter.id
            WHERE matter.reference = p_reference
              AND status_code.code_hash = p_code_hash AND status_code.revoked_at IS NULL
        $$
        """,
        ("citizen",),
    ),
}


def upgrade() -> None:
    """Grant, and make the functions."""
    rights.grant(GRANTS)
    rights.make_functions(FUNCTIONS)


def downgrade() -> None:
    """Take the functions and the grants back."""
    rights.drop_functions(FUNCTIONS)
    rights.revoke({role: dict.fromkeys(tables, "ALL") for role, tables in GRANTS.items()})
