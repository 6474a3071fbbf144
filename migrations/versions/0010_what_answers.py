"""What answers: a question to the person and word of a delay are told as answers are, and answer nothing."""

import sqlalchemy as sa
from alembic import op

from migrations import rights

revision = "0010"
down_revision = "0009"

# What counted as an answer, by the function that counts, whose other words stay as they are.
COUNTED = {
    "followed_status(text, text, timestamptz)": "AND message.is_told",
    "give_feedback(text, text, integer, text, timestamptz)": "AND message.is_told",
    "answer_times(text, timestamptz, timestamptz)": "AND NOT message.is_automatic",
}
ONLY_ANSWERS = " AND message.is_answer"


def upgrade() -> None:
    """Tell answers from the rest, and count them alone."""
    is_answer: sa.Column[bool] = sa.Column(
        "is_answer", sa.Boolean(), nullable=False, server_default=sa.true()
    )
    op.add_column("message", is_answer)
    for signature, words in COUNTED.items():
        rights.rewrite(signature, words, words + ONLY_ANSWERS)


def downgrade() -> None:
    """Let everything that is told count again."""
    for signature, words in COUNTED.items():
        rights.rewrite(signature, words + ONLY_ANSWERS, words)
    op.drop_column("message", "is_answer")
