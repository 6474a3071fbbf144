"""Who gives and takes roles, what takes two persons, and what a prompt under the pages' role can do of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from intake import access
from intake.models import (
    AccessLog,
    Event,
    Handler,
    HandlerSession,
    Matter,
    MatterUnit,
    Membership,
    MembershipChange,
    MembershipProposal,
    new_id,
)
from tests import desk

HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"
# Karin coordinates the south, Knut the north; Siv and Stig SU, Nina the country.
SEATS = {
    "karin": ("syd-inkorg", "coordinator"),
    "kurt": ("syd-utredning", "coordinator"),
    "anna": ("syd-inkorg", "handler"),
    "knut": ("nord-inkorg", "coordinator"),
    "nora": ("nord-inkorg", "handler"),
    "siv": ("su", "coordinator"),
    "stig": ("su", "coordinator"),
    "nina": ("nationell-inkorg", "national_coordinator"),
}


class People:
    """Handlers by a short name, each with a session, at a prompt under the pages' own role."""

    def __init__(self, database, owner_app, door_app, seen):
        self.engine = database.prompt("handler")
        self.owner_app, self.door_app, self.seen, self.tokens = owner_app, door_app, seen, {}

    def hire(self, name, *seats):
        desk.hire(self.owner_app, f"{name}@example.se", *seats, name=name.capitalize())

    def id(self, name):
        return self.seen.query(Handler.id).filter(Handler.email == f"{name}@example.se").scalar()

    def ask(self, by, statement, **values):
        """Run one statement in a session of somebody's; return what it answers in its first row."""
        if by not in self.tokens:
            with self.door_app.app_context():
                self.tokens[by] = access.begin(self.id(by), stage="open", agent="")
        with self.engine.begin() as connection:
            shown = {"token": self.tokens[by]}
            connection.execute(text("SELECT set_config('app.session', :token, true)"), shown)
            answer = connection.execute(text(statement), values)
            row = answer.first() if answer.returns_rows else None
        self.seen.rollback()
        return row[0] if row is not None and len(row) == 1 else row

    def give(self, by, whom, unit, role, reason="Behövs"):
        said = {"look": self.look(by, f"{whom}@example.se", reason), "unit": unit, "role": role}
        return self.ask(by, "SELECT give_role(:look, :unit, :role)", **said)

    def make(self, by, email, unit, role, name="Ny Person"):
        said = {"look": self.look(by, email, "Ny"), "name": name, "hash": HASH, "unit": unit, "role": role}
        return self.ask(by, "SELECT make_account(:look, :name, :hash, :unit, :role)", **said)

    def look(self, by, email, reason="Ny"):
        return self.ask(by, "SELECT begin_people(:email, :reason)", email=email, reason=reason)

    def take(self, by, whom, unit, role):
        said = {"whom": self.id(whom), "unit": unit, "role": role}
        return self.ask(by, "SELECT outcome FROM take_role(:whom, :unit, :role, 'Slutar')", **said)

    def close(self, by, whom):
        return self.ask(by, "SELECT outcome FROM close_account(:whom, 'Slutar')", whom=self.id(whom))

    def decide(self, by, proposal, is_approved=True):
        said = {"id": proposal, "yes": is_approved}
        return self.ask(by, "SELECT decide_proposal(:id, :yes, 'Ja')", **said)

    def roles(self, name):
        own = self.seen.query(Membership.unit_id, Membership.role).join(Handler)
        return sorted(tuple(row) for row in own.filter(Handler.email == f"{name}@example.se"))


@pytest.fixture
def people(database, make_app, handler_app, seen):
    made = People(database, make_app("handler", "owner"), handler_app, seen)
    for name, seat in SEATS.items():
        made.hire(name, seat)
    seen.query(MembershipChange).delete()
    seen.commit()
    return made


