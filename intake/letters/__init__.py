"""The rule for letters: raw bytes to a Letter, and values to an outgoing message.

Pure: files and values in, values out; no database, no clock, nothing fetched. ``outline`` finds where
the parts lie, ``reader`` decodes them, ``parse`` makes the Letter, ``child`` does all of it in a process
that may die, and ``compose`` writes what we send.
"""

from intake.letters.addresses import split_address
from intake.letters.child import parse_in_child
from intake.letters.compose import (
    Frame,
    ReplyFile,
    compose_automatic,
    compose_reply,
    message_id,
    our_message_id,
)
from intake.letters.parse import best_effort, parse
from intake.letters.values import Letter, Part

__all__ = [
    "Frame",
    "Letter",
    "Part",
    "ReplyFile",
    "best_effort",
    "compose_automatic",
    "compose_reply",
    "message_id",
    "our_message_id",
    "parse",
    "parse_in_child",
    "split_address",
]
