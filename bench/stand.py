"""A test stand: engines, a database and chosen processes of the service, all ended at the end."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psycopg
from sqlalchemy import make_url

import migrations
from config.settings import DatabaseRole
from config.tables import read_tables
from intake.embedded import RunningEngines
from tests.journeys.service import free_ports

ROOT = Path(__file__).parents[1]


@dataclass
class Stand:
    """Where everything of one run is."""

    home: Path
    urls: dict[DatabaseRole, str]
    redis_url: str
    citizen_port: int
    mail_port: int
    bare_port: int
    bare_mail_port: int
    token: str = field(default_factory=partial(secrets.token_urlsafe, 32))
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def environment(self, role: DatabaseRole = "worker", surface: str = "all") -> dict[str, str]:
        """Return what a process of ours is told."""
        return {
            "PATH": os.environ["PATH"],
            "INTAKE_VAR": str(self.home / "var"),
            "INTAKE_CITIZEN_PORT": str(self.citizen_port),
            "INTAKE_MAIL_PORT": str(self.mail_port),
            "INTAKE_LOW_DISK_BYTES": "1000000",
            "INTAKE_FLOOD_REQUESTS": "0",
            "SURFACE": surface,
            "SECRET_KEY_CITIZEN": "c" * 32,
            "ADDRESS_KEY": "a" * 32,
            "REDIS_URL": self.redis_url,
            f"DATABASE_URL_{role.upper()}": self.urls[role],
        }

    def start(self, module: str, *words: str, role: DatabaseRole = "worker", surface: str = "all") -> None:
        """Start a module of ours as a process of its own."""
        log = (self.home / f"{module}-{len(self.processes)}.log").open("wb")
        command = [sys.executable, "-m", module, *words]
        told = self.environment(role, surface)
        self.processes.append(subprocess.Popen(command, cwd=ROOT, env=told, stdout=log, stderr=log))
        log.close()

    def start_mail(self) -> None:
        """Start the mail listener and the bare spool that it is measured against, and wait for both."""
        self.start("workers.mailbox")
        self.start("bench.bare", "mail", str(self.bare_mail_port), str(self.home / "bare-mail"))
        for port in (self.mail_port, self.bare_mail_port):
            wait_for(port)

    def connect(self, role: DatabaseRole = "owner") -> psycopg.Connection[tuple[object, ...]]:
        """Connect as a role."""
        url = make_url(self.urls[role]).set(drivername="postgresql")
        return psycopg.connect(url.render_as_string(hide_password=False))

    def connect_signed_in(self) -> psycopg.Connection[tuple[object, ...]]:
        """Connect as the handlers' role, with the session of somebody who sees every unit."""
        connection = self.connect("handler")
        connection.execute("SELECT set_config('app.session', %s, false)", [self.token])
        connection.commit()
        return connection

    def count(self, table: str) -> int:
        """Count rows as the owner."""
        with self.connect() as connection:
            found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
        return int(str(found[0])) if found else 0

    def stop(self) -> None:
        """End the processes that were started, the youngest first."""
        for process in reversed(self.processes):
            process.terminate()
        for process in reversed(self.processes):
            process.wait(60)
        self.processes.clear()


def wait_for(port: int) -> None:
    """Wait until something listens on a port."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


def _sign_in(connection: psycopg.Connection[tuple[object, ...]], token: str) -> None:
    """Hire somebody in every unit, and begin a session that this secret opens for as long as a run takes."""
    connection.execute(
        "WITH made AS (INSERT INTO handler (id, email, name, password_hash, must_change_password, created_at)"
        " VALUES (gen_random_uuid(), 'bench@example.se', 'Bench', '', false, now()) RETURNING id),"
        " seated AS (INSERT INTO membership (id, handler_id, unit_id, role, created_at)"
        " SELECT gen_random_uuid(), made.id, unit.id, 'handler', now() FROM made, unit)"
        " INSERT INTO handler_session (id, token_hash, handler_id, created_at, seen_at, expires_at, stage,"
        " agent)"
        " SELECT gen_random_uuid(), encode(sha256(convert_to(%s, 'UTF8')), 'hex'), made.id, now(), now(),"
        " now() + interval '1 day', 'open', '' FROM made",
        [token],
    )


@contextmanager
def stand() -> Iterator[Stand]:
    """Set up a stand in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder, RunningEngines(Path(folder) / "engines") as engines:
        home = Path(folder)
        urls = migrations.prepare_roles(engines.database_url, home)
        migrations.move(urls["owner"])
        migrations.sync_units(urls["owner"], read_tables().authority)
        made = Stand(home, urls, engines.redis_url, *free_ports(4))
        with made.connect() as connection:
            connection.execute("CREATE TABLE bare (id uuid PRIMARY KEY, words text, size bigint)")
            connection.execute("GRANT INSERT ON bare TO PUBLIC")
            _sign_in(connection, made.token)
        try:
            yield made
        finally:
            made.stop()