@pytest.fixture
def proposed(people):
    """Siv proposes Anna for SU."""
    assert people.give("siv", "anna", "su", "handler") == "proposed"
    return people.seen.query(MembershipProposal.id).scalar()


@pytest.mark.parametrize(
    ("by", "unit", "role", "answer"),
    [
        ("karin", "syd-grans", "reader", "given"),
        ("karin", "syd-inkorg", "coordinator", "given"),
        ("karin", "nord-inkorg", "reader", "no"),
        ("karin", "syd-inkorg", "operator", "no"),
        ("karin", "nationell-inkorg", "auditor", "no"),
        ("karin", "su", "reader", "no"),
        ("karin", "syd-inkorg", "king", "no"),
        ("karin", "atlantis", "reader", "no"),
        ("anna", "syd-inkorg", "reader", "no"),
        ("nina", "nord-inkorg", "coordinator", "given"),
        ("nina", "nationell-inkorg", "auditor", "given"),
        ("nina", "nord-inkorg", "auditor", "no"),
        ("nina", "su", "reader", "no"),
        ("siv", "su", "coordinator", "proposed"),
        ("siv", "su", "operator", "no"),
        ("siv", "syd-inkorg", "reader", "no"),
    ],
)
def test_each_gives_only_what_is_theirs_to_give(people, by, unit, role, answer):
    assert people.give(by, "nora", unit, role) == answer
    assert ((unit, role) in people.roles("nora")) == (answer == "given")


@pytest.mark.parametrize(
    ("by", "whom", "unit", "role", "answer"),
    [
        ("karin", "anna", "syd-inkorg", "handler", "taken"),
        ("karin", "kurt", "syd-utredning", "coordinator", "taken"),
        ("karin", "nora", "nord-inkorg", "handler", "no"),
        ("karin", "anna", "syd-inkorg", "reader", "no"),
        ("karin", "karin", "syd-inkorg", "coordinator", "own"),
        ("nina", "nora", "nord-inkorg", "handler", "taken"),
        ("nina", "stig", "su", "coordinator", "no"),
        ("siv", "stig", "su", "coordinator", "taken"),
        ("anna", "kurt", "syd-utredning", "coordinator", "no"),
    ],
)
def test_each_takes_only_what_is_theirs_to_take_and_behind_a_wall_one_is_enough(
    people, by, whom, unit, role, answer
):
    assert people.take(by, whom, unit, role) == answer
    assert ((unit, role) in people.roles(whom)) == (SEATS[whom] == (unit, role) and answer != "taken")


def test_nobody_gives_oneself_a_role(people):
    assert people.give("karin", "karin", "syd-inkorg", "file_quarantine") == "own"
    assert people.give("siv", "siv", "su", "file_quarantine") == "own"


def test_each_change_stands_in_the_history_with_who_and_why(people):
    people.give("karin", "anna", "syd-inkorg", "registrar", reason="Vikarie")
    people.take("kurt", "anna", "syd-inkorg", "registrar")
    changes = people.seen.query(MembershipChange).order_by(MembershipChange.at).all()
    told = [(each.actor, each.what, each.role, each.unit_id, each.reason) for each in changes]
    assert told == [
        ("Karin", "given", "registrar", "syd-inkorg", "Vikarie"),
        ("Kurt", "taken", "registrar", "syd-inkorg", "Slutar"),
    ]
    assert {each.handler_id for each in changes} == {people.id("anna")}


def test_without_a_reason_nothing_is_changed(people):
    assert people.give("karin", "anna", "syd-inkorg", "reader", reason=" ") == "no"


