"""Handing over: until it is received the giver has it too, and nothing is refused more than twice."""

from __future__ import annotations

import threading
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import create_engine, select, text, update
from sqlalchemy.exc import NoResultFound, ProgrammingError
from sqlalchemy.pool import NullPool

from config.working_days import after_working_hours
from intake.errors import Conflict, NotAllowed
from intake.extensions import STOCKHOLM, db
from intake.matters import desk as at_desk
from intake.matters import following, handing_over, merging, work
from intake.models import Event, Handler, Handover, Matter, MatterUnit, Message
from tests import desk
from tests.matters.mailing import act, key_to
from tests.matters.standing import events, fresh
from tests.meanwhile import begin_before

SYD, NORD, NATIONAL = "syd-kontaktcenter", "nord-inkorg", "nationell-inkorg"
PEOPLE = {
    "anna": desk.seats("syd"),
    "bertil": desk.seats("syd"),
    "nora": desk.seats("nord"),
    "stina": (("stockholm-inkorg", "handler"),),
    "nils": ((NATIONAL, "handler"),),
    "sara": (("su", "handler"),),
    "karin": ((NATIONAL, "national_coordinator"),),
}


@pytest.fixture
def ids(make_app):
    owner = make_app("handler", "owner")
    for name, seats in PEOPLE.items():
        desk.hire(owner, f"{name}@example.se", *seats, name=name.title())
    with owner.app_context():
        rows = db.session.execute(select(Handler.email, Handler.id)).all()
        return {email.partition("@")[0]: handler_id for email, handler_id in rows}


@pytest.fixture
def let(handler_app, ids):
    """Let somebody do an act: ``let("anna", work.take, matter)``."""

    def let(name, service, matter, *given, **options):
        act(handler_app, matter, ids[name], service, *given, **options)

    return let


@pytest.fixture
def given(bring, let):
    """A matter that Anna has handed over to the north."""
    matter = bring()
    let("anna", handing_over.hand_over, matter, NORD, "Bor i Umeå.")
    return matter


def refuse(let, name, matter):
    let(name, handing_over.send_back, matter, "Hör inte hit.")


def sees(matter):
    db.session.expire_all()
    stands = select(MatterUnit.unit_id).where(MatterUnit.matter_id == matter.id, MatterUnit.until.is_(None))
    return sorted(db.session.scalars(stands))


def test_it_stands_with_the_receiver_and_both_see_it_until_it_is_received(given, let):
    assert (fresh(given).unit_id, given.region, given.handler_id) == (NORD, "nord", None)
    assert sees(given) == [NORD, SYD]
    let("nora", handing_over.receive, given)
    assert sees(given) == [NORD]
    assert events(given)[-2:] == ["handed_over", "handover_received"]


def test_who_had_it_has_it_no_more_and_its_deadline_goes_on(bring, let, clock):
    matter = bring()
    due = matter.due_at
    let("anna", work.take, matter)
    clock.at += timedelta(hours=5)
    let("anna", handing_over.hand_over, matter, NORD, "Bor i Umeå.")
    assert (fresh(matter).handler_id, matter.status, matter.due_at) == (None, "registered", due)


def test_the_reason_is_a_note_and_the_event_holds_codes(given):
    note = db.session.scalars(select(Message.text).where(Message.direction == "note")).one()
    event = db.session.scalars(select(Event).where(Event.what == "handed_over")).one()
    assert note == "Bor i Umeå."
    assert "Umeå" not in str(event.detail)
    assert (event.detail["from"], event.detail["to"]) == (SYD, NORD)


@pytest.mark.parametrize("unit", ["finns-inte", SYD, "su"])
def test_nothing_is_handed_over_to_nowhere_itself_or_into_a_wall(bring, let, unit):
    matter = bring()
    with pytest.raises(NotAllowed):
        let("anna", handing_over.hand_over, matter, unit, "Fel")
    assert (fresh(matter).unit_id, sees(matter)) == (SYD, [SYD])


def test_nothing_is_handed_over_out_of_a_wall(bring, let):
    matter = bring()
    let("anna", work.move, matter, "su", "En polis")
    with pytest.raises(NotAllowed, match="sekretessgräns"):
        let("sara", handing_over.hand_over, matter, NORD, "Fel")
    assert sees(matter) == ["su"]


