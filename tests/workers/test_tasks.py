"""The tasks: done once, safe to run again, honest when something outside is away."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from psycopg.errors import DeadlockDetected
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from intake import ledger, storage
from intake.errors import PostAway, PostRefused, ScannerAway
from intake.extensions import db
from intake.matters import arrive, incoming, sending
from intake.matters.records import owe_letter
from intake.matters.sending import RECEIPTS_A_DAY
from intake.models import (
    Attachment,
    Event,
    Job,
    MailAddress,
    Matter,
    Message,
    OutgoingLetter,
    StatusCode,
    new_id,
)
from intake.scanner import Scan
from tests.file_samples import PDF
from tests.letters_home import Post, address_of, deliver, letter, matters, receive
from tests.scanners import Scanner
from tests.workers.working import the, work
from workers import process, tasks


@pytest.fixture
def scanner():
    return Scanner()


@pytest.fixture
def post():
    return Post()


@pytest.fixture(autouse=True)
def app(make_app, scanner, post, monkeypatch):
    app = make_app("citizen", "worker", scanner=scanner, post=post)
    monkeypatch.setattr(process, "app", lambda: app)
    with app.app_context():
        yield app


def reply_to(matter, clock, *files, is_told=False):
    """Owe a reply as a handler's answer does."""
    said = Message(
        id=new_id(), matter_id=matter.id, direction="outgoing", channel="email", subject="Svar", text="Hej!",
        problems=[], created_at=clock(), is_told=is_told,
    )  # fmt: skip
    db.session.add(said)
    db.session.flush()
    letter_id = owe_letter("reply", matter.id, "kim@example.com", at=clock(), message_id=said.id)
    kept = [storage.current().put(storage.new_key("draft"), io.BytesIO(data)) for _, data in files]
    given = [
        incoming.IncomingFile(name, one.key, one.size_bytes, one.sha256, "application/pdf")
        for (name, _), one in zip(files, kept, strict=True)
    ]
    arrive.attach(matter.id, said.id, given, at=clock())
    db.session.commit()
    return db.session.get_one(OutgoingLetter, letter_id)


def change(**values):
    """Change the matter meanwhile, as its person or a form does."""
    db.session.execute(update(Matter).values(**values))
    db.session.commit()


def test_a_letter_is_parsed_checked_and_acknowledged(app, post):
    receive(letter(files=(("kvitto.pdf", PDF),)))
    for kind in ("parse_letter", "check_file", "send_letter"):
        work(kind)
    assert (the(Attachment).verdict, the(Attachment).detected_type) == ("not_scanned", "application/pdf")
    assert the(OutgoingLetter).state == "sent"
    assert [sent.recipients for sent in post.sent] == [("kim@example.com",)]
    assert ledger.reconcile().is_whole


def test_running_a_task_twice_does_it_once(app, post):
    deliver(letter())
    job = db.session.scalars(select(Job.id).where(Job.kind == "send_letter")).one()
    tasks.send_letter(str(job))
    tasks.send_letter(str(job))
    assert len(post.sent) == 1


def test_a_file_scanned_clean_is_accepted(app, scanner):
    scanner.answer = Scan(False, None)
    deliver(letter(files=(("a.pdf", PDF),)))
    work("check_file")
    assert the(Attachment).verdict == "accept"


def test_an_infected_file_is_quarantined_and_noted(app, scanner):
    scanner.answer = Scan(True, "Eicar-Test")
    deliver(letter(files=(("a.pdf", PDF),)))
    work("check_file")
    assert the(Attachment).verdict == "quarantine"
    assert "file_quarantined" in db.session.scalars(select(Event.what)).all()


def test_a_file_the_scanner_could_not_see_into_gets_a_warning(app, scanner):
    scanner.answer = Scan(False, "Heuristics.Encrypted.PDF")
    deliver(letter(files=(("a.pdf", PDF),)))
    work("check_file")
    assert the(Attachment).verdict == "warn"


def test_a_file_that_is_not_what_its_name_says_is_quarantined(app):
    deliver(letter(files=(("bild.jpg", b"MZ" + b"\0" * 200),)))
    work("check_file")
    assert the(Attachment).verdict == "quarantine"


def test_with_the_scanner_away_a_file_waits_and_is_never_called_clean(app, scanner, clock):
    scanner.answer = ScannerAway("no answer")
    deliver(letter(files=(("a.pdf", PDF),)))
    work("check_file")
    assert the(Attachment).verdict == "unchecked"
    scanner.answer = Scan(False, None)
    clock.at += timedelta(minutes=5)
    work("check_file")
    assert the(Attachment).verdict == "accept"


