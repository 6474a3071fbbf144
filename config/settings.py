"""Settings: one frozen value, read once from a mapping and checked before anything starts.

Only this module and the entry points read ``os.environ``. Every setting stands in
``docs/running.md``; a test keeps it so.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import unquote, urlsplit

from config.mailboxes import Mailbox, read_mailboxes
from config.reading import TableError
from config.tables import Tables, read_tables

Surface = Literal["citizen", "handler", "all"]
Network = IPv4Network | IPv6Network
DatabaseRole = Literal["owner", "citizen", "handler", "door", "worker"]

KNOWN = (
    "INTAKE_VAR", "INTAKE_CITIZEN_PORT", "INTAKE_HANDLER_PORT", "INTAKE_MAIL_PORT", "INTAKE_BIND",
    "INTAKE_MAIL_BIND", "INTAKE_LOW_DISK_BYTES", "INTAKE_CONFIG",
    "INTAKE_DRAFT_LANGUAGES", "INTAKE_FLOOD_REQUESTS", "INTAKE_UNDO_SECONDS",
    "SURFACE", "PUBLIC_URL", "HANDLER_URL", "TRUSTED_PROXIES",
    "DATABASE_URL", "DATABASE_URL_OWNER", "DATABASE_URL_CITIZEN", "DATABASE_URL_HANDLER",
    "DATABASE_URL_DOOR", "DATABASE_URL_WORKER", "REDIS_URL",
    "SECRET_KEY_CITIZEN", "SECRET_KEY_HANDLER", "ADDRESS_KEY",
    "MAIL_SERVER", "MAIL_PORT", "MAIL_USERNAME", "MAIL_PASSWORD", "MAIL_USE_TLS",
    "MAIL_TRUSTED_RELAYS", "MAIL_AUTHSERV_ID", "MAIL_TLS_CERTIFICATE", "MAIL_TLS_KEY",
    "MAIL_DKIM_KEY", "MAIL_DKIM_SELECTOR",
    "INTAKE_MAILBOXES", "INTAKE_MAIL_SILENCE_MINUTES", "INTAKE_MAIL_WAIT_MINUTES",
    "OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_ACR", "OIDC_NAME",
    "SCANNER", "CLAMD_SOCKET",
    "STORAGE_URL", "S3_ENDPOINT", "S3_REGION", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY",
    "S3_ENCRYPTION", "S3_KMS_KEY",
)  # fmt: skip


# What a setting was called before, so that nobody wonders why it no longer does anything.
RENAMED = {"TRUSTED_PROXY": "TRUSTED_PROXIES"}
# A provider of sign-ins may be asked without TLS only here.
LOOPBACK = ("127.0.0.1", "::1", "localhost")

_SELECTOR = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")
_BUCKET = re.compile(
    r"s3://(?P<name>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(/(?P<prefix>[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*))?/?"
)


class SettingsError(ValueError):
    """Name the setting that is wrong, and the cure; the start stops."""

    def __init__(self, name: str, cure: str) -> None:
        super().__init__(f"{name}: {cure}")
        self.name = name
        self.cure = cure


@dataclass(frozen=True)
class Bucket:
    """A place in S3: a bucket, and the prefix of all our objects in it, "" or ending with a slash.

    What is None is found as boto3 does: in the variables AWS_*, a profile, or the machine's own role.
    """

    name: str
    prefix: str
    endpoint: str | None = None
    region: str | None = None
    key_id: str | None = None
    secret: str | None = field(default=None, repr=False)
    encryption: Literal["aes256", "kms", "bucket"] = "aes256"
    kms_key: str | None = None


@dataclass(frozen=True)
class SignInProvider:
    """The organisation's OpenID provider, who signs handlers in, and what we are called there.

    ``issuer`` is to the letter as the provider writes it. One of ``acr`` must stand in what it says of a
    sign-in, when there are any. ``name`` is what people call it.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    acr: tuple[str, ...]
    name: str


