"""Receipts by mail: who is owed one, and whom a code may be mailed to.

An address with a token may only write. Whoever mails to one learns that the letter came, and not
whether there is more: a form may join the letter's matter, and what a code opens is then the form's.
"""

from __future__ import annotations

import uuid

from sqlalchemy import all_, exists, func, literal, select

from intake import routing
from intake.extensions import db, settings
from intake.models import Arrival, MailAddress, Matter, Message, OutgoingLetter

# The mark of a letter to an address with a token that leads nowhere, or no more.
UNKNOWN_TOKEN = "unknown_token"  # noqa: S105 (the name of a mark)


def may_go(placement: routing.Placement, is_asked_for: bool | None, *, is_sure: bool) -> bool:
    """Say whether a receipt may go by mail: automatic mail must never put a person at risk.

    ``is_asked_for`` is None where nobody was asked. ``is_sure`` is False when no rule could say
    what the matter is about.
    """
    if is_asked_for is not None:
        return is_asked_for
    category = settings().tables.categories.get(placement.category)
    return is_sure and not category.is_private and "vulnerable" not in placement.flags


def carries_code(receipt: OutgoingLetter) -> bool:
    """Say whether a receipt may hold a code: never one of a letter that came by an address with a token.

    A receipt bears the time of what it acknowledges; where that is not found, no code goes.
    """
    acknowledged = (
        Message.matter_id == func.surviving_matter(receipt.matter_id),
        Message.created_at == receipt.created_at,
        Message.direction == "incoming",
        Message.sender_email == receipt.recipient,
    )
    by_no_token = (
        Arrival.message_id == Message.id,
        Arrival.address_id.is_(None),
        literal(UNKNOWN_TOKEN) != all_(Arrival.marks),
    )
    return bool(db.session.scalar(select(exists().where(*acknowledged, *by_no_token))))


def may_be_joined(matter_id: uuid.UUID) -> bool:
    """Say whether a form whose address a letter came to may still join the matter that it made.

    No role that mails may look for the form itself, so it may for as long as it has not.
    """
    # A supplement's address is younger than the matter that it leads to.
    led_by_form = (
        Matter.id == matter_id,
        MailAddress.matter_id == Matter.id,
        MailAddress.draft_id.is_not(None),
        MailAddress.created_at < Matter.received_at,
    )
    its_messages = Message.matter_id == func.surviving_matter(matter_id)
    forms = exists().where(its_messages, Message.channel == "form")
    return bool(db.session.scalar(select(exists().where(*led_by_form) & ~forms)))
