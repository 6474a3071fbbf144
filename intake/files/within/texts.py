"""Text, and what nobody else reads: whether it is words, or something that runs."""

from __future__ import annotations

from intake.files import second_opinion
from intake.files.encoding import in_utf_8
from intake.files.looking import Looking


def look(looking: Looking) -> None:
    """Ask for a second opinion on text in which the table's rules found nothing.

    Those were applied when name and content were compared; all other text is a card, a list or a film's
    words, and shown as text only.
    """
    if looking.detected_type != "text/plain" or looking.findings:
        return
    if taken_for := second_opinion.differs(in_utf_8(looking.head())):
        looking.find("second_opinion_differs", what=taken_for)