@pytest.mark.parametrize("change", ["give", "take", "close", "approve"])
def test_a_changed_role_ends_the_persons_sessions_and_nobody_elses(people, change):
    assert people.ask("anna", "SELECT session_handler()") == people.id("anna")
    if change == "give":
        people.give("karin", "anna", "syd-inkorg", "reader")
    elif change == "take":
        people.take("karin", "anna", "syd-inkorg", "handler")
    elif change == "close":
        people.close("karin", "anna")
    else:
        people.give("siv", "anna", "su", "reader")
        assert people.ask("anna", "SELECT session_handler()") is not None
        people.decide("stig", people.seen.query(MembershipProposal.id).scalar())
    assert people.ask("anna", "SELECT session_handler()") is None
    ended = people.seen.query(HandlerSession).filter(HandlerSession.ended_at.is_not(None))
    assert {each.handler_id for each in ended} == {people.id("anna")}


def test_a_command_ends_them_too_and_stands_in_the_history(people):
    people.ask("anna", "SELECT 1")
    people.hire("anna", ("syd-inkorg", "handler"), ("su", "reader"))
    assert people.ask("anna", "SELECT session_handler()") is None
    change = people.seen.query(MembershipChange).filter(MembershipChange.unit_id == "su").one()
    assert (change.actor, change.role) == ("kommando (command)", "reader")
    looks = people.seen.query(AccessLog).filter(AccessLog.chain == "command", AccessLog.what == "membership")
    assert f"reader:su {people.id('anna')}" in {look.words for look in looks}


class TestTwoPersons:
    """A role behind a wall."""

    def test_another_coordinator_of_the_unit_approves(self, people, proposed):
        assert ("su", "handler") not in people.roles("anna")
        assert people.decide("stig", proposed) == "approved"
        assert ("su", "handler") in people.roles("anna")
        whats = people.seen.query(MembershipChange).order_by(MembershipChange.at)
        assert [(each.actor, each.what) for each in whats] == [("Siv", "proposed"), ("Stig", "approved")]
        assert {each.proposal_id for each in whats} == {proposed}

    def test_not_the_one_who_proposed(self, people, proposed):
        assert people.decide("siv", proposed) == "own"
        assert people.decide("siv", proposed, is_approved=False) == "withdrawn"
        assert people.decide("stig", proposed) == "decided"
        assert ("su", "handler") not in people.roles("anna")

    def test_not_the_one_whom_it_is_about(self, people):
        people.give("siv", "stig", "su", "file_quarantine")
        proposal = people.seen.query(MembershipProposal.id).scalar()
        assert people.decide("stig", proposal) == "no"

    @pytest.mark.parametrize("by", ["anna", "karin", "nina", "nora"])
    def test_nobody_from_outside_while_the_unit_has_a_second(self, people, proposed, by):
        assert people.decide(by, proposed) == "no"
        assert people.ask(by, "SELECT count(*) FROM open_proposals()") == 0

    def test_a_national_coordinator_where_the_unit_has_no_second_and_learns_name_and_role(
        self, people, proposed
    ):
        people.take("siv", "stig", "su", "coordinator")
        row = people.ask("nina", "SELECT name, role, handler_id, reason, proposer FROM open_proposals()")
        assert tuple(row) == ("Anna", "handler", None, None, None)
        assert people.ask("karin", "SELECT count(*) FROM open_proposals()") == 0
        assert people.decide("nina", proposed) == "approved"

    def test_a_second_who_is_the_one_it_is_about_is_no_second(self, people):
        people.give("siv", "stig", "su", "file_quarantine")
        proposal = people.seen.query(MembershipProposal.id).scalar()
        assert people.decide("nina", proposal) == "approved"

    def test_it_lapses_after_seven_days_and_can_be_proposed_again(self, people, proposed):
        assert people.give("stig", "anna", "su", "handler") == "waiting"
        people.seen.execute(text("UPDATE membership_proposal SET expires_at = now()"))
        people.seen.commit()
        assert people.ask("stig", "SELECT count(*) FROM open_proposals()") == 0
        assert people.decide("stig", proposed) == "late"
        assert people.give("siv", "anna", "su", "handler") == "proposed"
        assert ("su", "handler") not in people.roles("anna")

    @pytest.mark.parametrize("is_disabled", [True, False])
    def test_what_a_former_coordinator_proposed_can_only_be_refused(self, people, proposed, is_disabled):
        if is_disabled:
            with people.owner_app.app_context():
                access.disable_handler("siv@example.se", by="root")
        else:
            people.take("stig", "siv", "su", "coordinator")
        assert people.decide("stig", proposed) == "gone"
        assert people.decide("stig", proposed, is_approved=False) == "refused"

    def test_of_two_who_decide_at_once_one_wins(self, people, proposed):
        people.hire("stina", ("su", "coordinator"))
        deciders = ("stig", "stina")
        for name in deciders:
            people.ask(name, "SELECT 1")
        with ThreadPoolExecutor(2) as both:
            given = [both.submit(_decide, people, name, proposed, name == "stig") for name in deciders]
            answers = sorted(each.result() for each in given)
        assert answers in (["approved", "decided"], ["decided", "refused"])
        changes = people.seen.query(MembershipChange).filter(MembershipChange.proposal_id == proposed)
        assert changes.count() == 2


