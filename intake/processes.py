"""The processes we start: written down before they begin, so that a later run knows its own from strangers.

Run as a script (``python -I processes.py FOLDER NAME``) it writes its own pid, start time and command
into FOLDER and then becomes the program of that name, so that all three stay true. It imports nothing
of ours: each program of the service begins as this script, and a start should cost little.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NoReturn

import psutil

MARK = "STARTED_BY_INTAKE"
PR_SET_PDEATHSIG = 1


class CannotStart(Exception):
    """The start cannot go on; the message says to the operator what is wrong and what to do."""


@dataclass(frozen=True)
class User:
    """A user of the system whom an engine runs as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Program:
    """A program to become. The command's first word is an absolute path.

    ``environment`` is added to what is inherited, or replaces it when ``is_bare``. ``folder`` is where
    it runs, made when it is gone. Programs of a higher ``rank`` are ended first. With ``parent`` it
    gets its stop signal when that process (on Linux) ends in whatever way.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    is_bare: bool = False
    user: User | None = None
    folder: str | None = None
    stop_signal: str = "TERM"
    stop_seconds: float = 20
    start_seconds: int = 2
    rank: int = 2
    run: str = ""
    parent: int | None = None


@dataclass(frozen=True)
class Record:
    """A process as it was written down; ``started`` counts seconds from the start of the machine."""

    name: str
    pid: int
    started: float
    command: tuple[str, ...]
    run: str
    stop_signal: str
    stop_seconds: float
    rank: int


def make_folder(folder: Path, user: User | None = None, mode: int = 0o700) -> Path:
    """Make a folder that only its owner may open; one that stands there already keeps its mode."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(mode)
        if user is not None:
            os.chown(folder, user.uid, user.gid, follow_symlinks=False)
    return folder


def write_private(path: Path, text: str, user: User | None = None) -> None:
    """Write a file that only its owner may read (0600): whole and on disk, or not at all."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            if user is not None:
                os.fchown(number, user.uid, user.gid)
            file.write(text)
            file.flush()
            os.fsync(number)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def last_words(log: Path, size: int = 2000) -> str:
    """Return the end of a log, for the message that says why something did not start."""
    try:
        return log.read_bytes()[-size:].decode("utf-8", "replace").strip()
    except FileNotFoundError:
        return "(nothing was written)"


def command_to_become(folder: Path) -> tuple[str, ...]:
    """Return the command that, given a program's name as its last word, becomes that program."""
    return (sys.executable, "-I", str(Path(__file__).resolve()), str(folder))


def write_program(folder: Path, program: Program) -> tuple[str, ...]:
    """Write a program down in a folder and return the command that becomes it."""
    write_private(make_folder(folder) / f"{program.name}.program", json.dumps(asdict(program)))
    return (*command_to_become(folder), program.name)


def become(folder: Path, name: str) -> NoReturn:
    """Write this process down and become the program; never returns."""
    values = json.loads((folder / f"{name}.program").read_text(encoding="utf-8"))
    user = User(**values.pop("user")) if values["user"] else values.pop("user")
    program = Program(**values, user=user)
    os.umask(0o077)
    if program.folder:
        make_folder(Path(program.folder), user)
    record = Record(
        program.name, os.getpid(), _started(psutil.Process()), program.command, program.run,
        program.stop_signal, program.stop_seconds, program.rank,
    )  # fmt: skip
    write_private(folder / f"{name}.json", json.dumps(asdict(record)))
    if user is not None:
        os.setgroups([])
        os.setgid(user.gid)
        os.setuid(user.uid)
    if program.folder:
        os.chdir(program.folder)
    if program.parent is not None:
        _end_with_parent(program.parent, _signal(program.stop_signal))
    inherited = {} if program.is_bare else dict(os.environ)
    os.execve(program.command[0], program.command, {**inherited, **program.environment, MARK: program.run})  # noqa: S606 - becoming the program is this script's whole work.


def _end_with_parent(parent: int, number: signal.Signals) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number))
        # A parent that ended before the line above is never told to us.
        if os.getppid() != parent:
            sys.exit(0)


