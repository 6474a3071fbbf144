"""Joining: what a letter becomes at one destination: a copy of what is known, a message, or a new matter.

An address with a token decides where a letter lands, whoever sent it. Else a Message-ID that only we
can have made. A reference in a subject never joins: it is a hint for a person.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from sqlalchemy import func, or_, select
from sqlalchemy.orm import aliased

from intake import codes, ledger, letters
from intake.extensions import db, settings
from intake.mailroom.receiving import is_from_nobody
from intake.matters import arrive, sending
from intake.matters.incoming import Address, Submission
from intake.matters.records import hold_surviving, note
from intake.models import Arrival, Letter, MailAddress, Matter, Message, OutgoingLetter, is_indexed

# Reports that ours came, or comes later: they ask nothing of anybody.
MERE_NOTICES = ("delayed", "delivered", "displayed", "deleted")


@dataclass(frozen=True)
class Answered:
    """The letter of ours that one answers or reports on, and its matter."""

    letter_id: uuid.UUID
    matter_id: uuid.UUID


def deliver(
    letter: Letter, arrival: Arrival, submission: Submission, parsed: letters.Letter
) -> uuid.UUID | None:
    """Let a letter be a duplicate, join a matter, or begin one; return the id of a new matter."""
    if parsed.message_id:
        # Two copies in other bytes may be unpacked at once; the second waits and sees the first.
        ledger.hold(f"{arrival.destination} {parsed.message_id}")
    twin, is_same = _find_twin(arrival, letter)
    if twin is not None and is_same:
        arrival.duplicate_of_id = twin.id
        return None
    if twin is not None:
        submission = replace(submission, needs_person=(*submission.needs_person, "message_id_reused"))
    address = _held_address(arrival.address_id)
    answered = _find_answered(arrival, address, parsed)
    matter_id = address.matter_id if address else answered and answered.matter_id
    if matter_id:
        _add(letter, arrival, submission, matter_id, answered, parsed, _report(letter, parsed, address))
        return None
    earlier = _find_named(arrival, parsed.subject)
    if earlier:
        submission = replace(submission, needs_person=(*submission.needs_person, "possible_supplement"))
    written = arrive.begin_matter(submission, address, possible_of=earlier)
    arrival.message_id = written.message_id
    _tell_who_registered(letter, written.matter_id)
    return written.matter_id


def _add(
    letter: Letter,
    arrival: Arrival,
    submission: Submission,
    matter_id: uuid.UUID,
    answered: Answered | None,
    parsed: letters.Letter,
    report: letters.Report | None,
) -> None:
    if letter.message_id_header:
        ledger.hold(f"{matter_id} {letter.message_id_header}")
    if copy := _find_copy(letter, matter_id):
        arrival.duplicate_of_id = copy
        return
    about = answered.letter_id if answered and answered.matter_id == matter_id else None
    is_mere_notice = report.kind in MERE_NOTICES if report else _is_reply(parsed) and not submission.files
    submission = replace(submission, about_letter_id=about, is_mere_notice=is_mere_notice)
    arrival.message_id = arrive.add_message(matter_id, submission).message_id
    _tell_who_registered(letter, matter_id)
    if about and report:
        sending.record_report(about, matter_id, report)


def _tell_who_registered(letter: Letter, matter_id: uuid.UUID) -> None:
    if handler := letter.trace.get("handler"):
        note(matter_id, "letter_registered", {"handler": handler})


def _report(letter: Letter, parsed: letters.Letter, address: Address | None) -> letters.Report | None:
    """Return what a letter reports on one of ours; only a mail server writes from nobody to a return path."""
    if parsed.report or address is None or address.outgoing_id is None:
        return parsed.report
    has_no_sender = is_from_nobody(letter) or parsed.automatic_reason == "Return-Path: <>"
    return letters.Report("unclear", None, None, "", ()) if has_no_sender and not _is_reply(parsed) else None


def _is_reply(parsed: letters.Letter) -> bool:
    """Say whether a machine answers in a person's absence (RFC 3834)."""
    return (parsed.automatic_reason or "").lower().startswith("auto-submitted: auto-replied")


