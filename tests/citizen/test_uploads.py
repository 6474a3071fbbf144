"""Files in parts, as the protocol has it: what is taken, what is refused, and in which words."""

from __future__ import annotations

import hashlib
import html
import io
import uuid
from dataclasses import replace
from email.utils import parsedate_to_datetime

import pytest
from sqlalchemy import create_engine, func, select, text, update
from sqlalchemy.pool import NullPool

from intake import drafts, uploads
from intake.citizen import uploads as views
from intake.errors import StorageError, StorageFull
from intake.models import Draft, DraftFile, DraftKey, Job, Upload, UploadPart
from intake.storage import FolderStorage
from tests.parts import FILM, PART, TUS, Uploader, b64, id_of


def count(seen, table):
    seen.rollback()
    return seen.scalar(select(func.count()).select_from(table))


def stored(uploader):
    return set(uploader.client.application.extensions["storage"].keys())


def test_the_server_says_what_it_speaks(uploader):
    answer = uploader.client.options(uploader.all)
    assert answer.status_code == 204
    assert answer.headers["Tus-Resumable"] == answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Extension"] == "creation,termination,checksum,expiration"
    assert answer.headers["Tus-Max-Size"] == "209715200"
    assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"
    assert not any(name.startswith("Access-Control") for name, _ in answer.headers)


def test_a_file_is_taken_in_parts(uploader, seen):
    place = uploader.begin()
    assert uploader.patch(place, 0, FILM[:4000]).headers["Upload-Offset"] == "4000"
    answer = uploader.head(place)
    assert (answer.status_code, answer.data) == (200, b"")
    assert (answer.headers["Upload-Offset"], answer.headers["Upload-Length"]) == ("4000", "10240")
    assert answer.headers["Cache-Control"] == "no-store"
    answer = uploader.patch(place, 4000, FILM[4000:])
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "10240")
    assert seen.scalars(select(Job.kind)).one() == "finish_upload"
    assert seen.scalars(select(Job.subject_id)).one() == id_of(place)
    assert seen.scalars(select(Upload.received_at)).one() is not None


def test_each_part_is_stored_and_named_before_it_is_answered(uploader, seen):
    place = uploader.begin()
    uploader.patch(place, 0, FILM[:100])
    uploader.patch(place, 100, FILM[100:300])
    parts = seen.scalars(select(UploadPart).order_by(UploadPart.start_bytes)).all()
    assert [(part.start_bytes, part.size_bytes) for part in parts] == [(0, 100), (100, 200)]
    keys = {part.storage_key for part in parts}
    assert stored(uploader) == keys == set(seen.scalars(select(DraftKey.storage_key)))
    assert all(key.startswith("part/") for key in keys)


def test_the_address_stays_in_the_language_of_the_page(uploader):
    answer = uploader.create(prefix="/en")
    assert answer.location.startswith(f"/en{uploader.all}/")
    assert uploader.patch(answer.location, 0, FILM).status_code == 204


def test_each_part_gives_the_form_24_hours_more_until_it_is_sent(uploader, clock, seen):
    place = uploader.begin()
    clock.at = clock.at.replace(hour=23)
    answer = uploader.patch(place, 0, FILM[:100])
    assert seen.scalars(select(Draft.expires_at)).one().hour == 23
    assert parsedate_to_datetime(answer.headers["Upload-Expires"]).hour == 23


def test_an_answer_to_a_part_never_sets_the_cookie(uploader):
    """It may come after the answer to the sending, and must not take back the receipt."""
    place = uploader.begin()
    assert "Set-Cookie" not in uploader.patch(place, 0, FILM).headers


def test_a_wrong_offset_is_told_the_right_one_and_nothing_is_stored(uploader):
    place = uploader.begin()
    uploader.patch(place, 0, FILM[:100])
    before = stored(uploader)
    for offset in (0, 99, 101):
        answer = uploader.patch(place, offset, b"x")
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (409, "100")
    assert stored(uploader) == before


def test_a_row_that_another_request_holds_is_423(uploader, database):
    place = uploader.begin()
    with create_engine(database.urls["owner"], poolclass=NullPool).connect() as other:
        other.execute(text("SELECT FROM upload FOR UPDATE"))
        answer = uploader.patch(place, 0, FILM[:100])
    assert answer.status_code == 423
    assert "i en annan flik" in answer.json["message"]
    assert uploader.patch(place, 0, FILM[:100]).status_code == 204


