"""Commands for the people who sign in, and their first passwords."""

from __future__ import annotations

import os

import click

from intake import running
from intake.cli.common import app, kindly, machine_user, main, read_settings


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
        password = access.add_handler(email, name, pairs, by=machine_user())
    click.echo(password or "The handler was there already, and has these units and roles too.")


@main.command("renew-password")
@click.argument("email")
@kindly
def renew_password(email: str) -> None:
    """Give a handler a new first password, print it, and end the handler's sessions.

    The app that shows the handler's codes stays as it is.
    """
    from intake import access

    with app("owner").app_context():
        click.echo(access.renew_password(email, by=machine_user()))


@main.command("forget-factor")
@click.argument("email")
@kindly
def forget_factor(email: str) -> None:
    """Take away the app and the codes of a handler who has lost them, and end the handler's sessions.

    The password stays. Make sure that it is the handler who asks: until the next sign-in, which connects
    a new app, the password alone lets somebody in.
    """
    from intake import access

    with app("owner").app_context():
        access.forget_factor(email, by=machine_user())
    click.echo("The next sign-in connects a new app.", err=True)


@main.command("disable-handler")
@click.argument("email")
@kindly
def disable_handler(email: str) -> None:
    """Let a handler in no more, and end the handler's sessions at once."""
    from intake import access

    with app("owner").app_context():
        access.disable_handler(email, by=machine_user())
    click.echo("The handler is out and cannot sign in.", err=True)


@main.command("enable-handler")
@click.argument("email")
@kindly
def enable_handler(email: str) -> None:
    """Let a handler in again who was disabled, with the password, app and roles as they were."""
    from intake import access

    with app("owner").app_context():
        access.enable_handler(email, by=machine_user())
    click.echo("The handler can sign in again.", err=True)


@main.command("demo-handlers")
@kindly
def demo_handlers() -> None:
    """Make the demonstration's handlers, once, and keep their first passwords in a file."""
    from intake import access

    settings = read_settings()
    with app("owner").app_context():
        lines = [f"{made.email}  {made.password}  {made.words}" for made in access.demo_handlers()]
    if not lines:
        return
    path = settings.var / running.DEMO_PASSWORDS
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as file:
        file.write("\n".join(lines) + "\n")
    # Where the words of a service go is a log, so no password is among them.
    words = "Demonstration handlers are made; each chooses a password and connects an app for codes:"
    click.echo(f"{words} {path}", err=True)
