"""What lies within an attached part is listed too; the whole is kept, and no trap in it costs the letter."""

import base64
import datetime
import uuid
from email.message import EmailMessage
from email.mime.application import MIMEApplication

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7

from intake.letters import shelf
from intake.letters.within.uuencoded import written_files

PDF = (
    b"Content-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQ=\r\n"
)
PLAIN = b"Content-Type: text/plain\r\n\r\nSe bilagan."
HEAD = b"From: a@b.se\r\nSubject: Hej\r\n"


def mixed(*parts: bytes, head: bytes = HEAD) -> bytes:
    boundary = b"gr" + uuid.uuid4().hex.encode()
    body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    return (
        head
        + b"Content-Type: multipart/mixed; boundary="
        + boundary
        + b"\r\n\r\n"
        + body
        + b"--"
        + boundary
        + b"--\r\n"
    )


def attached(inner: bytes, kind: bytes = b"message/rfc822") -> bytes:
    return b"Content-Type: " + kind + b"\r\n\r\n" + inner


def listed(letter):
    return [(part.path, part.name) for part in letter.parts if not part.is_body]


def test_the_files_of_an_attached_letter_are_listed_and_its_text_is_not(read):
    inner = mixed(PLAIN, PDF, b"Content-Type: image/png\r\nContent-ID: <a>\r\n\r\npng")
    letter = read(mixed(PLAIN, attached(inner)))
    assert letter.text == "Se bilagan."
    assert listed(letter) == [("2", "Hej.eml"), ("2~2", "a.pdf"), ("2~3", None)]
    assert letter.parts[0].file.read_bytes() == inner
    assert letter.parts[1].file.read_bytes() == b"%PDF-1.4"
    assert letter.problems == ()


