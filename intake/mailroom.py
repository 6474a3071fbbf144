"""The mailroom: the raw letter first, durably; then, as a job, letters become matters."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import BinaryIO

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from intake import codes, ledger, letters, outbox, rows, storage
from intake.errors import ForeignDomain, LetterUnreadable, NotFound
from intake.extensions import db, now, settings
from intake.matters import arrive, receipts, sending
from intake.matters.records import note
from intake.models import (
    Arrival,
    Attachment,
    Job,
    Letter,
    MailAddress,
    Matter,
    Message,
    OutgoingLetter,
    new_id,
    table_of,
)

log = logging.getLogger(__name__)

PARSE_SECONDS = 60
HEAD_BYTES = 256 * 1024
# The "part" that is the whole raw letter, attached when it could not be parsed.
WHOLE = "raw"
PARSE_MEMORY_BYTES = 1 << 30
_ARRIVAL = table_of(Arrival)
_ARRIVE = (
    insert(_ARRIVAL).on_conflict_do_nothing(index_elements=["destination", "digest"]).returning(_ARRIVAL.c.id)
)


@dataclass(frozen=True)
class Envelope:
    """How a letter came: SMTP sender ("" for <>), recipients, the peer's address and protocol."""

    sender: str
    recipients: tuple[str, ...]
    peer: str
    protocol: str


@dataclass(frozen=True)
class Destination:
    """Where a letter is to be a message: a side of a wall, or what one of our addresses leads to."""

    name: str
    unit: str
    address_id: uuid.UUID | None = None
    marks: tuple[str, ...] = ()


def is_ours(address: str) -> bool:
    """Say whether an address is in one of the authority's domains; every local part there is ours."""
    return address.rpartition("@")[2].lower() in settings().tables.authority.mail_domains


def receive(raw: BinaryIO, envelope: Envelope) -> None:
    """Store a raw letter and write what it owes, in one commit; after this it is ours.

    The same bytes to the same destination add nothing. Raises ForeignDomain when no recipient
    is ours, FileTooLarge, StorageError, and SQLAlchemy's errors when the database is away.
    """
    ours = tuple(address for address in envelope.recipients if is_ours(address))
    if not ours:
        raise ForeignDomain("no recipient in our domains")
    at, letter_id = now(), new_id()
    limit = settings().tables.files.max_letter_bytes
    stored = storage.current().put(f"letter/{letter_id}", raw, limit_bytes=limit)
    destinations = _destinations(ours)
    arrivals = [
        {
            "id": new_id(),
            "channel": "email",
            "destination": destination.name,
            "digest": stored.sha256,
            "at": at,
            "unit_id": destination.unit,
            "address_id": destination.address_id,
            "letter_id": letter_id,
            "marks": list(destination.marks),
        }
        for destination in destinations
    ]
    if not db.session.execute(_ARRIVE, arrivals).all():
        # The bytes just stored are named by no row; the sweep takes them after a day.
        db.session.rollback()
        return
    rows.insert(
        Letter,
        id=letter_id,
        storage_key=stored.key,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        envelope_from=envelope.sender,
        envelope_to=list(ours),
        trace={"peer": envelope.peer, "protocol": envelope.protocol},
        received_at=at,
        problems=[],
    )
    outbox.add("parse_letter", letter_id)
    db.session.commit()


def recipients_in(raw: BinaryIO) -> tuple[str, ...]:
    """Return our addresses in a letter's headers, else the national inbox; for ways without envelope.

    ``raw`` is read from its start and put back there.
    """
    with NamedTemporaryFile() as head:
        head.write(raw.read(HEAD_BYTES))
        head.flush()
        raw.seek(0)
        found = letters.best_effort(Path(head.name)).delivered_to
    authority = settings().tables.authority
    national = f"{authority.unit_of_kind('inkorg', None).mail_local}@{authority.mail_domain}"
    return tuple(address for address in found if is_ours(address)) or (national,)


def _destinations(addresses: Iterable[str]) -> tuple[Destination, ...]:
    """Return one destination for each of our address tokens and each side of a wall."""
    found: dict[str, Destination] = {}
    for address in addresses:
        destination = _destination(address.rpartition("@")[0].lower())
        found.setdefault(destination.name, destination)
    return tuple(found.values())


def _destination(local: str) -> Destination:
    authority = settings().tables.authority
    box, _, token = local.partition("+")
    national = authority.unit_of_kind("inkorg", None)
    if token and box in (authority.matter_local, codes.BOUNCE_LOCAL):
        address = _find_address(token)
        if address is None:
            return Destination(f"side:{national.side}", national.code, marks=(receipts.UNKNOWN_TOKEN,))
        return Destination(f"address:{address.id}", national.code, address.id)
    unit = next((unit for unit in authority.units if unit.mail_local == box), national)
    return Destination(f"side:{unit.side}", unit.code)


