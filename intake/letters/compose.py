"""Letters that we send, made of ready words: those of the service itself, and a handler's reply.

Bodies are quoted-printable UTF-8 with short lines, which every relay takes. The plain text is the
letter; HTML, where it is wanted at all, stands beside it and says the same.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from html import escape
from typing import Any

from intake.errors import PostRefused
from intake.letters.charsets import clean_label, clean_text

_ADDRESS = re.compile(r"[^\s<>()\[\]\\,;:\"@\x00-\x20\x7f]{1,64}@[^\s<>()\[\]\\,;:\"@\x00-\x20\x7f]{1,250}")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,500}>")
_OURS = re.compile(r"<?([a-z_]{1,20})\.([a-z0-9-]{1,64})\.([a-z2-7]{26})@[^<>\s@]{1,250}>?")
_KIND, _IDENTITY = re.compile(r"[a-z_]{1,20}"), re.compile(r"[a-z0-9-]{1,64}")
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")
_PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*")
# What closes a sentence or a bracket is none of the address before it.
_LINK = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,:;!?)\]']")


# What stands between a text and its signature, so that mail programs can fold the latter (RFC 3676 4.3).
SEPARATOR = "-- "


@dataclass(frozen=True)
class ReplyFile:
    """A file that a handler attached to a reply; the type is a label, the name is shown as it is."""

    name: str
    content_type: str
    data: bytes


@dataclass(frozen=True)
class Frame:
    """All of a letter but its words. Answers go to ``sender``, whose name may be left empty.

    ``language`` is what the words are in, None when that is not known. ``with_html`` lets the same
    words stand beside the text as HTML.
    """

    to: str
    sender: str
    sender_name: str
    message_id: str
    date: datetime
    language: str | None
    in_reply_to: str | None = None
    with_html: bool = False


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


def compose_automatic(frame: Frame, subject: str, text: str, *, is_answer: bool = False) -> EmailMessage:
    """Write a letter of the service's own, marked so that no machine answers it (RFC 3834).

    ``is_answer`` tells that it acknowledges what came in. Raise PostRefused when nothing can be
    sent to that address.
    """
    letter = _letter(frame, subject, text)
    letter["Auto-Submitted"] = "auto-replied" if is_answer else "auto-generated"
    letter["X-Auto-Response-Suppress"] = "All"
    return letter


def compose_reply(
    frame: Frame, subject: str, text: str, closing: str, files: Sequence[ReplyFile] = ()
) -> EmailMessage:
    """Write a handler's reply: what the handler wrote and attached, and then how to answer it.

    Raise PostRefused when nothing can be sent to that address.
    """
    letter = _letter(
        frame, clean_label(subject, 200), f"{clean_text(text).rstrip()}\n\n{SEPARATOR}\n{closing}"
    )
    for file in files:
        _attach(letter, file)
    return letter


def message_id(kind: str, identity: str, key: bytes, domain: str) -> str:
    """Return our own Message-ID, ``<kind.identity.seal@domain>``, whose seal only we can make.

    ``kind`` is lower-case letters and underscores; ``identity`` lower-case letters, digits and hyphens.
    """
    if not (_KIND.fullmatch(kind) and _IDENTITY.fullmatch(identity)):
        raise ValueError("kind and identity of a Message-ID are lower-case letters, digits, _ and hyphens.")
    return f"<{kind}.{identity}.{_seal(kind, identity, key)}@{domain}>"


def our_message_id(value: str, keys: Iterable[bytes]) -> str | None:
    """Return the identity in a Message-ID that one of our keys made, None for any other or a forged one."""
    found = _OURS.fullmatch(value.strip().lower())
    if found is None:
        return None
    seals = [_seal(found[1], found[2], key) for key in keys]
    return found[2] if any(hmac.compare_digest(found[3], seal) for seal in seals) else None


def _seal(kind: str, identity: str, key: bytes) -> str:
    digest = hmac.new(key, f"message-id:{kind}:{identity}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest[:16]).decode("ascii").rstrip("=").lower()


def _letter(frame: Frame, subject: str, text: str) -> EmailMessage:
    letter = EmailMessage(policy=_POLICY)
    sender_name = clean_label(frame.sender_name, 100)
    letter["From"] = Address(display_name=sender_name, addr_spec=_address(frame.sender))
    letter["To"] = _address(frame.to)
    letter["Reply-To"] = _address(frame.sender)
    letter["Subject"] = clean_label(subject, 200)
    letter["Date"] = format_datetime(frame.date)
    letter["Message-ID"] = frame.message_id
    answered = _MESSAGE_ID.findall(frame.in_reply_to or "")[:1]
    if answered:
        letter["In-Reply-To"] = letter["References"] = answered[0]
    letter.set_content(text, charset="utf-8", cte="quoted-printable")
    if frame.with_html:
        html = _as_html(clean_label(subject, 200), text, frame.language)
        letter.add_alternative(html, subtype="html", charset="utf-8", cte="quoted-printable")
        for part in letter.iter_parts():
            # It speaks of the letter as a whole (RFC 2045 4).
            del part["MIME-Version"]
    if frame.language:
        # Setting the text takes away all that was said of it before.
        letter["Content-Language"] = frame.language
    return letter


def _as_html(title: str, text: str, language: str | None) -> str:
    """Return a text's words as paragraphs and links alone: nothing in it is fetched from anywhere."""
    # Each paragraph by its own script, so that a link or a Swedish answer in an Arabic letter can be read.
    paragraphs = [f'<p dir="auto">{_marked_up(words)}</p>' for words in _PARAGRAPHS.split(text.strip())]
    lines = (
        "<!DOCTYPE html>",
        f'<html lang="{escape(language or "")}">',
        f'<head><meta charset="utf-8"><title>{escape(title)}</title></head>',
        "<body>",
        *paragraphs,
        "</body>",
        "</html>",
    )
    return "\n".join(lines) + "\n"


def _marked_up(words: str) -> str:
    """Return a paragraph with its links marked up and its line breaks kept."""
    pieces, end = [], 0
    for link in _LINK.finditer(words):
        address = escape(link[0])
        pieces += [escape(words[end : link.start()]), f'<a href="{address}">{address}</a>']
        end = link.end()
    return "".join((*pieces, escape(words[end:]))).replace("\n", "<br>\n")


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
