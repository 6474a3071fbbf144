"""Letters that we send: automatic ones say nothing, a handler's say what the handler wrote.

Never the citizen's words, name, file names or category in any of them; bodies are quoted-printable
UTF-8 with short lines, which every relay takes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Any
from zoneinfo import ZoneInfo

from intake.errors import PostRefused
from intake.letters.charsets import clean_label, clean_text

_STOCKHOLM = ZoneInfo("Europe/Stockholm")
_MONTHS = (
    "januari", "februari", "mars", "april", "maj", "juni",
    "juli", "augusti", "september", "oktober", "november", "december",
)  # fmt: skip
_ADDRESS = re.compile(r"[^\s<>()\[\]\\,;:\"@\x00-\x20\x7f]{1,64}@[^\s<>()\[\]\\,;:\"@\x00-\x20\x7f]{1,250}")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,500}>")
_OURS = re.compile(r"<?([a-z]{1,20})\.([a-z0-9-]{1,64})\.([a-z2-7]{26})@[^<>\s@]{1,250}>?")
_KIND, _IDENTITY = re.compile(r"[a-z]{1,20}"), re.compile(r"[a-z0-9-]{1,64}")
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")
_DEMONSTRATION = (
    "Detta är en demonstration. Ingen myndighet läser det som skickas hit.\n"
    "Ring 112 om det är bråttom på riktigt.\n\n"
)


@dataclass(frozen=True)
class ReplyFile:
    """A file that a handler attached to a reply; the type is a label, the name is shown as it is."""

    name: str
    content_type: str
    data: bytes


class _Policy(EmailPolicy):
    """SMTP's policy, but identifiers are folded between them and never encoded.

    The standard library writes a long identifier in References as an encoded word, and then no mail
    program finds what the letter answers.
    """

    def fold(self, name: str, value: Any) -> str:
        if name.lower() in ("in-reply-to", "references", "message-id"):
            return f"{name}: " + f"{self.linesep} ".join(str(value).split()) + self.linesep
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower() in ("in-reply-to", "references", "message-id"):
            return self.fold(name, value).encode("ascii")
        return super().fold_binary(name, value)


_POLICY = _Policy(linesep="\r\n", raise_on_defect=False)


def compose_receipt(
    *, to: str, reference: str, received_at: datetime, matter_address: str,
    authority_name: str, is_demonstration: bool, message_id: str, date: datetime, sender: str,
    in_reply_to: str | None = None,
) -> EmailMessage:  # fmt: skip
    """Write the receipt: that something came, its reference and time, and where more may be sent.

    Raise PostRefused when ``to`` is no address that a letter can be sent to.
    """
    text = (
        "Hej!\n\nVi har tagit emot det du skickade till oss.\n\n"
        f"Kvittensnummer: {reference}\nMottaget: {_swedish_time(received_at)}\n\n"
        "Vill du lägga till något eller skicka en fil? Svara på det här mejlet, eller skriv till\n"
        f"{matter_address}\nså hamnar det i samma ärende.\n"
        f"\nDet här mejlet skickas automatiskt.\n\nVänliga hälsningar\n{authority_name}\n"
    )
    letter = _letter(
        to, f"Kvittens {reference}", _demonstration(is_demonstration) + text, sender=sender,
        sender_name=authority_name, reply_to=matter_address, message_id=message_id, date=date,
        in_reply_to=in_reply_to,
    )  # fmt: skip
    return _automatic(letter, "auto-replied")


def compose_alarm(
    *, to: str, reference: str, received_at: datetime, link: str, matter_address: str, authority_name: str,
    is_demonstration: bool, message_id: str, date: datetime, sender: str, in_reply_to: str | None = None,
) -> EmailMessage:  # fmt: skip
    """Write an alarm to those on duty: that something urgent waits, since when, and where to take it.

    Raise PostRefused when ``to`` is no address that a letter can be sent to.
    """
    text = (
        "Ett ärende med högsta prioritet väntar på en handläggare.\n\n"
        f"Kvittensnummer: {reference}\nInkommet: {_swedish_time(received_at)}\n\n"
        f"Ta ärendet här, så upphör larmet:\n{link}\n"
        f"\nDet här mejlet skickas automatiskt. Svara inte på det.\n\n{authority_name}\n"
    )
    letter = _letter(
        to, f"Larm {reference}", _demonstration(is_demonstration) + text, sender=sender,
        sender_name=authority_name, reply_to=matter_address, message_id=message_id, date=date,
        in_reply_to=in_reply_to,
    )  # fmt: skip
    return _automatic(letter, "auto-generated")


def compose_reply(
    *, to: str, subject: str, text: str, files: Sequence[ReplyFile], reference: str, matter_address: str,
    authority_name: str, is_demonstration: bool, message_id: str, date: datetime, sender: str,
    in_reply_to: str | None,
) -> EmailMessage:  # fmt: skip
    """Write a handler's reply: what the handler wrote and attached, and how to answer it.

    An empty subject becomes a neutral one. Raise PostRefused when ``to`` is no usable address.
    """
    closing = (
        f"\n\n--\n{authority_name}\nKvittensnummer: {reference}\n"
        "Svara på det här mejlet, så hamnar ditt svar i samma ärende.\n"
    )
    letter = _letter(
        to, clean_label(subject, 200) or f"Svar {reference}",
        _demonstration(is_demonstration) + clean_text(text).rstrip() + closing, sender=sender,
        sender_name=authority_name, reply_to=matter_address, message_id=message_id, date=date,
        in_reply_to=in_reply_to,
    )  # fmt: skip
    for file in files:
        _attach(letter, file)
    return letter


def message_id(kind: str, identity: str, key: bytes, domain: str) -> str:
    """Return our own Message-ID, ``<kind.identity.seal@domain>``, whose seal only we can make.

    ``kind`` is lower-case letters; ``identity`` lower-case letters, digits and hyphens.
    """
    if not (_KIND.fullmatch(kind) and _IDENTITY.fullmatch(identity)):
        raise ValueError("kind and identity of a Message-ID are lower-case letters, digits and hyphens.")
    return f"<{kind}.{identity}.{_seal(kind, identity, key)}@{domain}>"


def our_message_id(value: str, key: bytes) -> str | None:
    """Return the identity in a Message-ID that we made, None for any other or a forged one."""
    found = _OURS.fullmatch(value.strip().lower())
    if found is None or not hmac.compare_digest(found[3], _seal(found[1], found[2], key)):
        return None
    return found[2]


def _seal(kind: str, identity: str, key: bytes) -> str:
    digest = hmac.new(key, f"message-id:{kind}:{identity}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest[:16]).decode("ascii").rstrip("=").lower()


def _letter(
    to: str, subject: str, text: str, *, sender: str, sender_name: str, reply_to: str, message_id: str,
    date: datetime, in_reply_to: str | None,
) -> EmailMessage:  # fmt: skip
    letter = EmailMessage(policy=_POLICY)
    letter["From"] = Address(display_name=clean_label(sender_name, 100), addr_spec=_address(sender))
    letter["To"] = _address(to)
    letter["Reply-To"] = _address(reply_to)
    letter["Subject"] = clean_label(subject, 200)
    letter["Date"] = format_datetime(date)
    letter["Message-ID"] = message_id
    letter["Content-Language"] = "sv"
    answered = _MESSAGE_ID.findall(in_reply_to or "")[:1]
    if answered:
        letter["In-Reply-To"] = letter["References"] = answered[0]
    letter.set_content(text, charset="utf-8", cte="quoted-printable")
    return letter


def _automatic(letter: EmailMessage, how: str) -> EmailMessage:
    """Mark a letter as a machine's, so that no machine answers it (RFC 3834)."""
    letter["Auto-Submitted"] = how
    letter["X-Auto-Response-Suppress"] = "All"
    return letter


