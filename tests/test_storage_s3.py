"""A store in S3, over real HTTP: the promises of every store, and what a server far away can do to them."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from intake import diagnosis
from intake.errors import BytesMissing, FileTooLarge, StorageError, StorageFull
from intake.storage import new_key
from intake.storage.s3 import PART_BYTES, S3Storage
from tests.s3_server import breaking_server, client_of, new_bucket, s3_server
from tests.test_storage import LETTER, TEXT, StorageContract, files_under

ROOT = Path(__file__).parent.parent
LARGE = bytes(range(256)) * (PART_BYTES // 256 + 1000)


@pytest.fixture(scope="module")
def server():
    with s3_server() as address:
        yield address


@pytest.fixture
def bucket(server):
    return new_bucket(server)


@pytest.fixture
def admin(server):
    """A client of the server's own, as an administrator has."""
    return client_of(server)


@pytest.fixture
def storage(bucket, tmp_path):
    return S3Storage(bucket, tmp_path / "spool", 0)


@pytest.fixture
def nobody():
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


class TestS3Storage(StorageContract):
    @pytest.fixture
    def storage(self, bucket, tmp_path):
        return S3Storage(bucket, tmp_path / "spool", 0)


def head(admin, bucket, key=LETTER):
    return admin.head_object(Bucket=bucket.name, Key=bucket.prefix + key)


def unfinished(admin, bucket):
    return admin.list_multipart_uploads(Bucket=bucket.name).get("Uploads", [])


def test_every_object_is_encrypted_by_the_server_and_has_its_digest_beside_it(storage, admin, bucket):
    storage.put(LETTER, io.BytesIO(TEXT))
    found = head(admin, bucket)
    assert found["ServerSideEncryption"] == "AES256"
    assert found["Metadata"] == {"sha256": hashlib.sha256(TEXT).hexdigest()}


@pytest.mark.parametrize("data", [TEXT, LARGE], ids=["small", "large"])
def test_a_key_of_ours_encrypts_when_it_is_named(admin, bucket, tmp_path, data):
    own = replace(bucket, encryption="kms", kms_key="arn:aws:kms:eu-north-1:1:key/1")
    S3Storage(own, tmp_path / "spool", 0).put(LETTER, io.BytesIO(data))
    found = head(admin, bucket)
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", own.kms_key)


def test_encryption_may_be_left_to_the_bucket(bucket, tmp_path):
    storage = S3Storage(replace(bucket, encryption="bucket"), tmp_path / "spool", 0)
    sent = sent_by(storage, "PutObject")
    storage.put(LETTER, io.BytesIO(TEXT))
    assert not [name for name in sent[0] if "encryption" in name.lower()]


def sent_by(storage, operation):
    """Return the headers of what is sent from now on, by one kind of request."""
    sent = []

    def note(request, **_):
        sent.append({name.lower(): value for name, value in request.headers.items()})

    storage._client.meta.events.register(f"before-sign.s3.{operation}", note)
    return sent


def test_the_server_is_told_the_digest_and_to_replace_nothing(storage):
    sent = sent_by(storage, "PutObject")
    storage.put(LETTER, io.BytesIO(TEXT))
    assert sent[0]["if-none-match"] == "*"
    assert sent[0]["x-amz-checksum-sha256"]


def test_a_large_file_goes_in_parts_and_comes_back_whole(storage, admin, bucket):
    stored = storage.put(LETTER, io.BytesIO(LARGE))
    assert stored.sha256 == hashlib.sha256(LARGE).hexdigest()
    assert head(admin, bucket)["ETag"].endswith('-2"')
    assert head(admin, bucket)["ServerSideEncryption"] == "AES256"
    with storage.open(LETTER, PART_BYTES - 5, 10) as file:
        assert file.read() == LARGE[PART_BYTES - 5 : PART_BYTES + 5]
    with storage.open(LETTER) as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == stored.sha256
    assert storage.put(LETTER, io.BytesIO(LARGE)) == stored
    assert unfinished(admin, bucket) == []


@pytest.mark.parametrize("operation", ["UploadPart", "CompleteMultipartUpload"])
def test_a_large_file_that_breaks_leaves_nothing_at_the_server(storage, admin, bucket, operation):
    fail_at(storage, operation)
    with pytest.raises(StorageError):
        storage.put(LETTER, io.BytesIO(LARGE))
    assert unfinished(admin, bucket) == []
    assert list(storage.keys()) == []


def fail_at(storage, operation):
    def fail(**_):
        raise OSError(104, "Connection reset by peer")

    storage._client.meta.events.register(f"before-send.s3.{operation}", fail)


def test_parts_that_nobody_finished_are_aborted_when_they_are_a_day_old(storage, admin, bucket):
    admin.create_multipart_upload(Bucket=bucket.name, Key=f"{bucket.prefix}draft/half")
    admin.create_multipart_upload(Bucket=bucket.name, Key="others/half")
    # This server says of each that it was begun on one and the same day.
    begun = unfinished(admin, bucket)[0]["Initiated"]
    assert storage.sweep_temporary(begun + timedelta(hours=23)) == 0
    assert storage.sweep_temporary(begun + timedelta(hours=25)) == 1
    assert [upload["Key"] for upload in unfinished(admin, bucket)] == ["others/half"]


