"""Commands for files: what one is and holds, and what files are taken."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from config.settings import Settings
from intake.cli.common import kindly, main, read_settings
from intake.errors import ScannerAway


@main.command("check-file")
@click.argument("names", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--received", is_flag=True, help="Judge as in a letter: nothing is refused any more.")
@kindly
def check_file(names: tuple[Path, ...], received: bool) -> None:
    """Look each FILE through and print one JSON object a line; nothing is stored, and no engine is needed.

    Without --received a file is judged as by the web before it is sent. A file that cannot be opened is
    told of, and exit is 1 when the others are done.
    """
    settings = read_settings()
    is_whole = True
    for name in names:
        try:
            with name.open("rb"):
                found = _checked(name, settings, is_received=received)
        except OSError as error:
            click.echo(f"intake: {name} cannot be read ({error.strerror})", err=True)
            is_whole = False
        else:
            click.echo(json.dumps(found, ensure_ascii=False))
    sys.exit(0 if is_whole else 1)


def _checked(name: Path, settings: Settings, *, is_received: bool) -> dict[str, Any]:
    # Within: what is only listed needs no database library.
    from intake import files
    from intake.matters import checks
    from intake.scanner import from_settings

    with TemporaryDirectory() as scratch:
        seen = files.examine(name.name, name, settings.tables.files, Path(scratch))
        try:
            seen = checks.scan(seen, from_settings(settings)).seen
        except ScannerAway as away:
            click.echo(f"intake: {name} was not scanned ({away})", err=True)
            seen = seen.with_finding("", files.finding("unchecked"))
    return {
        "name": seen.name,
        "size": seen.size_bytes,
        "sha256": seen.sha256,
        "type": seen.detected_type,
        "verdict": seen.verdict(is_received=is_received),
        "findings": [{"code": each.code, "words": each.handler} for each in seen.all_findings()],
    }


@main.command("describe-files")
@kindly
def describe_files() -> None:
    """Print what files are taken and what is looked for in them, as docs/files.md."""
    from intake.files.describing import as_markdown

    click.echo(as_markdown(read_settings().tables.files), nl=False)
