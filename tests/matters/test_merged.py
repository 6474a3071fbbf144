"""What follows a merged matter: all that its addresses, its forms, its files and its codes still bring."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from intake import drafts
from intake.errors import Conflict
from intake.extensions import db
from intake.matters import answering, following, merging, uploading, work
from intake.models import Attachment, Job, MailAddress, Matter, OutgoingLetter
from tests import desk
from tests.letters_home import address_of, deliver, letter, matters, receive, unpack_all
from tests.matters.mailing import begin_supplement, key_to, send_all
from tests.matters.standing import BROWSER, fresh, is_whole, opened, texts
from tests.meanwhile import begin_before
from workers import tasks


@pytest.fixture
def meanwhile(database, monkeypatch):
    """Let something begin when all has gone and nothing is committed; return what waits for its end."""

    def begin(act):
        db.session.rollback()
        return begin_before(monkeypatch, database.urls["owner"], merging, "_lifted", act)

    return begin


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
        draft = begin_supplement(citizen_app, gone, BROWSER)
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
        draft = begin_supplement(citizen_app, gone, BROWSER, "Just nu.")
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


@pytest.mark.usefixtures("app")
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

    def test_unless_it_may_be_somebody_elses(self, kept, gone, merge, citizen_app, handler_app, anna):
        """Whoever names a number in a letter must not come to see what is answered there."""
        key = key_to(gone)
        merge(gone, kept, codes_lead_on=False)
        assert opened(citizen_app, key) == gone.id
        kept_id = kept.id
        with desk.seated(handler_app, anna, kept_id):
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
        draft = begin_supplement(citizen_app, gone, BROWSER)
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
    def test_only_what_was_mailed_shows_whose_mailbox_a_code_went_to(self, kept, gone, by, handler_app, anna):
        if by == "mail":
            deliver(letter())
            gone = matters()[-1]
        ids = gone.id, kept.id
        with desk.seated(handler_app, anna, *ids):
            assert merging.goes_to_one_mailbox(*ids) == (by == "mail")


def _in(app, act):
    with app.app_context():
        act()
