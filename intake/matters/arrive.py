"""A matter arrives: accepted, placed and numbered in one durable transaction.

``accept`` takes a citizen's form and commits. ``begin_matter`` and ``add_message`` join the
transaction of the mailroom, which ends it with ``commit_numbered``.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from sqlalchemy import select, text

from intake import codes, letters, outbox, routing, rows
from intake.extensions import STOCKHOLM, db, now, settings
from intake.matters import deadlines, placing, receipts
from intake.matters.alarms import URGENT, raise_alarm
from intake.matters.incoming import Accepted, Address, IncomingFile, Submission, Written
from intake.matters.records import (
    ask_person,
    hold_surviving,
    keep_placement,
    note,
    owe_letter,
    stand_in,
    update_matter,
)
from intake.models import (
    Arrival,
    Attachment,
    MailAddress,
    Matter,
    Message,
    StatusCode,
    new_id,
)

SUBJECT_CHARACTERS = 120
# How long a browser may go on with a file after its form was sent.
GOES_ON = timedelta(hours=24)

_SENT = (
    "UPDATE draft SET matter_id = %s, reference = %s, status_code = %s, sent_at = %s,"
    " expires_at = %s + (expires_at - changed_at), changed_at = %s WHERE id = %s"
)
# What is not yet one file goes on to the matter, and whoever finishes it attaches it there.
_UPLOADS_GO_ON = (
    "UPDATE upload SET matter_id = %s, message_id = %s, expires_at = %s"
    " WHERE draft_id = %s AND composed_at IS NULL"
)
_LED = "UPDATE mail_address SET matter_id = %s WHERE id = %s"
_REGISTER = text("SELECT register_matter(:id, :series, :year, :at)")


def accept(draft_id: uuid.UUID, address: Address, submission: Submission, digest: str) -> Accepted:
    """Accept a sent form, and commit. The caller holds the rows of the draft, which is not yet
    sent, and of its address.

    A letter may already have come to the draft's address; then the form joins the matter that
    it made. ``digest`` is the SHA-256 of what was sent.
    """
    if address.matter_id:
        written = add_message(address.matter_id, submission)
        if not submission.is_supplement:
            _join(written.matter_id, submission)
        # A merged matter keeps its number and its codes, wherever what is new in it goes.
        told_of, reference = address.matter_id, _reference_of(address.matter_id)
    else:
        written = begin_matter(submission, address)
        told_of, reference = written.matter_id, str(written.reference)
    rows.insert(
        Arrival,
        channel=submission.channel,
        destination=f"draft:{draft_id}",
        digest=digest,
        at=submission.received_at,
        message_id=written.message_id,
        marks=[],
    )
    code, at = mint_status_code(told_of), submission.received_at
    if submission.is_uploading:
        rows.change(_UPLOADS_GO_ON, written.matter_id, written.message_id, at + GOES_ON, draft_id)
        note(written.matter_id, "files_awaited", {})
    rows.change(_SENT, told_of, reference, code, at, at, at, draft_id)
    commit_numbered((written.matter_id,) if written.reference else (), at)
    return Accepted(told_of, reference, code)


def begin_matter(
    submission: Submission, address: Address | None, *, possible_of: uuid.UUID | None = None
) -> Written:
    """Write a new matter with its first message into the caller's transaction, and place it.

    ``address`` is the draft's own when a letter or form came by it; else one is made.
    ``possible_of`` is a standing matter that a person should compare it with.
    """
    placement = placing.place(_facts(submission))
    matter_id, reference = new_id(), codes.new_reference()
    if address is None or address.is_revoked:
        # An address whose draft was erased opens nothing more; the matter needs one of its own.
        at = submission.received_at
        rows.insert(MailAddress, token=codes.new_token(), matter_id=matter_id, created_at=at)
    else:
        rows.change(_LED, matter_id, address.id)
    rows.insert(
        Matter,
        id=matter_id,
        reference=reference,
        possible_of_id=possible_of,
        **_columns_of(submission, placement),
    )
    stand_in(matter_id, placement.unit, "placed")
    keep_placement(matter_id, placement)
    message_id = _write_message(matter_id, submission)
    note(matter_id, "accepted", {"channel": submission.channel, "unit": placement.unit})
    # A machine's letter that names another matter may be the answer to an alarm, or the alarm itself.
    if placement.priority == URGENT and not (submission.is_automatic and possible_of):
        raise_alarm(matter_id)
    is_sure = routing.FAILED not in {reason.code for reason in placement.reasons}
    if not is_sure:
        outbox.add("place_again", matter_id)
    may_answer = submission.may_answer and not submission.is_automatic
    if may_answer and receipts.may_go(placement, submission.wants_receipt, is_sure=is_sure):
        _owe_receipt(matter_id, submission)
    return Written(matter_id, message_id, reference)


def add_message(matter_id: uuid.UUID, submission: Submission) -> Written:
    """Write what came in as a message of a standing matter; a closed matter opens again.

    What is for a merged matter goes where that went, and the matter returned is that one.
    """
    matter = hold_surviving(matter_id)
    matter_id = matter.id
    message_id = _write_message(matter_id, submission)
    values: dict[str, object] = {}
    if submission.is_mere_notice:
        # That somebody is away, or has read our letter, is no answer: the matter stands as it stood.
        pass
    elif matter.closed_at is not None or matter.status == "answered":
        values = {"status": "reopened", "closed_at": None}
        note(matter_id, "reopened", {"why": "new_message"})
    elif matter.status == "awaiting_citizen":
        needs = [need for need in matter.needs_person if need != deadlines.NO_SUPPLEMENT]
        values = {"status": "in_progress", "needs_person": needs}
    if not submission.is_mere_notice:
        # What rests is woken.
        values["paused_until"] = None
        if matter.due_at is None:
            values |= deadlines.begin(matter.category, submission.received_at)
    # A machine's answer to an alarm must not raise the next one.
    if not submission.is_automatic:
        is_reopened = "closed_at" in values
        new = replace(submission, text=letters.said(submission.text, submission.flow))
        values |= placing.lifted(matter_id, matter, _facts(new), is_reopened=is_reopened)
    update_matter(matter_id, values)
    for why in submission.needs_person:
        ask_person(matter_id, why)
    note(matter_id, "message_added", {"channel": submission.channel, "files": len(submission.files)})
    return Written(matter_id, message_id)


def _join(matter_id: uuid.UUID, submission: Submission) -> None:
    """Let a form say what the matter of the letter before it is about, and whose it is."""
    placing.place_joined(matter_id, _facts(submission), _said(submission))
    if submission.wants_receipt:
        _owe_receipt(matter_id, submission)


def _facts(submission: Submission) -> routing.Facts:
    return routing.Facts(
        channel=submission.channel,  # type: ignore[arg-type]
        subject=submission.subject,
        text=placing.whole_text(submission.text, [answer.answer for answer in submission.answers]),
        category=submission.category,
        municipality=submission.municipality,
        place_words=submission.place_words,
        addressed_unit=submission.addressed_unit,
        has_files=bool(submission.files) or submission.is_uploading,
    )


def _said(submission: Submission) -> dict[str, object]:
    """Return the columns that a form gives to the matter of the letter before it.

    Its sender wins even where it gives none: whoever mailed the letter may be somebody else.
    """
    return {
        "subject": subject_of(submission),
        "chosen_category": submission.category,
        "place": submission.place,
        "municipality": submission.municipality,
        "place_words": submission.place_words,
        "concerns": submission.concerns,
        "happened_words": submission.happened_words,
        "sender_name": submission.sender_name,
        "sender_email": submission.sender_email,
        "sender_phone": submission.sender_phone,
        **_wished(submission),
    }


def _wished(submission: Submission) -> dict[str, object]:
    """Return the columns that say how the person wants to be answered."""
    return asdict(submission.wishes) if submission.wishes else {}


def mint_status_code(matter_id: uuid.UUID) -> str:
    """Make a status code for a matter in the caller's transaction and return it in plain."""
    code = codes.new_status_code()
    rows.insert(StatusCode, matter_id=matter_id, code_hash=codes.hash_code(code), created_at=now())
    return code


