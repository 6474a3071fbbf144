"""The promises of the storage port, and how a folder keeps them when it is killed or full."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from intake.errors import BytesMissing, FileTooLarge, StorageError, StorageFull
from intake.storage import FolderStorage, Storage, System, new_key

ROOT = Path(__file__).parent.parent
TEXT = "Räksmörgås".encode() * 1000
LETTER = "letter/0193a4b5-c6d7-7e8f-8a9b-0c1d2e3f4a5b"
NO_KEYS = (
    "", "/etc/passwd", "../x", "a/../b", "a/..", "a//b", "a/", "A/b", "å", "a b", "a\0", "a\n", ".tmp/x",
    "_a/b", "a/_b", "a..b", "a\\b", "a" * 101, "a/b/c/d/e/f/g/h/i",
)  # fmt: skip


class StorageContract:
    """What every backend promises; a new one inherits these tests and gives its own ``storage``."""

    @pytest.fixture
    def storage(self, tmp_path) -> Storage:
        raise NotImplementedError

    def test_what_is_put_is_read_back(self, storage):
        stored = storage.put(LETTER, io.BytesIO(TEXT))
        assert stored.key == LETTER
        assert stored.size_bytes == storage.size(LETTER) == len(TEXT)
        assert stored.sha256 == hashlib.sha256(TEXT).hexdigest()
        with storage.open(LETTER) as file:
            assert file.read() == TEXT

    @pytest.mark.parametrize(
        ("start", "length"), [(0, 4), (5, 7), (9_990, None), (12_990, 500), (99_999, 5), (3, 0)]
    )
    def test_a_range_is_read(self, storage, start, length):
        storage.put(LETTER, io.BytesIO(TEXT))
        with storage.open(LETTER, start, length) as file:
            assert file.read() == TEXT[start : None if length is None else start + length]

    def test_a_range_is_read_in_blocks(self, storage):
        storage.put(LETTER, io.BytesIO(TEXT))
        with storage.open(LETTER, 10, 100) as file:
            assert b"".join(iter(lambda: file.read(33), b"")) == TEXT[10:110]

    def test_an_empty_file_is_a_file(self, storage):
        assert storage.put(LETTER, io.BytesIO(b"")).size_bytes == 0
        assert storage.size(LETTER) == 0

    def test_a_file_past_the_limit_leaves_nothing(self, storage):
        with pytest.raises(FileTooLarge):
            storage.put(LETTER, io.BytesIO(b"x" * 11), limit_bytes=10)
        assert list(storage.keys()) == []
        assert storage.put(LETTER, io.BytesIO(b"x" * 10), limit_bytes=10).size_bytes == 10

    def test_a_stream_that_breaks_leaves_nothing(self, storage):
        with pytest.raises(StorageError):
            storage.put(LETTER, Breaking(io.BytesIO(TEXT)))
        assert list(storage.keys()) == []

    def test_the_same_bytes_may_be_put_again(self, storage):
        first = storage.put(LETTER, io.BytesIO(TEXT))
        assert storage.put(LETTER, io.BytesIO(TEXT)) == first
        assert list(storage.keys()) == [LETTER]

    def test_other_bytes_never_replace_what_is_there(self, storage):
        storage.put(LETTER, io.BytesIO(TEXT))
        with pytest.raises(StorageError):
            storage.put(LETTER, io.BytesIO(b"something else"))
        with storage.open(LETTER) as file:
            assert file.read() == TEXT

    def test_a_key_that_holds_nothing_is_missing(self, storage):
        storage.put(f"{LETTER}/1", io.BytesIO(TEXT))
        for key in (new_key("draft"), LETTER, f"{LETTER}/1/1"):
            with pytest.raises(BytesMissing):
                storage.open(key)
            with pytest.raises(BytesMissing):
                storage.size(key)
            with pytest.raises(BytesMissing), storage.local_path(key):
                pass

    def test_what_is_deleted_is_gone_and_may_be_deleted_again(self, storage):
        storage.put(LETTER, io.BytesIO(TEXT))
        storage.delete(LETTER)
        storage.delete(LETTER)
        assert list(storage.keys()) == []

    def test_a_real_file_is_lent(self, storage):
        storage.put(LETTER, io.BytesIO(TEXT))
        with storage.local_path(LETTER) as path:
            assert path.read_bytes() == TEXT

    def test_all_keys_are_listed_as_they_were_put(self, storage):
        keys = {new_key("draft"), new_key("letter"), new_key("out"), f"{LETTER}/1", f"{LETTER}/1.2", "a/b.c"}
        for key in keys:
            storage.put(key, io.BytesIO(key.encode()))
        listed = list(storage.keys())
        assert len(listed) == len(keys)
        assert set(listed) == keys

    def test_only_older_keys_are_listed(self, storage):
        storage.put(LETTER, io.BytesIO(TEXT))
        now = datetime.now(UTC)
        assert list(storage.keys(older_than=now - timedelta(hours=1))) == []
        assert list(storage.keys(older_than=now + timedelta(hours=1))) == [LETTER]

    @pytest.mark.parametrize("key", NO_KEYS)
    def test_a_key_that_could_be_a_path_elsewhere_is_refused(self, storage, key):
        for act in (storage.open, storage.size, storage.delete, lambda key: storage.put(key, io.BytesIO())):
            with pytest.raises(ValueError, match="not a storage key"):
                act(key)

    def test_a_check_leaves_nothing(self, storage):
        storage.check()
        assert list(storage.keys()) == []

    def test_room_is_counted(self, storage):
        assert storage.has_room()
        assert not storage.has_room(storage.free_bytes() + 1)


class TestFolderStorage(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path):
        return FolderStorage(tmp_path / "files", 0)


class Breaking:
    """A stream that gives one block and then an error."""

    def __init__(self, stream):
        self.blocks = [stream.read()]

    def read(self, _size):
        if not self.blocks:
            raise OSError(5, "Input/output error")
        return self.blocks.pop()


class Recording(System):
    """Notes the calls, and may fail or end the process at the one that is named."""

    def __init__(self, on=None, act=None):
        self.calls, self.on, self.act = [], on, act

    def _note(self, call, do):
        self.calls.append(call)
        if call == self.on:
            return self.act(do)
        return do()

    def write(self, descriptor, data):
        return self._note("write", lambda: os.write(descriptor, data))

    def fsync(self, descriptor):
        return self._note("fsync", lambda: os.fsync(descriptor))

    def rename(self, source, target):
        return self._note("rename", lambda: source.rename(target))

    def fsync_folder(self, folder):
        return self._note(f"fsync {folder.name}", lambda: System.fsync_folder(self, folder))


def failing(number):
    def fail(_do):
        raise OSError(number, os.strerror(number))

    return fail


def files_under(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_bytes_are_durable_before_their_name_and_the_name_before_the_answer(tmp_path):
    system = Recording()
    storage = FolderStorage(tmp_path / "files", 0, system)
    system.calls.clear()
    storage.put(LETTER, io.BytesIO(TEXT))
    folders = ["fsync _4b", "fsync _0193a", "fsync letter", "fsync files"]
    assert system.calls == ["write", "fsync", "rename", *folders]


def test_known_folders_are_not_synced_again(tmp_path):
    system = Recording()
    storage = FolderStorage(tmp_path / "files", 0, system)
    storage.put(LETTER, io.BytesIO(TEXT))
    system.calls.clear()
    storage.put(LETTER[:-1] + "c", io.BytesIO(TEXT))
    assert system.calls == ["write", "fsync", "rename", "fsync _4b"]


def test_folders_that_another_process_made_are_synced_too(tmp_path):
    FolderStorage(tmp_path / "files", 0).put(LETTER, io.BytesIO(TEXT))
    system = Recording()
    FolderStorage(tmp_path / "files", 0, system).put(LETTER[:-1] + "c", io.BytesIO(TEXT))
    assert system.calls[-4:] == ["fsync _4b", "fsync _0193a", "fsync letter", "fsync files"]


def test_a_short_write_is_carried_on(tmp_path):
    class Halting(System):
        def write(self, descriptor, data):
            return os.write(descriptor, data[:7])

    storage = FolderStorage(tmp_path / "files", 0, Halting())
    assert storage.put(LETTER, io.BytesIO(TEXT)).size_bytes == len(TEXT)
    with storage.open(LETTER) as file:
        assert file.read() == TEXT


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
@pytest.mark.parametrize(("number", "error"), [(28, StorageFull), (122, StorageFull), (5, StorageError)])
def test_a_failing_disk_leaves_no_half_file(tmp_path, call, number, error):
    storage = FolderStorage(tmp_path / "files", 0, Recording(call, failing(number)))
    with pytest.raises(error):
        storage.put(LETTER, io.BytesIO(TEXT))
    assert files_under(tmp_path) == []


def test_a_name_that_cannot_be_made_durable_is_no_success(tmp_path):
    storage = FolderStorage(tmp_path / "files", 0, Recording("fsync _4b", failing(5)))
    with pytest.raises(StorageError):
        storage.put(LETTER, io.BytesIO(TEXT))


def test_a_failed_check_tells(tmp_path):
    for call in ("write", "fsync"):
        storage = FolderStorage(tmp_path / "files", 0, Recording(call, failing(28)))
        with pytest.raises(StorageError):
            storage.check()
        assert files_under(tmp_path) == []


def test_a_storage_that_vanished_is_never_empty(tmp_path):
    storage = FolderStorage(tmp_path / "files", 0)
    (tmp_path / "files").rename(tmp_path / "unmounted")
    for act in (storage.check, lambda: storage.put(LETTER, io.BytesIO(TEXT)), lambda: list(storage.keys())):
        with pytest.raises(StorageError):
            act()
    assert not (tmp_path / "files").exists()


def test_under_the_low_disk_mark_nothing_more_is_taken(tmp_path):
    storage = FolderStorage(tmp_path / "files", 2**62)
    assert not storage.has_room()
    with pytest.raises(StorageFull):
        storage.put(LETTER, io.BytesIO(TEXT))
    assert files_under(tmp_path) == []
    storage.check()


def test_a_disk_that_fills_during_a_large_file_stops_it(tmp_path):
    storage = FolderStorage(tmp_path / "files", 0)
    room = iter([True, True, False])
    storage.has_room = lambda: next(room)
    with pytest.raises(StorageFull):
        storage.put(LETTER, io.BytesIO(bytes(20 * 1024 * 1024)))
    assert files_under(tmp_path) == []


def test_the_low_disk_mark_is_a_share_of_a_small_disk(tmp_path, monkeypatch):
    class Disk:
        total, free = 10 * 1024**3, 1024**3

    monkeypatch.setattr("shutil.disk_usage", lambda _path: Disk)
    assert FolderStorage(tmp_path / "files").low_disk_bytes == 10 * 1024**3 // 20
    Disk.total = 10**13
    assert FolderStorage(tmp_path / "files").low_disk_bytes == 2 * 1024**3


def test_nobody_else_may_read(tmp_path):
    old = os.umask(0)
    try:
        FolderStorage(tmp_path / "files", 0).put(LETTER, io.BytesIO(TEXT))
    finally:
        os.umask(old)
    modes = {
        stat.S_IMODE(path.stat().st_mode)
        for path in [tmp_path / "files", *(tmp_path / "files").rglob("*")]
        if path.is_dir()
    }
    assert modes == {0o700}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600]


def test_only_stale_temporary_files_are_swept(tmp_path):
    storage = FolderStorage(tmp_path / "files", 0)
    storage.put(LETTER, io.BytesIO(TEXT))
    (tmp_path / "files" / ".tmp" / "half").write_bytes(b"half")
    assert storage.sweep_temporary() == 0
    assert storage.sweep_temporary(datetime.now(UTC) + timedelta(hours=25)) == 1
    assert files_under(tmp_path) == [LETTER.partition("/")[2]]


def test_new_keys_differ_and_share_a_folder_for_some_minutes(tmp_path):
    storage = FolderStorage(tmp_path / "files", 0)
    keys = {new_key("draft") for _ in range(200)}
    for key in keys:
        storage.put(key, io.BytesIO(b"x"))
    assert len(keys) == 200
    folders = {path.parent for path in tmp_path.rglob("*") if path.is_file()}
    assert len(folders) <= 2


KILLED = """
import io, os, signal, sys
from pathlib import Path
from tests.test_storage import LETTER, TEXT, Recording
from intake.storage import FolderStorage