def _signal(name: str) -> signal.Signals:
    return signal.Signals[f"SIG{name}"]


def _started(process: psutil.Process) -> float:
    # Both times move together when the clock is set, so their difference stays.
    return round(process.create_time() - psutil.boot_time(), 2)


def record_of(process: psutil.Process, name: str, stop_signal: str, stop_seconds: float, rank: int) -> Record:
    """Describe a process that is known as ours by other signs than a record."""
    return Record(
        name, process.pid, _started(process), tuple(process.cmdline()), "", stop_signal, stop_seconds, rank
    )


def is_alive(record: Record) -> bool:
    """Say whether the very process that was written down still runs: pid, start time and command.

    A program of ours may itself become another; then the mark of its run stands in for the command.
    """
    try:
        process = psutil.Process(record.pid)
        command = process.cmdline()
        # A zombie has no command any more, so it counts as ended whoever its parent is.
        if not command or abs(_started(process) - record.started) >= 0.05:
            return False
        return tuple(command) == record.command or bool(
            record.run and process.environ().get(MARK) == record.run
        )
    except psutil.Error:
        return False


def read_records(folder: Path) -> list[Record]:
    """Read every record of a folder; one that a power cut left unreadable is passed over."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            found.append(Record(**{**values, "command": tuple(values["command"])}))
        except (ValueError, TypeError, KeyError, FileNotFoundError):
            continue
    return found


def find_left(folder: Path) -> list[Record]:
    """Find what still runs of what was started here: by its record, else by the mark of its run."""
    records = read_records(folder)
    alive = [record for record in records if is_alive(record)]
    known = {record.pid for record in alive} | {os.getpid()}
    runs = {record.run for record in records if record.run}
    return alive + [record for record in _marked(runs) if record.pid not in known]


def _marked(runs: set[str]) -> Iterator[Record]:
    # A child that outlived its parent, such as a worker's child, has no record of its own.
    for process in psutil.process_iter():
        try:
            if runs and process.environ().get(MARK) in runs and process.cmdline():
                yield record_of(process, Path(process.cmdline()[0]).name, "TERM", 5, 2)
        except psutil.Error:
            continue


def end_left(folder: Path, at_most: float | None = None) -> list[str]:
    """End what is left of our own, highest rank first, forget the records, return the names ended.

    Each may take as long as it is allowed to, or ``at_most`` these seconds. Raises CannotStart when
    something of ours does not end even by SIGKILL.
    """
    ended: list[str] = []
    while found := find_left(folder):
        rank = max(record.rank for record in found)
        ended += end([record for record in found if record.rank == rank], at_most)
    # With the records go the programs' files, which hold passwords that nobody needs any more.
    for path in folder.glob("*"):
        path.unlink(missing_ok=True)
    return sorted(set(ended))


def end(records: Iterable[Record], at_most: float | None = None) -> list[str]:
    """Ask each process to stop, wait as long as it may take, then kill; return the names."""
    wanted = list(records)
    for record in wanted:
        _send(record, _signal(record.stop_signal))
    seconds = max((record.stop_seconds for record in wanted), default=0)
    if at_most is not None:
        seconds = min(seconds, at_most)
    stubborn = _wait(wanted, seconds)
    for record in stubborn:
        _send(record, signal.SIGKILL)
    if left := _wait(stubborn, 10):
        names = ", ".join(f"{record.name} (pid {record.pid})" for record in left)
        raise CannotStart(
            f"This is left of an earlier run and does not end: {names}. End it, then run again."
        )
    return [record.name for record in wanted]


def _send(record: Record, number: signal.Signals) -> None:
    if not is_alive(record):
        return
    try:
        os.kill(record.pid, number)
    except ProcessLookupError:
        return
    except PermissionError:
        raise CannotStart(
            f"{record.name} (pid {record.pid}) is left of a run by another user."
            " Run again as that user, or end it."
        ) from None


def _wait(records: list[Record], seconds: float) -> list[Record]:
    deadline = time.monotonic() + seconds
    while (left := [record for record in records if is_alive(record)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


if __name__ == "__main__":
    become(Path(sys.argv[1]), sys.argv[2])
