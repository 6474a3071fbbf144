"""Commands for matters: listing and showing them, and trying the rules that place them."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import click

from config.tables import read_tables
from intake.cli.common import Moment, app, kindly, main, note_look
from intake.routing import compile_rules

MATTERS = click.Path(exists=True, dir_okay=False, path_type=Path)


@main.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--since", type=Moment(), help="Received at this time or later, such as 2026-11-22T17:59:10Z.")
@click.option("--reference", help="One matter only.")
@kindly
def list_matters(as_json: bool, since: datetime | None, reference: str | None) -> None:
    """List matters, oldest first."""
    from intake import exports

    with app("worker").app_context():
        note_look("list", reference, f"since={since:%FT%TZ}" if since else "")
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
@click.argument("reference")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@kindly
def show(reference: str, as_json: bool) -> None:
    """Show a matter with its messages, files, placement and history."""
    from intake import exports

    with app("worker").app_context():
        note_look("show", reference)
        matter = exports.show(reference)
    click.echo(json.dumps(matter, ensure_ascii=False, indent=None if as_json else 2))


@main.command()
@click.argument("file", type=MATTERS)
@kindly
def route(file: Path) -> None:
    """Print where each matter of a file (one JSON object a line) would stand, and why."""
    from intake import evaluation

    for row in evaluation.route(evaluation.read_matters(file), compile_rules(read_tables())):
        click.echo(json.dumps(row, ensure_ascii=False))


@main.command()
@click.argument("file", type=MATTERS)
@kindly
def evaluate(file: Path) -> None:
    """Print how well the matters of a file are placed, which says where each should stand."""
    from intake import evaluation

    rows = evaluation.read_matters(file, is_labelled=True)
    click.echo("\n".join(evaluation.evaluate(rows, compile_rules(read_tables()))))


@main.command()
@click.argument("files", nargs=-1, required=True, type=MATTERS)
@kindly
def learn(files: tuple[Path, ...]) -> None:
    """Print the weights that labelled matters teach the rules, to be kept as config/weights.tsv."""
    from intake import evaluation, learning

    rows = [row for file in files for row in evaluation.read_matters(file, is_labelled=True)]
    for line in learning.learn(rows, compile_rules(read_tables(), is_learning=True)):
        click.echo(line)


@main.command("demo-data")
@click.argument("count", type=click.IntRange(1, 100_000))
@kindly
def demo_data(count: int) -> None:
    """Send COUNT varied matters through the same services as citizens and letters use."""
    from intake import demo

    with app("owner").app_context():
        click.echo(f"intake: {demo.send(count)} matters accepted", err=True)
