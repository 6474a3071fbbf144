"""Alarms: owed with their cause, repeated, raised, capped, and still as soon as somebody takes the matter."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from intake import ledger, outbox
from intake.errors import PostAway, PostRefused
from intake.extensions import db
from intake.matters import alarms, arrive, handing_over, work
from intake.models import Event, Handler, Job, Matter, MatterUnit, OutgoingLetter
from tests import desk
from tests.letters_home import Post, address_of, deliver, letter, matters
from workers import process, tasks

CANARY = "Kanariefågel"
DANGER = {
    "subject": f"{CANARY} i fara",
    "text": f"Någon bryter sig in hos mig just nu, hjälp! {CANARY}.",
    "sender_name": f"{CANARY} Berg",
}
NATIONAL_INBOX = "nationell-inkorg"
SYD, NATIONAL, SU = "jour-syd@jour.example", "jour@jour.example", "jour-su@jour.example"


class DutyPost(Post):
    """A post office that also knows whom it woke."""

    @property
    def alarms(self):
        """Say whom each alarm that was sent woke, in order."""
        return [to for sent in self.sent for to in sent.recipients if to.endswith("@jour.example")]


@pytest.fixture
def post():
    return DutyPost()


@pytest.fixture(autouse=True)
def app(make_app, post, monkeypatch):
    app = make_app("citizen", "worker", post=post)
    monkeypatch.setattr(process, "app", lambda: app)
    with app.app_context():
        yield app


@pytest.fixture
def urgent(app, clock):
    """The id of a matter that is urgent, just come in, and nobody's."""
    desk.bring(app, clock, **DANGER)
    return matters()[-1].id


@pytest.fixture
def act(make_app):
    """Do something to a matter as a handler: ``act(work.take, matter_id, ...)``."""
    owner = make_app("handler", "owner")
    desk.hire(owner, "anna@example.se", *desk.seats("syd"), (NATIONAL_INBOX, "handler"))
    with owner.app_context():
        handler_id = db.session.scalars(select(Handler.id)).one()
    handler_app = make_app("handler")

    def do(what, matter_id, *words):
        with desk.seated(handler_app, handler_id, matter_id):
            version = db.session.scalars(select(Matter.version).where(Matter.id == matter_id)).one()
            what(work.Act(matter_id, version, handler_id), *words)
        db.session.expire_all()

    return do


def carry():
    """Do what is due now on the light queue, as dispatcher and worker would."""
    while sendings := outbox.take_due(50, "light"):
        for sending in sendings:
            getattr(tasks, sending.kind.task.rpartition(".")[2])(str(sending.job_id))
        db.session.expire_all()
    db.session.rollback()


def wait(clock, times=1):
    """Let the time of the next alarm come, once or more often."""
    for _ in range(times):
        clock.at += alarms.EVERY + timedelta(seconds=1)
        carry()


def count(what):
    return db.session.scalar(select(func.count()).where(Event.what == what))


def stands_in():
    return set(db.session.scalars(select(MatterUnit.unit_id).where(MatterUnit.until.is_(None))))


def test_an_alarm_is_owed_in_the_commit_of_its_cause(app, clock):
    desk.bring(app, clock)
    assert count("alarm_began") == 0
    desk.bring(app, clock, **DANGER)
    alarm = db.session.scalars(select(Job).where(Job.kind == "alarm")).one()
    assert db.session.get(Event, alarm.subject_id).what == "alarm_began"
    assert alarm.due_at <= clock()


def test_an_alarm_rolled_back_with_its_cause_was_never_there(urgent, post):
    alarms.raise_alarm(urgent)
    db.session.rollback()
    carry()
    assert (post.alarms, count("alarm_began")) == ([SYD], 1)


def test_an_alarm_says_the_reference_and_nothing_of_the_matter(app, urgent, post):
    carry()
    (sent,) = [one for one in post.sent if one.recipients == (SYD,)]
    matter = db.session.get(Matter, urgent)
    words = sent.message.as_string() + sent.message.get_content()
    assert f"/arende/{matter.reference}\n" in sent.message.get_content()
    assert "22 november 2026 kl. 16.05" in words
    assert not any(secret in words for secret in (CANARY, "Kanarief", "kim@", "Inbrott", "bryter"))
    assert sent.envelope_from == ""
    assert sent.message["Auto-Submitted"] == "auto-generated"


def test_a_flood_of_alarms_does_not_bury_the_duty_address(app, clock, post, monkeypatch):
    monkeypatch.setattr(alarms, "LETTERS_TO_AN_ADDRESS", 2)
    for _ in range(3):
        desk.bring(app, clock, **DANGER)
    carry()
    assert (post.alarms, count("alarmed")) == ([SYD] * 2, 3)
    wait(clock)
    assert post.alarms == [SYD] * 4


