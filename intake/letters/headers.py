"""Header blocks read from bytes in linear time: fields, encoded words and parameters."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from intake.letters.charsets import clean_label, decode

_WORD_START = re.compile(r"=\?([A-Za-z0-9_.:+*'()-]{1,60})\?([bBqQ])\?")
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)?")
_NOT_BASE64 = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
)
_FIRST_WORD = re.compile(r"^\s*[^\s=\"]+(?:\s+|$)")
_COMMENT = re.compile(r"\s\([^()\"]*\)\s*$")
_TYPE = re.compile(r"\s*([a-z0-9!#$&^_.+-]{1,100})/([a-z0-9!#$&^_.+-]{1,100})")


@dataclass(frozen=True)
class Parameter:
    """A parameter's value: raw bytes, and its charset when RFC 2231 gave one."""

    data: bytes
    charset: str | None

    @property
    def label(self) -> str:
        if self.charset is not None:
            words = decode(self.data, self.charset)[0]
            return clean_label(decode_words(words.encode()) if "=?" in words else words)
        return clean_label(decode_words(self.data))


@dataclass(frozen=True)
class Headers:
    """The fields of one header block, in order: lower-case names, raw unfolded values."""

    fields: tuple[tuple[str, bytes], ...] = ()

    @classmethod
    def from_block(cls, block: bytes) -> Headers:
        """Read a block of header lines (RFC 5322 2.2); lines that are no header are passed over."""
        fields: list[tuple[str, list[bytes]]] = []
        for line in _LINE.findall(block):
            bare = line.rstrip(b"\r\n")
            if bare[:1] in (b" ", b"\t"):
                if fields:
                    fields[-1][1].append(bare)
                continue
            name, colon, value = bare.partition(b":")
            if colon:
                fields.append((name.decode("latin-1").strip().lower(), [value]))
        return cls(tuple((name, b"".join(values).strip()) for name, values in fields))

    def all(self, name: str) -> tuple[bytes, ...]:
        return tuple(value for field, value in self.fields if field == name)

    def first(self, name: str) -> bytes:
        """Return the first value that is not empty, else empty bytes."""
        return next((value for value in self.all(name) if value), b"")

    def label(self, name: str) -> str:
        """Return the first value as one clean line of text, encoded words read."""
        return clean_label(decode_words(self.first(name)))

    def token(self, name: str) -> str:
        """Return the first word of a value in lower case, without parameters or comments."""
        words = re.split(r"[;(\s]", _structured(self.first(name)), maxsplit=1)
        return words[0].strip("\"'").lower()

    def in_utf_8(self, charset: str) -> Headers:
        """Return the fields with raw 8-bit values in UTF-8, read by the charset of the letter's text."""
        # No header was ever written in UTF-16, whatever the text is in.
        charset = "" if charset.lower().startswith("utf") else charset
        return Headers(
            tuple(
                (name, value if b"=?" in value or _is_utf_8(value) else decode(value, charset)[0].encode())
                for name, value in self.fields
            )
        )

    def content_type(self, default: str = "text/plain") -> str:
        """Return type/subtype in lower case; what cannot be read is ``text/plain`` (RFC 2045 5.2)."""
        value = self.first("content-type").decode("latin-1").lower()
        if not value:
            return default
        found = _TYPE.match(value)
        return f"{found[1]}/{found[2]}" if found else "text/plain"

    def parameters(self, name: str) -> dict[str, Parameter]:
        return parameters(self.first(name))


def _is_utf_8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    # Two-byte letters of ISO-2022-JP pass for ASCII.
    return b"\x1b$" not in value


def decode_words(raw: bytes) -> str:
    """Decode RFC 2047 words anywhere in a value; raw 8-bit bytes are UTF-8, else Windows-1252."""
    view = raw.decode("latin-1")
    runs: list[tuple[str | None, bytes]] = []
    at = 0
    for word in encoded_words(view):
        gap = view[at : word.start]
        # White space between two encoded words only separates them (RFC 2047 6.2).
        if gap and not (gap.isspace() and runs and runs[-1][0] is not None):
            runs.append((None, gap.encode("latin-1")))
        if runs and runs[-1][0] == word.charset:
            runs[-1] = (word.charset, runs[-1][1] + word.decoded())
        else:
            runs.append((word.charset, word.decoded()))
        at = word.end
    runs.append((None, view[at:].encode("latin-1")))
    return "".join(decode(data, charset)[0] for charset, data in runs)


