"""Commands that run the service, whole or one process of it."""

from __future__ import annotations

import os
import sys

import click

import migrations
from config.settings import DatabaseRole, SettingsError
from intake import running
from intake.cli.common import kindly, main, read_environment, read_settings, read_settings_with_roles


@main.command()
@kindly
def run() -> None:
    """Run everything on this machine until Ctrl-C."""
    settings = read_settings()
    sys.exit(running.run(settings, running.plan_of(settings)))


@main.command()
@kindly
def web() -> None:
    """Serve the surface that SURFACE names (citizen, handler, or all for trying only)."""
    surface = read_settings().surface
    _become("intake.serving", "owner" if surface == "all" else surface)


@main.command()
@click.argument("queue", type=click.Choice(["light", "heavy"]))
@kindly
def worker(queue: str) -> None:
    """Work off one queue."""
    _become("workers.queues", "worker", queue)


@main.command()
@kindly
def dispatch() -> None:
    """Carry due jobs to the queues."""
    _become("workers.dispatch", "worker")


@main.command("mail-listener")
@kindly
def mail_listener() -> None:
    """Take letters by LMTP and SMTP."""
    _become("workers.mailbox", "worker")


@main.command("mail-fetch")
@kindly
def mail_fetch() -> None:
    """Fetch letters from the mailboxes of INTAKE_MAILBOXES by IMAP."""
    if not read_settings().mailboxes:
        raise SettingsError("INTAKE_MAILBOXES", "is not set; name a table of mailboxes.")
    _become("workers.fetching", "worker")


def _become(module: str, role: DatabaseRole, *words: str) -> None:
    """Replace this process by a server's module, which is told of its own database roles alone."""
    settings = read_settings_with_roles()
    # The handlers' pages sign people in under a role of its own.
    told: tuple[DatabaseRole, ...] = (role, "door") if role == "handler" else (role,)
    for each in told:
        if each not in settings.database_urls:
            raise SettingsError(f"DATABASE_URL_{each.upper()}", "is not set; name the role's own URL.")
    complete = read_environment()
    hidden = {"DATABASE_URL", *(f"DATABASE_URL_{other.upper()}" for other in migrations.SUFFIX)}
    hidden |= {
        f"SECRET_KEY_{surface.upper()}"
        for surface in ("citizen", "handler")
        if role not in (surface, "owner")
    }
    environment = {name: value for name, value in complete.items() if name not in hidden}
    environment |= {f"DATABASE_URL_{each.upper()}": settings.database_urls[each] for each in told}
    os.execve(sys.executable, [sys.executable, "-m", module, *words], environment)  # noqa: S606
