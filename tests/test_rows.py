"""Rows that wait: written together before a query or the commit, forgotten by a rollback."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import IntegrityError

from intake import rows
from intake.extensions import db
from intake.models import Job, MailAddress, new_id

AT = datetime(2026, 11, 22, 15, 5, 7, 123456, tzinfo=UTC)


@pytest.fixture(autouse=True)
def app(make_app):
    app = make_app("citizen", "worker")
    with app.app_context():
        yield app


@pytest.fixture
def statements():
    """The statements that reach the database, in order."""
    seen = []
    event.listen(db.engine, "before_cursor_execute", lambda *said: seen.append(said[2]))
    return seen


def owe(dedupe, **columns):
    owed = {"kind": "parse_letter", "subject_id": new_id(), "created_at": AT, "due_at": AT}
    rows.insert(Job, dedupe=dedupe, **owed, **columns)


def lead(token):
    address_id = new_id()
    rows.insert(MailAddress, id=address_id, token=token, created_at=AT)
    return address_id


def dedupes():
    return sorted(db.session.scalars(select(Job.dedupe)))


def test_rows_of_several_tables_go_in_one_statement(statements):
    owe("a")
    owe("b", last_error="Fel")
    lead("t")
    assert statements == []
    db.session.commit()
    assert len(statements) == 1


def test_a_query_sees_what_waits():
    owe("a")
    assert dedupes() == ["a"]


def test_what_is_read_back_is_what_was_given():
    subject_id = new_id()
    error = 'Å"ä\\ö \U0001f6a8\n{},'
    rows.insert(Job, kind="k", dedupe="d", subject_id=subject_id, created_at=AT, due_at=AT, last_error=error)
    db.session.commit()
    job = db.session.scalars(select(Job)).one()
    assert (job.subject_id, job.created_at, job.last_error) == (subject_id, AT, error)
    assert (job.attempts, job.owner, job.id is not None) == (0, None, True)


@pytest.mark.parametrize("is_begun", [True, False])
def test_a_rollback_forgets_what_waits(is_begun):
    if is_begun:
        db.session.execute(text("SELECT 1"))
    owe("a")
    db.session.rollback()
    db.session.commit()
    assert dedupes() == []


def test_what_waits_at_the_end_of_a_request_is_forgotten(app):
    with app.app_context():
        owe("a")
    db.session.commit()
    assert dedupes() == []


def test_a_row_that_cannot_stand_leaves_nothing():
    owe("a")
    db.session.commit()
    owe("b")
    owe("a")
    with pytest.raises(IntegrityError):
        db.session.commit()
    db.session.rollback()
    assert dedupes() == ["a"]


def test_changes_of_the_same_kind_all_happen(statements):
    first, second = lead("one"), lead("two")
    db.session.commit()
    statements.clear()
    for address, at in ((first, AT), (second, AT.replace(year=2027))):
        rows.change("UPDATE mail_address SET revoked_at = %s WHERE id = %s", at, address)
    owe("a")
    db.session.commit()
    assert len(statements) == 1
    found = dict(db.session.execute(select(MailAddress.token, MailAddress.revoked_at)).all())
    assert found == {"one": AT, "two": AT.replace(year=2027)}


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(TypeError, match="job has no colour"):
        owe("a", colour="red")
