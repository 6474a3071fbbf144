"""Zips that carry evidence: one file under lock, so that nothing opens it by mistake, or many under a seal.

The seal is the SHA-256 of ``manifest.json``, which holds the size and SHA-256 of every other member, and an
Ed25519 signature of that manifest. Nothing here knows the database: a sealed zip can be verified anywhere.
"""

from __future__ import annotations

import copy
import hashlib
import json
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, BinaryIO, Self

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
# The names in a seal, in their order: the digest, whose key, and the signature.
_SEALED = ("manifest_sha256", "ed25519_key", "ed25519_signature")
# The parts of a zip that have one length always, and the flags of ours: none, or a name in UTF-8.
_HEADER_BYTES, _ENTRY_BYTES, _END_BYTES, _END64_BYTES, _LOCATOR_BYTES = 30, 46, 22, 56, 20
_FLAGS = (0, 0x800)
# A plain file that its owner may read: a link would be followed when it is unpacked.
_MARKS = (0, 0o600 << 16, 0)
# Beside what it names itself, the library lets through what its own parsing of broken bytes raises.
_UNREADABLE = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error, EOFError, OSError),
    *(RuntimeError, ValueError, OverflowError, IndexError),
)


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
        seal = dict(zip(_SEALED, (digest, public, signature), strict=True))
        _written(self._zip, MANIFEST, manifest, self._at)
        _written(self._zip, SEAL, as_json(seal), self._at)
        return Seal(digest, public, len(members))


def as_json(values: Any) -> str:
    """Write values as JSON that people can read too; ids and times become words."""
    return json.dumps(values, ensure_ascii=False, indent=1, default=_plain) + "\n"


def verify(file: Path, *, digest: str | None = None, key: str | None = None) -> Verification:
    """Read a sealed zip to its end and name everything that differs from its seal, or is more than it.

    ``digest`` and ``key`` are what its maker's records say. Without them a zip that somebody has made
    anew, with a seal of their own, is whole as well.
    """
    try:
        with file.open("rb") as stream, zipfile.ZipFile(stream) as opened:
            found = _verify(opened, stream, digest, key)
    except _UNREADABLE as error:
        found = Verification(None, (f"it cannot be read as a zip ({error})",))
    return Verification(found.seal, tuple(_printable(fault) for fault in found.faults))


def _verify(opened: zipfile.ZipFile, stream: BinaryIO, digest: str | None, key: str | None) -> Verification:
    try:
        manifest, written = _read(opened, MANIFEST), _read(opened, SEAL)
        told = _members(json.loads(manifest))
        seal = json.loads(written)
        sealed, signer, proof = seal[_SEALED[0]], *(bytes.fromhex(seal[name]) for name in _SEALED[1:])
        plain = dict(zip(_SEALED, (sealed, signer.hex(), proof.hex()), strict=True))
        if written != as_json(plain).encode():
            raise ValueError(f"{SEAL} holds more than a seal")
        found = Seal(hashlib.sha256(manifest).hexdigest(), signer.hex(), len(told))
    except (*_UNREADABLE, KeyError, TypeError) as error:
        return Verification(None, (f"it has no seal that can be read ({error})",))
    faults = []
    if sealed != found.digest:
        faults.append(f"{MANIFEST} was changed: its digest is {found.digest}, sealed was {sealed}")
    if not _is_signed(manifest, found.key, proof):
        faults.append(f"{MANIFEST} does not bear the signature of {found.key}")
    if digest and digest.lower() != found.digest:
        faults.append(f"the seal is {found.digest}, not {digest.lower()}")
    if key and key.lower() != found.key:
        faults.append(f"the key is {found.key}, not {key.lower()}")
    # What differs is unpacked no further than it is sealed to be, and the rest once more to its end.
    faults += _differences(opened, told)
    return Verification(found, (*faults, *(() if faults else _surplus(opened, stream))))


def _members(manifest: Any) -> dict[str, Member]:
    """Return what a manifest tells of each member; ValueError when it is not what ``seal`` writes."""
    told = [Member(each["name"], each["size_bytes"], each["sha256"]) for each in manifest["members"]]
    for each in told:
        is_text = isinstance(each.name, str) and isinstance(each.sha256, str)
        if not is_text or type(each.size_bytes) is not int:
            raise ValueError(f"{MANIFEST} tells of a member in another way than ours")
    members = {each.name: each for each in told}
    if len(members) != len(told):
        raise ValueError(f"{MANIFEST} tells of a member twice")
    return members


def _differences(opened: zipfile.ZipFile, told: Mapping[str, Member]) -> Iterator[str]:
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


def _difference(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, told: Member) -> str | None:
    digest, size = hashlib.sha256(), 0
    try:
        with _open(opened, entry) as member:
            while block := member.read(BLOCK_BYTES):
                digest.update(block)
                size += len(block)
                if size > told.size_bytes:
                    return f"is longer than {told.size_bytes} bytes"
    except _UNREADABLE as error:
        return f"cannot be read ({error})"
    if size != told.size_bytes:
        return f"is {size} bytes, not {told.size_bytes}"
    return None if digest.hexdigest() == told.sha256 else "holds other bytes than were sealed"


