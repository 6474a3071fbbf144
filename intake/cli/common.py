"""What every command shares: the group, the settings, the app, and words instead of stack traces."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar

import click
from flask import Flask
from sqlalchemy.exc import OperationalError

import migrations
from config.settings import DatabaseRole, Settings, SettingsError
from intake import create_app, running
from intake.codes import read_reference
from intake.errors import IntakeError

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group()
def main() -> None:
    """Citizen contact and case intake."""


def read_environment() -> dict[str, str]:
    """Return the environment, with what belongs to the embedded engines filled in from ``var/``."""
    return running.complete(os.environ)


def read_settings() -> Settings:
    settings = Settings.from_mapping(read_environment())
    if settings.var.exists() and settings.var.stat().st_uid != os.geteuid():
        # What another user writes there, the service itself could no longer read or replace.
        raise SettingsError("INTAKE_VAR", f"{settings.var} belongs to another user; run this as that user.")
    return settings


def read_settings_with_roles() -> Settings:
    """Return the settings with the roles' URLs: those given, else those that ``migrate`` made."""
    settings = read_settings()
    if settings.database_url is None:
        if settings.database_urls:
            return settings
        raise SettingsError("DATABASE_URL", "is not set and no embedded engine runs; use `intake run`.")
    urls = migrations.known_roles(settings.database_url, settings.var) | dict(settings.database_urls)
    return replace(settings, database_urls=urls)


def app(role: DatabaseRole) -> Flask:
    return create_app(read_settings_with_roles(), role=role)


def note_look(what: str, reference: str | None = None, words: str = "") -> None:
    """Record, before anything is printed, who reads matters by a command; within an app's context.

    ``reference`` is that of a matter, as it was typed.
    """
    from intake import access

    known = read_reference(reference) if reference else None
    told = " ".join(part for part in (words, f"reference={reference}" if reference else "") if part)
    access.look_by_command(machine_user(), what, known, told)


def machine_user() -> str:
    """Return who gives the command, as the machine knows them, and whom sudo serves."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        # Containers may run under a number that has no name.
        name = str(os.getuid())
    behind = os.environ.get("SUDO_USER")
    return f"{name} (sudo: {behind})" if behind else name


def kindly(command: Command) -> Command:
    """Say what is wrong in one line, instead of a stack trace, and exit with 1."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except OperationalError:
            is_ours = not os.environ.get("DATABASE_URL") and not os.environ.get("DATABASE_URL_WORKER")
            cure = "start it with `make run`" if is_ours else "start it, or check DATABASE_URL"
            click.echo(f"intake: the database does not answer; {cure}.", err=True)
        except (SettingsError, IntakeError) as error:
            click.echo(f"intake: {error}", err=True)
        sys.exit(1)

    return wrapped  # type: ignore[return-value]


class Moment(click.ParamType[datetime]):
    """A time in ISO 8601, as we print it ourselves; one without zone is in UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time; write it as 2026-11-22T17:59:10Z.", param, ctx)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