class TestOnePersonIsNotTwo:
    """Whoever decides must not be the making of who asks, nor the other way about."""

    def test_a_coordinator_decides_nothing_by_an_account_of_ones_own_making(self, people, asked):
        people.make("karin", "kaj@example.se", "syd-inkorg", "coordinator", name="Kaj")
        assert people.ask("kaj", DECIDE, id=asked) == "owed"
        assert people.ask("kaj", REFUSE, id=asked) == "refused"

    def test_nor_by_a_chain_of_them(self, people, asked):
        people.make("karin", "kaj@example.se", "syd-inkorg", "coordinator", name="Kaj")
        people.make("kaj", "kim@example.se", "syd-inkorg", "coordinator", name="Kim")
        assert people.ask("kim", DECIDE, id=asked) == "owed"

    def test_nor_by_somebody_who_was_given_the_role_to_decide(self, people, asked):
        people.give("karin", "anna", "syd-inkorg", "coordinator")
        assert people.ask("anna", DECIDE, id=asked) == "owed"

    def test_nor_for_an_account_that_one_made(self, people, worker_app, clock):
        people.make("karin", "kaj@example.se", "syd-inkorg", "handler", name="Kaj")
        people.make("karin", "kim@example.se", "syd-inkorg", "coordinator", name="Kim")
        request = ask_export(people, "kaj", worker_app, clock)
        assert {by: people.ask(by, DECIDE, id=request) for by in ("karin", "kim")} == {
            "karin": "owed", "kim": "owed"}  # fmt: skip
        assert people.ask("kurt", DECIDE, id=request) == "approved"

    def test_a_role_that_decides_nothing_binds_nobody(self, people, worker_app, clock):
        people.give("karin", "anna", "syd-inkorg", "registrar")
        people.give("karin", "kurt", "syd-inkorg", "reader")
        assert people.ask("karin", DECIDE, id=ask_export(people, "anna", worker_app, clock)) == "approved"
        assert people.ask("kurt", DECIDE, id=ask_export(people, "karin", worker_app, clock)) == "approved"

    def test_after_ninety_days_a_colleague_is_one_like_others(self, people, asked):
        people.give("karin", "anna", "syd-inkorg", "coordinator")
        people.seen.execute(text("UPDATE membership_change SET at = at - interval '90 days'"))
        people.seen.commit()
        assert people.ask("anna", DECIDE, id=asked) == "approved"

    def test_nobody_lets_somebody_in_by_a_national_coordinator_of_ones_own_making(self, people):
        people.hire("nina", ("su", "coordinator"))
        for other in ("siv", "stig"):
            people.take("nina", other, "su", "coordinator")
        people.make("nina", "nils@example.se", "nationell-inkorg", "national_coordinator", name="Nils")
        people.give("nina", "anna", "su", "handler")
        proposal = people.seen.query(MembershipProposal.id).scalar()
        assert people.decide("nils", proposal) == "owed"
        people.hire("nora", ("nationell-inkorg", "national_coordinator"))
        assert people.decide("nora", proposal) == "approved"

    def test_a_second_of_the_proposers_making_is_no_second(self, people, proposed):
        people.seen.query(MembershipChange).delete()
        actor = {"actor": "Siv", "actor_id": people.id("siv"), "what": "account_made"}
        made = MembershipChange(id=new_id(), handler_id=people.id("stig"), **actor)
        made.at = people.seen.scalar(text("SELECT now()"))
        people.seen.add(made)
        people.seen.commit()
        assert people.decide("stig", proposed) == "owed"
        assert people.decide("nina", proposed) == "approved"


