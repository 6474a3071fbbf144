"""Hostile bytes are read in a process that may die, without a network and within bounds."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import rq

from intake import diagnosis, sandbox
from intake.errors import AnalysisFailed, SandboxAway, StorageError
from intake.sandbox import walls
from tests.needs import need
from tests.sandboxed import (
    answer_a_set,
    answer_much,
    capabilities,
    connect,
    connect_to_path,
    descriptors,
    die,
    echo,
    environment,
    environment_of,
    fail,
    fail_with_words,
    leave,
    leave_behind,
    leave_file_behind,
    leave_program_behind,
    listen_at_path,
    read_from,
    say_aloud,
    say_to_path,
    signalled,
    sleep,
    take_memory,
    take_time,
    write,
)
from workers import queues

MEGABYTE = 1024 * 1024


def run(act, argument=None, seconds=20, memory_bytes=64 * MEGABYTE, file_bytes=MEGABYTE):
    act = act if isinstance(act, str) else f"{act.__module__}:{act.__name__}"
    return sandbox.run(act, argument, seconds=seconds, memory_bytes=memory_bytes, file_bytes=file_bytes)


@pytest.fixture
def by(monkeypatch):
    """Start a template that is cut off in these ways alone."""

    def started(*ways):
        if "namespace" in ways:
            is_allowed = walls.works_in_child(walls.enter_namespaces)
            need(is_allowed, "this machine lets nobody make namespaces, as in many containers")
        sandbox.stop()
        monkeypatch.setattr(sandbox, "WAYS", ways)
        sandbox.start()

    yield started
    sandbox.stop()


def launchers():
    """Return the process that this one has started for the template; its engines are others."""
    mine = sandbox.__dict__["_standing"]
    return [child for child in psutil.Process().children() if mine and child.pid == mine._pid]


def templates():
    """Return the processes that this one has started and that will fork keepers."""
    return [child for launcher in launchers() for child in launcher.children()]


def below():
    """Return everything that runs for the template."""
    return [child for launcher in launchers() for child in launcher.children(recursive=True)]


# Answers.


def test_the_answer_comes_back():
    assert run(echo, {"å": [1, None, "\udc80"]}) == {"å": [1, None, "\udc80"]}


def test_a_request_and_an_answer_may_be_large():
    assert run(echo, "x" * 8 * MEGABYTE, memory_bytes=256 * MEGABYTE) == "x" * 8 * MEGABYTE


def test_an_answer_that_is_too_large_is_not_taken():
    with pytest.raises(AnalysisFailed, match="för långt"):
        run(answer_much, 33, memory_bytes=512 * MEGABYTE)


def test_an_answer_that_is_not_json_is_the_readers_fault():
    with pytest.raises(AnalysisFailed, match=r"läsaren gav upp \(TypeError\)"):
        run(answer_a_set)


def test_an_error_is_told_by_its_kind_without_its_words():
    with pytest.raises(AnalysisFailed) as failed:
        run(fail_with_words, "hemligt")
    assert str(failed.value) == "läsaren gav upp (ValueError)"


def test_a_reader_that_is_not_there_is_told_of():
    with pytest.raises(AnalysisFailed, match="ModuleNotFoundError"):
        run("intake.nowhere:act")


def test_files_are_named_from_where_the_caller_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(write, {"file": "here", "size": 3})
    assert (tmp_path / "here").read_bytes() == bytes(3)


# Bounds.


def test_too_much_memory_is_told_of():
    with pytest.raises(AnalysisFailed, match="för mycket minne"):
        run(take_memory, 80)


def test_what_memory_is_allowed_may_be_taken():
    assert run(take_memory, 40) == 40 * MEGABYTE


def test_a_reader_that_never_ends_is_ended():
    with pytest.raises(AnalysisFailed, match="för lång tid"):
        run(take_time, seconds=1)


def test_a_reader_that_only_waits_is_ended():
    with pytest.raises(AnalysisFailed, match="för lång tid"):
        run(sleep, 600, seconds=1)


def test_a_reader_without_time_is_not_waited_for():
    with pytest.raises(AnalysisFailed, match="för lång tid"):
        run(echo, seconds=0)


def test_a_file_that_grows_too_large_is_told_of(tmp_path):
    with pytest.raises(AnalysisFailed, match="filen blir för stor"):
        run(write, {"file": str(tmp_path / "file"), "size": 2 * MEGABYTE})


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_reader_that_is_killed_is_told_of(number):
    with pytest.raises(AnalysisFailed, match=rf"läsaren avbröts \(signal {number}\)"):
        run(die, number)


@pytest.mark.parametrize("code", [0, 3])
def test_a_reader_that_just_leaves_is_told_of(code):
    with pytest.raises(AnalysisFailed, match=rf"läsaren avbröts \(kod {code}\)"):
        run(leave, code)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_fails_is_not_the_files_fault(number):
    with pytest.raises(StorageError):
        run(fail, number)


@pytest.mark.parametrize("ways", [("namespace",), ("namespace", "filter"), ("filter",)])
def test_what_a_reader_leaves_behind_is_ended(by, ways):
    by(*ways)
    before = len(psutil.Process().children(recursive=True))
    run(leave_behind)
    with pytest.raises(AnalysisFailed, match="för lång tid"):
        run(leave_program_behind, "600.25", seconds=1)
    assert not [each for each in psutil.process_iter() if "600.25" in _words_of(each)]
    assert _settled(lambda: len(psutil.Process().children(recursive=True)) == before)


def _words_of(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _settled(is_so):
    """Wait until the kernel has taken away what was ended; true at once when nothing is left."""
    ends_at = time.monotonic() + 20
    while not is_so() and time.monotonic() < ends_at:
        os.sched_yield()
    return is_so()


def test_files_of_a_reader_that_was_killed_with_its_template_are_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    sandbox.stop()
    run(echo, 1)
    assert list(tmp_path.iterdir())
    for template in templates():
        template.kill()
    sandbox.stop()
    assert not list(tmp_path.iterdir())


def test_files_that_a_reader_leaves_behind_are_removed():
    assert not Path(run(leave_file_behind)).parent.exists()


# Walls.


@pytest.mark.parametrize("ways", [("namespace",), ("filter",), ("namespace", "filter")])
def test_a_reader_reaches_no_network(by, ways):
    by(*ways)
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert connect(server.getsockname()[1]) == "connected"
        with pytest.raises(AnalysisFailed, match=r"gav upp \((OSError|PermissionError)\)"):
            run(connect, server.getsockname()[1])


@pytest.mark.parametrize("ways", [("filter",), ("namespace", "filter")])
def test_a_reader_reaches_no_other_program_by_a_path(by, ways, tmp_path):
    by(*ways)
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        assert connect_to_path(path) == "connected"
        for act in (connect_to_path, say_to_path):
            with pytest.raises(AnalysisFailed, match="PermissionError"):
                run(act, path)
    # LibreOffice does that, and does not start without.
    assert run(listen_at_path, str(tmp_path / "another")) == "listening"


def test_a_reader_is_cut_off_by_a_namespace_where_that_is_allowed(by):
    by("namespace", "filter")
    assert sandbox.isolation() == "namespace"


def test_a_reader_is_cut_off_by_a_filter_where_namespaces_are_refused(by):
    by("filter")
    assert sandbox.isolation() == "seccomp"
    assert run(echo, "hej") == "hej"


def test_nothing_is_run_where_the_network_stays_open(by):
    by()
    assert sandbox.isolation() == "none"
    with pytest.raises(SandboxAway):
        run(echo, "hej")


def test_the_doctor_tells_how_readers_are_cut_off_and_what_cures_it_when_they_are_not(by, settings):
    by("filter")
    (fine,) = diagnosis._isolation(settings)
    by()
    (open_to_all,) = diagnosis._isolation(settings)
    assert (fine.is_fault, open_to_all.is_fault) == (False, True)
    assert "libseccomp2" in open_to_all.words


def test_no_secret_is_in_a_readers_environment(by, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://hemligt")
    by("namespace", "filter")
    seen = run(environment)
    assert set(seen) <= {"PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "HOME", "TMPDIR"}


def test_a_reader_cannot_look_into_its_clients_environment(by):
    by("namespace", "filter")
    with pytest.raises(AnalysisFailed, match="PermissionError"):
        run(environment_of, os.getpid())


def test_a_reader_cannot_signal_processes_outside(by):
    by("namespace", "filter")
    with pytest.raises(AnalysisFailed, match="ProcessLookupError"):
        run(signalled, os.getpid())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read what belongs to others")
def test_root_reads_the_files_of_others_as_ever(by, tmp_path):
    by("namespace", "filter")
    file = tmp_path / "file"
    file.write_text("hej")
    file.chmod(0o600)
    os.chown(file, 65534, 65534)
    assert run(read_from, str(file)) == "hej"


def test_a_reader_holds_nothing_that_is_open_elsewhere():
    # What it reads from and says, its answer, and the folder that is being listed.
    assert len(run(descriptors)) == 5


def test_a_reader_has_no_privileges_to_change_anything():
    seen = run(capabilities)
    assert int(seen["CapEff"], 16) & ~0b110 == 0
    assert (seen["CapPrm"], seen["CapInh"]) == (seen["CapEff"], "0" * 16)
    assert seen["NoNewPrivs"] == "1"
    assert (seen["RLIMIT_CORE"], seen["RLIMIT_FSIZE"]) == ([0, 0], [MEGABYTE, MEGABYTE])


def test_what_a_reader_says_is_heard_by_nobody(capfd):
    run(say_aloud, "innehållet")
    assert capfd.readouterr() == ("", "")


# The template.


def test_a_template_that_was_killed_is_replaced():
    run(echo, 1)
    for template in templates():
        template.kill()
        template.wait()
    assert run(echo, 2) == 2


def test_a_template_that_is_killed_in_the_midst_is_replaced_and_asked_again(tmp_path):
    by_hand = tmp_path / "go"
    os.mkfifo(by_hand)
    run(echo, 1)
    (template,) = templates()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(run, read_from, str(by_hand))
        with by_hand.open("w"):
            # Opened by both, so the reader is in the midst.
            template.kill()
            template.wait()
        by_hand.write_text("hej")
        assert answer.result() == "hej"


def test_a_forked_process_shares_its_parents_template():
    run(echo, 1)
    before = templates()
    assert _in_fork(lambda: run(echo, "hej")) == "hej"
    assert templates() == before


def test_a_forked_process_starts_a_template_of_its_own_when_its_parents_died():
    run(echo, 1)
    for template in templates():
        template.kill()
        template.wait()
    assert _in_fork(lambda: (run(echo, "hej"), sandbox.stop())[0]) == "hej"


def _in_fork(act):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, json.dumps(act()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        words = stream.read()
    os.waitpid(child, 0)
    return json.loads(words)


def test_a_heavy_worker_has_a_template_before_it_forks_a_child_for_a_job(monkeypatch):
    sandbox.stop()
    seen = []
    monkeypatch.setattr(rq.Worker, "fork_work_horse", lambda *_: seen.extend(templates()))
    queues.ForkingWorker.fork_work_horse(object.__new__(queues.ForkingWorker), None, None)
    assert len(seen) == 1


def test_a_heavy_worker_goes_on_without_a_template(monkeypatch):
    def fail():
        raise SandboxAway("nothing can be started")

    monkeypatch.setattr(sandbox, "start", fail)
    monkeypatch.setattr(rq.Worker, "fork_work_horse", lambda *_: None)
    queues.ForkingWorker.fork_work_horse(object.__new__(queues.ForkingWorker), None, None)


def test_many_threads_share_one_template():
    sandbox.stop()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda number: run(echo, number), range(40))) == list(range(40))
    assert len(templates()) == 1


def test_a_template_ends_with_the_process_that_started_it():
    code = "from intake import sandbox; import os; sandbox.start(); print('up', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"up\n"
        started = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    _, left = psutil.wait_procs(started, timeout=20)
    assert len(started) == 2
    assert not left


def test_a_process_that_never_reads_anything_hostile_starts_no_template():
    code = "from intake import sandbox; import psutil; print(len(psutil.Process().children()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


def test_a_process_that_ends_takes_its_template_along_and_says_nothing():
    code = "from intake import sandbox; sandbox.start(); print(sandbox.isolation() != 'none')"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_a_client_that_no_longer_waits_takes_its_reader_along():
    run(echo, 1)
    before = below()
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            run(sleep, 600, seconds=600)
        os._exit(1)
    try:
        assert _settled(lambda: len(below()) >= len(before) + 2)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert _settled(lambda: below() == before)


def test_nothing_is_left_open_and_no_child_is_left_over():
    run(echo, 1)
    before = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    for _ in range(20):
        run(echo, 1)
    assert (len(list(Path("/proc/self/fd").iterdir())), threading.active_count()) == before
    (template,) = templates()
    assert _settled(lambda: not template.children())
