"""The mailroom: raw first, every letter a matter, once, and in the right one."""

from __future__ import annotations

import hashlib
import io

import pytest
from sqlalchemy import event, select, text

from intake import letters, mailroom, outbox, routing, storage
from intake.errors import FileTooLarge, ForeignDomain, LetterUnreadable
from intake.extensions import db, settings
from intake.matters import placing
from intake.models import Attachment, Event, Job, Letter, MailAddress, Message, OutgoingLetter
from tests.file_samples import PDF
from tests.letters_home import address_of, arrivals, deliver, letter, matters, receive, unpack_all


@pytest.fixture(autouse=True)
def app(worker_app):
    with worker_app.app_context():
        yield worker_app


def messages(matter):
    return db.session.scalars(
        select(Message).where(Message.matter_id == matter.id).order_by(Message.created_at)
    ).all()


def test_a_letter_becomes_a_matter_with_its_words_sender_and_files():
    deliver(letter("Hej!\nMin cykel stals i Malmö.", subject="Cykel borta", files=(("kvitto.pdf", PDF),)))
    (matter,) = matters()
    assert (matter.subject, matter.sender_email, matter.sender_name) == (
        "Cykel borta",
        "kim@example.com",
        "Kim Berg",
    )
    assert messages(matter)[0].text.startswith("Hej!\nMin cykel stals i Malmö.")
    (file,) = db.session.scalars(select(Attachment)).all()
    assert (file.name, file.sha256, file.verdict) == (
        "kvitto.pdf",
        hashlib.sha256(PDF).hexdigest(),
        "unchecked",
    )


def test_the_raw_letter_is_kept_bit_exact():
    raw = letter("Räksmörgås \x07").replace(b"=07", b"\x07\xff")
    receive(raw)
    kept = db.session.scalars(select(Letter)).one()
    with storage.current().open(kept.storage_key) as stream:
        assert stream.read() == raw
    assert kept.sha256 == hashlib.sha256(raw).hexdigest()


def test_the_same_bytes_twice_are_one_matter():
    raw = letter()
    deliver(raw)
    deliver(raw)
    assert len(matters()) == len(arrivals()) == 1


def test_the_same_letter_in_other_bytes_repeats_the_first():
    deliver(letter(Message_ID="<a@example.com>"))
    deliver(b"Received: from somewhere else\r\n" + letter(Message_ID="<a@example.com>"))
    first, second = arrivals()
    assert len(matters()) == 1
    assert second.duplicate_of_id == first.id


def test_another_letter_under_a_reused_message_id_is_a_matter_of_its_own():
    deliver(letter("Ett", Message_ID="<a@example.com>"))
    deliver(letter("Två", Message_ID="<a@example.com>"))
    assert [matter.needs_person for matter in matters()] == [[], ["message_id_reused"]]


def test_two_inboxes_of_one_region_are_one_matter_and_two_regions_are_two():
    deliver(letter("Ett"), "syd@example.se", "syd-utredning@example.se")
    assert len(matters()) == 1
    deliver(letter("Två"), "syd@example.se", "nord@example.se")
    assert len(matters()) == 3


def test_a_letter_to_both_sides_of_a_wall_stands_on_each():
    deliver(letter("En polis slog mig."), "su@example.se", "syd@example.se")
    assert {matter.unit_id == "su" for matter in matters()} >= {True}
    assert len(matters()) == 2


def test_an_unknown_local_part_comes_to_the_national_inbox():
    deliver(letter("Hej", subject="Hej"), "vem.som.helst@example.se")
    assert matters()[0].unit_id == "nationell-inkorg"


def test_a_foreign_domain_is_never_taken():
    with pytest.raises(ForeignDomain):
        receive(letter(), "kim@example.org")
    assert arrivals() == []


def test_a_letter_to_a_matters_address_joins_it_whoever_sent_it():
    deliver(letter())
    (matter,) = matters()
    deliver(letter("Här är bilden.", sender="syster@example.org"), address_of(matter))
    assert [message.text.strip() for message in messages(matters()[0])][1] == "Här är bilden."
    assert len(matters()) == 1


def test_a_letter_to_a_closed_matter_opens_it_again(clock):
    deliver(letter())
    (matter,) = matters()
    matter.status, matter.closed_at = "closed", clock()
    db.session.commit()
    deliver(letter("En sak till."), address_of(matter))
    db.session.expire_all()
    assert (matter.status, matter.closed_at) == ("reopened", None)


def test_a_wrong_token_is_a_new_matter_that_is_marked():
    deliver(letter(), "arende+aaaabbbbccccddddeeee@example.se")
    assert matters()[0].needs_person == ["unknown_token"]


