"""What signs or locks a letter: S/MIME (RFC 8551) and OpenPGP (RFC 9580), of which libmagic knows little."""

from __future__ import annotations

import re

from intake.files.refining import Content

SIGNED, SEALED = "application/pkcs7-signature", "application/pkcs7-mime"
PGP_SIGNATURE, PGP_KEYS, PGP_LOCKED = (
    "application/pgp-signature", "application/pgp-keys", "application/pgp-encrypted",
)  # fmt: skip
# A sequence that begins with one of the content types of CMS (RFC 5652 3, 5083, 3274): 2 is a signed one.
_ENVELOPE = re.compile(
    rb"0(?:\x80|[\x0b-\x7f]|\x81.|\x82.{2}|\x83.{3}|\x84.{4})"
    rb"\x06(?:\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07(?P<kind>[\x02-\x06])"
    rb"|\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01[\x09\x17])",
    re.DOTALL,
)
_PGP_NAMES = frozenset({"asc", "sig", "pgp", "gpg"})
_ARMOR = re.compile(rb"(?:\xef\xbb\xbf)?\s*-----BEGIN PGP ([A-Z ]{1,30})-----")
_ARMORED = {
    b"SIGNATURE": PGP_SIGNATURE,
    b"PUBLIC KEY BLOCK": PGP_KEYS,
    b"PRIVATE KEY BLOCK": PGP_KEYS,
    b"MESSAGE": PGP_LOCKED,
    b"SIGNED MESSAGE": "text/plain",
}
# By the first packet's number (RFC 9580 5): what it begins, and what its own first byte may be.
_PACKETS = {
    1: (PGP_LOCKED, (3, 6)),
    2: (PGP_SIGNATURE, (3, 4, 5, 6)),
    3: (PGP_LOCKED, (4, 5, 6)),
    4: (PGP_LOCKED, (3, 6)),
    5: (PGP_KEYS, (2, 3, 4, 5, 6)),
    6: (PGP_KEYS, (2, 3, 4, 5, 6)),
    8: (PGP_LOCKED, (0, 1, 2, 3)),
}


def refine(content: Content) -> str | None:
    """Return which signature, key or locked letter it is; None for all else."""
    if envelope := _ENVELOPE.match(content.head):
        return SIGNED if envelope["kind"] == b"\x02" else SEALED
    if content.extension not in _PGP_NAMES:
        return None
    if armor := _ARMOR.match(content.head):
        return _ARMORED.get(armor[1])
    return _by_packet(content.head)


def _by_packet(head: bytes) -> str | None:
    """Return what the first packet of OpenPGP begins; its length takes a byte or more, in two notations."""
    if len(head) < 8 or not head[0] & 0x80:
        return None
    if head[0] & 0x40:
        number, first_at = head[0] & 0x3F, 6 if head[1] == 0xFF else 3 if 192 <= head[1] < 224 else 2
    else:
        number, first_at = head[0] >> 2 & 0xF, 1 + (1, 2, 4, 0)[head[0] & 3]
    kind, firsts = _PACKETS.get(number, (None, ()))
    return kind if head[first_at] in firsts else None
