"""Two matters that belong together: linked once whoever is first, and nothing is told of what is not seen."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import ProgrammingError

from intake.errors import Conflict, NotAllowed
from intake.extensions import db
from intake.matters import belonging, work
from intake.matters.export_rows import read_events
from intake.models import Matter, MatterLink
from tests import desk
from tests.matters.mailing import act
from tests.matters.standing import events, fresh
from tests.meanwhile import begin_before


@pytest.fixture
def one(bring):
    return bring()


@pytest.fixture
def other(bring):
    return bring()


def links():
    db.session.rollback()
    open_ones = select(func.count()).select_from(MatterLink).where(MatterLink.ended_at.is_(None))
    return db.session.scalar(open_ones)


def the_link():
    return db.session.scalars(select(MatterLink.id)).one()


@pytest.fixture
def as_owner(make_app):
    """Be in an app that reads every table."""
    with make_app("handler", "owner").app_context():
        yield


def test_both_are_told_and_neither_is_changed_else(one, other, do):
    before = [(fresh(each).status, fresh(each).due_at) for each in (one, other)]
    do(belonging.link, one, other.id, "Samma händelse")
    assert [events(each)[-1] for each in (one, other)] == ["linked", "linked"]
    assert [(fresh(each).status, fresh(each).due_at) for each in (one, other)] == before


def test_a_colleague_at_the_other_loses_nothing_by_it(one, other, do, handler_app, anna):
    version = fresh(other).version
    do(belonging.link, one, other.id, "Samma händelse")
    act(handler_app, other, anna, work.take, version=version)
    assert fresh(other).status == "in_progress"


def test_who_had_an_older_page_does_not_link(one, other, handler_app, anna, do):
    version = fresh(one).version
    do(work.take, one)
    with pytest.raises(Conflict):
        act(handler_app, one, anna, belonging.link, other.id, "x", version=version)


def test_a_matter_is_not_linked_with_itself(one, do):
    with pytest.raises(NotAllowed, match="samma ärende"):
        do(belonging.link, one, one.id, "x")


def test_of_two_who_link_them_at_once_from_either_side_one_does(
    one, other, handler_app, anna, monkeypatch, database, as_owner
):
    told = []

    def meanwhile():
        with pytest.raises(NotAllowed, match="redan kopplade"):
            act_alone(handler_app, other.id, anna, one.id)
        told.append("redan")

    db.session.expunge_all()
    end = begin_before(monkeypatch, database.urls["owner"], belonging, "end", meanwhile)
    act_alone(handler_app, one.id, anna, other.id)
    end()
    assert (told, links()) == (["redan"], 1)


def act_alone(handler_app, matter_id, handler_id, other_id):
    with desk.seated(handler_app, handler_id, matter_id, other_id):
        version = db.session.scalars(select(Matter.version).where(Matter.id == matter_id)).one()
        belonging.link(work.Act(matter_id, version, handler_id), other_id, "Samma")


def test_it_is_taken_away_once_and_can_be_made_anew(one, other, do, as_owner):
    do(belonging.link, one, other.id, "Samma")
    link_id = the_link()
    do(belonging.unlink, other, link_id)
    with pytest.raises(NotAllowed, match="redan borttagen"):
        do(belonging.unlink, one, link_id)
    do(belonging.link, one, other.id, "Igen")
    assert links() == 1


def test_an_export_tells_nothing_of_it(one, other, do):
    do(belonging.link, one, other.id, "Samma")
    assert "linked" not in {event["what"] for event in read_events(one.id)}


def stands_elsewhere(seen, matter):
    """Let a matter stand in the north, as it does once it was handed over and received."""
    there = {"unit": "nord-inkorg", "id": matter.id}
    seen.execute(text("UPDATE matter SET unit_id = :unit, region = 'nord' WHERE id = :id"), there)
    seen.execute(text("UPDATE matter_unit SET unit_id = :unit WHERE matter_id = :id"), there)
    seen.commit()


class TestTheDatabaseAlone:
    """What the functions tell and do to a session, whatever a page asks."""

    def test_no_role_of_the_pages_reads_the_tables(self, one, handler_app, anna):
        for table in ("matter_link", "matter_child"):
            with (
                desk.seated(handler_app, anna, one.id),
                pytest.raises(ProgrammingError, match="permission denied"),
            ):
                db.session.execute(text(f"SELECT * FROM {table}"))

    def test_what_is_not_seen_is_neither_listed_nor_taken_away(
        self, one, other, do, handler_app, anna, make_app, seen
    ):
        do(belonging.link, one, other.id, "Samma")
        with make_app("handler", "owner").app_context():
            link_id = the_link()
        stands_elsewhere(seen, other)
        asked = {"one": one.id, "link": link_id}
        with desk.seated(handler_app, anna, one.id):
            for listed in ("kindred(:one)", "seen_links(:one)"):
                assert db.session.execute(text(f"SELECT * FROM {listed}"), asked).all() == []
            took = text("SELECT unlink_matters(:one, :link, now())")
            assert db.session.scalar(took, asked) is False

    def test_nothing_is_told_without_a_look(self, one, other, do, handler_app, anna):
        do(belonging.link, one, other.id, "Samma")
        asked = {"one": one.id}
        with desk.seated(handler_app, anna):
            assert db.session.execute(text("SELECT * FROM kindred(:one)"), asked).all() == []

    @pytest.mark.parametrize(
        "statement",
        [
            "link_matters(:one, :other, '', now())",
            "begin_child(:other, gen_random_uuid(), '{}', '{}', now())",
            "undo_split(:other, now())",
            "number_child(:other, now())",
        ],
    )
    def test_another_units_matter_is_not_touched(self, one, other, handler_app, anna, seen, statement):
        stands_elsewhere(seen, other)
        asked = {"one": one.id, "other": other.id}
        with (
            desk.seated(handler_app, anna, one.id),
            pytest.raises(ProgrammingError, match="not a matter of the caller's"),
        ):
            db.session.execute(text(f"SELECT {statement}"), asked)
