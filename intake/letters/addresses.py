"""Mail addresses out of header values, tolerant and in linear time."""

from __future__ import annotations

import re
from collections.abc import Iterable

from intake.letters.charsets import clean_label, decode
from intake.letters.headers import decode_words, unquote

_BREAKS = re.compile(r"[\s<>\"(),;:]+")
_EMAIL = re.compile(r"[^\s<>\"(),;:@\x00-\x20\x7f]{1,250}@[^\s<>\"(),;:@\x00-\x20\x7f]{1,250}")
_QUOTED_EMAIL = re.compile(r"\"[^\"\r\n\x00]{1,250}\"@[^\s<>\"(),;:@]{1,250}")


def split_address(raw: bytes | str) -> tuple[str, str] | None:
    """Return (name, address) of the first mailbox in a header value; None when there is none.

    The name is "" when none was given. No sender's cleverness makes this slower than linear.
    """
    found = mailboxes(raw)
    return found[0] if found else None


def mailboxes(raw: bytes | str) -> list[tuple[str, str]]:
    """Return (name, address) of every mailbox in a header value, groups opened (RFC 5322 3.4)."""
    data = raw.encode("utf-8", "replace") if isinstance(raw, str) else raw
    found = (_mailbox(piece) for piece in _pieces(data.decode("latin-1")))
    return [mailbox for mailbox in found if mailbox]


def addresses(values: Iterable[bytes]) -> tuple[str, ...]:
    """Return the addresses in several header values, each once, in order."""
    return tuple(dict.fromkeys(email for value in values for _, email in mailboxes(value)))


def _pieces(view: str) -> list[str]:
    pieces: list[str] = []
    start, depth, is_quoted, is_escaped, is_angled = 0, 0, False, False, False
    for at, char in enumerate(view):
        if is_escaped:
            is_escaped = False
        elif char == "\\" and (is_quoted or depth):
            is_escaped = True
        elif char == '"' and not depth:
            is_quoted = not is_quoted
        elif is_quoted:
            continue
        elif char in "()":
            depth = max(0, depth + (1 if char == "(" else -1))
        elif depth:
            continue
        elif char in "<>":
            is_angled = char == "<"
        elif char in ",;" and not is_angled:
            pieces.append(view[start:at])
            start = at + 1
    # What never closes was never meant as structure: then every comma separates.
    return re.split(r"[,;]", view) if depth or is_quoted or is_angled else [*pieces, view[start:]]


def _mailbox(piece: str) -> tuple[str, str] | None:
    bare, comment = _without_comments(piece)
    before, angle, rest = bare.rpartition("<")
    if angle:
        email = "".join(rest.partition(">")[0].split()) if '"' not in rest else rest.partition(">")[0].strip()
        email = email.rpartition(":")[2] if email.startswith("@") else email
        name = _without_group(before)
    else:
        email, name = _without_group(bare).strip(), ""
    if not (_EMAIL.fullmatch(email) or _QUOTED_EMAIL.fullmatch(email)):
        words = _BREAKS.split(piece)
        email = next((word for word in words if _EMAIL.fullmatch(word)), "")
        name = name if angle else bare.replace(email, " ", 1)
    if not email:
        return None
    label = clean_label(decode_words(unquote(name).encode("latin-1")))
    label = label or clean_label(decode_words(comment.encode("latin-1")))
    return label.strip("\"' "), clean_label(decode(email.encode("latin-1"), None)[0])


def _without_group(text: str) -> str:
    """Drop the name of a group, "Vänner: a@b", but no colon inside a quoted name."""
    head, colon, tail = text.partition(":")
    return tail if colon and '"' not in head and "@" not in head else text


def _without_comments(piece: str) -> tuple[str, str]:
    """Return the piece without (comments), and their words; unbalanced brackets are left alone."""
    if "(" not in piece:
        return piece, ""
    kept: list[str] = []
    comment: list[str] = []
    depth, is_quoted, is_escaped = 0, False, False
    for char in piece:
        if not is_escaped and char == '"' and not depth:
            is_quoted = not is_quoted
        if not is_escaped and not is_quoted and char == "(":
            depth += 1
        elif not is_escaped and depth and char == ")":
            depth -= 1
        else:
            (comment if depth else kept).append(char)
        is_escaped = char == "\\" and not is_escaped
    return (piece, "") if depth else ("".join(kept), "".join(comment).strip())