def test_what_others_keep_in_the_bucket_is_not_ours(storage, admin, bucket):
    for name in ("others/file", "files/Not a key", "filesystem"):
        admin.put_object(Bucket=bucket.name, Key=name, Body=b"x")
    storage.put(LETTER, io.BytesIO(TEXT))
    assert list(storage.keys()) == [LETTER]


def test_a_bucket_may_be_ours_without_a_prefix(server, tmp_path):
    storage = S3Storage(new_bucket(server, prefix=""), tmp_path / "spool", 0)
    storage.put(LETTER, io.BytesIO(TEXT))
    storage.check()
    assert list(storage.keys()) == [LETTER]


def test_more_keys_than_one_answer_holds_are_all_listed(storage, admin, bucket):
    keys = {f"draft/{number}" for number in range(1001)}
    for key in keys:
        admin.put_object(Bucket=bucket.name, Key=bucket.prefix + key, Body=b"")
    assert set(storage.keys()) == keys


def test_the_same_bytes_put_again_are_young_again(storage):
    storage.put(LETTER, io.BytesIO(TEXT))
    sent = sent_by(storage, "PutObject")
    storage.put(LETTER, io.BytesIO(TEXT))
    assert "if-match" in sent[0]


def test_what_was_brought_by_other_tools_is_known_by_its_bytes(storage, admin, bucket):
    admin.put_object(Bucket=bucket.name, Key=bucket.prefix + LETTER, Body=TEXT)
    with pytest.raises(StorageError, match="other bytes"):
        storage.put(LETTER, io.BytesIO(TEXT.upper()))
    assert storage.put(LETTER, io.BytesIO(TEXT)).size_bytes == len(TEXT)


def test_of_two_writers_at_the_same_moment_one_is_refused(storage, admin, bucket):
    meanwhile(storage, lambda: admin.put_object(Bucket=bucket.name, Key=bucket.prefix + LETTER, Body=b"x"))
    with pytest.raises(StorageError, match="other bytes"):
        storage.put(LETTER, io.BytesIO(TEXT))
    with storage.open(LETTER) as file:
        assert file.read() == b"x"


def test_two_writers_of_the_same_bytes_both_succeed(storage, admin, bucket):
    meanwhile(storage, lambda: admin.put_object(Bucket=bucket.name, Key=bucket.prefix + LETTER, Body=TEXT))
    assert storage.put(LETTER, io.BytesIO(TEXT)).size_bytes == len(TEXT)


def test_what_is_deleted_while_it_is_put_again_is_there_afterwards(storage):
    storage.put(LETTER, io.BytesIO(TEXT))
    meanwhile(storage, lambda: storage.delete(LETTER))
    storage.put(LETTER, io.BytesIO(TEXT))
    assert storage.size(LETTER) == len(TEXT)


def test_a_large_file_never_replaces_another_that_came_meanwhile(storage, admin, bucket):
    meanwhile(storage, lambda: admin.put_object(Bucket=bucket.name, Key=bucket.prefix + LETTER, Body=b"x"))
    with pytest.raises(StorageError, match="other bytes"):
        storage.put(LETTER, io.BytesIO(LARGE))
    assert storage.size(LETTER) == 1
    assert unfinished(admin, bucket) == []


def meanwhile(storage, act):
    """Let somebody else act once, after we have looked whether the key is free."""
    acts = [act]

    def before(**_):
        if acts:
            acts.pop()()

    for operation in ("PutObject", "CreateMultipartUpload"):
        storage._client.meta.events.register(f"before-parameter-build.s3.{operation}", before)


def test_a_server_without_conditions_is_asked_first_and_then_trusted(storage):
    sent = sent_by(storage, "PutObject")

    def refuse(**_):
        if "if-none-match" in sent[-1]:
            raise ClientError({"Error": {"Code": "NotImplemented"}}, "PutObject")

    storage._client.meta.events.register("before-send.s3.PutObject", refuse)
    storage.put(LETTER, io.BytesIO(TEXT))
    assert [("if-none-match" in headers) for headers in sent] == [True, False]
    with pytest.raises(StorageError, match="other bytes"):
        storage.put(LETTER, io.BytesIO(b"other"))


def test_a_bucket_that_is_gone_is_never_empty(storage, admin, bucket):
    admin.delete_bucket(Bucket=bucket.name)
    for act in (
        storage.check,
        lambda: storage.put(LETTER, io.BytesIO(TEXT)),
        lambda: list(storage.keys()),
        lambda: storage.open(LETTER),
        lambda: storage.size(LETTER),
        lambda: storage.delete(LETTER),
        storage.sweep_temporary,
    ):
        with pytest.raises(StorageError) as failure:
            act()
        assert not isinstance(failure.value, BytesMissing)