def end(do):
    if sys.argv[3] == "after":
        do()
    os.kill(os.getpid(), signal.SIGKILL)

storage = FolderStorage(Path(sys.argv[1]), 0, Recording(sys.argv[2], end))
storage.put(LETTER, io.BytesIO(TEXT))
"""


@pytest.mark.parametrize(
    ("call", "when", "is_there"),
    [
        ("write", "before", False),
        ("write", "after", False),
        ("fsync", "after", False),
        ("rename", "before", False),
        ("rename", "after", True),
        ("fsync _4b", "after", True),
    ],
)
def test_a_kill_leaves_the_whole_file_or_none(tmp_path, call, when, is_there):
    child = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "files", call, when], cwd=ROOT)
    assert child.returncode == -signal.SIGKILL
    storage = FolderStorage(tmp_path / "files", 0)
    assert list(storage.keys()) == ([LETTER] if is_there else [])
    storage.put(LETTER, io.BytesIO(TEXT))
    assert storage.size(LETTER) == len(TEXT)


FULL = """
import io, resource, sys
from pathlib import Path
from tests.test_storage import LETTER
from intake.errors import StorageError
from intake.storage import FolderStorage

storage = FolderStorage(Path(sys.argv[1]), 0)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    storage.put(LETTER, io.BytesIO(bytes(10_000_000)))
except StorageError:
    sys.exit(77)
"""


def test_a_real_limit_of_the_system_leaves_no_half_file(tmp_path):
    child = subprocess.run([sys.executable, "-c", FULL, tmp_path / "files"], cwd=ROOT)
    assert child.returncode == 77
    assert files_under(tmp_path) == []
