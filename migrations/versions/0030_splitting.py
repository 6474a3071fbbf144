"""A part of a matter becomes one of its own, and two that belong together name each other.

Both are told by functions alone, and only to a session that sees the other matter too: no role has any
right to the tables, so that what stands on another side is neither read, counted nor guessed.
"""

import sqlalchemy as sa
from alembic import op

from migrations import rights

revision = "0030"
down_revision = "0029"

PATH = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
REFUSED = "RAISE insufficient_privilege USING MESSAGE = 'not a matter of the caller''s'"
MINE = "session_handler() IS NOT NULL AND may_write({0}) AND may_open({0})"
# The matter itself and those that went into it: what they were split into are its parts now.
HERE = """WITH RECURSIVE here AS (
                SELECT p_matter AS id
                UNION
                SELECT matter.id FROM matter JOIN here ON matter.merged_into_id = here.id
            )"""
OTHER = "CASE WHEN matter_link.one_id = p_matter THEN matter_link.other_id ELSE matter_link.one_id END"
TELL = """INSERT INTO event (id, matter_id, at, actor, handler_id, what, detail)
            VALUES (gen_random_uuid(), {0}, p_at, 'handler', session_handler(), '{1}', {2})"""

FUNCTIONS: rights.Functions = {
    # A matter that is a part of another begins, without a message, where the session's person works and
    # the other stands; it goes on from there. It has no sender, no code and no address: the other speaks.
    "begin_child(uuid, uuid, jsonb, jsonb, timestamptz)": (
        f"""
        CREATE FUNCTION begin_child(p_matter uuid, p_child uuid, p_said jsonb, p_placement jsonb,
                                    p_at timestamptz) RETURNS void
        LANGUAGE plpgsql {PATH} AS $$
        DECLARE
            home text := (
                SELECT matter_unit.unit_id FROM matter_unit JOIN matter ON matter.id = matter_unit.matter_id
                WHERE matter.id = p_matter AND matter_unit.until IS NULL
                  AND matter_unit.unit_id = ANY (acting_units())
                ORDER BY matter_unit.unit_id <> matter.unit_id, matter_unit.unit_id LIMIT 1);
        BEGIN
            IF home IS NULL OR NOT ({MINE.format("p_matter")}) THEN {REFUSED}; END IF;
            IF EXISTS (SELECT FROM matter_child WHERE child_id = p_matter) THEN
                RAISE invalid_parameter_value USING MESSAGE = 'the matter is a part itself';
            END IF;
            INSERT INTO matter (id, reference, channel, category, unit_id, region, priority, flags, status, subject,
                                municipality, place, place_words, needs_person, received_at, version, language,
                                may_email, is_neutral, due_at)
            SELECT p_child, said.reference, matter.channel, said.category, home, unit.region, said.priority,
                   said.flags, 'registered', said.subject, matter.municipality, matter.place, matter.place_words,
                   '{{}}', said.received_at, 1, matter.language, false, true, said.due_at
            FROM matter, unit, jsonb_to_record(p_said) AS said (
                reference text, category text, priority integer, flags text[], subject text,
                received_at timestamptz, due_at timestamptz)
            WHERE matter.id = p_matter AND matter.closed_at IS NULL AND unit.id = home;
            IF NOT FOUND THEN
                RAISE invalid_parameter_value USING MESSAGE = 'the matter is closed';
            END IF;
            INSERT INTO matter_unit (id, matter_id, unit_id, since, why)
            VALUES (gen_random_uuid(), p_child, home, clock_timestamp(), 'split');
            INSERT INTO placement (id, matter_id, at, category, guess, confidence, is_undecided, next, unit_id,
                                   region, priority, flags, reasons, rules_version)
            SELECT gen_random_uuid(), p_child, p_at, said.category, said.guess, said.confidence,
                   said.is_undecided, said.next, said.unit, said.region, said.priority, said.flags,
                   said.reasons, said.rules_version
            FROM jsonb_to_record(p_placement) AS said (
                category text, guess text, confidence float8, is_undecided boolean, next text[], unit text,
                region text, priority integer, flags text[], reasons json, rules_version text);
            INSERT INTO matter_child (child_id, parent_id, created_at) VALUES (p_child, p_matter, p_at);
        END
        $$
        """,
        ("handler",),
    ),
    # The diary number of a matter that this very transaction began, in the series of the one it is a part
    # of; the last statement before the commit.
    "number_child(uuid, timestamptz)": (
        f"""
        CREATE FUNCTION number_child(p_child uuid, p_at timestamptz) RETURNS bigint
        LANGUAGE plpgsql {PATH} AS $$
        DECLARE
            its text := (
                SELECT diary_entry.series FROM matter_child
                JOIN diary_entry ON diary_entry.matter_id = matter_child.parent_id
                WHERE matter_child.child_id = p_child AND is_made_here(matter_child.xmin));
        BEGIN
            IF its IS NULL THEN {REFUSED}; END IF;
            RETURN register_matter(
                p_child, its, extract(year FROM p_at AT TIME ZONE 'Europe/Stockholm')::integer, p_at);
        END
        $$
        """,
        ("handler",),
    ),
    # Since when a matter that may be opened is a part of another, and whether a wall stands between them by
    # now; no row of one that is no part.
    "split_of(uuid)": (
        f"""
        CREATE FUNCTION split_of(p_matter uuid)
        RETURNS TABLE (split_at timestamptz, is_walled_off boolean) LANGUAGE sql STABLE {PATH} AS $$
            SELECT matter_child.created_at,
                   coalesce(is_wall_between(p_matter, surviving_matter(matter_child.parent_id)), false)
            FROM matter_child WHERE matter_child.child_id = p_matter AND may_open(p_matter)
        $$
        """,
        ("handler", "worker"),
    ),
    # A part was made by mistake: the matter that it was made out of is told, wherever that stands. Says
    # whether it was a part that nobody had ended before.
    "undo_split(uuid, timestamptz)": (
        f"""
        CREATE FUNCTION undo_split(p_child uuid, p_at timestamptz) RETURNS boolean
        LANGUAGE plpgsql {PATH} AS $$
        DECLARE
            parent uuid;
        BEGIN
            IF NOT ({MINE.format("p_child")}) THEN {REFUSED}; END IF;
            UPDATE matter_child SET ended_at = p_at WHERE child_id = p_child AND ended_at IS NULL
            RETURNING surviving_matter(parent_id) INTO parent;
            IF parent IS NULL THEN RETURN false; END IF;
            {TELL.format("parent", "child_undone", "'{}'")};
            RETURN true;
        END
        $$
        """,
        ("handler",),
    ),
    # What a matter that the session has opened was split from and into, and what it is linked with, as far
    # as the session sees that.
    "kindred(uuid)": (
        f"""
        CREATE FUNCTION kindred(p_matter uuid)
        RETURNS TABLE (id uuid, how text, link_id uuid, why text, at timestamptz)
        LANGUAGE sql STABLE {PATH} AS $$
            {HERE}
            SELECT other.* FROM (
                SELECT surviving_matter(matter_child.parent_id), 'parent', NULL::uuid, '', matter_child.created_at
                FROM matter_child WHERE matter_child.child_id = p_matter
                UNION ALL
                SELECT matter_child.child_id, CASE WHEN ended_at IS NULL THEN 'child' ELSE 'mistake' END, NULL, '',
                       matter_child.created_at
                FROM matter_child WHERE matter_child.parent_id IN (SELECT here.id FROM here)
                UNION ALL
                SELECT {OTHER}, 'link', matter_link.id, matter_link.why, matter_link.created_at
                FROM matter_link WHERE p_matter IN (one_id, other_id) AND ended_at IS NULL
            ) AS other (id, how, link_id, why, at)
            WHERE other.id <> p_matter AND opens(p_matter, session_id(), session_units())
              AND session_sees(other.id)
            ORDER BY other.at, other.id
        $$
        """,
        ("handler",),
    ),
    # The links of a matter, those that were taken away too, whose other end the session sees: of no other
    # is anything told in the history.
    "seen_links(uuid)": (
        f"""
        CREATE FUNCTION seen_links(p_matter uuid) RETURNS SETOF uuid LANGUAGE sql STABLE {PATH} AS $$
            SELECT matter_link.id FROM matter_link
            WHERE p_matter IN (one_id, other_id) AND opens(p_matter, session_id(), session_units())
              AND session_sees({OTHER})
        $$
        """,
        ("handler",),
    ),
    # Two matters of the session's person belong together, and the other is told so; nothing where they are
    # linked already. Never across a wall.
    "link_matters(uuid, uuid, text, timestamptz)": (
        f"""
        CREATE FUNCTION link_matters(p_matter uuid, p_other uuid, p_why text, p_at timestamptz) RETURNS uuid
        LANGUAGE plpgsql {PATH} AS $$
        DECLARE
            made uuid;
        BEGIN
            IF NOT ({MINE.format("p_matter")} AND {MINE.format("p_other")})
                OR p_matter = p_other OR is_wall_between(p_matter, p_other) THEN {REFUSED}; END IF;
            INSERT INTO matter_link (id, one_id, other_id, why, created_at)
            VALUES (gen_random_uuid(), least(p_matter, p_other), greatest(p_matter, p_other), left(p_why, 2000), p_at)
            ON CONFLICT (one_id, other_id) WHERE ended_at IS NULL DO NOTHING RETURNING id INTO made;
            IF made IS NOT NULL THEN
                {TELL.format("p_other", "linked", "jsonb_build_object('link', made)")};
            END IF;
            RETURN made;
        END
        $$
        """,
        ("handler",),
    ),
    # A link whose both ends the session sees is taken away, and the other is told so; says whether it was
    # there still.
    "unlink_matters(uuid, uuid, timestamptz)": (
        f"""
        CREATE FUNCTION unlink_matters(p_matter uuid, p_link uuid, p_at timestamptz) RETURNS boolean
        LANGUAGE plpgsql {PATH} AS $$
        DECLARE
            other uuid;
        BEGIN
            IF NOT ({MINE.format("p_matter")}) THEN {REFUSED}; END IF;
            UPDATE matter_link SET ended_at = p_at
            WHERE matter_link.id = p_link AND p_matter IN (one_id, other_id) AND ended_at IS NULL
              AND session_sees({OTHER})
            RETURNING {OTHER} INTO other;
            IF other IS NULL THEN RETURN false; END IF;
            {TELL.format("other", "unlinked", "jsonb_build_object('link', p_link)")};
            RETURN true;
        END
        $$
        """,
        ("handler",),
    ),
}
WALLS = {"matter_child": {"worker": ("FOR SELECT USING (true)",)}, "matter_link": {}}
GRANTS = {"worker": {"matter_child": "SELECT"}}
# A part has no incoming message, so what is read of it is none that is newer.
UNREAD = (
    "(SELECT max(message.created_at) FROM message",
    "(SELECT coalesce(max(message.created_at), '-infinity') FROM message",
)
INBOX = "inbox_rows(uuid, text[], timestamptz, integer)"
# What ends with a message that still waits has not ended yet to whoever follows it.
STATUS = "followed_status(text, text, timestamptz)"
ENDS = (
    ("IN ('answered', 'awaiting_citizen')", "IN ('answered', 'awaiting_citizen', 'closed')"),
    (
        "IS NOT NULL, matter.closed_at,",
        "IS NOT NULL, CASE WHEN NOT EXISTS (SELECT FROM message WHERE message.matter_id = matter.id"
        " AND message.held = 'waiting') THEN matter.closed_at END,",
    ),
)
JOBS = ("'send_letter'::text", "'send_letter'::text, 'tell_parent'::text")


