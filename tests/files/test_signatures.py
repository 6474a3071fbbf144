"""Signatures, keys and locked letters, as mail programs send them along."""

from __future__ import annotations

import pytest

from tests.file_samples import ARMOR, LETTER, PDF, PNG, PROGRAM
from tests.files.looked import looked
from tests.files.making import signed


def within(seen):
    return [(each.name, each.file.read_bytes()) for each in seen.inner if each.is_child]


def test_what_a_signed_letter_carries_is_judged_by_itself(tmp_path):
    seen = looked(tmp_path, "smime.p7m", signed(LETTER.as_bytes()))
    assert (seen.verdict, within(seen)) == ("accept", [("signerat brev.eml", LETTER.as_bytes())])


def test_a_signed_file_is_judged_under_its_own_name(tmp_path):
    assert within(looked(tmp_path, "a.pdf.p7m", signed(PDF))) == [("a.pdf", PDF)]


def test_a_signature_that_stands_beside_what_it_signs_carries_nothing(tmp_path):
    seen = looked(tmp_path, "smime.p7s", signed(None))
    assert (seen.detected_type, seen.codes, within(seen)) == ("application/pkcs7-signature", [], [])


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("smime.p7m", signed(b"x", kind=3)),
        ("encrypted.asc", ARMOR.format("MESSAGE").encode()),
        ("a.pdf.pgp", bytes.fromhex("8c0d04090302cce1") + bytes(40)),
        ("a.gpg", bytes.fromhex("c1c0cc03aabbccdd") + bytes(40)),
    ],
)
def test_a_locked_letter_is_passed_on_with_a_warning(tmp_path, name, data):
    seen = looked(tmp_path, name, data)
    assert (seen.verdict, seen.codes) == ("warn", ["file_encrypted"])


@pytest.mark.parametrize("name", ["a.p7s", "a.p7m", "a.sig", "a.pgp"])
@pytest.mark.parametrize("data", [PNG, PROGRAM, bytes(range(256))])
def test_what_is_no_signature_under_the_name_of_one_is_quarantined(tmp_path, name, data):
    assert looked(tmp_path, name, data).codes == ["content_disagrees"]


def test_what_stands_after_a_signature_is_found(tmp_path):
    assert looked(tmp_path, "smime.p7s", signed(None) + PROGRAM).codes == ["hidden_content"]


def test_a_program_that_only_seems_to_be_signed_deceives(tmp_path):
    assert "name_deceptive" in looked(tmp_path, "faktura.exe.p7m", signed(PROGRAM)).codes
