"""Files in a draft: kept as given, shown cleaned, refused with words, and never half there."""

from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import func, select

from intake.errors import StorageError, StorageFull
from intake.models import DraftFile, DraftKey
from intake.storage import FolderStorage
from tests.citizen.person import STORY, Person, words
from tests.parts import FILM, Uploader


def test_a_good_file_is_kept_when_another_is_refused(person, seen):
    person.begin()
    answer = person.add((b"hej", "bra.txt"), (b"MZ", "foto.jpg.exe"), (b"", "tom.txt"))
    assert answer.status_code == 422
    assert "”foto.jpg.exe” är av en typ som inte kan tas emot" in answer.text
    assert "”tom.txt” är tom" in answer.text
    assert 'aria-describedby="files-fel"' in answer.text
    assert seen.scalars(select(DraftFile.name)).one() == "bra.txt"


def test_a_stored_file_is_whole_and_its_key_is_named(person, seen):
    person.begin()
    content = bytes(range(256)) * 1500
    person.add((content, "film.mp4"))
    file = seen.scalars(select(DraftFile)).one()
    storage = person.client.application.extensions["storage"]
    with storage.open(file.storage_key) as stored:
        assert stored.read() == content
    assert (file.size_bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert seen.scalars(select(DraftKey.storage_key)).one() == file.storage_key


def test_a_file_can_be_taken_out_again(person, seen):
    person.begin()
    person.add((b"hej", "a.txt"), (b"hopp", "b.txt"))
    file_id = seen.scalars(select(DraftFile.id).where(DraftFile.name == "a.txt")).one()
    assert person.fill("filer", f"filer/{file_id}/ta-bort").location.endswith("/filer")
    assert seen.scalars(select(DraftFile.name)).all() == ["b.txt"]
    assert seen.scalar(select(func.count()).select_from(DraftKey)) == 1


def test_a_file_of_another_draft_cannot_be_taken_out(citizen, seen, person):
    person.begin().add((b"hej", "a.txt"))
    file_id = seen.scalars(select(DraftFile.id)).one()
    person.begin()
    person.fill("filer", f"filer/{file_id}/ta-bort")
    assert seen.scalars(select(DraftFile.id)).all() == [file_id]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:/bilder/foto.jpg", "foto.jpg"),
        ("foto\u202egpj.txt", "fotogpj.txt"),
        ("å😀.png", "å😀.png"),
        ("n" * 300 + ".pdf", "n" * 251 + ".pdf"),
    ],
)
def test_names_are_kept_as_given_and_shown_cleaned(person, seen, given, shown):
    person.begin()
    assert person.add((b"hej", given)).status_code == 303
    assert seen.scalars(select(DraftFile.name)).one() == given
    assert f"{shown} (3 byte)" in words(person.get("filer").text)


def test_a_file_chosen_together_with_going_on_is_kept(person, seen):
    person.begin()
    assert person.add((b"hej", "a.txt"), go="on").location.endswith("/kontakt")
    assert seen.scalars(select(DraftFile.name)).one() == "a.txt"


def test_going_on_without_a_file_is_fine_and_adding_none_is_not(person):
    person.begin()
    assert person.fill("filer", go="on").location.endswith("/kontakt")
    assert person.fill("filer", go="").status_code == 422


def test_the_page_says_what_is_taken_before_anything_is_chosen(person):
    person.begin()
    page = words(person.get("filer").text)
    assert "Högst 60 MB åt gången" in page
    assert "heic" in page
    assert "var och när de gjordes" in page


def test_a_file_that_is_here_in_part_is_listed_with_how_far_it_came(person):
    uploader = Uploader(person.client)
    place = uploader.begin()
    uploader.patch(place, 0, FILM[: len(FILM) // 4])
    page = person.get(f"{uploader.draft}/filer").text
    assert "film.mp4 (10 kB) 25 % har kommit fram." in words(page)
    assert f'data-at="{place}"' in page
    assert f'data-offset="{len(FILM) // 4}"' in page


def test_the_page_with_files_speaks_its_language_to_the_script_too(person):
    person.begin()
    page = person.client.get(f"/en{person.draft}/filer").text
    assert f'data-uploads="/en{person.draft}/uppladdningar"' in page


def test_names_that_look_like_markup_stay_words(person):
    uploader = Uploader(person.client)
    uploader.begin(name="'\"><script>.txt")
    assert "<script>.txt" not in person.get(f"{uploader.draft}/filer").text


class FullStorage(FolderStorage):
    """A disk with no room for files."""

    def put(self, *_, **__):
        raise StorageFull("no room")


class AwayStorage(FolderStorage):
    """A storage that does not answer."""

    def put(self, *_, **__):
        raise StorageError("away")

    def check(self):
        raise StorageError("away")


@pytest.mark.parametrize("kind", [FullStorage, AwayStorage])
def test_text_is_taken_when_files_cannot_be(make_app, tmp_path, kind, seen):
    person = Person(make_app("citizen", storage=kind(tmp_path / "files", 0)).test_client())
    person.begin().tell()
    answer = person.add((b"hej", "a.txt"))
    assert answer.status_code == 503
    assert "Just nu kan vi inte ta emot filer. Texten kan skickas" in answer.text
    assert seen.scalar(select(func.count()).select_from(DraftFile)) == 0
    assert STORY in person.get("granska").text
    assert person.send().location == "/kvitto"
