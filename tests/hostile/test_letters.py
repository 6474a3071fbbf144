"""Hostile and odd letters: each is one matter, whole, with a truthful word about what is odd."""

from __future__ import annotations

import io
from dataclasses import replace
from email.message import EmailMessage
from ipaddress import ip_network

import pytest
from flask import current_app
from sqlalchemy import select

from intake import letters, mailroom, storage
from intake.extensions import db
from intake.models import Attachment, Letter, Message, OutgoingLetter
from tests.file_samples import PDF
from tests.letters_home import address_of, arrivals, deliver, letter, matters, receive, unpack_all


@pytest.fixture(autouse=True)
def app(worker_app):
    with worker_app.app_context():
        yield worker_app


def only_message():
    return db.session.scalars(select(Message)).one()


def kept_letter():
    return db.session.scalars(select(Letter)).one()


def receipts():
    return db.session.scalars(select(OutgoingLetter).where(OutgoingLetter.kind == "receipt")).all()


def names():
    return [file.name for file in db.session.scalars(select(Attachment).order_by(Attachment.position))]


def test_the_same_message_twice_is_one_matter():
    first = letter(Message_ID="<a@example.com>")
    deliver(first)
    deliver(b"Received: by another way\r\n" + first)
    assert len(matters()) == 1
    assert [bool(arrival.duplicate_of_id) for arrival in arrivals()] == [False, True]


def test_the_same_message_id_with_another_body_is_two_matters():
    deliver(letter("Ett", Message_ID="<a@example.com>"))
    deliver(letter("Två", Message_ID="<a@example.com>"))
    assert [matter.needs_person for matter in matters()] == [[], ["message_id_reused"]]


def test_the_same_message_id_and_words_with_one_more_file_loses_no_file():
    deliver(letter("Ett", Message_ID="<a@example.com>"))
    deliver(letter("Ett", Message_ID="<a@example.com>", files=(("intyg.pdf", PDF),)))
    assert len(matters()) == 2
    assert names() == ["intyg.pdf"]


def test_without_a_message_id_the_bytes_tell_if_it_is_the_same():
    for text in ("Ett", "Ett", "Två"):
        deliver(letter(text))
    assert [matter.channel for matter in matters()] == ["email", "email"]


@pytest.mark.parametrize(
    ("headers", "sender"),
    [
        ({"Auto_Submitted": "auto-replied (vacation)"}, "kim@example.com"),
        ({"List_Id": "<nyheter.example.com>"}, "kim@example.com"),
        ({"Precedence": "Bulk"}, "kim@example.com"),
        ({}, ""),
    ],
    ids=["autosvar", "lista", "massutskick", "tom avsändare"],
)
def test_a_machines_letter_is_a_matter_and_gets_no_answer(headers, sender):
    deliver(letter(**headers), sender=sender)
    assert (len(matters()), receipts()) == (1, [])


def test_a_letter_from_an_address_of_ours_gets_no_answer():
    deliver(letter(sender="Kontakt <kontakt@example.se>"), sender="kontakt@example.se")
    assert (len(matters()), receipts()) == (1, [])


def nested(depth):
    opening = "".join(
        f'Content-Type: multipart/mixed; boundary="b{level}"\r\n\r\n--b{level}\r\n' for level in range(depth)
    )
    return b"From: kim@example.com\r\nTo: kontakt@example.se\r\nSubject: Djupt\r\n" + opening.encode()


def many_parts(count):
    head = b'From: kim@example.com\r\nSubject: Brett\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    return head + b"--b\r\n\r\nx\r\n" * count + b"--b--\r\n"


@pytest.mark.parametrize(("raw", "subject"), [(nested(1000), "Djupt"), (many_parts(100_000), "Brett")])
def test_a_letter_beyond_the_caps_is_a_matter_with_itself_attached(raw, subject):
    deliver(raw)
    assert [(matter.subject, matter.needs_person) for matter in matters()] == [(subject, ["unreadable"])]
    assert "kunde inte tolkas helt" in only_message().problems
    attached = db.session.scalars(select(Attachment)).one()
    with storage.current().open(attached.storage_key) as stream:
        assert stream.read() == raw


def test_raw_bytes_in_headers_an_unknown_charset_and_bad_base64_are_read_as_far_as_they_go():
    raw = (
        "From: Åsa <asa@example.com>\r\nSubject: Smörgås på Åsgatan\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n'
        "Content-Type: text/plain; charset=x-unknown\r\n\r\nNågot på Åsgatan\r\n--b\r\n"
        'Content-Type: image/png; name="x.png"\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0K!!GgoA\r\n'
        "--b--\r\n"
    ).encode("cp1252")
    deliver(raw)
    said = only_message()
    assert (said.subject, said.sender_name) == ("Smörgås på Åsgatan", "Åsa")
    assert "Något på Åsgatan" in said.text
    assert names() == ["x.png"]
    assert said.problems


def test_two_senders_and_a_name_that_plays_an_address_are_shown_and_marked():
    raw = letter(sender='"polis@polisen.example" <bluff@evil.example>')
    deliver(b"From: riktig@example.com\r\n" + raw)
    said = only_message()
    assert said.sender_email == "riktig@example.com"
    assert any("bluff@evil.example" in problem for problem in said.problems)


