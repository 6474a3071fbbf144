"""Merging: all of a matter goes into another, and what may not."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import create_engine, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from intake import drafts, exports
from intake.answers import Answers
from intake.errors import Conflict, NotAllowed
from intake.extensions import db
from intake.matters import merging, work
from intake.models import Attachment, Matter, Message
from tests import desk
from tests.file_samples import PDF
from tests.letters_home import deliver, letter, matters
from tests.matters.standing import BROWSER, events, fresh, is_whole, texts


class TestWhatGoes:
    def test_all_that_was_said_stands_in_the_other_and_its_files_with_it(self, bring, kept, merge):
        gone = bring(files=(("kvitto.pdf", PDF),))
        merge(gone, kept)
        assert (len(texts(kept)), texts(gone)) == (2, [])
        assert db.session.scalars(select(Attachment.matter_id)).one() == kept.id
        assert is_whole()

    def test_the_other_is_closed_and_keeps_its_number_and_history(self, kept, gone, merge):
        reference = gone.reference
        merge(gone, kept)
        gone = fresh(gone)
        assert (gone.status, gone.reference, gone.merged_into_id) == ("closed", reference, kept.id)
        assert (events(gone)[-1], "merged_from" in events(kept)) == ("merged_into", True)

    def test_a_closed_matter_opens_for_what_is_new(self, kept, gone, merge, do):
        do(work.close, kept, "no_action", "")
        merge(gone, kept)
        assert (fresh(kept).status, fresh(kept).closed_at) == ("reopened", None)

    def test_what_was_done_with_already_opens_nothing(self, kept, gone, merge, do):
        do(work.close, kept, "no_action", "")
        do(work.close, gone, "no_action", "")
        merge(gone, kept)
        assert fresh(kept).status == "closed"

    def test_the_more_pressing_priority_and_all_flags_count_and_those_on_duty_are_told(
        self, kept, bring, merge
    ):
        gone = bring(priority=1, flags=["emergency_now", "vulnerable"])
        merge(gone, kept)
        assert (fresh(kept).priority, fresh(kept).flags) == (1, ["emergency_now", "vulnerable"])
        assert events(kept).count("alarm_began") == 1

    def test_whoever_has_the_matter_is_asked_to_look_at_new_danger(self, kept, bring, merge, do):
        do(work.take, kept)
        merge(bring(priority=1, flags=["emergency_now"]), kept)
        assert fresh(kept).needs_person == ["danger_in_message"]
        assert "alarm_began" not in events(kept)

    def test_what_needed_a_person_does_so_in_the_other(self, kept, bring, merge):
        merge(bring(needs_person=["unreadable", "possible_supplement"]), kept)
        assert fresh(kept).needs_person == ["unreadable"]

    def test_who_wants_no_mail_in_one_gets_none_in_both(self, kept, bring, merge):
        merge(bring(may_email=False, is_neutral=True), kept)
        assert (fresh(kept).may_email, fresh(kept).is_neutral) == (False, True)

    def test_what_another_person_wishes_changes_nothing(self, kept, bring, merge):
        merge(bring(may_email=False, sender_email="annan@example.com"), kept)
        assert fresh(kept).may_email


class TestWhatIsRefused:
    def test_nothing_goes_across_a_wall(self, kept, bring, merge):
        walled = bring(unit_id="su", region=None)
        for one, other in ((walled, kept), (kept, walled)):
            with pytest.raises(NotAllowed, match="sekretessgräns"):
                merge(one, other)
        assert (len(texts(kept)), len(texts(walled))) == (1, 1)

    def test_the_database_lets_nothing_across_a_wall_either(self, kept, bring, make_app):
        owner_app = make_app("handler", "owner")
        walled = bring(unit_id="su", region=None)
        closed = update(Matter).where(Matter.id == walled.id).values(closed_at=walled.received_at)
        db.session.execute(closed)
        db.session.commit()
        values = {"gone": walled.id, "kept": kept.id}
        with owner_app.app_context(), pytest.raises(DBAPIError, match="across a wall"):
            db.session.execute(text("SELECT merge_matters(:gone, :kept, true)"), values)

    def test_a_matter_goes_into_one_and_not_into_itself(self, kept, gone, bring, merge):
        with pytest.raises(NotAllowed, match="samma ärende"):
            merge(kept, kept)
        merge(gone, kept)
        with pytest.raises(NotAllowed, match="redan sammanfört"):
            merge(gone, bring())
        with pytest.raises(NotAllowed, match="självt sammanfört"):
            merge(kept, gone)

    def test_a_matter_whose_form_may_still_come_waits(self, kept, merge, citizen_app):
        """The form would take its sender over, and be given a code to all of it."""
        with citizen_app.app_context():
            draft = drafts.begin(BROWSER, Answers(text="Mitt."))
            address = drafts.get(draft, BROWSER).address
        deliver(letter(), address)
        gone = matters()[-1]
        for one, other in ((gone, kept), (kept, gone)):
            with pytest.raises(NotAllowed, match="formulär som inte är skickat"):
                merge(one, other)

    def test_who_had_an_older_page_is_told(self, kept, gone, merge, do):
        seen = gone.version
        do(work.take, gone)
        with pytest.raises(Conflict):
            merge(gone, kept, version=seen)

    def test_a_merged_matter_opens_only_by_being_parted(self, kept, gone, merge, do):
        merge(gone, kept)
        with pytest.raises(NotAllowed, match="sammanfört"):
            do(work.reopen, gone)

    def test_a_note_on_a_merged_matter_is_seen_where_it_went(self, kept, gone, merge, do):
        merge(gone, kept)
        do(work.write_note, gone, "ringde")
        noted = select(Message.matter_id).where(Message.direction == "note")
        assert db.session.scalars(noted).one() == kept.id


def test_two_behind_the_same_wall_may_be_merged(bring, merge):
    gone, kept = bring(unit_id="su"), bring(unit_id="su")
    merge(gone, kept)
    assert len(texts(kept)) == 2


def test_an_export_tells_where_a_matter_went(kept, gone, merge):
    merge(gone, kept)
    told = exports.show(gone.reference)
    assert (told["merged_into"], told["messages"]) == (kept.reference, [])


def test_a_letter_that_does_not_belong_is_marked_no_more(bring, kept, do):
    gone = bring(possible_of_id=kept.id, needs_person=["possible_supplement", "unreadable"])
    do(merging.dismiss, gone)
    assert (fresh(gone).needs_person, fresh(gone).possible_of_id) == (["unreadable"], None)
    with pytest.raises(NotAllowed, match="redan avgjort"):
        do(merging.dismiss, gone)


def test_of_two_that_go_into_each_other_at_once_one_wins(kept, gone, handler_app, anna):
    acts = [(gone, kept), (kept, gone)]
    ready = [(work.Act(one.id, one.version, anna), other.id) for one, other in acts]
    db.session.rollback()
    ended = []

    def go(act, into_id):
        with desk.seated(handler_app, anna, act.matter_id, into_id):
            try:
                merging.merge(act, into_id, codes_lead_on=False)
                ended.append("merged")
            except (Conflict, NotAllowed):
                db.session.rollback()
                ended.append("refused")

    threads = [threading.Thread(target=go, args=one) for one in ready]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == ["merged", "refused"]
    assert is_whole()


@pytest.mark.parametrize("role", ["citizen", "worker"])
def test_only_handlers_merge(database, role):
    with (
        create_engine(database.urls[role], poolclass=NullPool).connect() as connection,
        pytest.raises(DBAPIError, match="permission denied"),
    ):
        connection.execute(text("SELECT merge_matters(gen_random_uuid(), gen_random_uuid(), true)"))
