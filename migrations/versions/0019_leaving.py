"""What a browser has left opens nothing more, also for whoever has a copy of its cookie."""

from importlib import import_module

import sqlalchemy as sa
from alembic import op

from migrations import rights

revision = "0019"
down_revision = "0018"

GRANTS = {"worker": {"left_secret": "SELECT (at), DELETE"}}
POLICIES = {"left_secret": {"worker": ("FOR ALL USING (true)",)}}
# Nobody asks for these any more but functions that do more than their callers may.
TAKEN = {"handler": "matters_opening(uuid)"}

FUNCTIONS: rights.Functions = {
    "leave_secrets(text[], timestamptz)": (
        """
        CREATE FUNCTION leave_secrets(p_digests text[], p_at timestamptz) RETURNS void
        LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
            INSERT INTO left_secret (digest, at) SELECT unnest(p_digests), p_at ON CONFLICT DO NOTHING
        $$
        """,
        ("citizen",),
    ),
    "is_left(text)": (
        """
        CREATE FUNCTION is_left(p_digest text) RETURNS boolean
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
            SELECT EXISTS (SELECT FROM left_secret WHERE left_secret.digest = p_digest)
        $$
        """,
        ("citizen",),
    ),
}
# The digest of the browser's key that this transaction has shown, as long as it was not left.
KEY_HASH = """
    CREATE OR REPLACE FUNCTION browser_key_hash() RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
        SELECT digest FROM (
            SELECT encode(sha256(convert_to(nullif(current_setting('app.browser', true), ''), 'UTF8')), 'hex')
        ) AS shown (digest) WHERE NOT is_left(digest)
    $$
"""


def upgrade() -> None:
    """Make the list of what was left, and let the key of a browser open nothing once it stands there."""
    op.create_table(
        "left_secret",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_left_secret")),
    )
    rights.make_functions(FUNCTIONS)
    op.execute(KEY_HASH)
    rights.grant(GRANTS)
    rights.wall(POLICIES)
    for role, signature in TAKEN.items():
        op.execute(f"REVOKE EXECUTE ON FUNCTION {signature} FROM {rights.roles()[role]}")


def downgrade() -> None:
    """Take it back; what was left opens again, as it did before."""
    for role, signature in TAKEN.items():
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {rights.roles()[role]}")
    body = import_module("migrations.versions.0014_walls").FUNCTIONS["browser_key_hash()"][0]
    op.execute(body.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    rights.unwall(POLICIES)
    rights.drop_functions(FUNCTIONS)
    op.drop_table("left_secret")
