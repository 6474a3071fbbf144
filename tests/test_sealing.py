"""A sealed zip is whole, or what differs is named; a locked one opens with its word alone."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime

import pytest
import pyzipper
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intake.cli import main
from intake.sealing import LOCK_WORD, SealedZip, lock_away, verify

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
