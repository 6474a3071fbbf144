"""The ledger: each thing that could be missing is found, by its id, and nothing else."""

from __future__ import annotations

import io
import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from intake import ledger, storage
from tests.file_samples import PDF
from tests.letters_home import deliver, letter, matters
from tests.matters.test_arrive import make_draft


@pytest.fixture(autouse=True)
def app(worker_app):
    with worker_app.app_context():
        yield worker_app


@pytest.fixture
def spoil(database):
    """Damage the database as its owner, as no service of ours can."""

    def run(statement):
        with create_engine(database.urls["owner"], poolclass=NullPool).begin() as connection:
            connection.execute(text("SET CONSTRAINTS ALL DEFERRED"))
            connection.execute(text(statement))

    return run


def broken():
    return {name for name, ids in ledger.reconcile().exceptions.items() if ids}


def test_with_nothing_missing_every_proof_is_empty():
    deliver(letter(files=(("a.pdf", PDF),)))
    found = ledger.reconcile()
    assert found.is_whole
    assert found.counts["matter"] == found.counts["arrival"] == 1


@pytest.mark.parametrize(
    ("damage", "proof"),
    [
        ("UPDATE arrival SET message_id = NULL", "arrival_without_outcome"),
        ("UPDATE arrival SET message_id = NULL", "incoming_message_without_arrival"),
        ("DELETE FROM diary_entry", "matter_without_number"),
        ("DELETE FROM diary_entry", "gap_in_numbers"),
        ("UPDATE matter_unit SET until = now()", "matter_without_inbox"),
        ("DELETE FROM job WHERE kind = 'check_file'", "unchecked_file_without_job"),
        ("DELETE FROM job WHERE kind = 'send_letter'", "owed_letter_without_job"),
        ("UPDATE job SET stuck_at = now() WHERE kind = 'check_file'", "job_stuck"),
        ("UPDATE job SET created_at = '2020-01-01' WHERE done_at IS NULL", "job_too_old"),
        ("UPDATE attachment SET size_bytes = 1", "bytes_missing"),
        ("UPDATE letter SET storage_key = 'letter/gone'", "bytes_missing"),
        ("UPDATE matter SET merged_into_id = id, closed_at = now()", "merged_matter_astray"),
    ],
)
def test_what_is_missing_is_found(damage, proof, spoil):
    deliver(letter(files=(("a.pdf", PDF),)))
    spoil(damage)
    assert proof in broken()


def test_a_file_that_stands_in_another_matter_than_its_message_is_found(spoil):
    deliver(letter(files=(("a.pdf", PDF),)))
    deliver(letter("Något annat."))
    spoil("UPDATE attachment SET matter_id = (SELECT id FROM matter WHERE id <> attachment.matter_id)")
    assert broken() == {"file_away_from_its_message"}


def test_bytes_no_row_names_are_found_and_swept_once_they_are_a_day_old(tmp_path):
    deliver(letter(files=(("a.pdf", PDF),)))
    storage.current().put("draft/orphan", io.BytesIO(b"x"))
    assert broken() == set()
    for folder, _, files in os.walk(tmp_path / "var" / "files"):
        for file in files:
            os.utime(Path(folder) / file, (0, 0))
    assert broken() == {"bytes_unnamed"}
    assert ledger.sweep() == 1
    assert broken() == set()
    assert len(matters()) == 1


def test_an_expired_draft_is_erased_and_its_bytes_follow(make_app, clock):
    with make_app("citizen").app_context():
        make_draft()
    clock.at += timedelta(hours=23)
    assert ledger.expire_drafts() == 0
    clock.at += timedelta(hours=2)
    assert ledger.expire_drafts() == 1
