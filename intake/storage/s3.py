"""A store in S3: an object for each key, encrypted by the server, sent whole or not at all.

Bytes are first laid on a local disk (the spool), since their size and SHA-256 must be known before
they are sent: the digest goes with them, so that the server takes nothing else, and stays beside them.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError
from uuid_utils.compat import uuid7

from config.settings import Bucket
from intake.errors import BytesMissing, StorageError, StorageFull
from intake.storage import disk
from intake.storage.disk import disk_errors, new_file
from intake.storage.port import (
    BLOCK_BYTES,
    STALE_AFTER,
    Stored,
    copy,
    is_key,
    require_key,
    require_range,
)

PART_BYTES = 16 * 1024 * 1024
IN_MEMORY_BYTES = 1024 * 1024
CONNECT_SECONDS = 3
READ_SECONDS = 15
ATTEMPTS = 2
# How often somebody else may write the same key at the same moment before we give up.
CROSSINGS = 3

# No key of ours begins like this.
_CHECK = ".check"
_NOT_THERE = frozenset({"404", "NoSuchKey", "NotFound"})
_CROSSED = frozenset({"412", "PreconditionFailed", "409", "ConditionalRequestConflict"})
_NO_CONDITIONS = frozenset({"501", "NotImplemented"})
# As AWS, Ceph and MinIO call it.
_FULL = frozenset(
    {"507", "InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"}
)


class S3Storage:
    """Keeps bytes as objects in a bucket; what ``low_disk_bytes`` leaves free is the spool's disk.

    Any number of threads may use it. A forked process makes connections of its own.
    """

    def __init__(self, bucket: Bucket, spool: Path, low_disk_bytes: int | None = None) -> None:
        self.bucket = bucket
        self._spool = spool
        with disk_errors():
            spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A host that only serves pages has nobody else who takes what its killed processes left.
        disk.sweep(spool, None)
        self.low_disk_bytes = disk.low_disk_mark(spool, low_disk_bytes)
        self._may_condition = True
        self._clients: dict[int, Any] = {}
        self._making = threading.Lock()
        with _s3_errors():
            self._session = boto3.session.Session(bucket.key_id, bucket.secret)
            # The first client takes 0.1 s to make; those of the children forked from here, some milliseconds.
            self._clients[os.getpid()] = self._make_client()

    def put(self, key: str, stream: BinaryIO, *, limit_bytes: int | None = None) -> Stored:
        name = self._name(key)
        with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES, "w+b", dir=str(self._spool)) as spooled:
            with disk_errors():
                size, sha256 = copy(
                    stream, spooled.write, limit_bytes=limit_bytes, has_room=lambda: self.has_room()
                )
                spooled.flush()
            stored = Stored(key, size, sha256)
            with _s3_errors():
                self._send_once(name, cast(BinaryIO, spooled), stored)
        return stored

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        name = self._name(key)
        require_range(start, length)
        if length == 0:
            self.size(key)
            return io.BytesIO()
        end = "" if length is None else str(start + length - 1)
        with _s3_errors(key):
            try:
                found = self._client.get_object(**self._at(name), Range=f"bytes={start}-{end}")
            except ClientError as error:
                if _code(error) not in ("416", "InvalidRange"):
                    raise
                return io.BytesIO()

        def again(done: int) -> Any:
            rest = f"bytes={start + done}-{end}"
            return self._client.get_object(**self._at(name), Range=rest, IfMatch=found["ETag"])["Body"]

        return cast(BinaryIO, io.BufferedReader(_Body(key, found, again), BLOCK_BYTES))

    def delete(self, key: str) -> None:
        name = self._name(key)
        with suppress(BytesMissing), _s3_errors(key):
            self._client.delete_object(**self._at(name))

    def keys(self, older_than: datetime | None = None) -> Iterator[str]:
        with _s3_errors():
            listing = self._client.get_paginator("list_objects_v2")
            for page in listing.paginate(Bucket=self.bucket.name, Prefix=self.bucket.prefix):
                for found in page.get("Contents", ()):
                    key = found["Key"].removeprefix(self.bucket.prefix)
                    if is_key(key) and (older_than is None or found["LastModified"] < older_than):
                        yield key

    def size(self, key: str) -> int:
        with _s3_errors():
            found = self._find(self._name(key))
            if found is None:
                # The answer to HEAD does not tell a missing object from a missing bucket.
                self._client.head_bucket(Bucket=self.bucket.name)
                raise BytesMissing(f"{key} holds nothing")
            return int(found["ContentLength"])

    @contextmanager
    def local_path(self, key: str) -> Iterator[Path]:
        path = self._spool / str(uuid7())
        try:
            with disk_errors(), new_file(path) as file, self.open(key) as stream:
                copy(stream, file.write, limit_bytes=None, has_room=lambda: self.has_room())
            yield path
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def check(self) -> None:
        name = self.bucket.prefix + _CHECK
        with _s3_errors():
            sent = {"Body": b"check", "ChecksumSHA256": _in_base64(hashlib.sha256(b"check").hexdigest())}
            self._client.put_object(**self._at(name), **self._encryption, **sent)
            self._client.delete_object(**self._at(name))

    def free_bytes(self) -> int:
        return disk.free_bytes(self._spool)

    def has_room(self, for_bytes: int = 0) -> bool:
        return self.free_bytes() - for_bytes >= self.low_disk_bytes

    def sweep_temporary(self, now: datetime | None = None) -> int:
        before = (now or datetime.now(UTC)) - STALE_AFTER
        swept = disk.sweep(self._spool, now)
        with _s3_errors():
            listing = self._client.get_paginator("list_multipart_uploads")
            for page in listing.paginate(Bucket=self.bucket.name, Prefix=self.bucket.prefix):
                for upload in page.get("Uploads", ()):
                    if upload["Initiated"] < before:
                        self._abort(upload["Key"], upload["UploadId"])
                        swept += 1
        return swept

    @property
    def _client(self) -> Any:
        """Give this process's client: what a fork inherits shares its parent's connections."""
        with self._making:
            if os.getpid() not in self._clients:
                self._clients[os.getpid()] = self._make_client()
            return self._clients[os.getpid()]

    def _make_client(self) -> Any:
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            max_pool_connections=32,
            # A server of one's own seldom has a name for each bucket.
            s3={"addressing_style": "path" if self.bucket.endpoint else "auto"},
            # Our own SHA-256 goes with the bytes, and is compared when they are proven whole.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        region = self.bucket.region or self._session.region_name or "us-east-1"
        return self._session.client("s3", region, endpoint_url=self.bucket.endpoint, config=config)

    @property
    def _encryption(self) -> dict[str, str]:
        if self.bucket.encryption == "bucket":
            return {}
        if self.bucket.encryption == "aes256":
            return {"ServerSideEncryption": "AES256"}
        key = {"SSEKMSKeyId": self.bucket.kms_key} if self.bucket.kms_key else {}
        return {"ServerSideEncryption": "aws:kms", **key}

    def _name(self, key: str) -> str:
        require_key(key)
        return self.bucket.prefix + key

    def _at(self, name: str) -> dict[str, str]:
        return {"Bucket": self.bucket.name, "Key": name}

    def _find(self, name: str) -> dict[str, Any] | None:
        try:
            return cast(dict[str, Any], self._client.head_object(**self._at(name)))
        except ClientError as error:
            if _code(error) in _NOT_THERE:
                return None
            raise

    def _send_once(self, name: str, file: BinaryIO, stored: Stored) -> None:
        """Send the file unless other bytes are there; the same bytes are sent again, to be young."""
        for _ in range(CROSSINGS):
            there = self._find(name)
            if there is not None:
                self._require_same(name, there, stored)
            condition = {"IfMatch": there["ETag"]} if there else {"IfNoneMatch": "*"}
            try:
                self._send(name, file, stored, condition if self._may_condition else {})
                return
            except ClientError as error:
                if self._may_condition and _code(error) in _NO_CONDITIONS:
                    # Such a server cannot refuse; that nobody else was there has been asked above.
                    self._may_condition = False
                elif _code(error) not in _CROSSED | _NOT_THERE:
                    raise
        raise StorageError(f"{stored.key} is being written by others")

    def _require_same(self, name: str, there: dict[str, Any], stored: Stored) -> None:
        # What was brought here by other tools has no digest beside it.
        found = there["Metadata"].get("sha256")
        if found is None and there["ContentLength"] == stored.size_bytes:
            with closing(self._client.get_object(**self._at(name))["Body"]) as body:
                found = _digest_of(body)
        if (found, there["ContentLength"]) != (stored.sha256, stored.size_bytes):
            raise StorageError(f"{stored.key} already holds other bytes")

    def _send(self, name: str, file: BinaryIO, stored: Stored, condition: dict[str, str]) -> None:
        about = {**self._at(name), **self._encryption, "Metadata": {"sha256": stored.sha256}}
        file.seek(0)
        if stored.size_bytes > PART_BYTES:
            self._send_in_parts(name, file, about, condition)
            return
        sent = {"Body": file, "ContentLength": stored.size_bytes, "ChecksumSHA256": _in_base64(stored.sha256)}
        self._client.put_object(**about, **condition, **sent)

    def _send_in_parts(
        self, name: str, file: BinaryIO, about: dict[str, Any], condition: dict[str, str]
    ) -> None:
        begun = self._client.create_multipart_upload(**about, ChecksumAlgorithm="SHA256")
        upload = {**self._at(name), "UploadId": begun["UploadId"]}
        try:
            parts: list[dict[str, Any]] = []
            while part := file.read(PART_BYTES):
                checksum = _in_base64(hashlib.sha256(part).hexdigest())
                number = {"PartNumber": len(parts) + 1}
                sent = self._client.upload_part(**upload, **number, Body=part, ChecksumSHA256=checksum)
                parts.append({**number, "ETag": sent["ETag"], "ChecksumSHA256": checksum})
            self._client.complete_multipart_upload(**upload, **condition, MultipartUpload={"Parts": parts})
        except BaseException:
            # What cannot be aborted now is taken by the sweep.
            with suppress(BotoCoreError, ClientError):
                self._abort(name, begun["UploadId"])
            raise

    def _abort(self, name: str, upload_id: str) -> None:
        self._client.abort_multipart_upload(**self._at(name), UploadId=upload_id)


class _Body(io.RawIOBase):
    """The bytes of an answer; a connection that breaks in the midst is taken up where it broke.

    A slow reader may let it lie longer than the server keeps an idle connection.
    """

    def __init__(self, key: str, found: dict[str, Any], again: Callable[[int], Any]) -> None:
        self._key = key
        self._body = found["Body"]
        self._again = again
        self._size: int = found["ContentLength"]
        self._done = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._read(min(len(buffer), self._size - self._done))
        buffer[: len(data)] = data
        self._done += len(data)
        return len(data)

    def _read(self, count: int) -> bytes:
        if count == 0:
            return b""
        with suppress(StorageError), _s3_errors():
            data = cast(bytes, self._body.read(count))
            if data:
                return data
        with _s3_errors(self._key):
            self._body.close()
            self._body = self._again(self._done)
            return self._body.read(count) or _cut_short()

    def close(self) -> None:
        self._body.close()
        super().close()


def _cut_short() -> bytes:
    raise StorageError("S3 ended the bytes before their end")


def _in_base64(sha256: str) -> str:
    return b64encode(bytes.fromhex(sha256)).decode()


def _digest_of(body: Any) -> str:
    digest = hashlib.sha256()
    while block := body.read(BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def _s3_errors(key: str | None = None) -> Iterator[None]:
    """Say what the server's error means; with a key, that an object which is not there is missing."""
    try:
        yield
    except ClientError as error:
        code = _code(error)
        if key is not None and code in _NOT_THERE:
            raise BytesMissing(f"{key} holds nothing") from error
        if code in _FULL:
            raise StorageFull("the storage in S3 is full") from error
        raise StorageError(f"S3 answered {code}") from error
    except (BotoCoreError, HTTPError, OSError) as error:
        raise StorageError(f"S3 could not be asked ({type(error).__name__})") from error