def test_a_receipt_says_nothing_of_the_matter(app, post):
    deliver(letter("HEMLIGT ord", subject="KÄNSLIGT ämne", files=(("FILNAMN.pdf", PDF),)))
    work("send_letter")
    (sent,) = post.sent
    words = sent.message.as_string() + sent.message.get_content()
    assert the(Matter).reference in words
    assert address_of(the(Matter)) in words
    assert not any(secret in words for secret in ("HEMLIGT", "KÄNSLIGT", "FILNAMN", "Kim"))
    assert sent.envelope_from == ""


def test_a_receipt_interrupted_goes_again_with_the_same_message_id(app, post, clock):
    deliver(letter())
    owed = the(OutgoingLetter)
    owed.state = "sending"
    db.session.commit()
    work("send_letter")
    assert post.sent[0].message["Message-ID"] == owed.message_id_header


def test_a_reply_interrupted_waits_for_a_person(app, post, clock):
    deliver(letter())
    work("send_letter")
    owed = reply_to(matters()[0], clock)
    owed.state = "sending"
    db.session.commit()
    work("send_letter")
    assert len(post.sent) == 1
    assert (owed.state, the(Matter).needs_person) == ("task", ["reply_not_sent"])


def test_a_refused_reply_is_a_persons_task(app, post, clock):
    deliver(letter())
    work("send_letter")
    owed = reply_to(matters()[0], clock)
    post.failure = PostRefused("550")
    work("send_letter")
    assert (owed.state, the(Matter).needs_person) == ("refused", ["reply_not_sent"])


def test_with_the_mail_server_away_a_reply_is_sent_later_and_once(app, post, clock):
    deliver(letter())
    work("send_letter")
    owed = reply_to(matters()[0], clock)
    post.failure = PostAway("no answer")
    work("send_letter")
    assert owed.state == "owed"
    post.failure, clock.at = None, clock.at + timedelta(minutes=5)
    work("send_letter")
    assert (owed.state, len(post.sent)) == ("sent", 2)


def test_a_reply_cut_off_while_it_left_waits_for_a_person(app, post, clock):
    deliver(letter())
    work("send_letter")
    owed = reply_to(matters()[0], clock)
    post.failure = PostAway("cut off", may_have_gone=True)
    work("send_letter")
    post.failure, clock.at = None, clock.at + timedelta(minutes=5)
    work("send_letter")
    assert (owed.state, len(post.sent)) == ("task", 1)


@pytest.fixture
def database_fails(monkeypatch):
    """Let the database fail the next so many times that something is recorded of a letter."""

    def fail(name, times):
        record, left = getattr(sending, name), list(range(times))

        def failing(*given):
            if left:
                left.pop()
                raise OperationalError("UPDATE", {}, DeadlockDetected())
            record(*given)

        monkeypatch.setattr(sending, name, failing)

    return fail


def test_a_letter_that_left_is_recorded_though_the_database_gave_way_once(owed, post, database_fails):
    waiting = owed()
    database_fails("record_sent", 1)
    work("send_letter")
    assert (waiting.state, len(post.sent), the(Matter).needs_person) == ("sent", 1, [])


def test_so_is_one_that_was_refused_or_did_not_leave(owed, post, database_fails):
    waiting = owed()
    database_fails("give_back", 1)
    database_fails("record_refused", 1)
    post.failure = PostAway("no answer")
    work("send_letter")
    assert waiting.state == "owed"
    post.failure = PostRefused("550")
    work("send_letter")
    assert waiting.state == "refused"


def test_a_reply_that_left_never_goes_again_though_it_could_not_be_recorded(owed, post, database_fails):
    waiting = owed()
    database_fails("record_sent", 2)
    work("send_letter")
    assert (waiting.state, len(post.sent)) == ("sending", 1)
    work("send_letter")
    assert (waiting.state, len(post.sent)) == ("task", 1)
    assert the(Matter).needs_person == ["reply_not_sent"]


def test_an_automatic_letter_then_goes_again_as_the_same_one(app, post, database_fails):
    deliver(letter())
    database_fails("record_sent", 2)
    work("send_letter")
    work("send_letter")
    assert the(OutgoingLetter).state == "sent"
    assert len(post.sent) == 2
    assert len({sent.message["Message-ID"] for sent in post.sent}) == 1


def test_a_bounce_comes_back_as_a_persons_task(app, post, clock):
    deliver(letter())
    work("send_letter")
    owed = reply_to(matters()[0], clock)
    work("send_letter")
    deliver(letter("550 no such user", subject="Undelivered"), post.sent[1].envelope_from, sender="")
    db.session.expire_all()
    assert (owed.state, matters()[0].needs_person) == ("bounced", ["letter_bounced"])
    assert len(matters()) == 1


def test_one_address_gets_only_so_many_receipts_a_day(app, post):
    for number in range(RECEIPTS_A_DAY + 2):
        deliver(letter(f"Nummer {number}"))
    work("send_letter")
    assert len(post.sent) == RECEIPTS_A_DAY
    states = db.session.scalars(select(OutgoingLetter.state)).all()
    assert sorted(states) == ["refused"] * 2 + ["sent"] * RECEIPTS_A_DAY


