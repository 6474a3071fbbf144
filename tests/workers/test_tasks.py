"""The tasks: done once, safe to run again, honest when something outside is away."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from intake import ledger, outbox
from intake.codes import new_token
from intake.errors import PostAway, PostRefused, ScannerAway
from intake.extensions import db
from intake.matters.sending import RECEIPTS_A_DAY
from intake.models import Attachment, Event, Job, MailAddress, Matter, Message, OutgoingLetter, new_id
from intake.scanner import Scan
from tests.letters_home import PDF, Post, address_of, deliver, letter, matters, receive
from workers import process, tasks


class Scanner:
    """A scanner whose answer is set."""

    name = "test"
    answer: object = None

    def scan(self, _path):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


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


def work(kind):
    """Run every open job of a kind, as a worker would."""
    jobs = db.session.scalars(select(Job.id).where(Job.kind == kind, Job.done_at.is_(None))).all()
    db.session.rollback()
    for job in jobs:
        getattr(tasks, kind)(str(job))
    db.session.expire_all()


def the(table):
    return db.session.scalars(select(table)).one()


def reply_to(matter, clock):
    """Owe a reply as a handler's answer does."""
    said = Message(
        id=new_id(), matter_id=matter.id, direction="outgoing", channel="email", subject="Svar", text="Hej!",
        problems=[], created_at=clock(),
    )  # fmt: skip
    owed = OutgoingLetter(
        id=new_id(), matter_id=matter.id, message_id=said.id, kind="reply", recipient="kim@example.com",
        message_id_header=f"<{new_id()}@example.se>", created_at=clock(),
    )  # fmt: skip
    db.session.add_all([said, owed])
    db.session.add(
        MailAddress(
            id=new_id(), token=new_token(), matter_id=matter.id, outgoing_id=owed.id, created_at=clock()
        )
    )
    outbox.add("send_letter", owed.id)
    db.session.commit()
    return owed


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
    db.session.commit()
    work("send_letter")
    assert (owed.state, the(Matter).needs_person) == ("refused", ["reply_not_sent"])