def test_an_eml_sent_as_any_file_is_opened_too(read):
    inner = base64.encodebytes(mixed(PLAIN, PDF))
    head = (
        b"Content-Type: application/octet-stream; name=brev.EML\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    assert listed(read(mixed(PLAIN, head + inner))) == [("2", "brev.EML"), ("2~2", "a.pdf")]


def test_letters_in_letters_are_opened_three_deep_and_the_fourth_is_named(read):
    raw = mixed(PLAIN, PDF)
    for _ in range(5):
        raw = mixed(PLAIN, attached(raw))
    letter = read(raw)
    assert [path for path, _ in listed(letter)] == ["2", "2~2", "2~2~2", "2~2~2~2"]
    assert letter.problems == (
        "del 2~2~2~2 ligger mer än 3 nivåer in i brevet, det som finns i den är inte uppackat",
    )


def test_a_digest_of_letters_lists_what_is_in_each(read):
    head = b"Content-Type: multipart/digest; boundary=d\r\n\r\n"
    letter = read(
        head + b"--d\r\n\r\n" + mixed(PLAIN, PDF) + b"\r\n--d\r\n\r\nSubject: B\r\n\r\nHej\r\n--d--\r\n"
    )
    assert listed(letter) == [("1", "Hej.eml"), ("1~2", "a.pdf"), ("2", "B.eml")]


@pytest.mark.parametrize(
    "inner", [b"", b"\r\n", b"inget huvud", b"\0\0", b"X: " + b"y" * 33_000 + b"\r\n\r\nHej"]
)
def test_an_odd_attached_letter_is_kept_and_costs_nothing(read, inner):
    letter = read(mixed(PLAIN, attached(inner), PDF))
    assert letter.parts[0].file.read_bytes() == inner
    assert (letter.text, letter.parts[-1].name) == ("Se bilagan.", "a.pdf")


def test_an_attached_letter_beyond_the_caps_is_named(read):
    letter = read(mixed(PLAIN, attached(mixed(*[b"\r\nx"] * 1001))))
    assert listed(letter) == [("2", "Hej.eml")]
    assert "del 2 kunde inte läsas inuti: Brevet har fler än 1000 delar." in letter.problems


def test_all_parts_together_are_at_most_a_thousand(read):
    letter = read(mixed(PLAIN, *[attached(mixed(*[PDF] * 400))] * 3, PDF))
    assert len(letter.parts) <= 1000
    assert letter.parts[-1].path == "5"
    assert "del 4: brevet har fler än 1000 delar, resten är inte uppackat" in letter.problems


def test_what_is_taken_out_has_a_size_that_it_may_not_pass(read, monkeypatch):
    monkeypatch.setattr(shelf, "ROOM_TIMES", 0)
    monkeypatch.setattr(shelf, "SPARE_ROOM_BYTES", 1000)
    large = b"Content-Type: image/png; name=b.png\r\n\r\n" + b"x" * 1000
    letter = read(mixed(PLAIN, attached(mixed(PDF, large)), PDF))
    assert listed(letter) == [("2", "Hej.eml"), ("2~1", "a.pdf"), ("3", "a.pdf")]
    assert any("för stort, resten" in problem for problem in letter.problems)


def test_a_reader_that_breaks_costs_only_what_lies_in_the_part(read, monkeypatch):
    for error in (RecursionError, MemoryError, ValueError, OSError("no errno")):
        monkeypatch.setattr(
            "intake.letters.within.containers.outline", lambda *_, error=error: (_ for _ in ()).throw(error)
        )
        letter = read(mixed(PLAIN, attached(mixed(PLAIN, PDF)), PDF))
        assert listed(letter) == [("2", "Hej.eml"), ("3", "a.pdf")]
        assert letter.problems == ("del 2 är skadad, det som ligger i den kunde inte läsas",)


def test_a_disk_that_fails_within_a_container_is_not_the_letters_fault(read, monkeypatch):
    full = OSError(28, "No space left on device")
    monkeypatch.setattr("intake.letters.within.containers.outline", lambda *_: (_ for _ in ()).throw(full))
    with pytest.raises(OSError, match="No space"):
        read(mixed(PLAIN, attached(PDF)))


def test_a_file_written_in_the_text_is_listed_and_the_text_left_alone(read):
    files = b'begin 644 katt.txt\r\n$:&5J"@``\r\n`\r\nend\r\nbegin 755 b\r\n#86)C\r\n`\r\nend\r\n'
    body = b"Hej\r\n" + files + b"Hej d\xc3\xa5\r\n"
    letter = read(HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + body)
    assert letter.text == body.decode().replace("\r\n", "\n")
    assert listed(letter) == [("1~1", "katt.txt"), ("1~2", "b")]
    assert [part.file.read_bytes() for part in letter.parts] == [b"hej\n", b"abc"]
    assert letter.problems == ("del 1 har filer skrivna i texten (uuencode), de är uppackade här under",)


def test_a_file_written_in_an_attached_letters_text_is_listed_too(read):
    inner = HEAD + b"\r\nHej\r\nbegin 644 b\r\n#86)C\r\n`\r\nend\r\n"
    assert listed(read(mixed(PLAIN, attached(inner)))) == [("2", "Hej.eml"), ("2~1~1", "b")]


def test_more_files_in_a_text_than_a_letter_may_have_are_named(read):
    letter = read(HEAD + b"\r\n" + b"begin 644 b\r\n#86)C\r\n`\r\nend\r\n" * 2000)
    assert len(letter.parts) == 999
    assert "del 1: brevet har fler än 1000 delar, resten är inte uppackat" in letter.problems


def test_a_line_that_only_begins_like_a_file_is_text(read):
    for body in (b"begin 644 bilder\r\noch sen?\r\n", b"begin 644 b\r\n", b"begin 644 b\r\n\r\nend\r\nHej"):
        letter = read(HEAD + b"\r\n" + body)
        assert [part for part in letter.parts if part.size_bytes] == []


def test_a_written_file_without_an_end_is_as_long_as_its_lines(tmp_path):
    file = tmp_path / "text"
    file.write_bytes(b"begin 644 b\n#86)C\n#86)C\nHej igen, det var allt\n")
    with file.open("rb") as text:
        assert [(found.name, found.end) for found in written_files(text)] == [("b", 24)]


def test_a_part_in_uuencode_is_decoded(read):
    head = b"Content-Type: image/png; name=b.png\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n"
    part = head + b"begin 644 b.png\r\n#86)C\r\n`\r\nend\r\n"
    assert read(mixed(PLAIN, part)).parts[0].file.read_bytes() == b"abc"


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (b"application/mac-binhex40; name=a.hqx", "BinHex"),
        (b"application/pgp-encrypted", "PGP"),
        (b"message/partial; id=a; number=1; total=2", "en bit av ett delat brev"),
        (b"message/external-body; access-type=anon-ftp", "inte följde med"),
        (b"application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", "S/MIME"),
    ],
)
def test_what_cannot_be_read_here_is_kept_and_named(read, kind, word):
    letter = read(mixed(PLAIN, b"Content-Type: " + kind + b"\r\n\r\n(This file\r\nmust be converted)"))
    assert letter.parts[0].file.read_bytes() == b"(This file\r\nmust be converted)"
    assert [problem for problem in letter.problems if word in problem]


