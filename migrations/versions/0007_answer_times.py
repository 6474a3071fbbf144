"""What the receipt tells: the files that came with a form, and how long matters of a kind have taken."""

from alembic import op

from migrations import rights

revision = "0007"
down_revision = "0006"

FUNCTIONS = {
    # The files that a sent form has brought into its matter so far, as they are kept there.
    "sent_files(uuid)": (
        """
        CREATE FUNCTION sent_files(p_draft uuid)
        RETURNS TABLE (id uuid, name text, size_bytes bigint, sha256 text)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT attachment.id, attachment.name, attachment.size_bytes, attachment.sha256
            FROM arrival JOIN attachment ON attachment.message_id = arrival.message_id
            WHERE arrival.destination = 'draft:' || p_draft
            ORDER BY attachment.position, attachment.created_at, attachment.id
        $$
        """,
        ("citizen",),
    ),
    # How many matters of a category were first answered or closed within a time, and how long half of
    # them took at most. Nothing is told of fewer than twenty, nor of what stands behind a wall or ever
    # did. What was received more than a year before is no guide, and would be costly to look through.
    "answer_times(text, timestamptz, timestamptz)": (
        """
        CREATE FUNCTION answer_times(p_category text, p_since timestamptz, p_until timestamptz)
        RETURNS TABLE (n bigint, median interval)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY told.at - told.received_at)
            FROM (
                SELECT matter.received_at, least(
                    (SELECT min(message.created_at) FROM message
                     WHERE message.matter_id = matter.id AND message.direction = 'outgoing'
                       AND NOT message.is_automatic),
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
        ("citizen",),
    ),
}


def upgrade() -> None:
    """Make the functions, for the citizens' role alone, and the index by which times are found."""
    op.create_index(op.f("ix_matter_category_received_at"), "matter", ["category", "received_at"])
    rights.make_functions(FUNCTIONS)


def downgrade() -> None:
    """Take the functions and the index away."""
    rights.drop_functions(FUNCTIONS)
    op.drop_index(op.f("ix_matter_category_received_at"), "matter")
