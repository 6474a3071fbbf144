"""A signed letter's own content out of its envelope (CMS signed-data, RFC 5652 5.1): cut out, never trusted.

The signature is not checked; the bytes are only shown. Read by offsets, in any mix of definite and
indefinite lengths (X.690 8.1.3), without recursion over what the sender nested.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from intake.letters.decoding import Span

_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_DATA = bytes.fromhex("2a864886f70d010701")
_SEQUENCE, _SET, _OID, _OCTETS, _OCTETS_IN_PIECES, _FIRST = 0x30, 0x31, 0x06, 0x04, 0x24, 0xA0
_MAX_PIECES = 200_000


class NoContent(Exception):
    """The envelope is no signed one, has no content, or is damaged."""


@dataclass(frozen=True)
class _Value:
    """One value: its tag, where it begins, and where it ends (None when a mark ends it)."""

    tag: int
    start: int
    end: int | None


def signed_content(envelope: Span) -> Iterator[bytes]:
    """Yield the content of a signed envelope in pieces; raise NoContent."""
    at = envelope.start
    for wanted in (_SEQUENCE, _OID, _FIRST, _SEQUENCE):
        value = _value(envelope, at, wanted)
        if wanted == _OID and _bytes(envelope, value) != _SIGNED_DATA:
            raise NoContent
        at = _after(value) if wanted == _OID else value.start
    # The version and the digest algorithms stand before the content.
    at = _after(_value(envelope, at, 0x02))
    at = _after(_value(envelope, at, _SET))
    at = _value(envelope, at, _SEQUENCE).start
    kind = _value(envelope, at, _OID)
    if _bytes(envelope, kind) != _DATA:
        raise NoContent
    yield from _octets(envelope, _value(envelope, _after(kind), _FIRST).start)


def _octets(envelope: Span, at: int) -> Iterator[bytes]:
    """Yield a string of octets, whole or in pieces within one another."""
    ends: list[int | None] = []
    for _ in range(_MAX_PIECES):
        value = _value(envelope, at)
        at = value.start
        if value.tag == _OCTETS and value.end is not None:
            yield from Span(envelope.raw, value.start, value.end).pieces()
            at = value.end
        elif value.tag == _OCTETS_IN_PIECES:
            ends.append(value.end)
        elif value.tag == 0 and ends and ends[-1] is None:
            # Two zeros end a value of indefinite length.
            ends.pop()
        else:
            raise NoContent
        while ends and (end := ends[-1]) is not None and at >= end:
            ends.pop()
        if not ends:
            return
    raise NoContent


def _value(envelope: Span, at: int, wanted: int | None = None) -> _Value:
    head = Span(envelope.raw, at, envelope.end).head(6)
    if len(head) < 2 or (wanted is not None and head[0] != wanted):
        raise NoContent
    more = head[1] & 0x7F if head[1] & 0x80 else 0
    start = at + 2 + more
    if head[1] == 0x80:
        return _Value(head[0], start, None)
    if more > 4:
        raise NoContent
    size = int.from_bytes(head[2 : 2 + more], "big") if more else head[1]
    if start + size > envelope.end:
        raise NoContent
    return _Value(head[0], start, start + size)


def _after(value: _Value) -> int:
    if value.end is None:
        raise NoContent
    return value.end


def _bytes(envelope: Span, value: _Value) -> bytes:
    return Span(envelope.raw, value.start, _after(value)).head(64)
