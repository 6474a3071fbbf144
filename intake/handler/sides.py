"""The sides that a letter came to, as far as the database tells the session of them.

A row that names who wrote tells of nothing but what the person may see: that somebody wrote to another
side too is already too much. Of a walled side nobody hears who has no seat there, whoever wrote.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from intake.extensions import db

_ADDRESSES = text("SELECT letter_id, destination, name FROM told_addresses(:letter_ids)")
_SIDES = text("SELECT * FROM letter_outcomes(:letter_ids)")


@dataclass(frozen=True)
class ToldAddress:
    """An address of ours by which a letter came, a matter's own without what opens it, and where it led."""

    letter_id: uuid.UUID
    destination: str
    name: str


@dataclass(frozen=True)
class Side:
    """What a letter became at one destination; the message and its matter only where the session sees it."""

    letter_id: uuid.UUID
    destination: str
    is_message: bool
    is_copy: bool
    message_id: uuid.UUID | None
    matter_id: uuid.UUID | None


def told_addresses(letter_ids: Sequence[uuid.UUID]) -> tuple[ToldAddress, ...]:
    """Return the addresses of these letters that are told, in the order of each one's envelope."""
    rows = db.session.execute(_ADDRESSES, {"letter_ids": list(letter_ids)})
    return tuple(ToldAddress(*row) for row in rows)


def told_sides(letter_ids: Sequence[uuid.UUID]) -> tuple[Side, ...]:
    """Return what these letters became, as far as it is told: to an operator of every open side."""
    return tuple(Side(*row) for row in db.session.execute(_SIDES, {"letter_ids": list(letter_ids)}))