def upgrade() -> None:
    """Let matters be split and linked."""
    at = sa.DateTime(timezone=True)
    op.create_table(
        "matter_child",
        sa.Column("child_id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", at, nullable=False),
        sa.Column("ended_at", at, nullable=True),
        *_of_matters("matter_child", "child_id", "parent_id"),
        sa.CheckConstraint("child_id <> parent_id", name=op.f("ck_matter_child_two")),
        sa.PrimaryKeyConstraint("child_id", name=op.f("pk_matter_child")),
    )
    op.create_index(op.f("ix_matter_child_parent_id"), "matter_child", ["parent_id"])
    op.create_table(
        "matter_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("one_id", sa.Uuid(), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("created_at", at, nullable=False),
        sa.Column("ended_at", at, nullable=True),
        *_of_matters("matter_link", "one_id", "other_id"),
        sa.CheckConstraint("one_id < other_id", name=op.f("ck_matter_link_two")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_matter_link")),
    )
    is_open = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_matter_link_open", "matter_link", ["one_id", "other_id"], unique=True, postgresql_where=is_open
    )
    op.create_index(op.f("ix_matter_link_one_id"), "matter_link", ["one_id"])
    op.create_index(op.f("ix_matter_link_other_id"), "matter_link", ["other_id"])
    rights.wall(WALLS)
    rights.grant(GRANTS)
    rights.make_functions(FUNCTIONS)
    rights.rewrite(INBOX, *UNREAD, times=2)
    for words in ENDS:
        rights.rewrite(STATUS, *words)
    rights.let_jobs_be(*JOBS)


def _of_matters(table: str, *columns: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(
            [column], ["matter.id"], name=op.f(f"fk_{table}_{column}_matter"),
            deferrable=True, initially="DEFERRED",
        )
        for column in columns
    ]  # fmt: skip


def downgrade() -> None:
    """Let each matter stand for itself again; what was a part is one like any other."""
    op.execute("DELETE FROM job WHERE kind = 'tell_parent'")
    rights.let_jobs_be(*reversed(JOBS))
    for words in ENDS:
        rights.rewrite(STATUS, *reversed(words))
    rights.rewrite(INBOX, *reversed(UNREAD), times=2)
    rights.drop_functions(FUNCTIONS)
    op.drop_table("matter_link")
    op.drop_table("matter_child")
