"""When what lies beneath is away: what is told, and that nothing is claimed or lost."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from intake.extensions import db
from intake.models import Matter
from tests.citizen.person import STORY, Person, value, words
from tests.citizen.test_files import AwayStorage


def lock_out(database, role_url):
    """Let a role no longer sign in, and end its connections, as if the database were away."""
    role = create_engine(role_url).url.username
    with create_engine(database.url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as admin:
        admin.exec_driver_sql(f'ALTER ROLE "{role}" NOLOGIN')
        admin.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = :role"),
            {"role": role},
        )


def let_in(database, role_url):
    role = create_engine(role_url).url.username
    with create_engine(database.url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as admin:
        admin.exec_driver_sql(f'ALTER ROLE "{role}" LOGIN')


def test_a_written_text_survives_that_the_database_goes(person, database):
    person.begin()
    token = person.token("handelse")
    lock_out(database, database.urls["citizen"])
    try:
        answer = person.client.post(person.at("handelse"), data={"csrf_token": token, "text": STORY})
    finally:
        let_in(database, database.urls["citizen"])
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    assert "Inget är skickat" in words(answer.text)
    assert value(answer.text, "text") == STORY
    again = {"csrf_token": value(answer.text, "csrf_token"), "text": value(answer.text, "text")}
    assert person.client.post(person.at("handelse"), data=again).status_code == 303


def test_sending_without_a_database_claims_nothing(person, database):
    person.begin().tell()
    token = person.token("granska")
    lock_out(database, database.urls["citizen"])
    try:
        answer = person.client.post(person.at("skicka"), data={"csrf_token": token})
    finally:
        let_in(database, database.urls["citizen"])
    assert answer.status_code == 503
    assert "Inget är skickat" in words(answer.text)
    with Session(create_engine(database.urls["owner"], poolclass=NullPool)) as seen:
        assert seen.scalar(select(func.count()).select_from(Matter)) == 0
    assert person.client.post(person.at("skicka"), data={"csrf_token": token}).location == "/kvitto"


def test_the_first_page_stands_without_a_database(citizen, database):
    lock_out(database, database.urls["citizen"])
    try:
        assert citizen.get("/").status_code == 200
        assert citizen.get("/healthz").status_code == 503
        assert citizen.post("/borja").status_code == 503
    finally:
        let_in(database, database.urls["citizen"])


def test_health_is_told_anew_each_second_and_leaves_nothing(citizen, clock, seen):
    assert (citizen.get("/healthz").status_code, citizen.get("/healthz").text) == (200, "ok")
    assert seen.connection().exec_driver_sql("SELECT count(*) FROM limit_count").scalar() == 0


def test_health_says_when_the_storage_is_away(make_app, tmp_path):
    client = make_app("citizen", storage=AwayStorage(tmp_path / "files", 0)).test_client()
    assert client.get("/healthz").status_code == 503


def test_a_fault_of_ours_is_told_kindly_and_keeps_the_text(make_app, monkeypatch):
    app = make_app("citizen")
    person = Person(app.test_client()).begin()
    token = person.token("handelse")
    app.testing = False
    monkeypatch.setattr("intake.drafts.write", lambda *_, **__: 1 / 0)
    answer = person.client.post(person.at("handelse"), data={"csrf_token": token, "text": STORY})
    assert answer.status_code == 500
    assert "Något gick fel hos oss" in answer.text
    assert value(answer.text, "text") == STORY


def test_the_citizens_role_reads_no_matter(make_app, person):
    person.begin().tell().send()
    app = person.client.application
    with app.app_context(), db.engine.connect() as connection:
        for column in ("subject", "sender_email"):
            with pytest.raises(ProgrammingError, match="permission denied"):
                connection.execute(text(f"SELECT {column} FROM matter"))
            connection.rollback()
