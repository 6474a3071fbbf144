"""A standing matter is lifted by danger in what joins it; what was said in danger stays."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from intake import drafts, outbox, routing
from intake.answers import Answers, questions
from intake.matters import placing
from intake.models import Draft, Event, Handler, Job, Matter
from tests.letters_home import address_of, deliver, letter
from tests.matters.mailing import way_to_answer

DANGER = "Han är här nu, han har en kniv och bankar på dörren!"
CALM = "Min cykel stals utanför stationen i förra veckan."
THEFT = {"group": "utsatt", "choice": "brott"}


@pytest.fixture
def app(make_app):
    with make_app("citizen", "worker").app_context():
        yield


def the_matter(seen):
    seen.expire_all()
    return seen.scalars(select(Matter)).one()


def begin(text, to="syd@example.se"):
    deliver(letter(text), to)


def supplement(seen, text):
    deliver(letter(text), address_of(the_matter(seen)))


def alarms(seen):
    return len(seen.scalars(select(Job).where(Job.kind == "alarm")).all())


def test_danger_in_a_supplement_lifts_the_matter_and_sounds_the_alarm(app, seen):
    begin(CALM)
    before = the_matter(seen)
    assert (before.priority, alarms(seen)) == (3, 0)
    category, unit = before.category, before.unit_id
    supplement(seen, DANGER)
    after = the_matter(seen)
    assert (after.priority, "emergency_now" in after.flags, alarms(seen)) == (1, True, 1)
    assert (after.category, after.unit_id) == (category, unit)
    supplement(seen, DANGER + " Skynda er!")
    assert alarms(seen) == 1


def test_danger_that_is_only_quoted_beneath_an_answer_lifts_nothing(app, seen):
    begin(CALM)
    quoted = "\n".join(f"> {line}" for line in ("Vad hände?", DANGER, "Berätta mer."))
    supplement(
        seen, f"Tack för ert svar!\n\nDen 12 nov. 2026 kl. 10:21 skrev Bo <bo@example.com>:\n{quoted}\n"
    )
    assert (the_matter(seen).priority, alarms(seen)) == (3, 0)


def test_a_calm_supplement_lifts_nothing(app, seen):
    begin(CALM)
    supplement(seen, "Här är numret på cykelns ram.")
    assert (the_matter(seen).priority, alarms(seen)) == (3, 0)


def test_danger_in_a_matter_that_somebody_has_is_marked_for_them(app, seen, clock):
    begin(CALM)
    anna = Handler(email="anna@example.se", name="Anna", password_hash="", created_at=clock())
    seen.add(anna)
    seen.flush()
    seen.execute(update(Matter).values(handler_id=anna.id))
    seen.commit()
    supplement(seen, DANGER)
    matter = the_matter(seen)
    assert (matter.priority, matter.needs_person, alarms(seen)) == (1, ["danger_in_message"], 0)
    assert "danger_seen" in seen.scalars(select(Event.what)).all()


def test_a_calm_form_does_not_take_back_the_danger_of_its_letter(app, seen, make_app):
    citizen = make_app("citizen")
    with citizen.app_context():
        draft_id = drafts.begin("key", Answers(text=CALM))
    begin(DANGER, f"arende+{seen.scalar(select(Draft.address_token))}@example.se")
    with citizen.app_context():
        drafts.send(draft_id, "key")
    matter = the_matter(seen)
    assert (matter.priority, "emergency_now" in matter.flags, alarms(seen)) == (1, True, 1)


@pytest.mark.parametrize("flag", ["vulnerable", "protected_identity", "secrecy"])
def test_a_calm_form_does_not_take_back_what_makes_its_letter_delicate(app, seen, make_app, flag):
    citizen = make_app("citizen")
    with citizen.app_context():
        draft_id = drafts.begin("key", Answers(text=CALM, email="kim@example.com"))
    begin(CALM, f"arende+{seen.scalar(select(Draft.address_token))}@example.se")
    seen.execute(update(Matter).values(flags=[flag, "wrong_authority"], priority=2))
    seen.commit()
    with citizen.app_context():
        drafts.send(draft_id, "key")
    matter = the_matter(seen)
    assert (flag in matter.flags, "wrong_authority" in matter.flags, matter.priority) == (True, False, 2)
    assert way_to_answer(make_app, matter) == "notice"


def test_placed_again_a_matter_is_judged_by_the_answers_of_its_form_too(app, seen, make_app, monkeypatch):
    asked = []

    def broken(facts, rules):
        raise ZeroDivisionError

    def place(facts, rules):
        asked.append(facts.text)
        return routing.fallback(rules, facts)

    citizen = make_app("citizen")
    with citizen.app_context():
        code = questions(Answers(**THEFT))[0].code
        draft_id = drafts.begin("key", Answers(**THEFT, text=CALM, questions={code: "SVARET"}))
        with monkeypatch.context() as patch:
            patch.setattr("intake.routing.place", broken)
            drafts.send(draft_id, "key")
    monkeypatch.setattr("intake.routing.place", place)
    claim = outbox.claim(seen.scalar(select(Job.id).where(Job.kind == "place_again")), "test")
    placing.place_again(claim.subject_id, claim)
    assert asked == [f"{CALM}\nSVARET"]


def test_an_emergency_behind_a_wall_keeps_its_priority_when_placed_again(app, seen, monkeypatch):
    def broken(facts, rules):
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("intake.routing.place", broken)
        begin(DANGER, "su@example.se")
    assert alarms(seen) == 0
    job_id = seen.scalar(select(Job.id).where(Job.kind == "place_again"))
    claim = outbox.claim(job_id, "test")
    placing.place_again(claim.subject_id, claim)
    matter = the_matter(seen)
    assert (matter.unit_id, matter.priority, alarms(seen)) == ("su", 1, 1)