@dataclass(frozen=True)
class Settings:
    """What an operator sets. Paths are absolute, sizes in bytes, URLs without trailing slash.

    ``flood_requests`` is how often one network may ask one web process within ten seconds, 0 for
    as often as it likes. ``undo_seconds`` is how long what a handler has sent waits and can be taken
    back, 0 for not at all. ``database_url`` is a login that may create roles; the four others are what
    the roles use. None means: the embedded engine under ``var``. What ``mail_trusted_relays`` and
    ``mail_authserv_ids`` say together is believed about a letter's sender. ``mail_silence_minutes`` is
    how long no letter may come before that is an alarm, 0 for never. Files are in ``bucket``, else in
    ``storage_folder``; with neither they are under ``var``. Of ``secret_keys`` and ``address_keys`` the
    first makes what is new, and all of them know what they once made.
    """

    var: Path
    tables: Tables
    surface: Surface
    draft_languages: bool
    flood_requests: int
    undo_seconds: int
    citizen_port: int
    handler_port: int
    mail_port: int
    bind: str
    mail_bind: str
    low_disk_bytes: int | None
    public_url: str
    handler_url: str
    trusted_proxies: tuple[Network, ...]
    database_url: str | None = field(repr=False)
    database_urls: Mapping[DatabaseRole, str] = field(repr=False)
    redis_url: str | None = field(repr=False)
    secret_keys: Mapping[Literal["citizen", "handler"], tuple[str, ...]] = field(repr=False)
    address_keys: tuple[bytes, ...] = field(repr=False)
    mail_server: str | None
    mail_port_out: int
    mail_username: str | None
    mail_password: str | None = field(repr=False)
    mail_use_tls: bool
    mail_trusted_relays: tuple[Network, ...]
    mail_authserv_ids: tuple[str, ...]
    mail_tls_certificate: Path | None
    mail_tls_key: Path | None
    mail_dkim_key: Path | None
    mail_dkim_selector: str | None
    mailboxes: tuple[Mailbox, ...]
    mail_silence_minutes: int
    mail_wait_minutes: int
    sign_in_provider: SignInProvider | None
    scanner: Literal["none", "clamd"]
    clamd_socket: Path
    storage_folder: Path | None
    bucket: Bucket | None

    @property
    def address_key(self) -> bytes:
        """The newest of ``address_keys``, by which marks and counters are made; empty when there is none."""
        return self.address_keys[0] if self.address_keys else b""

    @classmethod
    def from_mapping(cls, values: Mapping[str, str]) -> Settings:
        """Read and check all settings; raise SettingsError with the setting's name and a cure."""
        read = _Reader(values)
        read.refuse_old_names()
        tables = read.tables()
        citizen_port = read.port("INTAKE_CITIZEN_PORT", 8080)
        handler_port = read.port("INTAKE_HANDLER_PORT", 8081)
        mail_port = read.port("INTAKE_MAIL_PORT", 8025)
        if len({citizen_port, handler_port, mail_port}) < 3:
            raise SettingsError(
                "INTAKE_CITIZEN_PORT, INTAKE_HANDLER_PORT, INTAKE_MAIL_PORT",
                "two of them are the same; give each its own port.",
            )
        return cls(
            var=Path(read.text("INTAKE_VAR", "var")).expanduser().resolve(),
            tables=tables,
            surface=cast(Surface, read.choice("SURFACE", "all", ("citizen", "handler", "all"))),
            draft_languages=read.choice("INTAKE_DRAFT_LANGUAGES", "no", ("yes", "no")) == "yes",
            flood_requests=read.number("INTAKE_FLOOD_REQUESTS", 600),
            undo_seconds=read.number("INTAKE_UNDO_SECONDS", 15),
            citizen_port=citizen_port,
            handler_port=handler_port,
            mail_port=mail_port,
            bind=read.text("INTAKE_BIND", "127.0.0.1"),
            mail_bind=read.text("INTAKE_MAIL_BIND", "127.0.0.1"),
            low_disk_bytes=read.optional_number("INTAKE_LOW_DISK_BYTES"),
            public_url=read.url("PUBLIC_URL", f"http://127.0.0.1:{citizen_port}", ("http", "https")),
            handler_url=read.url("HANDLER_URL", f"http://127.0.0.1:{handler_port}", ("http", "https")),
            trusted_proxies=read.proxies("TRUSTED_PROXIES"),
            database_url=read.optional_url("DATABASE_URL", ("postgresql", "postgres", "postgresql+psycopg")),
            database_urls=read.database_urls(),
            redis_url=read.optional_url("REDIS_URL", ("redis", "rediss", "unix")),
            secret_keys=read.secret_keys(),
            address_keys=tuple(key.encode() for key in read.secrets("ADDRESS_KEY")),
            mail_server=read.text("MAIL_SERVER", "") or None,
            mail_port_out=read.port("MAIL_PORT", 25),
            mail_username=read.text("MAIL_USERNAME", "") or None,
            mail_password=read.text("MAIL_PASSWORD", "") or None,
            mail_use_tls=read.choice("MAIL_USE_TLS", "no", ("yes", "no")) == "yes",
            mail_trusted_relays=read.networks("MAIL_TRUSTED_RELAYS"),
            mail_authserv_ids=read.words("MAIL_AUTHSERV_ID") or tables.authority.mail_domains,
            **read.pair_of_files("MAIL_TLS_CERTIFICATE", "MAIL_TLS_KEY"),
            mail_dkim_key=read.optional_file("MAIL_DKIM_KEY"),
            mail_dkim_selector=read.selector("MAIL_DKIM_SELECTOR"),
            mailboxes=read.mailboxes(tables.authority.mail_domains),
            mail_silence_minutes=read.number("INTAKE_MAIL_SILENCE_MINUTES", 0),
            mail_wait_minutes=read.number("INTAKE_MAIL_WAIT_MINUTES", 10),
            sign_in_provider=read.sign_in_provider("OIDC_ISSUER"),
            scanner=cast(Literal["none", "clamd"], read.choice("SCANNER", "none", ("none", "clamd"))),
            clamd_socket=Path(read.text("CLAMD_SOCKET", "/run/clamav/clamd.ctl")),
            storage_folder=read.storage_folder("STORAGE_URL"),
            bucket=read.bucket("STORAGE_URL"),
        )