DECIDE = "SELECT decide_export(:id, true)"
REFUSE = "SELECT decide_export(:id, false)"


def ask_export(people, by, worker_app, clock):
    reference = desk.bring(worker_app, clock)
    matter = people.seen.query(Matter.id).filter(Matter.reference == reference).scalar()
    people.seen.query(Matter).update({"unit_id": "syd-inkorg"})
    people.seen.query(MatterUnit).filter(MatterUnit.matter_id == matter).update({"unit_id": "syd-inkorg"})
    people.seen.commit()
    return people.ask(by, "SELECT ask_export(ARRAY[cast(:id AS uuid)], 'Till åklagaren')", id=matter)


@pytest.fixture
def asked(people, worker_app, clock):
    """Karin asks for an export."""
    return ask_export(people, "karin", worker_app, clock)


def _decide(people, name, proposal, is_approved):
    with people.engine.begin() as connection:
        shown = {"token": people.tokens[name]}
        connection.execute(text("SELECT set_config('app.session', :token, true)"), shown)
        decided = text("SELECT decide_proposal(:id, :yes, NULL)")
        return connection.scalar(decided, {"id": proposal, "yes": is_approved})


def test_what_somebody_had_in_hand_goes_back_to_the_inbox(people, worker_app, clock):
    mine, elsewhere, closed = (desk.bring(worker_app, clock) for _ in range(3))
    given = {"handler_id": people.id("anna"), "status": "in_progress"}
    people.seen.query(Matter).update({**given, "unit_id": "syd-inkorg"})
    people.seen.query(Matter).filter(Matter.reference == elsewhere).update({"unit_id": "nord-inkorg"})
    people.seen.query(Matter).filter(Matter.reference == closed).update({"closed_at": clock()})
    people.seen.commit()
    people.take("karin", "anna", "syd-inkorg", "handler")
    held = {row.reference: row.handler_id for row in people.seen.query(Matter)}
    assert (held[mine], held[elsewhere], held[closed]) == (None, people.id("anna"), people.id("anna"))
    left = people.seen.query(Event).filter(Event.what == "handler_left").one()
    assert (left.handler_id, left.actor) == (people.id("karin"), "handler")


def test_who_still_handles_there_by_another_role_keeps_what_is_in_hand(people, worker_app, clock):
    people.hire("anna", ("syd-inkorg", "registrar"))
    desk.bring(worker_app, clock)
    people.seen.query(Matter).update({"handler_id": people.id("anna"), "unit_id": "syd-inkorg"})
    people.seen.commit()
    people.take("karin", "anna", "syd-inkorg", "handler")
    assert people.seen.query(Matter.handler_id).scalar() == people.id("anna")