def test_a_job_that_fails_keeps_the_name_of_its_fault_and_no_more(app, monkeypatch):
    deliver(letter())

    def broken(*_):
        raise ValueError("kim@example.com")

    monkeypatch.setattr(tasks.sending, "begin_sending", broken)
    work("send_letter")
    assert db.session.scalars(select(Job.last_error).where(Job.kind == "send_letter")).one() == "ValueError"


def test_an_outage_of_the_mail_server_uses_up_no_receipts(app, post, clock):
    deliver(letter())
    post.failure = PostAway("no answer")
    for _ in range(RECEIPTS_A_DAY + 3):
        work("send_letter")
        clock.at += timedelta(minutes=5)
    post.failure = None
    work("send_letter")
    assert the(OutgoingLetter).state == "sent"


def test_a_reply_to_an_address_no_letter_can_go_to_is_a_persons_task(app, post, clock):
    deliver(letter())
    work("send_letter")
    owed = reply_to(matters()[0], clock)
    owed.recipient = "kim[x]@example.com"
    change(sender_email="kim[x]@example.com")
    work("send_letter")
    assert (owed.state, owed.why, the(Matter).needs_person) == ("refused", "PostRefused", ["reply_not_sent"])


@pytest.fixture
def owed(app, post, clock):
    """A reply that waits since the mail server is away; its person has had a receipt."""

    def owe(*files, **values):
        deliver(letter())
        work("send_letter")
        owed = reply_to(matters()[0], clock, *files, **values)
        post.sent.clear()
        return owed

    return owe


@pytest.mark.parametrize("values", [{"may_email": False}, {"sender_email": "ny@example.com"}], ids=str)
def test_a_reply_that_waited_goes_nowhere_its_person_no_longer_wants_it(owed, post, values):
    waiting = owed()
    change(**values)
    work("send_letter")
    assert post.sent == []
    assert (waiting.state, the(Matter).needs_person) == ("refused", ["reply_not_sent"])


@pytest.mark.parametrize("values", [{"may_email": False}, {"sender_email": "ny@example.com"}], ids=str)
def test_a_receipt_that_waited_goes_nowhere_its_person_no_longer_wants_it(app, post, values):
    deliver(letter())
    change(**values)
    work("send_letter")
    assert post.sent == []
    assert (the(OutgoingLetter).state, the(Matter).needs_person) == ("refused", [])


@pytest.mark.parametrize(
    "values", [{"flags": ["vulnerable"]}, {"is_neutral": True}, {"category": "tips"}], ids=str
)
def test_a_reply_that_became_delicate_while_it_waited_goes_as_a_notice(owed, post, values):
    waiting = owed(is_told=True)
    change(**values)
    work("send_letter")
    (sent,) = post.sent
    assert "Det finns ett svar till dig" in sent.message.get_content()
    assert (waiting.kind, waiting.state) == ("notice", "sent")


def test_a_reply_that_became_delicate_and_is_not_told_is_a_persons_task(owed, post):
    waiting = owed(is_told=False)
    change(flags=["protected_identity"])
    work("send_letter")
    assert post.sent == []
    assert (waiting.state, the(Matter).needs_person) == ("refused", ["reply_not_sent"])


def test_a_delicate_reply_is_no_notice_while_a_form_may_join_the_letters_matter(owed, post, clock):
    waiting = owed(is_told=True)
    address = db.session.scalars(select(MailAddress).where(MailAddress.outgoing_id.is_(None))).one()
    address.draft_id, address.created_at = new_id(), clock() - timedelta(hours=1)
    change(flags=["vulnerable"])
    codes = len(db.session.scalars(select(StatusCode.id)).all())
    work("send_letter")
    assert post.sent == []
    assert (waiting.kind, waiting.state) == ("reply", "refused")
    assert len(db.session.scalars(select(StatusCode.id)).all()) == codes


def test_a_reply_waits_for_the_check_of_its_files(owed, post, clock):
    waiting = owed(("svar.pdf", PDF))
    work("send_letter")
    assert (post.sent, waiting.state) == ([], "owed")
    work("check_file")
    clock.at += timedelta(minutes=5)
    work("send_letter")
    (sent,) = post.sent
    assert [part.get_filename() for part in sent.message.iter_attachments()] == ["svar.pdf"]


def test_a_reply_with_a_file_in_quarantine_is_a_persons_task(owed, post):
    waiting = owed(("svar.pdf", PDF), ("mer.pdf", PDF))
    db.session.execute(update(Attachment).where(Attachment.position == 1).values(verdict="quarantine"))
    db.session.commit()
    work("send_letter")
    assert post.sent == []
    assert (waiting.state, the(Matter).needs_person) == ("refused", ["reply_not_sent"])
