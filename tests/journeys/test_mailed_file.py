"""A file that cannot be uploaded is mailed instead: where it lands, once, and who may read it afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from intake import ledger
from intake.extensions import db
from intake.matters import following
from intake.models import Attachment, Job, Message, OutgoingLetter, StatusCode
from tests import desk
from tests.citizen.person import STORY, Person
from tests.file_samples import PDF
from tests.letters_home import Post, letter, matters, receive, unpack_all
from workers import process, tasks

SISTER = "Eva Berg <eva@example.org>"
WRONG = "arende+aaaabbbbccccddddeeee@example.se"
ADDRESS = re.compile(r"arende\+[a-z0-9]+@example\.se")
LINK = re.compile(r"/folj#([A-Z0-9-]+)\.([A-Z0-9-]+)")


@dataclass
class Home:
    """A person at the form whose file is refused, a mail program, and what the service then does."""

    person: Person
    post: Post
    worker: Callable

    def tell(self, email="kim@example.com", **contact) -> str:
        """Fill in the form, try the file in vain, and return the address that the page tells."""
        self.person.begin()
        self.person.client.application.extensions["clock"].at += timedelta(minutes=1)
        self.person.fill("amne", group="utsatt")
        self.person.fill("amne/utsatt", choice="brott")
        self.person.fill("plats", place="municipality", municipality="Malmö")
        self.person.fill("handelse", text=STORY)
        self.person.fill("kontakt", email=email, **contact)
        assert self.person.add((b"MZ", "film.exe")).status_code == 422
        return ADDRESS.search(self.person.get("granska").text)[0]

    def mail(self, to: str, sender=SISTER, **words) -> None:
        """Mail the file, and let everything happen that follows."""
        raw = letter(words.get("text", "Här är filen."), sender=sender, files=(("film.pdf", PDF),))
        with self.worker.app_context():
            receive(raw, to, sender=sender)
            receive(raw, to, sender=sender)
            unpack_all()
        self.work()

    def work(self) -> None:
        with self.worker.app_context():
            for job in db.session.scalars(select(Job).where(Job.done_at.is_(None))).all():
                getattr(tasks, job.kind)(str(job.id))

    def send(self) -> tuple[str, str]:
        """Send the form, let everything happen that follows, and return the receipt's number and code."""
        assert self.person.send().status_code == 303
        page = desk.text_of(self.person.get("/kvitto"))
        self.work()
        return re.search(r"Kvittensnummer (\S+)", page)[1], re.search(r"Statuskod (\S+)", page)[1]

    def links(self) -> list[tuple[str, str]]:
        """Return the recipient and the code of every link to a matter that was mailed."""
        return [
            (sent.recipients[0], LINK.search(sent.message.get_content())[2])
            for sent in self.post.sent
            if LINK.search(sent.message.get_content())
        ]

    def look(self, read):
        with self.worker.app_context():
            return read()

    def told(self) -> list[str]:
        """Return who was told anything by mail."""
        return [sent.recipients[0] for sent in self.post.sent]


@pytest.fixture
def home(make_app, clock, monkeypatch):
    post = Post()
    worker = make_app("citizen", "worker", post=post)
    monkeypatch.setattr(process, "app", lambda: worker)
    citizen = make_app("citizen")
    home = Home(Person(citizen.test_client()), post, worker)
    yield home
    with worker.app_context():
        assert ledger.reconcile().is_whole
        assert db.session.scalar(select(func.count()).select_from(Attachment)) == 1


def stands(home):
    """Return the matters, each with how many messages it has and the names of its files."""

    def read():
        found = []
        for matter in matters():
            texts = db.session.scalars(select(Message).where(Message.matter_id == matter.id)).all()
            files = db.session.scalars(select(Attachment.name).where(Attachment.matter_id == matter.id))
            found.append((matter.reference, len(texts), list(files)))
        return found

    return home.look(read)


def sender_of(home):
    return home.look(lambda: matters()[0].sender_email)


def ask_for_link(home, reference):
    with home.person.client.application.app_context():
        following.ask_for_link(reference)
    home.work()


def test_mailed_before_sending_the_form_joins_it_and_only_the_form_may_read(home):
    address = home.tell(mail="yes", wants_receipt="ja")
    home.mail(address)
    assert home.told() == ["eva@example.org"]
    assert home.links() == []
    reference, code = home.send()
    assert stands(home) == [(reference, 2, ["film.pdf"])]
    assert "bekräftelse med e-post" in home.person.get("/kvitto").text
    assert [recipient for recipient, _ in home.links()] == ["kim@example.com"]
    assert sender_of(home) == "kim@example.com"
    assert home.person.client.post("/folj", data={"reference": reference, "code": code}).status_code == 303


