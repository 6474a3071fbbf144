"""What a citizen will get of an answer, made of the very words that will be sent, before anything is."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from intake import letters
from intake.extensions import db, now, settings
from intake.matters import work, writing
from intake.matters.answering import Way
from intake.models import Matter

# Where the secret stands in a link that is sent: none is made for a look.
ELLIPSIS = "…"


@dataclass(frozen=True)
class Preview:
    """An answer as it will be read: the mail with its subject, if one goes, and what the status page says.

    ``mail_text`` is the whole answer only where ``way`` is "mail".
    """

    way: Way
    recipient: str | None
    mail_subject: str
    mail_text: str
    page_text: str


def preview(matter_id: uuid.UUID, text: str, *, is_told: bool) -> Preview:
    """Write an answer without sending it; raises NotAllowed when it would reach nobody."""
    way = work.require_way(matter_id, is_told=is_told)
    matter = db.session.get_one(Matter, matter_id)
    subject, mail = {"mail": _whole, "notice": _notice}.get(way, _nothing)(matter, text)
    return Preview(way, matter.sender_email, subject, mail, text if is_told else "")


def _whole(matter: Matter, text: str) -> tuple[str, str]:
    frame = letters.Frame(
        to=matter.sender_email or "",
        sender=f"{settings().tables.authority.matter_local}@{settings().tables.authority.mail_domain}",
        sender_name="",
        message_id="<preview@localhost>",
        date=now(),
        language=None,
    )
    written = letters.compose_reply(
        frame, writing.reply_subject(matter), writing.opening(matter) + text, writing.closing(matter)
    )
    body = written.get_body(("plain",))
    # The line above our name ends with a blank that nobody sees (RFC 3676).
    lines = (line.rstrip() for line in body.get_content().splitlines()) if body else ()
    return str(written["Subject"]), "\n".join(lines)


def _notice(matter: Matter, _text: str) -> tuple[str, str]:
    link = writing.link_to("folj", ELLIPSIS, writing.language_of(matter))
    words = writing.write("notice", matter, link=link, received_at=matter.received_at)
    return words.subject, words.text


def _nothing(_matter: Matter, _text: str) -> tuple[str, str]:
    return "", ""
