"""The console script ``intake``: what an operator does from a shell.

Every command reads its settings from the environment; what is not set there and belongs to the
embedded engines is read from ``var/``. Data goes to standard output, words to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import Any, TypeVar

import click
from flask import Flask
from sqlalchemy.exc import OperationalError

import migrations
from config.settings import DatabaseRole, Settings, SettingsError
from config.tables import read_tables
from intake import create_app, running
from intake.errors import FileTooLarge, ForeignDomain, IntakeError
from intake.routing import compile_rules

EX_TEMPFAIL = 75
MATTERS = click.Path(exists=True, dir_okay=False, path_type=Path)
Command = TypeVar("Command", bound=Callable[..., Any])


def _settings() -> Settings:
    settings = Settings.from_mapping(running.complete(os.environ))
    if settings.var.exists() and settings.var.stat().st_uid != os.geteuid():
        # What another user writes there, the service itself could no longer read or replace.
        raise SettingsError("INTAKE_VAR", f"{settings.var} belongs to another user; run this as that user.")
    return settings


def _settings_with_roles() -> Settings:
    """Return the settings with the roles' URLs: those given, else those that ``migrate`` made."""
    settings = _settings()
    if settings.database_url is None:
        if settings.database_urls:
            return settings
        raise SettingsError("DATABASE_URL", "is not set and no embedded engine runs; use `intake run`.")
    urls = migrations.known_roles(settings.database_url, settings.var) | dict(settings.database_urls)
    return replace(settings, database_urls=urls)


def _app(role: DatabaseRole) -> Flask:
    return create_app(_settings_with_roles(), role=role)


def _kindly(command: Command) -> Command:
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


@click.group()
def main() -> None:
    """Citizen contact and case intake."""


@main.command()
@_kindly
def run() -> None:
    """Run everything on this machine until Ctrl-C."""
    sys.exit(running.run(_settings()))


@main.command()
@_kindly
def web() -> None:
    """Serve the surface that SURFACE names (citizen, handler, or all for trying only)."""
    surface = _settings().surface
    _become("intake.serving", "owner" if surface == "all" else surface)


@main.command()
@click.argument("queue", type=click.Choice(["light", "heavy"]))
@_kindly
def worker(queue: str) -> None:
    """Work off one queue."""
    _become("workers.queues", "worker", queue)


@main.command()
@_kindly
def dispatch() -> None:
    """Carry due jobs to the queues."""
    _become("workers.dispatch", "worker")


@main.command("mail-listener")
@_kindly
def mail_listener() -> None:
    """Take letters by LMTP and SMTP."""
    _become("workers.mailbox", "worker")


def _become(module: str, role: DatabaseRole, *words: str) -> None:
    """Replace this process by a server's module, which is told of its own database role alone."""
    settings = _settings_with_roles()
    if role not in settings.database_urls:
        raise SettingsError(f"DATABASE_URL_{role.upper()}", "is not set; name the role's own URL.")
    complete = running.complete(os.environ)
    hidden = {"DATABASE_URL", *(f"DATABASE_URL_{other.upper()}" for other in migrations.SUFFIX)}
    hidden |= {
        f"SECRET_KEY_{surface.upper()}"
        for surface in ("citizen", "handler")
        if role not in (surface, "owner")
    }
    environment = {name: value for name, value in complete.items() if name not in hidden}
    environment[f"DATABASE_URL_{role.upper()}"] = settings.database_urls[role]
    os.execve(sys.executable, [sys.executable, "-m", module, *words], environment)  # noqa: S606


@main.command("receive-mail")
@click.option("--sender", default="", help="The envelope's sender, as ${sender} of Postfix.")
@click.argument("recipients", nargs=-1)
@_kindly
def receive_mail(sender: str, recipients: tuple[str, ...]) -> None:
    """Take one raw letter on standard input; exit 75 when it could not be stored.

    Without RECIPIENTS the letter's own headers say where it goes.
    """
    from intake import mailroom

    try:
        with _app("worker").app_context(), TemporaryFile() as raw:
            copyfileobj(sys.stdin.buffer, raw)
            raw.seek(0)
            known = recipients or mailroom.recipients_in(raw)
            mailroom.receive(raw, mailroom.Envelope(sender, known, "pipe", "pipe"))
    except (FileTooLarge, ForeignDomain):
        raise
    except Exception as error:
        # Whatever is wrong on our side, the mail server keeps the letter and comes again.
        click.echo(f"intake: not stored, try again later ({type(error).__name__})", err=True)
        sys.exit(EX_TEMPFAIL)


@main.command()
@click.option("--to", "revision", default="head", help="A revision to move to, up or down.")
@_kindly
def migrate(revision: str) -> None:
    """Make the database roles and bring the schema to this version."""
    settings = _settings()
    urls = dict(settings.database_urls)
    if "owner" not in urls:
        if settings.database_url is None:
            raise SettingsError("DATABASE_URL", "is not set; name a login that may create roles.")
        urls = migrations.prepare_roles(settings.database_url, settings.var)
    migrations.move(urls["owner"], revision)
    if revision == "head":
        migrations.sync_units(urls["owner"], settings.tables.authority)
    click.echo(f"intake: the database stands at {revision}", err=True)


@main.command("add-handler")
@click.argument("email")
@click.argument("name")
@click.option("--unit", "units", multiple=True, required=True, help="UNIT or UNIT:ROLE; repeat for more.")
@_kindly
def add_handler(email: str, name: str, units: tuple[str, ...]) -> None:
    """Add a handler and print a first password, which must be changed at sign-in."""
    from intake import access

    pairs = [(unit.partition(":")[0], unit.partition(":")[2] or "handler") for unit in units]
    with _app("owner").app_context():
        click.echo(access.add_handler(email, name, pairs))


