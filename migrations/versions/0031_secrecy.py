"""A matter can be marked as perhaps secret, and every list of matters tells that it is.

The mark is one of the matter's flags; the pages' role changes that one, and no other.
"""

from alembic import op

from migrations import rights

revision = "0031"
down_revision = "0027"

PATH = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
FUNCTIONS: rights.Functions = {
    # The mark is put on, or taken off, a matter that the session has opened and may work on.
    "sign_secrecy(uuid, boolean)": (
        f"""
        CREATE FUNCTION sign_secrecy(p_matter uuid, p_is_marked boolean) RETURNS void
        LANGUAGE plpgsql {PATH} AS $$
        BEGIN
            IF NOT (may_open(p_matter) AND may_write(p_matter)) THEN
                RAISE insufficient_privilege USING MESSAGE = 'not a matter of the caller''s';
            END IF;
            UPDATE matter SET flags = CASE WHEN p_is_marked
                THEN ARRAY(SELECT DISTINCT flag FROM unnest(flags || ARRAY['secrecy_mark']) AS flag ORDER BY flag)
                ELSE array_remove(flags, 'secrecy_mark') END
            WHERE matter.id = p_matter;
        END
        $$
        """,
        ("handler",),
    ),
}
# What a search tells besides: of its columns, and of what it asks.
TOLD = (
    ("priority integer, status text)", "priority integer, status text, is_marked boolean)"),
    ("hit.priority, hit.status\n", "hit.priority, hit.status, 'secrecy_mark' = ANY (hit.flags)\n"),
)


def upgrade() -> None:
    """Let matters be marked."""
    rights.make_functions(FUNCTIONS)
    _tell_in_searches(TOLD)


def _tell_in_searches(changes: tuple[tuple[str, str], ...]) -> None:
    """Make search_matters() anew: what a function returns cannot be changed in its place."""
    signature = "search_matters(uuid, integer)"
    asked = f"SELECT pg_get_functiondef('{signature}'::regprocedure)"
    body = str(op.get_bind().exec_driver_sql(asked).scalar_one())
    for old, new in changes:
        if body.count(old) != 1:
            raise ValueError(f"{signature} does not say {old!r} exactly once.")
        body = body.replace(old, new)
    op.execute(f"DROP FUNCTION {signature}")
    rights.make_functions({signature: (body, ("handler",))})


def downgrade() -> None:
    """Take the marks away; the history still tells of them."""
    _tell_in_searches(tuple((new, old) for old, new in TOLD))
    rights.drop_functions(FUNCTIONS)
    op.execute(
        "UPDATE matter SET flags = array_remove(flags, 'secrecy_mark') WHERE 'secrecy_mark' = ANY (flags)"
    )