@dataclass(frozen=True)
class Word:
    """An encoded word (RFC 2047) by where it stands in a value; ``payload`` is still encoded."""

    start: int
    end: int
    charset: str
    is_base64: bool
    payload: str

    def decoded(self) -> bytes:
        data = self.payload.encode("latin-1")
        return decode_loose_base64(data) if self.is_base64 else binascii.a2b_qp(data, header=True)


def encoded_words(view: str) -> Iterator[Word]:
    """Yield the encoded words of a value, one character a byte, in linear time."""
    at, end = 0, -1
    while (start := view.find("=?", at)) >= 0:
        opening = _WORD_START.match(view, start)
        if opening is None:
            at = start + 2
            continue
        if end < opening.end():
            end = view.find("?=", opening.end())
        if end < 0:
            return
        another = view.find("=?", opening.end(), end)
        if another >= 0:
            # A word that never closes swallows none of those that follow.
            at = another
            continue
        charset = opening[1].partition("*")[0].lower()
        yield Word(start, end + 2, charset, opening[2] in "bB", view[opening.end() : end])
        at = end + 2


def decode_loose_base64(data: bytes) -> bytes:
    """Decode base64 with whatever is not of its alphabet left out and padding made right."""
    letters = data.translate(None, _NOT_BASE64)
    if len(letters) % 4 == 1:
        letters = letters[:-1]
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def parameters(value: bytes) -> dict[str, Parameter]:
    """Read the parameters of a Content-* value (RFC 2045, RFC 2231), spaces in bare values allowed."""
    plain: dict[str, Parameter] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    first, *sections = split_outside_quotes(_structured(value), ";")
    # The semicolon after the first word, or that word itself, may be forgotten.
    for section in (_FIRST_WORD.sub("", first, count=1), *sections):
        name, _, text = section.partition("=")
        base, star, number = name.strip().lower().partition("*")
        # Names hold brackets of their own, "bild (1)"; elsewhere they are a comment.
        text = unquote(text if base in ("filename", "name") else _COMMENT.sub("", text))
        if not star:
            plain.setdefault(base, Parameter(text.encode("latin-1"), None))
            continue
        is_encoded = number.endswith("*") or not number
        number = number.rstrip("*") or "0"
        if number.isascii() and number.isdigit() and len(number) < 5:
            pieces.setdefault(base, {}).setdefault(int(number), (text, is_encoded))
    for base, numbered in pieces.items():
        plain[base] = _joined([numbered[number] for number in sorted(numbered)])
    return plain


def _structured(value: bytes) -> str:
    """Return a value with structure as text; some programs encode the whole of it as if it were words."""
    if value.startswith(b"=?"):
        value = decode_words(value).encode()
    return value.decode("latin-1")


def _joined(pieces: list[tuple[str, bool]]) -> Parameter:
    charset: str | None = None
    data: list[bytes] = []
    for index, (text, is_encoded) in enumerate(pieces):
        if index == 0 and is_encoded and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        raw = text.encode("latin-1")
        data.append(unquote_to_bytes(raw) if is_encoded else raw)
    has_encoded = any(is_encoded for _, is_encoded in pieces)
    return Parameter(b"".join(data), (charset or "utf-8") if has_encoded else None)


def split_outside_quotes(view: str, separator: str) -> list[str]:
    """Split at a separator outside quoted strings; a quote that never closes is an ordinary letter."""
    pieces: list[str] = []
    start, is_quoted, is_escaped = 0, False, False
    for at, char in enumerate(view):
        if is_escaped:
            is_escaped = False
        elif char == "\\" and is_quoted:
            is_escaped = True
        elif char == '"':
            is_quoted = not is_quoted
        elif char == separator and not is_quoted:
            pieces.append(view[start:at])
            start = at + 1
    return view.split(separator) if is_quoted else [*pieces, view[start:]]


def unquote(text: str) -> str:
    """Return what stands in a quoted string; only quotes and backslashes count as escaped."""
    text = text.strip()
    if not text.startswith('"'):
        return text
    closing = re.match(r'"((?:[^"\\]|\\.)*)"', text, re.DOTALL)
    inner = closing[1] if closing else text.strip('"')
    return inner.replace("\\\\", "\\").replace('\\"', '"')
