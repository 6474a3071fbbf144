"""What comes of a letter of ours: none that was refused or came back is given up in silence."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from intake.errors import PostRefused
from intake.extensions import db
from intake.letters import Report
from intake.matters import following, sending, work
from intake.models import Event, Matter, OutgoingLetter
from tests import desk
from tests.matters.mailing import act, key_to, send_all

GONE = PostRefused("Mejlservern tog inte emot brevet (svar 550 5.1.1).", "550 5.1.1")


def report(kind="failed", status="5.1.1"):
    return Report(kind, "kim@example.com", status, "kim@example.com is unknown here", ())


def tell(letter, told):
    """Let a report on a letter come in."""
    sending.record_report(letter.id, letter.matter_id, told)
    db.session.commit()
    db.session.expire_all()


def the(table):
    return db.session.scalars(select(table)).one()


def events(what):
    return db.session.scalars(select(Event).where(Event.what == what)).all()


@pytest.fixture
def sent(bring, handler_app, anna):
    """A reply that the mail server took."""
    act(handler_app, bring(), anna, work.reply, "Hej!")
    send_all()
    return the(OutgoingLetter)


@pytest.mark.parametrize(("kind", "status"), [("failed", "5.1.1"), ("unclear", None)])
def test_a_letter_that_came_back_is_a_persons_task_with_its_code_and_no_words(sent, kind, status):
    tell(sent, report(kind, status))
    assert (sent.state, sent.diagnosis) == ("bounced", status)
    assert the(Matter).needs_person == ["letter_bounced"]
    assert events("letter_bounced")[0].detail == {"letter": str(sent.id), "code": status}


@pytest.mark.parametrize("kind", ["delayed", "delivered", "displayed", "deleted"])
def test_news_of_a_letter_on_its_way_is_noted_and_no_task(sent, kind):
    tell(sent, report(kind, "4.4.1"))
    assert (sent.state, sent.diagnosis, the(Matter).needs_person) == ("sent", None, [])
    assert [event.detail["code"] for event in events(f"letter_{kind}")] == ["4.4.1"]


def test_nobody_is_asked_twice_about_one_letter(sent, handler_app, anna):
    tell(sent, report())
    act(handler_app, the(Matter), anna, work.settle_needs)
    tell(sent, report("failed", "5.2.2"))
    assert (the(Matter).needs_person, sent.diagnosis, len(events("letter_bounced"))) == ([], "5.1.1", 1)


def test_nobody_is_asked_about_a_letter_in_whose_place_another_went(sent, handler_app, anna):
    sent.state = "task"
    db.session.commit()
    act(handler_app, the(Matter), anna, work.send_again, sent.id)
    tell(sent, report())
    assert (sent.state, the(Matter).needs_person) == ("bounced", [])


def test_a_letter_that_comes_back_before_we_know_that_it_left_has_come_back(bring, handler_app, anna, post):
    act(handler_app, bring(), anna, work.reply, "Hej!")
    keep = post.send

    def send(outgoing):
        keep(outgoing)
        tell(the(OutgoingLetter), report())

    post.send = send
    send_all()
    assert (the(OutgoingLetter).state, the(OutgoingLetter).sent_at is not None) == ("bounced", True)
    assert the(Matter).needs_person == ["letter_bounced"]


@pytest.mark.parametrize(
    ("columns", "do", "options", "need"),
    [
        ({}, work.reply, {}, "reply_not_sent"),
        ({"is_neutral": True}, work.reply, {}, "notice_not_sent"),
        ({"is_neutral": True}, work.ask_supplement, {"deadline": None}, "supplement_request_not_sent"),
        ({"is_neutral": True}, work.tell_delay, {}, "delay_not_sent"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_handlers_letter_that_is_refused_is_a_persons_task_with_its_code(
    bring, handler_app, anna, post, columns, do, options, need
):
    act(handler_app, bring(**columns), anna, do, "Hej!", **options)
    post.failure = GONE
    send_all()
    letter = the(OutgoingLetter)
    assert (letter.state, letter.why, letter.diagnosis) == ("refused", sending.REFUSED, "550 5.1.1")
    assert the(Matter).needs_person == [need]


class TestAutomatic:
    @pytest.fixture
    def receipt(self, app, clock):
        desk.bring(app, clock, category="fraga", wants_receipt=True)
        return the(OutgoingLetter)

    def test_a_receipt_that_is_refused_tells_that_the_address_is_wrong(self, receipt, post):
        post.failure = GONE
        send_all()
        assert (receipt.diagnosis, the(Matter).needs_person) == ("550 5.1.1", ["receipt_not_sent"])

    def test_so_does_a_new_link(self, bring, citizen_app, post):
        reference = bring().reference
        with citizen_app.app_context():
            following.ask_for_link(reference)
        post.failure = GONE
        send_all()
        assert the(Matter).needs_person == ["status_link_not_sent"]

    def test_a_new_address_that_does_not_exist_is_nobodys_task(self, bring, citizen_app, post):
        key = key_to(bring())
        with citizen_app.app_context():
            following.ask_email_change(key, "ny@example.org")
        post.failure = GONE
        send_all()
        assert (the(OutgoingLetter).state, the(Matter).needs_person) == ("refused", [])

    def test_a_receipt_that_nobody_wants_any_more_is_no_task(self, receipt):
        db.session.execute(update(Matter).values(may_email=False))
        db.session.commit()
        send_all()
        assert (receipt.state, receipt.why, the(Matter).needs_person) == ("refused", "wanted no more", [])

    def test_no_letter_goes_to_an_address_of_our_own(self, receipt, post):
        receipt.recipient = "kontakt@EXAMPLE.se"
        db.session.execute(update(Matter).values(sender_email="kontakt@EXAMPLE.se"))
        db.session.commit()
        send_all()
        assert (post.sent, receipt.why) == ([], sending.OWN_ADDRESS)


def test_html_stands_beside_the_text_where_the_authority_wants_it(
    bring, handler_app, anna, post, settings, monkeypatch
):
    authority = settings.tables.authority
    monkeypatch.setitem(authority.__dict__, "mail_with_html", True)
    act(handler_app, bring(), anna, work.reply, "Hej & hå!")
    send_all()
    html = post.sent[0].message.get_body(("html",)).get_content()
    assert "Hej &amp; hå!" in html
