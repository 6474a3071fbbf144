"""A sealed zip is whole, or what differs is named; a locked one opens with its word alone."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
import zlib
from datetime import UTC, datetime

import pytest
import pyzipper
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intake.cli import main
from intake.sealing import LOCK_WORD, SealedZip, as_json, lock_away, verify

AT = datetime(2026, 11, 22, 15, 5, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(b"o" * 32)


def sealed(path, key=KEY, text="hej"):
    with path.open("wb") as target, SealedZip(target, AT) as made:
        made.add("filer/001-å.jpg", io.BytesIO(b"bytes " * 100_000))
        made.add_text("meddelanden.txt", text)
        return made.seal({"reference": "K7RX-3M9P"}, key)


def remade(path, change):
    """Write the zip anew, each member as ``change`` makes it; None leaves it out."""
    with zipfile.ZipFile(path) as opened:
        members = [(entry.filename, opened.read(entry)) for entry in opened.infolist()]
    with zipfile.ZipFile(path, "w") as made:
        for name, data in members:
            if (kept := change(name, data)) is not None:
                made.writestr(name, kept)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "export.zip"


def test_what_was_sealed_is_whole(path):
    seal = sealed(path)
    found = verify(path, digest=seal.digest, key=seal.key)
    assert (found.seal, found.faults) == (seal, ())


def test_the_same_matter_at_the_same_time_gets_the_same_seal(path, tmp_path):
    assert sealed(path) == sealed(tmp_path / "again.zip")
    assert path.read_bytes() == (tmp_path / "again.zip").read_bytes()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda name, data: data.replace(b"hej", b"nej") if name.endswith("txt") else data, "other bytes"),
        (lambda name, data: data + b"x" if name.endswith("jpg") else data, "longer than 600000"),
        (lambda name, data: data[:-1] if name.endswith("jpg") else data, "is 599999 bytes"),
        (lambda name, data: None if name.endswith("txt") else data, "meddelanden.txt is not there"),
        (lambda name, data: data + b" " if name == "manifest.json" else data, "manifest.json was changed"),
        (lambda name, data: None if name == "seal.json" else data, "no seal"),
    ],
    ids=["changed", "longer", "shorter", "taken out", "manifest", "no seal"],
)
def test_whatever_is_changed_is_named(path, change, told):
    seal = sealed(path)
    remade(path, change)
    assert any(told in fault for fault in verify(path, digest=seal.digest).faults)


def test_what_was_put_in_afterwards_is_named(path):
    seal = sealed(path)
    with zipfile.ZipFile(path, "a") as made:
        made.writestr("filer/002.jpg", b"ny")
        with pytest.warns(UserWarning, match="Duplicate"):
            made.writestr("meddelanden.txt", b"ny")
    faults = " ".join(verify(path, digest=seal.digest).faults)
    assert "filer/002.jpg is not in the manifest" in faults
    assert "meddelanden.txt is there 2 times" in faults


def test_one_that_somebody_sealed_anew_agrees_with_itself_but_not_with_our_records(path):
    ours = sealed(path)
    theirs = sealed(path, OTHER_KEY, text="nej")
    assert verify(path).faults == ()
    assert any("not " + ours.digest in fault for fault in verify(path, digest=ours.digest).faults)
    assert any("not " + ours.key in fault for fault in verify(path, key=ours.key).faults)
    assert verify(path, digest=theirs.digest).faults == ()


def test_broken_bytes_and_what_is_no_zip_are_told_plainly(path):
    seal = sealed(path)
    data = bytearray(path.read_bytes())
    data[2000] ^= 1
    path.write_bytes(data)
    assert any("001-å.jpg cannot be read" in fault for fault in verify(path, digest=seal.digest).faults)
    path.write_bytes(b"no zip")
    assert any("cannot be read as a zip" in fault for fault in verify(path).faults)


def put_before(data):
    """Put a whole file before the first one, that the directory does not name."""
    hidden = io.BytesIO()
    with zipfile.ZipFile(hidden, "w") as made:
        made.writestr("filer/999.txt", b"planted")
    return hidden.getvalue().partition(b"PK\x01\x02")[0] + data


def put_between(data):
    """Put bytes between the last file and the directory, and tell where that is now."""
    directory, end = data.index(b"PK\x01\x02"), data.rindex(b"PK\x05\x06")
    told = struct.pack("<L", directory + 7)
    return data[:directory] + b"planted" + data[directory : end + 16] + told + data[end + 20 :]


def put_in_a_comment(data):
    return data[:-2] + struct.pack("<H", 7) + b"planted"


def put_behind(data):
    return data + b"planted"


def put_in_an_extra_field(data):
    """Give the last file in the directory seven bytes more that no program shows."""
    last, end = data.rindex(b"PK\x01\x02"), data.rindex(b"PK\x05\x06")
    size = struct.unpack("<L", data[end + 12 : end + 16])[0] + 11
    entry = data[last : last + 30] + struct.pack("<H", 11) + data[last + 32 : end]
    extra = struct.pack("<HH", 0x7777, 7) + b"planted"
    return data[:last] + entry + extra + data[end : end + 12] + struct.pack("<L", size) + data[end + 16 :]


@pytest.mark.parametrize(
    "change", [put_before, put_between, put_in_a_comment, put_behind, put_in_an_extra_field]
)
def test_what_the_directory_does_not_name_is_a_fault(path, change):
    seal = sealed(path)
    path.write_bytes(change(path.read_bytes()))
    faults = verify(path, digest=seal.digest, key=seal.key).faults
    assert faults
    assert "whole" not in CliRunner().invoke(main, ["verify-export", str(path)]).stderr


def test_more_in_the_seal_than_a_seal_is_a_fault(path):
    seal = sealed(path)
    remade(path, lambda name, data: data[:-3] + b',"x":"planted"}' if name == "seal.json" else data)
    assert any("seal.json" in fault for fault in verify(path, digest=seal.digest).faults)


def test_bytes_behind_the_end_of_a_packed_text_are_a_fault(path):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(b"hej") + packer.flush() + b"planted"
    with path.open("wb") as target, SealedZip(target, AT) as made:
        made.add_text("meddelanden.txt", "hej")
        made.seal({}, KEY)
    data = path.read_bytes()
    with zipfile.ZipFile(path) as opened:
        old = opened.getinfo("meddelanden.txt").compress_size
    start, more = 30 + len("meddelanden.txt"), len(packed) - old
    grown = bytearray(data[:start] + packed + data[start + old :])
    grown[18:22] = struct.pack("<L", len(packed))
    place, number = grown.index(b"PK\x01\x02"), 0
    while place >= 0:
        told = struct.unpack("<L", grown[place + 42 : place + 46])[0]
        if number == 0:
            grown[place + 20 : place + 24] = struct.pack("<L", len(packed))
        else:
            grown[place + 42 : place + 46] = struct.pack("<L", told + more)
        place, number = grown.find(b"PK\x01\x02", place + 4), number + 1
    end = grown.rindex(b"PK\x05\x06")
    directory = struct.unpack("<L", grown[end + 16 : end + 20])[0]
    grown[end + 16 : end + 20] = struct.pack("<L", directory + more)
    path.write_bytes(grown)
    assert any("meddelanden.txt" in fault for fault in verify(path).faults)


def test_a_large_export_is_whole_too(path, monkeypatch):
    """Over 4 GiB sizes and places stand elsewhere in a zip; here that begins at 1,000 bytes."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)
    seal = sealed(path)
    assert verify(path, digest=seal.digest, key=seal.key).faults == ()
    path.write_bytes(put_in_a_comment(path.read_bytes()))
    assert verify(path, digest=seal.digest).faults


