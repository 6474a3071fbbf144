"""Files in parts beside everything else: at the same time, in the store, and as a handler sees them."""

from __future__ import annotations

import copy
import io
import threading
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.pool import NullPool

from intake import ledger, storage
from intake.errors import BytesMissing
from intake.matters import uploading
from intake.models import DraftFile, DraftKey, MailAddress, Matter, Upload, UploadPart
from tests.desk import Desk, hire, text_of
from tests.letters_home import deliver, letter
from tests.matters.mailing import begin_supplement
from tests.parts import FILM, FILM_SHA256, id_of
from workers import process, tasks


@pytest.fixture
def anna(make_app, worker_app):
    """A handler who sees every inbox of the authority."""
    tables = worker_app.extensions["settings"].tables
    seats = tuple((unit.code, "handler") for unit in tables.authority.units)
    password = hire(make_app("handler", "owner"), "anna@example.se", *seats)
    desk = Desk(make_app("handler"), "anna@example.se", password)
    desk.sign_in()
    return desk


def count(seen, table):
    seen.rollback()
    return seen.scalar(select(func.count()).select_from(table))


def beside(seen, app, act):
    """Begin an act and return its thread once it waits for a lock that somebody holds."""

    def run():
        with app.app_context():
            act()

    thread = threading.Thread(target=run)
    thread.start()
    with create_engine(seen.get_bind().url, poolclass=NullPool).connect() as connection:
        waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        while thread.is_alive() and not connection.scalar(waits):
            connection.rollback()
    return thread


def test_of_two_that_bring_the_same_part_one_is_taken(uploader, make_app, seen):
    place = uploader.begin()
    hosts = []
    for _ in range(4):
        host = make_app("citizen").test_client()
        cookie = uploader.client.get_cookie("intake_citizen")
        host.set_cookie(cookie.key, cookie.value)
        hosts.append(host)
    statuses = []

    def bring(host):
        twin = copy.copy(uploader)
        twin.client = host
        statuses.append(twin.patch(place, 0, FILM[:5000]).status_code)

    threads = [threading.Thread(target=bring, args=(host,)) for host in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses)[0] == 204
    assert set(statuses) - {204} <= {409, 423}
    assert count(seen, UploadPart) == statuses.count(204) == 1
    assert uploader.head(place).headers["Upload-Offset"] == "5000"


def test_a_form_that_expires_while_its_file_is_put_together_leaves_no_name(uploader, worker_app, seen, clock):
    upload_id = uploader.upload()
    clock.at += timedelta(hours=25)
    finish = text("SELECT * FROM finish_upload(:upload, 'draft/a', 1, 'x', now())")
    with create_engine(seen.get_bind().url, poolclass=NullPool).connect() as connection:
        connection.execute(finish, {"upload": upload_id})
        thread = beside(seen, worker_app, ledger.expire_drafts)
        assert thread.is_alive()
        connection.commit()
        thread.join()
    assert [count(seen, table) for table in (DraftFile, DraftKey, Upload, UploadPart)] == [0, 0, 0, 0]


def test_a_part_that_comes_while_its_file_is_given_up_leaves_no_name(uploader, worker_app, seen, clock):
    place = uploader.begin()
    uploader.send()
    clock.at += timedelta(hours=25)
    values = {"id": id_of(place), "draft": uploader.draft.rpartition("/")[2]}
    with create_engine(seen.get_bind().url, poolclass=NullPool).connect() as connection:
        connection.execute(text("SELECT FROM upload FOR UPDATE"))
        thread = beside(seen, worker_app, uploading.give_up)
        assert thread.is_alive()
        connection.execute(text("INSERT INTO upload_part VALUES (:id, 0, 1, 'part/a')"), values)
        connection.execute(text("INSERT INTO draft_key VALUES ('part/a', :draft, 1, now())"), values)
        connection.commit()
        thread.join()
    assert [count(seen, table) for table in (UploadPart, DraftKey)] == [0, 0]


def test_several_stored_things_are_read_as_one(worker_app):
    with worker_app.app_context():
        keys = [storage.new_key("part") for _ in range(3)]
        for key, data in zip(keys, (b"ab", b"", b"cde"), strict=True):
            storage.current().put(key, io.BytesIO(data))
        with storage.chained(keys) as whole:
            assert whole.read(3) + whole.read() == b"abcde"
        with storage.chained([]) as whole:
            assert whole.read() == b""
        storage.current().delete(keys[2])
        with storage.chained(keys) as whole, pytest.raises(BytesMissing):
            whole.read()


def test_a_handler_is_told_that_a_file_is_on_its_way_and_when_it_has_come(
    uploader, worker_app, seen, anna, monkeypatch
):
    monkeypatch.setattr(process, "app", lambda: worker_app)
    place = uploader.begin()
    uploader.patch(place, 0, FILM[:5120])
    uploader.send()
    reference = seen.scalars(select(Matter.reference)).one()
    assert "En fil är på väg: film.mp4 , 5 kB av 10 kB" in text_of(anna.page(reference))
    uploader.patch(place, 5120, FILM[5120:])
    assert "En fil har kommit fram och läggs strax in här: film.mp4" in text_of(anna.page(reference))
    job = seen.execute(text("SELECT id FROM job WHERE kind = 'finish_upload'")).scalar_one()
    tasks.finish_upload(str(job))
    page = text_of(anna.page(reference))
    assert "på väg:" not in page
    assert "En fil som var på väg kom fram" in page
    assert FILM_SHA256 in seen.scalars(text("SELECT sha256 FROM attachment")).all()


def test_a_handler_is_told_that_a_file_never_came(uploader, worker_app, seen, anna, clock):
    uploader.begin()
    uploader.send()
    reference = seen.scalars(select(Matter.reference)).one()
    clock.at += timedelta(hours=25)
    with worker_app.app_context():
        uploading.give_up()
    anna.sign_in()
    page = text_of(anna.page(reference))
    assert page.count("En fil kom aldrig fram i sin helhet") == 3
    assert "film.mp4" in page


def test_a_handler_is_told_that_a_letter_belongs_to_a_form_not_sent_yet(uploader, worker_app, seen, anna):
    token = seen.scalars(select(MailAddress.token)).one()
    with worker_app.app_context():
        deliver(letter("Det här är brevet."), f"arende+{token}@example.se")
    seen.rollback()
    reference = seen.scalars(select(Matter.reference)).one()
    assert "Hör till ett formulär som inte är skickat än" in text_of(anna.page(reference))
    uploader.begin()
    uploader.send()
    assert "inte är skickat än" not in text_of(anna.page(reference))


def test_what_somebody_may_be_adding_to_a_matter_is_theirs_alone(uploader, make_app, seen, anna):
    uploader.begin()
    uploader.send()
    matter = seen.scalars(select(Matter)).one()
    with make_app("handler", "owner").app_context():
        begin_supplement(make_app("citizen"), matter, "another browser")
    assert "inte är skickat än" not in text_of(anna.page(matter.reference))
