"""Commands for evidence: proving that the bytes are as they came, and the access log as it was written."""

from __future__ import annotations

import re
import sys
import time

import click

from intake.cli.common import app, kindly, main

TELL_SECONDS = 10


@main.command("verify-files")
@click.option("--all", "is_all", is_flag=True, help="Also what was proven whole within thirty days.")
@click.option("--throttle", type=click.FloatRange(min=0.001), help="Read at most so many MB in a second.")
@kindly
def verify_files(is_all: bool, throttle: float | None) -> None:
    """Read each stored file again and compare it with its row; exit 1 on any difference.

    It may be stopped at any point; the next run goes on from there.
    """
    from intake import verifying

    pace = verifying.Throttle(round(throttle * 1_000_000) if throttle else None)
    files = size = differ = 0
    told_at = time.monotonic()
    with app("worker").app_context():
        for proven in verifying.verify(is_all=is_all, throttle=pace):
            files, size = files + 1, size + proven.size_bytes
            if proven.problem:
                differ += 1
                click.echo(f"{proven.problem}  {proven.row}  {proven.key}")
            if time.monotonic() - told_at > TELL_SECONDS:
                told_at = time.monotonic()
                click.echo(f"intake: {files} files read, {size / 1e6:.0f} MB ...", err=True)
    click.echo(f"intake: {files} files read, {size / 1e6:.0f} MB; {differ} not as they came", err=True)
    sys.exit(1 if differ else 0)


@main.command("verify-log")
@click.option("--seal", help="The hash of a seal that was kept elsewhere: it must still be there.")
@kindly
def verify_log(seal: str | None) -> None:
    """Read the access log whole and tell each row that is not as it was written; exit 1 on any.

    Keep the hash that it prints where no owner of the database can reach, and give it as --seal later.
    """
    from intake import chains

    if seal is not None and not re.fullmatch("[0-9a-f]{64}", seal):
        raise click.BadParameter("64 hexadecimal digits are wanted", param_hint="--seal")
    with app("worker").app_context():
        found = chains.prove(seal)
    for fault in found.faults:
        click.echo(fault)
    sealed = f"newest seal {found.seal} of {found.sealed_at:%F %T}Z" if found.seal else "no seal yet"
    is_whole = "not whole" if found.faults else "whole"
    click.echo(
        f"{is_whole}: {found.rows} rows in {found.chains} chains, {found.seals} seals,"
        f" {found.unsealed} rows not sealed yet; {sealed}"
    )
    sys.exit(1 if found.faults else 0)
