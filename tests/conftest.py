"""Fixtures: real engines, apps under each surface's own database role, a clock that can be set."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from config.settings import DatabaseRole, Settings
from config.tables import Tables
from intake import create_app, routing
from intake.access import passwords
from intake.extensions import db
from tests import engines as own
from tests.parts import Uploader


class Clock:
    """A clock that stands where it is put and goes on from there by itself, a millisecond a look."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 22, 15, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that ask the engines, so that they alone can be run on other ones."""
    for item in items:
        if "servers" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.engines)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    with own.servers(tmp_path_factory.mktemp("engines")) as urls:
        yield urls


@pytest.fixture(scope="session")
def shared_database(
    servers: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[own.Database]:
    with own.database(servers[0], tmp_path_factory.mktemp("database")) as database:
        yield database


@pytest.fixture
def database(shared_database: own.Database) -> own.Database:
    """The database, empty before the test."""
    own.empty(shared_database.urls["owner"])
    return shared_database


@pytest.fixture
def seen(database: own.Database) -> Iterator[Session]:
    """Look into the database as its owner, who sees everything."""
    with Session(create_engine(database.urls["owner"], poolclass=NullPool)) as session:
        yield session


@pytest.fixture
def clock() -> Clock:
    return Clock()


class CompiledTemplates(BytecodeCache):
    """Templates as they were compiled for the first app that needed them."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key, bucket.checksum] = bucket.code


@pytest.fixture(scope="session", autouse=True)
def quick() -> Iterator[None]:
    """Compile the rules and the templates once, and hash passwords as weakly as the library lets us."""
    compiled: dict[int, routing.Rules] = {}
    compile_rules = routing.compile_rules

    def compiled_once(tables: Tables) -> routing.Rules:
        return compiled.setdefault(id(tables), compiled.get(id(tables)) or compile_rules(tables))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(routing, "compile_rules", compiled_once)
        patch.setitem(Flask.jinja_options, "bytecode_cache", CompiledTemplates())
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


class LeftTheMachine(AssertionError):
    """A test tried to reach another machine."""


@pytest.fixture(scope="session", autouse=True)
def alone() -> Iterator[None]:
    """Let no test reach another machine: no real mail, no real anything."""
    connect = socket.socket.connect

    def connect_here(self: socket.socket, address: Any) -> None:
        is_inside = self.family == socket.AF_UNIX or address[0] in ("127.0.0.1", "::1", "localhost")
        if not is_inside:
            self.close()
            raise LeftTheMachine(address)
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_here)
        yield


@pytest.fixture(scope="session")
def base_settings() -> Settings:
    return Settings.from_mapping(
        {
            "INTAKE_LOW_DISK_BYTES": "1000000",
            # What waits before it leaves has tests of its own.
            "INTAKE_UNDO_SECONDS": "0",
            "SECRET_KEY_CITIZEN": "c" * 32,
            "SECRET_KEY_HANDLER": "h" * 32,
            "ADDRESS_KEY": "a" * 32,
        }
    )


@pytest.fixture
def settings(base_settings: Settings, tmp_path: Path) -> Settings:
    """Settings of a test: nothing of the machine's environment, nothing outside its own folder."""
    return replace(base_settings, var=tmp_path / "var")


@pytest.fixture
def make_app(database: own.Database, settings: Settings, clock: Clock) -> Iterator[Callable[..., Flask]]:
    """Make apps: ``make_app("citizen")``; a second argument names another role, keywords the ports.

    ``chosen`` are other settings than the test's.
    """
    apps: list[Flask] = []

    def make(
        surface: str = "citizen",
        role: DatabaseRole | None = None,
        *,
        chosen: Settings = settings,
        **ports: Any,
    ) -> Flask:
        complete = replace(chosen, surface=surface, database_urls=database.urls)  # type: ignore[arg-type]
        app = create_app(complete, role=role, clock=clock, **ports)
        app.testing = True
        apps.append(app)
        return app

    yield make
    for app in apps:
        with app.app_context():
            db.session.remove()
            for engine in db.engines.values():
                engine.dispose()


@pytest.fixture
def citizen(make_app: Callable[..., Flask]) -> FlaskClient:
    return make_app("citizen").test_client()


@pytest.fixture
def uploader(citizen: FlaskClient) -> Uploader:
    """A browser of the citizen's side that sends files in parts."""
    return Uploader(citizen)


@pytest.fixture
def handler_app(make_app: Callable[..., Flask]) -> Flask:
    return make_app("handler")


@pytest.fixture
def worker_app(make_app: Callable[..., Flask]) -> Flask:
    return make_app("citizen", "worker")
