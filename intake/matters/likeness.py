"""The signs of a message: read when it has come in, and kept as digests by which matters are found alike."""

from __future__ import annotations

import uuid
from urllib.parse import urlsplit

from sqlalchemy import text

from intake import letters, outbox, signs
from intake.extensions import db, settings
from intake.models import Message

_STEMS = text("SELECT message_stems(:id)")
_KEEP = text("SELECT keep_signs(:id, :said, :contact)")


def read_signs(message_id: uuid.UUID, claim: outbox.Claim) -> None:
    """Keep the signs of an incoming message, in place of what was read of it before, and commit."""
    message = db.session.get(Message, message_id)
    if message is not None:
        stems = db.session.scalar(_STEMS, {"id": message_id}) or ()
        # What is quoted was said by somebody else, mostly by us.
        words = "\n".join(
            [
                message.subject,
                letters.said(message.text, message.flow),  # type: ignore[arg-type]
                *(str(answer["answer"]) for answer in message.answers),
            ]
        )
        said = signs.of_text(words, stems, _own_hosts())
        contact = signs.of_contact(message.sender_email, message.sender_phone)
        db.session.execute(_KEEP, {"id": message_id, "said": sorted(said), "contact": sorted(contact)})
    claim.finish()
    db.session.commit()


def _own_hosts() -> tuple[str, ...]:
    pages = (urlsplit(url).hostname or "" for url in (settings().public_url, settings().handler_url))
    return (*settings().tables.authority.mail_domains, *pages)
