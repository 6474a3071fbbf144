"""Mail addresses out of header values, tolerant and in linear time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from intake.letters.charsets import clean_label, decode
from intake.letters.headers import decode_words, encoded_words, unquote

_BREAKS = re.compile(r"[\s<>\"(),;:]+")
_DOMAIN = r"(?:[^\s<>\"(),;:@\x00-\x20\x7f]{1,250}|\[[0-9A-Za-z:.]{1,100}\])"
_EMAIL = re.compile(r"[^\s<>\"(),;:@\x00-\x20\x7f]{1,250}@" + _DOMAIN)
_QUOTED_EMAIL = re.compile(r"\"(?:[^\"\\\r\n\x00]|\\[^\r\n\x00]){1,250}\"@" + _DOMAIN)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_NO_NAME = re.compile(r"[\"<>()@:]")
_LOOSE_DOT = re.compile(r" {0,20}([.@]) {0,20}")
# Structure that a sloppy program left as it is in an encoded word, where it means nothing.
_STRUCTURE = re.compile(r"[\s,;:<>()\"@\\]")


def split_address(raw: bytes | str) -> tuple[str, str] | None:
    """Return (name, address) of the first mailbox in a header value; None when there is none.

    The name is "" when none was given. No sender's cleverness makes this slower than linear.
    """
    found = mailboxes(raw)
    return found[0] if found else None


def mailboxes(raw: bytes | str) -> list[tuple[str, str]]:
    """Return (name, address) of every mailbox in a header value, groups opened (RFC 5322 3.4)."""
    data = raw.encode("utf-8", "replace") if isinstance(raw, str) else raw
    view = _sealed(data.decode("latin-1"))
    if "@" not in view:
        # Some programs encode a whole address as if it were a name.
        view = decode_words(data).encode().decode("latin-1")
    found = (_mailbox(piece) for piece in _each_with_its_name(_pieces(view)))
    return [mailbox for mailbox in found if mailbox]


def addresses(values: Iterable[bytes]) -> tuple[str, ...]:
    """Return the addresses in several header values, each once, in order."""
    return tuple(dict.fromkeys(email for value in values for _, email in mailboxes(value)))


def _sealed(view: str) -> str:
    """Return the value with the encoded words' own commas and brackets encoded too."""
    pieces: list[str] = []
    at = 0
    for word in encoded_words(view):
        pieces.append(view[at : word.start])
        is_plain = word.is_base64 or not _STRUCTURE.search(word.payload)
        whole = view[word.start : word.end]
        pieces.append(whole if is_plain else _STRUCTURE.sub(lambda found: f"={ord(found[0]):02X}", whole))
        at = word.end
    return "".join((*pieces, view[at:]))


def _each_with_its_name(pieces: Iterable[str]) -> Iterator[str]:
    """Yield the pieces, with a name that a comma cut put together: ``Räv, Åsa <asa@example.com>``."""
    name = ""
    for piece in pieces:
        words = piece.split()
        if "<" in piece:
            yield f"{name}, {piece.lstrip()}" if name else piece
        elif len(words) > 1 and all(_EMAIL.fullmatch(word) for word in words):
            yield from words
        else:
            yield piece
        is_name = words and not _NO_NAME.search(piece)
        name = piece.strip() if is_name else ""


def _pieces(view: str) -> list[str]:
    pieces: list[str] = []
    start, depth, is_quoted, is_escaped, is_angled = 0, 0, False, False, False
    opened_at = closed_at = 0
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
            if char == "<" and not is_angled and closed_at > start and "@" in view[opened_at:closed_at]:
                # One address has ended and another begins, with no comma between.
                pieces.append(view[start:closed_at])
                start = closed_at
            opened_at, closed_at = (at, closed_at) if char == "<" else (opened_at, at + 1)
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
        inside, _, after = rest.partition(">")
        email = inside.strip() if '"' in inside else "".join(inside.split())
        email = email.rpartition(":")[2] if email.startswith("@") else email.removeprefix("mailto:")
        # A comment within a name is shown with it, as it was written.
        name = _without_group(piece[: piece.rfind("<")].rstrip("< ")) if before.strip("< ") else after
    else:
        email, name = _LOOSE_DOT.sub(r"\1", _without_group(bare).strip()), ""
    if email.startswith("'") and email.endswith("'"):
        email = email.strip("'")
    if not (_EMAIL.fullmatch(email) or _QUOTED_EMAIL.fullmatch(email)):
        words = _BREAKS.split(piece)
        email = next((word for word in words if _EMAIL.fullmatch(word)), "")
        name = name if angle else bare.replace(email, " ", 1)
    if not email:
        return None
    label = _label(name) or _label(comment)
    return label, clean_label(decode(email.encode("latin-1"), None)[0])


def _label(name: str) -> str:
    """Return a name as people read it, out of its quotes."""
    name = name.strip()
    first = _QUOTED.match(name)
    whole = unquote(name) if first is None else f"{unquote(first[0])}{name[first.end() :]}"
    label = clean_label(decode_words(whole.encode("latin-1")))
    while len(label) > 1 and label[0] == label[-1] and label[0] in "\"'":
        label = label[1:-1].strip()
    label = label.replace("\\(", "(").replace("\\)", ")")
    return label.strip('" ') if label.count('"') % 2 else label


def _without_group(text: str) -> str:
    """Drop the name of a group, "Vänner: a@b", but no colon inside a quoted name or a comment."""
    head, colon, tail = text.partition(":")
    return tail if colon and not re.search(r'["@(]', head) else text


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
