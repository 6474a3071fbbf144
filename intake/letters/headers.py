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
_TYPE = re.compile(r"\s*([a-z0-9!#$&^_.+-]{1,100})/([a-z0-9!#$&^_.+-]{1,100})")


@dataclass(frozen=True)
class Parameter:
    """A parameter's value: raw bytes, and its charset when RFC 2231 gave one."""

    data: bytes
    charset: str | None

    @property
    def label(self) -> str:
        if self.charset is not None:
            return clean_label(decode(self.data, self.charset)[0])
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
        words = re.split(r"[;(\s]", self.first(name).decode("latin-1"), maxsplit=1)
        return words[0].strip("\"'").lower()

    def content_type(self, default: str = "text/plain") -> str:
        """Return type/subtype in lower case; what cannot be read is ``text/plain`` (RFC 2045 5.2)."""
        value = self.first("content-type").decode("latin-1").lower()
        if not value:
            return default
        found = _TYPE.match(value)
        return f"{found[1]}/{found[2]}" if found else "text/plain"

    def parameters(self, name: str) -> dict[str, Parameter]:
        return parameters(self.first(name))


def decode_words(raw: bytes) -> str:
    """Decode RFC 2047 words anywhere in a value; raw 8-bit bytes are UTF-8, else Windows-1252."""
    view = raw.decode("latin-1")
    runs: list[tuple[str | None, bytes]] = []
    at = 0
    for start, end, charset, data in _encoded_words(view):
        gap = view[at:start]
        # White space between two encoded words only separates them (RFC 2047 6.2).
        if gap and not (gap.isspace() and runs and runs[-1][0] is not None):
            runs.append((None, gap.encode("latin-1")))
        if runs and runs[-1][0] == charset:
            runs[-1] = (charset, runs[-1][1] + data)
        else:
            runs.append((charset, data))
        at = end
    runs.append((None, view[at:].encode("latin-1")))
    return "".join(decode(data, charset)[0] for charset, data in runs)


def _encoded_words(view: str) -> Iterator[tuple[int, int, str, bytes]]:
    at = 0
    while (start := view.find("=?", at)) >= 0:
        opening = _WORD_START.match(view, start)
        if opening is None:
            at = start + 2
            continue
        end = view.find("?=", opening.end())
        if end < 0:
            return
        data = view[opening.end() : end].encode("latin-1")
        decoded = decode_loose_base64(data) if opening[2] in "bB" else binascii.a2b_qp(data, header=True)
        yield start, end + 2, opening[1].partition("*")[0].lower(), decoded
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
    for section in split_outside_quotes(value.decode("latin-1"), ";")[1:]:
        name, _, text = section.partition("=")
        base, star, number = name.strip().lower().partition("*")
        text = unquote(text)
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
