"""Drafts: only their own browser's, locked while they change, and gone when they should be."""

from __future__ import annotations

import io
import threading

import pytest
from sqlalchemy import func, select

from intake import drafts, uploads
from intake.answers import Answers
from intake.errors import Conflict, DraftIncomplete, FileTypeRefused, NotFound
from intake.extensions import db
from intake.models import Arrival, Attachment, Draft, DraftFile, MailAddress, Matter, Message
from tests.letters_home import deliver, letter

KEY = "the key of this browser"


@pytest.fixture
def app(make_app):
    app = make_app("citizen")
    with app.app_context():
        yield app


@pytest.fixture
def draft_id(app):
    return drafts.begin(KEY)


def upload(name="foto.jpg", content=b"bild"):
    return uploads.Upload(name, len(content), "image/jpeg", io.BytesIO(content))


def test_a_new_draft_has_a_mail_address_of_its_own(draft_id, seen):
    draft = drafts.get(draft_id, KEY)
    address = seen.scalars(select(MailAddress)).one()
    assert (address.draft_id, address.token) == (draft_id, draft.address_token)
    assert draft.address == f"arende+{address.token}@example.se"


@pytest.mark.parametrize("key", ["another", "", None])
def test_a_draft_is_not_there_for_another_browser(draft_id, key):
    acts = (
        lambda: drafts.get(draft_id, key),
        lambda: drafts.write(draft_id, key, text="x"),
        lambda: uploads.add_file(draft_id, key, upload()),
        lambda: drafts.erase(draft_id, key),
        lambda: drafts.send(draft_id, key),
    )
    for act in acts:
        with pytest.raises(NotFound):
            act()


def test_the_key_itself_is_not_stored(draft_id, seen):
    assert KEY not in seen.scalars(select(Draft.browser_key_hash)).one()


def test_each_change_gives_it_24_hours_more(draft_id, clock):
    clock.at = clock.at.replace(hour=23)
    drafts.write(draft_id, KEY, text="Hej")
    clock.at = clock.at.replace(day=23, hour=22)
    assert drafts.get(draft_id, KEY).answers.text == "Hej"
    clock.at = clock.at.replace(day=23, hour=23, minute=30)
    with pytest.raises(NotFound):
        drafts.write(draft_id, KEY, text="Hej igen")


def test_answers_to_questions_join_the_others_and_an_empty_one_goes(draft_id):
    drafts.write(draft_id, KEY, questions={"who": "En man", "known": "På nätet"})
    drafts.write(draft_id, KEY, questions={"known": "", "amount": "10 kr"})
    drafts.write(draft_id, KEY, text="Hej")
    assert drafts.get(draft_id, KEY).answers.questions == {"who": "En man", "amount": "10 kr"}


def test_what_was_typed_in_a_turn_that_is_over_is_left(draft_id, clock):
    assert drafts.write(draft_id, KEY, turn=0, text="Min") == 0
    assert drafts.write(draft_id, KEY, text="Min cykel är stulen.") == 1
    until = drafts.get(draft_id, KEY).expires_at
    assert drafts.write(draft_id, KEY, turn=0, text="Min cykel") == 1
    draft = drafts.get(draft_id, KEY)
    assert (draft.turn, draft.answers.text, draft.expires_at) == (1, "Min cykel är stulen.", until)


def test_answers_of_another_version_do_not_break_it(draft_id, database, seen):
    seen.scalars(select(Draft)).one().answers = {"text": "Hej", "mood": "glad"}
    seen.commit()
    assert drafts.get(draft_id, KEY).answers == Answers(text="Hej")


def test_a_refused_file_leaves_nothing_in_the_store(app, draft_id):
    with pytest.raises(FileTypeRefused):
        uploads.add_file(draft_id, KEY, upload("fil.exe"))
    assert list(app.extensions["storage"].keys()) == []


