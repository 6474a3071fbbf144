"""What a handler asks and tells: it goes the way that is safe, and goes again when it did not arrive."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select, update

from intake import drafts
from intake.answers import Answers
from intake.errors import Conflict, NotAllowed, PostRefused
from intake.extensions import db
from intake.matters import following, work
from intake.models import Event, MailAddress, Matter, OutgoingLetter
from tests import desk
from tests.letters_home import address_of, deliver, letter, matters
from tests.matters.mailing import LINK, act, key_to, secret_in, send_all

SECRETS = ("ORDEN", "Cykel", "Kim", "Exempelgatan")
ORDINARY, NEUTRAL = {}, {"is_neutral": True}
DAY = date(2026, 12, 1)


def told(citizen_app, sent):
    """Return what the link of a letter leads to."""
    with citizen_app.app_context():
        key = following.key_of(*secret_in(sent).split("."))
        return [answer.text for answer in following.answers(key)]


def the(column):
    return db.session.scalars(select(column)).one()


class TestSupplements:
    @pytest.fixture
    def ask(self, handler_app, anna):
        def ask(matter, text="ORDEN: vilket ramnummer?", deadline=None):
            act(handler_app, matter, anna, work.ask_supplement, text, deadline=deadline)

        return ask

    def test_the_words_go_whole_with_a_way_to_answer(self, bring, ask, post, citizen_app):
        matter = bring()
        ask(matter)
        send_all()
        (sent,) = post.sent
        assert "ORDEN: vilket ramnummer?" in sent.message.get_content()
        assert sent.message["Subject"] == f"Fråga om ditt ärende {matter.reference}"
        assert sent.message["Reply-To"] == address_of(matter)
        assert sent.message["Auto-Submitted"] is None
        assert told(citizen_app, sent) == ["ORDEN: vilket ramnummer?"]

    def test_the_matter_waits_for_the_person_and_is_somebodys(self, bring, ask, anna):
        matter = bring()
        ask(matter, deadline=DAY)
        assert (matter.status, matter.handler_id) == ("awaiting_citizen", anna)
        event = db.session.scalars(select(Event).where(Event.what == "supplement_asked")).one()
        assert (event.detail["way"], event.detail["deadline"]) == ("mail", "2026-12-01")

    def test_where_mail_is_not_safe_it_says_only_that_something_is_needed(
        self, bring, ask, post, citizen_app
    ):
        matter = bring(flags=["vulnerable"])
        ask(matter)
        send_all()
        (sent,) = post.sent
        words = sent.message.get_content()
        assert "Vi behöver något mer från dig" in words
        assert not any(secret in sent.message.as_string() + words for secret in SECRETS)
        assert sent.message["Subject"] == f"Meddelande {matter.reference}"
        assert sent.message["Auto-Submitted"] == "auto-generated"
        assert told(citizen_app, sent) == ["ORDEN: vilket ramnummer?"]

    def test_the_day_is_told_in_the_persons_language_by_mail_and_on_the_page(
        self, bring, ask, post, citizen_app
    ):
        ask(bring(language="en"), deadline=DAY)
        send_all()
        (sent,) = post.sent
        assert "Please answer by 1 December 2026." in sent.message.get_content()
        assert told(citizen_app, sent) == [
            "ORDEN: vilket ramnummer?\n\nPlease answer by 1 December 2026.",
        ]

    def test_a_day_that_has_been_is_refused(self, bring, ask, clock):
        with pytest.raises(NotAllowed, match="har redan varit"):
            ask(bring(), deadline=clock.at.date() - timedelta(days=1))
        ask(bring(), deadline=clock.at.date())

    def test_a_question_that_would_reach_nobody_is_refused(self, bring, ask):
        with pytest.raises(NotAllowed, match="når ingen"):
            ask(bring(sender_email=None))

    def test_who_has_a_code_and_no_mail_reads_it_on_the_page(self, bring, ask, post, citizen_app):
        matter = bring(may_email=False)
        its_key = key_to(matter)
        ask(matter)
        send_all()
        assert post.sent == []
        with citizen_app.app_context():
            assert len(following.answers(its_key)) == 1

    def test_an_answer_by_mail_ends_the_waiting(self, bring, ask, post):
        matter = bring()
        ask(matter)
        send_all()
        deliver(letter("Ramnummer 123."), str(post.sent[0].message["Reply-To"]))
        db.session.expire_all()
        assert matter.status == "in_progress"

    def test_a_question_and_word_of_a_delay_are_told_and_are_no_answer(
        self, bring, handler_app, anna, ask, citizen_app
    ):
        matter = bring()
        its_key = key_to(matter)
        ask(matter)
        act(handler_app, matter, anna, work.tell_delay, "Det tar längre tid.")
        with citizen_app.app_context():
            assert (len(following.answers(its_key)), following.get(its_key).answered_at) == (2, None)
        act(handler_app, matter, anna, work.reply, "Ja.")
        with citizen_app.app_context():
            assert following.get(its_key).answered_at is not None

    @pytest.mark.usefixtures("app")
    def test_while_a_form_may_join_the_letters_matter_no_link_is_mailed(self, citizen_app, ask, post):
        with citizen_app.app_context():
            address = drafts.get(drafts.begin("key", Answers(text="Hej!")), "key").address
        deliver(letter("En fråga om öppettider i Malmö."), address)
        db.session.execute(update(Matter).values(category="fraga", flags=[]))
        db.session.commit()
        ask(matters()[0])
        send_all()
        texts = [sent.message.get_content() for sent in post.sent]
        (words,) = [text for text in texts if "ORDEN" in text]
        assert LINK.search(words) is None


class TestDelays:
    @pytest.mark.parametrize(
        ("values", "subject"), [(ORDINARY, "Besked om ditt ärende {}"), (NEUTRAL, "Hej")], ids=str
    )
    def test_a_delay_is_told_and_the_matter_stands(self, bring, handler_app, anna, post, values, subject):
        matter = bring(**values)
        act(handler_app, matter, anna, work.tell_delay, "ORDEN: vi väntar på ett register.")
        send_all()
        (sent,) = post.sent
        assert (matter.status, sent.message["Subject"]) == ("registered", subject.format(matter.reference))
        assert ("ORDEN" in sent.message.get_content()) == (not values)
        assert "delay_told" in db.session.scalars(select(Event.what)).all()

    def test_a_neutral_delay_says_that_it_takes_longer_and_where_to_read_more(
        self, bring, handler_app, anna, post, citizen_app
    ):
        act(handler_app, bring(**NEUTRAL), anna, work.tell_delay, "ORDEN")
        send_all()
        (sent,) = post.sent
        assert "Det tar längre tid än vi trodde" in sent.message.get_content()
        assert "Exempelmyndigheten" not in sent.message.get_content()
        assert told(citizen_app, sent) == ["ORDEN"]


@pytest.mark.parametrize("values", [ORDINARY, NEUTRAL], ids=["whole", "told of"])
@pytest.mark.parametrize("kind", ["reply", "ask_supplement", "tell_delay"])
def test_every_letter_of_a_handler_has_a_return_path_of_its_own(bring, handler_app, anna, post, kind, values):
    options = {"deadline": None} if kind == "ask_supplement" else {}
    act(handler_app, bring(**values), anna, getattr(work, kind), "Hej!", **options)
    send_all()
    token = db.session.scalars(select(MailAddress.token).where(MailAddress.outgoing_id.is_not(None))).one()
    assert post.sent[0].envelope_from == f"studs+{token}@example.se"


class TestSentAgain:
    @pytest.fixture
    def refused(self, bring, handler_app, anna, post):
        """A matter whose reply was refused for good, and that letter."""

        def refuse(**values):
            matter = bring(**values)
            act(handler_app, matter, anna, work.reply, "SVARET")
            post.failure = PostRefused("nej", "550 5.1.1")
            send_all()
            post.failure = None
            return matter, the(OutgoingLetter)

        return refuse

    @pytest.fixture
    def again(self, handler_app, anna):
        return lambda matter, one: act(handler_app, matter, anna, work.send_again, one.id)

    @pytest.mark.parametrize("state", ["refused", "bounced", "task"])
    def test_what_did_not_arrive_goes_to_where_the_person_is_now(self, refused, again, post, state):
        matter, first = refused()
        first.state, matter.sender_email = state, "ny@example.org"
        db.session.commit()
        again(matter, first)
        send_all()
        (sent,) = post.sent
        second = db.session.get_one(OutgoingLetter, first.again_id)
        assert sent.recipients == ("ny@example.org",)
        assert "SVARET" in sent.message.get_content()
        assert (second.state, second.message_id, first.state) == ("sent", first.message_id, state)
        assert sent.message["Message-ID"] == second.message_id_header != first.message_id_header
        tokens = select(MailAddress.token).where(MailAddress.outgoing_id == second.id)
        assert sent.envelope_from == f"studs+{db.session.scalars(tokens).one()}@example.se"
        assert "sent_again" in db.session.scalars(select(Event.what)).all()

    @pytest.mark.parametrize(("email", "header"), [("ny@example.org", None), ("KIM@example.com", "<1@b.se>")])
    def test_it_names_the_letter_that_it_answers_only_to_who_sent_that(self, refused, again, email, header):
        matter, first = refused()
        first.in_reply_to, matter.sender_email = "<1@b.se>", email
        db.session.commit()
        again(matter, first)
        assert db.session.get_one(OutgoingLetter, first.again_id).in_reply_to == header

    def test_it_goes_again_once(self, refused, again):
        matter, first = refused()
        again(matter, first)
        with pytest.raises(NotAllowed, match="inte att skicka igen"):
            again(matter, first)

    def test_an_older_page_sends_nothing_again(self, refused, handler_app, anna):
        matter, first = refused()
        stale = work.Act(matter.id, 1, anna)
        with desk.seated(handler_app, anna, matter.id), pytest.raises(Conflict):
            work.send_again(stale, first.id)

    @pytest.mark.parametrize("values", [{"state": "sent"}, {"state": "owed"}, {"kind": "alarm"}], ids=str)
    def test_other_letters_do_not_go_again(self, refused, again, values):
        matter, first = refused()
        db.session.execute(update(OutgoingLetter).values(**values))
        db.session.commit()
        with pytest.raises(NotAllowed):
            again(matter, first)

    def test_another_matters_letter_does_not_go_again(self, refused, again, bring):
        _, first = refused()
        with pytest.raises(NotAllowed):
            again(bring(), first)

    @pytest.mark.parametrize("values", [{"may_email": False}, {"sender_email": None}], ids=str)
    def test_it_goes_nowhere_that_the_person_is_not_mailed(self, refused, again, values):
        matter, first = refused()
        db.session.execute(update(Matter).values(**values))
        db.session.commit()
        with pytest.raises(NotAllowed, match="ingen e-postadress"):
            again(matter, first)

    def test_a_receipt_goes_again_with_its_time_and_no_code_to_another_address(self, app, clock, post, again):
        reference = desk.bring(app, clock, category="fraga", wants_receipt=True)
        post.failure = PostRefused("nej", "550 5.1.1")
        send_all()
        post.failure, first = None, the(OutgoingLetter)
        db.session.execute(update(Matter).values(sender_email="ny@example.org"))
        db.session.commit()
        again(matters()[0], first)
        send_all()
        words = post.sent[0].message.get_content()
        assert reference in words
        assert "22 november 2026 kl. 16.05" in words
        assert LINK.search(words) is None