def test_it_is_worked_on_only_when_it_is_received(given, let):
    acts = ((work.reply, "Hej"), (work.close, "no_action", ""), (work.move, "su", "x"),
            (work.sort, "fraga", 1, ""), (handing_over.hand_over, SYD, "x"),
            (at_desk.pause, date(2026, 12, 24)))  # fmt: skip
    for service, *words in acts:
        with pytest.raises(NotAllowed, match="Ta emot det först"):
            let("nora", service, given, *words)
    let("nora", handing_over.receive, given)
    let("nora", work.reply, given, "Hej")


def test_it_is_merged_only_when_it_is_received(given, bring, let):
    other = bring(subject="Mer")
    let("anna", handing_over.hand_over, other, NORD, "Samma")
    with pytest.raises(NotAllowed, match="väntar på att tas emot"):
        let("nora", merging.merge, given, other.id, codes_lead_on=False)


def test_whoever_takes_it_receives_it(given, let, ids):
    let("nora", work.take, given)
    assert (fresh(given).handler_id, given.status, sees(given)) == (ids["nora"], "in_progress", [NORD])
    assert sorted(events(given)[-2:]) == ["handover_received", "taken"]


def test_whoever_takes_the_next_one_receives_it(given, handler_app, ids):
    given_id = given.id
    with desk.seated(handler_app, ids["nora"]):
        assert at_desk.claim_next([NORD]) == given_id
    assert (fresh(given).handler_id, sees(given)) == (ids["nora"], [NORD])
    event = db.session.scalars(select(Event).where(Event.what == "handover_received")).one()
    assert (event.detail, event.handler_id) == ({"from": SYD}, ids["nora"])


def test_the_giver_only_reads_it(given, let):
    acts = ((work.take,), (work.reply, "Hej"), (handing_over.receive,), (work.write_note, "Ett ord till"))
    for service, *words in acts:
        with pytest.raises((Conflict, NotAllowed, NoResultFound)):
            let("anna", service, given, *words)
        db.session.rollback()


def test_taken_back_it_is_as_it_was(bring, let, ids):
    matter = bring()
    let("anna", work.take, matter)
    let("anna", handing_over.hand_over, matter, NORD, "Bor i Umeå.")
    let("bertil", handing_over.take_back, matter)
    assert (fresh(matter).unit_id, matter.handler_id, matter.status) == (SYD, ids["anna"], "in_progress")
    assert sees(matter) == [SYD]
    assert events(matter)[-1] == "handover_undone"


def test_what_was_received_is_not_taken_back(given, let):
    before = fresh(given).version
    let("nora", handing_over.receive, given)
    with pytest.raises(Conflict):
        let("anna", handing_over.take_back, given, version=before)


def test_it_is_sent_back_with_a_mark_and_the_reason(given, let):
    refuse(let, "nora", given)
    assert (fresh(given).unit_id, given.needs_person, sees(given)) == (SYD, ["handover_refused"], [SYD])
    notes = db.session.scalars(select(Message.text).where(Message.direction == "note"))
    assert "Hör inte hit." in notes.all()


def test_the_second_refusal_ends_with_the_national_coordinator(given, let):
    refuse(let, "nora", given)
    let("anna", handing_over.hand_over, given, "stockholm-inkorg", "Då där.")
    assert fresh(given).needs_person == []
    refuse(let, "stina", given)
    assert (fresh(given).unit_id, given.needs_person) == (NATIONAL, ["handover_to_decide"])
    assert sees(given) == [NATIONAL]
    with pytest.raises(NotAllowed, match="nationell samordnare"):
        let("nils", handing_over.hand_over, given, NORD, "Tillbaka")
    let("karin", handing_over.hand_over, given, NORD, "Det är ert.")
    with pytest.raises(NotAllowed, match="kan inte lämnas tillbaka"):
        refuse(let, "nora", given)
    let("nora", handing_over.receive, given)


def test_the_national_inbox_refuses_nothing_that_was_refused(given, let):
    refuse(let, "nora", given)
    let("anna", handing_over.hand_over, given, NATIONAL, "Vet inte vart.")
    with pytest.raises(NotAllowed, match="kan inte lämnas tillbaka"):
        refuse(let, "nils", given)


def test_to_take_back_gives_no_new_refusal(given, let):
    refuse(let, "nora", given)
    for _ in range(2):
        let("anna", handing_over.hand_over, given, "stockholm-inkorg", "Då där.")
        let("anna", handing_over.take_back, given)
    let("anna", handing_over.hand_over, given, "stockholm-inkorg", "Då där.")
    refuse(let, "stina", given)
    assert fresh(given).unit_id == NATIONAL


