"""Letters for tests: made as a citizen's mail program makes them, received and unpacked as in the service."""

from __future__ import annotations

import io
from email.message import EmailMessage
from email.policy import SMTP

from sqlalchemy import select

from intake import mailroom, outbox
from intake.extensions import db
from intake.models import Arrival, Job, MailAddress, Matter


def letter(
    text: str = "Min cykel stals i Malmö i natt.",
    *,
    subject: str = "Cykel",
    sender: str = "Kim Berg <kim@example.com>",
    files: tuple[tuple[str, bytes], ...] = (),
    **headers: str,
) -> bytes:
    """Write a letter; headers are given as ``Message_ID="<1@example.com>"``."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = sender, "kontakt@example.se", subject
    message.set_content(text)
    for name, data in files:
        message.add_attachment(data, maintype="application", subtype="pdf", filename=name)
    # Identifiers are written as they are; the standard library would encode a long one.
    first = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return first.encode() + message.as_bytes()


def receive(raw: bytes, *recipients: str, sender: str = "kim@example.com") -> None:
    """Receive a letter in the current app."""
    envelope = mailroom.Envelope(sender, recipients or ("kontakt@example.se",), "127.0.0.1", "smtp")
    mailroom.receive(io.BytesIO(raw), envelope)


def unpack_all() -> None:
    """Do every parse job that is owed."""
    for job in db.session.scalars(select(Job).where(Job.kind == "parse_letter", Job.done_at.is_(None))).all():
        claim = outbox.claim(job.id, "test:1:0.00")
        if claim:
            mailroom.unpack(claim.subject_id, claim)


def deliver(raw: bytes, *recipients: str, sender: str = "kim@example.com") -> None:
    """Receive a letter and unpack it."""
    receive(raw, *recipients, sender=sender)
    unpack_all()


def matters() -> list[Matter]:
    """Return all matters, oldest first."""
    return list(db.session.scalars(select(Matter).order_by(Matter.received_at, Matter.id)))


def arrivals() -> list[Arrival]:
    """Return all arrivals, oldest first."""
    return list(db.session.scalars(select(Arrival).order_by(Arrival.at, Arrival.id)))


def address_of(matter: Matter) -> str:
    """Return a matter's mail address."""
    tokens = select(MailAddress.token).where(
        MailAddress.matter_id == matter.id, MailAddress.outgoing_id.is_(None)
    )
    return f"arende+{db.session.scalars(tokens).one()}@example.se"


class Post:
    """A post office that keeps what it is given, or fails as it is told."""

    def __init__(self):
        self.sent, self.failure = [], None

    def send(self, outgoing):
        if self.failure:
            raise self.failure
        self.sent.append(outgoing)
