"""Receiving a raw letter: its bytes stored first, then one commit with its arrivals and the job to read it.

Every way in ends here: the listener, mailboxes that are fetched, the pipe, and a letter that a
handler brings.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from ipaddress import ip_address
from typing import BinaryIO

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from config.tables import Unit
from intake import codes, letters, outbox, rows, storage
from intake.errors import ForeignDomain
from intake.extensions import db, now, settings
from intake.letters.charsets import clean_label
from intake.matters import receipts
from intake.models import Arrival, Letter, MailAddress, is_indexed, new_id

# Without an envelope, no sender in it means nothing.
WITHOUT_ENVELOPE = ("pipe", "imap", "handler")
_BRING = text(
    "SELECT letter_id, is_new FROM bring_letter(:letter_id, :size_bytes, :digest, :unit, :addresses,"
    " :tokens, :unknown, :job_id, :at)"
)


@dataclass(frozen=True)
class Envelope:
    """How a letter came: SMTP sender ("" for <>), recipients, the peer's address and protocol.

    ``trace`` is what else is worth keeping beside the letter. ``received_at`` is when another server
    of the authority's received it, None for now. ``is_trusted`` says that whoever handed it over
    checks senders. ``is_import`` marks what is taken over from before: no automatic letter answers it.
    """

    sender: str
    recipients: tuple[str, ...]
    peer: str
    protocol: str
    trace: Mapping[str, str | int | bool] = field(default_factory=dict)
    received_at: datetime | None = None
    is_trusted: bool = False
    is_import: bool = False


@dataclass(frozen=True)
class Received:
    """A letter that is ours now; ``is_new`` is False when the very same was known at every destination."""

    letter_id: uuid.UUID
    digest: str
    size_bytes: int
    is_new: bool


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


def is_from_nobody(letter: Letter) -> bool:
    """Say whether the envelope of a letter named no sender: a machine's (RFC 5321 4.5.5)."""
    return not letter.envelope_from and letter.trace["protocol"] not in WITHOUT_ENVELOPE


def receive(raw: BinaryIO, envelope: Envelope) -> Received:
    """Store a raw letter and write what it owes, in one commit; after this it is ours.

    The same bytes to the same destination add nothing. Ends the caller's transaction. Raises
    ForeignDomain when no recipient is ours, FileTooLarge, StorageError, and SQLAlchemy's errors when
    the database is away.
    """
    # Each statement stands for itself: what is received is written by a single one, which costs the
    # database one round instead of three.
    db.session.rollback()
    db.session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
    try:
        return _receive(raw, envelope)
    finally:
        # What was raised before the commit would leave the connection so to whoever takes it next.
        db.session.rollback()


def _receive(raw: BinaryIO, envelope: Envelope) -> Received:
    ours = tuple(clean_label(address, 1000) for address in envelope.recipients if is_ours(address))
    destinations = _destinations(ours)
    if not destinations:
        raise ForeignDomain("no recipient in our domains")
    at, letter_id = now(), new_id()
    stored = _store(raw, letter_id)
    received = Received(letter_id, stored.sha256, stored.size_bytes, is_new=True)
    try:
        _write(received, stored.key, envelope, ours, destinations, at)
    except IntegrityError:
        # The same bytes have come to one of the destinations before.
        db.session.rollback()
        known = _known(destinations, stored.sha256)
        fresh = [destination for destination in destinations if destination.name not in known]
        if not fresh:
            # The bytes just stored are named by no row; the sweep takes them after a day.
            return replace(received, letter_id=known[destinations[0].name], is_new=False)
        _write(received, stored.key, envelope, ours, fresh, at)
    return received


def _store(raw: BinaryIO, letter_id: uuid.UUID) -> storage.Stored:
    limit = settings().tables.files.max_letter_bytes
    return storage.current().put(f"letter/{letter_id}", raw, limit_bytes=limit)


def _write(
    received: Received,
    key: str,
    envelope: Envelope,
    ours: tuple[str, ...],
    destinations: Iterable[Destination],
    at: datetime,
) -> None:
    """Write a letter with an arrival at each destination and the job that reads it, and commit."""
    received_at = min(at, envelope.received_at or at)
    for destination in destinations:
        rows.insert(
            Arrival,
            channel="email",
            destination=destination.name,
            digest=received.digest,
            at=received_at,
            unit_id=destination.unit,
            address_id=destination.address_id,
            letter_id=received.letter_id,
            marks=list(destination.marks),
        )
    rows.insert(
        Letter,
        id=received.letter_id,
        storage_key=key,
        size_bytes=received.size_bytes,
        sha256=received.digest,
        envelope_from=clean_label(envelope.sender, 1000),
        envelope_to=list(ours),
        trace=_trace(envelope),
        received_at=received_at,
        problems=[],
    )
    outbox.add("parse_letter", received.letter_id)
    db.session.commit()


def _known(destinations: Iterable[Destination], digest: str) -> dict[str, uuid.UUID]:
    """Return the destinations to which these bytes have come, each with the letter by which they came."""
    names = [destination.name for destination in destinations]
    came = select(Arrival.destination, Letter.id).join(Letter, Letter.id == Arrival.letter_id)
    found = db.session.execute(came.where(is_indexed(Arrival.digest, digest), Arrival.destination.in_(names)))
    return {row[0]: row[1] for row in found}


