"""Commands for letters: taking them in, parsing them again, and watching over them."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TYPE_CHECKING

import click

from config.settings import SettingsError
from intake import letters
from intake.cli.common import app, kindly, main
from intake.errors import FileTooLarge, ForeignDomain, LetterUnreadable, SandboxAway, StorageError

if TYPE_CHECKING:
    from intake.mailroom.watch import Watch

# The answers of a program that a mail server hands letters to (sysexits.h).
EX_DATAERR, EX_NOUSER, EX_TEMPFAIL = 65, 67, 75


@main.command("receive-mail")
@click.option("--sender", default="", help="The envelope's sender, as ${sender} of Postfix.")
@click.argument("recipients", nargs=-1)
def receive_mail(sender: str, recipients: tuple[str, ...]) -> None:
    """Take one raw letter on standard input; exit 75 when it could not be stored.

    It exits with 65 for a letter that is too large and with 67 when no recipient is ours. Without
    RECIPIENTS the letter's own headers say where it goes.
    """
    try:
        # Within: an installation that is being changed just now must not bounce what comes meanwhile.
        from intake import mailroom

        with app("worker").app_context(), TemporaryFile() as raw:
            copyfileobj(sys.stdin.buffer, raw)
            raw.seek(0)
            known = recipients or mailroom.recipients_in(raw)
            mailroom.receive(raw, mailroom.Envelope(sender, known, "pipe", "pipe"))
    except FileTooLarge as refusal:
        click.echo(f"intake: {refusal}", err=True)
        sys.exit(EX_DATAERR)
    except ForeignDomain as refusal:
        click.echo(f"intake: {refusal}", err=True)
        sys.exit(EX_NOUSER)
    except Exception as error:
        # Whatever is wrong on our side, the mail server keeps the letter and comes again.
        why = str(error) if isinstance(error, SettingsError) else type(error).__name__
        click.echo(f"intake: not stored, try again later ({why})", err=True)
        sys.exit(EX_TEMPFAIL)


@main.command("parse-mail")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def parse_mail(files: tuple[Path, ...]) -> None:
    """Print each letter of FILES as one JSON object a line; nothing is stored, and no engine is needed.

    A file that cannot be opened is told of, and exit is 1 when the others are done.
    """
    is_whole = True
    for file in files:
        try:
            with file.open("rb"):
                letter = _read_letter(file)
        except (OSError, StorageError, SandboxAway) as error:
            click.echo(f"intake: {file} cannot be read ({error})", err=True)
            is_whole = False
        else:
            click.echo(letters.as_json(letter))
    sys.exit(0 if is_whole else 1)


def _read_letter(file: Path) -> letters.Letter:
    """Read a letter with the limits of the service; what cannot be read is a letter all the same."""
    from intake.mailroom.unpacking import PARSE_MEMORY_BYTES, PARSE_SECONDS

    with TemporaryDirectory() as folder:
        try:
            return letters.parse_in_child(
                file, Path(folder), seconds=PARSE_SECONDS, memory_bytes=PARSE_MEMORY_BYTES
            )
        except LetterUnreadable as error:
            return letters.unreadable(file, str(error))


@main.command()
@click.argument("letter", type=click.UUID)
@kindly
def reparse(letter: uuid.UUID) -> None:
    """Parse a stored letter again."""
    from intake import mailroom

    with app("worker").app_context():
        mailroom.parse_again(letter)


@main.command("mailroom")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@kindly
def show_mailroom(as_json: bool) -> None:
    """Tell what came in, what waits and what is wrong with the mail; exit 1 when there is an alarm."""
    from intake.mailroom import watch

    with app("worker").app_context():
        seen, out = watch.look(), watch.letters_out()
    if as_json:
        alarms = [{**asdict(alarm), "words": alarm.words} for alarm in seen.alarms]
        click.echo(json.dumps({**asdict(seen), "letters_out": out, "alarms": alarms}, default=str))
    else:
        click.echo("\n".join(_said(seen, out)))
    sys.exit(1 if seen.alarms else 0)


def _said(seen: Watch, out: Mapping[str, int]) -> Iterator[str]:
    for alarm in seen.alarms:
        yield f"ALARM  {alarm.words}"
    for way, at in seen.last_in.items():
        yield f"last letter in by {way}: {at:%F %T}Z"
    oldest = f", the oldest since {seen.oldest_waiting_at:%F %T}Z" if seen.oldest_waiting_at else ""
    yield f"letters that wait to be read: {seen.waiting}{oldest}"
    for job in seen.stuck:
        yield f"stuck: {job.kind} {job.id}  {job.error}  {job.stuck_at:%F %T}Z"
    for mailbox in seen.mailboxes:
        looked = f"{mailbox.looked_at:%F %T}Z" if mailbox.looked_at else "never"
        # The fault is in its own words, those of the page.
        fault = f'; fault: "{mailbox.fault}"' if mailbox.fault else ""
        yield f"mailbox {mailbox.name}: last look {looked}{fault}"
    for letter in seen.repeated:
        yield f"mailbox {letter.mailbox}: UID {letter.uid} was taken up {letter.times} times"
    for large in seen.too_large:
        yield f"mailbox {large.mailbox}: UID {large.uid} is too large ({large.size_bytes} bytes)"
    yield "letters of ours: " + ", ".join(f"{state} {count}" for state, count in out.items())


@main.command("metrics")
@kindly
def show_metrics() -> None:
    """Print the mail in numbers, for Prometheus: its text format, to be kept as a file."""
    from intake.mailroom import metrics

    with app("worker").app_context():
        click.echo(metrics.exposition(), nl=False)
