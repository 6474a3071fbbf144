"""The whole service as an operator runs it, for journeys that kill what they like."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]
STARTED = "Intake is running"


def free_ports(count: int) -> list[int]:
    """Return ports that nobody holds now, below those from which the system gives to clients.

    A client that tries again and again on one of the system's own may be given that very port
    to send from, and then holds it against the server.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
    return found


class Service:
    """``intake run`` with a folder and ports of its own."""

    def __init__(self, home: Path) -> None:
        self.var = home / "var"
        self.citizen_port, self.handler_port, self.mail_port = free_ports(3)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "INTAKE_VAR": str(self.var),
            "INTAKE_CITIZEN_PORT": str(self.citizen_port),
            "INTAKE_HANDLER_PORT": str(self.handler_port),
            "INTAKE_MAIL_PORT": str(self.mail_port),
            "INTAKE_LOW_DISK_BYTES": "1000000",
            "INTAKE_UNDO_SECONDS": "1",
            # Everybody in a journey comes from one address, faster than any school.
            "INTAKE_FLOOD_REQUESTS": "0",
        }
        self.runner: subprocess.Popen[str] | None = None
        self.words: list[str] = []

    def start(self) -> None:
        """Start it and wait until it says that it runs."""
        ready = threading.Event()
        self.runner = subprocess.Popen(
            [sys.executable, "-m", "intake.cli", "run"],
            cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, args=(self.runner, ready), daemon=True)
        self._reader.start()
        if not ready.wait(300):
            raise AssertionError("the service did not start:\n" + "".join(self.words[-40:]))

    def _read(self, runner: subprocess.Popen[str], ready: threading.Event) -> None:
        assert runner.stdout
        with runner.stdout as lines:
            for line in lines:
                self.words.append(line)
                if STARTED in line:
                    ready.set()

    def stop(self) -> int:
        """Ask it to stop and return its exit code."""
        assert self.runner
        if self.runner.poll() is None:
            self.runner.send_signal(signal.SIGINT)
        code = self.runner.wait(120)
        self._reader.join(30)
        return code

    def command(self, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a command of ours beside the running service."""
        return subprocess.run(
            [sys.executable, "-m", "intake.cli", *words],
            cwd=ROOT, env=self.environment, input=stdin, capture_output=True, timeout=120, check=False,
        )  # fmt: skip

    def matters(self) -> list[dict[str, Any]]:
        """Return what ``intake list --json`` says."""
        listed = self.command("list", "--json")
        assert listed.returncode == 0, listed.stderr
        return [json.loads(line) for line in listed.stdout.splitlines()]

    def reconcile(self) -> dict[str, Any]:
        """Return what ``intake reconcile --json`` says; nothing when it cannot say anything now."""
        found = self.command("reconcile", "--json")
        return json.loads(found.stdout) if found.stdout else {}

    def processes(self) -> dict[str, list[psutil.Process]]:
        """Return our processes by what they do; a forked worker's child counts with its parent."""
        found: dict[str, list[psutil.Process]] = {}
        for record in (self.var / "run" / "processes").glob("*.json"):
            try:
                process = psutil.Process(json.loads(record.read_text())["pid"])
                family = [process, *process.children(recursive=True)]
            except (psutil.NoSuchProcess, ValueError, KeyError, FileNotFoundError):
                continue
            found[record.stem] = family
        return found

    def kill(self, name: str, dice: random.Random) -> None:
        """Kill one process with -9: the one itself, or now and then a child that it forked."""
        family = self.processes().get(name)
        if family:
            kill(dice.choice(family) if name in ("worker-heavy", "postgres") else family[0])

    def wipe_queue(self) -> None:
        """Throw away all that the queue has kept on disk."""
        for folder in self.var.glob("**/valkey"):
            for path in folder.iterdir():
                if path.suffix != ".conf":
                    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def kill(process: psutil.Process) -> None:
    """Kill a process that may already be gone."""
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


@contextlib.contextmanager
def running(home: Path) -> Iterator[Service]:
    """Run the service for a journey."""
    service = Service(home)
    try:
        service.start()
        yield service
    finally:
        service.stop()