def test_a_name_with_nul_is_kept_as_near_as_can_be(draft_id):
    uploads.add_file(draft_id, KEY, upload("a\0b.jpg"))
    uploads.add_file(draft_id, KEY, upload("n" * 100_000 + ".jpg"))
    names = [file.name for file in drafts.get(draft_id, KEY).files]
    assert names[0] == "a\ufffdb.jpg"
    assert (len(names[1]), names[1][-4:]) == (1000, ".jpg")


def test_a_sent_draft_takes_nothing_more(draft_id):
    drafts.write(draft_id, KEY, text="Hej")
    drafts.send(draft_id, KEY)
    with pytest.raises(Conflict):
        drafts.write(draft_id, KEY, text="Ändrat")
    with pytest.raises(Conflict):
        uploads.add_file(draft_id, KEY, upload())


def test_an_empty_draft_is_not_sent(draft_id, seen):
    with pytest.raises(DraftIncomplete):
        drafts.send(draft_id, KEY)
    assert seen.scalar(select(func.count()).select_from(Matter)) == 0


def test_what_is_sent_is_what_was_written(draft_id, seen):
    place = {"place": "online", "place_words": "en annons"}
    drafts.write(draft_id, KEY, group="utsatt", choice="lurad", text="De tog mina pengar.", **place)
    uploads.add_file(draft_id, KEY, upload("bevis.jpg", b"bevis"))
    drafts.send(draft_id, KEY)
    matter = seen.scalars(select(Matter)).one()
    assert (matter.chosen_category, matter.place, matter.place_words) == ("bedrageri", "online", "en annons")
    file, kept = seen.scalars(select(Attachment)).one(), seen.scalars(select(DraftFile)).one()
    assert (file.name, file.storage_key, file.sha256) == ("bevis.jpg", kept.storage_key, kept.sha256)
    assert len(seen.scalars(select(Arrival.digest)).one()) == 64


def test_no_receipt_by_mail_unless_it_was_asked_for(draft_id, seen):
    drafts.write(draft_id, KEY, text="Hej", email="kim@example.com", wants_receipt=False)
    drafts.send(draft_id, KEY)
    assert seen.connection().exec_driver_sql("SELECT count(*) FROM outgoing_letter").scalar() == 0


def test_a_letter_to_the_draft_and_then_the_form_are_one_matter(app, make_app, draft_id, seen):
    drafts.write(draft_id, KEY, text="Det här är formuläret.")
    with make_app("citizen", "worker").app_context():
        deliver(letter("Det här är brevet."), address_of_draft(seen))
    accepted = drafts.send(draft_id, KEY)
    assert seen.scalars(select(Matter.id)).one() == accepted.matter_id
    assert seen.scalar(select(func.count()).select_from(Message)) == 2


def address_of_draft(seen):
    return f"arende+{seen.scalars(select(MailAddress.token)).one()}@example.se"


def test_two_sends_at_once_give_one_matter(app, draft_id, seen):
    drafts.write(draft_id, KEY, text="Hej")
    references = []

    def send():
        with app.app_context():
            references.append(drafts.send(draft_id, KEY).reference)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(references) == 4
    assert set(references) == {seen.scalars(select(Matter.reference)).one()}


def test_adding_waits_for_sending_and_is_then_refused(app, draft_id, seen):
    """Neither can a file slip into a form that is being sent, nor be lost without a word."""
    drafts.write(draft_id, KEY, text="Hej")
    held = db.session.scalar(select(Draft).where(Draft.id == draft_id).with_for_update())
    outcome = []

    def add():
        with app.app_context():
            try:
                uploads.add_file(draft_id, KEY, upload())
            except Conflict:
                outcome.append("refused")

    thread = threading.Thread(target=add)
    thread.start()
    drafts.send(held.id, KEY)
    thread.join()
    assert outcome == ["refused"] or seen.scalar(select(func.count()).select_from(Attachment)) == 1
