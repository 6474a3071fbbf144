"""Commands for the keys that sign, seal and hide: a new one first, and the older ones away in time."""

from __future__ import annotations

from collections.abc import Sequence

import click

from config.settings import Settings, SettingsError
from intake import kept_secrets, running
from intake.cli.common import app, kindly, main, read_environment, read_settings

# Whoever answers a letter of ours may do so years later, so this one's older keys go by name alone.
SOON_DONE = tuple(name for name in kept_secrets.NAMES if name != "ADDRESS_KEY")


@main.command("rotate-keys")
@click.argument("names", nargs=-1, type=click.Choice(kept_secrets.NAMES), metavar="[NAME] ...")
@click.option("--retire", is_flag=True, help="Take the older keys away instead.")
@kindly
def rotate_keys(names: tuple[str, ...], retire: bool) -> None:
    """Put a new key first in each setting NAME; the older ones stay good.

    Without NAME it is done for all three; with --retire the older keys are taken away, of ADDRESS_KEY only
    when it is named. What is set in the environment is yours to change: then it is told how.
    """
    settings, told = read_settings(), read_environment()
    kept = kept_secrets.read(settings.var)
    wanted = names or (SOON_DONE if retire else kept_secrets.NAMES)
    ours = [name for name in wanted if name in kept and kept[name] == told[name]]
    if retire:
        _retire(settings, ours, [name for name in wanted if name not in ours])
    else:
        _rotate(settings, ours, [name for name in wanted if name not in ours])
    if ours:
        click.echo("Start `intake run` anew, so that all of it knows, and back up secrets.json.", err=True)


def _rotate(settings: Settings, ours: Sequence[str], others: Sequence[str]) -> None:
    kept_secrets.rotate(settings.var, ours)
    for name in ours:
        click.echo(f"{name}: a new key stands first, and the older ones stay good.", err=True)
    cure = "put a new key (`openssl rand -hex 32`) and a blank before what stands there"
    for name in others:
        click.echo(f"{name} is set by you: {cure}.", err=True)


def _retire(settings: Settings, ours: Sequence[str], others: Sequence[str]) -> None:
    written = kept_secrets.path_of(settings.var)
    has_older = {name: " " in key for name, key in kept_secrets.read(settings.var).items()}
    if any(has_older[name] for name in ours) and running.is_older_than(settings.var, written):
        raise SettingsError("intake run", "runs since before the newest keys were made; start it anew first.")
    if "SECRET_KEY_HANDLER" in (*ours, *others) and len(settings.secret_keys["handler"]) > 1:
        _seal_anew()
    kept_secrets.retire(settings.var, ours)
    for name in ours:
        done = "the newest key alone is left" if has_older[name] else "there was no older key"
        click.echo(f"{name}: {done}.", err=True)
    for name in others:
        click.echo(f"{name} is set by you: leave only the first of its keys there.", err=True)


def _seal_anew() -> None:
    from intake import access

    with app("owner").app_context():
        count = access.seal_factors_anew()
    click.echo(f"{count} secrets of second factors are sealed by the newest key.", err=True)