@pytest.fixture(scope="module")
def seal():
    """A signer of S/MIME."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test")])
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    certificate = builder.sign(key, hashes.SHA256())

    def _seal(content: bytes) -> bytes:
        signer = pkcs7.PKCS7SignatureBuilder().set_data(content).add_signer(certificate, key, hashes.SHA256())
        return signer.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])

    return _seal


def smime(envelope: bytes) -> bytes:
    head = b"Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n"
    return HEAD + head + b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(envelope)


def test_a_letter_in_a_signed_envelope_is_read_and_the_envelope_kept(read, seal):
    envelope = seal(mixed(PLAIN, PDF, head=b""))
    letter = read(smime(envelope))
    assert letter.text == "Se bilagan."
    assert listed(letter) == [("1", "smime.p7m"), ("1~2", "a.pdf")]
    assert letter.parts[0].file.read_bytes() == envelope
    assert "signaturen är inte kontrollerad" in letter.problems[0]


def test_a_signed_envelope_in_pieces_is_read_too(read, seal):
    # OpenSSL writes lengths as it goes: each 0x80 is ended by two zeros.
    content = b"Content-Type: text/plain\r\n\r\nHej"
    pieces = (
        b"\x24\x80"
        + b"".join(b"\x04\x05" + content[at : at + 5].ljust(5) for at in range(0, len(content), 5))
        + b"\0\0"
    )
    signed = (
        b"\x02\x01\x01\x31\x00\x30\x80\x06\x09" + bytes.fromhex("2a864886f70d010701") + b"\xa0\x80" + pieces
    )
    envelope = (
        b"\x30\x80\x06\x09" + bytes.fromhex("2a864886f70d010702") + b"\xa0\x80\x30\x80" + signed + bytes(8)
    )
    assert read(smime(envelope)).text.rstrip() == "Hej"


def test_any_cut_through_a_signed_envelope_leaves_it_kept(read, seal):
    envelope = seal(mixed(PLAIN, PDF, head=b""))
    for cut in range(0, len(envelope), 11):
        letter = read(smime(envelope[:cut]))
        assert letter.parts[0].file.read_bytes() == envelope[:cut]


def test_what_the_standard_library_attaches_is_listed_to_the_last_leaf(read):
    inner = EmailMessage()
    inner["Subject"] = "Inre"
    inner.set_content("inre text")
    inner.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="å.png")
    outer = EmailMessage()
    outer.set_content("yttre text")
    outer.add_attachment(inner)
    outer.attach(MIMEApplication(b"zip", "zip", name="b.zip"))
    letter = read(outer.as_bytes())
    assert listed(letter) == [("2", "Inre.eml"), ("2~2", "å.png"), ("3", "b.zip")]