@pytest.mark.parametrize("name", ["sha1", "sha256"])
def test_a_checksum_is_compared_and_a_damaged_part_leaves_nothing(uploader, name):
    place = uploader.begin()
    right = f"{name} {b64(hashlib.new(name, FILM[:500]).digest())}"
    answer = uploader.patch(place, 0, b"x" + FILM[1:500], Upload_Checksum=right)
    assert answer.status_code == 460
    assert "skadades på vägen" in answer.json["message"]
    assert stored(uploader) == set()
    assert uploader.patch(place, 0, FILM[:500], Upload_Checksum=right).status_code == 204


@pytest.mark.parametrize("given", ["md5 AAAA", "sha1", "sha1 å", "sha1 AAA"])
def test_a_checksum_nobody_knows_is_refused(uploader, given):
    place = uploader.begin()
    answer = uploader.patch(place, 0, FILM, Upload_Checksum=given.encode().decode("latin-1"))
    assert answer.status_code in (400, 460)
    assert stored(uploader) == set()


def test_more_than_the_length_is_refused_whole(uploader):
    place = uploader.begin(size=100)
    assert uploader.patch(place, 0, b"x" * 101).status_code == 400
    assert uploader.head(place).headers["Upload-Offset"] == "0"
    assert stored(uploader) == set()


def test_an_empty_part_changes_nothing(uploader, seen):
    place = uploader.begin()
    for length in (None, "0"):
        answer = uploader.patch(place, 0, b"", Content_Length=length)
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "0")
    assert count(seen, UploadPart) == 0
    assert uploader.patch(place, 0, FILM).status_code == 204


def test_a_part_of_another_type_is_415(uploader):
    place = uploader.begin()
    assert uploader.patch(place, 0, FILM, Content_Type="application/octet-stream").status_code == 415


@pytest.mark.parametrize("method", ["POST", "PATCH", "HEAD", "DELETE"])
@pytest.mark.parametrize("version", [None, "0.2.2"])
def test_another_version_is_412(uploader, method, version):
    place = uploader.begin()
    headers = {} if version is None else {"Tus-Resumable": version}
    answer = uploader.client.open(uploader.all if method == "POST" else place, method=method, headers=headers)
    assert (answer.status_code, answer.headers["Tus-Version"]) == (412, "1.0.0")


@pytest.mark.parametrize(
    "headers",
    [
        {"Upload_Length": None},
        {"Upload_Length": "-1"},
        {"Upload_Length": "1e3"},
        {"Upload_Length": "9" * 40},
        {"Upload_Length": None, "Upload_Defer_Length": "1"},
        {"Upload_Metadata": ""},
        {"Upload_Metadata": "filename !!!"},
        {"Upload_Metadata": f"filename {b64('a.jpg')}, fingerprint {b64('x' * 201)}"},
    ],
)
def test_what_is_not_the_protocol_is_400(uploader, headers, seen):
    answer = uploader.create(**headers)
    assert answer.status_code == 400
    assert "är sparat" in answer.json["message"]
    assert count(seen, Upload) == 0


def test_a_token_is_needed_to_change_anything(uploader, seen):
    place = uploader.begin()
    for token in (None, "wrong"):
        answers = (
            uploader.create(X_CSRFToken=token),
            uploader.patch(place, 0, FILM, X_CSRFToken=token),
            uploader.cancel(place, X_CSRFToken=token),
        )
        assert [answer.status_code for answer in answers] == [403] * 3
        assert all("Ladda om sidan" in answer.json["message"] for answer in answers)
    assert count(seen, UploadPart) == 0
    assert count(seen, Upload) == 1


def test_without_the_forms_cookie_nothing_is_there(uploader, make_app):
    place = uploader.begin()
    stranger = Uploader(make_app("citizen").test_client())
    own, stranger.draft = stranger.draft, uploader.draft
    answers = (
        stranger.client.options(stranger.all),
        stranger.create(),
        stranger.head(place),
        stranger.patch(place, 0, FILM),
        stranger.cancel(place),
        stranger.head(place.replace(uploader.draft, own)),
    )
    assert [answer.status_code for answer in answers] == [404] * 6
    assert uploader.head(place).headers["Upload-Offset"] == "0"