@pytest.mark.parametrize(
    ("peer", "header", "marks", "answers"),
    [
        ("10.0.0.5", "example.se; dmarc=fail header.from=example.com", ["sender_forged"], 0),
        ("10.0.0.5", "evil.example; dmarc=fail", [], 1),
        ("192.0.2.1", "example.se; dmarc=fail header.from=example.com", [], 1),
    ],
    ids=["vår egen förmedlare", "någon annans ord", "någon annans förmedling"],
)
def test_only_a_trusted_relay_is_believed_about_a_sender(make_app, monkeypatch, peer, header, marks, answers):
    changed = replace(current_app.extensions["settings"], mail_trusted_relays=(ip_network("10.0.0.0/8"),))
    monkeypatch.setitem(current_app.extensions, "settings", changed)
    raw = f"Authentication-Results: {header}\r\n".encode() + letter()
    mailroom.receive(
        io.BytesIO(raw), mailroom.Envelope("kim@example.com", ("kontakt@example.se",), peer, "lmtp")
    )
    unpack_all()
    assert [matter.needs_person for matter in matters()] == [marks]
    assert len(receipts()) == answers


def test_letters_within_letters_are_listed_and_kept_whole():
    inner = EmailMessage()
    inner["Subject"], inner["From"] = "Bluff", "evil@evil.example"
    inner.set_content("Klicka här")
    inner.add_attachment(PDF, maintype="application", subtype="pdf", filename="faktura.pdf")
    outer = EmailMessage()
    outer["From"], outer["Subject"] = "kim@example.com", "VB: Bluff"
    outer.set_content("Är det här äkta?")
    outer.add_attachment(inner)
    deliver(outer.as_bytes())
    assert names() == ["Bluff.eml", "faktura.pdf"]
    assert only_message().text.strip() == "Är det här äkta?"


def test_a_letter_of_html_alone_is_read_as_text_and_nothing_is_fetched(alone):
    raw = (
        letter()
        .replace(b"text/plain", b"text/html")
        .replace(
            b"Min cykel",
            b'<img src="http://192.0.2.1/pixel.gif"><a href="https://example.org/x">Min cykel</a>',
        )
    )
    deliver(raw)
    assert "Min cykel <https://example.org/x>" in only_message().text
    assert "pixel" not in only_message().text


def test_a_large_attachment_is_kept_bit_exact():
    big = bytes(range(256)) * 4096 * 30
    deliver(letter(files=(("film.pdf", big),)))
    file = db.session.scalars(select(Attachment)).one()
    assert file.size_bytes == len(big)
    with storage.current().open(file.storage_key) as stream:
        assert stream.read() == big


def test_a_reference_in_the_subject_from_another_address_opens_and_changes_nothing():
    deliver(letter("Mitt ärende"))
    first = matters()[0]
    deliver(letter("Jag vill veta mer", subject=f"Re: {first.reference}", sender="evil@evil.example"))
    mine, other = matters()
    assert (other.possible_of_id, other.needs_person) == (mine.id, ["possible_supplement"])
    assert mine.version == first.version
    assert {letter.recipient for letter in receipts()} == {"kim@example.com", "evil@evil.example"}
    assert all(letter.matter_id != mine.id for letter in receipts() if "evil" in letter.recipient)


@pytest.mark.parametrize(
    ("content_type", "name", "word"),
    [
        ("application/pkcs7-mime; smime-type=enveloped-data", "smime.p7m", "S/MIME"),
        ("application/pgp-encrypted", "encrypted.asc", "PGP"),
    ],
)
def test_an_encrypted_letter_is_kept_and_marked(content_type, name, word):
    raw = (
        f"From: kim@example.com\r\nSubject: Hemligt\r\nContent-Type: {content_type}\r\n"
        f'Content-Disposition: attachment; filename="{name}"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\nMIIBAA==\r\n"
    )
    deliver(raw.encode())
    assert names() == [name]
    assert any(word in problem for problem in only_message().problems)


def test_a_letter_of_nothing_but_noise_is_a_matter():
    deliver(bytes(range(256)) * 40)
    assert len(matters()) == 1


def test_a_bad_letter_in_the_middle_of_a_hundred_stops_no_other():
    for number in range(100):
        receive(nested(1000) if number == 50 else letter(f"Nummer {number}"))
    unpack_all()
    assert [matter.needs_person == ["unreadable"] for matter in matters()].count(True) == 1
    assert len(matters()) == 100


def test_a_letter_to_a_matter_and_its_return_path_is_one_message_there():
    deliver(letter())
    matter = matters()[0]
    deliver(letter("Tillägg", Message_ID="<t@example.com>"), address_of(matter))
    copy = b"Delivered-To: another\r\n" + letter("Tillägg", Message_ID="<t@example.com>")
    deliver(copy, address_of(matter))
    texts = [message.text.strip() for message in db.session.scalars(select(Message))]
    assert texts.count("Tillägg") == 1


def test_forged_message_ids_of_ours_join_nothing():
    deliver(letter())
    forged = letters.message_id("receipt", str(receipts()[0].id), b"x" * 32, "example.se")
    deliver(letter("Jag låtsas", In_Reply_To=forged))
    assert len(matters()) == 2
