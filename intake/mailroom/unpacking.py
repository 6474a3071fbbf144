"""Unpacking a stored letter: read in a child with limits, and made a message at each of its destinations.

It is a job that may be done again: keys and rows follow from the letter, so nothing is there twice.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from sqlalchemy import func, select

from intake import ledger, letters, outbox, scratch, storage
from intake.errors import LetterUnreadable, NotFound
from intake.extensions import db, now, settings
from intake.mailroom import joining
from intake.mailroom.receiving import is_from_nobody, is_ours
from intake.matters import arrive
from intake.matters.incoming import IncomingFile, Submission
from intake.matters.records import note
from intake.models import Arrival, Attachment, Job, Letter, Message, new_id

log = logging.getLogger(__name__)

PARSE_SECONDS = 60
PARSE_MEMORY_BYTES = 1 << 30
# So many files are laid out by one job, at all destinations together; some 10 s of work on a slow disk.
MOST_FILES = 5000
# What a trusted relay found out about a sender that makes no machine of ours answer (RFC 7489).
FORGED = "fail"


def unpack(letter_id: uuid.UUID, claim: outbox.Claim) -> None:
    """Make a stored letter a message at each of its destinations, and commit.

    A letter that cannot be parsed becomes a matter all the same, with its raw bytes attached
    and a person asked for.
    """
    with _parsed(letter_id) as parsed:
        letter = _get_letter(letter_id)
        owed = _owed_arrivals(letter_id)
        _keep_reading(letter, parsed)
        submissions = [(arrival, _submission(letter, parsed, arrival)) for arrival in owed]
        letter.parsed_at = now()
        begun = [joining.deliver(letter, arrival, said, parsed) for arrival, said in submissions]
        claim.finish()
        # What is taken over from another year is registered in this one.
        registered_at = now() if letter.trace.get("is_import") else letter.received_at
        arrive.commit_numbered([matter_id for matter_id in begun if matter_id], registered_at)


def parse_again(letter_id: uuid.UUID, claim: outbox.Claim | None = None) -> None:
    """Parse a letter again, and commit: its messages get the new text, new parts are added.

    A letter whose job never ended has that job tried again instead. Nothing is removed. ``claim`` is
    the job that asks, if one does.
    """
    if _get_letter(letter_id).parsed_at is None:
        job = select(Job.id).where(Job.dedupe == f"parse_letter:{letter_id}")
        if claim:
            claim.finish()
        outbox.retry(db.session.scalars(job).one())
        return
    with _parsed(letter_id) as parsed:
        letter = _get_letter(letter_id)
        came = select(Arrival).where(Arrival.letter_id == letter_id, Arrival.message_id.is_not(None))
        delivered = db.session.scalars(came).all()
        if _is_unread(parsed) and letters.NOT_READ not in letter.problems:
            # A busy machine is enough for that; what was read before is not taken away.
            for arrival in delivered:
                note(db.session.get_one(Message, arrival.message_id).matter_id, "parsing_failed", {})
        else:
            _keep_reading(letter, parsed)
            for arrival in delivered:
                _rewrite(letter, parsed, arrival)
        if claim:
            claim.finish()
        db.session.commit()


def _is_unread(parsed: letters.Letter) -> bool:
    return letters.NOT_READ in parsed.problems


def _within_bounds(parsed: letters.Letter, raw: Path, places: int) -> letters.Letter:
    """Return a letter whose files, laid out at so many destinations, are not more than one job can write."""
    if len(_files(parsed)) * places <= MOST_FILES:
        return parsed
    said = "filerna är för många för att läggas ut på så många ställen, de ligger i originalbrevet"
    whole = letters.unreadable(raw, said).parts
    return replace(parsed, parts=whole, problems=(*parsed.problems, said))


def _keep_reading(letter: Letter, parsed: letters.Letter) -> None:
    """Keep with the letter what was read of it."""
    letter.message_id_header = parsed.message_id
    letter.sender_email = parsed.sender_email
    letter.sent_at = parsed.date
    letter.body_digest = _content_digest(parsed)
    letter.automatic_reason = parsed.automatic_reason
    letter.report = asdict(parsed.report) if parsed.report else None
    found = _authentication(letter, parsed)
    letter.authentication = asdict(found) if found else None
    letter.problems = list(parsed.problems)


def _authentication(letter: Letter, parsed: letters.Letter) -> letters.Authentication | None:
    if not letter.trace.get("is_trusted"):
        return None
    return letters.judge(parsed.authentication_results, settings().mail_authserv_ids)


def _content_digest(parsed: letters.Letter) -> str:
    """Return a digest of the words and all parts: a second letter with one more file is another one."""
    parts = sorted(part.sha256 for part in parsed.parts)
    return hashlib.sha256("\n".join([parsed.subject, parsed.body_digest, *parts]).encode()).hexdigest()


def _rewrite(letter: Letter, parsed: letters.Letter, arrival: Arrival) -> None:
    message = db.session.get_one(Message, arrival.message_id, with_for_update=True)
    known = Counter(
        db.session.scalars(select(Attachment.sha256).where(Attachment.message_id == message.id)).all()
    )
    position = known.total() + 1
    new = [part for part in _files(parsed) if not _take(known, part.sha256)]
    said = _submission(letter, replace(parsed, parts=tuple(new)), arrival)
    message.subject, message.text, message.flow = said.subject, said.text, said.flow
    message.sender_name, message.sender_email = said.sender_name, said.sender_email
    message.problems = list(said.problems)
    arrive.attach(message.matter_id, message.id, said.files, at=message.created_at, first_position=position)
    outbox.add("read_signs", message.id, dedupe=f"read_signs:{message.id}:{new_id()}")
    note(message.matter_id, "parsed_again", {"new_files": len(new)})


def _take(known: Counter[str], sha256: str) -> bool:
    """Say whether one of the files that stand is this one, each only once."""
    known[sha256] -= 1
    return known[sha256] >= 0


def _get_letter(letter_id: uuid.UUID) -> Letter:
    letter = db.session.get(Letter, letter_id)
    if letter is None:
        raise NotFound(f"no letter {letter_id}")
    return letter


def _owed_arrivals(letter_id: uuid.UUID) -> Sequence[Arrival]:
    is_owed = (
        Arrival.letter_id == letter_id,
        Arrival.message_id.is_(None),
        Arrival.duplicate_of_id.is_(None),
    )
    return db.session.scalars(
        select(Arrival).where(*is_owed).order_by(Arrival.destination).with_for_update()
    ).all()


@contextmanager
def _parsed(letter_id: uuid.UUID) -> Iterator[letters.Letter]:
    """Parse a letter in a child with limits; its parts lie in a folder until the block ends."""
    key = _get_letter(letter_id).storage_key
    came = select(func.count()).where(Arrival.letter_id == letter_id)
    places = db.session.scalar(came) or 0
    # Reading may take long; no transaction stays open meanwhile.
    db.session.rollback()
    var = settings().var
    with storage.current().local_path(key) as raw, scratch.folder(var) as folder:
        try:
            parsed = letters.parse_in_child(
                raw, folder, seconds=PARSE_SECONDS, memory_bytes=PARSE_MEMORY_BYTES
            )
        except LetterUnreadable as error:
            log.warning("letter %s could not be parsed", letter_id)
            parsed = letters.unreadable(raw, str(error))
        yield _within_bounds(parsed, raw, places)


def _files(parsed: letters.Letter) -> tuple[letters.Part, ...]:
    return tuple(part for part in parsed.parts if not part.is_body)


def _submission(letter: Letter, parsed: letters.Letter, arrival: Arrival) -> Submission:
    """Store a letter's files for one destination and say what came in there, once its reading is kept.

    The keys follow from the arrival and the part, so that doing it again writes the same bytes
    under the same names.
    """
    sender = parsed.sender_email or letter.envelope_from or None
    is_forged = letter.authentication is not None and letter.authentication["dmarc"] == FORGED
    needs_person = [*arrival.marks, *(["sender_forged"] if is_forged else [])]
    if _is_unread(parsed):
        needs_person.append("unreadable")
    # All of them are one family, so the sweep leaves them alone until the commit.
    ledger.hold_key(f"part/{arrival.id}")
    return Submission(
        channel="email",
        subject=parsed.subject,
        text=parsed.text,
        received_at=letter.received_at,
        sender_name=parsed.sender_name,
        sender_email=sender,
        files=tuple(_stored(part, arrival) for part in _files(parsed)),
        addressed_unit=arrival.unit_id,
        letter_id=letter.id,
        message_id_header=parsed.message_id,
        is_automatic=parsed.is_automatic or is_from_nobody(letter) or bool(sender and is_ours(sender)),
        may_answer=not (is_forged or letter.trace.get("is_import")),
        flow=parsed.flow,
        needs_person=tuple(needs_person),
        problems=parsed.problems,
    )


def _stored(part: letters.Part, arrival: Arrival) -> IncomingFile:
    # With the digest in it, a key stays true when a later parser reads other bytes there.
    key = f"part/{arrival.id}/{part.path.replace('~', '_')}-{part.sha256[:16]}"
    with part.file.open("rb") as stream:
        stored = storage.current().put(key, stream)
    name = letters.part_name(part)
    return IncomingFile(
        name, stored.key, stored.size_bytes, stored.sha256, part.declared_type, part.path, part.is_inline
    )