def test_an_upload_nobody_made_is_404(uploader):
    place = f"{uploader.all}/{uuid.uuid4()}"
    answers = (uploader.head(place), uploader.patch(place, 0, b"x"), uploader.cancel(place))
    assert [answer.status_code for answer in answers] == [404] * 3
    assert uploader.client.get(place).status_code == 405


def test_a_type_that_is_not_taken_is_told_the_way_by_mail(uploader):
    answer = uploader.create(name="fil.exe")
    assert answer.status_code == 415
    assert "”fil.exe” är av en typ" in answer.json["message"]
    assert "Din text är sparad" in answer.json["message"]
    assert answer.json["address"].startswith("arende+")


def test_a_file_mail_cannot_carry_never_gets_the_address(uploader):
    answer = uploader.create(size=30_000_000, name="fil.exe")
    assert (answer.status_code, answer.json["address"]) == (415, None)


def test_a_file_too_large_is_refused_before_any_byte(uploader):
    answer = uploader.create(size=209_715_201)
    assert (answer.status_code, answer.json["address"]) == (413, None)
    assert "större än 200 MB" in answer.json["message"]
    assert uploader.create(size=209_715_200).status_code == 201


def test_an_empty_file_is_refused(uploader):
    answer = uploader.create(size=0)
    assert answer.status_code == 400
    assert "är tom" in answer.json["message"]


def test_what_is_not_here_yet_has_its_room_already(uploader):
    uploader.begin(size=209_715_200)
    uploader.begin(size=209_715_200)
    answer = uploader.create(size=209_715_200)
    assert answer.status_code == 413
    assert "högst 20 filer och 500 MB" in answer.json["message"]
    assert uploader.create(size=104_857_600).status_code == 201
    assert uploader.add(b"x", "bild.jpg").status_code == 422


def test_a_file_taken_out_gives_its_room_back(uploader, seen):
    places = [uploader.begin() for _ in range(20)]
    assert uploader.create().status_code == 413
    uploader.patch(places[0], 0, FILM[:100])
    assert uploader.cancel(places[0]).status_code == 204
    assert count(seen, UploadPart) == count(seen, DraftKey) == 0
    assert uploader.create().status_code == 201
    assert uploader.head(places[0]).status_code == 404


def test_too_many_from_one_network_wait(uploader, monkeypatch):
    monkeypatch.setattr(views, "CREATIONS_PER_HOUR", 2)
    assert [uploader.create().status_code for _ in range(3)] == [201, 201, 429]
    assert uploader.create().json["address"].startswith("arende+")


def test_a_file_in_far_too_many_parts_is_refused(uploader, monkeypatch):
    monkeypatch.setattr("intake.uploads.MAX_PARTS", 2)
    place = uploader.begin()
    statuses = [uploader.patch(place, start, b"x").status_code for start in range(3)]
    assert statuses == [204, 204, 400]


class SmallParts:
    """Limits small enough to pass."""

    @pytest.fixture
    def settings(self, settings):
        files = replace(settings.tables.files, max_part_bytes=1000)
        return replace(settings, tables=replace(settings.tables, files=files))


class TestPartTooLarge(SmallParts):
    def test_a_part_too_large_is_413(self, uploader):
        place = uploader.begin()
        assert uploader.patch(place, 0, FILM[:1001]).status_code == 413
        assert stored(uploader) == set()
        assert uploader.patch(place, 0, FILM[:1000]).status_code == 204

    def test_so_is_one_that_does_not_say_how_large_it_is(self, uploader):
        place = uploader.begin()
        headers = {**TUS, "X-CSRFToken": uploader.token, "Upload-Offset": "0"}
        environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
        answer = uploader.client.patch(
            place,
            input_stream=io.BytesIO(FILM),
            headers=headers,
            content_type=PART,
            environ_overrides=environ,
        )
        assert answer.status_code == 413
        assert stored(uploader) == set()


class NoRoom(FolderStorage):
    def has_room(self, *_):
        return False


class Away(FolderStorage):
    def has_room(self, *_):
        raise StorageError("away")


@pytest.mark.parametrize(("kind", "status"), [(NoRoom, 507), (Away, 503)])
def test_without_a_store_nothing_is_begun_and_the_text_is_safe(make_app, tmp_path, kind, status):
    uploader = Uploader(make_app("citizen", storage=kind(tmp_path / "files", 0)).test_client())
    answer = uploader.create()
    assert answer.status_code == status
    assert "Det du har skrivit är sparat." in answer.json["message"]
    assert "mejla filen till adressen" in answer.json["message"]
    assert answer.json["address"].startswith("arende+")
    answer = uploader.create(size=30_000_000)
    assert "lägga till filen från sidan där du följer ditt ärende" in answer.json["message"]