def test_a_revoked_address_makes_a_new_matter(clock):
    deliver(letter())
    (matter,) = matters()
    address = address_of(matter)
    db.session.scalars(select(MailAddress)).one().revoked_at = clock()
    db.session.commit()
    deliver(letter("Mer"), address)
    assert len(matters()) == 2


def test_a_reference_in_the_subject_never_joins_but_is_a_hint():
    deliver(letter())
    (first,) = matters()
    deliver(letter("Mer", subject=f"Re: Kvittens {first.reference}"))
    second = matters()[1]
    assert (second.possible_of_id, second.needs_person) == (first.id, ["possible_supplement"])


def test_an_answer_to_our_own_letter_joins_by_its_message_id():
    deliver(letter())
    (matter,) = matters()
    ours = db.session.scalars(select(OutgoingLetter)).one()
    deliver(letter("Tack!", In_Reply_To=ours.message_id_header))
    assert len(messages(matter)) == 2


def test_a_forged_message_id_of_ours_joins_nothing():
    deliver(letter())
    ours = db.session.scalars(select(OutgoingLetter)).one()
    forged = letters.message_id("receipt", str(ours.id), b"another key", "example.se")
    deliver(letter("Tack!", In_Reply_To=forged))
    assert len(matters()) == 2


def test_an_automatic_letter_is_a_matter_that_gets_no_receipt():
    deliver(letter(Auto_Submitted="auto-replied"))
    assert len(matters()) == 1
    assert db.session.scalars(select(OutgoingLetter)).all() == []


def test_a_letter_that_cannot_be_parsed_is_a_matter_with_the_raw_letter_attached():
    nested = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (level, level)
        for level in range(300)
    )
    raw = b"From: kim@example.com\r\nSubject: Trasigt\r\n" + nested
    deliver(raw)
    (matter,) = matters()
    assert (matter.subject, matter.needs_person) == ("Trasigt", ["unreadable"])
    (file,) = db.session.scalars(select(Attachment)).all()
    assert (file.name, file.sha256) == ("brev.eml", hashlib.sha256(raw).hexdigest())


def test_a_letter_over_the_limit_is_refused_and_leaves_nothing():
    raw = io.BytesIO(b"x" * (settings().tables.files.max_letter_bytes + 1))
    with pytest.raises(FileTooLarge):
        mailroom.receive(raw, mailroom.Envelope("", ("kontakt@example.se",), "127.0.0.1", "smtp"))
    assert list(storage.current().keys()) == []


def test_parsing_again_adds_nothing_twice_and_is_noted():
    deliver(letter(files=(("a.pdf", PDF),)))
    kept = db.session.scalars(select(Letter)).one()
    mailroom.parse_again(kept.id)
    assert len(db.session.scalars(select(Attachment)).all()) == 1
    assert "parsed_again" in db.session.scalars(select(Event.what)).all()


def test_an_unpacked_letter_is_left_alone_by_a_second_worker():
    receive(letter())
    unpack_all()
    unpack_all()
    assert len(matters()) == 1


def test_a_letter_about_violence_at_home_gets_no_receipt_by_mail():
    deliver(letter("Min man slår mig och jag är rädd.", subject="Hjälp"))
    assert matters()[0].category == "nara_relation"
    assert db.session.scalars(select(OutgoingLetter)).all() == []


def test_an_answer_sent_to_the_walled_unit_is_a_matter_there_and_joins_nothing():
    deliver(letter())
    ours = db.session.scalars(select(OutgoingLetter)).one()
    deliver(letter("En polis slog mig.", In_Reply_To=ours.message_id_header), "su@example.se")
    assert len(messages(matters()[0])) == 1
    assert matters()[1].unit_id == "su"


def test_an_answer_to_our_letter_sent_to_two_regions_joins_once():
    deliver(letter())
    ours = db.session.scalars(select(OutgoingLetter)).one()
    deliver(letter("Tack!", In_Reply_To=ours.message_id_header), "syd@example.se", "nord@example.se")
    assert len(matters()) == 1
    assert len(messages(matters()[0])) == 2


def test_a_letter_to_the_walled_unit_stays_there_when_the_rule_had_failed(monkeypatch):
    place = routing.place

    def broken(facts, rules):
        raise ZeroDivisionError

    monkeypatch.setattr(routing, "place", broken)
    deliver(letter("Min cykel stals i Malmö."), "su@example.se")
    monkeypatch.setattr(routing, "place", place)
    job = db.session.scalars(select(Job).where(Job.kind == "place_again")).one()
    claim = outbox.claim(job.id, "test:1:0.00")
    placing.place_again(claim.subject_id, claim)
    db.session.expire_all()
    assert matters()[0].unit_id == "su"