def test_a_server_that_is_away_is_told_of_and_nothing_is_taken(bucket, nobody, tmp_path):
    storage = S3Storage(replace(bucket, endpoint=nobody), tmp_path / "spool", 0)
    for act in (storage.check, lambda: storage.put(LETTER, io.BytesIO(TEXT)), lambda: storage.open(LETTER)):
        with pytest.raises(StorageError, match="could not be asked"):
            act()
    assert files_under(tmp_path) == []


def test_a_server_whose_own_disk_is_full_is_a_full_storage(storage):
    def fill(**_):
        raise ClientError({"Error": {"Code": "QuotaExceeded"}}, "PutObject")

    storage._client.meta.events.register("before-send.s3.PutObject", fill)
    with pytest.raises(StorageFull):
        storage.put(LETTER, io.BytesIO(TEXT))


def test_an_answer_that_breaks_is_taken_up_where_it_broke(bucket, tmp_path):
    data = os.urandom(1_000_000)
    with breaking_server(data, 400_000) as (address, began):
        storage = S3Storage(replace(bucket, endpoint=address), tmp_path / "spool", 0)
        with storage.open(LETTER) as file:
            assert file.read() == data
    assert len(began) >= 3


def test_an_answer_that_never_goes_on_is_an_error_and_no_short_file(bucket, tmp_path):
    with breaking_server(bytes(1_000_000), 0) as (address, _):
        storage = S3Storage(replace(bucket, endpoint=address), tmp_path / "spool", 0)
        with storage.open(LETTER) as file, pytest.raises(StorageError):
            file.read()
        with pytest.raises(StorageError), storage.local_path(LETTER):
            pass
    assert files_under(tmp_path) == []


def test_a_file_that_is_lent_is_for_us_alone_and_removed_afterwards(storage, tmp_path):
    storage.put(LETTER, io.BytesIO(TEXT))
    with storage.local_path(LETTER) as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert files_under(tmp_path) == []


def test_what_a_killed_process_left_in_the_spool_is_swept_at_the_next_start(storage, bucket, tmp_path):
    for name, age in (("old", 2), ("young", 0)):
        (tmp_path / "spool" / name).write_bytes(b"half")
        at = (datetime.now(UTC) - timedelta(days=age)).timestamp()
        os.utime(tmp_path / "spool" / name, (at, at))
    S3Storage(bucket, tmp_path / "spool", 0)
    assert files_under(tmp_path) == ["young"]


def test_under_the_low_disk_mark_of_the_spool_nothing_more_is_taken(bucket, tmp_path):
    storage = S3Storage(bucket, tmp_path / "spool", 2**62)
    assert not storage.has_room()
    with pytest.raises(StorageFull):
        storage.put(LETTER, io.BytesIO(TEXT))
    storage.check()


def test_a_file_past_the_limit_is_never_sent(storage):
    sent = sent_by(storage, "PutObject")
    with pytest.raises(FileTooLarge):
        storage.put(LETTER, io.BytesIO(TEXT), limit_bytes=10)
    assert sent == []


def test_threads_share_a_storage(storage):
    keys = [new_key("draft") for _ in range(16)]
    threads = [threading.Thread(target=storage.put, args=(key, io.BytesIO(key.encode()))) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(storage.keys()) == set(keys)


FORKED = """
import io, os, sys
from pathlib import Path
from config.settings import Bucket
from intake.storage.s3 import S3Storage
from tests.test_storage import LETTER, TEXT

bucket = Bucket(sys.argv[1], "files/", sys.argv[2], "eu-north-1", "test", "test")
storage = S3Storage(bucket, Path(sys.argv[3]), 0)
storage.put(LETTER, io.BytesIO(TEXT))
with storage.open(LETTER) as half_read:
    half_read.read(1)
    child = os.fork()
    if child == 0:
        storage.put(LETTER + "/1", io.BytesIO(TEXT))
        with storage.open(LETTER + "/1") as file:
            os._exit(0 if file.read() == TEXT else 1)
    status = os.waitpid(child, 0)[1]
    sys.exit(status or half_read.read() != TEXT[1:])
"""


def test_a_forked_child_has_connections_of_its_own(bucket, tmp_path):
    command = [sys.executable, "-c", FORKED, bucket.name, bucket.endpoint, tmp_path / "spool"]
    assert subprocess.run(command, cwd=ROOT).returncode == 0


def test_a_service_with_a_folder_never_loads_the_client():
    loaded = "import intake.cli, workers.tasks, sys; sys.exit('boto3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], cwd=ROOT).returncode == 0


def test_the_doctor_tells_where_the_store_is_and_what_is_open_there(bucket, settings, nobody):
    findings = list(diagnosis._bytes(replace(settings, bucket=replace(bucket, encryption="bucket"))))
    assert [finding.what for finding in findings] == [
        "STORAGE_URL",
        "S3_ENDPOINT",
        "S3_ENCRYPTION",
        "storage",
    ]
    assert f"s3://{bucket.name}/files/" in findings[0].words
    assert not any(finding.is_fault for finding in findings)
    away = list(diagnosis._bytes(replace(settings, bucket=replace(bucket, endpoint=nobody))))
    assert away[-1].is_fault
