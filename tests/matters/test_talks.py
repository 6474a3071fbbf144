"""A note of what was said, as the service writes it: it follows a matter that is merged meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from intake.errors import Conflict, NotAllowed
from intake.extensions import db
from intake.matters import merging, talks, work
from intake.models import Event, Message
from tests import desk
from tests.meanwhile import begin_before


@pytest.fixture
def talk(clock):
    """A call that was just before."""
    return talks.Talk("phone_in", clock() - timedelta(minutes=5), "Kim Berg", "", "SAGT")


def noted():
    db.session.rollback()
    return db.session.scalars(select(Message).where(Message.direction == "note")).one()


@pytest.fixture
def noting(handler_app, anna, gone, talk):
    """Let Anna note it at the one that goes, who has looked at these; what came of it is in ``told``."""

    def begin(*seen):
        ids, known = [each.id for each in seen], work.Act(gone.id, gone.version, anna)

        def note():
            with desk.seated(handler_app, anna, *ids):
                try:
                    talks.note_talk(known, talk)
                except Conflict as problem:
                    told.append(str(problem))

        told = []
        db.session.rollback()
        return note, told

    return begin


def test_one_in_the_moment_of_merging_stands_where_it_went(kept, gone, merge, noting, database, monkeypatch):
    note, told = noting(gone, kept)
    end = begin_before(monkeypatch, database.urls["owner"], merging, "_lifted", note)
    merge(gone, kept)
    end()
    assert (told, noted().matter_id) == ([], kept.id)


def test_who_has_not_opened_where_it_went_is_told(kept, gone, merge, noting, database, monkeypatch):
    note, told = noting(gone)
    end = begin_before(monkeypatch, database.urls["owner"], merging, "_lifted", note)
    merge(gone, kept)
    end()
    assert told == ["En kollega hann före."]
    assert db.session.query(Message).filter_by(direction="note").count() == 0


def test_it_needs_no_version_and_changes_nothing_but_the_conversation(do, kept, talk):
    before = kept.version, kept.status
    do(talks.note_talk, kept, talk, version=99)
    assert (kept.version, kept.status) == before
    event = db.session.scalars(select(Event).where(Event.what == "talk_noted")).one()
    assert event.detail == {"message": str(noted().id), "way": "phone_in"}
    assert "SAGT" not in repr(event.detail)


def test_a_way_that_there_is_not_is_refused(do, kept, talk):
    with pytest.raises(NotAllowed):
        do(talks.note_talk, kept, talks.Talk("fax", talk.at, "", "", "SAGT"))
