"""Proofs of the bytes: what was changed, cut or lost is found by its row, wherever a run was stopped."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, select, text
from sqlalchemy.pool import NullPool

from intake import diagnosis, ledger, storage, verifying
from intake.cli import main
from intake.errors import BytesMissing, StorageError
from intake.extensions import db
from intake.models import Attachment, ByteCheck, Letter
from tests.file_samples import PDF
from tests.letters_home import deliver, letter


@pytest.fixture(autouse=True)
def app(worker_app):
    with worker_app.app_context():
        deliver(letter(files=(("a.pdf", PDF),)))
        yield worker_app


@pytest.fixture
def file():
    return db.session.execute(select(Attachment.id, Attachment.storage_key)).one()


@pytest.fixture
def damage():
    """Change the bytes under a key as no service of ours does."""

    def change(key, data):
        with storage.current().local_path(key) as path:
            path.write_bytes(data)

    return change


@pytest.fixture
def spoil(database):
    """Change the database as its owner, as no service of ours does."""

    def run(statement):
        with create_engine(database.urls["owner"], poolclass=NullPool).begin() as connection:
            connection.execute(text(statement))

    return run


def proven(**how):
    return {found.key: found.problem for found in verifying.verify(**how)}


def checked():
    db.session.expire_all()
    return {row.storage_key: row.is_whole for row in db.session.scalars(select(ByteCheck))}


def differing():
    return ledger.reconcile().exceptions["bytes_differ"]


def test_what_is_as_it_came_is_proven_whole(file):
    raw = db.session.scalars(select(Letter.storage_key)).one()
    assert proven() == {raw: None, file.storage_key: None}
    assert checked() == {raw: True, file.storage_key: True}
    assert ledger.reconcile().is_whole


def test_changed_bytes_of_the_same_size_are_found_here_and_by_reconcile(file, damage):
    assert differing() == ()
    damage(file.storage_key, PDF.swapcase())
    (found,) = [each for each in verifying.verify() if each.problem]
    assert (found.key, found.problem) == (file.storage_key, "wrong digest")
    assert found.row == f"attachment {file.id}"
    assert differing() == (file.storage_key,)


def test_cut_and_lost_bytes_are_told_apart(file, damage):
    damage(file.storage_key, PDF[:-1])
    assert proven()[file.storage_key] == "wrong size"
    storage.current().delete(file.storage_key)
    assert proven()[file.storage_key] == "missing"


def test_a_file_that_the_disk_cannot_read_stops_no_other(file, monkeypatch):
    read = verifying._read

    def broken(key, throttle):
        if key == file.storage_key:
            raise OSError(5, "Input/output error")
        return read(key, throttle)

    monkeypatch.setattr(verifying, "_read", broken)
    assert sorted(map(str, proven().values())) == ["None", "unreadable"]


def test_a_store_that_is_away_is_no_lost_file(file, tmp_path):
    (tmp_path / "var" / "files").rename(tmp_path / "unmounted")
    with pytest.raises(StorageError):
        proven()
    assert checked() == {}


def test_what_was_mended_is_known_at_the_next_run(file, damage):
    damage(file.storage_key, b"x")
    proven()
    damage(file.storage_key, PDF)
    assert proven() == {file.storage_key: None}
    assert differing() == ()


def test_a_run_that_is_stopped_is_carried_on_by_the_next(file):
    first = next(verifying.verify())
    assert checked() == {first.key: True}
    assert len(proven()) == 1
    assert proven() == {}


def test_all_is_read_again_when_it_is_asked_for_or_after_thirty_days(file, clock):
    assert len(proven()) == 2
    assert len(proven(is_all=True)) == 2
    clock.at += timedelta(days=29)
    assert proven() == {}
    clock.at += timedelta(days=2)
    assert len(proven()) == 2


def test_what_was_looked_at_longest_ago_comes_first_after_what_was_wrong(file, damage, clock):
    order = [found.key for found in verifying.verify()]
    assert [found.key for found in verifying.verify(is_all=True)] == order
    damage(order[1], b"x")
    proven(is_all=True)
    assert [found.key for found in verifying.verify(is_all=True)] == order[::-1]


def test_a_row_that_goes_while_its_bytes_are_read_is_no_exception(file, spoil, monkeypatch):
    def read_when_gone(key, _throttle):
        spoil("DELETE FROM attachment")
        raise BytesMissing(key)

    proven()
    monkeypatch.setattr(verifying, "_read", read_when_gone)
    spoil(f"DELETE FROM byte_check WHERE storage_key = '{file.storage_key}'")
    assert proven() == {}
    assert file.storage_key not in checked()


def test_proofs_of_rows_that_are_gone_are_forgotten(file, spoil):
    proven()
    spoil("DELETE FROM attachment")
    proven()
    assert file.storage_key not in checked()


def test_a_slice_is_proven_and_the_next_goes_on(file, damage):
    damage(file.storage_key, b"x")
    now = verifying.Throttle(None)
    assert verifying.verify_some(1, now) + verifying.verify_some(1, now) == 1
    assert len(checked()) == 2


def test_a_slice_is_left_to_whoever_proves_one_already(file):
    with verifying._alone():
        assert verifying.verify_some() == 0
    assert checked() == {}


def test_bytes_are_read_no_faster_than_they_may():
    waits, at = [], itertools.count()
    throttle = verifying.Throttle(100, clock=lambda: next(at), sleep=waits.append)
    for count in (50, 400, 100, 100):
        throttle(count)
    assert waits == [3.0, 3.0]


def test_how_far_the_proofs_have_come_is_told(file, clock):
    assert verifying.standing() == verifying.Standing(2, 0, 0, None)
    proven()
    found = verifying.standing()
    assert (found.files, found.verified, found.differ) == (2, 2, 0)
    assert found.oldest_at <= clock()
    clock.at += timedelta(days=3)
    counts = ledger.reconcile().counts
    assert (counts["verified"], counts["verified_days_ago"]) == (2, 3)


@pytest.fixture
def run(app, monkeypatch):
    """Run `intake verify-files` in this app."""
    monkeypatch.setattr("intake.cli.evidence.app", lambda _role: app)
    return lambda *words: CliRunner().invoke(main, ["verify-files", *words])


def test_the_command_tells_each_exception_and_fails(run, file, damage):
    whole = run("--throttle", "1000")
    assert (whole.exit_code, whole.stdout) == (0, "")
    assert "2 files read" in whole.stderr
    damage(file.storage_key, b"x")
    broken = run("--all")
    assert broken.exit_code == 1
    assert broken.stdout == f"wrong size  attachment {file.id}  {file.storage_key}\n"


def test_the_command_killed_in_the_midst_of_a_file_is_carried_on_from_there(run, monkeypatch):
    read, keys = verifying._read, []

    def die_at_the_second(key, throttle):
        keys.append(key)
        if len(keys) == 2:
            raise KeyboardInterrupt
        return read(key, throttle)

    monkeypatch.setattr(verifying, "_read", die_at_the_second)
    assert run().exit_code == 1
    assert run().exit_code == 0
    assert keys[1:] == [keys[1], keys[1]]


def test_the_doctor_tells_what_was_not_proven_yet_and_what_is_wrong(file, damage):
    (unproven,) = diagnosis.of_bytes(verifying.standing())
    assert unproven.is_advice
    assert unproven.words.startswith("0 of 2 ")
    proven()
    (whole,) = diagnosis.of_bytes(verifying.standing())
    assert whole.mark == "ok   "
    damage(file.storage_key, b"x")
    proven(is_all=True)
    assert next(diagnosis.of_bytes(verifying.standing())).is_fault