def test_what_was_received_may_be_refused_anew_the_next_time(given, let):
    refuse(let, "nora", given)
    let("anna", handing_over.hand_over, given, NORD, "Jo.")
    let("nora", handing_over.receive, given)
    let("nora", handing_over.hand_over, given, SYD, "Har flyttat.")
    refuse(let, "anna", given)
    assert fresh(given).unit_id == NORD


@pytest.fixture
def without_syd(seen):
    """Let the giver's unit be closed."""
    set_open = text("UPDATE unit SET is_open = :is_open WHERE id = :unit")
    for is_open in (False, True):
        seen.execute(set_open, {"is_open": is_open, "unit": SYD})
        seen.commit()
        if not is_open:
            yield


def test_what_comes_from_a_unit_that_is_closed_since_goes_to_the_national_inbox(given, let, request):
    request.getfixturevalue("without_syd")
    refuse(let, "nora", given)
    assert fresh(given).unit_id == NATIONAL


def test_who_asks_at_a_prompt_gets_no_further(given, bring, handler_app, ids):
    other = bring()
    statements = (
        ("nora", "SELECT end_handover(:id, 2, 'taken_back', now())"),
        ("anna", "SELECT end_handover(:id, 2, 'received', now())"),
        ("anna", "SELECT end_handover(:id, 2, 'refused', now())"),
        ("stina", "SELECT end_handover(:id, 2, 'received', now())"),
        ("nora", "SELECT hand_over(:other, 1, 'nord-inkorg', now(), now())"),
        ("anna", "SELECT move_matter(:id, 'syd-inkorg')"),
        ("nora", "SELECT move_matter(:id, 'syd-inkorg')"),
        ("nora", "SELECT receive_handover(:id, now())"),
        ("nora", "SELECT * FROM handover"),
    )
    values = {"id": given.id, "other": other.id}
    db.session.rollback()
    for name, statement in statements:
        with desk.seated(handler_app, ids[name], values["id"], values["other"]):
            with pytest.raises(ProgrammingError, match=r"not a matter of the caller|permission denied"):
                db.session.execute(text(statement), values)
            db.session.rollback()


def test_of_two_who_hand_over_at_once_one_wins(bring, let, handler_app, ids, database, monkeypatch):
    matter, lost = bring(), []
    other = work.Act(matter.id, matter.version, ids["bertil"])

    def too():
        with desk.seated(handler_app, other.handler_id, other.matter_id):
            try:
                handing_over.hand_over(other, "stockholm-inkorg", "Nej, dit.")
            except Conflict:
                lost.append("bertil")

    db.session.rollback()
    end = begin_before(monkeypatch, database.urls["owner"], handing_over, "end", too)
    let("anna", handing_over.hand_over, matter, NORD, "Bor i Umeå.", version=other.version)
    end()
    assert (lost, fresh(matter).unit_id) == (["bertil"], NORD)
    assert events(matter).count("handed_over") == 1


def test_of_receiving_and_taking_back_at_once_one_wins(given, handler_app, ids):
    given, version = given.id, fresh(given).version
    outcomes, gate = [], threading.Barrier(2)

    def race(name, service):
        with desk.seated(handler_app, ids[name], given):
            db.session.scalar(select(Matter.id))
            db.session.rollback()
            gate.wait()
            try:
                service(work.Act(given, version, ids[name]))
                outcomes.append(service.__name__)
            except (Conflict, NotAllowed):
                outcomes.append("late")

    acts = (("nora", handing_over.receive), ("anna", handing_over.take_back))
    db.session.rollback()
    runners = [threading.Thread(target=race, args=each) for each in acts]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    won = db.session.scalars(select(Handover.outcome)).one()
    assert sorted(outcomes) == sorted(["late", {"received": "receive", "taken_back": "take_back"}[won]])


