"""Times and sizes as people write them in Swedish."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from intake import words


@pytest.mark.parametrize(
    ("at", "written"),
    [
        (datetime(2026, 11, 22, 15, 5, tzinfo=UTC), "22 november 2026 kl. 16.05"),
        (datetime(2026, 7, 1, 22, 30, tzinfo=UTC), "2 juli 2026 kl. 00.30"),
        (datetime(2026, 12, 31, 23, 0, tzinfo=UTC), "1 januari 2027"),
    ],
)
def test_a_time_is_written_in_swedish_words_and_time(at, written):
    assert words.in_swedish(at) == written


@pytest.mark.parametrize(
    ("size", "written"),
    [
        (0, "0 byte"),
        (1023, "1023 byte"),
        (1024, "1 kB"),
        (999 * 1024, "999 kB"),
        (1019 * 1024, "1 MB"),
        (1_300_000, "1,2 MB"),
        (20_971_520, "20 MB"),
        (62_914_560, "60 MB"),
        (1_048_575, "1 MB"),
        (5 * 1024**3, "5 GB"),
    ],
)
def test_a_size_is_written_as_file_managers_do(size, written):
    assert words.in_digits(size) == written


def test_a_digest_is_cut_into_groups():
    assert words.in_groups("0123456789abcdef") == ["01234567", "89abcdef"]
