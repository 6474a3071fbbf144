"""Zips that carry evidence: one file under lock, so that nothing opens it by mistake, or many under a seal.

The seal is the SHA-256 of ``manifest.json``, which holds the size and SHA-256 of every other member, and an
Ed25519 signature of that manifest. Nothing here knows the database: a sealed zip can be verified anywhere.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Self

import pyzipper
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

# The lock keeps programs out, not people: the word is told to whoever may open the file.
LOCK_WORD = "karantan"
MANIFEST, SEAL = "manifest.json", "seal.json"
FORMAT = "intake-export/1"
BLOCK_BYTES = 256 * 1024
# A matter of 10,000 files has a manifest of some 3 MB.
MANIFEST_BYTES = 64 * 1024 * 1024
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)


@dataclass(frozen=True)
class Member:
    """One file in a sealed zip."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Seal:
    """What a sealed zip is known by: its manifest's digest, and whose key signed it, in hexadecimal."""

    digest: str
    key: str
    files: int


@dataclass(frozen=True)
class Verification:
    """What was found in a sealed zip; without ``faults`` it is whole. ``seal`` is None when it has none."""

    seal: Seal | None
    faults: tuple[str, ...]


def lock_away(stream: BinaryIO, name: str, target: BinaryIO, at: datetime) -> None:
    """Write a zip with one file in it, under AES-256 and the word ``LOCK_WORD`` (WinZip's AE-2)."""
    with pyzipper.AESZipFile(target, "w", pyzipper.ZIP_STORED, encryption=pyzipper.WZ_AES) as made:
        made.setpassword(LOCK_WORD.encode())
        entry = made.zipinfo_cls(name, date_time=_clock(at))
        with made.open(entry, "w", force_zip64=True) as member:
            for block in _blocks(stream):
                member.write(block)


class SealedZip:
    """A zip that is written once, member by member, and never held in memory; a context manager."""

    def __init__(self, target: BinaryIO, at: datetime) -> None:
        self._zip = zipfile.ZipFile(target, "w")
        self._at = at
        self._members: list[Member] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def add(self, name: str, stream: BinaryIO) -> Member:
        """Copy a stream into a member, and return what it turned out to hold."""
        digest, size = hashlib.sha256(), 0
        with self._zip.open(zipfile.ZipInfo(name, _clock(self._at)), "w", force_zip64=True) as member:
            for block in _blocks(stream):
                digest.update(block)
                size += len(block)
                member.write(block)
        added = Member(name, size, digest.hexdigest())
        self._members.append(added)
        return added

    def add_text(self, name: str, text: str) -> None:
        """Write a member of text."""
        self._members.append(_written(self._zip, name, text, self._at))

    def seal(self, told: Mapping[str, Any], key: Ed25519PrivateKey) -> Seal:
        """Write the manifest, with ``told`` in it, and its seal; nothing can be added after that."""
        members = [
            {"name": each.name, "size_bytes": each.size_bytes, "sha256": each.sha256}
            for each in self._members
        ]
        manifest = as_json({"format": FORMAT, **told, "members": members})
        digest = hashlib.sha256(manifest.encode()).hexdigest()
        public = key.public_key().public_bytes_raw().hex()
        signature = key.sign(manifest.encode()).hex()
        seal = {"manifest_sha256": digest, "ed25519_key": public, "ed25519_signature": signature}
        _written(self._zip, MANIFEST, manifest, self._at)
        _written(self._zip, SEAL, as_json(seal), self._at)
        return Seal(digest, public, len(members))


def as_json(values: Any) -> str:
    """Write values as JSON that people can read too; ids and times become words."""
    return json.dumps(values, ensure_ascii=False, indent=1, default=_plain) + "\n"


def verify(file: Path, *, digest: str | None = None, key: str | None = None) -> Verification:
    """Read a sealed zip to its end and name everything that differs from its seal.

    ``digest`` and ``key`` are what its maker's records say. Without them a zip that somebody has made
    anew, with a seal of their own, is whole as well.
    """
    try:
        with zipfile.ZipFile(file) as opened:
            return _verify(opened, digest, key)
    except _UNREADABLE as error:
        return Verification(None, (f"it cannot be read as a zip ({error})",))


def _verify(opened: zipfile.ZipFile, digest: str | None, key: str | None) -> Verification:
    try:
        manifest, seal = _read(opened, MANIFEST), json.loads(_read(opened, SEAL))
        told = {each["name"]: each for each in json.loads(manifest)["members"]}
        found = Seal(hashlib.sha256(manifest).hexdigest(), str(seal["ed25519_key"]), len(told))
        signature, sealed = bytes.fromhex(seal["ed25519_signature"]), seal["manifest_sha256"]
    except (*_UNREADABLE, KeyError, TypeError, ValueError) as error:
        return Verification(None, (f"it has no seal that can be read ({error})",))
    faults = []
    if sealed != found.digest:
        faults.append(f"{MANIFEST} was changed: its digest is {found.digest}, sealed was {sealed}")
    if not _is_signed(manifest, found.key, signature):
        faults.append(f"{MANIFEST} does not bear the signature of {found.key}")
    if digest and digest.lower() != found.digest:
        faults.append(f"the seal is {found.digest}, not {digest.lower()}")
    if key and key.lower() != found.key:
        faults.append(f"the key is {found.key}, not {key.lower()}")
    return Verification(found, (*faults, *_differences(opened, told)))


def _differences(opened: zipfile.ZipFile, told: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    entries = opened.infolist()
    counts = Counter(entry.filename for entry in entries)
    yield from (f"{name} is there {count} times" for name, count in counts.items() if count > 1)
    yield from (f"{name} is not there" for name in told if name not in counts)
    for entry in entries:
        if entry.filename in (MANIFEST, SEAL):
            continue
        if entry.filename not in told:
            yield f"{entry.filename} is not in the manifest"
        elif fault := _difference(opened, entry, told[entry.filename]):
            yield f"{entry.filename} {fault}"


def _difference(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, told: Mapping[str, Any]) -> str | None:
    digest, size = hashlib.sha256(), 0
    try:
        with opened.open(entry) as member:
            while block := member.read(BLOCK_BYTES):
                digest.update(block)
                size += len(block)
                if size > told["size_bytes"]:
                    return f"is longer than {told['size_bytes']} bytes"
    except _UNREADABLE as error:
        return f"cannot be read ({error})"
    if size != told["size_bytes"]:
        return f"is {size} bytes, not {told['size_bytes']}"
    return None if digest.hexdigest() == told["sha256"] else "holds other bytes than were sealed"


def _is_signed(manifest: bytes, key: str, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(signature, manifest)
    except (InvalidSignature, ValueError):
        return False
    return True


def _read(opened: zipfile.ZipFile, name: str) -> bytes:
    with opened.open(name) as member:
        data = member.read(MANIFEST_BYTES + 1)
    if len(data) > MANIFEST_BYTES:
        raise ValueError(f"{name} is too large")
    return data


def _written(made: zipfile.ZipFile, name: str, text: str, at: datetime) -> Member:
    data = text.encode()
    made.writestr(zipfile.ZipInfo(name, _clock(at)), data, zipfile.ZIP_DEFLATED)
    return Member(name, len(data), hashlib.sha256(data).hexdigest())


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    while block := stream.read(BLOCK_BYTES):
        yield block


def _clock(at: datetime) -> tuple[int, int, int, int, int, int]:
    return (at.year, at.month, at.day, at.hour, at.minute, at.second)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
