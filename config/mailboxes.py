"""The mailboxes that letters are fetched from: where each is, how to sign in, and where to begin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, cast

from config.reading import TableError, read_toml

Security = Literal["tls", "starttls", "none"]
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_KNOWN = {
    "name", "host", "port", "security", "user", "password_file", "token_command", "folder", "done_folder",
    "since", "address", "is_trusted", "certificate",
}  # fmt: skip


@dataclass(frozen=True)
class Mailbox:
    """One folder of one account by IMAP.

    ``since`` is a day, or None for what comes after the first look. Letters that are stored are moved
    to ``done_folder``. ``address`` is the inbox of ours for letters that name none of our token
    addresses; None: their own headers tell. ``is_trusted`` says that its server checks senders and
    takes away forged Authentication-Results. ``certificate`` is an authority of one's own, as PEM.
    """

    name: str
    host: str
    port: int
    security: Security
    user: str
    password_file: Path | None
    token_command: tuple[str, ...]
    folder: str
    done_folder: str
    since: date | None
    address: str | None
    is_trusted: bool
    certificate: Path | None


def read_mailboxes(path: Path) -> tuple[Mailbox, ...]:
    """Read and check a table of mailboxes; raise TableError with the place and the cure."""
    rows = read_toml(path).get("mailboxes", [])
    found = tuple(_mailbox(path.name, row) for row in rows)
    if not found:
        raise TableError(f"{path.name}: holds no [[mailboxes]]; add one, or unset INTAKE_MAILBOXES.")
    names = [mailbox.name for mailbox in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise TableError(f"{path.name}: name {twice.pop()!r} stands twice; give each mailbox its own.")
    return found


def _mailbox(file: str, row: dict[str, Any]) -> Mailbox:
    name = str(row.get("name", ""))
    if not _NAME.fullmatch(name):
        raise TableError(f"{file}: name {name!r} of a mailbox is not lower-case letters, digits and hyphens.")
    wrong = f"{file}: mailbox {name}:"
    if unknown := set(row) - _KNOWN:
        raise TableError(f"{wrong} {unknown.pop()!r} is nothing we know; take it away.")
    for needed in ("host", "user"):
        if not isinstance(row.get(needed), str) or not row[needed]:
            raise TableError(f"{wrong} {needed} is missing; add it.")
    security = row.get("security", "tls")
    if security not in ("tls", "starttls", "none"):
        raise TableError(f'{wrong} security is {security!r}; choose "tls", "starttls" or "none".')
    if security == "none" and row["host"] not in _LOOPBACK:
        raise TableError(f'{wrong} security "none" is for this machine alone; choose "tls".')
    if ("password_file" in row) == ("token_command" in row):
        raise TableError(f"{wrong} set password_file or token_command, one of them.")
    command = row.get("token_command", [])
    if not isinstance(command, list) or not all(isinstance(word, str) for word in command):
        raise TableError(f'{wrong} token_command is no list of words; write ["/path/to/program", "word"].')
    since = row.get("since", "now")
    if since != "now" and type(since) is not date:
        raise TableError(f'{wrong} since is {since!r}; write "now" or a day such as 2026-01-31.')
    port = row.get("port", 993 if security == "tls" else 143)
    if type(port) is not int or not 0 < port < 65536:
        raise TableError(f"{wrong} port is {port!r}; give a whole number from 1 to 65535.")
    return Mailbox(
        name=name,
        host=row["host"],
        port=port,
        security=cast(Security, security),
        user=row["user"],
        password_file=_path(row, "password_file"),
        token_command=tuple(command),
        folder=row.get("folder", "INBOX"),
        done_folder=row.get("done_folder", "Intake"),
        since=None if since == "now" else since,
        address=row["address"].lower() if "address" in row else None,
        is_trusted=row.get("is_trusted", False) is True,
        certificate=_path(row, "certificate"),
    )


def _path(row: dict[str, Any], name: str) -> Path | None:
    return Path(row[name]).expanduser() if name in row else None