@main.command("renew-password")
@click.argument("email")
@_kindly
def renew_password(email: str) -> None:
    """Give a handler a new first password, print it, and end the handler's sessions."""
    from intake import access

    with _app("owner").app_context():
        click.echo(access.renew_password(email))


@main.command("demo-handlers")
@_kindly
def demo_handlers() -> None:
    """Make the demonstration's handlers, once, and show and keep their first passwords."""
    from intake import access

    settings = _settings()
    with _app("owner").app_context():
        lines = [f"{made.email}  {made.password}  {made.words}" for made in access.demo_handlers()]
    if not lines:
        return
    path = settings.var / running.DEMO_PASSWORDS
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as file:
        file.write("\n".join(lines) + "\n")
    click.echo("\n".join(["Demonstration handlers (each must choose a new password):", *lines]))


@main.command("demo-data")
@click.argument("count", type=click.IntRange(1, 100_000))
@_kindly
def demo_data(count: int) -> None:
    """Send COUNT varied matters through the same services as citizens and letters use."""
    from intake import demo

    with _app("owner").app_context():
        click.echo(f"intake: {demo.send(count)} matters accepted", err=True)


@main.command()
@click.argument("reference")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@_kindly
def show(reference: str, as_json: bool) -> None:
    """Show a matter with its messages, files, placement and history."""
    from intake import exports

    with _app("worker").app_context():
        matter = exports.show(reference)
    click.echo(json.dumps(matter, ensure_ascii=False, indent=None if as_json else 2))


@main.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--since", type=Moment(), help="Received at this time or later, such as 2026-11-22T17:59:10Z.")
@click.option("--reference", help="One matter only.")
@_kindly
def list_matters(as_json: bool, since: datetime | None, reference: str | None) -> None:
    """List matters, oldest first."""
    from intake import exports

    with _app("worker").app_context():
        for matter in exports.each(since, reference):
            if as_json:
                click.echo(json.dumps(matter, ensure_ascii=False))
            else:
                columns = (
                    "reference",
                    "diary_number",
                    "received_at",
                    "unit",
                    "priority",
                    "status",
                    "subject",
                )
                click.echo("  ".join(str(matter[column]) for column in columns))


@main.command()
@click.argument("file", type=MATTERS)
@_kindly
def route(file: Path) -> None:
    """Print where each matter of a file (one JSON object a line) would stand, and why."""
    from intake import evaluation

    for row in evaluation.route(evaluation.read_matters(file), compile_rules(read_tables())):
        click.echo(json.dumps(row, ensure_ascii=False))


@main.command()
@click.argument("file", type=MATTERS)
@_kindly
def evaluate(file: Path) -> None:
    """Print how well the matters of a file are placed, which says where each should stand."""
    from intake import evaluation

    rows = evaluation.read_matters(file, is_labelled=True)
    click.echo("\n".join(evaluation.evaluate(rows, compile_rules(read_tables()))))


@main.command()
@click.argument("files", nargs=-1, required=True, type=MATTERS)
@_kindly
def learn(files: tuple[Path, ...]) -> None:
    """Print the weights that labelled matters teach the rules, to be kept as config/weights.tsv."""
    from intake import evaluation, learning

    rows = [row for file in files for row in evaluation.read_matters(file, is_labelled=True)]
    for line in learning.learn(rows, compile_rules(read_tables(), is_learning=True)):
        click.echo(line)


@main.command()
@_kindly
def stuck() -> None:
    """List the jobs that gave up and wait for a person."""
    from intake import outbox

    with _app("worker").app_context():
        for job in outbox.stuck():
            click.echo(f"{job.id}  {job.kind}  {job.subject_id}  {job.last_error}  {job.stuck_at:%F %T}Z")


@main.command()
@click.argument("job", type=click.UUID)
@_kindly
def retry(job: uuid.UUID) -> None:
    """Let a job be tried again from the start."""
    from intake import outbox

    with _app("worker").app_context():
        outbox.retry(job)


@main.command()
@click.argument("letter", type=click.UUID)
@_kindly
def reparse(letter: uuid.UUID) -> None:
    """Parse a stored letter again."""
    from intake import mailroom

    with _app("worker").app_context():
        mailroom.parse_again(letter)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@_kindly
def reconcile(as_json: bool) -> None:
    """Prove that nothing is missing; exit 1 on any exception."""
    from intake import ledger

    with _app("worker").app_context():
        found = ledger.reconcile()
    if as_json:
        click.echo(
            json.dumps(
                {
                    "at": found.at.isoformat(),
                    "is_whole": found.is_whole,
                    "counts": dict(found.counts),
                    "exceptions": {name: list(ids) for name, ids in found.exceptions.items()},
                }
            )
        )
    else:
        for name, ids in found.exceptions.items():
            click.echo(f"{'ok ' if not ids else len(ids)}  {name}  {' '.join(ids[:20])}".rstrip())
        click.echo("nothing is missing" if found.is_whole else "something is missing: see above")
    sys.exit(0 if found.is_whole else 1)


@main.command()
@_kindly
def doctor() -> None:
    """Look at each setting and engine, with advice; exit 1 when something must be mended."""
    from intake import diagnosis

    findings = diagnosis.examine(_settings())
    for finding in findings:
        click.echo(f"{finding.mark}  {finding.what}: {finding.words}")
    sys.exit(1 if any(finding.is_fault for finding in findings) else 0)


if __name__ == "__main__":
    main()