def test_a_letter_to_an_address_revoked_before_it_was_read_gets_one_that_works(clock):
    deliver(letter())
    (matter,) = matters()
    address = db.session.scalars(select(MailAddress)).one()
    address.matter_id, address.draft_id = None, matter.id
    db.session.commit()
    receive(letter("Filen."), f"arende+{address.token}@example.se")
    address.revoked_at = clock()
    db.session.commit()
    unpack_all()
    assert address_of(matters()[1])


def test_a_letter_to_an_answered_matter_shows_it_again():
    deliver(letter())
    (matter,) = matters()
    matter.status = "answered"
    db.session.commit()
    deliver(letter("En fråga till."), address_of(matter))
    db.session.expire_all()
    assert matter.status == "reopened"


def arrive_by_mailbox(raw, own):
    recipients = mailroom.recipients_in(io.BytesIO(raw), own)
    mailroom.receive(io.BytesIO(raw), mailroom.Envelope("", recipients, "", "imap"))
    unpack_all()


def test_no_header_takes_a_letter_out_of_a_walled_units_mailbox():
    deliver(letter())
    ordinary = matters()[0]
    raw = letter("Om en polis", Cc=address_of(ordinary), Message_ID="<su@example.com>")
    arrive_by_mailbox(raw, "su@example.se")
    assert [matter.unit_id for matter in matters()] == [ordinary.unit_id, "su"]
    assert len(messages(ordinary)) == 1


def test_a_mailbox_that_a_letter_names_beside_a_matter_gets_it_too():
    deliver(letter(), "syd@example.se")
    matter = matters()[0]
    named = letter("Till båda", Cc=f"syd@example.se, {address_of(matter)}")
    assert mailroom.recipients_in(io.BytesIO(named), "syd@example.se") == (
        address_of(matter),
        "syd@example.se",
    )
    answered = letter("Svar", Cc=address_of(matter))
    assert mailroom.recipients_in(io.BytesIO(answered), "syd@example.se") == (address_of(matter),)


def test_a_number_across_a_wall_is_not_even_hinted_at():
    deliver(letter("Om en polis"), "su@example.se")
    behind = matters()[0]
    deliver(letter("Hur går det?", subject=behind.reference))
    assert (matters()[1].possible_of_id, matters()[1].needs_person) == (None, [])


def test_receiving_writes_all_of_it_in_one_statement(app):
    statements = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
        receive(letter())
    assert [statement.split()[0] for statement in statements] == ["WITH"]


def test_what_receiving_refuses_leaves_the_connection_as_it_was():
    with pytest.raises(ForeignDomain):
        receive(letter(), "kim@example.org")
    db.session.execute(text("SELECT 1"))
    assert db.session.connection().get_isolation_level() != "AUTOCOMMIT"


def test_an_envelope_of_any_bytes_is_taken():
    receive(letter(), "kontakt@example.se", sender=b"k\xff\0@example.com".decode("utf-8", "surrogateescape"))
    unpack_all()
    assert len(matters()) == 1


def test_a_reading_that_fails_takes_nothing_away(monkeypatch):
    deliver(letter("Viktiga ord"))
    kept = db.session.scalars(select(Letter)).one()

    def fail(*_given, **_limits):
        raise LetterUnreadable("Brevet tog för lång tid att tolka.")

    monkeypatch.setattr(letters, "parse_in_child", fail)
    mailroom.parse_again(kept.id)
    assert messages(matters()[0])[0].text.strip() == "Viktiga ord"
    assert kept.problems == []
    assert db.session.scalars(select(Event).where(Event.what == "parsing_failed")).one()


def test_a_letter_of_very_many_files_to_very_many_places_keeps_them_in_itself(monkeypatch):
    monkeypatch.setattr("intake.mailroom.unpacking.MOST_FILES", 3)
    deliver(letter(files=(("a.pdf", PDF), ("b.pdf", PDF))), "syd@example.se", "nord@example.se")
    names = db.session.scalars(select(Attachment.name)).all()
    assert names == ["brev.eml", "brev.eml"]
    assert all("originalbrevet" in message.problems[-1] for message in db.session.scalars(select(Message)))


@pytest.mark.parametrize("mark", ["auto-replied", "auto-generated"])
def test_that_somebody_is_away_wakes_no_matter(mark, clock):
    deliver(letter())
    matter = matters()[0]
    matter.status, matter.closed_at = "closed", clock()
    db.session.commit()
    deliver(letter("Jag är bortrest", Auto_Submitted=mark), address_of(matter))
    assert len(messages(matter)) == 2
    assert matter.status == ("closed" if mark == "auto-replied" else "reopened")


def test_the_same_words_under_another_subject_are_another_letter():
    deliver(letter(subject="Ett", Message_ID="<a@example.com>"))
    deliver(letter(subject="Två", Message_ID="<a@example.com>"))
    assert [matter.subject for matter in matters()] == ["Ett", "Två"]
