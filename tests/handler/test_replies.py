"""What a handler is told before an answer goes, which way it goes, and what came of it."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from intake.matters import sending
from intake.models import Feedback, Matter, Message, OutgoingLetter
from tests import desk


def letters(seen):
    seen.rollback()
    return [
        (row.kind, row.recipient)
        for row in seen.query(OutgoingLetter).filter(OutgoingLetter.kind != "receipt")
    ]


@pytest.mark.parametrize(
    ("values", "said", "owed"),
    [
        ({}, "Svaret skickas i sin helhet till kim@example.com", [("reply", "kim@example.com")]),
        (
            {"is_neutral": True},
            "går bara ett mejl om att det finns ett svar",
            [("notice", "kim@example.com")],
        ),
        ({"flags": ["vulnerable"]}, "går bara ett mejl om att", [("notice", "kim@example.com")]),
        ({"may_email": False}, "Svaret visas bara på statussidan", []),
        ({"sender_email": None}, "Svaret visas bara på statussidan", []),
    ],
    ids=str,
)
def test_the_form_says_before_which_way_the_answer_goes(anna, brought, seen, values, said, owed):
    reference = brought(**values)
    assert said in desk.text_of(anna.page(reference))
    assert anna.act(reference, "svara", text="Ja.", is_told="ja").status_code == 303
    assert letters(seen) == owed
    assert seen.query(Message).filter_by(direction="outgoing").one().is_told


def test_an_answer_is_shown_on_the_status_page_unless_the_handler_says_no(anna, brought, seen):
    reference = brought()
    page = anna.page(reference)
    assert 'name="is_told" value="ja" checked' in page.text
    anna.act(reference, "svara", text="Bara i mejlet.")
    assert not seen.query(Message).filter_by(direction="outgoing").one().is_told
    assert "visas inte på statussidan" in desk.text_of(anna.page(reference))


def test_an_answer_that_would_reach_nobody_is_refused_and_kept(anna, brought, seen):
    reference = brought(may_email=False)
    answer = anna.act(reference, "svara", text="Till ingen.")
    assert answer.status_code == 422
    assert "måste visas på statussidan" in answer.text
    assert "Till ingen." in answer.text
    assert seen.query(Message).filter_by(direction="outgoing").count() == 0


def test_the_page_tells_that_only_a_notice_goes(anna, brought):
    reference = brought(is_neutral=True)
    anna.act(reference, "svara", text="Ja.", is_told="ja")
    words = desk.text_of(anna.page(reference))
    assert "Mejlet om att det finns ett svar: Väntar på att skickas" in words


def test_the_page_tells_what_the_person_thought(anna, brought, seen, clock):
    reference = brought()
    matter = seen.query(Matter).filter_by(reference=reference).one()
    seen.add(Feedback(matter_id=matter.id, answer=4, words="<b>Tack</b>", at=clock()))
    seen.commit()
    page = anna.page(reference)
    assert "Vad personen tyckte Bra 22 november 2026" in desk.text_of(page)
    assert "&lt;b&gt;Tack" in page.text


def test_a_change_of_contact_makes_an_older_page_old(anna, brought, seen):
    reference = brought()
    page = anna.page(reference)
    matter = seen.query(Matter).filter_by(reference=reference).one()
    matter.may_email, matter.version = False, matter.version + 1
    seen.commit()
    assert anna.act(reference, "svara", page=page, text="Ja.", is_told="ja").status_code == 409
    assert letters(seen) == []


def test_the_page_tells_why_an_answer_was_held_back(anna, brought, seen):
    reference = brought()
    anna.act(reference, "svara", text="Ja.", is_told="ja")
    held = update(OutgoingLetter).where(OutgoingLetter.kind == "reply")
    seen.execute(held.values(state="refused", why=sending.WANTED_NO_MORE))
    seen.commit()
    page = desk.text_of(anna.page(reference))
    assert "personen vill inte ha mejl dit längre" in page
    assert "e-postserver" not in page
