"""The mailroom: the raw letter first, durably; then, as a job, letters become matters.

``receiving`` is the one way in for every transport. ``unpacking`` reads a stored letter and ``joining``
says what it becomes at each of its destinations: a matter, a message of one, or a copy of what is known.
``journal`` answers where a letter of a fetched mailbox went, ``watch`` what needs somebody now, and
``metrics`` puts it in numbers. ``asking`` is what a person at a page may ask of the workers.
"""

from intake.mailroom.asking import ask_to_parse_again, ask_to_retry
from intake.mailroom.receiving import (
    Envelope,
    Received,
    is_from_nobody,
    is_ours,
    receive,
    recipients_in,
    register,
)
from intake.mailroom.unpacking import parse_again, unpack

__all__ = [
    "Envelope",
    "Received",
    "ask_to_parse_again",
    "ask_to_retry",
    "is_from_nobody",
    "is_ours",
    "parse_again",
    "receive",
    "recipients_in",
    "register",
    "unpack",
]