def test_an_alarm_is_repeated_raised_and_given_up_in_sight(urgent, post, clock):
    carry()
    wait(clock, 2)
    assert post.alarms == [SYD] * 3
    assert "nationell-inkorg" not in stands_in()
    wait(clock)
    assert post.alarms == [SYD] * 4 + [NATIONAL]
    assert stands_in() == {"syd-kontaktcenter", "nationell-inkorg"}
    wait(clock, 2)
    assert (len(post.alarms), post.alarms.count(NATIONAL)) == (9, 3)
    assert db.session.get(Matter, urgent).needs_person == []
    wait(clock, 3)
    assert len(post.alarms) == 9
    assert db.session.get(Matter, urgent).needs_person == ["alarm_unanswered"]
    assert (count("alarm_raised"), count("alarmed"), count("alarm_unanswered")) == (1, 6, 1)
    assert ledger.reconcile().is_whole


def test_between_two_alarms_nothing_is_sent(urgent, post, clock):
    carry()
    clock.at += alarms.EVERY - timedelta(seconds=10)
    carry()
    assert post.alarms == [SYD]
    assert ledger.reconcile().counts["open_job"] == 0


def test_a_task_run_twice_alarms_once(urgent, post):
    job = str(db.session.scalars(select(Job.id).where(Job.kind == "alarm")).one())
    db.session.rollback()
    tasks.alarm(job)
    tasks.alarm(job)
    carry()
    assert post.alarms == [SYD]


def test_what_somebody_takes_is_silent(urgent, post, clock, act):
    carry()
    act(work.take, urgent)
    wait(clock, 3)
    assert post.alarms == [SYD]
    assert db.session.scalars(select(Job.id).where(Job.kind == "alarm", Job.done_at.is_(None))).all() == []


@pytest.mark.parametrize("calm", [(work.close, "no_action", ""), (work.sort, "fraga", 3, "")])
def test_what_is_closed_or_no_longer_urgent_is_silent(urgent, post, clock, act, calm):
    what, *words = calm
    act(what, urgent, *words)
    carry()
    wait(clock)
    assert post.alarms == []


def test_an_alarm_that_had_to_wait_wakes_nobody_once_the_matter_is_taken(urgent, post, clock, act):
    post.failure = PostAway("no answer")
    carry()
    act(work.take, urgent)
    post.failure = None
    wait(clock)
    assert post.alarms == []
    assert db.session.get(Matter, urgent).needs_person == []


def test_what_is_given_back_alarms_anew_and_by_one_alarm_only(urgent, post, clock, act):
    carry()
    act(work.take, urgent)
    act(work.release, urgent)
    carry()
    assert post.alarms == [SYD] * 2
    wait(clock)
    assert post.alarms == [SYD] * 3


def test_what_a_handler_sorts_as_urgent_alarms_unless_it_is_taken(app, post, clock, act):
    for _ in range(2):
        desk.bring(app, clock)
    first, second = (matter.id for matter in matters())
    act(work.take, second)
    for matter_id in (first, second):
        act(work.sort, matter_id, "anmalan", alarms.URGENT, "Hot")
    act(work.sort, first, "fraga", alarms.URGENT, "Samma prioritet")
    carry()
    assert post.alarms == [SYD]


def test_what_is_handed_over_alarms_those_who_have_it_now(urgent, post, clock, act):
    carry()
    act(handing_over.hand_over, urgent, "nord-inkorg", "Umeå")
    carry()
    wait(clock)
    assert post.alarms == [SYD, "jour-nord@jour.example", "jour-nord@jour.example"]


def test_nothing_behind_a_wall_is_raised_out_of_it(urgent, post, clock, act):
    act(work.move, urgent, "su", "En polis")
    carry()
    wait(clock, 7)
    assert post.alarms == [SU] * alarms.TIMES_IN_ALL
    assert stands_in() == {"su"}
    assert db.session.get(Matter, urgent).needs_person == ["alarm_unanswered"]


def test_what_was_raised_and_is_moved_behind_a_wall_is_seen_there_only(urgent, post, clock, act):
    carry()
    wait(clock, 3)
    act(work.move, urgent, "su", "En polis")
    wait(clock, 5)
    assert stands_in() == {"su"}
    assert post.alarms[5:] == [SU] * 5


def test_in_the_national_inbox_an_alarm_goes_to_one_address(urgent, post, clock, act):
    act(handing_over.hand_over, urgent, "nationell-inkorg", "Oklart var")
    carry()
    wait(clock, 7)
    assert post.alarms == [NATIONAL] * alarms.TIMES_IN_ALL


