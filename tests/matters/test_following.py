"""The letters of a matter that is followed: their words, their language, their links, and what stops them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from intake import codes, languages, outbox
from intake.errors import NotAllowed, PostAway
from intake.extensions import db
from intake.matters import answering, following, work
from intake.models import EmailChange, Matter, Message, OutgoingLetter, StatusCode
from tests import desk
from tests.letters_home import address_of
from tests.matters.mailing import LINK, act, key_to, secret_in, send_all
from tests.meanwhile import begin_before

ENGLISH = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "Hej!"\nmsgstr "Hello!"\n'


def reply(handler_app, matter, anna, **options):
    act(handler_app, matter, anna, work.reply, "SVARET är ja.", **options)


def way_in(handler_app, matter, anna):
    matter_id = matter.id
    with desk.seated(handler_app, anna, matter_id):
        return answering.find_way(matter_id)


class TestReplies:
    @pytest.mark.parametrize(
        ("values", "way"),
        [
            ({}, "mail"),
            ({"is_neutral": True}, "notice"),
            ({"category": "tips"}, "notice"),
            ({"category": "su"}, "notice"),
            ({"category": "nara_relation"}, "notice"),
            ({"category": "borttagen"}, "notice"),
            ({"flags": ["vulnerable"]}, "notice"),
            ({"flags": ["protected_identity"]}, "notice"),
            ({"may_email": False}, "page"),
            ({"sender_email": None}, "page"),
        ],
        ids=str,
    )
    def test_the_way_follows_what_is_delicate_and_wished(self, bring, handler_app, anna, values, way):
        matter = bring(**values)
        key_to(matter)
        assert way_in(handler_app, matter, anna) == way

    def test_in_the_mail_way_the_answer_goes_whole_and_is_told_too(self, bring, handler_app, anna, post):
        reply(handler_app, bring(), anna)
        send_all()
        (sent,) = post.sent
        assert "SVARET" in sent.message.get_content()
        assert sent.envelope_from.startswith("studs+")
        assert db.session.scalars(select(Message.is_told).where(Message.direction == "outgoing")).one()

    def test_a_notice_says_only_that_there_is_an_answer(self, bring, handler_app, anna, post, citizen_app):
        matter = bring(flags=["vulnerable"])
        reply(handler_app, matter, anna)
        send_all()
        (sent,) = post.sent
        words = sent.message.get_content()
        assert "Det finns ett svar till dig" in words
        assert not any(secret in sent.message.as_string() + words for secret in ("SVARET", "Cykel", "Kim"))
        assert sent.message["Subject"] == f"Meddelande {matter.reference}"
        assert sent.envelope_from.startswith("studs+")
        reference, code = secret_in(sent).split(".")
        with citizen_app.app_context():
            answers = following.answers(following.key_of(reference, code))
        assert [answer.text for answer in answers] == ["SVARET är ja."]

    def test_in_the_page_way_no_mail_goes(self, bring, handler_app, anna, post, citizen_app):
        matter = bring(may_email=False)
        its_key = key_to(matter)
        reply(handler_app, matter, anna)
        send_all()
        assert post.sent == []
        with citizen_app.app_context():
            assert len(following.answers(its_key)) == 1

    def test_an_answer_that_would_reach_nobody_is_refused(self, bring, handler_app, anna):
        lost, notice = bring(sender_email=None), bring(is_neutral=True)
        with pytest.raises(NotAllowed, match="når ingen"):
            reply(handler_app, lost, anna)
        with pytest.raises(NotAllowed, match="måste visas"):
            reply(handler_app, notice, anna, is_told=False)
        assert not db.session.scalars(select(Message.id).where(Message.direction == "outgoing")).all()

    def test_a_revoked_code_is_no_way(self, bring, clock, make_app, anna):
        matter = bring(sender_email=None)
        key_to(matter)
        with make_app("handler", "owner").app_context():
            db.session.execute(update(StatusCode).values(revoked_at=clock()))
            db.session.commit()
        assert way_in(make_app("handler"), matter, anna) == "nowhere"

    def test_who_wants_no_mail_any_more_gets_no_notice(self, bring, handler_app, anna, post):
        matter = bring(is_neutral=True)
        reply(handler_app, matter, anna)
        db.session.execute(update(Matter).values(may_email=False))
        db.session.commit()
        send_all()
        assert post.sent == []
        assert db.session.scalars(select(OutgoingLetter.state)).one() == "refused"
        assert db.session.scalars(select(Matter.needs_person)).one() == ["notice_not_sent"]

    def test_a_notice_cut_off_goes_again_and_both_links_open(self, bring, handler_app, anna, post, clock):
        reply(handler_app, bring(is_neutral=True), anna)
        post.failure = PostAway("cut off", may_have_gone=True)
        send_all()
        post.failure, clock.at = None, clock.at + timedelta(minutes=5)
        send_all()
        assert len(post.sent) == 1
        assert len(db.session.scalars(select(StatusCode.id)).all()) == 2


class TestLetters:
    @pytest.fixture
    def receive(self, app, clock):
        """Let a matter come in that is owed a receipt, and set these columns."""

        def come(**values):
            desk.bring(app, clock, category="fraga", wants_receipt=True, subject="ÄMNE", text="HEMLIGT")
            with app.app_context():
                db.session.execute(update(Matter).values(**values))
                db.session.commit()
            return db.session.scalars(select(Matter)).one()

        return come

    def test_a_receipt_tells_number_time_address_and_a_link_of_its_own(self, receive, post, citizen_app):
        matter = receive(language="sv")
        send_all()
        (sent,) = post.sent
        words = sent.message.get_content()
        for expected in (matter.reference, "22 november 2026 kl. 16.05", address_of(matter), "demonstration"):
            assert expected in words
        assert not any(secret in sent.message.as_string() + words for secret in ("ÄMNE", "HEMLIGT", "Kim"))
        assert (sent.envelope_from, sent.message["Subject"]) == ("", f"Kvittens {matter.reference}")
        with citizen_app.app_context():
            assert following.find(following.key_of(*secret_in(sent).split("."))) is not None

    def test_no_code_is_kept_in_plain(self, receive, post):
        receive(language="sv")
        send_all()
        code = secret_in(post.sent[0]).split(".")[1]
        assert db.session.scalars(select(StatusCode.code_hash)).all() == [codes.hash_code(code)]

    def test_a_neutral_letter_names_neither_us_nor_a_number_where_it_shows(self, receive, post):
        receive(is_neutral=True)
        send_all()
        message = post.sent[0].message
        assert (message["Subject"], message["From"].addresses[0].display_name) == ("Hej", "")
        assert "Exempelmyndigheten" not in message.get_content()

    def test_a_letter_is_in_the_matters_language(self, receive, post, tmp_path, monkeypatch):
        (tmp_path / "en.po").write_text(ENGLISH)
        monkeypatch.setattr(languages, "FOLDER", tmp_path)
        languages.catalog.cache_clear()
        receive(language="en")
        send_all()
        languages.catalog.cache_clear()
        message = post.sent[0].message
        assert message["Content-Language"] == "en"
        assert "Hello!" in message.get_content()
        assert LINK.search(message.get_content())[1] == "/en"

    @pytest.mark.parametrize("language", ["en", "tlh"])
    def test_without_words_for_a_language_it_is_swedish(self, receive, post, tmp_path, monkeypatch, language):
        monkeypatch.setattr(languages, "FOLDER", tmp_path)
        languages.catalog.cache_clear()
        receive(language=language)
        send_all()
        languages.catalog.cache_clear()
        message = post.sent[0].message
        assert message["Content-Language"] == "sv"
        assert "kl. 16.05" in message.get_content()
        assert LINK.search(message.get_content())[1] is None

    def test_an_address_gets_one_new_link_a_day_whoever_asks(self, bring, post, citizen_app):
        references = [bring().reference, bring().reference]
        with citizen_app.app_context():
            for reference in references:
                following.ask_for_link(reference)
        send_all()
        assert len(post.sent) == 1
        assert post.sent[0].recipients == ("kim@example.com",)
        assert sorted(db.session.scalars(select(OutgoingLetter.state)).all()) == ["refused", "sent"]


class TestConfirming:
    def ask(self, citizen_app, matter, email="ny@example.org"):
        its_key = key_to(matter)
        with citizen_app.app_context():
            assert following.ask_email_change(its_key, email)

    def confirm(self, citizen_app, sent):
        with citizen_app.app_context():
            return following.confirm_email(secret_in(sent))

    def test_the_letter_leads_to_a_page_and_not_into_the_matter(self, bring, post, citizen_app):
        matter = bring()
        self.ask(citizen_app, matter)
        send_all()
        (sent,) = post.sent
        assert sent.recipients == ("ny@example.org",)
        whole = sent.message.as_string() + sent.message.get_content()
        assert matter.reference not in whole
        assert "arende+" not in whole
        assert self.confirm(citizen_app, sent)
        db.session.expire_all()
        assert matter.sender_email == "ny@example.org"

    def test_sent_twice_either_letter_confirms_and_only_one_of_them(self, bring, post, citizen_app):
        matter = bring()
        self.ask(citizen_app, matter)
        send_all()
        letter = db.session.scalars(select(OutgoingLetter)).one()
        letter.state = "sending"
        outbox.add("send_letter", letter.id, dedupe="again")
        db.session.commit()
        send_all()
        first, second = post.sent
        assert secret_in(first) != secret_in(second)
        assert self.confirm(citizen_app, first)
        assert not self.confirm(citizen_app, second)

    def test_a_letter_that_goes_again_while_codes_are_revoked_confirms_nothing(
        self, bring, post, citizen_app, handler_app, anna, clock, database, monkeypatch
    ):
        matter = bring()
        self.ask(citizen_app, matter)
        send_all()
        letter = db.session.scalars(select(OutgoingLetter)).one()
        letter.state = "sending"
        outbox.add("send_letter", letter.id, dedupe="again")
        db.session.commit()
        values = {"matter": matter.id, "at": clock()}

        def revoke():
            with desk.seated(handler_app, anna, values["matter"]):
                db.session.execute(text("SELECT revoke_codes(:matter, :at)"), values)
                db.session.commit()

        end = begin_before(monkeypatch, database.urls["owner"], codes, "new_status_code", revoke)
        send_all()
        end()
        assert len(post.sent) == 2
        assert not any(self.confirm(citizen_app, sent) for sent in post.sent)

    def test_only_a_digest_of_the_token_is_kept(self, bring, post, citizen_app):
        self.ask(citizen_app, bring())
        send_all()
        kept = db.session.scalars(select(EmailChange.token_hash)).all()
        assert kept == [codes.hash_code(secret_in(post.sent[0]))]

    def test_a_wish_that_was_changed_is_not_asked_about(self, bring, post, citizen_app):
        matter = bring()
        self.ask(citizen_app, matter, "a@example.org")
        self.ask(citizen_app, matter, "b@example.org")
        send_all()
        assert [sent.recipients for sent in post.sent] == [("b@example.org",)]

    def test_one_address_is_not_flooded(self, bring, post, citizen_app):
        for _ in range(5):
            self.ask(citizen_app, bring())
        send_all()
        assert len(post.sent) == 3