class TestAccounts:
    """New people, and those who leave."""

    def test_a_new_account_has_one_role_and_a_first_password_that_ends(self, people):
        assert people.make("karin", " Ny@Example.se ", "syd-inkorg", "reader") == "given"
        made = people.seen.query(Handler).filter(Handler.email == "ny@example.se").one()
        assert (made.name, made.must_change_password) == ("Ny Person", True)
        assert (made.password_expires_at - made.created_at).days == 14
        assert people.roles("ny") == [("syd-inkorg", "reader")]
        whats = people.seen.query(MembershipChange.what).order_by(MembershipChange.at)
        assert [row[0] for row in whats] == ["account_made", "given"]

    def test_behind_a_wall_it_has_none_until_another_person_approves(self, people):
        assert people.make("siv", "ny@example.se", "su", "reader") == "proposed"
        assert people.roles("ny") == []

    @pytest.mark.parametrize(
        ("by", "unit", "role"), [("anna", "syd-inkorg", "reader"), ("karin", "nord-inkorg", "reader")]
    )
    def test_only_who_may_give_the_role_makes_one(self, people, by, unit, role):
        assert people.make(by, "ny@example.se", unit, role) == "no"
        assert people.id("ny") is None

    def test_an_address_that_is_taken_keeps_its_password(self, people):
        before = people.seen.query(Handler.password_hash).filter(Handler.email == "nora@example.se").scalar()
        assert people.make("karin", "nora@example.se", "syd-inkorg", "reader") == "there"
        after = people.seen.query(Handler.password_hash).filter(Handler.email == "nora@example.se").scalar()
        assert (before, people.roles("nora")) == (after, [("nord-inkorg", "handler")])

    def test_who_has_no_role_left_cannot_sign_in(self, people):
        assert people.close("karin", "anna") == "closed"
        anna = people.seen.query(Handler).filter(Handler.email == "anna@example.se").one()
        assert anna.disabled_at is not None
        assert people.give("karin", "anna", "syd-inkorg", "reader") == "unknown"

    def test_who_has_one_left_can_and_nobody_is_told(self, people):
        people.hire("anna", ("su", "handler"))
        assert people.close("karin", "anna") == "closed"
        anna = people.seen.query(Handler).filter(Handler.email == "anna@example.se").one()
        assert (anna.disabled_at, people.roles("anna")) == (None, [("su", "handler")])
        assert people.ask("karin", "SELECT count(*) FROM handler WHERE email = 'anna@example.se'") == 0

    @pytest.mark.parametrize(("by", "answer"), [("knut", "no"), ("anna", "own"), ("siv", "no")])
    def test_nobody_elses_coordinator_closes_it(self, people, by, answer):
        assert people.close(by, "anna") == answer
        assert people.roles("anna") == [("syd-inkorg", "handler")]

    def test_one_that_was_closed_is_opened_by_its_name_without_its_old_secrets(self, people):
        people.close("kurt", "anna")
        assert people.make("karin", "anna@example.se", "syd-inkorg", "reader", name="Ove") == "other"
        assert people.make("karin", "anna@example.se", "syd-inkorg", "reader", name="anna") == "given"
        anna = people.seen.query(Handler).filter(Handler.email == "anna@example.se").one()
        assert (anna.password_hash, anna.totp_secret, anna.disabled_at) == (HASH, None, None)

    def test_whoever_closed_it_does_not_open_it_nor_does_a_puppet(self, people):
        people.close("karin", "anna")
        people.make("karin", "kaj@example.se", "syd-inkorg", "coordinator", name="Kaj")
        for by in ("karin", "kaj"):
            assert people.make(by, "anna@example.se", "syd-inkorg", "reader", name="Anna") == "closer"
        assert people.make("kurt", "anna@example.se", "syd-inkorg", "reader", name="Anna") == "given"

    def test_one_that_a_command_disabled_stays_so(self, people):
        with people.owner_app.app_context():
            access.disable_handler("nora@example.se", by="root")
        assert people.make("karin", "nora@example.se", "syd-inkorg", "reader", name="Nora") == "other"
        assert people.close("knut", "nora") == "closed"
        assert people.make("nina", "nora@example.se", "nord-inkorg", "reader", name="Nora") == "other"


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO public.membership SELECT id, handler_id, 'su', 'reader', now() FROM membership",
        "UPDATE public.membership SET role = 'coordinator'",
        "DELETE FROM public.membership",
        "INSERT INTO public.membership_change SELECT * FROM membership_change",
        "UPDATE public.membership_change SET reason = ''",
        "DELETE FROM public.membership_change",
        "SELECT * FROM membership_proposal",
        "UPDATE public.membership_proposal SET expires_at = now() + interval '1 year'",
        "UPDATE public.handler SET disabled_at = NULL",
        "UPDATE public.export_request SET decision = 'approved'",
        "INSERT INTO public.export_request_matter SELECT * FROM export_request_matter",
        "SELECT seat(gen_random_uuid(), 'su', 'reader', 'x')",
        "SELECT note_change('given', gen_random_uuid(), 'su', 'reader', 'x', NULL)",
        "SELECT end_sessions(gen_random_uuid())",
        "SELECT release_matters(gen_random_uuid(), '{su}')",
        "SELECT units_of(gen_random_uuid(), '{coordinator}')",
    ],
)
def test_a_prompt_in_a_coordinators_session_writes_nothing_by_itself(people, statement):
    with pytest.raises(ProgrammingError, match="permission denied"):
        people.ask("karin", statement)


