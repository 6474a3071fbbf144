"""A whole matter on paper: three more ways to look, which are accounted for like the others."""

from __future__ import annotations

from migrations import rights

revision = "0035"
down_revision = "0034"

LOOK = "look(text, uuid, uuid, text)"
LOOKED = ("|file|export|", "|file|export|print|paper|release|")


def upgrade() -> None:
    """Know the looks of whoever prints a matter, fetches it as a PDF or masks a copy of it."""
    rights.rewrite(LOOK, *LOOKED)


def downgrade() -> None:
    """Know them no more; what was recorded stays."""
    rights.rewrite(LOOK, *reversed(LOOKED))
