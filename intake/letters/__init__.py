"""The rule for letters: raw bytes to a Letter, and values to an outgoing message.

Pure: files and values in, values out; no database, no clock, nothing fetched. ``outline`` finds where
the parts lie, ``reader`` decodes them, ``containers`` takes out what lies within them, ``parse`` makes
the Letter, ``child`` does all of it in a process that may die, and ``compose`` writes what we send.
``reports`` and ``authentication`` understand what machines tell of a letter, and ``folding`` splits its
text for showing.
"""

from intake.letters.addresses import split_address
from intake.letters.authentication import Authentication, judge
from intake.letters.child import parse_in_child
from intake.letters.compose import (
    Frame,
    ReplyFile,
    compose_automatic,
    compose_reply,
    message_id,
    our_message_id,
)
from intake.letters.folding import Block, fold, said
from intake.letters.listing import as_json
from intake.letters.parse import HEAD_BYTES, NOT_READ, best_effort, parse, read_head
from intake.letters.unreadable import unreadable
from intake.letters.values import Flow, Letter, Part, Report, part_name

__all__ = [
    "HEAD_BYTES",
    "NOT_READ",
    "Authentication",
    "Block",
    "Flow",
    "Frame",
    "Letter",
    "Part",
    "ReplyFile",
    "Report",
    "as_json",
    "best_effort",
    "compose_automatic",
    "compose_reply",
    "fold",
    "judge",
    "message_id",
    "our_message_id",
    "parse",
    "parse_in_child",
    "part_name",
    "read_head",
    "said",
    "split_address",
    "unreadable",
]
