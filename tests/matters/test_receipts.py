"""Whether a form may still join a letter's matter: until it has, nobody is mailed a link to it."""

from __future__ import annotations

import pytest

from intake import drafts
from intake.answers import Answers
from intake.extensions import db
from intake.matters import receipts
from tests.letters_home import deliver, letter, matters
from tests.matters.mailing import begin_supplement, way_to_answer


@pytest.fixture
def app(make_app):
    with make_app("citizen", "worker").app_context():
        yield


@pytest.fixture
def citizen_app(make_app):
    return make_app("citizen")


def begin(citizen_app):
    """Begin a form and return its id and its address."""
    with citizen_app.app_context():
        draft_id = drafts.begin("key", Answers(text="Hej!"))
        return draft_id, drafts.get(draft_id, "key").address


def send(citizen_app, draft_id):
    with citizen_app.app_context():
        drafts.send(draft_id, "key")


def way(make_app, **values):
    """Return which way an answer goes in the only matter, once it has these columns."""
    (matter,) = matters()
    for name, value in values.items():
        setattr(matter, name, value)
    db.session.commit()
    return way_to_answer(make_app, matter)


def test_a_letter_to_a_forms_address_may_be_joined_until_it_is(app, citizen_app):
    draft_id, address = begin(citizen_app)
    deliver(letter(), address)
    assert receipts.may_be_joined(matters()[0].id)
    send(citizen_app, draft_id)
    assert not receipts.may_be_joined(matters()[0].id)


def test_a_letter_to_us_all_is_joined_by_no_form(app, citizen_app):
    deliver(letter())
    assert not receipts.may_be_joined(matters()[0].id)


def test_a_supplement_that_is_begun_takes_no_link_from_the_matters_own_person(app, citizen_app):
    deliver(letter())
    begin_supplement(citizen_app, matters()[0], "key")
    assert not receipts.may_be_joined(matters()[0].id)


def test_a_delicate_answer_has_no_way_by_a_link_while_the_form_may_come(app, citizen_app, make_app):
    deliver(letter(), begin(citizen_app)[1])
    assert way(make_app, flags=["vulnerable"]) == "nowhere"


def test_an_answer_that_is_not_delicate_goes_to_the_letters_sender(app, citizen_app, make_app):
    deliver(letter(), begin(citizen_app)[1])
    assert way(make_app, flags=[], category="fraga") == "mail"


def test_when_the_form_is_gone_a_delicate_answer_goes_by_a_link(app, citizen_app, make_app):
    draft_id, address = begin(citizen_app)
    deliver(letter(), address)
    with citizen_app.app_context():
        drafts.erase(draft_id, "key")
    assert way(make_app, flags=["vulnerable"]) == "notice"
