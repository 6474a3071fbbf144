"""A stored letter read into a Letter: every leaf part is body text, a listed part, or both.

Nothing is fetched, nothing is opened (no archive, no attached letter), and the raw letter is only read.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from intake.letters.addresses import addresses, split_address
from intake.letters.automatic import automatic_reason
from intake.letters.charsets import clean_label
from intake.letters.headers import Headers
from intake.letters.outline import leading_junk, outline
from intake.letters.reader import Reader
from intake.letters.values import Letter, Part

MAX_PROBLEMS = 100
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,990}>")


def parse(raw: Path, parts_folder: Path) -> Letter:
    """Read a stored letter; write its decoded parts as files in ``parts_folder``.

    Raise LetterUnreadable beyond the caps (headers 256 kB, one header 32 kB, 50 levels, 1,000 parts).
    An OSError is about the disk, not about the letter. May be run again over the same folder.
    """
    root = outline(raw)
    parts_folder.mkdir(parents=True, exist_ok=True)
    with raw.open("rb") as stream:
        reader = Reader(stream, parts_folder)
        reader.walk(root)
        text, digest = reader.finish()
    return _letter(
        root.headers, root.content_type, text=text, digest=digest, has_html=reader.has_html,
        parts=tuple(reader.parts), problems=tuple(dict.fromkeys(reader.problems))[:MAX_PROBLEMS],
    )  # fmt: skip


def best_effort(raw: Path) -> Letter:
    """Return what the first headers tell of a letter that could not be read; never raise."""
    try:
        with raw.open("rb") as stream:
            head = stream.read(256 * 1024)
    except OSError:
        head = b""
    head = head[leading_junk(head) :]
    block = re.split(rb"\r\n\r\n|\n\n|\r\r", head, maxsplit=1)[0]
    fields = tuple((name, value[: 32 * 1024]) for name, value in Headers.from_block(block).fields)
    headers = Headers(fields)
    return _letter(
        headers, headers.content_type(), text="", digest=hashlib.sha256(b"").hexdigest(), has_html=False,
        parts=(), problems=("kunde inte tolkas",),
    )  # fmt: skip


def _letter(
    headers: Headers, content_type: str, *, text: str, digest: str, has_html: bool,
    parts: tuple[Part, ...], problems: tuple[str, ...],
) -> Letter:  # fmt: skip
    candidates = (split_address(headers.first(name)) for name in ("from", "sender", "reply-to"))
    name, email = next((found for found in candidates if found), ("", ""))
    # A name without an address is still what the sender called himself.
    name = name or ("" if email else headers.label("from"))
    reason = automatic_reason(headers, content_type, email or None)
    reply_to = _message_ids(headers, "in-reply-to")
    return Letter(
        sender_name=name or None,
        sender_email=email or None,
        to=addresses(headers.all("to")),
        cc=addresses(headers.all("cc")),
        subject=headers.label("subject"),
        text=text,
        has_html=has_html,
        message_id=_message_id(headers),
        in_reply_to=reply_to[0] if reply_to else None,
        references=_message_ids(headers, "references"),
        date=_date(headers),
        is_automatic=reason is not None,
        automatic_reason=reason,
        parts=parts,
        problems=problems,
        body_digest=digest,
        delivered_to=_lower(headers, "delivered-to", "x-original-to"),
        addressed_to=_lower(headers, "to", "cc"),
        authentication_results=tuple(
            clean_label(value.decode("latin-1"), 2000) for value in headers.all("authentication-results")[:20]
        ),
    )


def _lower(headers: Headers, *names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found.lower() for name in names for found in addresses(headers.all(name))))


def _message_id(headers: Headers) -> str | None:
    found = _message_ids(headers, "message-id")
    return found[0] if found else clean_label(headers.first("message-id").decode("latin-1")) or None


def _message_ids(headers: Headers, name: str) -> tuple[str, ...]:
    found = _MESSAGE_ID.findall(b" ".join(headers.all(name)).decode("latin-1"))
    return tuple(dict.fromkeys(clean_label(value) for value in found))[-200:]


def _date(headers: Headers) -> datetime | None:
    try:
        found = parsedate_to_datetime(headers.first("date")[:200].decode("latin-1"))
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
