"""What a letter is once it is read: values that carry no bytes from outside except as labels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from mimetypes import MimeTypes
from pathlib import Path
from typing import Literal

# How a text's lines are to be joined again for reading (RFC 3676): ``delsp`` drops the space at the joint.
Flow = Literal["flowed", "delsp"]
# What a report says of a letter; ``unclear`` is a letter from a mail server that follows no standard.
ReportKind = Literal["failed", "delayed", "delivered", "displayed", "deleted", "unclear"]
# How the paths end of what stands before the first part and after the last.
OUTSIDE = ("-before", "-after")

# What machines send along without a name, called what it is.
_NAMES = {
    "message/delivery-status": "leveransbesked.txt",
    "message/global-delivery-status": "leveransbesked.txt",
    "message/disposition-notification": "läskvitto.txt",
    "text/rfc822-headers": "brevhuvuden.txt",
    "text/plain": "text.txt",
    "text/html": "text.html",
    "text/calendar": "kalender.ics",
    "application/pkcs7-signature": "signatur.p7s",
    "application/x-pkcs7-signature": "signatur.p7s",
    "application/pgp-signature": "signatur.asc",
    "application/pgp-keys": "nyckel.asc",
    "application/pgp-encrypted": "kryptering.asc",
    "application/pkcs7-mime": "smime.p7m",
    "application/x-pkcs7-mime": "smime.p7m",
    # Outlook keeps a signed letter whole within its own.
    "multipart/signed": "signerat brev.eml",
}

_OFFICE = "application/vnd.openxmlformats-officedocument."
# What people send, and the standard library's table of endings lacks.
_MORE_ENDINGS = {
    "image/pjpeg": ".jpg",
    "image/x-png": ".png",
    "image/x-ms-bmp": ".bmp",
    "video/3gpp": ".3gp",
    "video/x-matroska": ".mkv",
    "audio/mp3": ".mp3",
    "audio/mp4": ".m4a",
    "audio/x-m4a": ".m4a",
    "audio/amr": ".amr",
    "audio/ogg": ".ogg",
    "audio/wav": ".wav",
    "audio/wave": ".wav",
    "audio/flac": ".flac",
    "text/rtf": ".rtf",
    "text/vcard": ".vcf",
    "application/x-pdf": ".pdf",
    "application/x-zip-compressed": ".zip",
    f"{_OFFICE}wordprocessingml.document": ".docx",
    f"{_OFFICE}spreadsheetml.sheet": ".xlsx",
    f"{_OFFICE}presentationml.presentation": ".pptx",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "application/vnd.ms-outlook": ".msg",
}
# The library's own table, since a machine's might say otherwise.
_ENDINGS = MimeTypes(())
# With a letter in it: a screenshot's name may end with the time.
_HAS_ENDING = re.compile(r"\.\d{0,3}[^\W\d]\w{0,7}\s*\Z")


@dataclass(frozen=True)
class Part:
    """One part of a letter, decoded into ``file``.

    ``path`` numbers the part as IMAP does ("1.2"); what stands outside the numbered parts has a
    suffix ("0-after"), and what was taken out of a part that is kept whole (an attached letter, a
    winmail.dat) the whole's path, a tilde and its own ("2~1.2"). ``name`` and ``declared_type`` are
    labels as the sender gave them. ``is_body`` says that all of the part's words stand in the letter's
    text already, so it is no attachment to count.
    """

    path: str
    name: str | None
    declared_type: str
    size_bytes: int
    sha256: str
    is_inline: bool
    file: Path
    is_body: bool = False


def part_name(part: Part) -> str:
    """Return what a part is called as a file, also where the sender left out the name or its ending."""
    if part.name and _HAS_ENDING.search(part.name):
        return part.name
    if not part.name and part.declared_type in _NAMES:
        return _NAMES[part.declared_type]
    kind = part.declared_type
    ending = _MORE_ENDINGS.get(kind) or _ENDINGS.guess_extension(kind, strict=False) or ".bin"
    if part.name:
        return part.name if ending == ".bin" else f"{part.name}{ending}"
    return f"bilaga {part.path}{ending}"


@dataclass(frozen=True)
class Report:
    """What a mail server or a mail program tells of a letter (RFC 3464, RFC 8098).

    ``about`` holds the Message-IDs that the report may speak of, the likeliest first. ``status`` is
    the enhanced code, such as "5.1.1"; ``words`` the server's own, cleaned and cut.
    """

    kind: ReportKind
    recipient: str | None
    status: str | None
    words: str
    about: tuple[str, ...]


@dataclass(frozen=True)
class Letter:
    """A letter as people read it; every string is valid in PostgreSQL (no NUL, no surrogate).

    ``text`` is the sender's plain text with line feeds alone. Message identifiers keep their angle
    brackets. ``date`` is the sender's own claim, in UTC. ``body_digest`` is the SHA-256 of the decoded
    text before any cap. ``delivered_to`` (Delivered-To, X-Original-To) and ``addressed_to`` (To, Cc)
    are lower case, for looking up our own addresses. ``authentication_results`` are the raw values of
    those headers, topmost first: what the letter says, which nobody has believed yet.
    """

    sender_name: str | None
    sender_email: str | None
    to: tuple[str, ...]
    cc: tuple[str, ...]
    subject: str
    text: str
    has_html: bool
    message_id: str | None
    in_reply_to: str | None
    references: tuple[str, ...]
    date: datetime | None
    is_automatic: bool
    automatic_reason: str | None
    parts: tuple[Part, ...]
    problems: tuple[str, ...]
    body_digest: str
    delivered_to: tuple[str, ...]
    addressed_to: tuple[str, ...]
    flow: Flow | None = None
    report: Report | None = None
    authentication_results: tuple[str, ...] = ()
