"""What handlers read of a file is said in Swedish, and no more is said than the file tells."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.tables import read_tables
from intake.access import Look
from intake.handler import file_words

AT = datetime(2026, 11, 22, 15, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("2026-07-14T18:03:22", "2026-07-14 kl. 18.03"),
        ("2026:07:14 18:03:22", "2026-07-14 kl. 18.03"),
        ("2026-07-14T18:03:22+02:00", "2026-07-14 kl. 18.03 (UTC+02:00)"),
        ("2026-07-14T16:03Z", "2026-07-14 kl. 16.03 (UTC)"),
        ("i somras", "i somras"),
    ],
)
def test_a_time_is_said_with_the_zone_that_the_file_tells_and_no_other(told, said):
    assert file_words.say_time(told) == said


@pytest.mark.parametrize(
    ("name", "detected", "said"),
    [
        ("a.jpg", "image/jpeg", "Bild"),
        ("a.jpg", "application/pdf", "PDF-dokument"),
        ("a.m4a", "video/mp4", "Ljud"),
        ("a", "application/octet-stream", "Okänt innehåll"),
        ("a", "application/x-ingen-vet", "Okänd filtyp"),
        ("a.jpg", "application/x-dosexec", "Program för Windows"),
        ("a.lnk", "application/x-ms-shortcut", "Genväg"),
        ("winmail.dat", "application/vnd.ms-tnef", "Outlook-paket (winmail.dat)"),
        ("a.xml", "text/xml", "XML"),
        ("a.txt", "text/xml", "Text"),
        ("brev", "message/rfc822", "Brev"),
        ("a.jpg", None, "Filtypen är inte fastställd än"),
    ],
)
def test_the_sort_of_a_file_goes_by_its_content_and_then_by_its_name(name, detected, said):
    assert file_words.say_type(name, detected, read_tables().files) == said


def test_every_fact_that_a_reader_tells_has_its_words():
    readers = Path(file_words.__file__).parents[1].glob("files/**/*.py")
    told = {fact for reader in readers for fact in re.findall(r'\.tell\(\s*"(\w+)"', reader.read_text())}
    assert told <= set(file_words.FACTS)


def test_the_pictures_that_one_person_saw_in_a_row_are_one_line():
    looks = [Look(AT, who, what, None) for who, what in (
        ("Anna", "picture:/2"), ("Anna", "picture:/1"), ("Anna", "picture:/1"), ("Bo", "picture:/1"),
        ("Bo", "view"), ("Bo", "picture:/1"),
    )]  # fmt: skip
    assert [(line.actor, line.words) for line in file_words.say_looks(looks)] == [
        ("Anna", "såg 2 bilder av filen"),
        ("Bo", "såg en bild av filen"),
        ("Bo", "läste filens sida"),
        ("Bo", "såg en bild av filen"),
    ]


@pytest.mark.parametrize(
    ("reason", "said"),
    [("Till åklagaren", "Till åklagaren"), ("quarantine: Ska analyseras.", "Ska analyseras."),
     ("unchecked", None), ("raw", None), (None, None)],
)  # fmt: skip
def test_a_reason_is_told_in_somebodys_own_words_and_never_as_a_code(reason, said):
    (line,) = file_words.say_looks([Look(AT, "Anna", "file", reason)])
    assert line.reason == said
