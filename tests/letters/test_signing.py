"""A signature tells that a letter left our domain as it stands; judged by a verifier of our own, which is
held to the RFC's examples, and by another project's."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
)

from intake.letters import Frame, ReplyFile, compose_automatic, compose_reply
from intake.letters.signing import Signer, read_key
from tests.needs import need

AT = 1_780_000_000
# RFC 8463, appendix A.
LETTER = b"""From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
""".replace(b"\n", b"\r\n")
SIGNATURES = {
    "ed25519": b"""DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
""",
    "rsa": b"""DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
""",
}
RECORDS = {
    "ed25519": "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    "rsa": "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5b"
    "dOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC"
    "3Ip3G+2kryOTIKT+l/K4w3QIDAQAB",
}


def relaxed(field: bytes) -> bytes:
    name, value = field.split(b":", 1)
    return name.strip().lower() + b":" + b" ".join(value.split()) + b"\r\n"


def believes(letter: bytes, record: str) -> bool:
    """Verify the topmost signature of a letter as a receiver does."""
    head, body = letter.split(b"\r\n\r\n", 1)
    fields = re.sub(rb"\r\n(?=[ \t])", b" ", head).split(b"\r\n")
    signature = fields.pop(0)
    tags = dict(tag.strip().split(b"=", 1) for tag in signature.split(b":", 1)[1].split(b";") if tag.strip())
    lines = [b" ".join(re.split(rb"[ \t]+", line)).rstrip() for line in body.split(b"\r\n")]
    whole = b"\r\n".join(lines).rstrip(b"\r\n") + b"\r\n"
    if base64.b64decode(tags[b"bh"]) != hashlib.sha256(whole).digest():
        return False
    base = b""
    for name in tags[b"h"].split(b":"):
        named = [field for field in fields if field.split(b":")[0].strip().lower() == name.strip().lower()]
        if named:
            fields.remove(named[-1])
            base += relaxed(named[-1])
    base += relaxed(re.sub(rb"b=[^;=]+={0,2}$", b"b=", signature)).rstrip()
    return is_signed(base64.b64decode(tags[b"b"]), base, record)


def is_signed(value: bytes, base: bytes, record: str) -> bool:
    key = base64.b64decode(record.partition("p=")[2])
    try:
        if "ed25519" in record:
            public = ed25519.Ed25519PublicKey.from_public_bytes(key)
            public.verify(value, hashlib.sha256(base).digest())
        else:
            load_der_public_key(key).verify(value, base, padding.PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def pem(key, encryption=None):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


@pytest.fixture(scope="module", params=["rsa", "ed25519"])
def signer(request):
    made = (
        ed25519.Ed25519PrivateKey.generate()
        if request.param == "ed25519"
        else rsa.generate_private_key(65537, 2048)
    )
    return Signer("example.se", "brev-2026", read_key(pem(made)))


def letters_of_ours(**changes):
    values = {
        "to": "asa@example.com", "sender": "arende+abcdefghij234567klmn@example.se",
        "sender_name": "Exempelmyndigheten i Örkelljunga", "message_id": "<reply.0198.seal@example.se>",
        "date": datetime(2026, 3, 3, 13, 6, tzinfo=UTC), "language": "sv",
        "in_reply_to": "<" + "A" * 120 + "@eurprd01.prod.exchangelabs.com>",
    }  # fmt: skip
    frame = Frame(**(values | changes))
    files = (ReplyFile("Blankett å.pdf", "application/pdf", b"%PDF\r\n" * 200),)
    text = "Hej Åsa!\n\n  indraget \t \n.\nFrom här\n" + "lång rad " * 300 + "\n\n\n"
    yield compose_automatic(frame, "Kvittens K7RX-3M9P", "Hej!\n", is_answer=True)
    yield compose_reply(frame, "Ett svar om " + "cykeln och allt annat " * 8, text, "Vi\n", files)


@pytest.mark.parametrize("kind", RECORDS)
def test_the_judge_agrees_with_the_examples_of_the_rfc(kind):
    signature = SIGNATURES[kind].replace(b"\n", b"\r\n")
    assert believes(signature + LETTER, RECORDS[kind])
    assert not believes(signature + LETTER.replace(b"hungry", b"thirsty"), RECORDS[kind])


def test_the_rfcs_letter_is_hashed_as_the_rfc_says(signer):
    assert b" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;" in signer.sign(LETTER, AT)


def test_every_letter_of_ours_is_believed_as_it_stands(signer):
    for message in letters_of_ours():
        raw = message.as_bytes()
        signed = signer.sign(raw, AT)
        assert signed.endswith(raw)
        assert believes(signed, signer.record[1])


def test_a_relay_that_folds_lines_anew_breaks_nothing(signer):
    signed = signer.sign(LETTER, AT).replace(b"Subject: Is dinner", b"SUBJECT :  Is\r\n\tdinner ")
    assert believes(signed.replace(b"game.  Are", b"game. \t Are ") + b"\r\n\r\n", signer.record[1])


@pytest.mark.parametrize(
    ("was", "made"),
    [
        (b"Hej", b"Nej"),
        (b"Subject: ", b"Subject: Re "),
        (b"To: asa@", b"To: bo@"),
        (b"Auto-Submitted: auto-replied", b"Auto-Submitted: no"),
        (b"MIME-Version", b"From: kungen@example.se\r\nMIME-Version"),
        (b"DKIM-Signature: v=1;", b"DKIM-Signature: v=1; l=0;"),
    ],
    ids=str,
)
def test_whoever_changes_a_letter_is_found_out(signer, was, made):
    receipt, _ = letters_of_ours()
    signed = signer.sign(receipt.as_bytes(), AT)
    assert was in signed
    assert not believes(signed.replace(was, made, 1), signer.record[1])


def test_the_signature_names_what_it_covers_in_short_lines(signer):
    _, reply = letters_of_ours()
    head = signer.sign(reply.as_bytes(), AT).partition(b"\r\nFrom:")[0].decode("ascii")
    assert max(map(len, head.split("\r\n"))) <= 78
    names = re.search(r"h=([^;]*);", head)[1]
    assert "".join(names.split()).split(":") == [
        "from", "to", "reply-to", "subject", "date", "message-id", "in-reply-to", "references",
        "mime-version", "content-type", "from",
    ]  # fmt: skip
    for tag in (f"a={signer.algorithm};", "c=relaxed/relaxed;", "d=example.se;", "s=brev-2026;", f"t={AT};"):
        assert tag in head


@pytest.mark.parametrize("body", [b"", b"\r\n", b" \t\r\n\r\n"])
def test_a_letter_without_words_is_signed_too(signer, body):
    signed = signer.sign(b"From: a@b.se\r\n\r\n" + body, AT)
    assert b"bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" in signed


@pytest.mark.parametrize("body", [b"a", b"a\r\n", b"a \t", b"a \r\n\t\r\n\r\n"], ids=repr)
def test_blanks_at_the_end_and_a_missing_line_end_change_nothing(signer, body):
    signed = signer.sign(b"From: a@b.se\r\n\r\n" + body, AT)
    assert base64.b64encode(hashlib.sha256(b"a\r\n").digest()) in signed


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n",
        pem(ec.generate_private_key(ec.SECP256R1())),
        pem(ed25519.Ed25519PrivateKey.generate(), BestAvailableEncryption(b"secret")),
    ],
    ids=["empty", "broken", "another kind", "locked"],
)
def test_what_is_no_key_to_sign_with_is_refused(data):
    with pytest.raises(ValueError, match="holds n"):
        read_key(data)


def test_an_rsa_key_that_nobody_believes_is_refused():
    need(shutil.which("openssl") is not None, "openssl is not installed")
    small = subprocess.run(["openssl", "genrsa", "1024"], check=True, capture_output=True).stdout
    with pytest.raises(ValueError, match="2048 bits"):
        read_key(small)


JUDGE = """
import sys, dkim
letter, name, record = sys.stdin.buffer.read(), sys.argv[1].encode() + b".", sys.argv[2].encode()
sys.exit(0 if dkim.verify(letter, dnsfunc=lambda asked, **_: record if asked == name else b"") else 3)
"""
PYTHON = Path("/usr/bin/python3")


@pytest.fixture(scope="module")
def other_judge():
    is_here = (
        PYTHON.exists() and subprocess.run([PYTHON, "-c", "import dkim"], capture_output=True).returncode == 0
    )
    need(is_here, "Debian's python3-dkim is not installed")

    def judge(letter, record):
        return subprocess.run([PYTHON, "-c", JUDGE, *record], input=letter, timeout=60).returncode

    return judge


def test_another_projects_verifier_believes_our_letters(signer, other_judge):
    for message in letters_of_ours():
        signed = signer.sign(message.as_bytes(), AT)
        assert other_judge(signed, signer.record) == 0
        assert other_judge(signed.replace(b"Subject: ", b"Subject: Re "), signer.record) == 3
