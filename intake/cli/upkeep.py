"""Commands that keep the service whole: the schema, what is stuck, the proofs, and advice."""

from __future__ import annotations

import json
import sys
import uuid
from contextlib import suppress

import click
from sqlalchemy.exc import SQLAlchemyError

import migrations
from config.settings import SettingsError
from intake.cli.common import app, kindly, main, read_settings


@main.command()
@click.option("--to", "revision", default="head", help="A revision to move to, up or down.")
@kindly
def migrate(revision: str) -> None:
    """Make the database roles and bring the schema to this version."""
    settings = read_settings()
    urls = dict(settings.database_urls)
    if "owner" not in urls:
        if settings.database_url is None:
            raise SettingsError("DATABASE_URL", "is not set; name a login that may create roles.")
        urls = migrations.prepare_roles(settings.database_url, settings.var)
    migrations.move(urls["owner"], revision)
    if revision == "head":
        migrations.sync_units(urls["owner"], settings.tables.authority)
    click.echo(f"intake: the database stands at {revision}", err=True)


@main.command()
@kindly
def stuck() -> None:
    """List the jobs that gave up and wait for a person."""
    from intake import outbox

    with app("worker").app_context():
        for job in outbox.stuck():
            click.echo(f"{job.id}  {job.kind}  {job.subject_id}  {job.last_error}  {job.stuck_at:%F %T}Z")


@main.command()
@click.argument("job", type=click.UUID)
@kindly
def retry(job: uuid.UUID) -> None:
    """Let a job be tried again from the start."""
    from intake import outbox

    with app("worker").app_context():
        outbox.retry(job)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@kindly
def reconcile(as_json: bool) -> None:
    """Prove that nothing is missing; exit 1 on any exception."""
    from intake import ledger

    with app("worker").app_context():
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
@kindly
def doctor() -> None:
    """Look at each setting and engine, with advice; exit 1 when something must be mended."""
    from intake import chains, diagnosis, verifying
    from intake.mailroom import watch

    findings = diagnosis.examine(read_settings())
    # What is wrong with the database is told above.
    with suppress(SettingsError, SQLAlchemyError), app("worker").app_context():
        findings += diagnosis.of_mail(watch.look())
        findings += diagnosis.of_bytes(verifying.standing())
        findings += diagnosis.of_log(chains.room())
    for finding in findings:
        click.echo(f"{finding.mark}  {finding.what}: {finding.words}")
    sys.exit(1 if any(finding.is_fault for finding in findings) else 0)
