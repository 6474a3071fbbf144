"""Letters that we owe: written when they are sent, and never silently given up.

A letter is ``sending`` from before its first byte leaves until an answer is recorded. Found so
by a later attempt, a receipt or an alarm goes again with the same Message-ID; a reply waits for a
person, since nobody knows whether it arrived.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

from sqlalchemy import exists, select, update

from intake import codes, letters, limits, outbox, storage
from intake.extensions import db, now, settings
from intake.files import clean_name
from intake.matters.alarms import WAITS
from intake.matters.records import ask_person, note
from intake.models import Attachment, MailAddress, Matter, Message, OutgoingLetter
from intake.post import Outgoing

RECEIPTS_A_DAY = 5
# A receipt that was counted against the cap is not counted again when it has to wait.
COUNTED = "counted"
# Why an alarm was not sent after all: it would wake people for what somebody has taken.
WAITS_NO_MORE = "waits no more"
# What a person is asked to look at when a letter of a kind did not go.
NEEDS = {"reply": "reply_not_sent", "alarm": "alarm_not_sent"}


def begin_sending(letter_id: uuid.UUID, claim: outbox.Claim) -> Outgoing | None:
    """Mark a letter as being sent, commit, and return it; None when nothing is to be sent.

    In that case the job is finished here.
    """
    letter = db.session.get_one(OutgoingLetter, letter_id, with_for_update=True)
    if letter.state == "sending" and letter.kind == "reply":
        _settle(letter, "task", "interrupted", claim)
        return None
    if letter.state not in ("owed", "sending"):
        claim.finish()
        db.session.commit()
        return None
    if letter.kind == "receipt" and letter.why != COUNTED:
        if _is_over_cap(letter.recipient):
            _settle(letter, "refused", "daily cap", claim)
            return None
        letter.why = COUNTED
    if letter.kind == "alarm" and not _is_waiting(letter.matter_id):
        _settle(letter, "refused", WAITS_NO_MORE, claim)
        return None
    letter.state = "sending"
    outgoing = _outgoing(letter)
    db.session.commit()
    return outgoing


def record_sent(letter_id: uuid.UUID, claim: outbox.Claim) -> None:
    """Record that a letter was taken by the mail server, and commit."""
    _settle(db.session.get_one(OutgoingLetter, letter_id), "sent", None, claim)


def record_refused(letter_id: uuid.UUID, why: str, claim: outbox.Claim) -> None:
    """Record that a letter was refused for good, make it a person's task, and commit."""
    _settle(db.session.get_one(OutgoingLetter, letter_id), "refused", why, claim)


def give_back(letter_id: uuid.UUID) -> None:
    """Record that a letter did not leave us, so that it may be sent later, and commit."""
    statement = update(OutgoingLetter).where(
        OutgoingLetter.id == letter_id, OutgoingLetter.state == "sending"
    )
    db.session.execute(statement.values(state="owed").execution_options(synchronize_session=False))
    db.session.commit()


def _is_over_cap(recipient: str) -> bool:
    return limits.hit("receipt", recipient.lower(), window=timedelta(days=1)) > RECEIPTS_A_DAY


def _is_waiting(matter_id: uuid.UUID) -> bool:
    return bool(db.session.scalar(select(exists().where(Matter.id == matter_id, WAITS))))


def _settle(letter: OutgoingLetter, state: str, why: str | None, claim: outbox.Claim) -> None:
    """Record how a letter ended; a reply or alarm that did not go becomes a person's task. Commits."""
    letter.state, letter.why = state, why
    if state == "sent":
        letter.sent_at = now()
    elif letter.kind in NEEDS and why != WAITS_NO_MORE:
        ask_person(letter.matter_id, NEEDS[letter.kind])
    note(letter.matter_id, f"{letter.kind}_{state}", {"letter": str(letter.id)})
    claim.finish()
    db.session.commit()


def _outgoing(letter: OutgoingLetter) -> Outgoing:
    """Write the letter. A reply goes so that a bounce finds back, the others with a null return path."""
    matter = db.session.get_one(Matter, letter.matter_id)
    domain = settings().tables.authority.mail_domain
    matter_address = f"{settings().tables.authority.matter_local}+{_token(letter, None)}@{domain}"
    if letter.kind != "reply":
        write = _receipt if letter.kind == "receipt" else _alarm
        return Outgoing(write(letter, matter, matter_address), "", (letter.recipient,))
    message = _reply(letter, matter, matter_address)
    bounce_address = f"{codes.BOUNCE_LOCAL}+{_token(letter, letter.id)}@{domain}"
    return Outgoing(message, bounce_address, (letter.recipient,))


def _token(letter: OutgoingLetter, outgoing_id: uuid.UUID | None) -> str:
    query = select(MailAddress.token).where(
        MailAddress.matter_id == letter.matter_id,
        MailAddress.outgoing_id == outgoing_id,
        MailAddress.revoked_at.is_(None),
    )
    return str(db.session.scalars(query.order_by(MailAddress.created_at).limit(1)).one())


def _receipt(letter: OutgoingLetter, matter: Matter, matter_address: str) -> EmailMessage:
    return letters.compose_receipt(received_at=matter.received_at, **_common(letter, matter, matter_address))


def _alarm(letter: OutgoingLetter, matter: Matter, matter_address: str) -> EmailMessage:
    link = f"{settings().handler_url}/arende/{matter.reference}"
    common = _common(letter, matter, matter_address)
    return letters.compose_alarm(received_at=matter.received_at, link=link, **common)


def _reply(letter: OutgoingLetter, matter: Matter, matter_address: str) -> EmailMessage:
    said = db.session.get_one(Message, letter.message_id)
    return letters.compose_reply(
        subject=said.subject, text=said.text, files=_files(said), **_common(letter, matter, matter_address)
    )


def _common(letter: OutgoingLetter, matter: Matter, matter_address: str) -> dict[str, Any]:
    """Return what every letter of ours is written with."""
    authority = settings().tables.authority
    return {
        "to": letter.recipient,
        "reference": matter.reference,
        "matter_address": matter_address,
        "authority_name": authority.name,
        "is_demonstration": not authority.is_confirmed,
        "message_id": letter.message_id_header,
        "date": letter.created_at,
        "sender": matter_address,
        "in_reply_to": letter.in_reply_to,
    }


def _files(said: Message) -> tuple[letters.ReplyFile, ...]:
    attachments = db.session.scalars(
        select(Attachment).where(Attachment.message_id == said.id).order_by(Attachment.position)
    )
    files = []
    for attachment in attachments:
        with storage.current().open(attachment.storage_key) as stream:
            name = clean_name(attachment.name).shown
            files.append(letters.ReplyFile(name, attachment.declared_type, stream.read()))
    return tuple(files)
