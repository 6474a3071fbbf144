"""The whole service with its bytes in S3: what came in, is checked, opened, proven and swept there."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from intake import ledger, storage, verifying
from intake.extensions import db
from intake.models import Attachment, Job
from intake.storage.s3 import S3Storage
from tests import desk
from tests.citizen.person import Person
from tests.file_samples import PDF
from tests.letters_home import letter as write
from tests.letters_home import matters, receive
from tests.parts import Uploader
from tests.s3_server import new_bucket, s3_server
from workers import process, tasks

TEXT = "Det hände utanför stationen.\r\n".encode() * 200


@pytest.fixture(scope="module")
def server():
    with s3_server() as address:
        yield address


@pytest.fixture
def store(server, tmp_path):
    return S3Storage(new_bucket(server), tmp_path / "spool", 0)


@pytest.fixture
def worker(make_app, store, monkeypatch):
    app = make_app("citizen", "worker", storage=store)
    monkeypatch.setattr(process, "app", lambda: app)
    return app


@pytest.fixture
def citizen(make_app, store):
    return make_app("citizen", storage=store).test_client()


@pytest.fixture
def anna(make_app, store, settings):
    """A handler who sees every inbox of the authority."""
    seats = tuple((unit.code, "handler") for unit in settings.tables.authority.units)
    password = desk.hire(make_app("handler", "owner"), "anna@example.se", *seats)
    found = desk.Desk(make_app("handler", storage=store), "anna@example.se", password)
    found.sign_in()
    return found


def work(worker, *kinds):
    """Do every job of these kinds that is owed, as workers do."""
    with worker.app_context():
        for kind in kinds:
            for job in db.session.scalars(
                select(Job.id).where(Job.kind == kind, Job.done_at.is_(None))
            ).all():
                getattr(tasks, kind)(str(job))


def file_of(worker):
    with worker.app_context():
        return db.session.scalars(select(Attachment)).one()


def save(anna, worker):
    """Save the only file of the only matter as a handler does, past every warning."""
    with worker.app_context():
        reference = matters()[0].reference
    file = file_of(worker)
    path = f"/arende/{reference}/fil/{file.id}"
    asked = anna.get(path)
    if asked.mimetype == "application/octet-stream":
        return asked.data
    return anna.post(path, page=asked, verdict=file.verdict).data


def assert_whole(worker):
    with worker.app_context():
        assert ledger.reconcile().is_whole
        assert [found.problem for found in verifying.verify() if found.problem] == []


def test_a_form_with_a_file_is_accepted_checked_and_saved(citizen, worker, anna):
    person = Person(citizen).begin().tell()
    assert person.add((PDF, "kvitto.pdf")).status_code == 303
    assert person.send().location == "/kvitto"
    work(worker, "check_file")
    assert file_of(worker).verdict != "unchecked"
    assert save(anna, worker) == PDF
    assert_whole(worker)


def test_a_letter_with_a_file_is_taken_read_and_saved(worker, anna):
    with worker.app_context():
        receive(write(files=(("kvitto.pdf", PDF),)))
    work(worker, "parse_letter", "check_file")
    assert save(anna, worker) == PDF
    assert_whole(worker)


def test_a_file_in_parts_becomes_one(citizen, worker, anna):
    uploader = Uploader(citizen)
    uploader.upload(TEXT, "brev.txt")
    uploader.send()
    work(worker, "finish_upload", "check_file")
    assert save(anna, worker) == TEXT
    assert_whole(worker)


def test_with_s3_away_a_form_is_accepted_without_its_file(citizen, store):
    person = Person(citizen).begin().tell()
    store._client.meta.events.register("before-send.s3", refuse)
    assert person.add((PDF, "kvitto.pdf")).status_code == 503
    assert person.send().location == "/kvitto"


def refuse(**_):
    raise ConnectionRefusedError(111, "Connection refused")


def test_only_what_no_row_names_is_swept_when_it_is_a_day_old(worker, store, monkeypatch):
    with worker.app_context():
        receive(write(files=(("kvitto.pdf", PDF),)))
        work(worker, "parse_letter")
        storage.current().put("draft/orphan", io.BytesIO(b"x"))
        assert ledger.sweep() == 0
        monkeypatch.setattr(ledger, "now", lambda: datetime.now(UTC) + timedelta(days=2))
        named = set(store.keys()) - {"draft/orphan"}
        assert ledger.sweep() == 1
        assert set(store.keys()) == named
        assert ledger.reconcile().exceptions["bytes_missing"] == ()


def test_bytes_changed_in_the_bucket_are_found(worker, store, server):
    with worker.app_context():
        receive(write())
        work(worker, "parse_letter")
        (key,) = store.keys()
        admin = store._client
        admin.put_object(Bucket=store.bucket.name, Key=store.bucket.prefix + key, Body=b"x" * store.size(key))
        assert [found.problem for found in verifying.verify()] == ["wrong digest"]
        assert ledger.reconcile().exceptions["bytes_differ"] == (key,)