@pytest.mark.parametrize("by", ["karin", "kurt"])
def test_nor_does_it_learn_who_works_elsewhere(people, by):
    people.give("knut", "nora", "nord-grans", "reader")
    people.give("siv", "nora", "su", "reader")
    for told in ("membership WHERE unit_id !~ '^syd'", "membership_change WHERE unit_id !~ '^syd'",
                 "handler WHERE name NOT IN ('Karin', 'Kurt', 'Anna')", "open_proposals()"):  # fmt: skip
        assert people.ask(by, f"SELECT count(*) FROM {told}") == 0, told
    assert people.ask(by, "SELECT administered_units()::text") not in ("{}", None)
    assert "nord" not in people.ask(by, "SELECT administered_units()::text")


def test_nobody_is_looked_for_without_a_trace(people):
    assert people.give("karin", "ingen", "syd-inkorg", "reader") == "unknown"
    look = people.seen.query(AccessLog).filter(AccessLog.what == "people").one()
    assert (look.actor, look.words, look.reason) == ("Karin", "ingen@example.se", "Behövs")


@pytest.mark.parametrize("whom", ["nora", "karin", "siv"])
def test_not_even_one_that_is_found_and_whose_answer_is_rolled_back(people, whom):
    people.ask("karin", "SELECT 1")
    with people.engine.connect() as connection:
        shown = {"token": people.tokens["karin"], "email": f"{whom}@example.se"}
        connection.execute(text("SELECT set_config('app.session', :token, true)"), shown)
        look = connection.scalar(text("SELECT begin_people(:email, 'x')"), shown)
        for told in (
            "SELECT give_role(:look, 'syd-inkorg', 'reader')",
            f"SELECT make_account(:look, 'X', '{HASH}', 'syd-inkorg', 'reader')",
        ):
            assert connection.scalar(text(told), {"look": look}) == "no"
        connection.rollback()
    assert people.roles(whom) == [SEATS[whom]]


def test_one_persons_look_answers_nobody_else(people):
    look = people.look("karin", "nora@example.se")
    assert people.ask("kurt", "SELECT give_role(:look, 'syd-inkorg', 'reader')", look=look) == "no"


def test_without_a_session_no_function_does_anything(people, database):
    engine = database.prompt("handler")
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT begin_people('anna@example.se', 'x')")) is None
        given = text("SELECT give_role(:look, 'syd-inkorg', 'reader')")
        assert connection.scalar(given, {"look": people.look("karin", "anna@example.se")}) == "no"
        closed = text("SELECT outcome FROM close_account(:whom, 'x')")
        assert connection.scalar(closed, {"whom": people.id("anna")}) == "no"
        assert connection.scalar(text("SELECT ask_export('{}', 'x')")) is None
    assert people.roles("anna") == [("syd-inkorg", "handler")]