def test_what_the_national_inbox_has_handed_over_is_raised_to_it_again(app, clock, make_app, act, post):
    desk.bring(app, clock, **DANGER)
    urgent = matters()[-1].id
    act(handing_over.hand_over, urgent, NATIONAL_INBOX, "Oklart var")
    act(handing_over.receive, urgent)
    act(handing_over.hand_over, urgent, "nord-inkorg", "Umeå")
    carry()
    wait(clock, 3)
    stands = select(MatterUnit.unit_id, MatterUnit.why).where(MatterUnit.until.is_(None))
    assert sorted(db.session.execute(stands).all()) == [(NATIONAL_INBOX, "raised"), ("nord-inkorg", "moved")]
    assert post.alarms[-2:] == ["jour-nord@jour.example", NATIONAL]


def test_a_refused_alarm_is_a_persons_task_once(urgent, post, clock):
    post.failure = PostRefused("550")
    carry()
    wait(clock)
    assert db.session.get(Matter, urgent).needs_person == ["alarm_not_sent"]


def test_an_alarm_interrupted_goes_again_with_the_same_message_id(urgent, post, clock):
    post.failure = PostAway("cut off", may_have_gone=True)
    carry()
    owed = db.session.scalars(select(OutgoingLetter).where(OutgoingLetter.kind == "alarm")).one()
    assert owed.state == "sending"
    post.failure, clock.at = None, clock.at + timedelta(minutes=1)
    carry()
    ids = [one.message["Message-ID"] for one in post.sent if one.recipients == (SYD,)]
    assert ids == [owed.message_id_header]


def test_what_a_person_closed_untaken_and_a_letter_reopens_alarms_again(urgent, post, act):
    carry()
    act(work.close, urgent, "no_action", "")
    deliver(letter("De är tillbaka."), address_of(db.session.get(Matter, urgent)))
    carry()
    assert post.alarms == [SYD] * 2


def test_what_was_placed_by_no_rule_alarms_when_it_is_placed_again(app, post, clock, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(arrive.routing, "place", lambda *_: 1 / 0)
        desk.bring(app, clock, **DANGER)
    carry()
    assert post.alarms == [SYD]


def test_an_alarm_that_comes_back_joins_its_matter_and_alarms_nobody(urgent, post, clock):
    carry()
    (sent,) = [one.message for one in post.sent if one.recipients == (SYD,)]
    for way in ("syd@example.se", "kontakt@example.se", str(sent["Reply-To"])):
        deliver(sent.as_bytes(), way, sender="")
    answer = letter("Jag är ledig.", Auto_Submitted="auto-replied", In_Reply_To=sent["Message-ID"])
    deliver(answer, "kontakt@example.se", sender="")
    carry()
    assert len(matters()) == 1
    assert post.alarms == [SYD]


def test_a_machines_answer_to_an_alarm_never_begins_the_next(urgent, post, act):
    carry()
    act(work.close, urgent, "no_action", "")
    answer = letter("Jag är ledig.", Auto_Submitted="auto-replied")
    deliver(answer, address_of(db.session.get(Matter, urgent)), sender="")
    carry()
    assert post.alarms == [SYD]


def test_a_machines_letter_about_an_alarm_begins_none_though_it_sounds_like_danger(urgent, post):
    carry()
    (sent,) = [one.message for one in post.sent if one.recipients == (SYD,)]
    answer = letter(DANGER["text"], subject=f"Autosvar: {sent['Subject']}", Auto_Submitted="auto-replied")
    deliver(answer, "syd@example.se", sender="")
    carry()
    assert [matter.priority for matter in matters()] == [alarms.URGENT] * 2
    assert post.alarms == [SYD]


def test_an_alarm_that_comes_back_on_the_other_side_of_a_wall_alarms_nobody_there(urgent, post, act):
    act(work.move, urgent, "su", "En polis")
    carry()
    (sent,) = [one.message for one in post.sent if one.recipients == (SU,)]
    deliver(sent.as_bytes(), "syd@example.se", sender="")
    carry()
    assert len(matters()) == 2
    assert post.alarms == [SU]


def test_a_machine_that_tells_of_danger_alarms_as_anybody_does(app, post):
    deliver(letter(DANGER["text"], subject="Larm 117", Auto_Submitted="auto-generated"), "syd@example.se")
    carry()
    assert len(post.alarms) == 1


def test_an_alarm_is_not_held_to_the_cap_of_receipts(app, post, clock):
    for _ in range(7):
        desk.bring(app, clock, **DANGER)
    carry()
    assert post.alarms == [SYD] * 7


def test_with_the_mail_away_an_alarm_is_raised_all_the_same(urgent, post, clock):
    post.failure = PostAway("no answer")
    carry()
    wait(clock, 3)
    assert "nationell-inkorg" in stands_in()
