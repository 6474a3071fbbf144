"""Merging: all of a matter goes into another, with what is sent to either, and it can be parted again."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from intake import drafts, exports, ledger
from intake.answers import Answers
from intake.errors import Conflict, NotAllowed
from intake.extensions import db
from intake.matters import answering, arrive, following, merging, uploading, work
from intake.models import Attachment, Event, Handler, Job, MailAddress, Matter, Message, OutgoingLetter
from tests import desk
from tests.letters_home import PDF, Post, address_of, deliver, letter, matters, receive, unpack_all
from tests.meanwhile import begin_before
from workers import process, tasks

BROWSER = "b" * 43


@pytest.fixture
def post():
    return Post()


@pytest.fixture(autouse=True)
def app(make_app, post, monkeypatch):
    app = make_app("citizen", "worker", post=post)
    monkeypatch.setattr(process, "app", lambda: app)
    with app.app_context():
        yield app


@pytest.fixture
def citizen_app(make_app):
    return make_app("citizen")


@pytest.fixture
def anna(make_app):
    owner = make_app("handler", "owner")
    desk.hire(owner, "anna@example.se", *desk.seats("syd"))
    with owner.app_context():
        return db.session.scalars(select(Handler.id)).one()


@pytest.fixture
def do(handler_app, anna):
    """Do an act as a handler on a matter as it stands now: ``do(merging.part_again, matter)``."""

    def act(service, matter, *args, version=None, **options):
        seen = version or fresh(matter).version
        matter_id = matter.id
        db.session.rollback()
        with handler_app.app_context():
            service(work.Act(matter_id, seen, anna), *args, **options)
        db.session.expire_all()

    return act


@pytest.fixture
def merge(do):
    def merge(matter, into, *, codes_lead_on=True, **options):
        do(merging.merge, matter, into.id, codes_lead_on=codes_lead_on, **options)

    return merge


@pytest.fixture
def bring(app, clock):
    """Let a matter come in by form, with these columns changed then."""

    def come(subject="Cykel borta", *, files=(), **values):
        reference = desk.bring(
            app, clock, subject=subject, category="fraga", wants_receipt=False, files=files
        )
        values = {"category": "fraga", "flags": []} | values
        db.session.execute(update(Matter).where(Matter.reference == reference).values(**values))
        db.session.commit()
        return db.session.scalars(select(Matter).where(Matter.reference == reference)).one()

    return come


@pytest.fixture
def kept(bring):
    return bring("Cykel borta")


@pytest.fixture
def gone(bring):
    return bring("Mer om cykeln")


@pytest.fixture
def meanwhile(database, monkeypatch):
    """Let something begin when all has gone and nothing is committed; return what waits for its end."""

    def begin(act):
        db.session.rollback()
        return begin_before(monkeypatch, database.urls["owner"], merging, "_lifted", act)

    return begin


def fresh(matter):
    db.session.expire_all()
    return db.session.get_one(Matter, matter.id)


def texts(matter):
    found = select(Message.text).where(Message.matter_id == matter.id, Message.direction == "incoming")
    return [" ".join(words.split()) for words in db.session.scalars(found.order_by(Message.created_at))]


def events(matter):
    found = select(Event.what).where(Event.matter_id == matter.id)
    return db.session.scalars(found.order_by(Event.at, Event.id)).all()


def key_to(matter):
    key = following.key_of(matter.reference, arrive.mint_status_code(matter.id))
    db.session.commit()
    return key


def opened(citizen_app, key):
    """Return the matter that a key opens for a citizen."""
    with citizen_app.app_context():
        found = following.find(key)
    return found and found.matter_id


def is_whole():
    return ledger.reconcile().is_whole


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

    def test_the_database_lets_nothing_across_a_wall_either(self, kept, bring, handler_app):
        walled = bring(unit_id="su", region=None)
        closed = update(Matter).where(Matter.id == walled.id).values(closed_at=walled.received_at)
        db.session.execute(closed)
        db.session.commit()
        values = {"gone": walled.id, "kept": kept.id}
        with handler_app.app_context(), pytest.raises(DBAPIError, match="across a wall"):
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


class TestWhatComesAfter:
    def test_mail_to_its_address_comes_to_the_other_and_opens_it(self, kept, gone, merge, do):
        address = address_of(gone)
        merge(gone, kept)
        do(work.close, kept, "no_action", "")
        deliver(letter("En sak till."), address)
        assert texts(kept)[-1] == "En sak till."
        assert (fresh(kept).status, fresh(gone).status) == ("reopened", "closed")
        assert is_whole()

    def test_one_letter_to_both_addresses_comes_once(self, kept, gone, merge):
        to = (address_of(gone), address_of(kept))
        merge(gone, kept)
        deliver(letter("Till båda.", Message_ID="<1@example.com>"), *to)
        assert texts(kept).count("Till båda.") == 1

    def test_an_answer_to_a_letter_of_ours_comes_to_the_other(self, kept, gone, merge, do):
        do(work.reply, gone, "Vilken färg?")
        ours = db.session.scalars(select(OutgoingLetter.message_id_header)).one()
        merge(gone, kept)
        deliver(letter("Röd.", In_Reply_To=ours))
        assert texts(kept)[-1] == "Röd."
        assert len(matters()) == 2

    def test_an_answer_on_its_way_goes_where_and_to_whom_it_was_written(self, kept, bring, merge, do, post):
        gone = bring(sender_email="annan@example.com")
        do(work.reply, gone, "Vilken färg?")
        merge(gone, kept)
        send_all()
        (sent,) = post.sent
        assert (sent.message["To"], gone.reference in sent.message["Subject"]) == ("annan@example.com", True)

    def test_an_answer_that_comes_back_is_a_task_in_the_other(self, kept, gone, merge, do):
        do(work.reply, gone, "Vilken färg?")
        merge(gone, kept)
        token = db.session.scalars(
            select(MailAddress.token).where(MailAddress.outgoing_id.is_not(None))
        ).one()
        deliver(letter("Undelivered"), f"studs+{token}@example.se", sender="")
        assert "letter_bounced" in fresh(kept).needs_person

    def test_a_receipt_on_its_way_carries_a_link_that_opens_the_other(self, kept, merge, post, citizen_app):
        deliver(letter("En fråga: när öppnar ni passexpeditionen?", subject="Öppettider"))
        gone = matters()[-1]
        merge(gone, kept)
        send_all()
        (sent,) = post.sent
        reference, _, code = sent.message.get_content().split("folj#")[1].split()[0].partition(".")
        assert reference == gone.reference
        assert opened(citizen_app, following.key_of(reference, code)) == kept.id

    def test_its_number_in_a_subject_names_the_other(self, kept, gone, merge):
        merge(gone, kept)
        deliver(letter(subject=f"Angående {gone.reference}"))
        assert matters()[-1].possible_of_id == kept.id

    def test_what_is_added_on_its_page_comes_to_the_other_and_its_receipt_opens(
        self, kept, gone, merge, citizen_app
    ):
        with citizen_app.app_context():
            draft = drafts.begin(BROWSER, Answers(text="Mer."), supplements_id=gone.id)
        merge(gone, kept)
        with citizen_app.app_context():
            sent = drafts.send(draft, BROWSER)
        assert texts(kept)[-1] == "Mer."
        assert sent.reference == gone.reference
        assert opened(citizen_app, following.key_of(sent.reference, sent.status_code)) == kept.id
        assert is_whole()

    def test_a_letter_that_is_read_in_that_moment_comes_to_the_other(self, app, kept, gone, merge, meanwhile):
        receive(letter("Just nu."), address_of(gone))
        end = meanwhile(lambda: _in(app, unpack_all))
        merge(gone, kept)
        end()
        assert (texts(kept)[-1], texts(gone)) == ("Just nu.", [])
        assert is_whole()

    def test_so_does_a_form_that_is_sent_in_that_moment(self, citizen_app, kept, gone, merge, meanwhile):
        with citizen_app.app_context():
            draft = drafts.begin(BROWSER, Answers(text="Just nu."), supplements_id=gone.id)
        end = meanwhile(lambda: _in(citizen_app, lambda: drafts.send(draft, BROWSER)))
        merge(gone, kept)
        end()
        assert (texts(kept)[-1], texts(gone)) == ("Just nu.", [])
        assert is_whole()

    def test_who_was_first_to_add_makes_the_page_an_older_one(self, kept, gone, merge):
        seen = gone.version
        deliver(letter("Nyss."), address_of(gone))
        with pytest.raises(Conflict):
            merge(gone, kept, version=seen)
        assert len(texts(gone)) == 2


class TestFilesOnTheirWay:
    @pytest.fixture
    def gone(self, uploader):
        """A matter whose form was sent when its file was here and not yet one."""
        uploader.upload()
        uploader.send()
        return matters()[-1]

    def finish(self):
        job = db.session.scalars(select(Job.id).where(Job.kind == "finish_upload")).one()
        db.session.rollback()
        tasks.finish_upload(str(job))
        db.session.expire_all()

    def test_a_file_comes_to_the_other_and_opens_it(self, kept, gone, merge, do):
        merge(gone, kept)
        do(work.close, kept, "no_action", "")
        self.finish()
        assert db.session.scalars(select(Attachment.matter_id)).one() == kept.id
        assert fresh(kept).status == "reopened"
        assert is_whole()

    def test_one_that_is_put_together_in_that_moment_too(self, app, kept, gone, merge, database, monkeypatch):
        ids = gone.id, kept.id
        act = lambda: merge(*(db.session.get_one(Matter, one) for one in ids))  # noqa: E731
        end = begin_before(monkeypatch, database.urls["owner"], uploading, "_attach", lambda: _in(app, act))
        self.finish()
        end()
        assert db.session.scalars(select(Attachment.matter_id)).one() == kept.id
        assert is_whole()

    def test_one_that_is_parted_again_before_comes_back(self, kept, gone, merge, do):
        merge(gone, kept)
        do(merging.part_again, gone)
        self.finish()
        assert db.session.scalars(select(Attachment.matter_id)).one() == gone.id

    def test_one_that_never_came_is_a_task_in_the_other(self, kept, uploader, merge, clock):
        place = uploader.begin()
        uploader.patch(place, 0, b"x" * 100)
        uploader.send()
        merge(matters()[-1], kept)
        clock.at += timedelta(hours=25)
        uploading.give_up()
        assert "file_missing" in fresh(kept).needs_person


class TestCodes:
    def test_its_code_opens_the_other(self, kept, gone, merge, citizen_app):
        key = key_to(gone)
        merge(gone, kept)
        assert opened(citizen_app, key) == kept.id

    def test_unless_it_may_be_somebody_elses(self, kept, gone, merge, citizen_app, handler_app):
        """Whoever names a number in a letter must not come to see what is answered there."""
        key = key_to(gone)
        merge(gone, kept, codes_lead_on=False)
        assert opened(citizen_app, key) == gone.id
        kept_id = kept.id
        with handler_app.app_context():
            assert not answering.has_code(kept_id)

    def test_what_was_told_to_one_is_told_still_and_nothing_of_the_others(
        self, kept, gone, merge, do, citizen_app
    ):
        key = key_to(gone)
        for matter in (kept, gone):
            do(work.reply, matter, f"Svar {matter.reference}.")
        merge(gone, kept, codes_lead_on=False)
        reference = gone.reference
        with citizen_app.app_context():
            assert [answer.text for answer in following.answers(key)] == [f"Svar {reference}."]

    def test_revoking_the_others_codes_ends_it_too(self, kept, gone, merge, do, citizen_app):
        keys = [key_to(gone), key_to(kept)]
        merge(gone, kept)
        do(work.revoke_codes, kept)
        assert [opened(citizen_app, key) for key in keys] == [None, None]

    def test_a_form_begun_with_its_code_leads_there_no_more_either(self, kept, gone, merge, do, citizen_app):
        key_to(gone)
        gone_id = gone.id
        with citizen_app.app_context():
            draft = drafts.begin(BROWSER, Answers(text="Mer."), supplements_id=gone_id)
        merge(gone, kept)
        do(work.revoke_codes, kept)
        with citizen_app.app_context():
            drafts.send(draft, BROWSER)
        assert len(matters()) == 3

    def test_whoever_knows_its_number_may_ask_for_a_new_link(self, kept, gone, merge, citizen_app):
        merge(gone, kept)
        reference = gone.reference
        with citizen_app.app_context():
            following.ask_for_link(reference)
        db.session.expire_all()
        owed = db.session.scalars(select(OutgoingLetter)).one()
        assert (owed.kind, owed.matter_id) == ("status_link", gone.id)

    def test_what_leads_on_does_so_step_by_step(self, kept, gone, bring, merge, citizen_app):
        first = bring()
        key = key_to(first)
        merge(first, gone)
        merge(gone, kept, codes_lead_on=False)
        assert len(texts(kept)) == 3
        assert opened(citizen_app, key) == gone.id

    @pytest.mark.parametrize("by", ["mail", "form"])
    def test_only_what_was_mailed_shows_whose_mailbox_a_code_went_to(self, kept, gone, by, handler_app):
        if by == "mail":
            deliver(letter())
            gone = matters()[-1]
        ids = gone.id, kept.id
        with handler_app.app_context():
            assert merging.goes_to_one_mailbox(*ids) == (by == "mail")


class TestPartingAgain:
    def test_exactly_what_went_comes_back(self, kept, bring, merge, do):
        gone = bring(files=(("kvitto.pdf", PDF),))
        merge(gone, kept)
        deliver(letter("Nytt."), address_of(gone))
        do(merging.part_again, gone)
        assert (len(texts(gone)), texts(kept)[-1]) == (1, "Nytt.")
        assert (fresh(gone).status, fresh(gone).merged_into_id) == ("reopened", None)
        assert db.session.scalars(select(Attachment.matter_id)).one() == gone.id
        assert is_whole()

    def test_its_code_opens_its_own_again(self, kept, gone, merge, do, citizen_app):
        key = key_to(gone)
        merge(gone, kept)
        do(merging.part_again, gone)
        assert opened(citizen_app, key) == gone.id

    def test_those_that_went_into_it_before_go_with_it(self, kept, gone, bring, merge, do):
        first = bring()
        merge(first, gone)
        merge(gone, kept)
        do(merging.part_again, gone)
        assert (len(texts(kept)), len(texts(gone))) == (1, 2)
        do(merging.part_again, first)
        assert (len(texts(gone)), len(texts(first))) == (1, 1)
        assert is_whole()

    def test_one_in_the_middle_can_be_parted_out_first(self, kept, gone, bring, merge, do):
        first = bring()
        merge(first, gone)
        merge(gone, kept)
        do(merging.part_again, first)
        do(merging.part_again, gone)
        assert [len(texts(one)) for one in (kept, gone, first)] == [1, 1, 1]
        assert is_whole()

    def test_an_urgent_one_that_nobody_has_wakes_those_on_duty(self, kept, bring, merge, do):
        gone = bring(priority=1)
        merge(gone, kept)
        do(merging.part_again, gone)
        assert events(gone)[-1] == "alarm_began"

    def test_nothing_is_taken_from_behind_a_wall(self, kept, gone, merge, do):
        merge(gone, kept)
        db.session.execute(update(Matter).where(Matter.id == kept.id).values(unit_id="su"))
        db.session.commit()
        with pytest.raises(NotAllowed, match="sekretessgräns"):
            do(merging.part_again, gone)

    def test_what_is_not_merged_is_not_parted(self, gone, do):
        with pytest.raises(NotAllowed, match="inte sammanfört"):
            do(merging.part_again, gone)

    def test_it_can_be_merged_once_more_the_other_way(self, kept, gone, merge, do):
        merge(gone, kept)
        do(merging.part_again, gone)
        merge(kept, gone)
        assert (len(texts(gone)), texts(kept)) == (2, [])


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
        with handler_app.app_context():
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


def send_all():
    jobs = db.session.scalars(select(Job.id).where(Job.kind == "send_letter", Job.done_at.is_(None))).all()
    db.session.rollback()
    for job in jobs:
        tasks.send_letter(str(job))
    db.session.expire_all()


def _in(app, act):
    with app.app_context():
        act()
