"""What a leaf part is to its reader: the letter's text, its HTML, or a file; and what it is called."""

from __future__ import annotations

import re
from io import BytesIO
from typing import BinaryIO, Literal

from intake.letters.charsets import clean_label
from intake.letters.decoding import Span, decode_body
from intake.letters.headers import Headers
from intake.letters.outline import Node

Role = Literal["text", "html", "file"]
LETTER_TYPES = {"message/rfc822", "message/global", "message/news"}
# What a handler is told of a part that is not what it seems, or cannot be read here.
ODD_TYPES = {
    "application/pgp-encrypted": "hör till ett krypterat brev (PGP)",
    "application/mac-binhex40": "är packad för äldre Mac (BinHex), filen i den är inte uppackad",
    "message/partial": "är en bit av ett delat brev",
    "message/external-body": "hänvisar till en fil som inte följde med",
}
_ENRICHED = {"text/enriched", "text/richtext", "text/markdown", "text/x-amp-html", "text/watch-html"}
_NAME_CHARACTERS = 255
# Where names stand: the right parameter, and the one that it is taken for.
_NAMES = (("content-disposition", "filename", "name"), ("content-type", "name", "filename"))
_MENTIONS = ("content-description", "content-location", "content-id")
# "bild.png", and "bild.png@01DC0000.1" as Outlook writes an identifier.
_FILE_NAME = re.compile(r"([^@/]{1,200}\.[A-Za-z][A-Za-z0-9]{1,4})(?:@[\w.-]{1,100})?$")
_HEAD_BYTES = 65536
_HEADER_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")


def role_of(node: Node, parent: Node | None) -> Role:
    """Say what a leaf is. A name makes a text a file, except where only a body can stand.

    A multipart without usable parts is text: what it holds is shown as it came.
    """
    if node.content_type.startswith("multipart/"):
        return "text"
    kind: Role = {"text/plain": "text", "text/html": "html"}.get(node.content_type, "file")  # type: ignore[assignment]
    if kind == "file" or is_attached(node):
        return "file"
    is_body_place = parent is None or parent.content_type == "multipart/alternative"
    is_body_place = is_body_place or (
        parent is not None and parent.content_type == "multipart/related" and node is parent.children[0]
    )
    return kind if is_body_place or name_of(node) is None else "file"


def is_attached(node: Node) -> bool:
    return node.headers.token("content-disposition") == "attachment"


def is_inline(node: Node) -> bool:
    """Say whether the part is meant to be seen within the text, such as a pasted picture."""
    disposition = node.headers.token("content-disposition")
    return disposition == "inline" or (not disposition and bool(node.headers.first("content-id")))


def name_of(node: Node) -> str | None:
    """Return the name as the sender gave it: a label, never a path to use."""
    for header, own, other in _NAMES:
        given = node.headers.parameters(header)
        for found in (given.get(own), given.get(other)):
            if found and (label := clean_label(found.label, _NAME_CHARACTERS)):
                return label
    return None


def file_name(node: Node, raw: BinaryIO) -> str | None:
    """Return a file's name; one without is named by its description or address, a letter by its subject."""
    if name := name_of(node):
        return name
    if node.content_type in LETTER_TYPES:
        head = BytesIO()
        span = Span(raw, node.body, min(node.end, node.body + _HEAD_BYTES))
        decode_body(span, node.headers.token("content-transfer-encoding"), head)
        return letter_name(Headers.from_block(header_block(head.getvalue())).label("subject"), ".eml")
    return next(filter(None, (_mentioned(node.headers.label(header)) for header in _MENTIONS)), None)


def _mentioned(label: str) -> str | None:
    """Return the file's name that stands in an address, a description or an identifier."""
    name = re.split(r"[?#]", label)[0].rpartition("/")[2].strip("<> ")
    found = _FILE_NAME.match(name)
    return found[1] if found else None


def letter_name(subject: str, ending: str) -> str:
    """Name a letter within a letter by its subject."""
    subject = re.sub(r'[\\/:*?"<>|\s]+', " ", subject).strip(" .")
    return f"{subject[:80] or 'bifogat brev'}{ending}"


def is_other_form(node: Node, parent: Node | None) -> bool:
    """Say whether a part is one more form of a text that has others; an invitation is more than its text."""
    is_alternative = parent is not None and parent.content_type == "multipart/alternative"
    return is_alternative and node.content_type in _ENRICHED and name_of(node) is None


def header_block(head: bytes) -> bytes:
    """Return what stands before the first blank line."""
    found = _HEADER_END.search(head)
    return head[: found.start()] if found else head


def called(node: Node) -> str:
    """Return what the part is called in a word about a problem."""
    return f"del {node.path}" if node.path else "brevet"