def _find_twin(arrival: Arrival, letter: Letter) -> tuple[Arrival | None, bool]:
    """Find an earlier arrival here with the same Message-ID, and say if the letter is the same."""
    if not letter.message_id_header:
        return None, False
    twins = db.session.execute(
        select(Arrival, Letter)
        .join(Letter, Letter.id == Arrival.letter_id)
        .where(
            Arrival.destination == arrival.destination,
            Arrival.id != arrival.id,
            Arrival.message_id.is_not(None),
            is_indexed(Letter.message_id_header, letter.message_id_header),
        )
        .order_by(Arrival.at, Arrival.id)
    ).all()
    for twin, other in twins:
        if (other.sender_email, other.body_digest) == (letter.sender_email, letter.body_digest):
            return twin, True
    return (twins[0][0], False) if twins else (None, False)


def _held_address(address_id: uuid.UUID | None) -> Address | None:
    """Lock an address until the transaction ends, so that it leads to one matter.

    One of a merged matter leads to where that went, which is locked too: so a letter comes there once.
    """
    if address_id is None:
        return None
    held = select(MailAddress).where(MailAddress.id == address_id).with_for_update()
    row = db.session.scalars(held).one()
    leads_to = hold_surviving(row.matter_id).id if row.matter_id else None
    return Address(row.id, leads_to, row.outgoing_id, row.revoked_at is not None)


def _find_copy(letter: Letter, matter_id: uuid.UUID) -> uuid.UUID | None:
    """Find the arrival by which the same letter already came into a matter, perhaps by another address."""
    is_same = Letter.id == letter.id
    if letter.message_id_header:
        is_same = or_(
            is_same,
            (Letter.message_id_header == letter.message_id_header)
            & (Letter.sender_email == letter.sender_email)
            & (Letter.body_digest == letter.body_digest),
        )
    came = select(Arrival.id).join(Message, Message.id == Arrival.message_id)
    came = came.join(Letter, Letter.id == Arrival.letter_id)
    return db.session.scalar(came.where(Message.matter_id == matter_id, is_same).limit(1))


def _is_walled_off(arrival: Arrival, unit: str) -> bool:
    """Say whether a wall stands between the inbox a letter was sent to and a unit."""
    authority = settings().tables.authority
    here, there = authority.unit(arrival.unit_id or unit), authority.unit(unit)
    return here.side != there.side and (here.is_walled or there.is_walled)


def _find_answered(arrival: Arrival, address: Address | None, parsed: letters.Letter) -> Answered | None:
    """Find the letter of ours that this one answers, reports on or is.

    Its return path tells, else a Message-ID of ours. A letter never joins across a wall: what was
    sent to one side is a matter on that side.
    """
    if address and address.outgoing_id and address.matter_id:
        return Answered(address.outgoing_id, address.matter_id)
    keys = settings().address_keys
    about = parsed.report.about if parsed.report else ()
    for header in (*about, parsed.message_id, parsed.in_reply_to, *reversed(parsed.references)):
        identity = letters.our_message_id(header, keys) if header else None
        if identity:
            ours = select(OutgoingLetter.id, Matter.id, Matter.unit_id)
            ours = ours.join(Matter, Matter.id == func.surviving_matter(OutgoingLetter.matter_id))
            found = db.session.execute(ours.where(OutgoingLetter.id == uuid.UUID(identity))).one_or_none()
            is_open = found and not _is_walled_off(arrival, found[2])
            return Answered(found[0], found[1]) if found and is_open else None
    return None


def _find_named(arrival: Arrival, subject: str) -> uuid.UUID | None:
    """Find a matter whose reference stands in a subject: a hint for a person, never a join.

    The number of a merged matter names the one that it went into. What stands across a wall is not
    even hinted at: that it exists is already too much to tell.
    """
    references = codes.references_in(subject)
    if not references:
        return None
    survivor = func.surviving_matter(Matter.id)
    standing = aliased(Matter)
    named = select(standing.id, standing.unit_id).join(Matter, standing.id == survivor)
    found = db.session.execute(named.where(Matter.reference.in_(references)).limit(1)).one_or_none()
    return found[0] if found and not _is_walled_off(arrival, found[1]) else None
