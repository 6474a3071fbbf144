"""What came in parts becomes one file, whenever the form is sent and whatever dies on the way."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from intake import ledger, outbox
from intake.errors import StorageFull
from intake.extensions import db
from intake.matters import uploading
from intake.models import (
    Attachment,
    Draft,
    DraftFile,
    DraftKey,
    Event,
    Job,
    Matter,
    Upload,
    UploadPart,
)
from intake.storage import FolderStorage
from tests.parts import FILM, FILM_SHA256, id_of
from workers import process, tasks


class Killed(BaseException):
    """The process died here, as far as anything that follows can tell."""


@pytest.fixture(autouse=True)
def worker(worker_app, monkeypatch):
    monkeypatch.setattr(process, "app", lambda: worker_app)
    return worker_app


@pytest.fixture
def look(seen):
    def run(what):
        seen.rollback()
        return seen.scalars(select(what)).all()

    return run


def work(worker, clock, kind="finish_upload"):
    """Run every open job of a kind, as a worker would, after what it waits for."""
    clock.at += timedelta(minutes=10)
    with worker.app_context():
        jobs = db.session.scalars(select(Job.id).where(Job.kind == kind, Job.done_at.is_(None))).all()
        db.session.rollback()
    for job in jobs:
        getattr(tasks, kind)(str(job))


def proofs(worker):
    with worker.app_context():
        return {name for name, ids in ledger.reconcile().exceptions.items() if ids}


def bytes_of(worker, key):
    with worker.extensions["storage"].open(key) as file:
        return file.read()


def test_a_whole_file_is_in_its_form(uploader, worker, clock, look):
    upload_id = uploader.upload()
    work(worker, clock)
    file = look(DraftFile)[0]
    assert (file.id, file.name, file.size_bytes, file.sha256) == (
        upload_id,
        "film.mp4",
        len(FILM),
        FILM_SHA256,
    )
    assert bytes_of(worker, file.storage_key) == FILM
    assert [key.storage_key for key in look(DraftKey)] == [file.storage_key]
    assert look(UploadPart) == []
    uploader.send()
    assert [(file.sha256, file.position) for file in look(Attachment)] == [(FILM_SHA256, 1)]
    assert proofs(worker) == set()


def test_a_file_that_was_whole_when_the_form_was_sent_is_attached(uploader, worker, clock, look):
    uploader.upload()
    uploader.send()
    assert look(Attachment) == []
    assert proofs(worker) == set()
    work(worker, clock)
    (file,), (matter,) = look(Attachment), look(Matter)
    assert (file.matter_id, file.sha256, file.declared_type) == (matter.id, FILM_SHA256, "video/mp4")
    assert bytes_of(worker, file.storage_key) == FILM
    assert "file_arrived" in look(Event.what)
    assert {"check_file"} <= {job.kind for job in look(Job) if job.done_at is None}
    assert look(DraftKey) == []
    assert proofs(worker) == set()


def test_a_file_goes_on_after_the_form_is_sent(uploader, worker, clock, look):
    place = uploader.begin()
    uploader.patch(place, 0, FILM[:5000])
    uploader.send()
    work(worker, clock)
    assert look(Attachment) == []
    uploader.patch(place, 5000, FILM[5000:])
    work(worker, clock)
    assert [file.sha256 for file in look(Attachment)] == [FILM_SHA256]
    assert proofs(worker) == set()


def test_files_that_come_late_take_places_of_their_own(uploader, worker, clock, look):
    uploader.add(b"hej", "a.txt")
    uploader.upload(name="b.mp4")
    uploader.upload(FILM[:99], name="c.mp4")
    uploader.send()
    work(worker, clock)
    files = sorted(look(Attachment), key=lambda file: file.position)
    assert [file.position for file in files] == [1, 2, 3]
    assert files[0].name == "a.txt"
    assert {file.name for file in files[1:]} == {"b.mp4", "c.mp4"}
    assert len({file.message_id for file in files}) == 1


def test_the_job_done_twice_is_done_once(uploader, worker, clock, look):
    uploader.upload()
    uploader.send()
    job = next(job.id for job in look(Job) if job.kind == "finish_upload")
    tasks.finish_upload(str(job))
    with worker.app_context():
        db.session.get_one(Job, job).done_at = None
        db.session.commit()
    tasks.finish_upload(str(job))
    assert len(look(Attachment)) == 1


@pytest.mark.parametrize("act", ["reopen", "go on"])
def test_a_late_file_wakes_a_matter_that_was_done_with(uploader, worker, clock, look, seen, act):
    uploader.upload()
    uploader.send()
    matter = seen.scalars(select(Matter)).one()
    if act == "reopen":
        matter.status, matter.closed_at = "closed", clock()
    else:
        matter.status = "awaiting_citizen"
    seen.commit()
    work(worker, clock)
    (matter,) = look(Matter)
    assert matter.closed_at is None
    assert matter.status == ("reopened" if act == "reopen" else "in_progress")


def dies_in_put(monkeypatch):
    monkeypatch.setattr(FolderStorage, "_write", die)


def dies_after_put(monkeypatch):
    put = FolderStorage.put

    def put_and_die(self, *given, **named):
        put(self, *given, **named)
        raise Killed

    monkeypatch.setattr(FolderStorage, "put", put_and_die)


def dies_after_function(monkeypatch):
    monkeypatch.setattr(uploading, "_attach", die)


def dies_before_commit(monkeypatch):
    monkeypatch.setattr(outbox.Claim, "finish", die)


def die(*_, **__):
    raise Killed


STEPS = (dies_in_put, dies_after_put, dies_after_function, dies_before_commit)


@pytest.mark.parametrize("is_sent", ["before", "between", "after"])
@pytest.mark.parametrize("dies", STEPS)
def test_killed_at_any_step_nothing_is_lost_and_nothing_doubled(
    uploader, worker, clock, look, monkeypatch, dies, is_sent
):
    uploader.upload()
    if is_sent == "before":
        uploader.send()
    with monkeypatch.context() as patch:
        dies(patch)
        try:
            work(worker, clock)
        except Killed:
            with worker.app_context():
                db.session.rollback()
    if is_sent == "between":
        uploader.send()
    assert proofs(worker) == set()
    work(worker, clock)
    if is_sent == "after":
        uploader.send()
    assert [file.sha256 for file in look(Attachment)] == [FILM_SHA256]
    assert proofs(worker) == set()
    assert all(job.done_at for job in look(Job) if job.kind == "finish_upload")


def test_what_a_kill_leaves_is_swept_and_nothing_else(uploader, worker, clock, look, monkeypatch, tmp_path):
    uploader.upload()
    with monkeypatch.context() as patch:
        dies_after_put(patch)
        with pytest.raises(Killed):
            work(worker, clock)
    work(worker, clock)
    for folder, _, files in os.walk(tmp_path / "var" / "files"):
        for file in files:
            os.utime(Path(folder) / file, (0, 0))
    with worker.app_context():
        # The file that the killed worker had made; the parts went when they were a file.
        assert ledger.sweep() == 1
    uploader.send()
    assert bytes_of(worker, look(Attachment)[0].storage_key) == FILM
    assert proofs(worker) == set()


def test_with_the_disk_full_the_job_waits(uploader, worker, clock, look, monkeypatch):
    uploader.upload()

    def full(*_, **__):
        raise StorageFull("no room")

    with monkeypatch.context() as patch:
        patch.setattr(FolderStorage, "put", full)
        work(worker, clock)
    assert [(job.attempts, job.last_error) for job in look(Job)] == [(0, "StorageFull")]
    work(worker, clock)
    assert len(look(DraftFile)) == 1


def test_parts_that_are_gone_are_never_called_a_file(uploader, worker, clock, look):
    uploader.upload()
    key = look(UploadPart)[1].storage_key
    worker.extensions["storage"].delete(key)
    work(worker, clock)
    assert look(DraftFile) == []
    assert proofs(worker) == {"bytes_missing"}


@pytest.mark.parametrize("how", ["erase", "cancel", "expire"])
def test_what_goes_before_it_is_whole_leaves_no_row(uploader, worker, clock, look, how):
    upload_id = uploader.upload()
    if how == "erase":
        uploader.press("rensa")
    elif how == "cancel":
        assert uploader.cancel(f"{uploader.all}/{upload_id}").status_code == 204
    else:
        clock.at += timedelta(hours=25)
        with worker.app_context():
            assert ledger.expire_drafts() == 1
    work(worker, clock)
    assert look(Upload) == look(UploadPart) == look(DraftKey) == look(DraftFile) == []
    assert all(job.done_at for job in look(Job))


def test_a_form_erased_while_its_file_is_put_together_leaves_no_name(
    uploader, worker, clock, look, monkeypatch
):
    uploader.upload()
    during(monkeypatch, lambda: uploader.press("rensa"))
    work(worker, clock)
    assert look(DraftFile) == look(DraftKey) == look(Upload) == []


def test_a_form_sent_while_its_file_is_put_together_gets_it(uploader, worker, clock, look, monkeypatch):
    uploader.upload()
    during(monkeypatch, uploader.send)
    work(worker, clock)
    assert [file.sha256 for file in look(Attachment)] == [FILM_SHA256]
    assert proofs(worker) == set()


def during(monkeypatch, act: Callable[[], object]):
    """Let something happen between the storing of the whole file and its row."""
    put = FolderStorage.put

    def put_and_act(self, *given, **named):
        stored = put(self, *given, **named)
        monkeypatch.setattr(FolderStorage, "put", put)
        act()
        return stored

    monkeypatch.setattr(FolderStorage, "put", put_and_act)


def test_a_sent_form_that_is_erased_or_expires_keeps_what_is_on_its_way(uploader, worker, clock, look):
    uploader.upload()
    uploader.send()
    clock.at += timedelta(hours=25)
    with worker.app_context():
        assert ledger.expire_drafts() == 1
    assert proofs(worker) == {"job_too_old"}
    work(worker, clock)
    work(worker, clock, "read_signs")
    assert look(Draft) == []
    assert [file.sha256 for file in look(Attachment)] == [FILM_SHA256]
    assert proofs(worker) == set()


def test_a_file_that_never_comes_whole_is_told_to_both(uploader, worker, clock, look):
    place = uploader.begin()
    uploader.patch(place, 0, FILM[:5000])
    uploader.send()
    clock.at += timedelta(hours=23)
    with worker.app_context():
        assert uploading.give_up() == 0
        clock.at += timedelta(hours=2)
        assert [uploading.give_up(), uploading.give_up()] == [1, 0]
        (told,) = uploading.awaited(look(Matter.id)[0])
    assert (told.shown, told.offset_bytes, told.given_up_at is not None) == ("film.mp4", 5000, True)
    assert look(Event.what).count("file_given_up") == 1
    assert "file_missing" in look(Matter)[0].needs_person
    assert look(UploadPart) == look(DraftKey) == []
    work(worker, clock, "read_signs")
    assert proofs(worker) == set()


def test_a_late_file_that_nobody_was_told_of_is_found(uploader, worker, clock):
    uploader.begin()
    uploader.send()
    clock.at += timedelta(hours=25)
    assert "late_upload_untold" not in proofs(worker)
    clock.at += timedelta(hours=2)
    assert "late_upload_untold" in proofs(worker)


@pytest.mark.parametrize("is_sent", [True, False])
def test_a_received_file_without_its_job_is_found(uploader, worker, seen, is_sent):
    uploader.upload()
    if is_sent:
        uploader.send()
    assert proofs(worker) == set()
    seen.execute(Job.__table__.delete().where(Job.kind == "finish_upload"))
    seen.commit()
    assert proofs(worker) == {"received_upload_without_job"}


def test_the_worker_cannot_read_what_a_citizen_has_begun(uploader, worker, seen):
    place = uploader.begin()
    uploader.patch(place, 0, FILM[:10])
    with worker.app_context():
        parts = db.session.execute(uploading._PARTS, {"upload": id_of(place)}).all()
    assert parts == []


def test_the_digest_is_that_of_the_whole(uploader, worker, clock, look):
    data = os.urandom(700_000)
    uploader.upload(data, parts=7)
    work(worker, clock)
    assert look(DraftFile)[0].sha256 == hashlib.sha256(data).hexdigest()


def test_a_file_can_be_taken_out_once_it_is_whole(uploader, worker, clock, look):
    upload_id = uploader.upload()
    work(worker, clock)
    assert uploader.head(f"{uploader.all}/{upload_id}").headers["Upload-Offset"] == str(len(FILM))
    assert uploader.cancel(f"{uploader.all}/{upload_id}").status_code == 204
    assert look(DraftFile) == look(Upload) == look(DraftKey) == []