@pytest.mark.parametrize(("error", "status"), [(StorageFull, 507), (StorageError, 503)])
def test_a_part_that_cannot_be_stored_can_be_sent_again(uploader, monkeypatch, error, status):
    place = uploader.begin()

    def fail(*_, **__):
        raise error("no")

    with monkeypatch.context() as patch:
        patch.setattr(FolderStorage, "put", fail)
        assert uploader.patch(place, 0, FILM).status_code == status
    assert uploader.patch(place, 0, FILM).status_code == 204


def test_two_hosts_take_alternating_parts(uploader, make_app, seen):
    hosts = [uploader.client, make_app("citizen").test_client()]
    cookie = uploader.client.get_cookie("intake_citizen")
    hosts[1].set_cookie(cookie.key, cookie.value)
    place = uploader.begin()
    for start in range(0, len(FILM), 1024):
        uploader.client = hosts[start // 1024 % 2]
        assert uploader.patch(place, start, FILM[start : start + 1024]).status_code == 204
    assert count(seen, UploadPart) == 10
    assert uploader.head(place).headers["Upload-Offset"] == str(len(FILM))


def test_the_page_that_is_loaded_anew_can_go_on(uploader):
    place = uploader.begin(name="b\u202e.mp4")
    uploader.patch(place, 0, FILM[:100])
    page = uploader.client.get(f"{uploader.draft}/filer").text
    assert place in page
    assert f"b\u202e.mp4|{len(FILM)}" in html.unescape(page)
    assert "b.mp4" in page


def test_a_form_can_be_sent_while_a_file_is_on_its_way(uploader, seen):
    place = uploader.begin()
    uploader.patch(place, 0, FILM[:100])
    uploader.send()
    assert uploader.create().status_code == 409
    assert uploader.cancel(place).status_code == 409
    upload = seen.scalars(select(Upload)).one()
    assert upload.matter_id is not None
    before = upload.expires_at, seen.scalars(select(Draft.expires_at)).one()
    assert uploader.patch(place, 100, FILM[100:]).status_code == 204
    seen.rollback()
    assert (upload.expires_at, seen.scalars(select(Draft.expires_at)).one()) == before
    assert upload.received_at is not None
    assert uploader.client.get("/kvitto").status_code == 200


def test_a_file_whose_time_ran_out_is_410(uploader, seen):
    place = uploader.begin()
    uploader.send()
    seen.execute(update(Upload).values(given_up_at=func.now()))
    seen.commit()
    assert uploader.head(place).status_code == 410
    assert uploader.patch(place, 0, FILM).status_code == 410


def test_an_erased_form_takes_its_uploads_along(uploader, seen):
    place = uploader.begin()
    uploader.patch(place, 0, FILM[:100])
    uploader.press("rensa")
    assert uploader.patch(place, 100, FILM[100:]).status_code == 404
    assert (
        count(seen, Upload) == count(seen, UploadPart) == count(seen, DraftKey) == count(seen, DraftFile) == 0
    )


def test_one_network_cannot_fill_the_store(uploader, monkeypatch):
    monkeypatch.setattr(uploads, "MEBIBYTES_PER_HOUR", 3)
    assert uploader.create(3 * 2**20).status_code == 201
    answer = uploader.create(1)
    assert answer.status_code == 429
    assert "Det du har skrivit är sparat." in answer.json["message"]
    assert "många filer från samma nät" in uploader.add(b"hej", "a.txt").text


def test_the_bytes_of_a_part_that_lost_the_race_are_gone_at_once(uploader, monkeypatch):
    place, storage = uploader.begin(), uploader.client.application.extensions["storage"]
    hold = drafts.hold

    def hold_after_another(*given):
        monkeypatch.setattr(drafts, "hold", hold)
        assert uploader.patch(place, 0, FILM[:100]).status_code == 204
        return hold(*given)

    monkeypatch.setattr(drafts, "hold", hold_after_another)
    assert uploader.patch(place, 0, FILM).status_code == 409
    assert len(list(storage.keys())) == 1
