"""What is registered by hand, as the service does it: its receipt by mail, and what comes later."""

from __future__ import annotations

from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest
from sqlalchemy import select

from intake.errors import NotAllowed
from intake.extensions import STOCKHOLM, db
from intake.matters import by_hand, following
from intake.matters.incoming import Submission
from intake.models import DiaryEntry, Matter, Message, new_id
from tests import desk
from tests.matters.mailing import secret_in, send_all

UNIT = "syd-kontaktcenter"


@pytest.fixture
def came(clock):
    """What came on paper nine days ago, at an hour that nobody knows."""
    day = clock().astimezone(STOCKHOLM).replace(hour=0, minute=0, second=0, microsecond=0)
    return Submission(
        channel="paper",
        subject="",
        text="Min cykel är borta. Var lämnas den in?",
        received_at=day - timedelta(days=9),
        sender_email="kim@example.com",
        wants_receipt=True,
        category="fraga",
    )


@pytest.fixture
def register(handler_app, anna):
    """Let Anna register something; return what came of it."""

    def register(submission, page, unit=UNIT):
        with desk.seated(handler_app, anna):
            return by_hand.register(by_hand.id_of(anna, page), submission, unit, [UNIT])

    return register


def test_a_receipt_is_dated_when_it_goes_and_tells_the_day_when_it_came(app, register, came, post, clock):
    register(came, new_id())
    send_all()
    message = post.sent[0].message
    assert abs(parsedate_to_datetime(message["Date"]) - clock()) < timedelta(minutes=1)
    assert "Mottaget: 13 november 2026\n" in message.get_content()


def test_the_link_of_the_receipt_opens_the_matter(app, register, came, post, citizen_app):
    begun = register(came, new_id())
    send_all()
    reference, _, code = secret_in(post.sent[0]).partition(".")
    with citizen_app.app_context():
        assert reference == begun.reference
        assert following.find(following.key_of(reference, code)).status == "registered"


def test_the_diary_number_is_of_the_year_in_which_it_is_registered(app, register, came, clock):
    clock.at = clock.at.replace(year=2027, month=1, day=2)
    register(came, new_id())
    assert db.session.scalars(select(DiaryEntry.year)).all() == [2027]


def test_a_page_is_one_matter_for_one_person(app, register, came):
    page = new_id()
    first, again = register(came, page), register(came, page)
    assert (first.reference, again.is_new, again.is_same) == (again.reference, False, True)
    assert not register(Submission("visit", "", "Annat.", came.received_at), page).is_same
    assert [row.text for row in db.session.query(Message)] == [came.text]


def test_nothing_is_registered_where_the_person_does_not_work(app, register, came):
    with pytest.raises(Exception, match="not an inbox of the caller"):
        register(came, new_id(), unit="su")
    assert db.session.query(Matter).count() == 0


def test_neither_words_nor_files_is_nothing(app, register, came):
    empty = Submission("paper", "", "", came.received_at)
    with pytest.raises(NotAllowed, match="inskannade brevet"):
        register(empty, new_id())
