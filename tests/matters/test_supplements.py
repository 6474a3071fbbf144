"""A supplement is awaited until a day: the matter rests, its person is reminded, and then it is a task."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from intake.errors import Conflict, NotAllowed
from intake.extensions import STOCKHOLM, db
from intake.matters import asking, following, supplements, undoing, work
from intake.models import Message, OutgoingLetter, SupplementRequest
from tests import desk
from tests.letters_home import address_of, deliver, letter
from tests.matters.mailing import act, key_to, send_all
from tests.matters.standing import events, fresh
from tests.meanwhile import begin_before

# A Wednesday afternoon; three working days before the day that is asked for is a Friday.
WEDNESDAY = datetime(2026, 11, 25, 14, 0, tzinfo=UTC)
DAY = date(2026, 12, 9)
FRIDAY = datetime(2026, 12, 4, 8, 30, tzinfo=UTC)
AFTER = datetime(2026, 12, 10, 8, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def wednesday(clock):
    clock.at = WEDNESDAY


@pytest.fixture
def asked(bring, do, post):
    """A matter whose person was asked for something by a day; the question has left."""

    def asked(deadline=DAY, **values):
        matter = bring(**values)
        key_to(matter)
        do(work.ask_supplement, matter, "ORDEN: vilket ramnummer?", deadline=deadline)
        send_all()
        post.sent.clear()
        return fresh(matter)

    return asked


def kinds():
    return db.session.scalars(select(OutgoingLetter.kind).order_by(OutgoingLetter.created_at)).all()


def answer(matter):
    deliver(letter("Ramnummer 123."), address_of(matter))


class TestTheDay:
    @pytest.mark.usefixtures("app")
    def test_ten_working_days_are_suggested(self):
        assert asking.suggested_day() == DAY

    def test_the_matter_rests_and_its_clock_stands(self, asked):
        matter = asked()
        assert matter.paused_until.astimezone(STOCKHOLM).date() == DAY
        assert (matter.due_at, matter.status) == (None, "awaiting_citizen")

    def test_what_comes_wakes_it(self, asked):
        matter = asked()
        answer(matter)
        stands = fresh(matter)
        assert (stands.status, stands.paused_until) == ("in_progress", None)
        assert stands.due_at is not None

    def test_it_waits_also_in_a_colleagues_hands(self, asked, do):
        matter = asked()
        do(work.release, matter)
        do(work.take, matter)
        assert fresh(matter).status == "awaiting_citizen"

    def test_a_day_that_is_far_away_is_refused(self, bring, do):
        with pytest.raises(NotAllowed, match="för långt bort"):
            do(work.ask_supplement, bring(), "Mer?", deadline=date(2027, 12, 1))

    def test_without_a_day_nothing_is_reminded_or_missed(self, asked, clock):
        matter = asked(None)
        clock.at += timedelta(days=100)
        assert (supplements.remind(), supplements.mark_missed(), fresh(matter).needs_person) == (0, 0, [])

    def test_the_person_is_told_the_day_on_the_page(self, asked, citizen_app):
        matter = asked()
        key = key_to(matter)
        with citizen_app.app_context():
            assert (following.asked_until(key), following.get(key).is_asked) == (DAY, True)
        answer(matter)
        with citizen_app.app_context():
            assert (following.asked_until(key), following.get(key).is_asked) == (None, False)

    def test_a_new_question_ends_the_old_day(self, asked, do, citizen_app):
        matter = asked()
        do(work.ask_supplement, matter, "Och färgen?", deadline=DAY + timedelta(days=7))
        key = key_to(matter)
        with citizen_app.app_context():
            assert following.asked_until(key) == DAY + timedelta(days=7)


class TestReminding:
    def test_one_letter_goes_some_days_before_and_never_another(self, asked, clock, post):
        matter = asked()
        clock.at = FRIDAY - timedelta(hours=1)
        assert supplements.remind() == 0
        clock.at = FRIDAY
        assert (supplements.remind(), supplements.remind()) == (1, 0)
        send_all()
        (sent,) = post.sent
        assert "Svara senast den 9 december 2026" in sent.message.get_content()
        assert sent.message["Subject"] == f"Påminnelse {matter.reference}"
        assert sent.message["Auto-Submitted"] == "auto-generated"
        assert "ORDEN" not in sent.message.as_string()
        assert events(matter)[-2:] == ["reminded", "reminder_sent"]

    def test_it_is_in_the_persons_language(self, asked, clock, post):
        asked(language="en")
        clock.at = FRIDAY
        supplements.remind()
        send_all()
        assert "by 9 December 2026" in post.sent[0].message.get_content()

    def test_two_that_remind_at_once_owe_one_letter(self, asked, clock):
        asked()
        clock.at = FRIDAY
        request = db.session.execute(select(SupplementRequest)).scalar_one()
        its = (request.id, request.matter_id, request.message_id)
        db.session.rollback()
        assert (supplements._remind(*its), supplements._remind(*its)) == (True, False)
        assert kinds().count("reminder") == 1

    def test_the_database_holds_no_second_one_for_a_question(self, asked, clock):
        asked()
        clock.at = FRIDAY
        supplements.remind()
        db.session.execute(SupplementRequest.__table__.update().values(reminder=None))
        db.session.commit()
        with pytest.raises(Exception, match="uq_outgoing_letter_by_itself"):
            supplements.remind()
        db.session.rollback()
        assert kinds().count("reminder") == 1

    def test_nobody_is_reminded_of_what_came_or_was_closed(self, asked, do, clock):
        answer(asked())
        do(work.close, asked(), "no_action", "")
        clock.at = FRIDAY
        assert supplements.remind() == 0
        assert "reminder" not in kinds()

    def test_nobody_is_reminded_of_what_was_merged(self, asked, merge, bring, clock):
        merge(asked(), bring())
        clock.at = FRIDAY
        assert supplements.remind() == 0

    @pytest.mark.parametrize("values", [{"flags": ["vulnerable"]}, {"may_email": False}], ids=str)
    def test_where_mail_may_do_harm_none_goes_and_the_history_says_so(self, asked, clock, values):
        matter = asked(**values)
        clock.at = FRIDAY
        assert supplements.remind() == 0
        assert "reminder" not in kinds()
        assert events(matter)[-1] == "reminder_withheld"

    def test_a_neutral_one_tells_nothing_of_us(self, asked, clock, post):
        asked(is_neutral=True)
        clock.at = FRIDAY
        supplements.remind()
        send_all()
        words = post.sent[0].message
        assert words["Subject"] == "Hej"
        assert "Exempelmyndigheten" not in words.get_content()

    def test_what_came_while_it_waited_keeps_it_here(self, asked, clock, post):
        matter = asked()
        clock.at = FRIDAY
        supplements.remind()
        answer(matter)
        send_all()
        assert post.sent == []
        assert fresh(matter).needs_person == []

    def test_a_question_of_the_same_days_is_not_reminded_of(self, asked, clock):
        asked(date(2026, 11, 27))
        clock.at += timedelta(days=2)
        assert supplements.remind() == 0

    def test_it_can_be_called_off_once(self, asked, do, clock):
        matter = asked()
        do(supplements.cancel_reminder, matter)
        with pytest.raises(NotAllowed, match="ingen påminnelse"):
            do(supplements.cancel_reminder, matter)
        clock.at = FRIDAY
        assert supplements.remind() == 0
        assert events(matter).count("reminder_cancelled") == 1

    def test_who_calls_it_off_while_it_is_decided_waits_and_is_told(
        self, asked, clock, handler_app, anna, database, monkeypatch
    ):
        matter, refused = asked(), []
        its = (matter.id, work.Act(matter.id, matter.version, anna))
        clock.at = FRIDAY

        def call_off():
            with desk.seated(handler_app, anna, its[0]), pytest.raises(NotAllowed) as problem:
                supplements.cancel_reminder(its[1])
            refused.append(problem)

        end = begin_before(monkeypatch, database.urls["owner"], supplements, "_change", call_off)
        assert supplements.remind() == 1
        end()
        assert (len(refused), kinds().count("reminder")) == (1, 1)

    def test_whoever_calls_it_off_on_an_old_page_is_told(self, asked, handler_app, anna):
        matter = asked()
        with pytest.raises(Conflict):
            act(handler_app, matter, anna, supplements.cancel_reminder, version=matter.version - 1)


class TestMissing:
    def test_the_matter_wakes_and_asks_for_a_person_once(self, asked, clock):
        matter = asked()
        clock.at = AFTER
        assert (supplements.mark_missed(), supplements.mark_missed()) == (1, 0)
        stands = fresh(matter)
        assert (stands.needs_person, stands.paused_until) == (["supplement_overdue"], None)
        assert stands.due_at is not None

    def test_nothing_is_missed_on_its_last_day(self, asked, clock):
        asked()
        clock.at = AFTER - timedelta(hours=12)
        assert supplements.mark_missed() == 0

    def test_what_comes_late_settles_it(self, asked, clock):
        matter = asked()
        clock.at = AFTER
        supplements.mark_missed()
        answer(matter)
        assert (fresh(matter).needs_person, fresh(matter).status) == ([], "in_progress")

    def test_what_came_in_time_is_not_missed(self, asked, clock):
        matter = asked()
        answer(matter)
        clock.at = AFTER
        assert supplements.mark_missed() == 0
        assert "supplement_overdue" not in events(matter)


class TestTakingBack:
    @pytest.fixture
    def handler_app(self, make_app, settings):
        return make_app("handler", chosen=replace(settings, undo_seconds=15))

    def test_what_is_taken_back_is_not_awaited(self, bring, do, handler_app, anna, clock, citizen_app):
        matter = bring()
        key = key_to(matter)
        do(work.ask_supplement, matter, "Mer?", deadline=DAY)
        with citizen_app.app_context():
            assert following.asked_until(key) is None
        said = db.session.scalars(select(Message.id).where(Message.direction == "outgoing")).one()
        with desk.seated(handler_app, anna, matter.id):
            undoing.undo(matter.id, said, anna)
        assert fresh(matter).paused_until is None
        clock.at = FRIDAY
        assert supplements.remind() == 0