def _find_address(token: str) -> MailAddress | None:
    if not codes.is_token(token):
        return None
    is_open = (MailAddress.token == token, MailAddress.revoked_at.is_(None))
    return db.session.scalar(select(MailAddress).where(*is_open))


def unpack(letter_id: uuid.UUID, claim: outbox.Claim) -> None:
    """Make a stored letter a message at each of its destinations, and commit.

    A letter that cannot be parsed becomes a matter all the same, with its raw bytes attached
    and a person asked for.
    """
    letter = _get_letter(letter_id)
    with _parsed(letter) as parsed:
        owed = _owed_arrivals(letter_id)
        submissions = [(arrival, _submission(letter, parsed, arrival)) for arrival in owed]
        letter.parsed_at = now()
        letter.message_id_header = parsed.message_id
        letter.sender_email = parsed.sender_email
        letter.body_digest = parsed.body_digest
        letter.problems = list(parsed.problems)
        begun = [_deliver(arrival, submission, parsed) for arrival, submission in submissions]
        claim.finish()
        arrive.commit_numbered([matter_id for matter_id in begun if matter_id], letter.received_at)


def parse_again(letter_id: uuid.UUID) -> None:
    """Parse a letter again, and commit: its messages get the new text, new parts are added.

    A letter whose job never ended has that job tried again instead. Nothing is removed.
    """
    letter = _get_letter(letter_id)
    if letter.parsed_at is None:
        job = select(Job.id).where(Job.dedupe == f"parse_letter:{letter_id}")
        outbox.retry(db.session.scalars(job).one())
        return
    with _parsed(letter) as parsed:
        letter.problems = list(parsed.problems)
        delivered = db.session.scalars(
            select(Arrival).where(Arrival.letter_id == letter_id, Arrival.message_id.is_not(None))
        ).all()
        for arrival in delivered:
            _rewrite(arrival, _submission(letter, parsed, arrival))
        db.session.commit()


def _rewrite(arrival: Arrival, submission: arrive.Submission) -> None:
    message = db.session.get_one(Message, arrival.message_id)
    message.subject, message.text = submission.subject, submission.text
    message.sender_name, message.sender_email = submission.sender_name, submission.sender_email
    message.problems = list(submission.problems)
    known = set(db.session.scalars(select(Attachment.storage_key).where(Attachment.message_id == message.id)))
    new = tuple(file for file in submission.files if file.storage_key not in known)
    at, position = message.created_at, len(known) + 1
    arrive.attach(message.matter_id, message.id, new, at=at, first_position=position)
    note(message.matter_id, "parsed_again", {"new_files": len(new)})


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
def _parsed(letter: Letter) -> Iterator[letters.Letter]:
    """Parse a letter in a child with limits; its parts lie in a folder until the block ends."""
    with storage.current().local_path(letter.storage_key) as raw, TemporaryDirectory() as folder:
        try:
            parsed = letters.parse_in_child(
                raw, Path(folder), seconds=PARSE_SECONDS, memory_bytes=PARSE_MEMORY_BYTES
            )
        except LetterUnreadable:
            log.warning("letter %s could not be parsed", letter.id)
            parsed = _unreadable(letters.best_effort(raw), raw, letter)
        yield parsed


def _unreadable(parsed: letters.Letter, raw: Path, letter: Letter) -> letters.Letter:
    whole = letters.Part(
        path=WHOLE,
        name="brev.eml",
        declared_type="message/rfc822",
        size_bytes=letter.size_bytes,
        sha256=letter.sha256,
        is_inline=False,
        file=raw,
    )
    return replace(parsed, parts=(whole,))


def _submission(letter: Letter, parsed: letters.Letter, arrival: Arrival) -> arrive.Submission:
    """Store a letter's parts for one destination and say what came in there.

    The keys follow from the arrival and the part, so that doing it again writes the same bytes
    under the same names.
    """
    needs_person = list(arrival.marks)
    if any(part.path == WHOLE for part in parsed.parts):
        needs_person.append("unreadable")
    return arrive.Submission(
        channel="email",
        subject=parsed.subject,
        text=parsed.text,
        received_at=letter.received_at,
        sender_name=parsed.sender_name,
        sender_email=parsed.sender_email or letter.envelope_from or None,
        files=tuple(_stored(part, arrival) for part in parsed.parts if not part.is_body),
        addressed_unit=arrival.unit_id,
        letter_id=letter.id,
        message_id_header=parsed.message_id,
        # A null sender marks a machine's letter; a pipe may just not have told us the sender.
        is_automatic=parsed.is_automatic or (not letter.envelope_from and letter.trace["protocol"] != "pipe"),
        needs_person=tuple(needs_person),
        problems=parsed.problems,
    )