def _surplus(opened: zipfile.ZipFile, stream: BinaryIO) -> Iterator[str]:
    """Name the bytes of a zip that are in none of its members, and so under no seal.

    Each member must begin where the one before it ends, and the directory after the last.
    """
    end, directory_bytes = 0, 0
    for entry in sorted(opened.infolist(), key=lambda entry: entry.header_offset):
        if entry.header_offset != end:
            yield f"{entry.filename} does not begin where what is before it ends"
        name_bytes, start = _begin(entry, stream)
        if start is None:
            yield f"{entry.filename} has another header than ours"
            return
        marks = (entry.internal_attr, entry.external_attr, entry.volume)
        if entry.comment or marks != _MARKS or not _is_zip64_alone(entry.extra):
            yield f"{entry.filename} stands in the directory with more than ours"
        if not _is_used_up(entry, stream, start):
            yield f"{entry.filename} has bytes after its end"
        end = start + entry.compress_size
        directory_bytes += _ENTRY_BYTES + name_bytes + len(entry.extra) + len(entry.comment)
    if opened.start_dir != end:
        yield "there are bytes before the directory that are in no member"
    stream.seek(opened.start_dir + directory_bytes)
    tail = stream.read(BLOCK_BYTES)
    if tail.startswith(b"PK\x06\x06") and tail[_END64_BYTES:].startswith(b"PK\x06\x07"):
        tail = tail[_END64_BYTES + _LOCATOR_BYTES :]
    if len(tail) != _END_BYTES or not tail.startswith(b"PK\x05\x06"):
        yield "there are bytes after the directory that are in no member"


def _begin(entry: zipfile.ZipInfo, stream: BinaryIO) -> tuple[int, int | None]:
    """Return how long a member's name is, and where its bytes begin; None after a header that is not ours."""
    stream.seek(entry.header_offset)
    fixed = stream.read(_HEADER_BYTES)
    name_bytes, extra_bytes = (int.from_bytes(each, "little") for each in (fixed[26:28], fixed[28:30]))
    header = fixed + stream.read(name_bytes + extra_bytes)
    ours = copy.copy(entry)
    ours.extra, ours.extract_version = b"", int.from_bytes(fixed[4:5], "little")
    is_ours = entry.flag_bits in _FLAGS and header == ours.FileHeader(zip64=extra_bytes > 0)
    return name_bytes, entry.header_offset + len(header) if is_ours else None


def _is_zip64_alone(extra: bytes) -> bool:
    """Say whether an extra field holds sizes over 4 GiB and nothing else, or is none."""
    kind, size = (int.from_bytes(each, "little") for each in (extra[:2], extra[2:4]))
    return not extra or (kind == 1 and size == len(extra) - 4 <= 24)


def _is_used_up(entry: zipfile.ZipInfo, stream: BinaryIO, start: int) -> bool:
    """Say whether a member's packed bytes end where what they hold does."""
    if entry.compress_type == zipfile.ZIP_STORED:
        return entry.compress_size == entry.file_size
    stream.seek(start)
    unpacker, left = zlib.decompressobj(-zlib.MAX_WBITS), entry.compress_size
    while left and not unpacker.eof:
        block = stream.read(min(left, BLOCK_BYTES))
        left -= len(block)
        if not block:
            return False
        while block and not unpacker.eof:
            unpacker.decompress(block, BLOCK_BYTES)
            block = unpacker.unconsumed_tail
    return unpacker.eof and not left and not unpacker.unused_data


def _is_signed(manifest: bytes, key: str, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(signature, manifest)
    except (InvalidSignature, ValueError):
        return False
    return True


def _read(opened: zipfile.ZipFile, name: str) -> bytes:
    with _open(opened, opened.getinfo(name)) as member:
        data = member.read(MANIFEST_BYTES + 1)
    if len(data) > MANIFEST_BYTES:
        raise ValueError(f"{name} is too large")
    return data


def _open(opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> IO[bytes]:
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile("it is packed in another way than ours")
    return opened.open(entry)


def _written(made: zipfile.ZipFile, name: str, text: str, at: datetime) -> Member:
    data = text.encode()
    made.writestr(zipfile.ZipInfo(name, _clock(at)), data, zipfile.ZIP_DEFLATED)
    return Member(name, len(data), hashlib.sha256(data).hexdigest())


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    while block := stream.read(BLOCK_BYTES):
        yield block


def _clock(at: datetime) -> tuple[int, int, int, int, int, int]:
    return (at.year, at.month, at.day, at.hour, at.minute, at.second)


def _printable(fault: str) -> str:
    """Return a fault as one line: names and errors in it may hold whatever somebody has put there."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in fault)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