def commit_numbered(matter_ids: Iterable[uuid.UUID], received_at: datetime) -> None:
    """Give new matters their diary numbers and commit.

    The counter's row is locked by the last statement before the commit, so that accepting
    waits for nothing but another commit. The year turns at midnight in Stockholm.
    """
    db.session.flush()
    values = {
        "series": settings().tables.authority.diary_series,
        "year": received_at.astimezone(STOCKHOLM).year,
        "at": now(),
    }
    for matter_id in matter_ids:
        db.session.execute(_REGISTER, {"id": matter_id, **values})
    db.session.commit()


def subject_of(submission: Submission) -> str:
    """Return the short line that says what it is about: its own, else the first of its text."""
    words = " ".join(submission.subject.split())
    if not words:
        words = next((" ".join(line.split()) for line in submission.text.splitlines() if line.strip()), "")
    return words if len(words) <= SUBJECT_CHARACTERS else words[: SUBJECT_CHARACTERS - 1] + "…"


def _columns_of(submission: Submission, placement: routing.Placement) -> dict[str, object]:
    return {
        "channel": submission.channel,
        "category": placement.category,
        "unit_id": placement.unit,
        "region": placement.region,
        "priority": placement.priority,
        "flags": placement.flags,
        "status": "registered",
        "subject": subject_of(submission),
        "sender_name": submission.sender_name,
        "sender_email": submission.sender_email,
        "sender_phone": submission.sender_phone,
        "municipality": submission.municipality,
        "place": submission.place,
        "place_words": submission.place_words,
        "chosen_category": submission.category,
        "needs_person": submission.needs_person,
        "received_at": submission.received_at,
        **deadlines.first(placement.category, submission.received_at),
        "concerns": submission.concerns,
        "happened_words": submission.happened_words,
        **_wished(submission),
    }