def _stored(part: letters.Part, arrival: Arrival) -> arrive.IncomingFile:
    key = f"part/{arrival.id}/{part.path}"
    ledger.hold_key(key)
    with part.file.open("rb") as stream:
        stored = storage.current().put(key, stream)
    name = part.name or f"bilaga {part.path}"
    return arrive.IncomingFile(name, stored.key, stored.size_bytes, stored.sha256, part.declared_type)


def _deliver(arrival: Arrival, submission: arrive.Submission, parsed: letters.Letter) -> uuid.UUID | None:
    """Let a letter be a duplicate, join a matter, or begin one; return the id of a new matter."""
    if parsed.message_id:
        # Two copies in other bytes may be unpacked at once; the second waits and sees the first.
        ledger.hold_key(f"{arrival.destination} {parsed.message_id}")
    twin, is_same = _find_twin(arrival, parsed)
    if twin is not None and is_same:
        arrival.duplicate_of_id = twin.id
        return None
    if twin is not None:
        submission = replace(submission, needs_person=(*submission.needs_person, "message_id_reused"))
    address = _held_address(arrival.address_id)
    matter_id = address.matter_id if address else _find_answered(arrival, parsed)
    if matter_id:
        if copy := _find_copy(arrival, matter_id):
            arrival.duplicate_of_id = copy
            return None
        arrival.message_id = arrive.add_message(matter_id, submission).message_id
        if address and address.outgoing_id:
            sending.record_bounced(address.outgoing_id, matter_id)
        return None
    earlier = _find_named(parsed.subject)
    if earlier:
        submission = replace(submission, needs_person=(*submission.needs_person, "possible_supplement"))
    written = arrive.begin_matter(submission, address, possible_of=earlier)
    arrival.message_id = written.message_id
    return written.matter_id


def _find_twin(arrival: Arrival, parsed: letters.Letter) -> tuple[Arrival | None, bool]:
    """Find an earlier arrival here with the same Message-ID, and say if the letter is the same."""
    if not parsed.message_id:
        return None, False
    twins = db.session.execute(
        select(Arrival, Letter)
        .join(Letter, Letter.id == Arrival.letter_id)
        .where(
            Arrival.destination == arrival.destination,
            Arrival.id != arrival.id,
            Arrival.message_id.is_not(None),
            Letter.message_id_header == parsed.message_id,
        )
        .order_by(Arrival.at, Arrival.id)
    ).all()
    for twin, letter in twins:
        if (letter.sender_email, letter.body_digest) == (parsed.sender_email, parsed.body_digest):
            return twin, True
    return (twins[0][0], False) if twins else (None, False)


def _held_address(address_id: uuid.UUID | None) -> arrive.Address | None:
    """Lock an address until the transaction ends, so that it leads to one matter."""
    if address_id is None:
        return None
    held = select(MailAddress).where(MailAddress.id == address_id).with_for_update()
    row = db.session.scalars(held).one()
    return arrive.Address(row.id, row.matter_id, row.outgoing_id, row.revoked_at is not None)


def _find_copy(arrival: Arrival, matter_id: uuid.UUID) -> uuid.UUID | None:
    """Find the arrival by which the same letter already came into a matter."""
    return db.session.scalar(
        select(Arrival.id)
        .join(Message, Message.id == Arrival.message_id)
        .where(Arrival.letter_id == arrival.letter_id, Message.matter_id == matter_id)
        .limit(1)
    )


def _is_walled_off(arrival: Arrival, unit: str) -> bool:
    """Say whether a wall stands between the inbox a letter was sent to and a unit."""
    authority = settings().tables.authority
    here, there = authority.unit(arrival.unit_id or unit), authority.unit(unit)
    return here.side != there.side and (here.is_walled or there.is_walled)


def _find_answered(arrival: Arrival, parsed: letters.Letter) -> uuid.UUID | None:
    """Find the matter that one of our own letters, answered or brought back by this one, belongs to.

    A letter never joins across a wall: what was sent to one side is a matter on that side.
    """
    key = settings().address_key
    for header in (parsed.message_id, parsed.in_reply_to, *reversed(parsed.references)):
        identity = letters.our_message_id(header, key) if header else None
        if identity:
            ours = select(Matter.id, Matter.unit_id).join(
                OutgoingLetter, OutgoingLetter.matter_id == Matter.id
            )
            found = db.session.execute(ours.where(OutgoingLetter.id == uuid.UUID(identity))).one_or_none()
            return found[0] if found and not _is_walled_off(arrival, found[1]) else None
    return None


def _find_named(subject: str) -> uuid.UUID | None:
    """Find a matter whose reference stands in a subject: a hint for a person, never a join."""
    references = codes.references_in(subject)
    if not references:
        return None
    return db.session.scalar(select(Matter.id).where(Matter.reference.in_(references)).limit(1))
