"""The mailboxes that letters are fetched from: where each is, how to sign in, and where to begin."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, NoReturn, cast

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


def read_mailboxes(path: Path, domains: Collection[str]) -> tuple[Mailbox, ...]:
    """Read and check a table of mailboxes; raise TableError with the place and the cure.

    ``domains`` are the authority's own, in which the mailboxes' addresses lie. Files are named from the
    table's folder.
    """
    table = read_toml(path)
    rows = table.get("mailboxes")
    if not isinstance(rows, list) or not rows or set(table) != {"mailboxes"}:
        raise TableError(f"{path.name}: holds something else than [[mailboxes]]; write each under that.")
    found = tuple(_Row(path, row).mailbox(domains) for row in rows)
    _require_unlike(path.name, "name", [mailbox.name for mailbox in found])
    places = [f"{mailbox.folder} of {mailbox.user} at {mailbox.host}" for mailbox in found]
    _require_unlike(path.name, "folder", places)
    return found


def _require_unlike(file: str, what: str, values: list[str]) -> None:
    if twice := {value for value in values if values.count(value) > 1}:
        raise TableError(f"{file}: {what} {twice.pop()!r} stands twice; let each mailbox have its own.")


@dataclass(frozen=True)
class _Row:
    """Reads one mailbox, with its name in every complaint."""

    path: Path
    row: dict[str, Any]

    def mailbox(self, domains: Collection[str]) -> Mailbox:
        name = self.row.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            self.complain(f"name {name!r} is not lower-case letters, digits and hyphens")
        if unknown := set(self.row) - _KNOWN:
            self.complain(f"{unknown.pop()!r} is nothing we know; take it away")
        security = self.security()
        folder, done_folder = self.folder("folder", "INBOX"), self.folder("done_folder", "Intake")
        if folder == done_folder:
            self.complain("folder and done_folder are the same; let what is stored go elsewhere")
        if ("password_file" in self.row) == ("token_command" in self.row):
            self.complain("set password_file or token_command, one of them")
        return Mailbox(
            name=name,
            host=self.text("host"),
            port=self.port(993 if security == "tls" else 143),
            security=security,
            user=self.text("user"),
            password_file=self.file("password_file"),
            token_command=self.command(),
            folder=folder,
            done_folder=done_folder,
            since=self.since(),
            address=self.address(domains),
            is_trusted=self.is_trusted(),
            certificate=self.file("certificate"),
        )

    def complain(self, words: str) -> NoReturn:
        raise TableError(f"{self.path.name}: mailbox {self.row.get('name', '')}: {words}.")

    def text(self, name: str, default: str | None = None) -> str:
        value = self.row.get(name, default)
        if not isinstance(value, str) or not value or not value.isprintable():
            self.complain(f"{name} is missing or no words; write it between quotation marks")
        return value

    def security(self) -> Security:
        value = self.row.get("security", "tls")
        if value not in ("tls", "starttls", "none"):
            self.complain(f'security is {value!r}; choose "tls", "starttls" or "none"')
        if value == "none" and self.text("host") not in _LOOPBACK:
            self.complain('security "none" is for this machine alone; choose "tls"')
        return cast(Security, value)

    def port(self, default: int) -> int:
        value = self.row.get("port", default)
        if type(value) is not int or not 0 < value < 65536:
            self.complain(f"port is {value!r}; give a whole number from 1 to 65535")
        return value

    def folder(self, name: str, default: str) -> str:
        value = self.text(name, default)
        if set(value) & set("*%"):
            self.complain(f"{name} holds * or %, which stand for many folders; name one")
        return value

    def file(self, name: str) -> Path | None:
        if name not in self.row:
            return None
        # Whether it is there is for the process that fetches: others read this table too.
        return (self.path.parent / Path(self.text(name)).expanduser()).resolve()

    def command(self) -> tuple[str, ...]:
        words = self.row.get("token_command", [])
        is_command = isinstance(words, list) and all(isinstance(word, str) for word in words)
        if not is_command or ("token_command" in self.row and not words):
            self.complain('token_command is no list of words; write ["/path/to/program", "word"]')
        return tuple(words)

    def since(self) -> date | None:
        value = self.row.get("since", "now")
        if value == "now":
            return None
        if type(value) is not date:
            self.complain(f'since is {value!r}; write "now" or a day such as 2026-01-31')
        return value

    def address(self, domains: Collection[str]) -> str | None:
        if "address" not in self.row:
            return None
        value = self.text("address").lower()
        if value.rpartition("@")[2] not in domains:
            self.complain(f"address {value} is in none of mail.domains of authority.toml; use one that is")
        return value

    def is_trusted(self) -> bool:
        value = self.row.get("is_trusted", False)
        if not isinstance(value, bool):
            self.complain("is_trusted is neither true nor false")
        return value