def _write_message(matter_id: uuid.UUID, submission: Submission) -> uuid.UUID:
    message_id = new_id()
    rows.insert(
        Message,
        id=message_id,
        matter_id=matter_id,
        direction="incoming",
        channel=submission.channel,
        subject=submission.subject,
        text=submission.text,
        sender_name=submission.sender_name,
        sender_email=submission.sender_email,
        sender_phone=submission.sender_phone,
        letter_id=submission.letter_id,
        is_automatic=submission.is_automatic,
        problems=list(submission.problems),
        flow=submission.flow,
        about_letter_id=submission.about_letter_id,
        created_at=submission.received_at,
        answers=[asdict(answer) for answer in submission.answers],
    )
    attach(matter_id, message_id, submission.files, at=submission.received_at)
    outbox.add("read_signs", message_id)
    return message_id


def attach(
    matter_id: uuid.UUID,
    message_id: uuid.UUID,
    files: Iterable[IncomingFile],
    *,
    at: datetime,
    first_position: int = 1,
) -> None:
    """Write files as attachments of a message, each with the job that checks it; joins."""
    for position, file in enumerate(files, start=first_position):
        attachment_id = new_id()
        rows.insert(
            Attachment,
            id=attachment_id,
            matter_id=matter_id,
            message_id=message_id,
            position=position,
            name=file.name,
            storage_key=file.storage_key,
            size_bytes=file.size_bytes,
            sha256=file.sha256,
            declared_type=file.declared_type,
            part=file.part,
            is_inline=file.is_inline,
            findings=[],
            created_at=at,
        )
        outbox.add("check_file", attachment_id)


def _reference_of(matter_id: uuid.UUID) -> str:
    return str(db.session.scalars(select(Matter.reference).where(Matter.id == matter_id)).one())


def _owe_receipt(matter_id: uuid.UUID, submission: Submission) -> None:
    if submission.sender_email:
        at, header = submission.received_at, submission.message_id_header
        owe_letter("receipt", matter_id, submission.sender_email, at=at, in_reply_to=header)
