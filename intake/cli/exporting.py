"""Commands for what was taken out of the house."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from intake import sealing
from intake.cli.common import main


@main.command("verify-export")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--digest", help="The seal that stands in the matter's history.")
@click.option("--key", help="The key that the page for exports shows.")
def verify_export(file: Path, digest: str | None, key: str | None) -> None:
    """Read a sealed export to its end; exit with 1 when anything differs. Needs no database."""
    found = sealing.verify(file, digest=digest, key=key)
    if found.seal is not None:
        click.echo(f"seal {found.seal.digest}\nkey {found.seal.key}\nfiles {found.seal.files}")
    for fault in found.faults:
        click.echo(f"intake: {fault}", err=True)
    if found.faults:
        sys.exit(1)
    click.echo(f"intake: {'the export is whole' if digest or key else _UNTOLD}", err=True)


_UNTOLD = (
    "the export agrees with its own seal; give --digest from the history, or --key from the page, to know"
    " that it is ours"
)