def test_the_senders_own_words_stay_with_the_letter(home):
    home.mail(home.tell())
    home.send()
    senders = home.look(lambda: sorted(db.session.scalars(select(Message.sender_email)).all()))
    assert senders == ["eva@example.org", "kim@example.com"]


def test_a_form_without_an_address_leaves_the_letters_sender_none_of_the_matter(home):
    home.mail(home.tell(email=""))
    reference, _ = home.send()
    assert sender_of(home) is None
    ask_for_link(home, reference)
    assert (home.told(), home.links()) == (["eva@example.org"], [])


def test_the_letters_sender_gets_no_link_while_the_form_may_still_come(home):
    home.mail(home.tell(email=""))
    ((reference, _, _),) = stands(home)
    ask_for_link(home, reference)
    assert home.links() == []
    home.send()
    assert home.look(lambda: db.session.scalar(select(func.count()).select_from(StatusCode))) == 1


def test_mailed_after_sending_it_joins_and_its_sender_is_told_nothing(home):
    address = home.tell(mail="yes", wants_receipt="ja")
    reference, _ = home.send()
    home.mail(address)
    assert stands(home) == [(reference, 2, ["film.pdf"])]
    assert home.told() == ["kim@example.com"]
    assert sender_of(home) == "kim@example.com"


def test_never_sent_the_letter_stands_and_what_was_written_is_gone(home, clock):
    home.mail(home.tell())
    clock.at += timedelta(hours=25)
    assert home.look(ledger.expire_drafts) == 1
    ((reference, count, files),) = stands(home)
    assert (count, files) == (1, ["film.pdf"])
    assert home.look(lambda: db.session.scalars(select(Message.text)).one().strip()) == "Här är filen."
    assert home.person.get("granska").status_code == 404
    assert sender_of(home) == "eva@example.org"
    ask_for_link(home, reference)
    assert (home.told(), home.links()) == (["eva@example.org"], [])


def test_mailed_to_an_address_that_never_was_it_is_a_matter_that_a_person_looks_at(home):
    home.tell(email="")
    home.mail(WRONG)
    assert home.look(lambda: matters()[0].needs_person) == ["unknown_token"]
    reference, _ = home.send()
    assert [(count, files) for _, count, files in stands(home)] == [(1, ["film.pdf"]), (1, [])]
    assert reference != stands(home)[0][0]
    assert (home.told(), home.links()) == (["eva@example.org"], [])


@pytest.mark.parametrize("way", ["erased", "expired"])
def test_mailed_to_the_address_of_a_form_that_is_gone_it_is_a_matter_of_its_own(home, clock, way):
    address = home.tell()
    if way == "erased":
        home.person.fill("granska", "rensa")
    else:
        clock.at += timedelta(hours=25)
        home.look(ledger.expire_drafts)
    home.mail(address)
    assert [(count, files) for _, count, files in stands(home)] == [(1, ["film.pdf"])]
    assert home.look(lambda: matters()[0].needs_person) == ["unknown_token"]
    assert home.person.get("granska").status_code == 404
    assert (home.told(), home.links()) == (["eva@example.org"], [])


def test_erased_between_the_letter_and_its_reading_it_gets_no_link_either(home):
    address = home.tell()
    with home.worker.app_context():
        receive(letter("Här är filen.", sender=SISTER, files=(("film.pdf", PDF),)), address)
    home.person.fill("granska", "rensa")
    home.work()
    home.work()
    assert [(count, files) for _, count, files in stands(home)] == [(1, ["film.pdf"])]
    assert (home.told(), home.links()) == (["eva@example.org"], [])


def test_a_forged_sender_neither_reads_nor_turns_the_answers(home):
    address = home.tell(email="kim@example.com", mail="yes", wants_receipt="ja")
    home.mail(address, sender="Kim Berg <kim@example.com.example.org>")
    reference, _ = home.send()
    ask_for_link(home, reference)
    assert sender_of(home) == "kim@example.com"
    assert {recipient for recipient, _ in home.links()} == {"kim@example.com"}
    assert home.told().count("kim@example.com.example.org") == 1


def test_a_receipt_that_waited_does_not_go_to_the_letters_sender_when_the_form_has_come(home):
    address = home.tell(email="")
    raw = letter("Här är filen.", sender=SISTER, files=(("film.pdf", PDF),))
    with home.worker.app_context():
        receive(raw, address)
        unpack_all()
    home.send()
    assert home.told() == []
    assert home.look(lambda: db.session.scalars(select(OutgoingLetter.state)).one()) == "refused"
