"""A day's work: two hundred matters, three handlers, every act that there is; and then all is counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from intake.cli import evidence, upkeep
from intake.handler.words import EVENTS
from intake.models import Arrival, DiaryEntry, Event, Handler, Matter, OutgoingLetter
from tests import desk
from tests.journeys.day import afternoon, care, chapters, hands
from tests.journeys.day.coming import ALL, BROUGHT, REGISTERED, SIGNS, STORIES, Night
from tests.journeys.day.house import MORNING, opened, words_of
from tests.journeys.day.people import Staff
from tests.journeys.day.work import Day

CHAPTERS = (
    chapters.the_most_pressing,
    chapters.two_at_one_matter,
    chapters.answering,
    chapters.asking_for_more,
    chapters.telling_of_a_delay,
    chapters.sending_again,
    chapters.seeing_to_what_needs_a_person,
    chapters.handing_over,
    chapters.across_a_wall,
    chapters.to_another_authority,
    chapters.parts_of_a_matter,
    chapters.that_belong_together,
    care.looking_around,
    care.marking_secrecy,
    care.an_incident,
    care.ending_and_opening_again,
    care.revoking_codes,
    care.protected_contacts,
    care.files_and_letters,
    care.a_job_that_gave_up,
    care.many_at_once,
    care.out_of_the_house,
    care.printing_a_receipt,
    care.reaching_out,
    afternoon.take_all,
    chapters.left_for_tomorrow,
)
# Routes that no day's work needs. Each new one is done by a chapter, or stands here under its reason.
NOT_DONE = {
    "nobody signs in by a provider here": {"single_sign_on", "single_sign_on_answer", "leave"},
    "one's own account holds no matter": {
        "account", "change_password", "end_session", "end_others", "factor_page", "enrol_factor",
        "factor_picture", "recovery_page", "renew_codes", "choose_keys",
    },
    "who works where is decided on another day": {
        "units", "unit", "colleague", "give_role", "take_role", "make_account", "close_account", "proposal",
    },
    "who audits asks of the log, and handles nothing": {
        "audit_page", "ask_audit", "audit_answer", "audit_file", "audit_lists",
    },
}  # fmt: skip
# Events that no handler brings about on a day like this.
NOT_TOLD = {
    "an alarm that nobody answers": {"alarm_raised", "alarm_unanswered", "alarm_refused"},
    "a day that has passed": {
        "overdue", "handover_overdue", "incident_overdue", "supplement_overdue", "delay_told_by_itself",
        "late_sent", "late_refused", "reminded", "reminder_withheld", "reminder_sent", "reminder_refused",
    },
    "a letter that comes back, is doubtful or is told of": {
        "letter_bounced", "letter_delayed", "letter_delivered", "letter_displayed", "letter_deleted",
        "receipt_refused", "receipt_task", "reply_task", "notice_refused",
        "delay_sent", "delay_refused", "delay_task", "status_link_sent", "status_link_refused",
        "supplement_request_sent", "supplement_request_refused", "supplement_request_task",
        "confirm_email_sent", "confirm_email_refused",
    },
    "what whoever wrote does alone": {
        "contact_changed", "email_change_asked", "email_changed", "feedback_given", "danger_seen",
    },
    "a file that is found out later, or is on its way": {
        "file_quarantined", "file_released", "file_arrived", "file_given_up", "files_awaited",
    },
    "something that broke": {"parsing_failed", "placed_again"},
    "somebody who leaves": {"handler_left"},
}  # fmt: skip


@pytest.fixture(scope="module")
def day(shared_database, base_settings, tmp_path_factory):
    """A whole day, once for all that is asked of it afterwards."""
    with opened(shared_database, base_settings, tmp_path_factory.mktemp("day")) as house:
        night = Night(house)
        night.falls()
        day = Day(house, night, Staff(house))
        morning(day)
        for chapter in CHAPTERS:
            chapter(day)
        day.house.let_go()
        day.staff.olle.presses("/logga-ut")
        yield day


def morning(day):
    """Everybody sits down, and what has come by other ways than form and mail is registered."""
    staff, night = day.staff, day.night
    day.house.clock.at = MORNING
    day.house.work()
    for person in staff.all:
        person.sit_down()
    for at in range(REGISTERED):
        person, unit = ((staff.anna, "syd-kontaktcenter"), (staff.nils, "nord-kontaktcenter"))[at % 2]
        hands.registers(night, person, unit, night.rng.choice(STORIES)[2])
    for _ in range(BROUGHT):
        hands.brings(night, staff.anna, "syd-inkorg", night.rng.choice(STORIES)[2])
    assert len(night.came) == ALL
    night.contact = hands.begins_contact(night, staff.anna, "syd-kontaktcenter", "vittne@example.com")
    day.place()


def together(reasons):
    return set().union(*reasons.values())


def test_every_act_that_there_is_has_been_done(day):
    routes = day.house.handler_app.url_map.iter_rules()
    there = {
        (rule.endpoint.removeprefix("handler."), method)
        for rule in routes
        if rule.endpoint.startswith("handler.")
        for method in rule.methods & {"GET", "POST"}
    }
    left_out = {each for each in there if each[0] in together(NOT_DONE)}
    assert there - day.house.done == left_out
    assert {name for name, _ in left_out} == together(NOT_DONE)


def test_every_kind_of_event_has_come(day):
    with day.house.owner() as seen:
        told = set(seen.scalars(select(Event.what)))
    assert EVENTS.keys() - told == together(NOT_TOLD)


def test_the_history_of_each_matter_tells_what_was_done_and_by_whom(day):
    told, begins = defaultdict(list), {}
    with day.house.owner() as seen:
        asked = select(Matter.reference, Event.what, Handler.name).join(Event, Event.matter_id == Matter.id)
        its = asked.outerjoin(Handler, Handler.id == Event.handler_id).order_by(Event.at, Event.id)
        for reference, what, name in seen.execute(its):
            begins.setdefault(reference, what)
            if name:
                told[reference].append((what, name))
    assert told == {reference: done for reference, done in day.book.told.items() if done}
    assert set(begins.values()) <= {"accepted", "begun_by_hand", "split_from", "letter_registered"}


def test_the_page_of_a_matter_tells_its_history_in_words(day):
    anna = day.staff.anna
    mine = [each for each in day.book.seen_by(anna.units) if len(day.book.told[each]) > 4]
    assert len(mine) > 3
    for reference in mine:
        said = desk.text_of(anna.page(reference))
        assert [what for what, _ in day.book.told[reference] if EVENTS[what] not in said] == []


def test_every_number_is_given_once_and_without_a_gap(day):
    numbers = defaultdict(list)
    with day.house.owner() as seen:
        its = select(DiaryEntry.series, DiaryEntry.year, DiaryEntry.number, Matter.reference)
        rows = seen.execute(its.join(Matter, Matter.id == DiaryEntry.matter_id)).all()
    for series, year, number, _ in rows:
        numbers[series, year].append(number)
    assert all(sorted(each) == list(range(1, len(each) + 1)) for each in numbers.values())
    assert sorted(row.reference for row in rows) == sorted(day.book.stands)


def test_nothing_is_lost_and_nothing_doubled(day):
    night = day.night
    with day.house.owner() as seen:
        rows = seen.execute(select(Matter.reference, Matter.unit_id)).all()
        arrived = seen.scalars(select(Arrival.id)).all()
    assert {row.reference: row.unit_id for row in rows} == day.book.stands
    assert {row.reference for row in rows} == {*night.came, *night.made}
    # What we began ourselves, and what we made a matter of its own, came from nobody.
    assert len(arrived) == len(night.came) - 1 + night.added


@pytest.mark.parametrize("who", ["anna", "bo", "nils", "nora", "sara"])
def test_each_sees_what_stands_in_the_own_units_and_nothing_else(day, who):
    person, book = getattr(day.staff, who), day.book
    mine = book.seen_by(person.units)
    assert [each for each in mine if not person.comes_to(each)] == []
    hidden = book.stands.keys() - mine
    assert [each for each in hidden if person.page(each).status_code != 404] == []
    in_inbox = {each for each in mine if book.stands[each] in person.units and book.is_open(each)}
    assert person.listed("/") | person.listed("/?visa=pausade") == in_inbox
    signed = {each.reference for each in day.night.came.values() if each.text} | day.night.made
    assert person.finds(SIGNS[0]) | person.finds(SIGNS[1]) == (mine & signed) - book.merged.keys()


def test_exactly_the_letters_that_were_meant_have_left(day):
    post = day.house.post
    with day.house.owner() as seen:
        ours = select(OutgoingLetter.kind, OutgoingLetter.recipient, OutgoingLetter.state)
        rows = seen.execute(ours).all()
        alarmed = seen.scalars(select(Event.detail).where(Event.what == "alarmed")).all()
    assert Counter(row.state for row in rows) == {"sent": len(post.sent), "refused": 1}
    left = Counter((row.kind, row.recipient) for row in rows if row.state == "sent" and row.kind != "alarm")
    assert left == day.house.owed
    assert Counter(each.recipients[0] for each in post.sent) == Counter(
        row.recipient for row in rows if row.state == "sent"
    )
    assert sum(row.kind == "alarm" for row in rows) == sum(len(each["units"]) for each in alarmed)
    assert [each for each in post.sent if chapters.UNDONE in words_of(each)] == []


@pytest.mark.parametrize(("module", "command"), [(upkeep, upkeep.reconcile), (evidence, evidence.verify_log)])
def test_the_house_finds_nothing_wrong(day, monkeypatch, module, command):
    # What should have been done by now shows only when its time has passed.
    monkeypatch.setattr(day.house.clock, "at", day.house.clock.at + timedelta(hours=3))
    day.house.work()
    monkeypatch.setattr(module, "app", lambda _role: day.house.worker_app)
    done = CliRunner().invoke(command)
    assert done.exit_code == 0, done.output