@dataclass(frozen=True)
class _Reader:
    """Reads single values out of a mapping, with the setting's name in every complaint."""

    values: Mapping[str, str]

    def refuse_old_names(self) -> None:
        for old, new in RENAMED.items():
            if self.text(old, ""):
                raise SettingsError(old, f"is now called {new}; set that instead, and take {old} away.")

    def text(self, name: str, default: str) -> str:
        return self.values.get(name, "").strip() or default

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name, default).lower()
        if value not in allowed:
            raise SettingsError(name, f"is {value!r}; set it to one of {', '.join(allowed)}.")
        return value

    def number(self, name: str, default: int) -> int:
        found = self.optional_number(name)
        return default if found is None else found

    def optional_number(self, name: str) -> int | None:
        value = self.text(name, "")
        if not value:
            return None
        if not value.isdigit():
            raise SettingsError(name, f"is {value!r}; give a whole number, without unit.")
        return int(value)

    def port(self, name: str, default: int) -> int:
        value = self.text(name, str(default))
        if not value.isdigit() or not 0 < int(value) < 65536:
            raise SettingsError(name, f"is {value!r}; give a port from 1 to 65535.")
        return int(value)

    def optional_url(self, name: str, schemes: tuple[str, ...]) -> str | None:
        value = self.text(name, "")
        return self._checked_url(name, value, schemes) if value else None

    def url(self, name: str, default: str, schemes: tuple[str, ...]) -> str:
        value = self._checked_url(name, self.text(name, default), schemes).rstrip("/")
        if not urlsplit(value).hostname:
            raise SettingsError(name, "names no host; write it as https://kontakt.example.se.")
        return value

    def _checked_url(self, name: str, value: str, schemes: tuple[str, ...]) -> str:
        # The value may hold a password, so only its scheme is ever shown.
        try:
            scheme = urlsplit(value).scheme
        except ValueError as error:
            raise SettingsError(name, "is no address; look at its brackets and signs.") from error
        if not scheme:
            raise SettingsError(name, f"is not a whole address; begin it with {schemes[-1]}://.")
        if scheme not in schemes:
            raise SettingsError(name, f"begins with {scheme!r}; begin it with {schemes[0]}://.")
        return value

    def words(self, name: str) -> tuple[str, ...]:
        return tuple(word.lower() for word in self.text(name, "").replace(",", " ").split())

    def networks(self, name: str) -> tuple[Network, ...]:
        try:
            return tuple(ip_network(word) for word in self.words(name))
        except ValueError as error:
            raise SettingsError(name, f"{error}; give addresses or networks, such as 10.0.0.5.") from None

    def proxies(self, name: str) -> tuple[Network, ...]:
        found = self.networks(name)
        if any(network.prefixlen == 0 for network in found):
            raise SettingsError(name, "trusts every address; name the proxies' own, such as 10.0.0.5.")
        return found

    def optional_file(self, name: str) -> Path | None:
        value = self.text(name, "")
        if not value:
            return None
        path = Path(value).expanduser().resolve()
        if not path.is_file():
            raise SettingsError(name, f"{path} is no file; name one that the service's user may read.")
        return path

    def pair_of_files(self, *names: str) -> dict[str, Any]:
        found = {name.lower(): self.optional_file(name) for name in names}
        if len({path is None for path in found.values()}) > 1:
            raise SettingsError(" and ".join(names), "only one of them is set; they belong together.")
        return found

    def selector(self, name: str) -> str | None:
        value = self.text(name, "") or None
        if (value is None) != (not self.text("MAIL_DKIM_KEY", "")):
            raise SettingsError(f"MAIL_DKIM_KEY and {name}", "only one of them is set; they belong together.")
        if value and not _SELECTOR.fullmatch(value):
            raise SettingsError(name, f"is {value!r}; give letters, digits, hyphens and dots.")
        return value

    def mailboxes(self, domains: tuple[str, ...]) -> tuple[Mailbox, ...]:
        path = self.optional_file("INTAKE_MAILBOXES")
        try:
            return read_mailboxes(path, domains) if path else ()
        except TableError as error:
            raise SettingsError("INTAKE_MAILBOXES", str(error)) from error

    def storage_folder(self, name: str) -> Path | None:
        value = self.optional_url(name, ("s3", "file"))
        if value is None or value.startswith("s3:"):
            return None
        parts = urlsplit(value)
        if parts.netloc or not parts.path.startswith("/"):
            raise SettingsError(
                name, "is no folder; give its whole path after three slashes, file:///srv/files."
            )
        return Path(unquote(parts.path)).resolve()

    def bucket(self, name: str) -> Bucket | None:
        value = self.text(name, "")
        if not value.startswith("s3:"):
            return None
        found = _BUCKET.fullmatch(value)
        if found is None:
            raise SettingsError(name, "is no bucket; write it as s3://bucket/prefix, without anything more.")
        encryption = self.choice("S3_ENCRYPTION", "aes256", ("aes256", "kms", "bucket"))
        if self.text("S3_KMS_KEY", "") and encryption != "kms":
            raise SettingsError("S3_KMS_KEY", "is used only with S3_ENCRYPTION=kms; set that too.")
        return Bucket(
            name=found["name"],
            prefix=f"{found['prefix']}/" if found["prefix"] else "",
            endpoint=self.optional_url("S3_ENDPOINT", ("https", "http")),
            region=self.text("S3_REGION", "") or None,
            encryption=cast(Literal["aes256", "kms", "bucket"], encryption),
            kms_key=self.text("S3_KMS_KEY", "") or None,
            **self._keys_of_bucket("S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"),
        )

    def _keys_of_bucket(self, key_id: str, secret: str) -> dict[str, str | None]:
        found = {"key_id": self.text(key_id, "") or None, "secret": self.text(secret, "") or None}
        if (found["key_id"] is None) != (found["secret"] is None):
            raise SettingsError(f"{key_id} and {secret}", "only one of them is set; they belong together.")
        return found

    def sign_in_provider(self, name: str) -> SignInProvider | None:
        needed = {key: self.text(key, "") for key in (name, "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")}
        issuer, client_id, secret = needed.values()
        if not any(needed.values()):
            return None
        if missing := [key for key, value in needed.items() if not value]:
            raise SettingsError(" and ".join(missing), f"not set; {', '.join(needed)} belong together.")
        parts = urlsplit(self._checked_url(name, issuer, ("https", "http")))
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise SettingsError(name, "begin it with https://; http is for a provider on this machine alone.")
        if not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
            raise SettingsError(name, "is no issuer; write it as the provider does, host and path alone.")
        acr = tuple(self.text("OIDC_ACR", "").split())
        return SignInProvider(issuer, client_id, secret, acr, self.text("OIDC_NAME", "organisationens konto"))

    def database_urls(self) -> dict[DatabaseRole, str]:
        roles: tuple[DatabaseRole, ...] = ("owner", "citizen", "handler", "door", "worker")
        schemes = ("postgresql", "postgres", "postgresql+psycopg")
        found = {role: self.optional_url(f"DATABASE_URL_{role.upper()}", schemes) for role in roles}
        return {role: url for role, url in found.items() if url}

    def secrets(self, name: str) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(self.text(name, "").split()))
        if any(len(key) < 32 for key in found):
            cure = "make one with `openssl rand -hex 32`; a blank stands between two keys, the newest first."
            raise SettingsError(name, f"holds a key under 32 characters; {cure}")
        return found

    def secret_keys(self) -> dict[Literal["citizen", "handler"], tuple[str, ...]]:
        surfaces: tuple[Literal["citizen", "handler"], ...] = ("citizen", "handler")
        return {surface: self.secrets(f"SECRET_KEY_{surface.upper()}") for surface in surfaces}

    def tables(self) -> Tables:
        folder = self.text("INTAKE_CONFIG", "")
        try:
            return read_tables(Path(folder)) if folder else read_tables()
        except TableError as error:
            raise SettingsError("INTAKE_CONFIG", str(error)) from error


def from_environment() -> Settings:
    """Read the settings of this process."""
    return Settings.from_mapping(os.environ)