def _address(address: str) -> str:
    """Return an address that stands alone in a header: one mailbox, its domain in ASCII (RFC 5890)."""
    if not _ADDRESS.fullmatch(address):
        raise PostRefused("Adressen går inte att skicka till.")
    local, _, domain = address.partition("@")
    try:
        ascii_address = f"{local}@{domain.encode('idna').decode('ascii')}"
        ascii_address.encode("ascii")
        Address(addr_spec=ascii_address)
    except (UnicodeError, HeaderParseError, ValueError, IndexError):
        raise PostRefused("Adressen går inte att skicka till.") from None
    return ascii_address


def _attach(letter: EmailMessage, file: ReplyFile) -> None:
    declared = file.content_type.strip().lower()
    # Letters and multiparts may not be base64 (RFC 2046 5.2.1), so they travel as plain bytes.
    if not _TYPE.fullmatch(declared) or declared.startswith(("message/", "multipart/")):
        declared = "application/octet-stream"
    maintype, _, subtype = declared.partition("/")
    name = clean_label(file.name, 200) or "fil"
    letter.add_attachment(file.data, maintype=maintype, subtype=subtype, filename=name)


def _swedish_time(moment: datetime) -> str:
    local = moment.astimezone(_STOCKHOLM)
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year} kl. {local:%H.%M}"


def _demonstration(is_demonstration: bool) -> str:
    return _DEMONSTRATION if is_demonstration else ""
