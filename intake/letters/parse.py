"""A stored letter read into a Letter: every leaf part is body text, a listed part, or both.

Nothing is fetched, no archive is opened, and the raw letter is only read.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from intake.errors import LetterUnreadable
from intake.letters.addresses import addresses
from intake.letters.automatic import automatic_reason
from intake.letters.charsets import LABEL_CHARACTERS, clean_label
from intake.letters.dates import date_of
from intake.letters.headers import Headers, decode_words
from intake.letters.outline import charset_of, every, leading_junk, outline
from intake.letters.reader import Reader
from intake.letters.reports import report_of
from intake.letters.senders import sender_of
from intake.letters.shelf import Shelf, ShelfFull
from intake.letters.values import Flow, Letter, Part
from intake.letters.within import outlook
from intake.letters.within.containers import Opener

# So much of a letter is read when only its headers are wanted.
HEAD_BYTES = 256 * 1024
NOT_READ = "kunde inte tolkas helt"
MAX_PROBLEMS = 100
_BARE_ID = re.compile(r"[^<>\s\"(),;@]{1,400}@[^<>\s\"(),;@]{1,400}")
_MESSAGE_ID = re.compile(r"<[^<>]{1,990}>")


@dataclass(frozen=True)
class _Content:
    """What a letter holds besides its headers."""

    text: str = ""
    digest: str = hashlib.sha256(b"").hexdigest()
    has_html: bool = False
    flow: Flow | None = None
    parts: tuple[Part, ...] = ()
    problems: tuple[str, ...] = ()


def parse(raw: Path, parts_folder: Path, *, opens: bool = True) -> Letter:
    """Read a stored letter; write its decoded parts as files in ``parts_folder``.

    Without ``opens`` what lies within the parts is left there. Raise LetterUnreadable beyond the caps
    (headers 256 kB, one header 32 kB, 50 levels, 1,000 parts). An OSError is about the disk, not about
    the letter. May be run again over the same folder.
    """
    parts_folder.mkdir(parents=True, exist_ok=True)
    shelf = Shelf(parts_folder, raw.stat().st_size)
    with raw.open("rb") as stream:
        if stream.read(len(outlook.SIGNATURE)) == outlook.SIGNATURE:
            return _parse_saved(raw, shelf)
        root = outline(raw)
        shelf.room_parts -= sum(node.is_leaf for node, _ in every(root))
        reader = Reader(stream, shelf, Opener(shelf) if opens else None)
        reader.walk(root)
    headers = root.headers.in_utf_8(charset_of(root))
    return _letter(headers, root.content_type, _content(reader))


def _parse_saved(raw: Path, shelf: Shelf) -> Letter:
    """Read a message that Outlook saved; raise LetterUnreadable when it is another document, or damaged."""
    opener = Opener(shelf)
    try:
        with outlook.opened(raw) as message:
            opener.bodies.append(opener.body(message, ""))
            opener.files(message, "")
            headers, is_report = outlook.headers_of(message), outlook.is_report(message)
    except ShelfFull as full:
        raise LetterUnreadable(f"Brevet {full}.") from None
    except outlook.NoMessage:
        raise LetterUnreadable("Filen är inget brev från Outlook.") from None
    except Exception as error:
        # The disk's errors have a number; all others are about what stands in the file.
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno is not None):
            raise
        raise LetterUnreadable("Brevet från Outlook är skadat.") from None
    reader = Reader(BytesIO(), shelf, opener)
    return _letter(headers, "multipart/report" if is_report else "text/plain", _content(reader))


def _content(reader: Reader) -> _Content:
    text, digest = reader.finish()
    shelf = reader.shelf
    return _Content(text, digest, reader.has_html, reader.flow, tuple(shelf.parts), tuple(shelf.problems))


def best_effort(raw: Path) -> Letter:
    """Return what the first headers tell of a letter that could not be read; never raise."""
    try:
        with raw.open("rb") as stream:
            return read_head(stream.read(HEAD_BYTES))
    except OSError:
        return read_head(b"")


def read_head(head: bytes) -> Letter:
    """Return what the headers tell of a letter that begins with these bytes; never raise."""
    # A message that Outlook saved has no header lines that this could find.
    head = b"" if head.startswith(outlook.SIGNATURE) else head[leading_junk(head) :]
    block = re.split(rb"\r\n\r\n|\n\n|\r\r", head, maxsplit=1)[0]
    headers = Headers(
        tuple((name, value[: 32 * 1024]) for name, value in Headers.from_block(block).fields),
    )
    return _letter(headers, headers.content_type(), _Content(problems=(NOT_READ,)))


def _letter(headers: Headers, content_type: str, content: _Content) -> Letter:
    sender = sender_of(headers)
    reason = automatic_reason(headers, content_type, sender.email)
    reply_to = _message_ids(headers, "in-reply-to")
    subject = headers.label("subject")
    # What lies within a part tells of other letters than this one.
    own_parts = tuple(part for part in content.parts if "~" not in part.path)
    return Letter(
        sender_name=sender.name,
        sender_email=sender.email,
        to=addresses(headers.all("to")),
        cc=addresses(headers.all("cc")),
        subject=subject,
        text=content.text,
        has_html=content.has_html,
        message_id=_message_id(headers),
        in_reply_to=reply_to[0] if reply_to else None,
        references=_message_ids(headers, "references"),
        date=date_of(headers.first("date")),
        is_automatic=reason is not None,
        automatic_reason=reason,
        parts=content.parts,
        problems=tuple(dict.fromkeys((*sender.problems, *_cut(subject), *content.problems)))[:MAX_PROBLEMS],
        body_digest=content.digest,
        delivered_to=_lower(headers, "delivered-to", "x-original-to"),
        addressed_to=_lower(headers, "to", "cc"),
        flow=content.flow,
        report=report_of(headers, own_parts, content.text, reason),
        authentication_results=tuple(
            clean_label(value.decode("latin-1"), 2000) for value in headers.all("authentication-results")[:20]
        ),
    )


def _cut(subject: str) -> tuple[str, ...]:
    if len(subject) < LABEL_CHARACTERS:
        return ()
    return (f"ämnet är längre än {LABEL_CHARACTERS} tecken, resten av det står bara i det hela brevet",)


def _lower(headers: Headers, *names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found.lower() for name in names for found in addresses(headers.all(name))))


def _message_id(headers: Headers) -> str | None:
    found = _message_ids(headers, "message-id")
    return (
        found[0] if found else clean_label(headers.first("message-id").decode("latin-1")).strip("<>") or None
    )


def _message_ids(headers: Headers, name: str) -> tuple[str, ...]:
    # The standard library of Python writes a long identifier as encoded words.
    value = decode_words(b" ".join(headers.all(name)))
    found = _MESSAGE_ID.findall(value)
    if not found and name != "message-id":
        # Some programs leave the angle brackets out.
        found = [f"<{word}>" for word in re.split(r"[\s,;]+", value) if _BARE_ID.fullmatch(word)]
    # Where a long one was folded, white space stands that is no part of it.
    whole = (value if '"' in value else "".join(value.split()) for value in found)
    return tuple(dict.fromkeys(clean_label(value) for value in whole))[-200:]