def forged(path, members, method=zipfile.ZIP_STORED):
    """Write a zip with a manifest that somebody has made up, and a seal that fits it."""
    manifest = json.dumps({"members": members}).encode()
    digest, signature = hashlib.sha256(manifest).hexdigest(), KEY.sign(manifest).hex()
    key = KEY.public_key().public_bytes_raw().hex()
    seal = {"manifest_sha256": digest, "ed25519_key": key, "ed25519_signature": signature}
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("x", b"x" * 100, method)
        made.writestr("manifest.json", manifest)
        made.writestr("seal.json", as_json(seal))


@pytest.mark.parametrize(
    "members",
    [
        [{"name": "x"}],
        [{"name": "x", "size_bytes": "100", "sha256": ""}],
        [{"name": ["x"], "size_bytes": 100, "sha256": ""}],
        [{"name": "x", "size_bytes": 100, "sha256": None}],
        [{"name": "\ud800\x1b[2J", "size_bytes": 100, "sha256": ""}],
        ["x"],
        {"x": 1},
        7,
    ],
)
def test_a_manifest_that_says_nonsense_is_a_plain_fault(path, members):
    forged(path, members)
    done = CliRunner().invoke(main, ["verify-export", str(path)])
    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert done.stderr.startswith("intake: ")
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_way_of_packing_that_is_not_ours_is_a_plain_fault(path, method):
    told = {"name": "x", "size_bytes": 100, "sha256": hashlib.sha256(b"x" * 100).hexdigest()}
    forged(path, [told], method)
    whole = path.read_bytes()
    for data in (whole, whole[:41] + b"\xff" * 6 + whole[47:]):
        path.write_bytes(data)
        assert verify(path).faults == ("x cannot be read (it is packed in another way than ours)",)


def test_a_name_that_is_no_text_is_a_plain_fault(path):
    sealed(path)
    data = bytearray(path.read_bytes())
    data[data.rindex(b"filer/001")] = 0xFF
    path.write_bytes(data)
    assert CliRunner().invoke(main, ["verify-export", str(path)]).exit_code == 1
    assert verify(path).faults


def test_no_changed_byte_ever_ends_in_a_stack_trace(path):
    sealed(path)
    data = path.read_bytes()
    directory = data.index(b"manifest.json") - 30
    for place in range(directory, len(data), 3):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        verify(path)


def test_our_key_alone_is_enough_to_know_that_it_is_ours(path):
    seal = sealed(path)
    done = CliRunner().invoke(main, ["verify-export", str(path), "--key", seal.key])
    assert (done.exit_code, done.stderr) == (0, "intake: the export is whole\n")


def test_a_locked_zip_opens_with_its_word_alone():
    target = io.BytesIO()
    lock_away(io.BytesIO(b"MZ" * 300_000), "räkning.exe", target, AT)
    with pyzipper.AESZipFile(target) as opened:
        with pytest.raises(RuntimeError):
            opened.read("räkning.exe", pwd=b"infected")
        assert opened.read("räkning.exe", pwd=LOCK_WORD.encode()) == b"MZ" * 300_000


def test_the_command_says_whole_or_what_differs(path):
    seal = sealed(path)
    done = CliRunner().invoke(main, ["verify-export", str(path), "--digest", seal.digest, "--key", seal.key])
    assert (done.exit_code, f"seal {seal.digest}" in done.stdout) == (0, True)
    assert "the export is whole" in done.stderr
    assert "agrees with its own seal" in CliRunner().invoke(main, ["verify-export", str(path)]).stderr
    wrong = CliRunner().invoke(main, ["verify-export", str(path), "--digest", "0" * 64])
    assert (wrong.exit_code, "not 0000" in wrong.stderr) == (1, True)
