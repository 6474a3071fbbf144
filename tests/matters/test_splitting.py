"""Splitting: a part becomes a matter of its own, its parent alone speaks, and a mistake is taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from intake.errors import Conflict, NotAllowed
from intake.extensions import db
from intake.matters import following, splitting, work
from intake.matters.splitting import Part
from intake.models import Attachment, DiaryEntry, Handler, Job, Matter, MatterUnit, Message
from tests import desk
from tests.file_samples import PDF
from tests.matters.mailing import act, key_to
from tests.matters.standing import events, fresh, is_whole, texts
from workers import tasks


@pytest.fixture
def parent(bring):
    return bring(files=(("kvitto.pdf", PDF),))


@pytest.fixture
def split(do):
    """Split a part off a matter, and return the new matter."""

    def split(matter, **values):
        part = Part(**({"subject": "Hittegods", "words": "En väska.", "unit": "syd-inkorg"} | values))
        do(splitting.split, matter, part)
        return db.session.scalars(select(Matter).order_by(Matter.received_at.desc(), Matter.id)
                                  .where(Matter.subject == part.subject)).first()  # fmt: skip

    return split


def carry():
    for job in db.session.scalars(
        select(Job.id).where(Job.kind == "tell_parent", Job.done_at.is_(None))
    ).all():
        db.session.rollback()
        tasks.tell_parent(str(job))
    db.session.expire_all()


def said_in(matter):
    said = select(Message).where(Message.matter_id == matter.id)
    return db.session.scalars(said.order_by(Message.created_at, Message.id)).all()


def notes_of(matter):
    return [message.text for message in said_in(matter) if message.direction == "note"]


def test_what_was_chosen_is_copied_and_the_parent_stands_as_it_stood(parent, split):
    before = (fresh(parent).status, fresh(parent).due_at, texts(parent))
    message, file = said_in(parent)[0], db.session.scalars(select(Attachment)).one()
    child = split(parent, message_ids=(message.id,), file_ids=(file.id,))
    note = said_in(child)[0]
    assert (note.direction, "En väska." in note.text, message.text in note.text) == ("note", True, True)
    copied = db.session.scalars(select(Attachment).where(Attachment.matter_id == child.id)).one()
    assert (copied.sha256, copied.storage_key != file.storage_key) == (file.sha256, True)
    assert (fresh(parent).status, fresh(parent).due_at, texts(parent)) == before
    assert is_whole()


def test_the_status_page_tells_what_it_told_before(parent, split, citizen_app):
    key = key_to(parent)

    def told():
        with citizen_app.app_context():
            return following.get(key), following.answers(key)

    before = told()
    split(parent)
    assert told() == before


def test_a_child_has_a_number_a_place_a_clock_and_nobody_to_write_to(parent, split, clock):
    child = split(parent, category="fraga")
    numbers = db.session.scalars(select(DiaryEntry.number).order_by(DiaryEntry.number)).all()
    assert numbers == [1, 2]
    assert (child.category, child.reference != parent.reference) == ("fraga", True)
    assert (child.due_at is not None, child.sender_email, child.may_email) == (True, None, False)
    assert (events(child), events(parent)[-1]) == (["split_from"], "split")


def test_its_clock_began_when_the_question_came(parent, split, clock):
    came_at, message = parent.received_at, said_in(parent)[0]
    clock.at += timedelta(days=3)
    assert split(parent, message_ids=(message.id,)).received_at == came_at


def test_nobody_answers_from_a_child(parent, split, do):
    with pytest.raises(NotAllowed, match="huvudärendet"):
        do(work.reply, split(parent), "Hej")


def test_a_protected_person_stays_protected_in_the_child(bring, split):
    assert "protected_identity" in split(bring(flags=["protected_identity"])).flags


def test_nothing_at_all_is_no_part(parent, do):
    with pytest.raises(NotAllowed, match="Välj ett meddelande"):
        do(splitting.split, parent, Part(subject="Tomt", words=" "))


def test_a_part_is_not_split_again(parent, split, do):
    with pytest.raises(NotAllowed, match="huvudärendet"):
        do(splitting.split, split(parent), Part(subject="Mer", words="Mer."))


def test_a_file_in_quarantine_does_not_go_along(parent, do):
    db.session.execute(update(Attachment).values(verdict="quarantine"))
    db.session.commit()
    file = db.session.scalars(select(Attachment.id)).one()
    with pytest.raises(NotAllowed, match="karantän"):
        do(splitting.split, parent, Part(subject="Fil", words="", file_ids=(file,)))


def test_another_matters_message_is_not_taken(parent, bring, do):
    other = said_in(bring())[0]
    with pytest.raises(NotAllowed, match="Välj ett meddelande"):
        do(splitting.split, parent, Part(subject="Annat", words="", message_ids=(other.id,)))


def test_nothing_goes_behind_a_wall_by_the_rule_alone(parent, do, split):
    with pytest.raises(NotAllowed, match="sekretessgräns"):
        do(splitting.split, parent, Part(subject="SU", words="En polis slog mig.", category="su"))
    child = split(parent, category="su", unit="su")
    stands = select(MatterUnit.unit_id).where(MatterUnit.matter_id == child.id, MatterUnit.until.is_(None))
    assert (child.unit_id, db.session.scalars(stands).all()) == ("su", ["su"])
    assert is_whole()


def test_nothing_leaves_a_wall_by_being_split(bring, do, make_app, handler_app, seen):
    inside = bring()
    do(work.move, inside, "su", "Hör dit")
    desk.hire(make_app("handler", "owner"), "sara@example.se", ("su", "handler"), name="Sara Su")
    sara = seen.scalars(select(Handler.id).where(Handler.email == "sara@example.se")).one()
    with pytest.raises(NotAllowed, match="stannar hos er"):
        act(handler_app, inside, sara, splitting.split, Part(subject="Ut", words="x", unit="syd-inkorg"))
    act(handler_app, inside, sara, splitting.split, Part(subject="Kvar", words="Stulen cykel i Malmö."))
    assert db.session.scalars(select(Matter.unit_id).where(Matter.subject == "Kvar")).all() == ["su"]


def test_nobodys_matter_is_merged_into_one_that_answers_nobody(parent, split, bring, merge):
    child, other = split(parent), bring()
    with pytest.raises(NotAllowed, match="delärende"):
        merge(other, child)
    merge(split(parent, subject="En till"), child)


def test_of_two_who_split_at_once_one_does(parent, split, handler_app, anna):
    version = fresh(parent).version
    split(parent)
    with pytest.raises(Conflict):
        act(handler_app, parent, anna, splitting.split, Part(subject="Två", words="Två"), version=version)
    assert db.session.scalars(select(Matter.subject).where(Matter.subject == "Två")).all() == []


def test_a_mistake_is_closed_as_one_and_keeps_its_number(parent, split, do):
    child = split(parent)
    do(splitting.undo, child)
    assert (fresh(child).status, fresh(child).due_at) == ("closed", None)
    assert (events(child)[-1], events(parent)[-1]) == ("split_undone", "child_undone")
    split(parent, subject="Igen")
    assert db.session.scalars(select(DiaryEntry.number).order_by(DiaryEntry.number)).all() == [1, 2, 3]


def test_after_a_day_it_is_no_mistake_any_more(parent, split, do, clock):
    child = split(parent)
    clock.at += timedelta(days=1, minutes=1)
    with pytest.raises(NotAllowed, match="längre"):
        do(splitting.undo, child)


def test_its_outcome_is_told_to_the_parent_which_opens_for_it(parent, split, do):
    child = split(parent)
    do(work.close, parent, "answered", "")
    do(splitting.tell_outcome, child, "Väskan är hittad.")
    carry()
    assert (fresh(parent).status, fresh(parent).needs_person) == ("reopened", ["child_told"])
    assert fresh(parent).due_at is not None
    assert notes_of(parent)[-1] == f"Besked från {child.reference}:\n\nVäskan är hittad."


def test_it_is_told_once_however_often_the_job_comes(parent, split, do):
    child = split(parent)
    do(splitting.tell_outcome, child, "Klart.")
    carry()
    db.session.execute(update(Job).where(Job.kind == "tell_parent").values(done_at=None))
    db.session.commit()
    carry()
    assert len([each for each in notes_of(parent) if "Klart." in each]) == 1


def test_it_is_told_to_what_the_parent_went_into(parent, split, do, bring, merge):
    child, kept = split(parent), bring()
    merge(parent, kept)
    do(splitting.tell_outcome, child, "Klart.")
    carry()
    assert "Klart." in notes_of(kept)[-1]


def test_nothing_is_told_across_a_wall(parent, split, do):
    child = split(parent)
    db.session.execute(update(Matter).where(Matter.id == child.id).values(unit_id="su"))
    db.session.commit()
    with pytest.raises(NotAllowed, match="Inget besked"):
        do(splitting.tell_outcome, child, "Klart.")


def test_nor_when_the_wall_came_between_meanwhile(parent, split, do):
    child, before = split(parent), notes_of(parent)
    do(splitting.tell_outcome, child, "Klart.")
    db.session.execute(update(Matter).where(Matter.id == child.id).values(unit_id="su"))
    db.session.commit()
    carry()
    assert (notes_of(parent), fresh(child).needs_person) == (before, ["outcome_not_told"])
