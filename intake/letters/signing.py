"""DKIM: a domain's signature over the exact bytes of a letter (RFC 6376, RFC 8463).

Header and body are both made ``relaxed``, so that a relay which folds lines anew breaks nothing.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

# What a signer should have; fewer are broken sooner than a key is changed (RFC 8301 3.2).
LEAST_RSA_BITS = 2048
SIGNED = (
    "from", "to", "reply-to", "subject", "date", "message-id", "in-reply-to", "references",
    "mime-version", "content-type", "content-language", "auto-submitted",
)  # fmt: skip
# Named once more than it stands, so that nobody can put another above it (RFC 6376 5.4).
OVERSIGNED = "from"
_LINE_CHARACTERS = 72

Key = RSAPrivateKey | Ed25519PrivateKey


@dataclass(frozen=True)
class Signer:
    """A key of a domain, which receivers look up by its selector in the DNS."""

    domain: str
    selector: str
    key: Key

    @property
    def algorithm(self) -> str:
        return "rsa-sha256" if isinstance(self.key, RSAPrivateKey) else "ed25519-sha256"

    @property
    def record(self) -> tuple[str, str]:
        """The name and the text of the TXT record by which receivers know the key."""
        public = self.key.public_key()
        if isinstance(self.key, RSAPrivateKey):
            kind, data = "rsa", public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        else:
            kind, data = "ed25519", public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"{self.selector}._domainkey.{self.domain}", f"v=DKIM1; k={kind}; p={_base64(data)}"

    def sign(self, letter: bytes, at: int) -> bytes:
        """Return a letter, whose lines end in CRLF, with its signature above it; ``at`` is Unix time."""
        head, _, body = letter.partition(b"\r\n\r\n")
        signed, body_hash = _signed(_fields(head)), hashlib.sha256(_relaxed_body(body)).digest()
        tags = (
            f"v=1; a={self.algorithm}; c=relaxed/relaxed; d={self.domain}; s={self.selector}; t={at};"
            f" h={':'.join(name for name, _ in signed)}; bh={_base64(body_hash)};"
        )
        unsigned = f"{_folded(f'DKIM-Signature: {tags}')}\r\n b=".encode("ascii")
        base = b"".join(field for _, field in signed) + _relaxed_field(unsigned).removesuffix(b"\r\n")
        value = _base64(self._sign(base))
        lines = [value[start : start + _LINE_CHARACTERS] for start in range(0, len(value), _LINE_CHARACTERS)]
        return unsigned + "\r\n ".join(lines).encode("ascii") + b"\r\n" + letter

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self.key, RSAPrivateKey):
            return self.key.sign(data, PKCS1v15(), SHA256())
        # What is signed is the digest (RFC 8463 3).
        return self.key.sign(hashlib.sha256(data).digest())


def read_key(pem: bytes) -> Key:
    """Read a private key that can sign; ValueError when it is none."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("holds no private key in PEM without a password") from None
    if isinstance(key, Ed25519PrivateKey):
        return key
    if not isinstance(key, RSAPrivateKey) or key.key_size < LEAST_RSA_BITS:
        raise ValueError(f"holds neither an RSA key of at least {LEAST_RSA_BITS} bits nor an Ed25519 key")
    return key


def _relaxed_body(body: bytes) -> bytes:
    """Return a body as it is hashed: runs of blanks are one, and empty lines at its end none (3.4.4)."""
    words = re.sub(rb"[ \t]+", b" ", body + b"\r\n").replace(b" \r\n", b"\r\n")
    end = len(words)
    while words.endswith(b"\r\n\r\n", 0, end):
        end -= 2
    return words[:end] if end > 2 else b""


def _fields(head: bytes) -> list[tuple[str, bytes]]:
    """Return the header's fields as they stand, each with its name in lower case."""
    raw = re.split(rb"\r\n(?![ \t])", head)
    return [(field.partition(b":")[0].strip().lower().decode("ascii"), field) for field in raw]


def _signed(fields: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return the fields that are signed, as they are hashed; the one that is not there as nothing."""
    # Of fields with one name the lowest is meant first (RFC 6376 5.4.2).
    found = [
        (name, _relaxed_field(field)) for name in SIGNED for known, field in reversed(fields) if known == name
    ]
    return [*found, (OVERSIGNED, b"")]


def _relaxed_field(field: bytes) -> bytes:
    """Return a header field as it is hashed: on one line, its blanks as one, none at its ends (3.4.2)."""
    name, _, value = field.partition(b":")
    words = re.sub(rb"[ \t\r\n]+", b" ", value).strip(b" ")
    return name.strip().lower() + b":" + words + b"\r\n"


def _folded(field: str) -> str:
    """Break a field into short lines, at its blanks and behind the colons between names."""
    lines = [""]
    for word in re.findall(r" ?[^ :]+:?", field):
        if len(lines[-1]) + len(word) > _LINE_CHARACTERS:
            lines.append(" ")
            word = word.lstrip(" ")
        lines[-1] += word
    return "\r\n".join(lines)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