class TestTheClock:
    @pytest.mark.parametrize(
        ("since", "due"),
        [
            ("2026-11-23 10:00", "2026-11-24 10:00"),
            ("2026-11-27 15:00", "2026-11-30 15:00"),
            ("2026-11-28 09:00", "2026-12-01 00:00"),
            ("2026-12-23 12:00", "2026-12-28 12:00"),
        ],
    )
    def test_its_hours_are_those_of_working_days(self, since, due):
        at, then = (datetime.fromisoformat(each).replace(tzinfo=STOCKHOLM) for each in (since, due))
        assert after_working_hours(at, 24) == then

    def test_what_is_not_received_in_time_is_marked_once_for_both(self, given, clock):
        clock.at += timedelta(days=5)
        assert handing_over.mark_overdue() == 1
        assert fresh(given).needs_person == ["handover_overdue"]
        assert events(given).count("handover_overdue") == 1
        clock.at += timedelta(days=5)
        assert handing_over.mark_overdue() == 0

    @pytest.mark.parametrize("ending", ["receive", "take", "next", "take_back", "send_back"])
    def test_however_it_ends_it_is_overdue_no_more(self, given, let, clock, handler_app, ids, ending):
        clock.at += timedelta(days=5)
        handing_over.mark_overdue()
        ends = {"receive": ("nora", handing_over.receive), "take": ("nora", work.take),
                "take_back": ("anna", handing_over.take_back),
                "send_back": ("nora", handing_over.send_back, "Nej.")}  # fmt: skip
        if ending == "next":
            with desk.seated(handler_app, ids["nora"]):
                at_desk.claim_next([NORD])
        else:
            name, service, *words = ends[ending]
            let(name, service, given, *words)
        assert "handover_overdue" not in fresh(given).needs_person
        assert handing_over.mark_overdue() == 0

    def test_however_many_there_are_all_are_marked(self, bring, let, clock, monkeypatch):
        monkeypatch.setattr(handing_over, "MARKED_AT_ONCE", 2)
        for _ in range(3):
            let("anna", handing_over.hand_over, bring(), NORD, "Dit.")
        clock.at += timedelta(days=5)
        assert handing_over.mark_overdue() == 3

    @pytest.mark.usefixtures("given")
    def test_whoever_acts_on_one_just_now_holds_no_other_up(self, clock, database):
        clock.at += timedelta(days=5)
        db.session.rollback()
        with create_engine(database.urls["worker"], poolclass=NullPool).begin() as other:
            other.execute(text("SELECT FROM matter FOR UPDATE"))
            assert handing_over.mark_overdue() == 0
        assert handing_over.mark_overdue() == 1


class TestTheCitizen:
    def told(self, citizen_app, key):
        with citizen_app.app_context():
            return following.handover(key)

    def test_is_told_in_plain_words_and_never_where(self, bring, let, citizen_app):
        matter = bring()
        key = key_to(matter)
        assert self.told(citizen_app, key) == ""
        let("anna", handing_over.hand_over, matter, NORD, "Bor i Umeå.")
        waiting = self.told(citizen_app, key)
        assert "lämnats över till en annan del av myndigheten. Det väntar" in waiting
        let("nora", handing_over.receive, matter)
        assert "som nu har hand om det" in self.told(citizen_app, key)
        assert "Nord" not in waiting

    @pytest.mark.parametrize("undo", [("anna", handing_over.take_back), ("nora", refuse)])
    def test_is_told_nothing_of_what_came_back(self, given, let, citizen_app, undo):
        name, service = undo
        key = key_to(given)
        if service is refuse:
            refuse(let, name, given)
        else:
            let(name, service, given)
        assert self.told(citizen_app, key) == ""

    def test_what_the_preview_says_is_what_is_read(self, bring, handler_app, ids, citizen_app, let):
        matter = bring()
        key = key_to(matter)
        with desk.seated(handler_app, ids["anna"], matter.id):
            previewed = handing_over.citizen_reads(matter.id)
        let("anna", handing_over.hand_over, matter, NORD, "Bor i Umeå.")
        assert self.told(citizen_app, key) == previewed

    @pytest.mark.parametrize(
        ("category", "language", "begins"), [("tips", "sv", ""), ("fraga", "en", "Your")]
    )
    def test_reads_it_in_the_own_language_and_nothing_where_the_law_is_quiet(
        self, bring, handler_app, ids, category, language, begins
    ):
        matter = bring(language=language)
        key_to(matter)
        db.session.execute(update(Matter).values(category=category))
        db.session.commit()
        with desk.seated(handler_app, ids["anna"], matter.id):
            said = handing_over.citizen_reads(matter.id)
        assert said.startswith(begins)
        assert bool(said) == bool(begins)
