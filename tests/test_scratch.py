"""Folders for work that may be killed: nothing of it lies about for ever."""

from __future__ import annotations

import os
import signal
import time
from datetime import UTC, datetime, timedelta

import pytest

from intake import scratch

NOW = datetime.now(UTC)
# Longer after than the whole suite takes.
LATER = NOW + timedelta(days=2)


def test_a_folder_is_gone_when_the_work_is_done(tmp_path):
    with scratch.folder(tmp_path) as folder:
        (folder / "a").write_text("Hej")
        assert folder.is_relative_to(tmp_path)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_folder_is_gone_when_the_work_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), scratch.folder(tmp_path) as folder:
        raise ZeroDivisionError
    assert not folder.exists()


def test_nobody_else_may_look_into_it(tmp_path):
    with scratch.folder(tmp_path) as folder:
        assert [each.stat().st_mode & 0o077 for each in (folder, folder.parent)] == [0, 0]


def test_what_a_killed_process_left_is_swept_the_next_day(tmp_path):
    child = os.fork()
    if child == 0:
        with scratch.folder(tmp_path) as folder:
            (folder / "a").write_text("Hej")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert (scratch.sweep(tmp_path, NOW), scratch.sweep(tmp_path, LATER)) == (0, 1)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_times_that_the_work_changed_do_not_save_a_folder(tmp_path):
    left = tmp_path / "scratch" / f"{int(time.time())}-left"
    left.mkdir(parents=True)
    os.utime(left, (4e9, 4e9))
    assert scratch.sweep(tmp_path, LATER) == 1


def test_a_folder_in_use_and_what_is_not_ours_are_left(tmp_path):
    with scratch.folder(tmp_path) as folder:
        (folder.parent / "other").mkdir()
        assert scratch.sweep(tmp_path, NOW + timedelta(hours=23)) == 0
        assert folder.exists()
    assert scratch.sweep(tmp_path, LATER) == 0


def test_a_place_that_was_never_used_is_swept_in_silence(tmp_path):
    assert scratch.sweep(tmp_path, LATER) == 0
