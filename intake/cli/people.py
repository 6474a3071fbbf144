"""Commands for the people who sign in, and their first passwords."""

from __future__ import annotations

import os

import click

from intake import running
from intake.cli.common import app, kindly, main, read_settings


@main.command("add-handler")
@click.argument("email")
@click.argument("name")
@click.option("--unit", "units", multiple=True, required=True, help="UNIT or UNIT:ROLE; repeat for more.")
@kindly
def add_handler(email: str, name: str, units: tuple[str, ...]) -> None:
    """Add a handler and print a first password, which must be changed at sign-in.

    Somebody who is there already, by EMAIL and NAME, gets the units and roles that are missing.
    """
    from intake import access

    pairs = [(unit.partition(":")[0], unit.partition(":")[2] or "handler") for unit in units]
    with app("owner").app_context():
        password = access.add_handler(email, name, pairs)
    click.echo(password or "The handler was there already, and has these units and roles too.")


@main.command("renew-password")
@click.argument("email")
@kindly
def renew_password(email: str) -> None:
    """Give a handler a new first password, print it, and end the handler's sessions."""
    from intake import access

    with app("owner").app_context():
        click.echo(access.renew_password(email))


@main.command("demo-handlers")
@kindly
def demo_handlers() -> None:
    """Make the demonstration's handlers, once, and show and keep their first passwords."""
    from intake import access

    settings = read_settings()
    with app("owner").app_context():
        lines = [f"{made.email}  {made.password}  {made.words}" for made in access.demo_handlers()]
    if not lines:
        return
    path = settings.var / running.DEMO_PASSWORDS
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as file:
        file.write("\n".join(lines) + "\n")
    click.echo("\n".join(["Demonstration handlers (each must choose a new password):", *lines]))