def _trace(envelope: Envelope) -> dict[str, object]:
    return {
        **envelope.trace,
        "peer": envelope.peer,
        "protocol": envelope.protocol,
        "is_trusted": envelope.is_trusted or _is_relay(envelope),
        "is_import": envelope.is_import,
    }


def _is_relay(envelope: Envelope) -> bool:
    """Say whether a letter came over the net from a relay that the authority trusts."""
    if envelope.protocol not in ("smtp", "lmtp"):
        return False
    try:
        peer = ip_address(envelope.peer)
    except ValueError:
        return False
    return any(peer in network for network in settings().mail_trusted_relays)


def register(raw: BinaryIO, unit: str) -> Received:
    """Receive a letter that the person who is signed in has got some other way, into the inbox of a unit.

    An address with a token in its headers decides where it goes instead, but never out of a walled unit.
    The same bytes to the same destination add nothing, and the database alone knows whether they do.
    Ends the caller's transaction. Raises FileTooLarge and StorageError.
    """
    authority = settings().tables.authority
    chosen = authority.unit(unit)
    own = f"{chosen.mail_local}@{authority.mail_domain}" if chosen.mail_local else None
    found = _head_of(raw)
    with_token = () if chosen.is_walled else _with_token(found)
    is_meant = not with_token or own in found.addressed_to
    letter_id = new_id()
    # No transaction is open while the bytes are stored.
    db.session.commit()
    stored = _store(raw, letter_id)
    brought = {
        "letter_id": letter_id,
        "size_bytes": stored.size_bytes,
        "digest": stored.sha256,
        "unit": unit if is_meant else None,
        "addresses": [clean_label(address, 1000) for address in with_token],
        "tokens": [_token_in(address) for address in with_token],
        "unknown": receipts.UNKNOWN_TOKEN,
        "job_id": new_id(),
        "at": now(),
    }
    row = db.session.execute(_BRING, brought).one()
    db.session.commit()
    # The bytes of one that was here already are named by no row; the sweep takes them after a day.
    return Received(row.letter_id, stored.sha256, stored.size_bytes, row.is_new)


def recipients_in(raw: BinaryIO, own: str | None = None) -> tuple[str, ...]:
    """Return where a letter without an envelope goes by its headers; ``own`` is its mailbox's address.

    Our addresses with a token win, beside the mailbox's own when the letter names that too; else the
    mailbox's own, else whatever inbox of ours the letter names, else the national one. From a walled
    unit's mailbox no header leads anywhere else. ``raw`` is read from its start and put back there.
    """
    found = _head_of(raw)
    if own and is_ours(own):
        with_token = () if _is_walled(own) else _with_token(found)
        return (*with_token, own) if own in found.addressed_to or not with_token else with_token
    if with_token := _with_token(found):
        return with_token
    authority = settings().tables.authority
    national = f"{authority.unit_of_kind('inkorg', None).mail_local}@{authority.mail_domain}"
    delivered, addressed = (
        tuple(address for address in addresses if is_ours(address))
        for addresses in (found.delivered_to, found.addressed_to)
    )
    return delivered or addressed or (national,)


def _is_walled(address: str) -> bool:
    authority = settings().tables.authority
    box = address.rpartition("@")[0].lower()
    return any(unit.is_walled and unit.mail_local == box for unit in authority.units)


def _head_of(raw: BinaryIO) -> letters.Letter:
    head = raw.read(letters.HEAD_BYTES)
    raw.seek(0)
    return letters.read_head(head)


def _with_token(letter: letters.Letter) -> tuple[str, ...]:
    named = dict.fromkeys((*letter.delivered_to, *letter.addressed_to))
    return tuple(address for address in named if is_ours(address) and _token_in(address))


def _inbox(unit: Unit) -> Destination:
    return Destination(f"side:{unit.side}", unit.code)


def _destinations(addresses: Iterable[str]) -> tuple[Destination, ...]:
    """Return one destination for each of our address tokens and each side of a wall."""
    found: dict[str, Destination] = {}
    for address in addresses:
        destination = _destination(address)
        found.setdefault(destination.name, destination)
    # In one order for all, so that two who write the same ones never wait for each other.
    return tuple(sorted(found.values(), key=lambda destination: destination.name))


def _destination(address: str) -> Destination:
    authority = settings().tables.authority
    national = authority.unit_of_kind("inkorg", None)
    if token := _token_in(address):
        known = _find_address(token)
        if known is None:
            return replace(_inbox(national), marks=(receipts.UNKNOWN_TOKEN,))
        return Destination(f"address:{known.id}", national.code, known.id)
    box = address.rpartition("@")[0].lower().partition("+")[0]
    unit = next((unit for unit in authority.units if unit.mail_local == box), national)
    return _inbox(unit)


def _token_in(address: str) -> str:
    """Return what stands after the plus in an address of a matter or of a letter of ours, else ""."""
    box, _, token = address.rpartition("@")[0].lower().partition("+")
    return token if box in (settings().tables.authority.matter_local, codes.BOUNCE_LOCAL) else ""


def _find_address(token: str) -> MailAddress | None:
    if not codes.is_token(token):
        return None
    is_open = (MailAddress.token == token, MailAddress.revoked_at.is_(None))
    return db.session.scalar(select(MailAddress).where(*is_open))
